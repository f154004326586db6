//! Drafts: masking policies that officers are writing, kept for all of a tenant's officers, so that another browser goes on.
//!
//! A draft is no policy: it may be broken, and nothing acts by it. Name and text are sealed; each version is recorded, and no
//! version is overwritten unseen.

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{Activation, Event, HistoryEvent};
use crate::domain::message::Part;
use crate::domain::record::{Draft as EntryDraft, DraftChange, Effect, Proposal};
use crate::limits::{DRAFT_BYTES_MAX, DRAFT_NAME_BYTES_MAX, DRAFTS_MAX};
use crate::ports::{DraftRow, random_bytes};
use crate::units::{AccountId, DraftId, MessageId, Timestamp, Version};

const NAME_EXPECTED: &str = "1 to 128 bytes without control characters";
const SOURCE_EXPECTED: &str = "at most 262144 bytes";
const DRAFTS_EXPECTED: &str = "at most 50: take one away";
const DRAFT: Refusal = Refusal::NotFound { what: "draft" };

/// A draft as officers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDraft {
    /// Its id.
    pub id: DraftId,
    /// What it is found by.
    pub name: String,
    /// The policy file as far as it is written.
    pub source: String,
    /// Its version.
    pub version: Version,
    /// Who wrote it last.
    pub by: AccountId,
    /// When.
    pub time: Timestamp,
}

impl Tenant {
    /// Every draft, those written last first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn policy_drafts(&self, staff: &Staff) -> Result<Vec<PolicyDraft>, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let rows = self.draft_rows().await?;
        rows.into_iter().map(|row| self.opened_draft(row)).collect()
    }

    /// One draft.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`].
    pub async fn policy_draft(&self, staff: &Staff, id: DraftId) -> Result<PolicyDraft, Refusal> {
        self.policy_drafts(staff).await?.into_iter().find(|draft| draft.id == id).ok_or(DRAFT)
    }

    /// Keeps a draft: a new one, or the next version of the one that `of` names with the version that it was read at.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when it is at another version, [`Refusal::NotFound`] when there is none, [`Refusal::Invalid`] when
    /// name or text are out of bounds or too many are kept.
    pub async fn save_draft(
        &self,
        staff: &Staff,
        of: Option<(DraftId, Version)>,
        (name, source): (&str, &str),
    ) -> Result<PolicyDraft, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let bad = |field, expected| Refusal::Invalid { field, expected };
        let is_name = (1..=DRAFT_NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
        if !is_name || name.trim().is_empty() {
            return Err(bad("name", NAME_EXPECTED));
        }
        if source.len() > DRAFT_BYTES_MAX {
            return Err(bad("source", SOURCE_EXPECTED));
        }
        let rows = self.draft_rows().await?;
        let expected = match of {
            None if rows.len() >= DRAFTS_MAX => return Err(bad("drafts", DRAFTS_EXPECTED)),
            None => None,
            Some((id, version)) => {
                let row = rows.iter().find(|row| row.id == id).ok_or(DRAFT)?;
                if row.version != version {
                    return Err(Refusal::Conflict);
                }
                Some(version)
            }
        };
        let id = of.map_or_else(|| DraftId::from_random(random_bytes(&*self.ports.random)), |(id, _)| id);
        let text = format!("{name}\n{source}");
        let content = self.ports.vault.house_sealer().seal(Part::Original, MessageId(id.0), text.as_bytes())?;
        let version = expected.map_or(Version::FIRST, Version::next);
        let event = HistoryEvent::DraftSaved { draft: id, version, source: Activation::text_digest(source) };
        self.record_draft(staff, event, DraftChange { id, expected, by: staff.account, content: Some(content) })
            .await?;
        self.policy_draft(staff, id).await
    }

    /// Takes a draft away; its text is kept nowhere then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none, [`Refusal::Conflict`] when it was written anew meanwhile.
    pub async fn remove_draft(&self, staff: &Staff, id: DraftId) -> Result<(), Refusal> {
        staff.may(Action::ProposePolicies)?;
        let row = self.draft_rows().await?.into_iter().find(|row| row.id == id).ok_or(DRAFT)?;
        let event = HistoryEvent::DraftRemoved { draft: id, version: row.version };
        let change = DraftChange { id, expected: Some(row.version), by: staff.account, content: None };
        self.record_draft(staff, event, change).await
    }

    async fn record_draft(&self, staff: &Staff, event: HistoryEvent, change: DraftChange) -> Result<(), Refusal> {
        let draft = EntryDraft::of(Event::History(event), staff.actor());
        self.record(Proposal::single(draft, vec![Effect::Draft(change)])).await?;
        Ok(())
    }

    async fn draft_rows(&self) -> Result<Vec<DraftRow>, Refusal> {
        Ok(self.ports.history.drafts(u32::try_from(DRAFTS_MAX).unwrap_or(u32::MAX)).await?)
    }

    fn opened_draft(&self, row: DraftRow) -> Result<PolicyDraft, Refusal> {
        let DraftRow { id, version, by, time, content } = row;
        let opened = self.ports.vault.house_sealer().open(Part::Original, MessageId(id.0), &content)?;
        let text = String::from_utf8_lossy(&opened);
        let (name, source) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(PolicyDraft { id, name: name.to_owned(), source: source.to_owned(), version, by, time })
    }
}
