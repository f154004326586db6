//! What becomes of messages that the policy holds before they leave; they are sent where any answer is, see [`super::desk`].

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::leaving_answers::HeldCounts;
use super::{Answer, named};
use crate::domain::event::{ReleaseReason, SendAs};
use crate::http::body::{self, HeldToken, HeldWord};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::{Refusal, Word};

/// Takes a held message back: it can't be sent with its token any more.
#[utoipa::path(
    post, path = "/api/v1/agent/conversations/{id}/held/withdraw", tag = "desk", request_body = HeldToken,
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "Taken back"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn withdraw(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let HeldToken { token } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.withdraw_held(&session.staff, id, &token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Says how often messages of each agent were held lately, and what became of them; for supervisors.
#[utoipa::path(
    get, path = "/api/v1/agent/held", tag = "desk",
    responses(
        (status = 200, description = "By agent, among the newest 4096 entries of the log", body = HeldCounts),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn counts(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let counts = session.served.tenant.held_counts(&session.staff).await?;
    Ok(HttpResponse::Ok().json(HeldCounts::from(counts)))
}

/// Reads what somebody decides on a held message.
pub(super) fn word(written: HeldWord) -> Result<Word, Refusal> {
    let HeldWord { token, send, reason } = written;
    let wrong = |field, expected| Refusal::Invalid { field, expected };
    let expected = "bank_own, customer_asked, procedure or not_sensitive";
    let why = || reason.as_deref().and_then(ReleaseReason::of).ok_or(wrong("held.reason", expected));
    let sent = match (send.as_str(), &reason) {
        ("masked", None) => SendAs::Masked,
        ("masked", Some(_)) => {
            let expected = "nothing, for what goes masked";
            return Err(wrong("held.reason", expected));
        }
        ("as_it_is", _) => SendAs::AsItIs(why()?),
        _ => {
            let expected = "masked or as_it_is";
            return Err(wrong("held.send", expected));
        }
    };
    Ok(Word { token, sent })
}
