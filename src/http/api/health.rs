//! Whether the process lives, whether it serves, and what it offers.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::answers::Alive;
use super::system::SystemHealth;
use crate::http::guard::Guard;
use crate::http::problem::{Language, ProblemDetails, render};
use crate::http::service::{Readiness, Service};
use crate::http::{openapi, session};
use crate::pipeline::Refusal;
use crate::telemetry;

/// Answers while the process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "The process lives", body = Alive)),
)]
pub(in crate::http) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Alive { status: "ok".to_owned() })
}

/// Says whether this server takes requests, and why not.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It takes requests", body = Readiness),
        (status = 503, description = "It does not", body = Readiness),
    ),
)]
pub(in crate::http) async fn ready(service: Data<Service>) -> HttpResponse {
    let readiness = service.readiness();
    let mut answer = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(readiness)
}

/// Tells what happened and how large things are, for Prometheus; on a listener of its own.
pub(in crate::http) async fn metrics(guard: Data<Guard>, request: HttpRequest) -> HttpResponse {
    if !guard.may_read_metrics(request.headers()) {
        let mut answer = render(&Refusal::BadCredentials.into(), &request);
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return answer;
    }
    match telemetry::render() {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// Describes this interface (OpenAPI 3.1).
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "health",
    responses((status = 200, description = "The description", content_type = "application/json")),
)]
pub(in crate::http) async fn description() -> HttpResponse {
    match openapi::text() {
        Some(text) => HttpResponse::Ok().content_type("application/json").body(text),
        None => HttpResponse::InternalServerError().finish(),
    }
}

/// Tells what runs, since when, with which digests, how far the tenant's log is, and what `lww doctor` says of the machine, in
/// the language that `Accept-Language` asks for. The machine is looked at once a minute at most.
#[utoipa::path(
    get, path = "/api/v1/system/health", tag = "health",
    responses(
        (status = 200, description = "What runs", body = SystemHealth),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn system(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let health = session.served.tenant.health(&session.staff).await?;
    let machine = service.machine().ok_or(Refusal::Unavailable)?.await;
    let language = Language::of(request.headers());
    Ok(HttpResponse::Ok().json(SystemHealth::new(&machine, service.readiness().role, health, language)))
}
