//! Matching without seeing (核对): whether what a customer says is the value behind a mask. The answer is an entry before
//! anybody hears it; neither the value nor what was typed is shown, logged or kept, and nobody may try often.

use subtle::ConstantTimeEq;

use super::proposals::about;
use super::{Refusal, Staff, Tenant};
use crate::domain::event::{Event, SpanPlace, UnmaskEvent};
use crate::domain::masking::comparable;
use crate::domain::message::RawText;
use crate::domain::record::{Draft, Proposal};
use crate::limits::{
    MATCH_AGENT_FORGET_S, MATCH_AGENT_TRIES_MAX, MATCH_SPAN_FORGET_S, MATCH_SPAN_TRIES_MAX, MATCH_TEXT_BYTES_MAX,
};
use crate::units::ConversationId;

impl Tenant {
    /// Compares a masked value with what somebody says, whatever its disguise; whether both are the same.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when somebody else holds the conversation; [`Refusal::TooOften`] after too many tries, of this
    /// person or at this value; [`Refusal::NotReversible`] when the value is stored nowhere.
    pub async fn match_value(
        &self,
        staff: &Staff,
        conversation: ConversationId,
        place: SpanPlace,
        said: RawText,
    ) -> Result<bool, Refusal> {
        let row = self.visible(staff, conversation).await?;
        if !(1..=MATCH_TEXT_BYTES_MAX).contains(&said.len()) {
            return Err(Refusal::Invalid { field: "said", expected: "1 to 256 bytes" });
        }
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let behind = self.behind(&row, place).await?;
        // Counted before anything is compared: neither haste nor a colleague's help gives more tries.
        let by_staff = [b"match/".as_slice(), &staff.account.0.0].concat();
        self.within(&by_staff, (MATCH_AGENT_TRIES_MAX, MATCH_AGENT_FORGET_S)).await?;
        let at_span = [b"match/".as_slice(), &place.message.0.0, &place.span.to_be_bytes()].concat();
        self.within(&at_span, (MATCH_SPAN_TRIES_MAX, MATCH_SPAN_FORGET_S)).await?;
        let value = self.value(&behind).await?;
        let entity = behind.hidden.entity;
        let form = |text: &RawText| comparable(&policy, entity, text.expose());
        let value = form(&value).ok_or(Refusal::NotReversible)?;
        let same = form(&said).is_some_and(|said| bool::from(value.ct_eq(&said)));
        let event = Event::Unmask(UnmaskEvent::Matched { place, entity, same });
        let draft = about(Draft::of(event, staff.actor()), &row);
        self.record(Proposal::single(draft, Vec::new())).await?;
        Ok(same)
    }
}
