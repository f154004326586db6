//! Backups: one file with the rows of every table, and the way back into an empty database.
//!
//! Rows are copied by the server's own role out of one snapshot, tenant by tenant, so that neither a superuser nor a program
//! of PostgreSQL's is needed, and the same file goes into another major version. It knows no keys: what the rows hold is
//! sealed. Source: PostgreSQL 15 manual, `COPY` (binary format) and `SET TRANSACTION`.

mod archive;
mod replay;
mod tables;

pub use archive::{Archive, ArchiveError, ArchiveWriter, Piece, sha256};
pub use replay::{Replay, ReplayError};
pub use tables::{CopyError, Snapshot, bind, load};
