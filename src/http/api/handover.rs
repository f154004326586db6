//! What staff do with a conversation among themselves: notes, and who has it.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::desk_answers::Note;
use super::{Answer, id, idempotency_key, named};
use crate::domain::message::RawText;
use crate::http::body::{self, Transfer};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::limits::NOTE_BYTES_MAX;
use crate::pipeline::{Refusal, Target};

/// Writes an internal note; the customer never sees it.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/notes", tag = "desk", request_body = body::NewNote,
    params(
        ("id" = String, Path, description = "The conversation's id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 201, description = "Recorded", body = Note),
        (status = 200, description = "Had been recorded before", body = Note),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn note(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body::NewNote { text } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let key = idempotency_key(&request)?;
    let text = bounded("text", text)?;
    let session = session::of(&service, &request).await?;
    let (note, duplicate) = session.served.tenant.write_note(&session.staff, id, text, &key).await?;
    let mut answer = if duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(Note::from(note)))
}

/// Gives a conversation to an agent who is there and has a place, or to a queue; that is recorded.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/transfer", tag = "desk", request_body = Transfer,
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "Given away"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn transfer(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Transfer { queue, agent, note } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let to = match (queue, agent) {
        (Some(queue), None) => Target::Queue(queue),
        (None, Some(agent)) => Target::Agent(self::id("agent", &agent)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refusal::Invalid { field: "queue", expected: "either a queue or an agent" }.into());
        }
    };
    let note = note.map(|note| bounded("note", note)).transpose()?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.transfer(&session.staff, id, &to, note).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes over a conversation that waits or that somebody else has; for supervisors, and recorded.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/take", tag = "desk",
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "It is one's own from here on"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn take(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.take(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn bounded(field: &'static str, text: RawText) -> Result<RawText, Refusal> {
    let fits = (1..=NOTE_BYTES_MAX).contains(&text.len());
    if fits { Ok(text) } else { Err(Refusal::Invalid { field, expected: "1 to 4096 bytes" }) }
}
