//! What time does to conversations: one that nobody goes on with is solved, one that stays solved is closed.
//!
//! What people do to them is `desk` and `receive`: a customer who writes again reopens a solved conversation.

use super::proposals::{End, end};
use super::{Refusal, Tenant};
use crate::domain::event::{EndReason, Role};
use crate::domain::record::{Actor, ConversationState};
use crate::limits::OVERDUE_CONVERSATIONS_MAX;
use crate::ports::RecordError;
use crate::units::{MICROS_PER_SECOND, SERVER_ACTOR, Timestamp};

/// How long conversations may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Seconds without a word after which a conversation that an agent holds is solved.
    pub idle_s: u32,
    /// Seconds within which a customer reopens a solved one by writing again; then it is closed.
    pub solved_s: u32,
}

impl Default for Rest {
    fn default() -> Self {
        Self { idle_s: 24 * 3_600, solved_s: 48 * 3_600 }
    }
}

impl Tenant {
    /// Ends what has rested for too long. Returns how many conversations that were; more may be left.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read or recorded at present.
    pub async fn end_overdue(&self, rest: Rest) -> Result<usize, Refusal> {
        let solved = self.overdue(ConversationState::Assigned, rest.idle_s, End::Solve).await?;
        let closed = self.overdue(ConversationState::Solved, rest.solved_s, End::Close).await?;
        Ok(solved + closed)
    }

    async fn overdue(&self, state: ConversationState, after_s: u32, how: End) -> Result<usize, Refusal> {
        let server = Actor { id: SERVER_ACTOR, role: Role::Server };
        let now = self.ports.clock.now().as_micros();
        let since = Timestamp::from_micros(now - i64::from(after_s) * MICROS_PER_SECOND);
        let rows = self.ports.store.overdue(state, since, OVERDUE_CONVERSATIONS_MAX).await?;
        let mut ended = 0;
        for row in rows {
            let holder = self.holder(&row).await?;
            match self.record(end(server, &row, holder.as_ref(), (how, EndReason::Time))).await {
                Ok(_) => ended += 1,
                // Somebody said something or ended it meanwhile.
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ended)
    }
}
