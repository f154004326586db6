//! The handlers, one file a subject. Each reads its request, calls the pipeline once, and writes the answer.

pub(super) mod accounts;
pub mod amendment_answers;
pub(super) mod amendments;
pub mod answers;
pub(super) mod channels;
pub mod custody;
pub(super) mod desk;
pub mod desk_answers;
pub mod erasure_answers;
pub(super) mod erasures;
pub(super) mod evidence;
pub mod evidence_answers;
pub mod files;
pub(super) mod handover;
pub(super) mod health;
pub(super) mod history;
pub mod history_answers;
pub(super) mod leaving;
pub mod leaving_answers;
pub(super) mod ledger;
pub(super) mod live;
pub(super) mod oidc;
pub(super) mod own;
pub(super) mod policies;
pub mod reading;
pub(super) mod receipts;
pub(super) mod replies;
pub mod report_answers;
pub(super) mod reports;
pub mod rules;
pub(super) mod sessions;
pub mod staff;
pub mod system;
pub mod table;
pub(super) mod tlog;
pub mod unmasking_answers;
pub(super) mod unmaskings;

use std::str::FromStr;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoParams;

use super::problem::Problem;
use crate::limits::{PAGE_ITEMS_DEFAULT, POLL_WAIT_S_MAX};
use crate::units::EntryIndex;
use crate::wire::{self, Query, QueryError};

/// What a handler answers.
type Answer = Result<HttpResponse, Problem>;

/// The part of an address that names a channel account.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes the address; handlers look its parts up by name")]
struct AccountPath {
    /// The channel: `http` or `web`.
    channel: String,
    /// The tenant's name.
    tenant: String,
    /// The channel account's name.
    account: String,
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The cursor and the length of a page.
fn page(query: &mut Query) -> Result<(Option<EntryIndex>, u32), QueryError> {
    let wrong = |field, expected| QueryError { field: Some(field), expected };
    let after =
        query.take("after").map(|text| wire::entry_index(&text).ok_or(wrong("after", wire::ENTRY_INDEX_EXPECTED)));
    Ok((after.transpose()?, limit(query)?))
}

/// The length of a page.
fn limit(query: &mut Query) -> Result<u32, QueryError> {
    let wrong = QueryError { field: Some("limit"), expected: wire::PAGE_ITEMS_EXPECTED };
    query.take("limit").map_or(Ok(PAGE_ITEMS_DEFAULT), |text| wire::page_items(&text).ok_or(wrong))
}

/// How long to wait for something new.
fn wait(query: &mut Query, default_s: u64) -> Result<Duration, QueryError> {
    let wrong = QueryError { field: Some("wait_s"), expected: "a whole number from 0 to 25" };
    let seconds = query.take("wait_s").map_or(Ok(default_s), |text| text.parse().map_err(|_| wrong))?;
    if seconds > POLL_WAIT_S_MAX { Err(wrong) } else { Ok(Duration::from_secs(seconds)) }
}

/// The id that a field holds.
fn id<T: FromStr>(field: &'static str, text: &str) -> Result<T, QueryError> {
    let wrong = QueryError { field: Some(field), expected: "32 lower-case hexadecimal digits" };
    text.parse().map_err(|_| wrong)
}

/// The id that the address names.
fn named<T: FromStr>(request: &HttpRequest) -> Result<T, QueryError> {
    id("id", request.match_info().query("id"))
}

/// The key under which the same request counts once.
fn idempotency_key(request: &HttpRequest) -> Result<String, Problem> {
    let mut given = request.headers().get_all(IDEMPOTENCY_KEY);
    let value = given.next().ok_or(Problem::MissingHeader { name: IDEMPOTENCY_KEY })?;
    let text = value.to_str().ok().filter(|text| wire::is_key(text));
    let expected = "one value of 1 to 128 visible ASCII characters";
    let wrong = Problem::MalformedHeader { name: IDEMPOTENCY_KEY, expected };
    if given.next().is_some() {
        return Err(wrong);
    }
    text.map(str::to_owned).ok_or(wrong)
}
