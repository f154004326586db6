//! Answers logs that ask for a cosignature. It judges nothing: statuses and bodies are those of C2SP tlog-witness.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use lww_audit::witness::Refusal;

use super::{ADD_CHECKPOINT, SIZE_TYPE};
use crate::http::api::health;
use crate::http::body;
use crate::http::limiter::{self, Who};
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::pipeline::Refusal as Unavailable;
use crate::ports::Declined;
use crate::telemetry::{Occurrence, Witnessing, emit};

/// Puts a witness's addresses into an application.
pub(in crate::http) fn configure(config: &mut ServiceConfig) {
    config.service(Resource::new(ADD_CHECKPOINT).route(web::post().to(add_checkpoint)));
    config.service(Resource::new("/healthz").route(web::get().to(health::alive)));
    config.service(Resource::new("/readyz").route(web::get().to(health::ready)));
}

async fn add_checkpoint(
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let witness = service.witness().ok_or(Unavailable::Unavailable)?;
    let asked = match body::add_checkpoint(payload).await? {
        Ok(asked) => asked,
        Err(error) => return Ok(text(StatusCode::BAD_REQUEST, &error.to_string())),
    };
    let log = asked.checkpoint.unverified().origin.as_str().to_owned();
    let judged = web::block(move || witness.add_checkpoint(&asked)).await.map_err(|_| Unavailable::Unavailable)?;
    // Whoever has the log's key is no stranger: a bank with many logs asks often.
    if !matches!(judged, Err(Declined::Refused(Refusal::UnknownLog | Refusal::Untrusted))) {
        limiter::admit(&request, &log, Who::Log)?;
    }
    let answer = match judged {
        Ok(signature) => text(StatusCode::OK, &signature.to_string()),
        Err(Declined::Refused(refusal)) => refused(refusal),
        Err(Declined::Clock) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "the clock is behind a time that was stated before")
        }
        Err(Declined::Storage) => text(StatusCode::SERVICE_UNAVAILABLE, "the state can't be written"),
    };
    // The name of an unknown log is anybody's text.
    let known = if answer.status() == StatusCode::NOT_FOUND { "unknown" } else { &log };
    emit(&Occurrence::Witness(Witnessing::Asked { log: known, status: answer.status().as_u16() }));
    Ok(answer)
}

fn refused(refusal: Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match refusal {
        Refusal::Conflict { newest, .. } => {
            HttpResponse::build(status).content_type(SIZE_TYPE).body(format!("{newest}\n"))
        }
        Refusal::OldBeyondNew => text(status, "the old size is larger than the checkpoint's"),
        Refusal::Untrusted => text(status, "no key of this log that is known here has signed"),
        Refusal::UnknownLog => text(status, "no log of this origin is known here"),
        Refusal::Inconsistent { .. } => {
            text(status, "the path does not lead from what was cosigned last to this checkpoint")
        }
    }
}

fn text(status: StatusCode, line: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(format!("{line}\n"))
}
