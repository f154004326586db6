//! The two halves of a login by the bank's own provider, as the browser sees them.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use crate::http::oidc::{Provider, ProviderError, Returned};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::pipeline::Refusal;
use crate::wire::Query;

/// What a provider may add to the address that browsers come back to.
const RETURNED: &[&str] = &["code", "state", "iss", "session_state", "error", "error_description", "error_uri"];

/// The page after a login. It goes on by itself: a redirect would count as the provider's, and the new cookie, which is for
/// our own pages only, would not be sent with it.
const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" \
    content=\"0;url=/\"><title>Liaowaiwai</title></head><body><a href=\"/\">Continue · 继续</a></body></html>";

/// Begins a login by the bank's own provider: sends the browser there.
#[utoipa::path(
    get, path = "/api/v1/session/oidc/{tenant}", tag = "session",
    params(("tenant" = String, Path, description = "The tenant's name")),
    responses(
        (status = 303, description = "To the provider"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn begin(service: Data<Service>, request: HttpRequest) -> Answer {
    let served = tenant(&service, &request)?;
    let begun = provider(&served)?.begin(&*service.random, service.clock.now()).await.map_err(told)?;
    let cookie = session::set_login_cookie(&request, &begun.kept);
    Ok(HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, cookie.as_str()))
        .insert_header((header::LOCATION, begun.location))
        .finish())
}

/// Ends a login by the bank's own provider: the browser comes back with a code.
#[utoipa::path(
    get, path = "/api/v1/session/oidc/{tenant}/callback", tag = "session",
    params(
        ("tenant" = String, Path, description = "The tenant's name"),
        ("code" = Option<String>, Query, description = "The provider's code"),
        ("state" = Option<String>, Query, description = "What the login began with"),
    ),
    responses(
        (status = 200, description = "Logged in", content_type = "text/html"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end(service: Data<Service>, request: HttpRequest) -> Answer {
    let served = tenant(&service, &request)?;
    let provider = provider(&served)?;
    let mut query = Query::parse(request.uri().query().unwrap_or(""), RETURNED)?;
    if query.take("error").is_some() {
        return Err(told(ProviderError::Refused { expected: "a login that the provider did not refuse" }));
    }
    let (code, state, issuer) = (query.take("code"), query.take("state"), query.take("iss"));
    let began = session::login_cookie(&request);
    let (Some(code), Some(state), Some(kept)) = (code, state, began) else {
        return Err(told(ProviderError::Refused { expected: "the browser that began this login, within ten minutes" }));
    };
    let issuer = issuer.as_ref().map(|issuer| issuer.as_str());
    let returned = Returned { code: &code, state: &state, issuer, kept: &kept };
    let identity = provider.end(returned, service.clock.now()).await.map_err(told)?;
    let agent = session::user_agent(&request);
    let begun = served.tenant.login_federated(identity, provider.creates_accounts(), agent).await?;
    let cookie = session::begun(&request, &served.tenant.name.name, &begun, service.clock.now());
    Ok(HttpResponse::Ok()
        .append_header((header::SET_COOKIE, session::unset_login_cookie(&request).as_str()))
        .append_header((header::SET_COOKIE, cookie.as_str()))
        .content_type("text/html; charset=utf-8")
        .body(PAGE))
}

fn tenant(service: &Service, request: &HttpRequest) -> Result<std::sync::Arc<Served>, Problem> {
    let none = Refusal::NotFound { what: "identity provider" };
    service.tenant(request.match_info().query("tenant")).ok_or(none.into())
}

fn provider(served: &Served) -> Result<&Provider, Problem> {
    served.provider.as_deref().ok_or(Refusal::NotFound { what: "identity provider" }.into())
}

/// Operators find in the log what the browser's owner can't mend.
fn told(error: ProviderError) -> Problem {
    tracing::warn!(event = "federated_login_failed", %error, "a login by the identity provider failed");
    error.into()
}
