//! Liaowaiwai (聊歪歪): every customer message is masked, recorded, and only then routed and answered.
//!
//! `ARCHITECTURE.md` names the rooms, their floors and what holds in each.

#![warn(clippy::wildcard_enum_match_arm, reason = "a new variant must be looked at wherever it can turn up")]

pub mod app;
pub mod channels;
pub mod cli;
pub mod crypto;
pub mod domain;
pub mod files;
pub mod http;
pub mod limits;
pub mod pipeline;
pub mod ports;
pub mod storage;
pub mod telemetry;
pub mod units;
pub mod wire;
pub mod workers;
