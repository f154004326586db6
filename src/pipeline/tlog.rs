//! The published log in the files of C2SP `tlog-tiles`, for tools that know nothing of this server.
//!
//! It gives out what is published and nothing else; who may read it, its caller has found out. Nothing is verified here: whoever
//! reads files verifies them, that is what they are for.

use std::sync::Arc;

use lww_audit::tile::TilePath;
use tokio::sync::Semaphore;

use super::ledger::aside;
use super::{Refusal, Tenant};
use crate::limits::TLOG_READS_MAX;

/// Places for reads of files, shared by all tenants: a bundle has up to four megabytes.
static READS: Semaphore = Semaphore::const_new(TLOG_READS_MAX);

/// A file of the published log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlogFile {
    /// The newest published checkpoint, with all its signatures.
    Checkpoint,
    /// A tile or bundle.
    Tile(TilePath),
    /// A hash tile of the second tree, which was made with SM3.
    ShadowTile(TilePath),
}

impl Tenant {
    /// The bytes of a file of the published log; `pack` may make another form of them, where it holds up nobody else.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what the published tree does not hold; [`Refusal::Unavailable`] while another server writes
    /// the log, whose files are newer, or when a file can't be read.
    pub async fn tlog_file<T: Send + 'static>(
        &self,
        file: TlogFile,
        pack: impl FnOnce(Vec<u8>) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.head().ok_or(Refusal::Unavailable)?;
        let _place = READS.acquire().await.map_err(|_| Refusal::Unavailable)?;
        let proofs = Arc::clone(&self.ports.proofs);
        let read = aside(move || {
            let found = match file {
                TlogFile::Checkpoint => proofs.checkpoint().map(|text| text.map(String::into_bytes)),
                TlogFile::Tile(path) => proofs.tile(path),
                TlogFile::ShadowTile(path) => proofs.shadow_tile(path),
            };
            found.map(|bytes| bytes.map(pack))
        });
        match read.await? {
            Ok(found) => found.ok_or(Refusal::NotFound { what: "file of the log" }),
            Err(error) => {
                let tenant = self.name.id.0;
                tracing::warn!(event = "tile_unreadable", tenant, %error, "a published file can't be read");
                Err(Refusal::Unavailable)
            }
        }
    }
}
