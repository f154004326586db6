//! Changes of the masking policy by the word of several people.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::amendment_answers::{Amendment, AmendmentInFull, Amendments, Assessment};
use super::{Answer, id, named};
use crate::http::body::{self, NewAmendment, PolicyText};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::limits::AMENDMENT_REPORTS_MAX;
use crate::pipeline::Refusal;
use crate::wire;

/// Says what a policy file would change of the policy in force, and what is worth a look. Its tests are run; nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/assess", tag = "policies", request_body = PolicyText,
    responses(
        (status = 200, description = "What it would change", body = Assessment),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn assess(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let PolicyText { source } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let assessment = session.served.tenant.assess_policy(&session.staff, &source)?;
    Ok(HttpResponse::Ok().json(Assessment::from(assessment)))
}

/// Lists proposed changes, those proposed last first.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/amendments", tag = "policies",
    responses(
        (status = 200, description = "At most 100", body = Amendments),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let amendments = session.served.tenant.amendments(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Amendments { amendments: amendments.into_iter().map(Into::into).collect() }))
}

/// Proposes a policy in place of the one in force. One that only masks more may come into force at once.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/amendments", tag = "policies", request_body = NewAmendment,
    responses(
        (status = 201, description = "Proposed, or in force", body = Amendment),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn propose(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewAmendment { source, effective, at_once, reports } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let expected = "a time such as 2026-01-05T08:00:00+08:00";
    let wrong = Refusal::Invalid { field: "effective", expected };
    let effective = effective.map(|text| wire::time(&text).ok_or(wrong)).transpose()?;
    let expected = "at most 64 reports";
    if reports.len() > AMENDMENT_REPORTS_MAX {
        return Err(Refusal::Invalid { field: "reports", expected }.into());
    }
    let reports = reports.iter().map(|report| id("reports", report)).collect::<Result<Vec<_>, _>>()?;
    let tenant = &session.served.tenant;
    tenant.check_reports(&reports).await?;
    let proposed = tenant.propose_policy(&session.staff, &source, (effective, at_once)).await?;
    tenant.proposed_for(&session.staff, proposed.row.id, &reports).await?;
    Ok(HttpResponse::Created().json(Amendment::from(proposed)))
}

/// Shows a proposed change in full: its text, and what it changes.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/amendments/{id}", tag = "policies",
    params(("id" = String, Path, description = "The amendment's id")),
    responses(
        (status = 200, description = "The amendment", body = AmendmentInFull),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let full = session.served.tenant.amendment(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(AmendmentInFull::from(full)))
}

/// Consents to a policy that somebody else proposed; needs a second factor shown just now. With the last consent that it takes
/// it comes into force, or is scheduled.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/amendments/{id}/approve", tag = "policies",
    params(("id" = String, Path, description = "The amendment's id")),
    responses(
        (status = 200, description = "Consented to", body = Amendment),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn approve(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let amendment = session.served.tenant.approve_policy(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(Amendment::from(amendment)))
}

/// Turns a proposed policy down; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/amendments/{id}/reject", tag = "policies",
    params(("id" = String, Path, description = "The amendment's id")),
    responses(
        (status = 204, description = "Turned down"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reject(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.reject_policy(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes back what one has proposed.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/amendments/{id}/withdraw", tag = "policies",
    params(("id" = String, Path, description = "The amendment's id")),
    responses(
        (status = 204, description = "Taken back"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn withdraw(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.withdraw_policy(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Says that one has looked at a policy that somebody else brought into force alone; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/amendments/{id}/review", tag = "policies",
    params(("id" = String, Path, description = "The amendment's id")),
    responses(
        (status = 204, description = "Looked at"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn review(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.review_policy(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
