//! Canned replies: read at the desk, written by supervisors.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::desk_answers::{CannedReply, Replies};
use super::{Answer, named};
use crate::http::body::{self, ChangedReply};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::NewReply;
use crate::units::Version;

/// Lists the canned replies.
#[utoipa::path(
    get, path = "/api/v1/agent/replies", tag = "desk",
    responses(
        (status = 200, description = "All, by title", body = Replies),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let replies = session.served.tenant.replies(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Replies { replies: replies.into_iter().map(Into::into).collect() }))
}

/// Makes a canned reply; for supervisors, and recorded.
#[utoipa::path(
    post, path = "/api/v1/agent/replies", tag = "desk", request_body = body::NewReply,
    responses(
        (status = 201, description = "Made", body = CannedReply),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body::NewReply { title, text, shortcut } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let new = NewReply { title, text, shortcut };
    let reply = session.served.tenant.save_reply(&session.staff, None, new).await?;
    Ok(HttpResponse::Created().json(CannedReply::from(reply)))
}

/// Writes a canned reply anew, on the version that is named; for supervisors, and recorded.
#[utoipa::path(
    put, path = "/api/v1/agent/replies/{id}", tag = "desk", request_body = ChangedReply,
    params(("id" = String, Path, description = "The reply's id")),
    responses(
        (status = 200, description = "Written", body = CannedReply),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn change(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let ChangedReply { title, text, shortcut, version } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let of = Some((named(&request)?, Version(version)));
    let session = session::of(&service, &request).await?;
    let new = NewReply { title, text, shortcut };
    let reply = session.served.tenant.save_reply(&session.staff, of, new).await?;
    Ok(HttpResponse::Ok().json(CannedReply::from(reply)))
}

/// Takes a canned reply away; for supervisors, and recorded.
#[utoipa::path(
    delete, path = "/api/v1/agent/replies/{id}", tag = "desk",
    params(("id" = String, Path, description = "The reply's id")),
    responses(
        (status = 204, description = "Gone"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.remove_reply(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
