//! Logging in and out, and one's own password.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::answers::SessionInfo;
use crate::domain::access::rights;
use crate::http::body::{self, Login, NewPassword};
use crate::http::problem::ProblemDetails;
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::limits::{LOGIN_BYTES_MAX, PASSWORD_BYTES_MAX};
use crate::pipeline::{Refusal, Staff};

/// Logs in and sets the session's cookie; with a second factor, the session can at first do nothing but show it.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", request_body = Login,
    responses(
        (status = 201, description = "Logged in", body = SessionInfo),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn begin(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Login { tenant, login, password } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    // What can't be a login or a password is refused before anything slow is done with it.
    if login.len() > LOGIN_BYTES_MAX || password.len() > PASSWORD_BYTES_MAX {
        return Err(Refusal::BadCredentials.into());
    }
    let served = service.tenant(&tenant).ok_or(Refusal::BadCredentials)?;
    let begun = served.tenant.login(login, password, session::user_agent(&request)).await?;
    let cookie = session::begun(&request, &tenant, &begun, service.clock.now());
    let info = SessionInfo { expires: Some(begun.expires.to_string()), ..info(&served, &begun.staff) };
    Ok(HttpResponse::Created().insert_header((header::SET_COOKIE, cookie.as_str())).json(info))
}

/// Tells who is logged in.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session",
    responses(
        (status = 200, description = "Who is logged in", body = SessionInfo),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of_any(&service, &request).await?;
    Ok(HttpResponse::Ok().json(info(&session.served, &session.staff)))
}

/// Logs out.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session",
    responses(
        (status = 204, description = "Logged out"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of_any(&service, &request).await?;
    session.served.tenant.logout(&session.staff).await?;
    Ok(logged_out(&request))
}

/// Changes one's own password; every session of the account ends.
#[utoipa::path(
    post, path = "/api/v1/session/password", tag = "session", request_body = NewPassword,
    responses(
        (status = 204, description = "Changed: log in again"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn change_password(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewPassword { old, new } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.change_password(&session.staff, old, new).await?;
    Ok(logged_out(&request))
}

fn logged_out(request: &HttpRequest) -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::SET_COOKIE, session::ended(request).as_str())).finish()
}

pub(super) fn info(served: &Served, staff: &Staff) -> SessionInfo {
    SessionInfo {
        tenant: served.tenant.name.name.clone(),
        account: staff.account.to_string(),
        role: staff.role.word().to_owned(),
        name: staff.name.to_string(),
        must_change_password: staff.must_change,
        second_factor_required: staff.is_pending(),
        must_enrol_second_factor: staff.must_enrol,
        rights: rights(staff.role),
        time_zone: served.tenant.time_zone(),
        expires: None,
    }
}
