//! The agents' desk: presence, conversations, answers.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answers::{Accepted, Conversation, Conversations, Queues, Transcript};
use super::desk_answers::{Colleagues, Counts, Place, TransferTarget, TransferTargets};
use super::{Answer, id, idempotency_key, leaving, named, page};
use crate::domain::record::ConversationState;
use crate::http::body::{self, Presence, Reply};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::limits::{ROUTING_WORD_BYTES_MAX, TEXT_BYTES_MAX};
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

/// Lists conversations in the order in which they were opened, or the newest first.
#[utoipa::path(
    get, path = "/api/v1/agent/conversations", tag = "desk",
    params(
        ("state" = Option<super::answers::State>, Query, description = "Only those in this state"),
        ("mine" = Option<bool>, Query, description = "Only those that one has or had"),
        ("queue" = Option<String>, Query, description = "Only those sent to this queue"),
        ("agent" = Option<String>, Query, description = "Only those that this account has or had; for supervisors"),
        ("order" = Option<String>, Query, description = "`oldest` first, or `newest`"),
        ("after" = Option<u64>, Query, description = "Only those opened after this index; before it, newest first"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
    ),
    responses(
        (status = 200, description = "A page of conversations", body = Conversations),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn conversations(service: Data<Service>, request: HttpRequest) -> Answer {
    let names = ["state", "mine", "queue", "agent", "order", "after", "limit"];
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &names)?;
    let state = query.take("state").map(|word| state(&word)).transpose()?;
    let mine = query.take("mine").map_or(Ok(false), |word| yes(&word))?;
    let agent = query.take("agent").map(|word| id("agent", &word)).transpose()?;
    let queue = query.take("queue").map(|word| queue_name(&word)).transpose()?;
    let newest_first = query.take("order").map_or(Ok(false), |word| newest(&word))?;
    let (after, limit) = page(&mut query)?;
    let session = session::of(&service, &request).await?;
    let own = mine.then_some(session.staff.account);
    if own.is_some() && agent.is_some() && agent != own {
        return Err(QueryError { field: Some("agent"), expected: "oneself, or `mine` left out" }.into());
    }
    let filter = ConversationFilter { state, agent: own.or(agent), queue, newest_first, after, limit };
    let rows = session.served.tenant.conversations(&session.staff, filter).await?;
    let next = rows.last().map(|row| row.opened).or(after).map(|index| index.0);
    let places = session.served.tenant.queue_places(&rows).await?;
    let placed = rows.into_iter().map(|row| {
        let place = places.get(&row.conversation.key);
        Conversation::placed(row, place)
    });
    Ok(HttpResponse::Ok().json(Conversations { conversations: placed.collect(), next }))
}

/// Counts the conversations that one may list, and those that wait.
#[utoipa::path(
    get, path = "/api/v1/agent/conversations/count", tag = "desk",
    responses(
        (status = 200, description = "How many stand where", body = Counts),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn count(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let counts = session.served.tenant.conversation_counts(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Counts::from(counts)))
}

/// Lists everybody with a desk.
#[utoipa::path(
    get, path = "/api/v1/agent/colleagues", tag = "desk",
    responses(
        (status = 200, description = "Everybody with a desk", body = Colleagues),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn colleagues(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let colleagues = session.served.tenant.colleagues(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Colleagues { agents: colleagues.into_iter().map(Into::into).collect() }))
}

/// Tells whether one takes conversations, and how many places one has.
#[utoipa::path(
    get, path = "/api/v1/agent/presence", tag = "desk",
    responses(
        (status = 200, description = "One's own place", body = Place),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn own_presence(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let place = session.served.tenant.presence(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Place::from(place)))
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

/// Lists the queues that a conversation can be given to, and whether each is served at present.
#[utoipa::path(
    get, path = "/api/v1/agent/queues/targets", tag = "desk",
    responses(
        (status = 200, description = "Every queue of the table in force", body = TransferTargets),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn targets(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let targets = session.served.tenant.transfer_targets(&session.staff)?.into_iter().map(|(queue, closed)| {
        TransferTarget { queue, open: closed.is_none(), opens: closed.flatten().map(|at| at.to_string()) }
    });
    Ok(HttpResponse::Ok().json(TransferTargets { queues: targets.collect() }))
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
    let id = named(&request)?;
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["after", "limit"])?;
    let (after, limit) = page(&mut query)?;
    let session = session::of(&service, &request).await?;
    let opened = session.served.tenant.open_transcript(&session.staff, id, after, limit).await?;
    let next = opened.messages.last().map(|message| message.index).or(after).map(|index| index.0);
    let messages = opened.messages.into_iter().map(Into::into).collect();
    let notes = opened.notes.into_iter().map(Into::into).collect();
    let places = session.served.tenant.queue_places(std::slice::from_ref(&opened.conversation)).await?;
    let place = places.get(&opened.conversation.conversation.key);
    let conversation = Conversation::placed(opened.conversation, place);
    Ok(HttpResponse::Ok().json(Transcript { conversation, messages, notes, next }))
}

/// Answers the customer. What the policy holds is refused with `held_before_leaving`, and can be sent again with a decision.
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
    let Reply { text, held } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let key = idempotency_key(&request)?;
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Err(Refusal::Invalid { field: "text", expected: "1 to 16384 bytes" }.into());
    }
    let word = held.map(leaving::word).transpose()?;
    let session = session::of(&service, &request).await?;
    let accepted = Accepted::from(session.served.tenant.reply(&session.staff, id, text, &key, word).await?);
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
    let id = named(&request)?;
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
    let id = named(&request)?;
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

fn queue_name(word: &str) -> Result<String, QueryError> {
    let wrong = QueryError { field: Some("queue"), expected: "the name of a queue: 1 to 32 bytes" };
    if (1..=ROUTING_WORD_BYTES_MAX).contains(&word.len()) { Ok(word.to_owned()) } else { Err(wrong) }
}

fn newest(word: &str) -> Result<bool, QueryError> {
    match word {
        "newest" => Ok(true),
        "oldest" => Ok(false),
        _ => Err(QueryError { field: Some("order"), expected: "newest or oldest" }),
    }
}

fn yes(word: &str) -> Result<bool, QueryError> {
    word.parse().map_err(|_| QueryError { field: Some("mine"), expected: "true or false" })
}
