//! Which routing table is active: the one whose digest the ledger names, as with masking policies.
//!
//! The first start activates the configured file, or the table that comes with the server. Later a different file is drift:
//! reported, not activated, until somebody activates it. A row that somebody changed activates nothing.

use std::sync::{Arc, PoisonError};

use super::on_record::Untold;
use super::{Altered, Drift, Refusal, Tenant};
use crate::domain::event::{self, Event, Role};
use crate::domain::record::{Actor, Draft, Effect, PolicyChange, PolicyKind, Proposal};
use crate::domain::routing::{Table, TableError};
use crate::ports::SettingsRow;
use crate::units::{Hash, SERVER_ACTOR};

/// Why a table was not activated.
#[derive(Debug, thiserror::Error)]
pub enum TableActivation {
    /// The file is not a table that passes its own tests.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The database does not hold what the log says.
    #[error(transparent)]
    Altered(#[from] Altered),
    /// It could not be recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<Untold> for TableActivation {
    fn from(untold: Untold) -> Self {
        match untold {
            Untold::Altered(altered) => Self::Altered(altered),
            Untold::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl Tenant {
    /// Brings the active table into memory, activating `source` when there has never been one. When the database does not
    /// hold what the log says is active, none is.
    ///
    /// # Errors
    /// [`TableActivation`]; without an active table no message is taken in.
    pub async fn load_table(&self, source: &str) -> Result<Option<Drift>, TableActivation> {
        let read = Table::load(source).map(|table| table.digest());
        self.table_file.put(source, read.map_err(|error| error.to_string()));
        let settings = self.ports.store.settings().await.map_err(Refusal::from)?;
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = None;
        let Some((record, stored)) = self.text_in_force(PolicyKind::Routing, &settings).await? else {
            self.activate_table_as(source, settings, Role::Server).await?;
            return Ok(None);
        };
        let table = Table::load(&stored)?;
        let resolved = table.digest();
        if record.judge(resolved, table.engine(), resolved == record.digest)? {
            // The same text resolves differently under this version of the engine: that is a change of the table too.
            self.activate_table_as(&stored, settings, Role::Server).await?;
        } else {
            self.put_table(table);
        }
        let file = Table::load(source)?.digest();
        Ok((file != resolved).then_some(Drift { active: resolved, file }))
    }

    /// Activates a table by an entry; from then on conversations are routed by it.
    ///
    /// # Errors
    /// [`TableActivation`]; what was active stays active then.
    pub async fn activate_table(&self, source: &str) -> Result<Hash, TableActivation> {
        let settings = self.ports.store.settings().await.map_err(Refusal::from)?;
        self.activate_table_as(source, settings, Role::Operator).await
    }

    /// The text of a table that was active once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there was none of this digest.
    pub async fn table_source(&self, digest: Hash) -> Result<String, Refusal> {
        self.ports.store.policy_source(digest).await?.ok_or(Refusal::NotFound { what: "routing table" })
    }

    /// The active table.
    pub fn table(&self) -> Option<Arc<Table>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn activate_table_as(&self, source: &str, settings: SettingsRow, by: Role) -> Result<Hash, TableActivation> {
        let table = Table::load(source)?;
        let (kind, digest) = (PolicyKind::Routing, table.digest());
        let source = match self.ports.store.policy_source(digest).await.map_err(Refusal::from)? {
            None => source.to_owned(),
            // Layout and comments may differ; the text that is kept already stays.
            Some(kept) if Table::load(&kept).is_ok_and(|kept| kept.digest() == digest) => kept,
            Some(_) => return Err(Altered::Taken { digest }.into()),
        };
        let event = Event::RoutingActivated(event::Activation {
            id: table.id().to_owned(),
            version: table.version(),
            digest,
            source: event::Activation::text_digest(&source),
            engine: table.engine(),
            previous: self.on_record(kind).await?.map(|record| record.digest),
        });
        let change = PolicyChange { kind, expected: settings.version, digest, source };
        let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: by });
        let recorded = self.record(Proposal::single(draft, vec![Effect::Policy(change)])).await;
        recorded.map_err(Refusal::from)?;
        self.put_table(table);
        Ok(digest)
    }

    fn put_table(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(table));
        self.waiting.notify_one();
    }
}
