//! Requests to an address of the configuration, for rooms that know what is asked and not how.

use async_trait::async_trait;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nobody answered in time, or not in HTTP.
    Unreachable,
    /// The certificate is not of the configured authority, or not of this host.
    Untrusted,
    /// The answer is longer than it may be.
    TooLong,
}

impl Unanswered {
    /// What that means, in words for an operator.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "it doesn't answer",
            Self::Untrusted => "its certificate is not of the configured authority, or not of this host",
            Self::TooLong => "its answer is too long",
        }
    }
}

/// An answer with its whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends requests to one address. Bounded in time and length; it follows no redirect and keeps nothing.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends one request, and gives the whole answer.
    ///
    /// # Errors
    /// [`Unanswered`]; what was asked may have been done nevertheless.
    async fn post(&self, content_type: &'static str, body: Vec<u8>) -> Result<Posted, Unanswered>;
}
