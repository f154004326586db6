//! Evidence packages: the entries of a conversation, a subject or a time, with everything that proves them whole.
//!
//! A package is a folder, or a tar of it, that a stranger checks with the log's public key alone: each entry by its path to a
//! signed root, each text by its commitment, and that nothing was left out by the ends of chains that a seal committed to
//! and by the entries since. It knows nothing of who may export what. Source: `FORMAT.md`, "Evidence packages".

mod context;
mod ends;
mod gather;
mod line;
mod manifest;
mod source;
mod verify;
mod walk;
mod writer;

pub use ends::Ends;
pub use gather::{Request, Source, gather};
pub use line::Line;
pub use manifest::{ListedFile, Manifest, Scope};
pub use source::Package;
pub use verify::{Finding, Item, Report, verify};
pub use writer::{Draft, Writer, pack};

/// The signed list of all other files.
pub const MANIFEST: &str = "manifest";
/// The signed checkpoint that every path leads to.
pub const CHECKPOINT: &str = "checkpoint";
/// The entries that were asked for, one a line.
pub const ENTRIES: &str = "entries.jsonl";
/// Entries that prove that nothing is missing among them, one a line.
pub const CONTEXT: &str = "context.jsonl";
/// Where the chains asked for ended when they were last sealed.
pub const ENDS: &str = "ends.json";
/// Names of members of staff, one a line.
pub const STAFF: &str = "staff.jsonl";
/// What a log that lost entries declares of that, one declaration a line.
pub const GENERATIONS: &str = "generations.jsonl";
/// Begins the names of policies in force; then follow their digest and `.json`.
pub const POLICIES: &str = "policies/";
/// Most scopes of a package.
pub const SCOPES_MAX: usize = 256;
/// Most files of a package.
pub const FILES_MAX: usize = 4096;
/// Most members of staff that a package names.
pub const STAFF_MAX: usize = 65_536;
/// Longest line, and longest file that is read whole, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// SHA-256 of a file.
fn sha256(bytes: &[u8]) -> crate::Hash {
    crate::merkle::from_digest(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Says that a package is not of the prescribed form.
fn refuse(reason: &'static str) -> crate::Error {
    crate::error::malformed(crate::error::Format::Package, 0, reason)
}
