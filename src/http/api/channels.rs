//! Addresses that channels are reached by: the request is handed to the channel account as it came.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answers::{Accepted, CustomerMessages};
use super::{AccountPath, Answer, files};
use crate::domain::message::RawBody;
use crate::http::body::{self, NewMessage};
use crate::http::connection::right_machine;
use crate::http::limiter::{Who, admit};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session::authority;
use crate::pipeline::{self, Refusal};
use crate::ports::{Channel, ChannelCall, Webhook, WebhookRequest, place, random_bytes};
use crate::units::{ChannelAccount, MessageId};

/// Takes a customer's message in.
///
/// Signed as in RFC 9421 with hmac-sha256 over `@method`, `@authority`, `@path`, `@query`, `content-digest` (RFC 9530,
/// sha-256) and `idempotency-key`, with the parameters `created` and `keyid`. The same key with the same body gets the
/// answer of the first.
#[utoipa::path(
    post, path = "/api/v1/channels/{channel}/{tenant}/{account}/messages", tag = "channels",
    params(
        AccountPath,
        ("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters"),
        ("Content-Digest" = String, Header, description = "`sha-256=:…:`"),
        ("Signature-Input" = String, Header, description = "Covered components and parameters"),
        ("Signature" = String, Header, description = "The signature"),
    ),
    request_body = NewMessage,
    responses(
        (status = 201, description = "Recorded", body = Accepted),
        (status = 200, description = "Had been recorded before", body = Accepted),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn send(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    call(&service, &request, payload).await
}

/// Reads what was said to and by a contact, oldest first.
///
/// Signed like a message, with `lww-contact` in the place of `content-digest` and `idempotency-key`.
#[utoipa::path(
    get, path = "/api/v1/channels/{channel}/{tenant}/{account}/messages", tag = "channels",
    params(
        AccountPath,
        ("after" = Option<u64>, Query, description = "Index to resume after"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
        ("Lww-Contact" = String, Header, description = "Whose messages; UTF-8 in percent-encoding"),
        ("Signature-Input" = String, Header, description = "Covered components and parameters"),
        ("Signature" = String, Header, description = "The signature"),
    ),
    responses(
        (status = 200, description = "A page of messages", body = CustomerMessages),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn read(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    call(&service, &request, payload).await
}

async fn call(service: &Service, request: &HttpRequest, payload: Payload) -> Answer {
    let body = body::read(payload).await?;
    called(service, request, found(service, request)?, body).await
}

/// A channel account that its peer posts to.
pub(super) type WebhookAccount = (Arc<Served>, Arc<dyn Webhook>);

/// Finds the channel account of the address.
pub(super) fn found(service: &Service, request: &HttpRequest) -> Result<WebhookAccount, Problem> {
    let part = |name| request.match_info().query(name);
    let found = service.channel(part("channel"), part("tenant"), part("account"));
    let Some((served, Channel::Webhook(webhook))) = found else {
        return Err(Refusal::NotFound { what: "channel account" }.into());
    };
    right_machine(request, &served, webhook.account())?;
    Ok((served, webhook))
}

/// Hands a request to its channel account, and does what it asks for.
pub(super) async fn called(
    service: &Service,
    request: &HttpRequest,
    (served, webhook): WebhookAccount,
    body: RawBody,
) -> Answer {
    let part = |name| request.match_info().query(name);
    let webhook_request = WebhookRequest {
        method: request.method().as_str().to_owned(),
        authority: authority(request),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
        headers: headers(request)?,
        body,
    };
    let id = MessageId::from_random(random_bytes(&*service.random));
    let call = webhook.call(webhook_request, service.clock.now(), id)?;
    admit(request, part("tenant"), Who::Channel(part("channel"), part("account")))?;
    answer(&served, webhook.account(), call).await
}

async fn answer(served: &Served, account: &ChannelAccount, call: ChannelCall) -> Answer {
    match call {
        ChannelCall::Receive(incoming) => Ok(taken(served.tenant.receive(incoming).await?)),
        ChannelCall::Upload(upload) => Ok(taken(served.tenant.receive_file(upload).await?)),
        ChannelCall::Fetch { contact, message } => {
            Ok(files::given(&served.tenant.customer_file(account, &contact, message).await?))
        }
        ChannelCall::Read { contact, after, limit } => {
            let messages = served.tenant.customer_messages(account, &contact, after, limit).await?;
            let next = messages
                .last()
                .map(|message| place(message.index, message.again, after))
                .or(after)
                .map(|index| index.0);
            Ok(HttpResponse::Ok()
                .json(CustomerMessages { messages: messages.into_iter().map(Into::into).collect(), next }))
        }
    }
}

fn taken(accepted: pipeline::Accepted) -> HttpResponse {
    let accepted = Accepted::from(accepted);
    let mut answer = if accepted.duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    answer.json(accepted)
}

fn headers(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let expected = "values of visible ASCII characters";
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned);
    request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = text(value).map_err(|_| Problem::MalformedHeader { name: "headers", expected })?;
            Ok((name.as_str().to_owned(), value))
        })
        .collect()
}
