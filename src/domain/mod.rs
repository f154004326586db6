//! Pure rules: message states, masking, routing, events. No async, clock, randomness, I/O or tracing.

pub mod access;
mod canonical;
pub mod device;
pub mod event;
pub mod file;
pub mod history;
pub mod masking;
pub mod message;
pub mod record;
pub mod routing;
pub mod trial;
pub mod yaml;
