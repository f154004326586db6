//! The texts of a package: what each entry committed to, opened for whoever takes it out.
//!
//! A text is the one that was recorded or the package fails by the entry's index.

use std::io;
use std::sync::Arc;

use lww_audit::export::Source;
use lww_audit::{Entry, Error, Opened};
use tokio::runtime::Handle;

use crate::pipeline::texts::{self, Stored};
use crate::pipeline::{Refusal, Tenant};
use crate::units::{PackageId, SubjectId};

/// Opens the texts of one package.
pub(super) struct Texts {
    tenant: Arc<Tenant>,
    package: PackageId,
    runtime: Handle,
    texts: texts::Texts,
    refused: Option<Refusal>,
}

impl Texts {
    /// Opens for one package; to be used where waiting is allowed.
    pub(super) fn new(tenant: &Arc<Tenant>, package: PackageId) -> Self {
        let texts = texts::Texts::new(tenant);
        Self { tenant: Arc::clone(tenant), package, runtime: Handle::current(), texts, refused: None }
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
        let stored = self.texts.of(entries).await?;
        let told = entries.iter().zip(stored).map(|(entry, stored)| match stored {
            Stored::Same(text) => Ok(vec![text]),
            Stored::Nothing => Ok(Vec::new()),
            Stored::Differs => Err(self.tenant.differs(entry.seq)),
        });
        told.collect()
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
