//! Witnesses as the rollback guard that several nodes share: what they cosigned is asked for before a log is taken over.
//!
//! A node's own guard and published files can be old together with the database; a witness is on another machine and forgets
//! nothing. It is asked with the checkpoint of the empty tree, which every history of a log continues: no signature over a
//! head is given away before the head was checked, and the answer names the newest size (409). A witness that doesn't answer
//! holds nobody up: this server's own guards stand as before, and nothing that contradicts it can be published, because
//! that needs the quorum. Source: C2SP tlog-witness.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lww_audit::merkle::{consistency_path, empty_root};
use lww_audit::witness::AddCheckpoint;
use lww_audit::{Checkpoint, SignedCheckpoint, TileDir};

use super::FatalError;
use crate::limits::WITNESS_LOOK_MS_MAX;
use crate::ports::{Signer, Unwitnessed, Witness, Witnesses};
use crate::telemetry::{Occurrence, Witnessing, emit};
use crate::units::{Origin, TreeSize};

/// What is about to be taken over.
pub(super) struct TakeOver<'a> {
    pub(super) tenant: &'a str,
    pub(super) origin: Origin,
    /// The database's head.
    pub(super) head: TreeSize,
    /// The folder of what this server published.
    pub(super) tiles: &'a Path,
    pub(super) signer: &'a dyn Signer,
}

/// Refuses a head that is behind what a witness cosigned, and published files that it calls another history.
///
/// # Errors
/// [`FatalError::BehindWitness`], [`FatalError::WitnessContradicts`].
pub(super) async fn check(witnesses: &Witnesses, what: &TakeOver<'_>) -> Result<(), FatalError> {
    let empty = Checkpoint { origin: what.origin.clone(), size: TreeSize(0), root: empty_root() };
    let signed = what.signer.sign(&empty.to_string()).await.map_err(|error| FatalError::Sign(error.reason))?;
    let empty =
        SignedCheckpoint::parse(signed.as_bytes()).map_err(|_| FatalError::Sign("what it signed is no checkpoint"))?;
    let published = read_published(what.tiles);
    let looks = witnesses.policy.witnesses().iter().zip(&witnesses.asked).filter_map(|(trusted, asked)| {
        let look = Look { name: &trusted.name, witness: asked.as_ref()?, what };
        Some(look.take(&empty, published.as_ref()))
    });
    join_all(looks).await.into_iter().collect()
}

/// What was published is only evidence here: a folder that can't be read is the follower's to report.
fn read_published(tiles: &Path) -> Option<SignedCheckpoint> {
    TileDir::open(tiles).checkpoint().ok().flatten()
}

struct Look<'a> {
    name: &'a str,
    witness: &'a Arc<dyn Witness>,
    what: &'a TakeOver<'a>,
}

impl Look<'_> {
    async fn take(self, empty: &SignedCheckpoint, published: Option<&SignedCheckpoint>) -> Result<(), FatalError> {
        let wait = Duration::from_millis(WITNESS_LOOK_MS_MAX);
        let looked = tokio::time::timeout(wait, self.look(empty, published)).await;
        looked.unwrap_or_else(|_| {
            self.pass_over("it doesn't answer");
            Ok(())
        })
    }

    async fn look(&self, empty: &SignedCheckpoint, published: Option<&SignedCheckpoint>) -> Result<(), FatalError> {
        let question = AddCheckpoint { old: TreeSize(0), path: Vec::new(), checkpoint: empty.clone() };
        let newest = match self.witness.add_checkpoint(&question).await {
            Ok(_) => return Ok(()),
            Err(Unwitnessed::Conflict { newest }) => newest,
            Err(
                other @ (Unwitnessed::Inconsistent | Unwitnessed::Refused { .. } | Unwitnessed::Unreachable { .. }),
            ) => {
                self.pass_over(&other.to_string());
                return Ok(());
            }
        };
        let head = self.what.head;
        if newest > head {
            return Err(FatalError::BehindWitness { head, witness: self.name.to_owned(), cosigned: newest });
        }
        match published.filter(|signed| signed.unverified().size >= newest) {
            Some(signed) => self.confirm(newest, signed).await,
            // What it cosigned after the last publication is held against it by the next one.
            None => Ok(()),
        }
    }

    /// Asks whether what was published here continues what the witness cosigned. Nothing new is signed for it.
    async fn confirm(&self, newest: TreeSize, signed: &SignedCheckpoint) -> Result<(), FatalError> {
        let size = signed.unverified().size;
        // Tiles can be made again: damaged ones are the follower's to report.
        let Ok(path) = consistency_path(&TileDir::open(self.what.tiles).tree(size), newest, size) else {
            return Ok(());
        };
        let question = AddCheckpoint { old: newest, path, checkpoint: signed.clone() };
        match self.witness.add_checkpoint(&question).await {
            Ok(_) => Ok(()),
            Err(Unwitnessed::Conflict { newest: again }) if again != newest => Ok(()),
            Err(Unwitnessed::Inconsistent | Unwitnessed::Conflict { .. }) => {
                Err(FatalError::WitnessContradicts { size, witness: self.name.to_owned() })
            }
            Err(other @ (Unwitnessed::Refused { .. } | Unwitnessed::Unreachable { .. })) => {
                self.pass_over(&other.to_string());
                Ok(())
            }
        }
    }

    fn pass_over(&self, reason: &str) {
        emit(&Occurrence::Witness(Witnessing::NotLookedAt { tenant: self.what.tenant, witness: self.name, reason }));
    }
}
