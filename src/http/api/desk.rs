//! The agents' desk: presence, conversations, answers.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answers::{Accepted, Conversation, Conversations, Queues, Transcript};
use super::{Answer, conversation_id, idempotency_key, page};
use crate::domain::record::ConversationState;
use crate::http::body::{self, Presence, Reply};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::limits::TEXT_BYTES_MAX;
use crate::pipeline::Refusal;
use crate::ports::ConversationFilter;
use crate::wire::{Query, QueryError};

/// Says whether one takes conversations.
#[utoipa::path(
    put, path = "/api/v1/agent/presence", tag = "desk", request_body = Presence,
    responses(
        (status = 204, description = "Noted"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn presence(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Presence { online } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.set_online(&session.staff, online).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists conversations in the order in which they were opened.
#[utoipa::path(
    get, path = "/api/v1/agent/conversations", tag = "desk",
    params(
        ("state" = Option<super::answers::State>, Query, description = "Only those in this state"),
        ("mine" = Option<bool>, Query, description = "Only those that one holds"),
        ("after" = Option<u64>, Query, description = "Only those opened after this index"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
    ),
    responses(
        (status = 200, description = "A page of conversations", body = Conversations),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn conversations(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["state", "mine", "after", "limit"])?;
    let state = query.take("state").map(|word| state(&word)).transpose()?;
    let mine = query.take("mine").map_or(Ok(false), |word| yes(&word))?;
    let (after, limit) = page(&mut query)?;
    let session = session::of(&service, &request).await?;
    let filter = ConversationFilter { state, agent: mine.then_some(session.staff.account), after, limit };
    let rows = session.served.tenant.conversations(&session.staff, filter).await?;
    let next = rows.last().map(|row| row.opened).or(after).map(|index| index.0);
    let places = session.served.tenant.queue_places(&rows).await?;
    let placed = rows.into_iter().map(|row| {
        let place = places.get(&row.conversation.key);
        Conversation::placed(row, place)
    });
    Ok(HttpResponse::Ok().json(Conversations { conversations: placed.collect(), next }))
}

/// Says how many wait in each queue and how long the first of them has; for supervisors.
#[utoipa::path(
    get, path = "/api/v1/agent/queues", tag = "desk",
    responses(
        (status = 200, description = "Every queue", body = Queues),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn queues(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let states = session.served.tenant.queue_states(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Queues { queues: states.into_iter().map(Into::into).collect() }))
}

/// Opens a conversation; that it was seen is recorded.
#[utoipa::path(
    get, path = "/api/v1/agent/conversations/{id}", tag = "desk",
    params(
        ("id" = String, Path, description = "The conversation's id"),
        ("after" = Option<u64>, Query, description = "Index to resume after"),
        ("limit" = Option<u32>, Query, description = "At most this many messages, 1 to 200; 50 when not given"),
    ),
    responses(
        (status = 200, description = "The conversation with a page of its messages", body = Transcript),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn open(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = conversation_id(&request)?;
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["after", "limit"])?;
    let (after, limit) = page(&mut query)?;
    let session = session::of(&service, &request).await?;
    let opened = session.served.tenant.open_transcript(&session.staff, id, after, limit).await?;
    let next = opened.messages.last().map(|message| message.index).or(after).map(|index| index.0);
    let messages = opened.messages.into_iter().map(Into::into).collect();
    let places = session.served.tenant.queue_places(std::slice::from_ref(&opened.conversation)).await?;
    let place = places.get(&opened.conversation.conversation.key);
    let conversation = Conversation::placed(opened.conversation, place);
    Ok(HttpResponse::Ok().json(Transcript { conversation, messages, next }))
}

/// Answers the customer.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/messages", tag = "desk", request_body = Reply,
    params(
        ("id" = String, Path, description = "The conversation's id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
    ),
    responses(
        (status = 201, description = "Recorded", body = Accepted),
        (status = 200, description = "Had been recorded before", body = Accepted),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reply(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let Reply { text } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = conversation_id(&request)?;
    let key = idempotency_key(&request)?;
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Err(Refusal::Invalid { field: "text", expected: "1 to 16384 bytes" }.into());
    }
    let session = session::of(&service, &request).await?;
    let accepted = Accepted::from(session.served.tenant.reply(&session.staff, id, text, &key).await?);
    let mut answer = if accepted.duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(accepted))
}

/// Ends a conversation for good.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/close", tag = "desk",
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "Closed"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn close(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = conversation_id(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.close(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a conversation unless the customer writes again in time.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/solve", tag = "desk",
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "Solved"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn solve(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = conversation_id(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.solve(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn state(word: &str) -> Result<ConversationState, QueryError> {
    match word {
        "waiting" => Ok(ConversationState::Waiting),
        "assigned" => Ok(ConversationState::Assigned),
        "closed" => Ok(ConversationState::Closed),
        "solved" => Ok(ConversationState::Solved),
        _ => Err(QueryError { field: Some("state"), expected: "waiting, assigned, solved or closed" }),
    }
}

fn yes(word: &str) -> Result<bool, QueryError> {
    word.parse().map_err(|_| QueryError { field: Some("mine"), expected: "true or false" })
}
