//! The published log for tools that know nothing of this server (C2SP `tlog-tiles`): checkpoint, tiles and entry bundles below
//! one prefix, with the headers that the specification asks for.
//!
//! A person's session opens it, or the certificate of a machine that the tenant's configuration names: a tool that fetches
//! each night has no password and no second factor.

use std::io::Write as _;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use lww_audit::tile::{Part, TilePath};
use ring::digest::{SHA256, digest};

use super::Answer;
use crate::domain::access::Action;
use crate::http::connection::auditor;
use crate::http::limiter::{Who, admit};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::pipeline::{Refusal, TlogFile};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// The next checkpoint is a second away.
const SHORTLY: &str = "private, max-age=1";
/// What a tile holds never changes. Only whoever may read it keeps it.
const FOREVER: &str = "private, max-age=31536000, immutable";

/// Gives the newest published checkpoint with all its signatures (C2SP `tlog-checkpoint`).
#[utoipa::path(
    get, path = "/api/v1/ledger/tlog/checkpoint", tag = "ledger",
    responses(
        (status = 200, description = "The signed checkpoint", body = String, content_type = "text/plain"),
        (status = 304, description = "It is the one that `If-None-Match` names"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn checkpoint(service: Data<Service>, request: HttpRequest) -> Answer {
    let served = reader(&service, &request).await?;
    let file = served.tenant.tlog_file(TlogFile::Checkpoint, Packed::plain).await?;
    Ok(answer(&request, file, TEXT, SHORTLY))
}

/// Gives a tile of hashes or a bundle of entries (C2SP `tlog-tiles`), also a partial one of any earlier size.
#[utoipa::path(
    get, path = "/api/v1/ledger/tlog/tile/{tile}", tag = "ledger",
    params(
        ("tile" = String, Path, description = "Level or `entries`, then the index in groups of three digits, and `.p/` with \
            the width of a partial one: `0/x001/234`, `entries/005.p/17`. Its slashes are part of it"),
    ),
    responses(
        (status = 200, description = "The tile or bundle", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that `If-None-Match` names"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn tile(service: Data<Service>, request: HttpRequest) -> Answer {
    let served = reader(&service, &request).await?;
    let path = format!("tile/{}", request.match_info().query("tile"));
    let path: TilePath = path.parse().map_err(|_| Refusal::NotFound { what: "file of the log" })?;
    let is_packed = path.part == Part::Entries && takes_packed(&request);
    let pack = if is_packed { Packed::gzip } else { Packed::plain };
    let file = served.tenant.tlog_file(TlogFile::Tile(path), pack).await?;
    Ok(answer(&request, file, BYTES, FOREVER))
}

/// Gives a hash tile of the second tree, which was made with SM3 of the same entries, where checkpoints are signed by SM2, too.
#[utoipa::path(
    get, path = "/api/v1/ledger/tlog/sm3/tile/{tile}", tag = "ledger",
    params(
        ("tile" = String, Path, description = "Level, then the index in groups of three digits, and `.p/` with the width of a \
            partial one: `0/x001/234`. Its slashes are part of it"),
    ),
    responses(
        (status = 200, description = "The tile", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that `If-None-Match` names"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn shadow_tile(service: Data<Service>, request: HttpRequest) -> Answer {
    let served = reader(&service, &request).await?;
    let path = format!("tile/{}", request.match_info().query("tile"));
    let path: TilePath = path.parse().map_err(|_| Refusal::NotFound { what: "file of the log" })?;
    let file = served.tenant.tlog_file(TlogFile::ShadowTile(path), Packed::plain).await?;
    Ok(answer(&request, file, BYTES, FOREVER))
}

/// Finds out whose log is read, by whoever may.
async fn reader(service: &Service, request: &HttpRequest) -> Result<Arc<Served>, Problem> {
    if let Some((tenant, served, name)) = auditor(service, request) {
        admit(request, &tenant, Who::Auditor(&name))?;
        return Ok(served);
    }
    let session = session::of(service, request).await?;
    session.staff.may(Action::ReadLedger)?;
    Ok(session.served)
}

/// A file as it goes out.
struct Packed {
    bytes: Vec<u8>,
    tag: String,
    is_packed: bool,
}

impl Packed {
    fn plain(bytes: Vec<u8>) -> Self {
        Self { tag: tag(&bytes, ""), bytes, is_packed: false }
    }

    /// As the specification wishes for bundles: packed at the layer of HTTP.
    fn gzip(bytes: Vec<u8>) -> Self {
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
        match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
            Ok(packed) => Self { tag: tag(&bytes, "-gzip"), bytes: packed, is_packed: true },
            // Writing into memory does not fail.
            Err(_) => Self::plain(bytes),
        }
    }
}

/// A strong tag: another form of the same bytes has another (RFC 9110, section 8.8.3).
fn tag(bytes: &[u8], form: &str) -> String {
    let hash = digest(&SHA256, bytes);
    let hash = hash.as_ref().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    format!("\"{hash:032x}{form}\"")
}

fn takes_packed(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.all(|weight| !matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn answer(request: &HttpRequest, file: Packed, kind: &'static str, kept: &'static str) -> HttpResponse {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| {
        known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == file.tag || one == "*")
    });
    let mut answer = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, file.tag));
    answer.insert_header((header::CACHE_CONTROL, kept));
    answer.insert_header((header::VARY, "Accept-Encoding, Cookie"));
    if is_known {
        return answer.finish();
    }
    answer.insert_header((header::CONTENT_TYPE, kind));
    if file.is_packed {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    answer.body(file.bytes)
}
