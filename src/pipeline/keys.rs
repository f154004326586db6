//! The log's own keys: a successor is named by an entry that both keys have signed, and the old key ends when an operator says.
//!
//! The order is that of safety: the successor is on disk and signs before the entry names it, so that no head exists which
//! whoever trusts the old key can't believe; and the old key goes only after a published checkpoint that both signed.

use std::sync::Arc;

use lww_audit::entry::Detail;
use lww_audit::merkle::leaf_hash;
use lww_audit::rotation::ROTATIONS_MAX;
use lww_audit::{Checkpoint, Entry, VerifierKey};

use super::ledger::aside;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{Event, LOG_KEY, Role};
use crate::domain::record::{Actor, Draft, Proposal};
use crate::limits::PUBLICATION_WAIT_S;
use crate::ports::SignError;
use crate::units::{EntryIndex, SERVER_ACTOR};

const OPERATOR: Actor = Actor { id: SERVER_ACTOR, role: Role::Operator };

/// Why a log's key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyChange {
    /// The key can't be made, named or destroyed.
    #[error(transparent)]
    Key(#[from] SignError),
    /// There is no older key.
    #[error("only one key is in use: change it first, with `lww ledger rotate-key`")]
    NothingOlder,
    /// The entry that names the newest key is not published yet.
    #[error(
        "no published checkpoint covers entry {0}, which names the new key: look why nothing is published, then try again"
    )]
    NotPublished(EntryIndex),
    /// The log refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A change of the log's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationRecord {
    /// Its entry.
    pub index: EntryIndex,
    /// The statement, signed by both keys.
    pub statement: String,
}

impl Tenant {
    /// The newest key of the log in use, in vkey form.
    pub fn vkey(&self) -> String {
        self.ports.keys.vkey()
    }

    /// Every key of the log in use, for whoever verifies what it signed.
    pub fn verifier_keys(&self) -> Vec<VerifierKey> {
        self.ports.keys.vkeys().iter().filter_map(|key| key.parse().ok()).collect()
    }

    /// Every key of the log in use, in vkey form, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn vkeys(&self, staff: &Staff) -> Result<Vec<String>, Refusal> {
        staff.may(Action::ReadLedger)?;
        Ok(self.ports.keys.vkeys())
    }

    /// Changes the log's key, on an operator's order; both sign from here on. Gives the new key.
    ///
    /// # Errors
    /// [`KeyChange`]; the next attempt takes the same new key.
    pub async fn rotate_key(&self) -> Result<String, KeyChange> {
        let _turn = self.key_turn.lock().await;
        let head = self.head().ok_or(Refusal::Unavailable)?;
        let tree = signed_tree(&head.checkpoint)?;
        let keys = Arc::clone(&self.ports.keys);
        let statement = aside(move || keys.succeed(&tree)).await??;
        let event = Event::KeyRotated { statement, previous: head.activated.key.map(|seen| seen.index) };
        self.record(Proposal::single(Draft::of(event, OPERATOR), Vec::new())).await.map_err(Refusal::from)?;
        let keys = Arc::clone(&self.ports.keys);
        aside(move || keys.settle()).await??;
        tracing::info!(
            event = "log_key_rotated",
            tenant = self.name.id.0,
            "the log has a new key; the old one signs, too"
        );
        Ok(self.vkey())
    }

    /// Ends the older keys, on an operator's order: they sign nothing any more and are destroyed. Gives their number.
    ///
    /// # Errors
    /// [`KeyChange`].
    pub async fn retire_keys(&self) -> Result<usize, KeyChange> {
        let _turn = self.key_turn.lock().await;
        let older = self.ports.keys.older();
        let changed = self.head().ok_or(Refusal::Unavailable)?.activated.key.map(|seen| seen.index);
        let changed = changed.filter(|_| !older.is_empty()).ok_or(KeyChange::NothingOlder)?;
        self.published_beyond(changed, PUBLICATION_WAIT_S, &|| Ok(())).await.map_err(|refusal| {
            let is_late = matches!(refusal, Refusal::NeverPublished { .. });
            if is_late { KeyChange::NotPublished(changed) } else { refusal.into() }
        })?;
        for fingerprint in &older {
            let event = Event::KeyDestroyed { purpose: LOG_KEY, fingerprint: *fingerprint };
            self.record(Proposal::single(Draft::of(event, OPERATOR), Vec::new())).await.map_err(Refusal::from)?;
        }
        let keys = Arc::clone(&self.ports.keys);
        aside(move || keys.retire()).await??;
        tracing::info!(event = "log_key_retired", tenant = self.name.id.0, "the log's older keys are destroyed");
        Ok(older.len())
    }

    /// Every change of the log's key, the oldest first: what leads from the key that an auditor holds to the newest.
    ///
    /// # Errors
    /// [`Refusal::Differs`] when a stored entry is not what was recorded.
    pub async fn key_changes(&self) -> Result<Vec<RotationRecord>, Refusal> {
        let mut found = Vec::new();
        let newest = self.head().ok_or(Refusal::Unavailable)?.activated.key;
        let mut next = newest.map(|seen| (seen.index, Some(seen.leaf)));
        while let Some((index, leaf)) = next.filter(|_| found.len() < ROTATIONS_MAX) {
            let bytes = self.ports.store.entry(index).await?;
            let bytes = bytes.filter(|bytes| leaf.is_none_or(|leaf| leaf_hash(bytes) == leaf));
            // The key that a later generation was opened under stands in its declaration.
            if bytes.as_ref().is_some_and(|bytes| opens_a_generation(bytes)) {
                break;
            }
            let read =
                bytes.and_then(|bytes| change(&bytes)).filter(|(_, previous)| previous.is_none_or(|at| at < index));
            let (statement, previous) = read.ok_or_else(|| self.differs(index))?;
            found.push(RotationRecord { index, statement });
            next = previous.map(|index| (index, None));
        }
        found.reverse();
        Ok(found)
    }
}

impl Tenant {
    /// What the published log declares of its gaps, the oldest first: signed notes, each of which opens a generation.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when what is published can't be read.
    pub async fn declarations(&self) -> Result<Vec<String>, Refusal> {
        let proofs = Arc::clone(&self.ports.proofs);
        let known = aside(move || proofs.generations()).await?.map_err(|_| Refusal::Unavailable)?;
        Ok(known.signed().map(|signed| signed.note().to_string()).collect())
    }
}

/// The tree that a head's signed text states.
fn signed_tree(checkpoint: &str) -> Result<Checkpoint, Refusal> {
    let signed = lww_audit::SignedCheckpoint::parse(checkpoint.as_bytes()).map_err(|_| Refusal::Unavailable)?;
    Ok(signed.unverified().clone())
}

/// Whether an entry opened a generation after a gap.
fn opens_a_generation(bytes: &[u8]) -> bool {
    Entry::parse(bytes).is_ok_and(|entry| entry.kind.as_str() == lww_audit::generation::KIND)
}

/// What an entry says of a change, and where the change before it is.
fn change(bytes: &[u8]) -> Option<(String, Option<EntryIndex>)> {
    let entry = Entry::parse(bytes).ok()?;
    let Detail::Object(fields) = &entry.detail else { return None };
    let Some(Detail::String(statement)) = fields.get("statement") else { return None };
    let previous = match fields.get("previous") {
        Some(Detail::Int(index)) => Some(EntryIndex(u64::try_from(*index).ok()?)),
        Some(_) | None => None,
    };
    Some((statement.clone(), previous))
}
