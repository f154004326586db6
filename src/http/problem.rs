//! Why a request was not answered as hoped: every refusal of the rooms below becomes one problem document (RFC 9457).
//!
//! This is the only place where an error turns into a status and words. Nothing of a request's content is in a problem: the
//! types that come in here hold names of ours, numbers and offsets.

mod kinds;
mod phrases;
mod render;

use super::oidc::ProviderError;
use crate::limits::{HEADER_BYTES_MAX, REQUEST_BODY_WAIT_MS_MAX, REQUESTS_PER_CONNECTION_MAX};
use crate::pipeline::{Activation, Refusal};
use crate::ports::ChannelError;
use crate::wire::{JsonError, QueryError};

use kinds::Kind;
pub use render::ProblemDetails;
pub(super) use render::{Language, render, replacement};

/// A request that gets a problem document for an answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The pipeline refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A masking policy was not taken.
    #[error(transparent)]
    Policy(#[from] Activation),
    /// The channel refused.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The body is not the JSON that the address takes.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The query is not what the address takes.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A needed header is missing.
    #[error("header {name} is missing")]
    MissingHeader {
        /// Its name.
        name: &'static str,
    },
    /// A header can't be read.
    #[error("header {name}: expected {expected}")]
    MalformedHeader {
        /// Its name.
        name: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The content type is not JSON.
    #[error("the content type is not application/json")]
    NotJson,
    /// The content is not CSV in UTF-8.
    #[error("the content is not text/csv in UTF-8")]
    NotCsv,
    /// The content type is not that of a file.
    #[error("the content type is not application/octet-stream")]
    NotOctets,
    /// The bank's identity provider failed or refused.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Another site's page asks.
    #[error("the request comes from a page of another site")]
    WrongOrigin,
    /// The body is longer than its address takes.
    #[error("the body is longer than {bytes_max} bytes")]
    BodyTooLarge {
        /// What it takes, in bytes.
        bytes_max: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The body's framing is broken.
    #[error("the body is cut off")]
    BodyCutOff,
    /// The request asks for no socket where there is nothing else.
    #[error("the request asks for no socket")]
    NotASocket,
    /// The pages of the web part were not built with this program.
    #[error("the web part was not built")]
    NotBuilt,
    /// Address and headers are longer than [`HEADER_BYTES_MAX`].
    #[error("the head is longer than {HEADER_BYTES_MAX} bytes")]
    HeadTooLarge,
    /// Too many requests of one connection are under way.
    #[error("more than {REQUESTS_PER_CONNECTION_MAX} requests of one connection are under way")]
    TooManyAtOnce,
    /// The channel account needs a client certificate that the request didn't come with.
    #[error("the request needs the client certificate of its channel account")]
    WrongCertificate,
    /// An address, an account or a tenant asks too often.
    #[error("too many requests")]
    RateLimited {
        /// How long to wait, in seconds.
        retry_after_s: u64,
    },
}

/// Every problem's stable code.
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    kinds::ALL.iter().map(|kind| kind.code)
}

/// What stands in a blank of a kind's words.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fill {
    /// A name of ours: a field, a header. It is the same in each language.
    Name(&'static str),
    /// A phrase, to be translated.
    Phrase(&'static str),
    /// A number.
    Number(i64),
    /// A text of a policy file, or about one: it is no customer data.
    Text(String),
}

type Fills = Vec<(&'static str, Fill)>;

/// A problem as a line of a socket tells it.
pub(super) struct Told {
    /// Its stable code.
    pub(super) code: &'static str,
    /// What is wrong and the way out.
    pub(super) detail: String,
    /// Seconds after which trying again makes sense.
    pub(super) retry_after_s: Option<u64>,
}

impl Problem {
    /// The problem in the reader's language.
    pub(super) fn in_words(&self, language: Language) -> Told {
        let (kind, fills) = self.told();
        let given = fills.iter().find_map(|(name, fill)| match fill {
            Fill::Number(seconds) if *name == "retry_after_s" => u64::try_from(*seconds).ok(),
            Fill::Number(_) | Fill::Name(_) | Fill::Phrase(_) | Fill::Text(_) => None,
        });
        let detail = render::details(kind, &fills, language).detail;
        Told { code: kind.code, detail, retry_after_s: given.or(kind.retry_after_s) }
    }

    /// The kind, and what its words leave blank.
    fn told(&self) -> (&'static Kind, Fills) {
        match self {
            Self::Refused(refusal) => of_refusal(refusal),
            Self::Policy(error) => of_policy(error),
            Self::Channel(error) => of_channel(error),
            Self::Json(error) => (
                &kinds::MALFORMED_BODY,
                vec![("offset", number(error.offset)), ("expected", Fill::Phrase(error.fault.expected()))],
            ),
            Self::Query(error) => field(error.field.unwrap_or("query"), error.expected),
            Self::MissingHeader { name } => (&kinds::MISSING_HEADER, vec![("field", Fill::Name(name))]),
            Self::MalformedHeader { name, expected } => header(name, expected),
            Self::NotJson => (&kinds::NOT_JSON, Vec::new()),
            Self::NotOctets => (&kinds::NOT_OCTETS, Vec::new()),
            Self::NotCsv => (&kinds::NOT_CSV, Vec::new()),
            Self::Provider(ProviderError::Unavailable { expected }) => {
                (&kinds::PROVIDER_UNAVAILABLE, vec![("expected", Fill::Phrase(expected))])
            }
            Self::Provider(ProviderError::Refused { expected }) => {
                (&kinds::PROVIDER_REFUSED, vec![("expected", Fill::Phrase(expected))])
            }
            Self::WrongOrigin => (&kinds::WRONG_ORIGIN, Vec::new()),
            Self::BodyTooLarge { bytes_max } => (&kinds::BODY_TOO_LARGE, vec![("max_bytes", number(*bytes_max))]),
            Self::BodyTimeout => (&kinds::BODY_TIMEOUT, vec![("wait_s", number(REQUEST_BODY_WAIT_MS_MAX / 1_000))]),
            Self::BodyCutOff => (&kinds::BODY_CUT_OFF, Vec::new()),
            Self::NotASocket => (&kinds::NOT_A_SOCKET, Vec::new()),
            Self::NotBuilt => (&kinds::NOT_BUILT, Vec::new()),
            Self::HeadTooLarge => (&kinds::HEAD_TOO_LARGE, vec![("max_bytes", number(HEADER_BYTES_MAX))]),
            Self::TooManyAtOnce => (&kinds::TOO_MANY_AT_ONCE, vec![("max", number(REQUESTS_PER_CONNECTION_MAX))]),
            Self::WrongCertificate => (&kinds::WRONG_CERTIFICATE, Vec::new()),
            Self::RateLimited { retry_after_s } => {
                (&kinds::RATE_LIMITED, vec![("retry_after_s", number(*retry_after_s))])
            }
        }
    }
}

fn of_refusal(refusal: &Refusal) -> (&'static Kind, Fills) {
    match refusal {
        Refusal::NotFound { what } => (&kinds::NOT_FOUND, vec![("what", Fill::Phrase(what))]),
        Refusal::NotSendable { reason } => (&kinds::NOT_SENDABLE, vec![("reason", Fill::Phrase(reason.in_words()))]),
        Refusal::Forbidden => (&kinds::FORBIDDEN, Vec::new()),
        Refusal::BadCredentials => (&kinds::BAD_CREDENTIALS, Vec::new()),
        Refusal::Throttled { retry_after_s } => (&kinds::THROTTLED, vec![("retry_after_s", number(*retry_after_s))]),
        Refusal::MustChangePassword => (&kinds::MUST_CHANGE_PASSWORD, Vec::new()),
        Refusal::AccountLocked => (&kinds::ACCOUNT_LOCKED, Vec::new()),
        Refusal::FactorRequired => (&kinds::SECOND_FACTOR_REQUIRED, Vec::new()),
        Refusal::MustEnrol => (&kinds::MUST_ENROL, Vec::new()),
        Refusal::BadCode => (&kinds::BAD_CODE, Vec::new()),
        Refusal::LastAdmin => (&kinds::LAST_ADMIN, Vec::new()),
        Refusal::Line { line, column, expected } => (
            &kinds::INVALID_LINE,
            vec![("line", number(*line)), ("field", Fill::Name(column)), ("expected", Fill::Phrase(expected))],
        ),
        Refusal::Invalid { field: name, expected } => field(name, expected),
        Refusal::Conflict => (&kinds::CONFLICT, Vec::new()),
        Refusal::NoPlace => (&kinds::NO_PLACE, Vec::new()),
        Refusal::KeyReused { first } => (&kinds::KEY_REUSED, vec![("first_index", number(first.0))]),
        Refusal::Overloaded => (&kinds::OVERLOADED, Vec::new()),
        Refusal::Unavailable => (&kinds::UNAVAILABLE, Vec::new()),
        Refusal::Unknown => (&kinds::OUTCOME_UNKNOWN, Vec::new()),
        Refusal::Stopped => (&kinds::LEDGER_STOPPED, Vec::new()),
        Refusal::NotPublished => (&kinds::NOT_PUBLISHED, Vec::new()),
        Refusal::Differs { index } => (&kinds::LEDGER_DIFFERS, vec![("index", number(index.0))]),
        Refusal::NotReversible => (&kinds::NOT_REVERSIBLE, Vec::new()),
        Refusal::Lapsed => (&kinds::LAPSED, Vec::new()),
        Refusal::TooOften { retry_after_s } => (&kinds::TOO_OFTEN, vec![("retry_after_s", number(*retry_after_s))]),
        Refusal::NoPolicy => (&kinds::NO_POLICY, Vec::new()),
        Refusal::NotReady => (&kinds::NOT_READY, Vec::new()),
        Refusal::NeverPublished { waited_s } => (&kinds::NEVER_PUBLISHED, vec![("waited_s", number(*waited_s))]),
        Refusal::PackageTooLarge { max_bytes } => (&kinds::PACKAGE_TOO_LARGE, vec![("max_bytes", number(*max_bytes))]),
        Refusal::ErasedMeanwhile => (&kinds::ERASED_MEANWHILE, Vec::new()),
        Refusal::Erased => (&kinds::ERASED, Vec::new()),
        Refusal::Held => (&kinds::HELD, Vec::new()),
        Refusal::SamePerson => (&kinds::SAME_PERSON, Vec::new()),
        Refusal::Overtaken => (&kinds::OVERTAKEN, Vec::new()),
        Refusal::Unreviewed => (&kinds::UNREVIEWED, Vec::new()),
        Refusal::Leaving(_) => (&kinds::HELD_LEAVING, Vec::new()),
        Refusal::HeldOver => (&kinds::HELD_OVER, Vec::new()),
        Refusal::NotReleasable => (&kinds::NOT_RELEASABLE, Vec::new()),
        Refusal::NotAllowed { key } => (&kinds::NOT_ALLOWED, vec![("key", Fill::Name(key))]),
    }
}

fn of_policy(error: &Activation) -> (&'static Kind, Fills) {
    match error {
        Activation::Policy(error) => (&kinds::POLICY_REFUSED, vec![("reason", Fill::Text(error.to_string()))]),
        Activation::Altered(altered) => (&kinds::POLICY_ALTERED, vec![("reason", Fill::Text(altered.to_string()))]),
        Activation::ShowsMore { differences, first } => (
            &kinds::SHOWS_MORE,
            vec![("differences", number(*differences as u64)), ("first", Fill::Text(first.clone()))],
        ),
        Activation::Refused(refusal) => of_refusal(refusal),
    }
}

fn of_channel(error: &ChannelError) -> (&'static Kind, Fills) {
    match error {
        ChannelError::MissingHeader { name: name @ ("signature" | "signature-input") } => {
            (&kinds::NOT_SIGNED, vec![("field", Fill::Name(name))])
        }
        ChannelError::MissingHeader { name } => (&kinds::MISSING_HEADER, vec![("field", Fill::Name(name))]),
        ChannelError::MalformedHeader { name, expected } => header(name, expected),
        ChannelError::NotCovered { component } => (&kinds::NOT_COVERED, vec![("field", Fill::Name(component))]),
        ChannelError::BadSignature => (&kinds::BAD_SIGNATURE, Vec::new()),
        ChannelError::BadDigest => (&kinds::BAD_DIGEST, Vec::new()),
        ChannelError::Stale { skew_s, max_s } => {
            (&kinds::STALE_SIGNATURE, vec![("skew_s", Fill::Number(*skew_s)), ("max_s", Fill::Number(*max_s))])
        }
        ChannelError::MalformedBody { expected, offset } => {
            (&kinds::MALFORMED_BODY, vec![("offset", number(*offset)), ("expected", Fill::Phrase(expected))])
        }
        ChannelError::BadField { field: name, expected } => field(name, expected),
        ChannelError::NotFound { expected } => (&kinds::WRONG_ADDRESS, vec![("expected", Fill::Phrase(expected))]),
    }
}

fn field(name: &'static str, expected: &'static str) -> (&'static Kind, Fills) {
    (&kinds::INVALID_FIELD, vec![("field", Fill::Name(name)), ("expected", Fill::Phrase(expected))])
}

fn header(name: &'static str, expected: &'static str) -> (&'static Kind, Fills) {
    (&kinds::MALFORMED_HEADER, vec![("field", Fill::Name(name)), ("expected", Fill::Phrase(expected))])
}

/// Lengths, offsets and indexes stay far below 2^53.
fn number(value: impl TryInto<i64>) -> Fill {
    Fill::Number(value.try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
