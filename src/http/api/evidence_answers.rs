//! The shapes of what is said of evidence packages, and of messages that are looked up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::problem::{Language, Problem};
use crate::pipeline::{self, EvidenceState};

/// How far an evidence package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackageState {
    /// It waits for its turn, and for a published checkpoint.
    Waiting,
    /// It is gathered.
    Gathering,
    /// It can be fetched.
    Ready,
    /// There is none.
    Failed,
}

/// An evidence package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidencePackage {
    /// Its id.
    pub id: String,
    /// Index of the entry that says that it was taken out; those of further scopes follow it.
    pub entry: u64,
    /// That entry's time, which the package has, too.
    pub made: String,
    /// What it is of: `conversation <id>`, `subject <id>` or `range <from> <to>`.
    pub scopes: Vec<String>,
    /// How far it is.
    pub state: PackageState,
    /// Entries of the log that were looked at.
    pub done: u64,
    /// Entries of the log; 0 while that is not known.
    pub total: u64,
    /// Its length in bytes, once it is ready.
    pub bytes: Option<u64>,
    /// When it is taken away, once it is ready.
    pub until: Option<String>,
    /// The receipt of its entry, a `.tlog-proof` that opens the reason: keep it with the package, it is kept nowhere else.
    pub receipt: String,
    /// Why there is none.
    pub problem: Option<PackageProblem>,
}

/// Why there is no package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackageProblem {
    /// Stable code.
    pub code: String,
    /// What is wrong and the way out.
    pub detail: String,
}

/// The packages of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidencePackages {
    /// In the order in which they were asked for.
    pub packages: Vec<EvidencePackage>,
}

/// Where messages were recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedMessages {
    /// For each id that was asked for, in the same order, the index of its entry; null where there is none.
    pub entries: Vec<Option<u64>>,
}

impl EvidencePackage {
    /// A package in its reader's language.
    pub(super) fn new(evidence: pipeline::Evidence, language: Language) -> Self {
        let pipeline::Evidence { id, entry, made, scopes, receipt, state } = evidence;
        let told = Self {
            id: id.to_string(),
            entry: entry.0,
            made: made.to_string(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            state: PackageState::Waiting,
            done: 0,
            total: 0,
            bytes: None,
            until: None,
            receipt,
            problem: None,
        };
        match state {
            EvidenceState::Waiting => told,
            EvidenceState::Gathering { done, all } => Self { state: PackageState::Gathering, done, total: all, ..told },
            EvidenceState::Ready { bytes, until } => {
                Self { state: PackageState::Ready, bytes: Some(bytes), until: Some(until.to_string()), ..told }
            }
            EvidenceState::Failed(refusal) => {
                let words = Problem::from(refusal).in_words(language);
                let problem = PackageProblem { code: words.code.to_owned(), detail: words.detail };
                Self { state: PackageState::Failed, problem: Some(problem), ..told }
            }
        }
    }
}
