//! Followers: what happens after a commit, at its own pace. Each resumes from a cursor and never blocks the recorder.

pub mod amendments;
pub mod history;
pub mod lifecycle;
pub mod matcher;
pub mod mirror;
pub mod packages;
pub mod seals;
pub mod self_audit;
pub mod tiles;
pub mod witness;
