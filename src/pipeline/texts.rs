//! Masked texts as they are stored, each held against what its entry committed to.
//!
//! For whoever takes texts out (`evidence`), and for the server's own look through what it keeps. Where a person's key is gone
//! there is no text, and that is no difference: so it is after an erasure. It opens masked texts only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lww_audit::entry::{Tag, commitment};
use lww_audit::{Entry, Opened};

use super::transcript::open;
use super::{Refusal, Tenant, opened};
use crate::domain::message::{Internal, Message, Recorded};
use crate::ports::{SharedSealer, TextRow, VaultError};
use crate::units::{ConversationId, EntryIndex, SubjectId};

/// What is stored of an entry's text.
pub(super) enum Stored {
    /// What the entry committed to.
    Same(Opened),
    /// Nothing: the entry has no text, its person is erased, or it was masked again since.
    Nothing,
    /// Something else, or what can't be opened.
    Differs,
}

/// Whose texts can be opened.
#[derive(Clone)]
enum Key {
    Here(SharedSealer),
    Gone,
    Altered,
}

/// Opens texts of one tenant; it remembers keys as long as it lives.
pub(super) struct Texts {
    tenant: Arc<Tenant>,
    keys: HashMap<SubjectId, Key>,
}

impl Texts {
    pub(super) fn new(tenant: &Arc<Tenant>) -> Self {
        Self { tenant: Arc::clone(tenant), keys: HashMap::new() }
    }

    /// What is stored of each entry's text, in their order.
    pub(super) async fn of(&mut self, entries: &[Entry]) -> Result<Vec<Stored>, Refusal> {
        let spoken = entries.iter().filter(|entry| entry.content.is_some());
        let mut conversations: Vec<_> =
            spoken.clone().filter_map(|entry| entry.conversation).map(ConversationId).collect();
        conversations.sort_unstable();
        conversations.dedup();
        let indexes: Vec<_> = spoken.map(|entry| entry.seq).collect();
        let rows = self.tenant.ports.store.texts(&conversations, &indexes).await?;
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.index, row)).collect();
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            all.push(match (rows.get(&entry.seq), entry.subject) {
                (Some(row), Some(subject)) => match self.key(SubjectId(subject)).await? {
                    Key::Here(sealer) => text(&sealer, entry, row).map_or(Stored::Differs, Stored::Same),
                    Key::Gone => Stored::Nothing,
                    Key::Altered => Stored::Differs,
                },
                (Some(_) | None, _) => Stored::Nothing,
            });
        }
        Ok(all)
    }

    async fn key(&mut self, subject: SubjectId) -> Result<Key, Refusal> {
        if let Some(known) = self.keys.get(&subject) {
            return Ok(known.clone());
        }
        let ports = &self.tenant.ports;
        let key = match ports.store.data_key(subject).await? {
            None => Key::Gone,
            Some(wrapped) => match ports.vault.sealer(subject, &wrapped) {
                Ok(sealer) => Key::Here(sealer),
                Err(VaultError::NoEpoch { .. }) => Key::Gone,
                Err(VaultError::Unwrap) => Key::Altered,
                Err(error @ VaultError::Cipher) => return Err(error.into()),
            },
        };
        self.keys.insert(subject, key.clone());
        Ok(key)
    }
}

/// Opens a text; `None` when it is not what the entry committed to.
fn text(sealer: &SharedSealer, entry: &Entry, row: &TextRow) -> Option<Opened> {
    let text = open(sealer, row.id, &row.masked).ok()?;
    let read = Message::<Recorded, Internal>::read_back(row.id, entry.time, row.index, None, text, row.committed);
    let masked = opened(&read).into_iter().find(|opened| opened.of == Tag::Masked)?;
    let recorded = entry.content.as_ref().map(|content| content.commit_masked);
    let said = masked.text.as_deref().unwrap_or_default().as_bytes();
    (recorded == Some(commitment(&masked.salt, Tag::Masked, said))).then_some(masked)
}

impl Tenant {
    /// Of these entries those whose stored text is not what they committed to.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when rows or keys can't be read at present.
    pub async fn altered_texts(self: &Arc<Self>, entries: &[Entry]) -> Result<Vec<EntryIndex>, Refusal> {
        let stored = Texts::new(self).of(entries).await?;
        let differs = entries.iter().zip(stored).filter(|(_, stored)| matches!(stored, Stored::Differs));
        Ok(differs.map(|(entry, _)| entry.seq).collect())
    }
}
