//! What browsers load: the console, the customer's widget, and a demo tenant's bank page.
//!
//! The files are what `npm run build` makes of `web/`. A release build has them inside; a debug build reads them from
//! `web/dist`. Each page carries a policy (CSP level 3) under which no inline script or style runs. Nothing here knows a
//! session or a tenant's data, so these addresses need no right and are no part of the described interface.

use std::borrow::Cow;

use actix_web::guard::{Any, Get, Head};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route};
use ring::digest::{SHA256, digest};
use rust_embed::Embed;

use super::problem::Problem;
use super::service::Service;
use crate::pipeline::Refusal;

/// What `npm run build` leaves.
#[derive(Embed)]
#[folder = "web/dist"]
struct Built;

const HTML: &str = "text/html; charset=utf-8";
/// What stands for a demo tenant's channel account in the page.
const ACCOUNT_BLANK: &str = "%ACCOUNT%";
/// What a page of ours may load and do: files of this server, and nothing inline. Sockets are of this server, too.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                           connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Names with a digest of their content: they never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked about each time.
const ASK: &str = "no-cache";
/// The widget's files on other sites' pages: asked about every five minutes.
const SHORTLY: &str = "public, max-age=300";

/// Whether an address is one of these. Its files are the same for everybody, and cost a look into memory.
pub(super) fn is_page(path: &str) -> bool {
    path == "/" || ["/console", "/widget", "/demo"].iter().any(|page| path.starts_with(page))
}

/// Puts the pages' addresses into an application.
pub(super) fn configure(config: &mut ServiceConfig) {
    for (from, to) in [("/", "/console/"), ("/console", "/console/"), ("/demo", "/demo/")] {
        config.service(web::redirect(from, to).using_status_code(StatusCode::FOUND));
    }
    let mut put = |path: &str, route: Route| {
        config.route(path, route.guard(Any(Get()).or(Head())));
    };
    put("/console/{file:.*}", web::to(console));
    put("/widget.js", web::to(widget));
    put("/widget/{file:.*}", web::to(widget));
    put("/demo/{file:.*}", web::to(demo));
}

/// The console is one page: an address of its own that is no file is a place inside it.
async fn console(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let file = request.match_info().query("file");
    let is_place = !file.rsplit('/').next().unwrap_or_default().contains('.');
    let name = if is_place { "console/index.html".to_owned() } else { format!("console/{file}") };
    let found = find(&request, &name)?;
    let kept = if file.starts_with("assets/") { FOREVER } else { ASK };
    Ok(answer(&request, &name, found, kept))
}

/// Pages of other sites load the widget; it is the same for everybody, so they may read it.
async fn widget(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let name = request.path().trim_start_matches('/');
    let mut answer = answer(&request, name, find(&request, name)?, SHORTLY);
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    Ok(answer)
}

/// A bank's page to try the widget on; there is none unless a tenant is a demo.
async fn demo(service: Data<Service>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let account = service.demo_account().ok_or(Refusal::NotFound { what: "page" })?;
    let file = request.match_info().query("file");
    let name = format!("demo/{}", if file.is_empty() { "index.html" } else { file });
    let mut found = find(&request, &name)?;
    if let Ok(text) = std::str::from_utf8(&found.bytes)
        && content_type(&name) == HTML
    {
        found.bytes = text.replace(ACCOUNT_BLANK, &account).into();
    }
    Ok(answer(&request, &name, found, ASK))
}

/// A file as it goes out.
struct Found {
    bytes: Bytes,
    is_packed: bool,
}

/// The packed form of a file for whoever takes it; pages themselves are small and have blanks, so they aren't packed.
fn find(request: &HttpRequest, name: &str) -> Result<Found, Problem> {
    let takes_packed = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_packed = takes_packed.is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")));
    let packed = takes_packed.then(|| Built::get(&format!("{name}.gz"))).flatten();
    let is_packed = packed.is_some();
    match packed.or_else(|| Built::get(name)) {
        Some(file) => Ok(Found { bytes: bytes(file.data), is_packed }),
        None if Built::get("widget.js").is_none() => Err(Problem::NotBuilt),
        None => Err(Refusal::NotFound { what: "page" }.into()),
    }
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

fn answer(request: &HttpRequest, name: &str, found: Found, kept: &'static str) -> HttpResponse {
    let hash = digest(&SHA256, &found.bytes);
    let hash = hash.as_ref().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let tag = format!("\"{hash:032x}\"");
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut answer = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, tag));
    answer.insert_header((header::CACHE_CONTROL, kept));
    answer.insert_header((header::VARY, "Accept-Encoding"));
    // Also where nothing is sent again: a browser keeps these headers with what it has.
    if content_type(name) == HTML {
        answer.insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY));
    }
    if is_known {
        return answer.finish();
    }
    answer.insert_header((header::CONTENT_TYPE, content_type(name)));
    if found.is_packed {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    answer.body(found.bytes)
}

/// The kinds of files that a build makes.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => HTML,
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
