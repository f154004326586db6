//! The two halves of a login by the bank's own provider, as the browser sees them.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::answers::{LoginMethods, LogoutError};
use crate::http::body::{self, LogoutForm};
use crate::http::limiter::{Who, admit};
use crate::http::oidc::{Provider, ProviderError, Returned};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::{Served, Service};
use crate::http::session;
use crate::pipeline::Refusal;
use crate::wire::{Query, QueryError};

/// What a provider may add to the address that browsers come back to.
const RETURNED: &[&str] = &["code", "state", "iss", "session_state", "error", "error_description", "error_uri"];

/// The page after a login. It goes on by itself: a redirect would count as the provider's, and the new cookie, which is for
/// our own pages only, would not be sent with it.
const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" \
    content=\"0;url=/\"><title>Liaowaiwai</title></head><body><a href=\"/\">Continue · 继续</a></body></html>";

/// Tells by which methods people of a tenant log in, for the page that asks them to. It says no more of a tenant than
/// [`begin`] does: one without a provider and one that isn't there are the same.
#[utoipa::path(
    get, path = "/api/v1/session/methods", tag = "session",
    params(("tenant" = String, Query, description = "The tenant's name; an unknown one is answered like one without a provider")),
    responses(
        (status = 200, description = "The methods", body = LoginMethods),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn methods(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["tenant"])?;
    let named = query.take("tenant").filter(|name| !name.is_empty());
    let name = named.ok_or(QueryError { field: Some("tenant"), expected: "a tenant's name" })?;
    let has_provider = service.tenant(&name).is_some_and(|served| served.provider.is_some());
    let methods = if has_provider { &["password", "oidc"][..] } else { &["password"] };
    Ok(HttpResponse::Ok().json(LoginMethods { methods: methods.iter().map(|&method| method.to_owned()).collect() }))
}

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

/// Ends sessions by the provider's order, machine to machine: those that came from the logins it names.
#[utoipa::path(
    post, path = "/api/v1/session/oidc/{tenant}/backchannel-logout", tag = "session",
    params(("tenant" = String, Path, description = "The tenant's name")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "They are over, or there were none"),
        (status = 400, description = "The order was not followed", body = LogoutError, content_type = "application/json"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn logout(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let served = tenant(&service, &request)?;
    let provider = provider(&served)?;
    let Some(token) = body::form_value(&request, payload, "logout_token").await? else {
        return Ok(not_followed("invalid_request", "expected a form with one logout_token".to_owned()));
    };
    let logout = match provider.logout(&token, service.clock.now()).await {
        Ok(logout) => logout,
        Err(error) => {
            tracing::warn!(event = "federated_logout_failed", %error, "a logout by the identity provider failed");
            let code = match error {
                ProviderError::Refused { .. } => "invalid_request",
                ProviderError::Unavailable { .. } => "temporarily_unavailable",
            };
            return Ok(not_followed(code, error.to_string()));
        }
    };
    admit(&request, &served.tenant.name.name, Who::Provider)?;
    Ok(match served.tenant.logout_federated(logout).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(Refusal::Invalid { expected, .. }) => not_followed("invalid_request", format!("expected {expected}")),
        Err(refusal) => not_followed("temporarily_unavailable", refusal.to_string()),
    })
}

fn not_followed(error: &str, error_description: String) -> HttpResponse {
    HttpResponse::BadRequest().json(LogoutError { error: error.to_owned(), error_description })
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
