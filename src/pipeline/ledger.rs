//! The ledger as those see it who verify: entries in the very bytes that were hashed, and proofs of them.
//!
//! Nothing is given out as recorded that isn't: an entry must carry its own index, be what the entry after it links to, and a
//! proof must hold by the auditor's own verifier before it leaves. It renders nothing and knows no view.

use std::sync::Arc;
use std::time::Duration;

use lww_audit::entry::kinds;
use lww_audit::merkle::leaf_hash;
use lww_audit::{Entry, Kind, Receipt, entry};
use serde::Deserialize;

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::limits::{BATCH_ENTRIES_MAX, LEDGER_SCAN_ENTRIES_MAX, PAGE_ITEMS_MAX, PUBLICATION_LOOK_MS};
use crate::ports::EntriesError;
use crate::units::{AccountId, ConversationId, EntryIndex, Hash, Id128, TreeSize};

/// Entries that are read at a time while a filter looks for some.
const READ_ENTRIES: u64 = BATCH_ENTRIES_MAX as u64;

/// One entry as it was recorded.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// Its index.
    pub index: EntryIndex,
    /// Its leaf hash: SHA-256 over a zero byte and the text.
    pub leaf: Hash,
    /// Its canonical JSON, byte for byte.
    pub text: String,
    /// What its kind means, if the kind is a known one.
    pub about: Option<&'static str>,
}

/// Where to read, and which way.
#[derive(Clone, Copy, Debug)]
pub enum LedgerCursor {
    /// Newest first, from the entry before this one; from the newest of all without one.
    Before(Option<EntryIndex>),
    /// Oldest first, from the entry after this one.
    After(EntryIndex),
}

/// Which entries to give.
#[derive(Clone, Debug, Default)]
pub struct LedgerFilter {
    /// A kind, or its beginning up to a dot or a slash.
    pub kind: Option<String>,
    /// Only those about this conversation.
    pub conversation: Option<ConversationId>,
    /// Only what this account or person did.
    pub actor: Option<AccountId>,
}

/// A page of entries.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    /// In the cursor's order.
    pub entries: Vec<LedgerEntry>,
    /// Where to go on: before this entry, or after it. `None` when the first entry was looked at.
    pub next: Option<EntryIndex>,
    /// Number of entries that the newest signed head covers.
    pub size: TreeSize,
}

/// What filters and links need of an entry.
#[derive(Deserialize)]
struct Facts {
    seq: EntryIndex,
    prev: Hash,
    kind: Kind,
    actor: entry::Actor,
    conversation: Option<Id128>,
}

/// An entry and its facts.
struct Read {
    entry: LedgerEntry,
    facts: Facts,
}

impl LedgerFilter {
    fn takes(&self, facts: &Facts) -> bool {
        let Self { kind, conversation, actor } = self;
        kind.as_ref().is_none_or(|wanted| begins(facts.kind.as_str(), wanted))
            && conversation.is_none_or(|wanted| facts.conversation == Some(wanted.0))
            && actor.is_none_or(|wanted| facts.actor.id == wanted.0)
    }

    /// How many entries to read at a time: a page when each is wanted.
    fn read_entries(&self, limit: usize) -> u64 {
        let takes_all = self.kind.is_none() && self.conversation.is_none() && self.actor.is_none();
        if takes_all { READ_ENTRIES.min(limit as u64) } else { READ_ENTRIES }
    }
}

/// Whether `kind` is `wanted`, or goes on from it after a dot or a slash.
fn begins(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
}

impl Tenant {
    /// A page of the ledger's entries. A filter looks at [`LEDGER_SCAN_ENTRIES_MAX`] entries at most and may find none
    /// there; `next` says where to go on.
    ///
    /// # Errors
    /// [`Refusal::Differs`] when a stored entry is not what was recorded; [`Refusal::Forbidden`].
    pub async fn ledger_page(
        &self,
        staff: &Staff,
        cursor: LedgerCursor,
        filter: &LedgerFilter,
        limit: u32,
    ) -> Result<LedgerPage, Refusal> {
        staff.may(Action::ReadLedger)?;
        let size = self.readable()?;
        let limit = limit.min(PAGE_ITEMS_MAX) as usize;
        match cursor {
            LedgerCursor::Before(before) => self.newest_first(size, before, filter, limit).await,
            LedgerCursor::After(after) => self.oldest_first(size, after, filter, limit).await,
        }
    }

    /// Waits until a signed head covers more than `size` entries, or this server stops to write the log.
    pub async fn ledger_beyond(&self, size: TreeSize) {
        let Some(mut heads) = self.ports.recorder.heads() else { return };
        // The writer is gone: the next look says so.
        let _gone = heads.wait_for(|head| head.as_ref().is_some_and(|head| head.size > size)).await.map(drop);
    }

    /// Waits until a published checkpoint covers an entry, as long as `go_on` has nothing against it.
    ///
    /// # Errors
    /// [`Refusal::NeverPublished`] after `wait_s` seconds; what `go_on` says.
    pub(super) async fn published_beyond(
        &self,
        until: EntryIndex,
        wait_s: u64,
        go_on: &(dyn Fn() -> Result<(), Refusal> + Sync),
    ) -> Result<(), Refusal> {
        for _ in 0..wait_s * 1_000 / PUBLICATION_LOOK_MS {
            go_on()?;
            let proofs = Arc::clone(&self.ports.proofs);
            if aside(move || proofs.published()).await?.is_some_and(|size| size.0 > until.0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(PUBLICATION_LOOK_MS)).await;
        }
        Err(Refusal::NeverPublished { waited_s: wait_s })
    }

    /// One entry; it is checked against the published tree when that covers it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] beyond the head, [`Refusal::Differs`], [`Refusal::Forbidden`].
    pub async fn ledger_entry(&self, staff: &Staff, index: EntryIndex) -> Result<LedgerEntry, Refusal> {
        staff.may(Action::ReadLedger)?;
        let entry = self.one_entry(index).await?;
        self.proof_of(&entry).await?;
        Ok(entry)
    }

    /// The proof of one entry, a `.tlog-proof` that holds the entry and opens none of its commitments.
    ///
    /// # Errors
    /// As [`Tenant::ledger_entry`]; [`Refusal::NotPublished`] while no published checkpoint covers the entry.
    pub async fn ledger_proof(&self, staff: &Staff, index: EntryIndex) -> Result<String, Refusal> {
        staff.may(Action::ReadLedger)?;
        let entry = self.one_entry(index).await?;
        self.proof_of(&entry).await?.ok_or(Refusal::NotPublished)
    }

    /// The consistency path between two sizes of the log (RFC 9162, section 2.1.4).
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when `from` is larger than `to`, [`Refusal::NotPublished`] while no published checkpoint covers
    /// `to` entries, [`Refusal::Forbidden`].
    pub async fn ledger_consistency(&self, staff: &Staff, from: TreeSize, to: TreeSize) -> Result<Vec<Hash>, Refusal> {
        staff.may(Action::ReadLedger)?;
        if from > to {
            return Err(Refusal::Invalid { field: "from", expected: "a size that is not larger than to" });
        }
        let proofs = Arc::clone(&self.ports.proofs);
        aside(move || proofs.consistency(from, to)).await?.ok_or(Refusal::NotPublished)
    }

    /// One entry as the log has it: of an entry that is published the proof was verified, of a newer one its link.
    pub(super) async fn proven_entry(&self, index: EntryIndex) -> Result<Entry, Refusal> {
        let entry = self.one_entry(index).await?;
        self.proof_of(&entry).await?;
        Entry::parse(entry.text.as_bytes()).map_err(|_| self.differs(index))
    }

    pub(super) fn readable(&self) -> Result<TreeSize, Refusal> {
        self.head().map(|head| head.size).ok_or(Refusal::Unavailable)
    }

    pub(super) async fn newest_first(
        &self,
        size: TreeSize,
        before: Option<EntryIndex>,
        filter: &LedgerFilter,
        limit: usize,
    ) -> Result<LedgerPage, Refusal> {
        let mut end = before.map_or(size.0, |before| before.0.min(size.0));
        let floor = end.saturating_sub(LEDGER_SCAN_ENTRIES_MAX);
        let mut entries = Vec::new();
        while end > floor && entries.len() < limit {
            let start = end.saturating_sub(filter.read_entries(limit)).max(floor);
            for Read { entry, facts } in self.true_entries(start, end, size).await?.into_iter().rev() {
                if entries.len() == limit {
                    break;
                }
                end = entry.index.0;
                entries.extend(filter.takes(&facts).then_some(entry));
            }
        }
        Ok(LedgerPage { entries, next: (end > 0).then_some(EntryIndex(end)), size })
    }

    async fn oldest_first(
        &self,
        size: TreeSize,
        after: EntryIndex,
        filter: &LedgerFilter,
        limit: usize,
    ) -> Result<LedgerPage, Refusal> {
        let mut next = after;
        let ceiling = size.0.min(after.0.saturating_add(1 + LEDGER_SCAN_ENTRIES_MAX));
        let mut entries = Vec::new();
        while next.0 + 1 < ceiling && entries.len() < limit {
            let start = next.0 + 1;
            let end = ceiling.min(start + filter.read_entries(limit));
            for Read { entry, facts } in self.true_entries(start, end, size).await? {
                if entries.len() == limit {
                    break;
                }
                next = entry.index;
                entries.extend(filter.takes(&facts).then_some(entry));
            }
        }
        Ok(LedgerPage { entries, next: Some(next), size })
    }

    async fn one_entry(&self, index: EntryIndex) -> Result<LedgerEntry, Refusal> {
        let size = self.readable()?;
        if index.0 >= size.0 {
            return Err(Refusal::NotFound { what: "entry" });
        }
        let found = self.true_entries(index.0, index.0 + 1, size).await?.pop();
        found.map(|read| read.entry).ok_or_else(|| self.differs(index))
    }

    /// Entries from `start` to before `end`. Each is what the entry after it links to, where there is one.
    async fn true_entries(&self, start: u64, end: u64, size: TreeSize) -> Result<Vec<Read>, Refusal> {
        let until = size.0.min(end + 1);
        let count = u32::try_from(until - start).unwrap_or(u32::MAX);
        let rows = self.ports.entries.entries(EntryIndex(start), count).await.map_err(|error| match error {
            EntriesError::Unavailable => Refusal::Unavailable,
            EntriesError::Missing { index } => self.differs(index),
        })?;
        if rows.len() as u64 != until - start {
            return Err(self.differs(EntryIndex(start + rows.len() as u64)));
        }
        let read = rows.into_iter().zip(start..).map(|(bytes, index)| {
            let index = EntryIndex(index);
            read(index, bytes).ok_or_else(|| self.differs(index))
        });
        let mut read: Vec<Read> = read.collect::<Result<_, _>>()?;
        for (one, after) in read.iter().zip(read.iter().skip(1)) {
            if after.facts.prev != one.entry.leaf {
                return Err(self.differs(one.entry.index));
            }
        }
        read.truncate(usize::try_from(end - start).unwrap_or(usize::MAX));
        Ok(read)
    }

    /// The entry's proof, verified; `None` while nothing published covers the entry.
    async fn proof_of(&self, entry: &LedgerEntry) -> Result<Option<String>, Refusal> {
        let (index, proofs) = (entry.index, Arc::clone(&self.ports.proofs));
        let Some((path, checkpoint)) = aside(move || proofs.prove(index)).await? else { return Ok(None) };
        let text = Receipt::format(entry.text.as_bytes(), &[], index, &path, &checkpoint);
        let (keys, proofs) = (self.verifier_keys(), Arc::clone(&self.ports.proofs));
        let generations = aside(move || proofs.generations()).await?;
        let generations = generations.map_err(|_| self.differs(index))?;
        let holds = Receipt::parse(text.as_bytes()).is_ok_and(|receipt| receipt.verify_in(&keys, &generations).is_ok());
        if holds { Ok(Some(text)) } else { Err(self.differs(index)) }
    }

    pub(super) fn differs(&self, index: EntryIndex) -> Refusal {
        let tenant = self.name.id.0;
        tracing::warn!(event = "ledger_differs", tenant, index = index.0, "a stored entry is not what was recorded");
        Refusal::Differs { index }
    }
}

/// Reads stored bytes; `None` when they are no entry of this index.
fn read(index: EntryIndex, bytes: Vec<u8>) -> Option<Read> {
    let leaf = leaf_hash(&bytes);
    let text = String::from_utf8(bytes).ok()?;
    let facts: Facts = serde_json::from_str(&text).ok()?;
    let about = kinds::about(facts.kind.as_str());
    (facts.seq == index).then_some(Read { entry: LedgerEntry { index, leaf, text, about }, facts })
}

/// Runs what waits for the disk where it holds up nobody else.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_whole_or_up_to_a_dot_or_a_slash() {
        for wanted in ["conversation", "conversation.opened", "conversation.opened/2"] {
            assert!(begins("conversation.opened/2", wanted), "{wanted}");
        }
        for wanted in ["conv", "conversation.", "conversation.opened/", "conversation.opened/1", "opened", "message"] {
            assert!(!begins("conversation.opened/2", wanted), "{wanted}");
        }
    }
}
