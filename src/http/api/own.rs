//! One's own account: the second factor and the sessions.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use zeroize::Zeroizing;

use super::answers::SessionInfo;
use super::sessions::info;
use super::staff::{EndedSessions, Enrolment, OwnSessions, RecoveryCodes};
use super::{Answer, named};
use crate::http::body::{self, Code};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;

/// Shows the second factor: ends a login that waits for it, or makes it fresh for an approval. The cookie is a new one.
#[utoipa::path(
    post, path = "/api/v1/session/second-factor", tag = "session", request_body = Code,
    responses(
        (status = 200, description = "Right", body = SessionInfo),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show_factor(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Code { code } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of_any(&service, &request).await?;
    let renewed = session.served.tenant.show_factor(&session.staff, code).await?;
    let cookie = session::begun(&request, &session.name, &renewed, service.clock.now());
    let info = SessionInfo { expires: Some(renewed.expires.to_string()), ..info(&session.served, &renewed.staff) };
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie.as_str())).json(info))
}

/// Draws the secret of a new second factor; it counts once a code of it comes with `PUT`.
#[utoipa::path(
    post, path = "/api/v1/session/second-factor/enrolment", tag = "session",
    responses(
        (status = 201, description = "The secret, told once", body = Enrolment),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn enrol(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let drawn = session.served.tenant.enrol_factor(&session.staff).await?;
    Ok(HttpResponse::Created().json(Enrolment { secret: drawn.secret, uri: drawn.uri }))
}

/// Confirms the new second factor by its first code. The cookie is a new one.
#[utoipa::path(
    put, path = "/api/v1/session/second-factor/enrolment", tag = "session", request_body = Code,
    responses(
        (status = 200, description = "Set up", body = RecoveryCodes),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn confirm(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Code { code } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let confirmed = session.served.tenant.confirm_factor(&session.staff, code).await?;
    let cookie = session::begun(&request, &session.name, &confirmed.session, service.clock.now());
    let recovery_codes = confirmed.recovery.iter().map(|code| Zeroizing::new(code.expose().to_owned())).collect();
    let told = RecoveryCodes { recovery_codes };
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie.as_str())).json(told))
}

/// Lists one's own sessions.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "session",
    responses(
        (status = 200, description = "One's own sessions", body = OwnSessions),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn sessions(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let found = session.served.tenant.sessions(&session.staff).await?;
    Ok(HttpResponse::Ok().json(OwnSessions { sessions: found.into_iter().map(Into::into).collect() }))
}

/// Ends all of one's own sessions but the one that asks.
#[utoipa::path(
    delete, path = "/api/v1/sessions", tag = "session",
    responses(
        (status = 200, description = "Ended", body = EndedSessions),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_others(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let ended = session.served.tenant.revoke_other_sessions(&session.staff).await?;
    Ok(HttpResponse::Ok().json(EndedSessions { ended }))
}

/// Ends one of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "session",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 204, description = "Ended"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_one(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.revoke_session(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
