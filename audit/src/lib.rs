//! The ledger of Liaowaiwai: its format, its proofs and their verification.
//!
//! Everything that decides whether a record is genuine lives in this crate, so that an auditor can read it on its
//! own: hashes, entries, the Merkle tree, signed notes, tiles, receipts. It deliberately knows nothing of networks,
//! databases, clocks or the server; the only input and output is reading and writing a tile directory.
//! `FORMAT.md` beside this crate describes the same formats for a second, independent implementation.
//!
//! Sources: C2SP `signed-note`, `tlog-checkpoint`, `tlog-tiles`, `tlog-proof`,
//! `tlog-cosignature`, `tlog-policy`, `tlog-witness`; RFC 6962, RFC 9162, RFC 8785; RFC 3161, RFC 5652.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod anchor;
pub mod bracket;
pub mod canonical;
pub mod checkpoint;
pub mod cosignature;
pub mod entry;
pub mod error;
pub mod evidence;
pub mod export;
pub mod fsck;
pub mod generation;
pub mod merkle;
pub mod national;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod rotation;
pub mod sample;
pub mod seal;
pub mod tile;
pub mod time;
pub mod timestamp;
pub mod trust;
pub mod types;
pub mod witness;

pub use anchor::AnchorReceipt;
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use cosignature::{Cosigner, CosignerKey};
pub use entry::{Entry, Kind};
pub use error::{Class, Error};
pub use evidence::Evidence;
pub use generation::{Declaration, Generations, SignedDeclaration};
pub use national::{Sm2Key, Sm2Signer};
pub use note::{Note, NoteSigner, VerifierKey};
pub use proof::TlogProof;
pub use receipt::{Opened, Receipt, Verified};
pub use rotation::{Rotation, SignedRotation};
pub use tile::{ShadowDir, ShadowWriter, TileDir, TileWriter};
pub use time::Timestamp;
pub use trust::TrustPolicy;
pub use types::{EntryIndex, Hash, Id128, Origin, TreeSize};
