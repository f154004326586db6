//! Witnessing over HTTP, from both sides (C2SP tlog-witness): asking a witness, and being one.
//!
//! It knows the protocol's paths, statuses and types. What is cosigned, and what is made of an answer, others decide.

mod ask;
mod serve;

pub use ask::HttpWitness;
pub(super) use serve::configure;

/// The path below the submission prefix.
const ADD_CHECKPOINT: &str = "/add-checkpoint";
/// The type of an answer that is a tree size.
const SIZE_TYPE: &str = "text/x.tlog.size";
