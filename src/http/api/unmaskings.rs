//! Break-glass: opening one masked value under a recorded grant; and matching without seeing.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use zeroize::Zeroizing;

use super::unmasking_answers::{Match, OpenedValue, Unmasking, Unmaskings};
use super::{Answer, id, named};
use crate::domain::event::{SpanPlace, UnmaskReason};
use crate::http::body::{self, NewUnmasking, SaidValue, ValuePlace};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::Refusal;
use crate::units::EntryIndex;
use crate::wire::{Query, QueryError};

/// Asks to open a masked value. Where the rule asks for nobody else it is granted at once.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/unmaskings", tag = "unmasking", request_body = NewUnmasking,
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 201, description = "Asked for, or granted", body = Unmasking),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn request(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewUnmasking { value, reason } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let conversation = named(&request)?;
    let session = session::of(&service, &request).await?;
    let expected = "fraud, dispute, identity, correction, authority or incident";
    let wrong = Refusal::Invalid { field: "reason", expected };
    let reason = UnmaskReason::from_word(&reason).ok_or(wrong)?;
    let place = place(&value)?;
    let asked = session.served.tenant.request_unmasking(&session.staff, conversation, place, reason).await?;
    Ok(HttpResponse::Created().json(Unmasking::from(asked)))
}

/// Says whether what somebody says is the value behind a mask, whatever its disguise. Nobody is shown the value; that it was
/// compared is recorded.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/matches", tag = "unmasking", request_body = SaidValue,
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 200, description = "Compared", body = Match),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn compare(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let SaidValue { value, said } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let conversation = named(&request)?;
    let session = session::of(&service, &request).await?;
    let same = session.served.tenant.match_value(&session.staff, conversation, place(&value)?, said).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Match { same }))
}

/// Lists requests to open values, those made last first: of whoever oversees nobody, their own.
#[utoipa::path(
    get, path = "/api/v1/unmaskings", tag = "unmasking",
    params(("subject" = Option<String>, Query, description = "Only of this customer, by their pseudonym")),
    responses(
        (status = 200, description = "At most 200", body = Unmaskings),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["subject"])?;
    let subject = query.take("subject").map(|text| id("subject", &text)).transpose()?;
    let session = session::of(&service, &request).await?;
    let unmaskings = session.served.tenant.unmaskings(&session.staff, subject).await?;
    Ok(HttpResponse::Ok().json(Unmaskings { unmaskings: unmaskings.into_iter().map(Into::into).collect() }))
}

/// Shows one request.
#[utoipa::path(
    get, path = "/api/v1/unmaskings/{id}", tag = "unmasking",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request", body = Unmasking),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let unmasking = session.served.tenant.unmasking(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(Unmasking::from(unmasking)))
}

/// Grants a request as the second person that the rule asks for; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/unmaskings/{id}/approve", tag = "unmasking",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "Granted", body = Unmasking),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn approve(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let granted = session.served.tenant.grant_unmasking(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(Unmasking::from(granted)))
}

/// Denies a request; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/unmaskings/{id}/reject", tag = "unmasking",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "Denied", body = Unmasking),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reject(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let denied = session.served.tenant.deny_unmasking(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(Unmasking::from(denied)))
}

/// Tells the value of a request that was granted, once; needs a second factor shown just now. That it is told is recorded
/// before.
#[utoipa::path(
    post, path = "/api/v1/unmaskings/{id}/open", tag = "unmasking",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The value", body = OpenedValue),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn open(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let opened = session.served.tenant.open_value(&session.staff, id).await?;
    let value = Zeroizing::new(opened.value.expose().to_owned());
    let told = OpenedValue { value, until: opened.until.to_string(), used: opened.used.into() };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(told))
}

/// Where a masked value stands.
fn place(value: &ValuePlace) -> Result<SpanPlace, QueryError> {
    Ok(SpanPlace { message: id("message", &value.message)?, span: value.span, of: EntryIndex(value.of) })
}
