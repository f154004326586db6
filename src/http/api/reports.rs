//! What the desk reports of masks, and what officers make of it.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::report_answers::{Report, ReportInFull, Reports, TestCase};
use super::{Answer, id, named};
use crate::domain::event::{DeclineReason, Misread};
use crate::http::body;
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::{NewReport, Refusal};
use crate::units::EntryIndex;

/// Reports a place in a message: one that should be masked and isn't, or one that is and should not be.
#[utoipa::path(
    post, path = "/api/v1/agent/reports", tag = "desk", request_body = body::NewReport,
    responses(
        (status = 201, description = "Recorded; the first report of the same place, if there was one", body = Report),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body::NewReport { conversation, index, misread, start, end } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let expected = "missed or wrong";
    let misread = Misread::of(&misread).ok_or(Refusal::Invalid { field: "misread", expected })?;
    let conversation = id("conversation", &conversation)?;
    let session = session::of(&service, &request).await?;
    let (start, end) = (start as usize, end as usize);
    let new = NewReport { conversation, index: EntryIndex(index), misread, start, end };
    let report = session.served.tenant.report(&session.staff, new).await?;
    Ok(HttpResponse::Created().json(Report::from(report)))
}

/// Lists what one reported oneself, with what became of it.
#[utoipa::path(
    get, path = "/api/v1/agent/reports", tag = "desk",
    responses(
        (status = 200, description = "The newest 200", body = Reports),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn own(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let reports = session.served.tenant.own_reports(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Reports { reports: reports.into_iter().map(Into::into).collect() }))
}

/// Lists every report, without what was said.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/reports", tag = "policies",
    responses(
        (status = 200, description = "The newest 200", body = Reports),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let reports = session.served.tenant.reports(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Reports { reports: reports.into_iter().map(Into::into).collect() }))
}

/// Shows a report with its sentence in the officer's view; that it was seen is recorded.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/reports/{id}", tag = "policies",
    params(("id" = String, Path, description = "The report's id")),
    responses(
        (status = 200, description = "The report in full", body = ReportInFull),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let full = session.served.tenant.report_in_full(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(ReportInFull::from(full)))
}

/// Takes a report up: answers with a test for the policy's file, in which the value is made up.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/reports/{id}/draft", tag = "policies",
    params(("id" = String, Path, description = "The report's id")),
    responses(
        (status = 200, description = "The test", body = TestCase),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn draft(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let case = session.served.tenant.draft_report(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(TestCase::from(case)))
}

/// Decides that nothing changes for a report; whoever made it sees the reason.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/reports/{id}/decline", tag = "policies", request_body = body::DeclinedReport,
    params(("id" = String, Path, description = "The report's id")),
    responses(
        (status = 204, description = "Declined"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn decline(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body::DeclinedReport { reason } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let expected = "not_sensitive, intended, covered or duplicate";
    let reason = DeclineReason::of(&reason).ok_or(Refusal::Invalid { field: "reason", expected })?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.decline_report(&session.staff, id, reason).await?;
    Ok(HttpResponse::NoContent().finish())
}
