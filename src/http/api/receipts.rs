//! What customers check their own messages with: receipts, the key that they are checked with, and the changes of that key.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::live::{Found, allowed, bearer, counted, found, shared, shared_problem};
use super::{AccountPath, Answer};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::ports::Session;
use crate::wire::{self, QueryError};

/// Gives the receipt of a message that the visitor wrote or got: a `.tlog-proof` that needs no trust in this server.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}", tag = "live",
    params(
        AccountPath,
        ("index" = u64, Path, description = "Index of the message's entry"),
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    responses(
        (status = 200, description = "The receipt", content_type = "text/plain", body = String),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn receipt(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    Ok(match read(&service, &request, &served, &*session).await {
        Ok(receipt) => shared(text(receipt), origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn read(
    service: &Service,
    request: &HttpRequest,
    served: &Served,
    session: &dyn Session,
) -> Result<String, Problem> {
    let person = counted(service, request, session, &bearer(request.headers())?)?;
    let wrong = QueryError { field: Some("index"), expected: wire::ENTRY_INDEX_EXPECTED };
    let index = wire::entry_index(request.match_info().query("index")).ok_or(wrong)?;
    Ok(served.tenant.customer_receipt(session.account(), &person, index).await?)
}

/// Gives the public key of the tenant's log, which checks receipts. Whoever wants to trust nobody gets it elsewhere, too.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/vkey", tag = "live", params(AccountPath),
    responses(
        (status = 200, description = "The key in vkey form", content_type = "text/plain", body = String),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn vkey(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, origin, .. } = found(&service, &request)?;
    Ok(shared(text(served.tenant.vkey()), origin.as_ref()))
}

/// Gives every change of the log's key, the oldest first: statements that the old key and the new one have signed.
///
/// Whoever holds a key of the past follows them to the newest one, and need not believe this server. Nothing in them is secret.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/rotations", tag = "live", params(AccountPath),
    responses(
        (status = 200, description = "The statements, each a file for `lww-verify --rotation`", body = Vec<String>),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn rotations(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, origin, .. } = found(&service, &request)?;
    Ok(match served.tenant.key_changes().await {
        Ok(changes) => {
            let statements: Vec<String> = changes.into_iter().map(|change| change.statement).collect();
            shared(HttpResponse::Ok().json(statements), origin.as_ref())
        }
        Err(refusal) => shared_problem(&refusal.into(), &request, origin.as_ref()),
    })
}

/// Says which pages may ask for receipts from a browser.
#[utoipa::path(
    options, path = "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}", tag = "live",
    params(AccountPath, ("index" = u64, Path, description = "Index of the message's entry")),
    responses(
        (status = 204, description = "The page may"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn preflight(service: Data<Service>, request: HttpRequest) -> Answer {
    allowed(&service, &request)
}

fn text(text: String) -> HttpResponse {
    let mut answer = HttpResponse::Ok().body(text);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
