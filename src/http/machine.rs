//! What runs and what is wrong with the machine, as the wiring tells it: this room knows neither configuration nor doctor.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::units::{Hash, Timestamp};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It must be changed.
    Fail,
    /// It could not be looked at.
    Skipped,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code, which never changes: what was looked at, a dot, and what of it.
    pub check: &'static str,
    /// How it ended.
    pub level: Level,
    /// What was found.
    pub found: Sentence,
    /// What to change, when something should be.
    pub advice: Option<Sentence>,
}

/// What runs, and what was found when the machine was looked at last.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The server's version.
    pub version: &'static str,
    /// SHA-256 of the running binary.
    pub binary: Hash,
    /// SHA-256 of the configuration.
    pub configuration: Hash,
    /// When the server started.
    pub started_at: Timestamp,
    /// PostgreSQL's version, when it answered.
    pub database: Option<String>,
    /// When it was looked at.
    pub examined_at: Timestamp,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// Tells it. Asked by anybody who may, so whoever answers must not look again each time, and must not block.
pub type AskMachine = Box<dyn Fn() -> BoxFuture<'static, Arc<Machine>> + Send + Sync>;
