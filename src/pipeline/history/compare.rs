//! A draft held against the policy in force, over a part of the log.

use std::collections::HashMap;
use std::sync::Arc;

use super::report::MaskingReport;
use super::{Page, Text, is_forgotten};
use crate::domain::history::Rivals;
use crate::domain::masking::Policy;
use crate::pipeline::in_force::TrialTokens;
use crate::pipeline::ledger::aside;
use crate::pipeline::{Refusal, Tenant};
use crate::units::{ConversationId, EntryIndex, SubjectId, Timestamp};

/// How far a comparison is, and what came of it so far.
pub(super) struct Comparison {
    active: Arc<Policy>,
    draft: Arc<Policy>,
    /// Public values of the draft that are not tried on what was said: [`Policy::without_further_allowed`].
    pub(super) untried: usize,
    tokens: TrialTokens,
    only: Option<ConversationId>,
    /// The next entry to look at.
    pub(super) cursor: EntryIndex,
    people: HashMap<SubjectId, (Rivals, Timestamp)>,
    pub(super) report: MaskingReport,
}

impl Comparison {
    pub(super) fn new(
        (active, draft): (Arc<Policy>, Policy),
        tokens: TrialTokens,
        cursor: EntryIndex,
        only: Option<ConversationId>,
    ) -> Self {
        let (draft, untried) = draft.without_further_allowed(&active);
        let (people, report, draft) = (HashMap::new(), MaskingReport::default(), Arc::new(draft));
        Self { active, draft, untried, tokens, only, cursor, people, report }
    }

    /// Whether it is held against this policy.
    pub(super) fn is_against(&self, policy: &Policy) -> bool {
        self.active.digest() == policy.digest()
    }

    /// Looks at the next entries before `until`.
    pub(super) async fn go_on(mut self, tenant: &Tenant, until: EntryIndex) -> Result<Self, Refusal> {
        let Page { places, next, time } = tenant.page((self.cursor, until), self.only).await?;
        let places: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
        let texts = tenant.texts_at(&places).await?;
        self.report.left_out += (places.len() - texts.len()) as u64;
        // Masking takes a processor, which is lent by those who wait for the disk.
        let mut done = aside(move || {
            for text in &texts {
                self.look_at(text);
            }
            self
        })
        .await?;
        done.cursor = next;
        if let Some(now) = time {
            done.people.retain(|_, (_, last)| !is_forgotten(*last, now));
        }
        Ok(done)
    }

    fn look_at(&mut self, text: &Text) {
        let Self { active, draft, tokens, people, report, .. } = self;
        let fresh = || (Rivals::new(Arc::clone(active), Arc::clone(draft)), text.held.row.time);
        let (rivals, last) = people.entry(text.held.subject).or_insert_with(fresh);
        *last = text.held.row.time;
        match text.sealer.as_ref().map(|sealer| rivals.contrast(&text.stored(), &**sealer, tokens)) {
            Some(Ok(contrast)) => report.take(&text.held, contrast),
            // Erased, or changed behind the server, which the self-audit finds.
            Some(Err(_)) | None => report.left_out += 1,
        }
    }
}
