//! Asks a witness to cosign: one POST, whose statuses are told apart as the specification says.

use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use lww_audit::note::{NOTE_BYTES_MAX, NoteSignature};
use lww_audit::witness::{AddCheckpoint, parse_cosignatures};
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::super::outgoing::{self, Answer, Bounds, Unanswered};
use super::ADD_CHECKPOINT;
use crate::limits::WITNESS_WAIT_MS_MAX;
use crate::ports::{Unwitnessed, Witness};
use crate::units::TreeSize;

/// A witness at an address.
pub struct HttpWitness {
    uri: Uri,
    tls: Option<TlsConnector>,
}

impl HttpWitness {
    /// A witness below the submission prefix `url`; `None` when that is no address. `tls` checks its certificate when the
    /// address is https.
    pub fn new(url: &str, tls: Option<Arc<ClientConfig>>) -> Option<Self> {
        let uri: Uri = format!("{}{ADD_CHECKPOINT}", url.trim_end_matches('/')).parse().ok()?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return None,
        };
        uri.host()?;
        let tls = if is_tls { Some(TlsConnector::from(tls?)) } else { None };
        Some(Self { uri, tls })
    }
}

#[async_trait]
impl Witness for HttpWitness {
    async fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Vec<NoteSignature>, Unwitnessed> {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = hyper::Request::post(self.uri.path())
            .header(HOST, authority)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(request.to_string())))
            .map_err(|_| Unwitnessed::Unreachable { reason: "its address can't be asked" })?;
        let bounds = Bounds { wait_ms: WITNESS_WAIT_MS_MAX, answer_bytes_max: NOTE_BYTES_MAX };
        let asked = outgoing::ask(&self.uri, self.tls.as_ref(), request, bounds).await;
        let Answer { status, body } = asked.map_err(|unanswered| Unwitnessed::Unreachable {
            reason: match unanswered {
                Unanswered::Unreachable => "it doesn't answer",
                Unanswered::Untrusted => "its certificate is not of the configured authority, or not of this host",
                Unanswered::TooLong => "its answer is too long",
            },
        })?;
        judged(status, &body)
    }
}

fn judged(status: u16, body: &[u8]) -> Result<Vec<NoteSignature>, Unwitnessed> {
    let refused = |reason| Err(Unwitnessed::Refused { status, reason });
    match status {
        200 => parse_cosignatures(body)
            .map_err(|_| Unwitnessed::Unreachable { reason: "its answer is none of a witness: no signature lines" }),
        400 => refused("it calls the request wrong"),
        403 => refused("it doesn't trust the key of this log"),
        404 => refused("it doesn't know this log, or nothing is at this address"),
        409 => match size(body) {
            Some(newest) => Err(Unwitnessed::Conflict { newest }),
            None => Err(Unwitnessed::Unreachable { reason: "its answer is none of a witness: no size" }),
        },
        422 => Err(Unwitnessed::Inconsistent),
        429 => Err(Unwitnessed::Unreachable { reason: "it was asked too often" }),
        500..=599 => Err(Unwitnessed::Unreachable { reason: "it can't cosign at present" }),
        _ => Err(Unwitnessed::Unreachable { reason: "its answer is none of a witness" }),
    }
}

/// A decimal size and a line break.
fn size(body: &[u8]) -> Option<TreeSize> {
    std::str::from_utf8(body).ok()?.strip_suffix('\n')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_told_apart_and_a_strange_answer_is_no_witness_s() {
        let conflict = |newest| Err(Unwitnessed::Conflict { newest: TreeSize(newest) });
        assert_eq!(judged(409, b"17\n"), conflict(17));
        assert_eq!(judged(422, b"anything"), Err(Unwitnessed::Inconsistent));
        for status in [400, 403, 404] {
            assert!(matches!(judged(status, b""), Err(Unwitnessed::Refused { .. })), "{status}");
        }
        let strange: [(u16, &[u8]); 10] = [
            (409, b"17"),
            (409, b" 17\n"),
            (409, b"+17\n"),
            (409, b"017\n"),
            (409, b""),
            (200, b""),
            (200, b"hello\n"),
            (301, b""),
            (429, b""),
            (503, b""),
        ];
        for (status, body) in strange {
            assert!(matches!(judged(status, body), Err(Unwitnessed::Unreachable { .. })), "{status} {body:?}");
        }
    }

    #[test]
    fn an_address_is_https_with_an_authority_or_plain_http() {
        assert!(HttpWitness::new("http://127.0.0.1:7100/lww/", None).is_some());
        for bad in ["https://witness.example", "ftp://witness.example", "witness.example", "", "http://"] {
            assert!(HttpWitness::new(bad, None).is_none(), "{bad}");
        }
        let witness = HttpWitness::new("http://127.0.0.1:7100/lww/", None).unwrap();
        assert_eq!(witness.uri.path(), "/lww/add-checkpoint");
    }
}
