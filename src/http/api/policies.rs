//! The policies in force, for those who answer for them; and texts tried on them.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::rules::{MaskingPolicy, Tried};
use super::table::RoutingTable;
use crate::domain::masking::Occasion;
use crate::http::body::{self, TriedText};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::limits::TEXT_BYTES_MAX;
use crate::pipeline::Refusal;

/// Gives the masking policy in force: its rules as facts, its text, the entry that activated it, and how its file differs.
#[utoipa::path(
    get, path = "/api/v1/policies/masking", tag = "policies",
    responses(
        (status = 200, description = "The policy", body = MaskingPolicy),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn masking(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let in_force = session.served.tenant.masking_in_force(&session.staff).await?;
    Ok(HttpResponse::Ok().json(MaskingPolicy::from(in_force)))
}

/// Gives the routing table in force: its rows, queues and hours as facts, its text, the entry that activated it, and how its
/// file differs.
#[utoipa::path(
    get, path = "/api/v1/policies/routing", tag = "policies",
    responses(
        (status = 200, description = "The table", body = RoutingTable),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn routing(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let in_force = session.served.tenant.routing_in_force(&session.staff).await?;
    Ok(HttpResponse::Ok().json(RoutingTable::from(in_force)))
}

/// Tries a text on the masking policy in force, or on one that is being written: what it finds, and what each view would show. Nothing of it is kept, and its
/// tokens are none of a message's.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/try", tag = "policies", request_body = TriedText,
    responses(
        (status = 200, description = "What the policy makes of it", body = Tried),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn attempt(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let TriedText { text, source, channel, purpose } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Err(Refusal::Invalid { field: "text", expected: "1 to 16384 bytes" }.into());
    }
    let session = session::of(&service, &request).await?;
    let there = Occasion { tenant: None, channel, purpose };
    let tried = session.served.tenant.try_masking(&session.staff, (&text, there), source.as_deref())?;
    Ok(HttpResponse::Ok().json(Tried::from(tried)))
}
