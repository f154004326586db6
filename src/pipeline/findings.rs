//! What the server finds wrong with what it keeps: told at once, and recorded once, whichever server finds it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::Tenant;
use crate::domain::event::{Event, Found, Role};
use crate::domain::record::{Actor, Draft, Proposal};
use crate::limits::FINDINGS_MAX;
use crate::ports::SelfAuditState;
use crate::telemetry::{Occurrence, emit};
use crate::units::SERVER_ACTOR;

/// The scope of the guard against recording a finding twice.
const SCOPE: &str = "audit.found";

/// What this server has found since it started.
#[derive(Default)]
pub(super) struct Findings(Mutex<HashSet<String>>);

impl Findings {
    /// Notes a finding; `false` when it is known, or there are so many that one more tells nobody anything.
    fn note(&self, finding: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < FINDINGS_MAX && known.insert(finding.to_owned())
    }

    fn forget(&self, finding: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(finding);
    }
}

impl Tenant {
    /// Takes note of something that is not what was recorded. The log goes on: what must stop it, its own rules do.
    pub async fn found(&self, found: &Found, what: &'static str) {
        let index = found.index.map_or_else(String::new, |index| index.to_string());
        let finding = format!("{}/{}/{index}/{what}", found.part.word(), found.name);
        if !self.findings.note(&finding) {
            return;
        }
        emit(&Occurrence::AuditFound { tenant: &self.name.name, found, what });
        self.custody.tell(|custody| {
            custody.self_audit.findings += 1;
            custody.self_audit.state = SelfAuditState::Found;
        });
        let draft = Draft::of(Event::AuditFound(found.clone()), Actor { id: SERVER_ACTOR, role: Role::Server });
        let dedup = Some(self.ports.vault.dedup(SCOPE, finding.as_bytes(), &[]));
        let proposal = Proposal { dedup, ..Proposal::single(draft, Vec::new()) };
        if let Err(error) = self.record(proposal).await {
            let tenant = self.name.id.0;
            tracing::warn!(event = "finding_not_recorded", tenant, %error, "it is recorded when it is found again");
            self.findings.forget(&finding);
        }
    }
}
