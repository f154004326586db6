//! The session cookie, and whether a request comes from a page of our own.
//!
//! The cookie holds `<tenant>.<token>`. Over HTTPS it has the `__Host-` prefix (RFC 6265bis, section 4.1.3.2); the plain
//! listener for trials can't set such a cookie and uses a name without it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use zeroize::Zeroizing;

use super::connection::is_secure;
use super::limiter::{Who, admit};
use super::problem::Problem;
use super::service::{Served, Service};
use crate::limits::{COOKIE_BYTES_MAX, PROVIDER_LOGIN_S_MAX};
use crate::pipeline::{NewSession, Refusal, Staff};
use crate::units::{MICROS_PER_SECOND, Timestamp};

const SECURE_NAME: &str = "__Host-lww_session";
const PLAIN_NAME: &str = "lww_session";
const SECURE_LOGIN_NAME: &str = "__Host-lww_oidc";
const PLAIN_LOGIN_NAME: &str = "lww_oidc";

/// Somebody who is logged in.
pub(super) struct Session {
    /// Their tenant's name.
    pub(super) name: String,
    /// Their tenant.
    pub(super) served: Arc<Served>,
    /// Who they are.
    pub(super) staff: Staff,
    /// The token that says so.
    pub(super) token: Zeroizing<String>,
}

/// Finds out who is logged in.
///
/// # Errors
/// [`Refusal::BadCredentials`] when nobody is, [`Refusal::FactorRequired`] when the login waits for its second factor;
/// [`Problem::RateLimited`] when they ask too often.
pub(super) async fn of(service: &Service, request: &HttpRequest) -> Result<Session, Problem> {
    let session = of_any(service, request).await?;
    if session.staff.is_pending() { Err(Refusal::FactorRequired.into()) } else { Ok(session) }
}

/// The same for what a login that waits for its second factor may ask, too: who it is, to end it, and to show the factor.
///
/// # Errors
/// [`Refusal::BadCredentials`] when nobody is.
pub(super) async fn of_any(service: &Service, request: &HttpRequest) -> Result<Session, Problem> {
    let cookie = cookie(request, cookie_name(request)).ok_or(Refusal::BadCredentials)?;
    let (name, token) = cookie.split_once('.').ok_or(Refusal::BadCredentials)?;
    let served = service.tenant(name).ok_or(Refusal::BadCredentials)?;
    let staff = served.tenant.staff(token).await?;
    admit(request, name, Who::Staff(staff.account))?;
    Ok(Session { name: name.to_owned(), served, staff, token: Zeroizing::new(token.to_owned()) })
}

/// The `Set-Cookie` of a new session.
pub(super) fn begun(request: &HttpRequest, tenant: &str, session: &NewSession, now: Timestamp) -> Zeroizing<String> {
    let lasts_s = (session.expires.as_micros() - now.as_micros()).max(0) / MICROS_PER_SECOND;
    let value = Zeroizing::new(format!("{tenant}.{}", *session.token));
    set_cookie(request, &value, lasts_s)
}

/// The `Set-Cookie` that removes the session's cookie.
pub(super) fn ended(request: &HttpRequest) -> Zeroizing<String> {
    set_cookie(request, "", 0)
}

/// What a login by the identity provider began with. `Lax`: the provider's page sends the browser back here.
pub(super) fn set_login_cookie(request: &HttpRequest, value: &str) -> Zeroizing<String> {
    let secure = if is_secure(request) { "; Secure" } else { "" };
    let name = login_cookie_name(request);
    let lasts_s = if value.is_empty() { 0 } else { PROVIDER_LOGIN_S_MAX };
    Zeroizing::new(format!("{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}"))
}

/// The `Set-Cookie` that removes it.
pub(super) fn unset_login_cookie(request: &HttpRequest) -> Zeroizing<String> {
    set_login_cookie(request, "")
}

/// What the browser kept of it.
pub(super) fn login_cookie(request: &HttpRequest) -> Option<Zeroizing<String>> {
    cookie(request, login_cookie_name(request))
}

fn login_cookie_name(request: &HttpRequest) -> &'static str {
    if is_secure(request) { SECURE_LOGIN_NAME } else { PLAIN_LOGIN_NAME }
}

fn set_cookie(request: &HttpRequest, value: &str, lasts_s: i64) -> Zeroizing<String> {
    let secure = if is_secure(request) { "; Secure" } else { "" };
    let name = cookie_name(request);
    Zeroizing::new(format!("{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}"))
}

/// A cookie; two of the same name are none, because one of them is somebody else's doing.
fn cookie(request: &HttpRequest, name: &str) -> Option<Zeroizing<String>> {
    let headers = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut values = headers.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then_some(value)
    });
    let value = values.next().filter(|value| value.len() <= COOKIE_BYTES_MAX)?;
    values.next().is_none().then(|| Zeroizing::new(value.to_owned()))
}

/// What a browser says of itself.
pub(super) fn user_agent(request: &HttpRequest) -> &str {
    request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn cookie_name(request: &HttpRequest) -> &'static str {
    if is_secure(request) { SECURE_NAME } else { PLAIN_NAME }
}

/// Host and port as the client named them: lower case, without the scheme's own port (RFC 9421, section 2.2.3).
pub(super) fn authority(request: &HttpRequest) -> String {
    let named = request.uri().authority().map(ToString::to_string);
    let host = || request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let authority = named.or_else(host).unwrap_or_default().to_ascii_lowercase();
    let own_port = if is_secure(request) { ":443" } else { ":80" };
    authority.strip_suffix(own_port).map(str::to_owned).unwrap_or(authority)
}

/// Refuses what a browser sends on behalf of another site's page.
///
/// # Errors
/// [`Problem::WrongOrigin`].
pub(super) fn same_origin(request: &HttpRequest) -> Result<(), Problem> {
    let word = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
    let scheme = if is_secure(request) { "https" } else { "http" };
    let own = format!("{scheme}://{}", authority(request));
    let origin_fits = word("origin").is_none_or(|origin| origin.eq_ignore_ascii_case(&own));
    let site_fits = word("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    if origin_fits && site_fits { Ok(()) } else { Err(Problem::WrongOrigin) }
}
