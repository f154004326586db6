//! The texts of a package: what each entry committed to, opened for whoever takes it out.
//!
//! A text is the one that was recorded or the package fails by the entry's index. Where a person's key is gone there is no
//! text, and that is no failure: so it is after an erasure. It opens masked texts only.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use lww_audit::entry::{Tag, commitment};
use lww_audit::export::Source;
use lww_audit::{Entry, Error, Opened};
use tokio::runtime::Handle;

use crate::domain::message::{Internal, Message, Recorded};
use crate::pipeline::transcript::open;
use crate::pipeline::{Refusal, Tenant, opened};
use crate::ports::{SharedSealer, TextRow, VaultError};
use crate::units::{ConversationId, PackageId, SubjectId};

/// Opens the texts of one package.
pub(super) struct Texts {
    tenant: Arc<Tenant>,
    package: PackageId,
    runtime: Handle,
    /// `None` for somebody whose key is gone.
    sealers: HashMap<SubjectId, Option<SharedSealer>>,
    refused: Option<Refusal>,
}

impl Texts {
    /// Opens for one package; to be used where waiting is allowed.
    pub(super) fn new(tenant: &Arc<Tenant>, package: PackageId) -> Self {
        let (sealers, refused) = (HashMap::new(), None);
        Self { tenant: Arc::clone(tenant), package, runtime: Handle::current(), sealers, refused }
    }

    /// Why it broke off, if it did.
    pub(super) fn refused(self) -> Option<Refusal> {
        self.refused
    }

    fn or_break_off<T>(&mut self, done: Result<T, Refusal>) -> Result<T, Error> {
        done.map_err(|refusal| {
            self.refused = Some(refusal);
            Error::Io { path: "package".into(), action: "go on with", source: io::ErrorKind::Interrupted.into() }
        })
    }

    async fn texts(&mut self, entries: &[Entry]) -> Result<Vec<Vec<Opened>>, Refusal> {
        let subjects = entries.iter().filter_map(|entry| entry.subject).map(SubjectId);
        self.tenant.shelf.tells_of(self.package, subjects);
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
                (Some(row), Some(subject)) => self.text(entry, row, SubjectId(subject)).await?.into_iter().collect(),
                (Some(_) | None, _) => Vec::new(),
            });
        }
        Ok(all)
    }

    async fn text(&mut self, entry: &Entry, row: &TextRow, subject: SubjectId) -> Result<Option<Opened>, Refusal> {
        let Some(sealer) = self.sealer(subject).await? else { return Ok(None) };
        let differs = || self.tenant.differs(entry.seq);
        let text = open(&sealer, row.id, &row.masked).map_err(|_| differs())?;
        let read = Message::<Recorded, Internal>::read_back(row.id, entry.time, row.index, None, text, row.committed);
        let masked = opened(&read).into_iter().find(|opened| opened.of == Tag::Masked).ok_or_else(differs)?;
        let recorded = entry.content.as_ref().map(|content| content.commit_masked);
        let said = masked.text.as_deref().unwrap_or_default().as_bytes();
        if recorded == Some(commitment(&masked.salt, Tag::Masked, said)) { Ok(Some(masked)) } else { Err(differs()) }
    }

    async fn sealer(&mut self, subject: SubjectId) -> Result<Option<SharedSealer>, Refusal> {
        if let Some(known) = self.sealers.get(&subject) {
            return Ok(known.clone());
        }
        let ports = &self.tenant.ports;
        let sealer = match ports.store.data_key(subject).await? {
            None => None,
            Some(key) => match ports.vault.sealer(subject, &key) {
                Ok(sealer) => Some(sealer),
                Err(VaultError::NoEpoch { .. }) => None,
                Err(error @ (VaultError::Unwrap | VaultError::Cipher)) => return Err(error.into()),
            },
        };
        self.sealers.insert(subject, sealer.clone());
        Ok(sealer)
    }
}

impl Source for Texts {
    fn open(&mut self, entries: &[Entry]) -> Result<Vec<Vec<Opened>>, Error> {
        let runtime = self.runtime.clone();
        let texts = runtime.block_on(self.texts(entries));
        self.or_break_off(texts)
    }

    fn looked_at(&mut self, done: u64, all: u64) -> Result<(), Error> {
        let wanted = self.tenant.shelf.gathered(self.package, done, all);
        self.or_break_off(wanted)
    }
}
