//! What happens around every request: bounds of its head and of how often its sender may ask, its id, the answer's fixed
//! headers, problems written down, and one line of log.

use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::connection::{Connection, TrustedProxies, UnderWay, is_secure};
use super::limiter::{Limiter, is_proven};
use super::pages::is_page;
use super::problem::{Problem, render, replacement};
use super::routes::HEALTH;
use super::service::Service;
use crate::limits::{HEADER_BYTES_MAX, HEADERS_MAX};
use crate::ports::random_bytes;
use crate::telemetry::{Limited, Occurrence, emit};
use crate::units::Id128;

/// Headers that every answer carries unless it says otherwise, as pages do: answers are data and nobody keeps them.
const FIXED_HEADERS: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
    ),
    ("cache-control", "no-store"),
];

/// What the guard decides by.
pub(super) struct Guard {
    /// Whether browsers are told to come by HTTPS only; not for the development certificate, whose names are this machine's.
    pub(super) strict_transport: bool,
    /// Whose word about a client's address is taken.
    pub(super) proxies: TrustedProxies,
    /// How often anybody may ask.
    pub(super) limiter: Limiter,
    /// What a reader of the metrics must show; `None`: nothing.
    pub(super) metrics_token: Option<Zeroizing<Vec<u8>>>,
}

/// Wraps every request.
///
/// # Errors
/// None of its own; those of the framework pass.
pub(super) async fn around<B: MessageBody + 'static>(
    service: web::Data<Service>,
    guard: web::Data<Guard>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = Id128(random_bytes(&*service.random));
    let response = match guard.enter(&request, began) {
        Err(problem) => {
            let answer = render(&problem, request.request());
            request.into_response(answer)
        }
        Ok(_under_way) => {
            let response = next.call(request).await?.map_into_boxed_body();
            guard.leave(response.request());
            response
        }
    };
    let mut response = written_down(response);
    fix_headers(&mut response, id, guard.strict_transport);
    log(&response, id, began);
    Ok(response)
}

impl Guard {
    /// Whether a request may read the metrics: it bears the token (RFC 6750), where one is configured.
    pub(super) fn may_read_metrics(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.metrics_token else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        shown.is_some_and(|shown| bool::from(shown.ct_eq(token)))
    }

    /// Refuses a request before anything is done for it.
    fn enter(&self, request: &ServiceRequest, now: Instant) -> Result<Option<UnderWay>, Problem> {
        if head_bytes(request) > HEADER_BYTES_MAX || request.headers().len() > HEADERS_MAX {
            return Err(Problem::HeadTooLarge);
        }
        let Some(connection) = Connection::of(request.request()) else { return Ok(None) };
        let begun = connection.begin();
        let under_way = begun.inspect_err(|_| emit(&Occurrence::RateLimited { whose: Limited::Connection }))?;
        // A sender who was proven a moment ago goes on: whoever shares the address can't shut them out.
        if !connection.is_proven.get()
            && asks_for_something(request.path())
            && let Some(address) = connection.client(request.headers(), &self.proxies)
        {
            let checked = self.limiter.check_address(address, now);
            checked.inspect_err(|_| emit(&Occurrence::RateLimited { whose: Limited::Address }))?;
        }
        Ok(Some(under_way))
    }

    /// Counts a request that is answered by what its sender proved.
    fn leave(&self, request: &HttpRequest) {
        let Some(connection) = Connection::of(request) else { return };
        let is_proven = is_proven(request);
        connection.is_proven.set(is_proven);
        if !is_proven
            && asks_for_something(request.path())
            && let Some(address) = connection.client(request.headers(), &self.proxies)
        {
            self.limiter.count_unproven(address, Instant::now());
        }
    }
}

/// Whether a request is one to prove oneself for. Nobody's tries are those for a page's files: a hundred agents of one
/// branch that load the console share an address.
fn asks_for_something(path: &str) -> bool {
    !HEALTH.contains(&path) && !is_page(path)
}

fn head_bytes(request: &ServiceRequest) -> usize {
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let uri = request.uri();
    head + uri.path().len() + uri.query().map_or(0, str::len)
}

/// Puts the problem document into an answer that so far is a status only.
fn written_down(response: ServiceResponse) -> ServiceResponse {
    let answer = match response.response().error() {
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => render(problem, response.request()),
            None => replacement(response.status(), response.request()),
        },
        None if is_bare(&response) => with_allow(replacement(response.status(), response.request()), &response),
        None => return response,
    };
    response.into_response(answer)
}

fn is_bare(response: &ServiceResponse) -> bool {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    failed && matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
}

fn with_allow(mut answer: HttpResponse, response: &ServiceResponse) -> HttpResponse {
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

fn fix_headers(response: &mut ServiceResponse, id: Id128, strict: bool) {
    let secure = is_secure(response.request());
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in FIXED_HEADERS {
        if !headers.contains_key(name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if strict && secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The route is the template, never the path; a method that is not one of HTTP's own may be anything, so it isn't named.
fn log(response: &ServiceResponse, id: Id128, began: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let status = response.status().as_u16();
    let took = began.elapsed();
    emit(&Occurrence::Answered { status, took });
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::warn!(event = "request_failed", request = %id, method, route, status, duration_us);
    } else {
        tracing::info!(event = "request", request = %id, method, route, status, duration_us);
    }
}
