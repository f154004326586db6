//! How the log is kept outside of the database, for those who verify.

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::ports::{Custody, SignedHead};

/// How a tenant's log is kept.
#[derive(Clone, Debug)]
pub struct LedgerCustody {
    /// The log's name.
    pub origin: String,
    /// Its public key in vkey form.
    pub key: String,
    /// The newest signed head; `None` while this server doesn't write the log.
    pub head: Option<SignedHead>,
    /// By whom it is kept, and up to where.
    pub custody: Custody,
}

impl Tenant {
    /// Tells how the log is kept outside of the database.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn ledger_custody(&self, staff: &Staff) -> Result<LedgerCustody, Refusal> {
        staff.may(Action::ReadLedger)?;
        let key = self.vkey();
        // The key of a log is called by the log's origin, which holds no plus sign.
        let origin = key.split('+').next().unwrap_or_default().to_owned();
        Ok(LedgerCustody { origin, key, head: self.head(), custody: self.custody.now() })
    }
}
