//! What happens inside the server, as typed events: each is a line of log, a number that Prometheus reads, or both.
//!
//! An event holds ids, counts, times and names that an operator gave (tenants, channel accounts); never content, never a
//! customer or a member of staff. Other rooms say what happened; how it is logged and counted is decided here. Counting is
//! process-wide, like logging itself.

mod metrics;
mod witness;

use std::fmt::Display;
use std::time::Duration;

pub use metrics::{Gauge, gauge, render};
pub use witness::Witnessing;

use crate::domain::event::Found;
use crate::units::Timestamp;
use metrics::METRICS;

/// Whose requests were refused because there were too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// An address that proved nobody.
    Address,
    /// A member of staff or a channel account, or its tenant.
    Account,
    /// One connection with too much under way, or with frames that it may not send.
    Connection,
}

/// How far the server has restricted itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// To its own files, and to no programs.
    Full,
    /// To what an older kernel can.
    Partial,
    /// The kernel has no Landlock.
    Unsupported,
    /// The kernel refused.
    Refused,
    /// A private PostgreSQL needs more than the server.
    PrivateDatabase,
    /// The configuration says no.
    NotWanted,
}

/// Something that happened.
#[derive(Clone, Copy)]
pub enum Occurrence<'a> {
    /// A request was answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// How long it took.
        took: Duration,
    },
    /// A request or a connection was refused: too many.
    RateLimited {
        /// Whose.
        whose: Limited,
    },
    /// A customer's message is recorded.
    Received {
        /// The tenant's name.
        tenant: &'a str,
        /// Channel and account.
        channel: &'a dyn Display,
    },
    /// An answer is recorded.
    Sent {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// An answer was held before it left.
    Held {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// A held answer was sent as it was written.
    Released {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// Somebody's caller has the recorder's answer.
    Acknowledged {
        /// The tenant's name.
        tenant: &'a str,
        /// Since it was handed to the recorder.
        waited: Duration,
    },
    /// A batch was written.
    Committed {
        /// The tenant's name.
        tenant: &'a str,
        /// Entries in it.
        entries: usize,
        /// How long the transaction took.
        took: Duration,
    },
    /// A customer was erased.
    Erased {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// A masked value was opened.
    Unmasked {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// A login failed.
    LoginFailed {
        /// The tenant's name.
        tenant: &'a str,
    },
    /// The server starts, restricted so far.
    Confined {
        /// How far.
        how: Confinement,
        /// Whether it runs as root.
        as_root: bool,
    },
    /// Something that the server keeps is not what was recorded.
    AuditFound {
        /// The tenant's name.
        tenant: &'a str,
        /// What, and where.
        found: &'a Found,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Handshakes show another certificate from here on.
    CertificateChanged {
        /// Until when it is valid.
        until: Timestamp,
    },
    /// The CA of clients' certificates was read again.
    ClientAuthorityRead,
    /// A list of revoked clients' certificates is over: nobody gets in by a certificate.
    ClientCrlOver {
        /// Since when.
        end: Timestamp,
    },
    /// A new certificate, or a CA of clients' certificates, can't be used; the one so far stays.
    CertificateRefused {
        /// Why.
        error: &'a dyn Display,
    },
    /// A part of the server gave up: a mistake of ours. What it was about may quote a customer, and is not told.
    Panicked {
        /// Where in the source: file, line and column.
        at: &'a dyn Display,
        /// The program's own words, when there are any.
        what: &'static str,
    },
    /// Something between a log and its witnesses.
    Witness(Witnessing<'a>),
    /// A certificate ends soon, or has ended.
    CertificateEnding {
        /// Days that are left; negative when it has ended.
        days: i64,
        /// Until when it is valid.
        until: Timestamp,
    },
}

/// Says that something happened.
pub fn emit(event: &Occurrence<'_>) {
    METRICS.count(event);
    match event {
        // The guard logs requests with their ids; the others are counted only, because there are thousands a second.
        Occurrence::Answered { .. }
        | Occurrence::Received { .. }
        | Occurrence::Sent { .. }
        | Occurrence::Held { .. }
        | Occurrence::Acknowledged { .. }
        | Occurrence::Committed { .. } => {}
        Occurrence::Released { tenant } => tracing::info!(event = "held_message_released", tenant),
        Occurrence::Erased { tenant } => tracing::info!(event = "subject_erased", tenant),
        Occurrence::Unmasked { tenant } => tracing::info!(event = "value_unmasked", tenant),
        Occurrence::RateLimited { whose } => tracing::info!(event = "rate_limited", ?whose),
        Occurrence::Confined { how, as_root: true } => {
            tracing::warn!(event = "confined", ?how, "the server runs as root: give it an account of its own");
        }
        Occurrence::Confined { how: how @ (Confinement::Unsupported | Confinement::Refused), as_root: false } => {
            tracing::warn!(
                event = "confined",
                ?how,
                "the kernel doesn't confine the server: its service unit alone does"
            );
        }
        Occurrence::Confined { how, as_root: false } => tracing::info!(event = "confined", ?how),
        Occurrence::Panicked { at, what } => tracing::error!(event = "panicked", %at, what, "tell us the place"),
        Occurrence::LoginFailed { tenant } => tracing::info!(event = "login_failed", tenant),
        Occurrence::AuditFound { tenant, found, what } => {
            let (part, name, index) = (found.part.word(), &found.name, found.index.map(|index| index.0));
            tracing::error!(
                event = "audit_found",
                tenant,
                part,
                name,
                index,
                what,
                "what is kept is not what was recorded"
            );
        }
        Occurrence::CertificateChanged { until } => {
            tracing::info!(event = "certificate_changed", %until, "another certificate is shown");
        }
        Occurrence::ClientAuthorityRead => {
            tracing::info!(event = "client_ca_read", "client certificates are held against the CA as it is now");
        }
        Occurrence::ClientCrlOver { end } => {
            tracing::warn!(event = "client_crl_over", %end, "client certificates are refused until a new list is there");
        }
        Occurrence::CertificateRefused { error } => {
            tracing::warn!(event = "certificate_refused", %error, "the new certificate can't be used, the old one stays");
        }
        Occurrence::Witness(event) => witness::log(event),
        Occurrence::CertificateEnding { days, until } => {
            tracing::warn!(event = "certificate_ending", days, %until, "put a new certificate in place of this one");
        }
    }
}
