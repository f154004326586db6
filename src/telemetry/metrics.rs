//! The numbers that Prometheus reads (OpenMetrics text, version 1.0.0). `docs/metrics.md` explains each; a test holds the
//! two against each other.

use std::fmt::Error;
use std::sync::LazyLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as Number;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::{Limited, Occurrence, Witnessing};

/// Bounds of buckets in seconds: from a quick answer to the longest wait for the recorder.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];
/// Bounds of buckets in entries, up to the largest batch.
const ENTRIES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

pub(super) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTenant {
    tenant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChannel {
    tenant: String,
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    /// `2xx`, `4xx` and so on: single codes would be many series for little.
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWhom {
    whose: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWitness {
    tenant: String,
    witness: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLog {
    log: String,
    status: String,
}

type Times = Family<OfTenant, Histogram, fn() -> Histogram>;
type Numbers = Family<OfTenant, Number>;

/// Something whose present size is measured from time to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge<'a> {
    /// When the certificate ends, in seconds since 1970.
    CertificateEnd,
    /// When the first list of revoked client certificates is over, in seconds since 1970; 0 without a list.
    ClientCrlEnd,
    /// Whether PostgreSQL answered last time: 1 or 0.
    DatabaseReachable,
    /// Memory of this process, in bytes.
    ResidentBytes,
    /// Files and connections that this process has open.
    OpenFiles,
    /// Conversations in a tenant's queue.
    ConversationsWaiting(&'a str),
    /// Proposals that wait before a tenant's recorder.
    RecorderQueue(&'a str),
    /// Entries of a tenant's log that are signed.
    LogEntries(&'a str),
    /// Signed entries that no published tile covers yet.
    LogUnpublished(&'a str),
    /// Entries of a tenant's log since what the newest seal covers.
    LogUnsealed(&'a str),
    /// Published entries that the copy elsewhere has not.
    MirrorBehind(&'a str),
    /// Whether this server writes the log: 1 or 0.
    LogActive(&'a str),
    /// Data keys of a tenant that an earlier epoch than the newest wraps.
    KeysToRewrap(&'a str),
    /// How long a tenant's publication has been waiting for witnesses, in seconds.
    PublicationWait(&'a str),
}

/// All of them.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<OfStatus, Counter>,
    request_seconds: Histogram,
    rate_limited: Family<OfWhom, Counter>,
    received: Family<OfChannel, Counter>,
    sent: Family<OfTenant, Counter>,
    held: Family<OfTenant, Counter>,
    released: Family<OfTenant, Counter>,
    acknowledgement_seconds: Times,
    batch_entries: Times,
    commit_seconds: Times,
    logins_failed: Family<OfTenant, Counter>,
    erased: Family<OfTenant, Counter>,
    unmasked: Family<OfTenant, Counter>,
    audit_found: Family<OfTenant, Counter>,
    certificate_changes: Counter,
    certificate_refusals: Counter,
    certificate_end: Number,
    client_crl_end: Number,
    panics: Counter,
    waiting: Numbers,
    queue: Numbers,
    entries: Numbers,
    unpublished: Numbers,
    unsealed: Numbers,
    mirror_behind: Numbers,
    active: Numbers,
    to_rewrap: Numbers,
    publication_wait: Numbers,
    witness_answers: Family<OfWitness, Counter>,
    witness_contradictions: Family<OfTenant, Counter>,
    witness_requests: Family<OfLog, Counter>,
    database: Number,
    resident: Number,
    files: Number,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("lww");
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let entries: fn() -> Histogram = || Histogram::new(ENTRIES);
        let put = &mut registry;
        Self {
            requests: register(put, "requests", "Requests answered, by the class of the status", Family::default()),
            request_seconds: register(put, "request_seconds", "Time to answer a request", seconds()),
            rate_limited: register(put, "rate_limited", "Requests refused: too many", Family::default()),
            received: register(put, "messages_received", "Customers' messages recorded", Family::default()),
            sent: register(put, "messages_sent", "Answers recorded", Family::default()),
            held: register(put, "messages_held", "Answers held before they left", Family::default()),
            released: register(put, "messages_released", "Held answers sent as they were", Family::default()),
            acknowledgement_seconds: register(
                put,
                "acknowledgement_seconds",
                "Time from the recorder's queue to its answer",
                Family::new_with_constructor(seconds),
            ),
            batch_entries: register(put, "batch_entries", "Entries a commit", Family::new_with_constructor(entries)),
            commit_seconds: register(put, "commit_seconds", "Time of a commit", Family::new_with_constructor(seconds)),
            logins_failed: register(put, "logins_failed", "Logins with a wrong name or password", Family::default()),
            erased: register(put, "subjects_erased", "Customers erased", Family::default()),
            unmasked: register(put, "values_unmasked", "Masked values opened", Family::default()),
            audit_found: register(
                put,
                "self_audit_findings",
                "What is kept and was not recorded so",
                Family::default(),
            ),
            certificate_changes: register(put, "certificate_changes", "New certificates taken", Counter::default()),
            certificate_refusals: register(put, "certificate_refusals", "New certificates refused", Counter::default()),
            certificate_end: register(put, "certificate_end_seconds", "End of the certificate", Number::default()),
            client_crl_end: register(put, "client_crl_end_seconds", "End of the revocation list", Number::default()),
            panics: register(put, "panics", "Parts of the server that gave up", Counter::default()),
            waiting: register(put, "conversations_waiting", "Conversations in the queue", Family::default()),
            queue: register(put, "recorder_queue_proposals", "Proposals before the recorder", Family::default()),
            entries: register(put, "log_entries", "Signed entries of the log", Family::default()),
            unpublished: register(put, "log_unpublished_entries", "Signed entries without a tile", Family::default()),
            unsealed: register(put, "log_unsealed_entries", "Entries since the newest seal", Family::default()),
            mirror_behind: register(put, "mirror_behind_entries", "Entries that the copy has not", Family::default()),
            active: register(put, "log_active", "Whether this server writes the log", Family::default()),
            to_rewrap: register(put, "keys_to_rewrap", "Data keys under an earlier epoch", Family::default()),
            publication_wait: register(
                put,
                "publication_wait_seconds",
                "How long publication has been waiting for witnesses",
                Family::default(),
            ),
            witness_answers: register(put, "witness_answers", "What witnesses answered", Family::default()),
            witness_contradictions: register(
                put,
                "witness_contradictions",
                "Witnesses that say the log contradicts itself",
                Family::default(),
            ),
            witness_requests: register(put, "witness_requests", "Cosignatures asked for", Family::default()),
            database: register(put, "database_reachable", "Whether PostgreSQL answers", Number::default()),
            resident: register(put, "process_resident_bytes", "Memory of the process", Number::default()),
            files: register(put, "process_open_files", "Open files and connections", Number::default()),
            registry,
        }
    }

    pub(super) fn count(&self, event: &Occurrence<'_>) {
        match *event {
            Occurrence::Answered { status, took } => {
                self.requests.get_or_create(&OfStatus { status: class(status) }).inc();
                self.request_seconds.observe(took.as_secs_f64());
            }
            Occurrence::RateLimited { whose } => {
                let whose = match whose {
                    Limited::Address => "address",
                    Limited::Account => "account",
                    Limited::Connection => "connection",
                };
                self.rate_limited.get_or_create(&OfWhom { whose }).inc();
            }
            Occurrence::Received { tenant, channel } => {
                let labels = OfChannel { tenant: tenant.to_owned(), channel: channel.to_string() };
                self.received.get_or_create(&labels).inc();
            }
            Occurrence::Sent { tenant } => drop(self.sent.get_or_create(&of(tenant)).inc()),
            Occurrence::Held { tenant } => drop(self.held.get_or_create(&of(tenant)).inc()),
            Occurrence::Released { tenant } => drop(self.released.get_or_create(&of(tenant)).inc()),
            Occurrence::Acknowledged { tenant, waited } => {
                self.acknowledgement_seconds.get_or_create(&of(tenant)).observe(waited.as_secs_f64());
            }
            Occurrence::Committed { tenant, entries, took } => {
                let entries = u32::try_from(entries).unwrap_or(u32::MAX);
                self.batch_entries.get_or_create(&of(tenant)).observe(f64::from(entries));
                self.commit_seconds.get_or_create(&of(tenant)).observe(took.as_secs_f64());
            }
            Occurrence::Erased { tenant } => drop(self.erased.get_or_create(&of(tenant)).inc()),
            Occurrence::Unmasked { tenant } => drop(self.unmasked.get_or_create(&of(tenant)).inc()),
            Occurrence::LoginFailed { tenant } => drop(self.logins_failed.get_or_create(&of(tenant)).inc()),
            Occurrence::AuditFound { tenant, .. } => drop(self.audit_found.get_or_create(&of(tenant)).inc()),
            Occurrence::CertificateChanged { .. } => drop(self.certificate_changes.inc()),
            Occurrence::CertificateRefused { .. } => drop(self.certificate_refusals.inc()),
            Occurrence::Panicked { .. } => drop(self.panics.inc()),
            Occurrence::Witness(event) => self.count_witness(event),
            Occurrence::Confined { .. }
            | Occurrence::CertificateEnding { .. }
            | Occurrence::ClientAuthorityRead
            | Occurrence::ClientCrlOver { .. } => {}
        }
    }

    fn count_witness(&self, event: Witnessing<'_>) {
        match event {
            Witnessing::Answered { tenant, witness, state, .. } => {
                let labels = OfWitness { tenant: tenant.to_owned(), witness: witness.to_owned(), state };
                self.witness_answers.get_or_create(&labels).inc();
            }
            Witnessing::Contradicts { tenant, .. } => {
                self.witness_contradictions.get_or_create(&of(tenant)).inc();
            }
            Witnessing::Asked { log, status } => {
                let labels = OfLog { log: log.to_owned(), status: status.to_string() };
                self.witness_requests.get_or_create(&labels).inc();
            }
            Witnessing::PublicationWaits { .. }
            | Witnessing::PublicationGoesOn { .. }
            | Witnessing::LogForked { .. }
            | Witnessing::ClockBehind { .. }
            | Witnessing::StateFailed { .. }
            | Witnessing::NotLookedAt { .. } => {}
        }
    }
}

/// Says how large something is at present.
pub fn gauge(gauge: Gauge<'_>, value: i64) {
    let metrics = &*METRICS;
    match gauge {
        Gauge::CertificateEnd => metrics.certificate_end.set(value),
        Gauge::ClientCrlEnd => metrics.client_crl_end.set(value),
        Gauge::DatabaseReachable => metrics.database.set(value),
        Gauge::ResidentBytes => metrics.resident.set(value),
        Gauge::OpenFiles => metrics.files.set(value),
        Gauge::ConversationsWaiting(tenant) => metrics.waiting.get_or_create(&of(tenant)).set(value),
        Gauge::RecorderQueue(tenant) => metrics.queue.get_or_create(&of(tenant)).set(value),
        Gauge::LogEntries(tenant) => metrics.entries.get_or_create(&of(tenant)).set(value),
        Gauge::LogUnpublished(tenant) => metrics.unpublished.get_or_create(&of(tenant)).set(value),
        Gauge::KeysToRewrap(tenant) => metrics.to_rewrap.get_or_create(&of(tenant)).set(value),
        Gauge::PublicationWait(tenant) => metrics.publication_wait.get_or_create(&of(tenant)).set(value),
        Gauge::LogUnsealed(tenant) => metrics.unsealed.get_or_create(&of(tenant)).set(value),
        Gauge::MirrorBehind(tenant) => metrics.mirror_behind.get_or_create(&of(tenant)).set(value),
        Gauge::LogActive(tenant) => metrics.active.get_or_create(&of(tenant)).set(value),
    };
}

/// Writes every metric down as OpenMetrics text.
///
/// # Errors
/// None in practice: writing to a string doesn't fail.
pub fn render() -> Result<String, Error> {
    let mut text = String::new();
    encode(&mut text, &METRICS.registry)?;
    Ok(text)
}

fn register<M: Metric + Clone>(registry: &mut Registry, name: &'static str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn of(tenant: &str) -> OfTenant {
    OfTenant { tenant: tenant.to_owned() }
}

const fn class(status: u16) -> &'static str {
    match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::domain::event::{Found, FoundPart};
    use crate::units::Timestamp;

    #[test]
    fn every_metric_is_in_the_document_and_the_other_way_round() {
        let (tenant, took, until) = ("bank", Duration::from_millis(1), Timestamp::from_micros(0));
        let found = Found { part: FoundPart::Row, name: "ledger_entry".to_owned(), index: None };
        for occurrence in [
            Occurrence::Answered { status: 200, took },
            Occurrence::RateLimited { whose: Limited::Address },
            Occurrence::Received { tenant, channel: &"http:app" },
            Occurrence::Sent { tenant },
            Occurrence::Held { tenant },
            Occurrence::Released { tenant },
            Occurrence::Acknowledged { tenant, waited: took },
            Occurrence::Committed { tenant, entries: 1, took },
            Occurrence::Erased { tenant },
            Occurrence::Unmasked { tenant },
            Occurrence::LoginFailed { tenant },
            Occurrence::AuditFound { tenant, found: &found, what: "changed" },
            Occurrence::CertificateChanged { until },
            Occurrence::CertificateRefused { error: &"broken" },
            Occurrence::CertificateEnding { days: 1, until },
            Occurrence::Panicked { at: &"src/lib.rs:1:1", what: "broken" },
            Occurrence::Witness(Witnessing::Answered {
                tenant,
                witness: "w1",
                state: "cosigned",
                reason: "",
                is_new: true,
            }),
            Occurrence::Witness(Witnessing::Contradicts { tenant, witness: "w1", reason: "fork", file: &"file" }),
            Occurrence::Witness(Witnessing::Asked { log: "lww.local/bank/1", status: 200 }),
        ] {
            METRICS.count(&occurrence);
        }
        for measured in [
            Gauge::CertificateEnd,
            Gauge::DatabaseReachable,
            Gauge::ResidentBytes,
            Gauge::OpenFiles,
            Gauge::ConversationsWaiting(tenant),
            Gauge::RecorderQueue(tenant),
            Gauge::LogEntries(tenant),
            Gauge::LogUnpublished(tenant),
            Gauge::LogUnsealed(tenant),
            Gauge::MirrorBehind(tenant),
            Gauge::LogActive(tenant),
            Gauge::KeysToRewrap(tenant),
            Gauge::PublicationWait(tenant),
        ] {
            gauge(measured, 1);
        }
        let rendered = render().unwrap();
        let registered: BTreeSet<&str> =
            rendered.lines().filter_map(|line| line.strip_prefix("# TYPE lww_")?.split(' ').next()).collect();
        let document = include_str!("../../docs/metrics.md");
        let explained: BTreeSet<&str> =
            document.lines().filter_map(|line| line.strip_prefix("| `lww_")?.split('`').next()).collect();
        assert_eq!(registered, explained);
    }
}
