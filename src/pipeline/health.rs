//! How a tenant's log and policies stand, for those who watch over them.

use std::sync::Arc;

use super::ledger::aside;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::ports::SignedHead;
use crate::units::{Hash, TreeSize};

/// A policy or table by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyName {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: Hash,
}

/// How a tenant stands with this server.
#[derive(Clone, Debug)]
pub struct Health {
    /// The newest signed head; `None` while another server writes the log.
    pub head: Option<SignedHead>,
    /// Entries that the published checkpoint covers.
    pub published: Option<TreeSize>,
    /// The masking policy in force.
    pub masking: Option<PolicyName>,
    /// The routing table in force.
    pub routing: Option<PolicyName>,
}

impl Tenant {
    /// How log and policies stand.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role may not know.
    pub async fn health(&self, staff: &Staff) -> Result<Health, Refusal> {
        staff.may(Action::ReadHealth)?;
        let proofs = Arc::clone(&self.ports.proofs);
        let published = aside(move || proofs.published()).await?;
        let masking = self.policy().map(|policy| PolicyName {
            id: policy.id().to_owned(),
            version: policy.version(),
            digest: Hash(policy.digest()),
        });
        let routing = self.table().map(|table| PolicyName {
            id: table.id().to_owned(),
            version: table.version(),
            digest: table.digest(),
        });
        Ok(Health { head: self.head(), published, masking, routing })
    }
}
