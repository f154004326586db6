//! Looks after the certificate that HTTPS shows and the CA of those that clients show: takes a new one when its files change or on SIGHUP, and raises an alarm 30,
//! 14, 7 and 1 days before its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::crypto::SystemClock;
use crate::crypto::dev_ca::dev_certificate;
use crate::crypto::live_authority::LiveAuthority;
use crate::crypto::live_certificate::LiveCertificate;
use crate::ports::Clock;
use crate::telemetry::{Gauge, Occurrence, emit, gauge};
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const DAY_MICROS: i64 = 86_400 * MICROS_PER_SECOND;
/// Days before the end at which an alarm is raised; the last one says that it is over.
const ALARM_DAYS: [i64; 5] = [30, 14, 7, 1, -1];

/// What is looked after.
pub(super) struct Watch {
    pub(super) live: Arc<LiveCertificate>,
    /// The CAs of clients' certificates, one a listener.
    pub(super) authorities: Vec<Arc<LiveAuthority>>,
    /// Folder and address of the development certificate, when that is the one: it is made anew in time.
    pub(super) development: Option<(PathBuf, SocketAddr)>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Watches a certificate and nothing else, until `stopping`.
pub(super) fn watch(live: Arc<LiveCertificate>, stopping: watch::Receiver<bool>) {
    let clock = Arc::new(SystemClock);
    tokio::spawn(Watch { live, authorities: Vec::new(), development: None, clock }.run(stopping));
}

impl Watch {
    /// Watches until the server stops.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        // Without the signal there are still the looks.
        let mut hangups = signal(SignalKind::hangup()).ok();
        let mut alarm = None;
        let mut told = None;
        let mut is_asked = false;
        while !*stopping.borrow() {
            alarm = self.look(is_asked, alarm);
            told = self.look_at_lists(told);
            let hangup = async {
                match &mut hangups {
                    Some(hangups) => hangups.recv().await,
                    None => std::future::pending().await,
                }
            };
            is_asked = tokio::select! {
                _ = hangup => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
                _ = stopping.changed() => false,
            };
        }
    }

    /// Takes what changed, and raises the alarm that is due; gives the alarm that was raised last.
    fn look(&self, is_asked: bool, alarm: Option<i64>) -> Option<i64> {
        self.look_at_authorities(is_asked);
        let now = self.clock.now();
        let mut alarm = alarm;
        if let Some((folder, address)) = &self.development
            && due(days_left(self.live.chain().until, now)).is_some()
            && let Err(error) = dev_certificate(folder, *address, now)
        {
            emit(&Occurrence::CertificateRefused { error: &error });
        }
        if self.live.has_changed() || is_asked {
            match self.live.reload(now) {
                Ok(chain) => {
                    emit(&Occurrence::CertificateChanged { until: chain.until });
                    alarm = None;
                }
                Err(error) => emit(&Occurrence::CertificateRefused { error: &error }),
            }
        }
        let until = self.live.chain().until;
        gauge(Gauge::CertificateEnd, until.as_micros() / MICROS_PER_SECOND);
        let days = days_left(until, now);
        let due = due(days);
        if due.is_some() && due != alarm {
            emit(&Occurrence::CertificateEnding { days, until });
        }
        due
    }

    /// Raises the alarm when a list of revoked certificates is over, once for each; gives the end that was told last.
    fn look_at_lists(&self, told: Option<Timestamp>) -> Option<Timestamp> {
        let end = self.authorities.iter().filter_map(|authority| authority.crl_end()).min();
        gauge(Gauge::ClientCrlEnd, end.map_or(0, |end| end.as_micros() / MICROS_PER_SECOND));
        let over = end.filter(|end| *end < self.clock.now());
        if let Some(end) = over.filter(|_| over != told) {
            emit(&Occurrence::ClientCrlOver { end });
        }
        over
    }

    fn look_at_authorities(&self, is_asked: bool) {
        for authority in &self.authorities {
            if authority.has_changed() || is_asked {
                match authority.reload() {
                    Ok(()) => emit(&Occurrence::ClientAuthorityRead),
                    Err(error) => emit(&Occurrence::CertificateRefused { error: &error }),
                }
            }
        }
    }
}

fn days_left(until: Timestamp, now: Timestamp) -> i64 {
    (until.as_micros() - now.as_micros()).div_euclid(DAY_MICROS)
}

/// The alarm that holds with so many days left.
fn due(days: i64) -> Option<i64> {
    ALARM_DAYS.into_iter().rev().find(|alarm| days <= *alarm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_due_thirty_fourteen_seven_and_one_days_before_the_end_and_after_it() {
        for (days, expect) in [
            (90, None),
            (31, None),
            (30, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
            (0, Some(1)),
            (-1, Some(-1)),
            (-100, Some(-1)),
        ] {
            assert_eq!(due(days), expect, "{days} days");
        }
        let at = |seconds: i64| Timestamp::from_micros(seconds * MICROS_PER_SECOND);
        assert_eq!(days_left(at(86_400 * 2), at(1)), 1);
        assert_eq!(days_left(at(0), at(1)), -1);
    }
}
