//! The shapes of answers about what runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::machine::{Finding, Level, Machine, Sentence};
use crate::http::problem::Language;
use crate::http::service::ServerRole;
use crate::pipeline;

/// How far the tenant's log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogHealth {
    /// Entries that the newest signed head covers; missing while another server writes the log.
    pub size: Option<u64>,
    /// Entries that the published checkpoint covers.
    pub published: Option<u64>,
    /// When this server signed the head.
    pub signed_at: Option<String>,
}

/// A policy by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyLabel {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: String,
}

/// The policies in force; missing where none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoliciesHealth {
    /// The masking policy.
    pub masking: Option<PolicyLabel>,
    /// The routing table.
    pub routing: Option<PolicyLabel>,
}

/// PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseHealth {
    /// Its version; missing when it didn't answer.
    pub version: Option<String>,
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthFinding {
    /// The check's code, which never changes.
    pub check: String,
    /// How it ended.
    pub level: Level,
    /// What was looked at: the code's part before the dot.
    pub subject: String,
    /// What was found, in the reader's language.
    pub found: String,
    /// What to change, when something should be.
    pub advice: Option<String>,
}

/// What `lww doctor` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Doctor {
    /// When it looked; it looks once a minute at most.
    pub at: String,
    /// What it found.
    pub findings: Vec<HealthFinding>,
}

/// What runs, since when, and what is wrong with the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SystemHealth {
    /// The server's version.
    pub version: String,
    /// SHA-256 of the running binary.
    pub binary: String,
    /// SHA-256 of the configuration, secrets left out.
    pub configuration: String,
    /// When the server started.
    pub started_at: String,
    /// Which part it plays.
    pub role: ServerRole,
    /// The tenant's log.
    pub log: LogHealth,
    /// The tenant's policies.
    pub policies: PoliciesHealth,
    /// PostgreSQL.
    pub database: DatabaseHealth,
    /// What the doctor says.
    pub doctor: Doctor,
}

impl From<pipeline::PolicyName> for PolicyLabel {
    fn from(name: pipeline::PolicyName) -> Self {
        Self { id: name.id, version: name.version, digest: name.digest.to_string() }
    }
}

impl SystemHealth {
    /// Puts it together in the reader's language.
    pub(in crate::http) fn new(
        machine: &Machine,
        role: ServerRole,
        health: pipeline::Health,
        language: Language,
    ) -> Self {
        let pipeline::Health { head, published, masking, routing } = health;
        let text = |sentence: &Sentence| match language {
            Language::English => sentence.en.clone(),
            Language::Chinese => sentence.zh.clone(),
        };
        let finding = |finding: &Finding| HealthFinding {
            check: finding.check.to_owned(),
            level: finding.level,
            subject: finding.check.split('.').next().unwrap_or_default().to_owned(),
            found: text(&finding.found),
            advice: finding.advice.as_ref().map(text),
        };
        Self {
            version: machine.version.to_owned(),
            binary: machine.binary.to_string(),
            configuration: machine.configuration.to_string(),
            started_at: machine.started_at.to_string(),
            role,
            log: LogHealth {
                size: head.as_ref().map(|head| head.size.0),
                published: published.map(|size| size.0),
                signed_at: head.map(|head| head.signed_at.to_string()),
            },
            policies: PoliciesHealth { masking: masking.map(Into::into), routing: routing.map(Into::into) },
            database: DatabaseHealth { version: machine.database.clone() },
            doctor: Doctor {
                at: machine.examined_at.to_string(),
                findings: machine.findings.iter().map(finding).collect(),
            },
        }
    }
}
