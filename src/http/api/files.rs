//! Files that come with messages: taken in whole and bounded, by each way that messages come, and given to the customer whom
//! staff sent one. Nobody else is given any: what the desk shows of a file is the masked text of its message.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::{Accepted, FrameAnswer};
use super::live::{Found, bearer, counted, found, shared, shared_problem};
use super::{AccountPath, Answer, channels, id, idempotency_key, named};
use crate::domain::file::FileInfo;
use crate::domain::message::RawText;
use crate::http::body;
use crate::http::live::customer::accepted;
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::pipeline::SentFile;
use crate::ports::{FILE_NAME, KeyScope, Session, Upload, file_name};
use crate::wire::{Query, QueryError};

/// A file that a message was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// What it is by its content: `text`, `csv`, `json`, `html`, `pdf`, `docx`, `xlsx`, `pptx`, `image`, `audio`, `video`,
    /// `office`, `archive`, `program` or `other`.
    pub format: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// `shown`: the message's text behind its first line, the name, was read out of it; `sealed`: a picture or a recording,
    /// of which nothing is shown; `quarantined`: it could not be read, or must not be.
    pub fate: String,
    /// Why it is in quarantine: `unknown`, `encrypted`, `broken`, `too_long`, `too_slow`, `active`, `program`, `mixed` or
    /// `no_text`.
    pub reason: Option<String>,
    /// Whether the file itself is kept, sealed; one with a value in it that is stored nowhere is not.
    pub kept: bool,
}

impl From<FileInfo> for Attachment {
    fn from(info: FileInfo) -> Self {
        let FileInfo { format, bytes, fate, kept } = info;
        let reason = fate.reason().map(|reason| reason.word().to_owned());
        Self { format: format.word().to_owned(), bytes, fate: fate.word().to_owned(), reason, kept }
    }
}

/// Takes a customer's file in: its text is read, masked and recorded as a message, and the file kept sealed.
///
/// Signed like a message, with `lww-contact` and `lww-file-name` covered, too. The body is the file; what it is, is told by
/// its content alone. One that can't be read is taken in and quarantined.
#[utoipa::path(
    post, path = "/api/v1/channels/{channel}/{tenant}/{account}/attachments", tag = "channels",
    params(
        AccountPath,
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
        ("Lww-Contact" = String, Header, description = "Whose file; UTF-8 in percent-encoding"),
        ("Lww-File-Name" = String, Header, description = "Its name, 1 to 1024 bytes of UTF-8 in percent-encoding; masked like a text"),
        ("Content-Digest" = String, Header, description = "`sha-256=:…:`"),
        ("Signature-Input" = String, Header, description = "Covered components and parameters"),
        ("Signature" = String, Header, description = "The signature"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Recorded", body = Accepted),
        (status = 200, description = "Had been recorded before", body = Accepted),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn upload(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let account = channels::found(&service, &request)?;
    let served = Arc::clone(&account.0);
    let (_place, bytes_max) = served.tenant.file_place()?;
    let file = body::file(payload, bytes_max).await?;
    channels::called(&service, &request, account, file).await
}

/// Gives the file that staff sent a contact with a message, as long as nothing in it is masked on its way out.
///
/// Signed like the reading of messages.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/attachments", tag = "channels",
    params(
        AccountPath,
        ("message" = String, Query, description = "The message's id"),
        ("Lww-Contact" = String, Header, description = "Whose message; UTF-8 in percent-encoding"),
        ("Signature-Input" = String, Header, description = "Covered components and parameters"),
        ("Signature" = String, Header, description = "The signature"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn fetch(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body = body::read(payload).await?;
    let account = channels::found(&service, &request)?;
    channels::called(&service, &request, account, body).await
}

/// Takes a visitor's file in; the answer is the socket's.
#[utoipa::path(
    post, path = "/api/v1/channels/{channel}/{tenant}/{account}/files", tag = "live",
    params(
        AccountPath,
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
        ("Lww-File-Name" = String, Header, description = "Its name, 1 to 1024 bytes of UTF-8 in percent-encoding; masked like a text"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Recorded: the socket's answer", body = FrameAnswer),
        (status = 200, description = "It had been recorded before", body = FrameAnswer),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn send(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    Ok(match take(&service, &request, payload, (&served, &*session)).await {
        Ok(answer) => shared(answer, origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn take(
    service: &Service,
    request: &HttpRequest,
    payload: Payload,
    (served, session): (&Served, &dyn Session),
) -> Answer {
    let token = bearer(request.headers())?;
    let contact = counted(service, request, session, &token)?;
    let (key, name) = (idempotency_key(request)?, name_of(request)?);
    let (_place, bytes_max) = served.tenant.file_place()?;
    let file = body::file(payload, bytes_max).await?;
    let (channel, about) = (session.account().clone(), Box::new(session.about(&token)));
    let upload = Upload { channel, contact, key: key.clone(), key_scope: KeyScope::Person, about, name, file };
    let (event, duplicate) = accepted(key, served.tenant.receive_file(upload).await?);
    let mut answer = if duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.content_type("application/json").body(session.text(&event)))
}

/// Gives the file that staff sent the visitor with a message, as long as nothing in it is masked on its way out.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/files", tag = "live",
    params(
        AccountPath,
        ("message" = String, Query, description = "The message's id"),
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn get(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    Ok(match read(&service, &request, (&served, &*session)).await {
        Ok(sent) => shared(given(&sent), origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn read(
    service: &Service,
    request: &HttpRequest,
    (served, session): (&Served, &dyn Session),
) -> Result<SentFile, Problem> {
    let person = counted(service, request, session, &bearer(request.headers())?)?;
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["message"])?;
    let wrong = QueryError { field: Some("message"), expected: "32 lower-case hexadecimal digits" };
    let message = id("message", &query.take("message").ok_or(wrong)?)?;
    Ok(served.tenant.customer_file(session.account(), &person, message).await?)
}

/// Sends the customer a file. One that can't be read is not sent, and one in which something is masked goes as its masked text.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/attachments", tag = "desk",
    params(
        ("id" = String, Path, description = "The conversation's id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
        ("Lww-File-Name" = String, Header, description = "Its name, 1 to 1024 bytes of UTF-8 in percent-encoding; masked like a text"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Recorded", body = Accepted),
        (status = 200, description = "Had been recorded before", body = Accepted),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reply(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    session::same_origin(&request)?;
    body::require_octets(&request)?;
    let session = session::of(&service, &request).await?;
    let (id, key, name) = (named(&request)?, idempotency_key(&request)?, name_of(&request)?);
    let tenant = &session.served.tenant;
    let (_place, bytes_max) = tenant.file_place()?;
    let file = body::file(payload, bytes_max).await?;
    let accepted = Accepted::from(tenant.send_file(&session.staff, id, (name, file), &key).await?);
    let mut answer = if accepted.duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(accepted))
}

/// A file for whoever may have it, in a form that no browser opens by itself.
pub(super) fn given(sent: &SentFile) -> HttpResponse {
    let mut answer = HttpResponse::Ok().body(sent.bytes.to_vec());
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The file's name that a header gives.
fn name_of(request: &HttpRequest) -> Result<RawText, Problem> {
    let mut given = request.headers().get_all(FILE_NAME);
    let value = given.next().ok_or(Problem::MissingHeader { name: FILE_NAME })?;
    let name = value.to_str().ok().filter(|_| given.next().is_none()).and_then(file_name);
    let expected = "one value: 1 to 1024 bytes of UTF-8 in percent-encoding; %20 for a space, %2B for a plus";
    name.ok_or(Problem::MalformedHeader { name: FILE_NAME, expected })
}
