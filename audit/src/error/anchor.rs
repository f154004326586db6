//! Why an anchor's receipt proves nothing, by the words that `--json` gives.

use std::fmt;

/// What is wrong with a receipt of an outside party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorFault {
    /// It has not the form that its standard prescribes; the rule that was broken, never a piece of the input.
    Malformed(&'static str),
    /// The party refused: its answer holds no receipt; why, as it says.
    Status(&'static str),
    /// It is over another text than the checkpoint's.
    Imprint,
    /// It answers another request than ours.
    Nonce,
    /// It was given under another policy than was asked for.
    Policy,
    /// Its signed attributes are missing or contradict what they are about.
    Attributes,
    /// The certificate that its signature names is not in it.
    Certificate,
    /// Its certificate is not for time stamps, and for nothing else.
    Usage,
    /// Its certificate does not lead to a trusted authority.
    Untrusted,
    /// A certificate was not valid at the time that it states.
    Expired,
    /// It is signed or hashed in a way that is not accepted.
    Algorithm,
    /// The signature does not verify.
    Signature,
    /// Its batch root is not over the log's leaves.
    Batch,
    /// The checkpoint that it is said to be over is none that the log had before the entry.
    Checkpoint,
}

impl AnchorFault {
    /// Returns the stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Status(_) => "status",
            Self::Imprint => "imprint",
            Self::Nonce => "nonce",
            Self::Policy => "policy",
            Self::Attributes => "attributes",
            Self::Certificate => "certificate",
            Self::Usage => "usage",
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Batch => "batch",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// Returns what it means.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Malformed(reason) | Self::Status(reason) => reason,
            Self::Imprint => "it is over another text than this checkpoint",
            Self::Nonce => "it answers another request",
            Self::Policy => "it was given under another policy than was asked for",
            Self::Attributes => "its signed attributes are missing or contradict it",
            Self::Certificate => "the certificate that it was signed with is not in it",
            Self::Usage => "its certificate is not for time stamps alone",
            Self::Untrusted => "its certificate does not lead to a trusted authority",
            Self::Expired => "a certificate was not valid at the time that it states",
            Self::Algorithm => "it is signed in a way that is not accepted",
            Self::Signature => "its signature does not verify",
            Self::Batch => "its batch root is not over the log's leaves",
            Self::Checkpoint => "the checkpoint is none that the log had before this entry",
        }
    }
}

impl fmt::Display for AnchorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.about(), self.word())
    }
}
