//! Connections that stay open: the customer's by its channel, the desk's by its session.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::RawValue;

use super::answers::{Earlier, FrameAnswer, Updates, VisitStarted};
use super::{AccountPath, Answer, limit, wait};
use crate::http::body::{self, Visit};
use crate::http::connection::right_machine;
use crate::http::limiter::{Who, admit};
use crate::http::live::customer::{Customer, receive};
use crate::http::live::desk::Desk;
use crate::http::live::socket::PROTOCOL;
use crate::http::live::{events, poll, socket};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::limits::{POLL_WAIT_S_MAX, VISITOR_TOKEN_BYTES_MAX};
use crate::pipeline::{Refusal, Since};
use crate::ports::{Channel, ChannelError, CustomerEvent, CustomerFrame, Person, Session, random_bytes};
use crate::units::EntryIndex;
use crate::wire::{self, Query, QueryError};

/// Prefix of the subprotocol that carries a token: a browser's socket can't send headers of its own.
const TOKEN_PROTOCOL: &str = "lww.token.";

/// A channel that holds connections, and whether its answer goes to a page of another origin.
pub(super) struct Found {
    pub(super) served: Arc<Served>,
    pub(super) session: Arc<dyn Session>,
    pub(super) origin: Option<HeaderValue>,
}

/// Finds the channel account of the address, and refuses pages that may not use it.
pub(super) fn found(service: &Service, request: &HttpRequest) -> Result<Found, Problem> {
    let part = |name| request.match_info().query(name);
    let Some((served, Channel::Session(session))) = service.channel(part("channel"), part("tenant"), part("account"))
    else {
        return Err(Refusal::NotFound { what: "channel account" }.into());
    };
    right_machine(request, &served, session.account())?;
    if session::same_origin(request).is_ok() {
        return Ok(Found { served, session, origin: None });
    }
    let origin = request.headers().get(header::ORIGIN).filter(|origin| {
        let origin = origin.to_str().unwrap_or("");
        session.allows(&origin.to_ascii_lowercase())
    });
    let origin = Some(origin.ok_or(Problem::WrongOrigin)?.clone());
    Ok(Found { served, session, origin })
}

/// Counts a request of a visitor whose token is good.
pub(super) fn counted(
    service: &Service,
    request: &HttpRequest,
    session: &dyn Session,
    token: &str,
) -> Result<Person, Problem> {
    let person = session.admit(token, service.clock.now())?;
    let account = session.account();
    let visitor = Who::Visitor(account.channel, &account.account, token);
    admit(request, request.match_info().query("tenant"), visitor)?;
    Ok(person)
}

/// Lets a page of an allowed origin read the answer (Fetch standard, section 3.2).
pub(super) fn shared(mut answer: HttpResponse, origin: Option<&HeaderValue>) -> HttpResponse {
    if let Some(origin) = origin {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    answer
}

/// A problem's document that a page of an allowed origin may read.
pub(super) fn shared_problem(problem: &Problem, request: &HttpRequest, origin: Option<&HeaderValue>) -> HttpResponse {
    shared(crate::http::problem::render(problem, request), origin)
}

pub(super) fn bearer(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = Problem::Channel(ChannelError::MissingHeader { name: "authorization" });
    let value = headers.get(header::AUTHORIZATION).ok_or(missing)?;
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let token = token.filter(|token| (1..=VISITOR_TOKEN_BYTES_MAX).contains(&token.len()));
    let expected = "Bearer and a visitor's token";
    token.map(str::to_owned).ok_or(Problem::MalformedHeader { name: "authorization", expected })
}

/// The token among the subprotocols that a socket offers.
fn offered(request: &HttpRequest) -> Result<String, Problem> {
    let is_ours = socket::offered(request).any(|protocol| protocol == PROTOCOL);
    let token = socket::offered(request).find_map(|protocol| protocol.strip_prefix(TOKEN_PROTOCOL));
    let expected = "lww.v1, and lww.token. with a visitor's token";
    let malformed = Problem::MalformedHeader { name: "sec-websocket-protocol", expected };
    token.filter(|_| is_ours).map(str::to_owned).ok_or(malformed)
}

fn index(query: &mut Query, field: &'static str) -> Result<Option<EntryIndex>, QueryError> {
    let wrong = QueryError { field: Some(field), expected: wire::ENTRY_INDEX_EXPECTED };
    query.take(field).map(|text| wire::entry_index(&text).ok_or(wrong)).transpose()
}

/// Where to begin: the parameters, or what an event stream's client remembers by itself.
fn resume(request: &HttpRequest, names: &[&'static str]) -> Result<(Since, Query), Problem> {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), names)?;
    let remembered = request.headers().get(HeaderName::from_static("last-event-id"));
    let remembered = remembered.and_then(|value| value.to_str().ok()).and_then(wire::entry_index);
    let after = remembered.or(index(&mut query, "after")?);
    let wrong = QueryError { field: Some("newest"), expected: wire::PAGE_ITEMS_EXPECTED };
    let newest = query.take("newest").map(|text| wire::page_items(&text).ok_or(wrong)).transpose()?;
    Ok((Since { after, newest }, query))
}

/// Begins a visit, or goes on with one.
///
/// Without a body's `identity` the visitor is somebody unknown; with it, whoever the bank's own server vouches for:
/// `proof` is the HMAC-SHA256 under the account's secret, in hexadecimal, over four lines joined by line breaks:
/// `lww-identity/1`, the account's name, `time` and `id`.
#[utoipa::path(
    post, path = "/api/v1/channels/{channel}/{tenant}/{account}/visits", tag = "live", request_body = Visit,
    params(AccountPath),
    responses(
        (status = 201, description = "The visitor's token", body = VisitStarted),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn visit(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body = body::raw_json(&request, payload).await?;
    let Found { session, origin, .. } = found(&service, &request)?;
    let fresh = random_bytes(&*service.random);
    Ok(match session.visit(&body, service.clock.now(), fresh) {
        Ok(visit) => shared(HttpResponse::Created().json(VisitStarted::from(visit)), origin.as_ref()),
        Err(error) => shared_problem(&error.into(), &request, origin.as_ref()),
    })
}

/// Says which pages may use the channel from a browser.
#[utoipa::path(
    options, path = "/api/v1/channels/{channel}/{tenant}/{account}/{part}", tag = "live",
    params(
        AccountPath,
        ("part" = String, Path, description = "The rest of the address that is asked about"),
    ),
    responses(
        (status = 204, description = "The page may"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn preflight(service: Data<Service>, request: HttpRequest) -> Answer {
    allowed(&service, &request)
}

/// Answers a preflight (Fetch standard, section 4.8).
pub(super) fn allowed(service: &Service, request: &HttpRequest) -> Answer {
    let Found { origin, .. } = found(service, request)?;
    let mut answer = HttpResponse::NoContent().finish();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, last-event-id, lww-file-name",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(shared(answer, origin.as_ref()))
}

/// Opens a customer's socket (RFC 6455).
///
/// Offer the subprotocols `lww.v1` and `lww.token.` with the visitor's token. `after` is the index to resume after;
/// who has none begins with `newest` messages, or with all.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/socket", tag = "live",
    params(
        AccountPath,
        ("after" = Option<u64>, Query, description = "Index to resume after"),
        ("newest" = Option<u32>, Query, description = "Without `after`: begin with so many of the newest, 1 to 200"),
        ("Sec-WebSocket-Protocol" = String, Header, description = "`lww.v1, lww.token.…`"),
    ),
    responses(
        (status = 101, description = "The socket is open"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn open(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, .. } = found(&service, &request)?;
    let token = offered(&request)?;
    let (since, _) = resume(&request, &["after", "newest"])?;
    counted(&service, &request, &*session, &token)?;
    let stop = service.stopping();
    let customer = Customer::open(&service.into_inner(), served, session, &token, since).await?;
    socket::serve(&request, customer, stop)
}

/// Opens a customer's event stream: the socket's lines, one an event. What the customer sends goes by `frames`.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/events", tag = "live",
    params(
        AccountPath,
        ("after" = Option<u64>, Query, description = "Index to resume after"),
        ("newest" = Option<u32>, Query, description = "Without `after`: begin with so many of the newest, 1 to 200"),
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream", body = String),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn stream(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    let stop = service.stopping();
    let opened = admitted(&request, &["after", "newest"], service, served, session).await;
    Ok(match opened {
        Ok((customer, _)) => shared(events::serve(customer, stop), origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

/// Answers with the socket's lines since `after`, or waits for the first.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/updates", tag = "live",
    params(
        AccountPath,
        ("after" = Option<u64>, Query, description = "Index to resume after"),
        ("newest" = Option<u32>, Query, description = "Without `after`: begin with so many of the newest, 1 to 200"),
        ("wait_s" = Option<u64>, Query, description = "Seconds to wait for something new, 0 to 25; 25 when not given"),
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    responses(
        (status = 200, description = "What happened", body = Updates),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn updates(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    let stop = service.stopping();
    let opened = admitted(&request, &["after", "newest", "wait_s"], service, served, session).await;
    let answered = match opened {
        Ok((customer, mut query)) => {
            let after = customer.cursor();
            match wait(&mut query, POLL_WAIT_S_MAX) {
                Ok(wait) => poll::serve(customer, after, wait, stop).await,
                Err(error) => Err(error.into()),
            }
        }
        Err(problem) => Err(problem),
    };
    Ok(match answered {
        Ok(answer) => shared(answer, origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn admitted(
    request: &HttpRequest,
    names: &[&'static str],
    service: Data<Service>,
    served: Arc<Served>,
    session: Arc<dyn Session>,
) -> Result<(Customer, Query), Problem> {
    let token = bearer(request.headers())?;
    let (since, query) = resume(request, names)?;
    counted(&service, request, &*session, &token)?;
    let customer = Customer::open(&service.into_inner(), served, session, &token, since).await?;
    Ok((customer, query))
}

/// Reads what was said before, for whoever began with the newest messages only.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/earlier", tag = "live",
    params(
        AccountPath,
        ("before" = Option<u64>, Query, description = "Index of the oldest message that is known; the newest when not given"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    responses(
        (status = 200, description = "A page of messages", body = Earlier),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn earlier(service: Data<Service>, request: HttpRequest) -> Answer {
    let Found { served, session, origin } = found(&service, &request)?;
    Ok(match before(&service, &request, &served, &*session).await {
        Ok(page) => shared(HttpResponse::Ok().json(page), origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn before(
    service: &Service,
    request: &HttpRequest,
    served: &Served,
    session: &dyn Session,
) -> Result<Earlier, Problem> {
    let person = counted(service, request, session, &bearer(request.headers())?)?;
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["before", "limit"])?;
    let (before, limit) = (index(&mut query, "before")?, limit(&mut query)?);
    let (messages, more) = served.tenant.customer_earlier(session.account(), &person, before, limit).await?;
    let next = messages.first().filter(|_| more).map(|message| message.index.0);
    let line = |message| RawValue::from_string(session.text(&CustomerEvent::Said(message))).ok();
    Ok(Earlier { events: messages.into_iter().filter_map(line).collect(), next })
}

/// Takes one frame of a customer without a socket, with the socket's own words.
#[utoipa::path(
    post, path = "/api/v1/channels/{channel}/{tenant}/{account}/frames", tag = "live",
    params(
        AccountPath,
        ("Authorization" = String, Header, description = "`Bearer` and the visitor's token"),
    ),
    request_body(content = FrameAnswer, description = "A frame as a socket sends it"),
    responses(
        (status = 201, description = "A message was recorded: the socket's answer", body = FrameAnswer),
        (status = 200, description = "It had been recorded before", body = FrameAnswer),
        (status = 204, description = "Taken; there is nothing to answer"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn frame(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let body = body::raw_json(&request, payload).await?;
    let Found { served, session, origin } = found(&service, &request)?;
    Ok(match take(&service, &request, &served, &*session, &body).await {
        Ok(answer) => shared(answer, origin.as_ref()),
        Err(problem) => shared_problem(&problem, &request, origin.as_ref()),
    })
}

async fn take(
    service: &Service,
    request: &HttpRequest,
    served: &Served,
    session: &dyn Session,
    body: &crate::domain::message::RawBody,
) -> Answer {
    let token = bearer(request.headers())?;
    let person = counted(service, request, session, &token)?;
    match session.frame(body)? {
        CustomerFrame::Send { key, fingerprint, text } => {
            let person = (person, session.about(&token));
            let (event, duplicate) = receive(service, served, session, person, (key, fingerprint, text)).await?;
            let mut answer = if duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
            Ok(answer.content_type("application/json").body(session.text(&event)))
        }
        CustomerFrame::Typing => Ok(HttpResponse::NoContent().finish()),
        CustomerFrame::Seen(marks) => {
            served.tenant.customer_seen(session.account(), &person, marks).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        CustomerFrame::Wish { wish, .. } => {
            served.tenant.customer_wishes(session.account(), &person, wish).await?;
            Ok(HttpResponse::NoContent().finish())
        }
    }
}

/// Opens the desk's socket (RFC 6455), for whoever is logged in.
#[utoipa::path(
    get, path = "/api/v1/agent/socket", tag = "desk",
    responses(
        (status = 101, description = "The socket is open"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn desk(service: Data<Service>, request: HttpRequest) -> Answer {
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let desk = Desk::open(session).await?;
    socket::serve(&request, desk, service.stopping())
}

/// Opens the desk's event stream: the socket's lines, one an event.
#[utoipa::path(
    get, path = "/api/v1/agent/events", tag = "desk",
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream", body = String),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn desk_stream(service: Data<Service>, request: HttpRequest) -> Answer {
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let desk = Desk::open(session).await?;
    Ok(events::serve(desk, service.stopping()))
}
