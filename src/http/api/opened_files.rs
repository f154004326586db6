//! Files of which nothing is shown: the list of those in quarantine, and opening one under a recorded grant.
//!
//! The answer with a file says by its name and its headers who opened it, when, by which request and entry; no browser opens it by
//! itself, runs anything in it or keeps it.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::unmasking_answers::{QuarantinedFile, QuarantinedFiles, Unmasking};
use super::{Answer, named, unmaskings};
use crate::domain::file::extension;
use crate::http::body::{self, NewFileOpening};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::OpenedFile;
use crate::wire::{self, Query, QueryError};

/// Characters of ids in a file's name.
const SHORT: usize = 8;

/// Asks to open the file that came with a message, of which nothing is shown. Where the policy asks for nobody else it is granted
/// at once.
#[utoipa::path(
    post, path = "/api/v1/files/{id}/unmaskings", tag = "unmasking", request_body = NewFileOpening,
    params(("id" = String, Path, description = "The message's id")),
    responses(
        (status = 201, description = "Asked for, or granted", body = Unmasking),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn request(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewFileOpening { reason } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let message = named(&request)?;
    let session = session::of(&service, &request).await?;
    let asked = session.served.tenant.request_file(&session.staff, message, unmaskings::reason(&reason)?).await?;
    Ok(HttpResponse::Created().json(Unmasking::from(asked)))
}

/// Gives the file of a request that was granted, once; needs a second factor shown just now. That it is given is recorded before.
///
/// Its name and its headers say who opened it, when, by which request and entry, and until when it may be looked at.
#[utoipa::path(
    post, path = "/api/v1/unmaskings/{id}/file", tag = "unmasking",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>, headers(
            ("Content-Disposition" = String, description = "A name with request, account and time"),
            ("Lww-Opened-Request" = String, description = "The request's id"),
            ("Lww-Opened-By" = String, description = "The pseudonym of whoever opened it"),
            ("Lww-Opened-At" = String, description = "When (RFC 3339, UTC)"),
            ("Lww-Opened-Until" = String, description = "Until when it may be looked at (RFC 3339, UTC)"),
            ("Lww-Opened-Entry" = u64, description = "The entry that says so"),
        )),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn open(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    given(&session.served.tenant.open_file(&session.staff, id).await?)
}

/// Lists files in quarantine, the newest first: why, when, how large, and of which conversation.
#[utoipa::path(
    get, path = "/api/v1/quarantine", tag = "unmasking",
    params(("before" = Option<u64>, Query, description = "Only those with a smaller index")),
    responses(
        (status = 200, description = "At most 100", body = QuarantinedFiles),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn quarantine(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["before"])?;
    let wrong = QueryError { field: Some("before"), expected: wire::ENTRY_INDEX_EXPECTED };
    let before = query.take("before").map(|text| wire::entry_index(&text).ok_or(wrong)).transpose()?;
    let session = session::of(&service, &request).await?;
    let files = session.served.tenant.quarantined(&session.staff, before).await?;
    let files = files.into_iter().map(QuarantinedFile::from).collect();
    Ok(HttpResponse::Ok().json(QuarantinedFiles { files }))
}

/// The file, marked with who opened it.
fn given(opened: &OpenedFile) -> Answer {
    let OpenedFile { content, unmasking, until, used } = opened;
    let (request, by, at) = (unmasking.to_string(), used.by.to_string(), used.time.to_string());
    let short = |id: &str| id.chars().take(SHORT).collect::<String>();
    // 2026-11-27T10:00:00.123456Z becomes 20261127T100000Z.
    let time: String = at.chars().take_while(|c| *c != '.').filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    let kind = extension(content.info.format, &content.bytes);
    let name = format!("opened-{}-{}-{time}Z.{kind}", short(&request), short(&by));
    let mut answer = HttpResponse::Ok().body(content.bytes.to_vec());
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("lww-opened-request"), request),
        (HeaderName::from_static("lww-opened-by"), by),
        (HeaderName::from_static("lww-opened-at"), at),
        (HeaderName::from_static("lww-opened-until"), until.to_string()),
        (HeaderName::from_static("lww-opened-entry"), used.index.to_string()),
    ] {
        let wrong = Problem::MalformedHeader { name: "content-disposition", expected: "1 to 128 visible ASCII characters" };
        headers.insert(name, HeaderValue::from_str(&value).map_err(|_| wrong)?);
    }
    Ok(answer)
}
