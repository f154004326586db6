//! The formats that parsers read, by the names that errors tell.
//!
//! It knows names only.

use std::fmt;

/// Names the format that a parser was reading when it refused its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A SHA-256 digest in text form.
    Hash,
    /// A 128-bit identifier in text form.
    Id,
    /// A decimal entry index.
    Index,
    /// A decimal tree size.
    Size,
    /// A time of RFC 3339.
    Time,
    /// A log origin.
    Origin,
    /// A short printable label.
    Label,
    /// An entry kind with its version.
    Kind,
    /// A ledger entry.
    Entry,
    /// The packed hashes of a frontier.
    Frontier,
    /// A C2SP signed note.
    Note,
    /// A verifier key in text form.
    VerifierKey,
    /// A private key seed.
    Seed,
    /// A C2SP checkpoint.
    Checkpoint,
    /// A tile of Merkle tree hashes.
    Tile,
    /// A bundle of entries.
    Bundle,
    /// A C2SP transparency log proof.
    Proof,
    /// The opened part of a receipt.
    Receipt,
    /// A C2SP trust policy: logs, witnesses, quorum.
    TrustPolicy,
    /// A request to a witness, or its answer.
    Witnessing,
    /// The sealed ends of chains.
    ChainEnds,
    /// An evidence package, or a file of it.
    Package,
    /// Two signed checkpoints that contradict each other.
    Evidence,
    /// A statement that a log's key changed.
    Rotation,
    /// A declaration that a log goes on in another generation after a gap.
    Generation,
    /// An outside party's receipt for a checkpoint.
    Anchor,
    /// Certificates of time-stamping authorities.
    Authorities,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hash => "hash",
            Self::Id => "identifier",
            Self::Index => "entry index",
            Self::Size => "tree size",
            Self::Time => "time",
            Self::Origin => "origin",
            Self::Label => "label",
            Self::Kind => "kind",
            Self::Entry => "entry",
            Self::Frontier => "frontier",
            Self::Note => "signed note",
            Self::VerifierKey => "verifier key",
            Self::Seed => "key seed",
            Self::Checkpoint => "checkpoint",
            Self::Tile => "tile",
            Self::Bundle => "entry bundle",
            Self::Proof => "proof",
            Self::Receipt => "receipt",
            Self::TrustPolicy => "trust policy",
            Self::Witnessing => "message to or of a witness",
            Self::ChainEnds => "seal of chains",
            Self::Package => "evidence package",
            Self::Evidence => "evidence",
            Self::Rotation => "change of a log's key",
            Self::Generation => "declaration of a gap",
            Self::Anchor => "receipt of an anchor",
            Self::Authorities => "certificates of authorities",
        })
    }
}
