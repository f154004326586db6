//! Classes of errors: what a program that asks the verifier distinguishes.

/// Classes of errors; each has its own exit code and stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A file could not be read or written.
    Io,
    /// The input does not have its prescribed form.
    Malformed,
    /// The input is of an unknown version.
    UnknownVersion,
    /// No trusted signature, or a wrong one.
    BadSignature,
    /// A hash or proof does not lead to the signed root.
    BadProof,
    /// An opened text is not what was committed to.
    BadCommitment,
    /// An entry does not link to the ones before.
    ChainBreak,
    /// Two signed trees contradict each other.
    Fork,
    /// A log became shorter.
    Rollback,
    /// Covered entries are missing.
    Gap,
    /// The newest entry is too old.
    Stale,
    /// Two documents are of different logs.
    OtherLog,
    /// Too few trusted witnesses have cosigned.
    NoQuorum,
    /// Everything that is there is valid, and the log itself declares that entries were lost. No error has this class.
    DeclaredGap,
    /// A gap is declared by nobody, or not as it is.
    FalseDeclaration,
    /// An outside party's receipt proves nothing.
    BadAnchor,
    /// The second signature by national algorithms is missing, or vouches for something else than the entries.
    National,
}

impl Class {
    /// All classes, in the order of their exit codes.
    pub const ALL: [Self; 17] = [
        Self::Io,
        Self::Malformed,
        Self::UnknownVersion,
        Self::BadSignature,
        Self::BadProof,
        Self::BadCommitment,
        Self::ChainBreak,
        Self::Fork,
        Self::Rollback,
        Self::Gap,
        Self::Stale,
        Self::OtherLog,
        Self::NoQuorum,
        Self::DeclaredGap,
        Self::FalseDeclaration,
        Self::BadAnchor,
        Self::National,
    ];

    /// Returns the process exit code of this class. Codes are never given a new meaning.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Io => 3,
            Self::Malformed => 10,
            Self::UnknownVersion => 11,
            Self::BadSignature => 12,
            Self::BadProof => 13,
            Self::BadCommitment => 14,
            Self::ChainBreak => 15,
            Self::Fork => 16,
            Self::Rollback => 17,
            Self::Gap => 18,
            Self::Stale => 19,
            Self::OtherLog => 20,
            Self::NoQuorum => 21,
            Self::DeclaredGap => 22,
            Self::FalseDeclaration => 23,
            Self::BadAnchor => 24,
            Self::National => 25,
        }
    }

    /// Returns the stable name used in `--json` output and in the golden vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::BadSignature => "bad_signature",
            Self::BadProof => "bad_proof",
            Self::BadCommitment => "bad_commitment",
            Self::ChainBreak => "chain_break",
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Gap => "gap",
            Self::Stale => "stale",
            Self::OtherLog => "other_log",
            Self::NoQuorum => "no_quorum",
            Self::DeclaredGap => "declared_gap",
            Self::FalseDeclaration => "false_declaration",
            Self::BadAnchor => "bad_anchor",
            Self::National => "national",
        }
    }
}
