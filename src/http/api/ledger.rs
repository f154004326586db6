//! The ledger, for those who verify: its head, its entries, and their proofs.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use lww_audit::entry::KIND_BYTES_MAX;
use tokio::time::{Instant, timeout_at};

use super::answers::LedgerHead;
use super::reading::{ConsistencyPath, LedgerEntries, LedgerEntry, LedgerKeys, LedgerRotation};
use super::{Answer, id, limit, wait};
use crate::domain::access::Action;
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session::{self, Session};
use crate::pipeline::{LedgerCursor, LedgerFilter, LedgerPage, Refusal};
use crate::units::{EntryIndex, TreeSize};
use crate::wire::{self, Query, QueryError};

const KIND_EXPECTED: &str = "a kind of entries, or its beginning up to a dot or a slash";
const SIZE_EXPECTED: &str = "a number of entries";
const ONE_WAY_EXPECTED: &str = "nothing beside before";

/// Gives the newest signed head and the key that checks it.
#[utoipa::path(
    get, path = "/api/v1/ledger/head", tag = "ledger",
    responses(
        (status = 200, description = "The head", body = LedgerHead),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn head(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    session.staff.may(Action::ReadLedger)?;
    let tenant = &session.served.tenant;
    Ok(HttpResponse::Ok().json(LedgerHead::new(tenant.vkey(), tenant.head().as_ref())))
}

/// Gives the keys of the log in use, and every change of them: what leads from an older key to the newest.
#[utoipa::path(
    get, path = "/api/v1/ledger/keys", tag = "ledger",
    responses(
        (status = 200, description = "The keys", body = LedgerKeys),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn keys(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let tenant = &session.served.tenant;
    let in_use = tenant.vkeys(&session.staff)?;
    let rotations = tenant.key_changes().await?.into_iter().map(LedgerRotation::from).collect();
    let generations = tenant.declarations().await?;
    Ok(HttpResponse::Ok().json(LedgerKeys { in_use, rotations, generations }))
}

/// Lists entries, newest first; with `after` oldest first, and then it can wait for the next ones.
///
/// A filter looks at 4,096 entries at most and may find none of them: go on at `next`.
#[utoipa::path(
    get, path = "/api/v1/ledger/entries", tag = "ledger",
    params(
        ("before" = Option<u64>, Query, description = "Only those before this index, newest first"),
        ("after" = Option<u64>, Query, description = "Only those after this index, oldest first"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
        ("kind" = Option<String>, Query, description = "Only this kind, or kinds that begin so up to a dot or a slash"),
        ("conversation" = Option<String>, Query, description = "Only those about this conversation"),
        ("actor" = Option<String>, Query, description = "Only what this account or person did"),
        ("wait_s" = Option<u64>, Query, description = "With `after`: seconds to wait for something new, 0 to 25; 0 when not given"),
    ),
    responses(
        (status = 200, description = "A page of entries", body = LedgerEntries),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn entries(service: Data<Service>, request: HttpRequest) -> Answer {
    let asked = Asked::of(&request)?;
    let session = session::of(&service, &request).await?;
    let page = asked.page(&service, &session).await?;
    Ok(HttpResponse::Ok().json(LedgerEntries::from(page)))
}

/// Gives one entry, with what its kind means.
#[utoipa::path(
    get, path = "/api/v1/ledger/entries/{index}", tag = "ledger",
    params(("index" = u64, Path, description = "The entry's index")),
    responses(
        (status = 200, description = "The entry", body = LedgerEntry),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn entry(service: Data<Service>, request: HttpRequest) -> Answer {
    let index = named(&request)?;
    let session = session::of(&service, &request).await?;
    let entry = session.served.tenant.ledger_entry(&session.staff, index).await?;
    Ok(HttpResponse::Ok().json(LedgerEntry::in_full(entry)))
}

/// Gives one entry's proof, a file for `lww-verify proof`.
#[utoipa::path(
    get, path = "/api/v1/ledger/entries/{index}/proof", tag = "ledger",
    params(("index" = u64, Path, description = "The entry's index")),
    responses(
        (status = 200, description = "The proof (C2SP tlog-proof)", body = String, content_type = "text/plain"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn proof(service: Data<Service>, request: HttpRequest) -> Answer {
    let index = named(&request)?;
    let session = session::of(&service, &request).await?;
    let proof = session.served.tenant.ledger_proof(&session.staff, index).await?;
    let disposition = format!("attachment; filename=\"{}-{index}.tlog-proof\"", session.name);
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(proof))
}

/// Proves that the log of `to` entries goes on from the log of `from` entries (RFC 9162, section 2.1.4).
#[utoipa::path(
    get, path = "/api/v1/ledger/consistency", tag = "ledger",
    params(
        ("from" = u64, Query, description = "The smaller size"),
        ("to" = u64, Query, description = "The larger size; a published checkpoint must cover it"),
    ),
    responses(
        (status = 200, description = "The path", body = ConsistencyPath),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn consistency(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["from", "to"])?;
    let (from, to) = (size(&mut query, "from")?, size(&mut query, "to")?);
    let session = session::of(&service, &request).await?;
    let path = session.served.tenant.ledger_consistency(&session.staff, from, to).await?;
    let path = path.iter().map(ToString::to_string).collect();
    Ok(HttpResponse::Ok().json(ConsistencyPath { from: from.0, to: to.0, path }))
}

/// What a list is asked for.
struct Asked {
    cursor: LedgerCursor,
    filter: LedgerFilter,
    limit: u32,
    wait: Duration,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self, QueryError> {
        let known = &["before", "after", "limit", "kind", "conversation", "actor", "wait_s"];
        let mut query = Query::parse(request.uri().query().unwrap_or(""), known)?;
        let (before, after) = (index(&mut query, "before")?, index(&mut query, "after")?);
        let wait = wait(&mut query, 0)?;
        let cursor = match (before, after) {
            (before, None) if wait.is_zero() => LedgerCursor::Before(before),
            (None, Some(after)) => LedgerCursor::After(after),
            (None, None) => return Err(QueryError { field: Some("after"), expected: wire::ENTRY_INDEX_EXPECTED }),
            (Some(_), None) => return Err(QueryError { field: Some("wait_s"), expected: ONE_WAY_EXPECTED }),
            (Some(_), Some(_)) => return Err(QueryError { field: Some("after"), expected: ONE_WAY_EXPECTED }),
        };
        let filter = LedgerFilter {
            kind: query.take("kind").map(|text| kind(&text)).transpose()?,
            conversation: query.take("conversation").map(|text| id("conversation", &text)).transpose()?,
            actor: query.take("actor").map(|text| id("actor", &text)).transpose()?,
        };
        Ok(Self { cursor, filter, limit: limit(&mut query)?, wait })
    }

    /// The page, or the first that holds something within the wait.
    async fn page(&self, service: &Service, session: &Session) -> Result<LedgerPage, Refusal> {
        let Self { cursor, filter, limit, wait } = self;
        let mut cursor = *cursor;
        let tenant = &session.served.tenant;
        let until = Instant::now() + *wait;
        let mut stop = service.stopping();
        loop {
            let page = tenant.ledger_page(&session.staff, cursor, filter, *limit).await?;
            let at_end = page.next.is_some_and(|next| next.0 + 1 >= page.size.0);
            if wait.is_zero() || !page.entries.is_empty() || !at_end {
                return Ok(page);
            }
            let waited = tokio::select! {
                waited = timeout_at(until, tenant.ledger_beyond(page.size)) => waited.is_ok(),
                _ = stop.wait_for(|stop| *stop) => false,
            };
            if !waited {
                return Ok(page);
            }
            cursor = page.next.map_or(cursor, LedgerCursor::After);
        }
    }
}

/// The entry that the address names.
fn named(request: &HttpRequest) -> Result<EntryIndex, QueryError> {
    let wrong = QueryError { field: Some("index"), expected: wire::ENTRY_INDEX_EXPECTED };
    wire::entry_index(request.match_info().query("index")).ok_or(wrong)
}

fn index(query: &mut Query, field: &'static str) -> Result<Option<EntryIndex>, QueryError> {
    let wrong = QueryError { field: Some(field), expected: wire::ENTRY_INDEX_EXPECTED };
    query.take(field).map(|text| wire::entry_index(&text).ok_or(wrong)).transpose()
}

fn size(query: &mut Query, field: &'static str) -> Result<TreeSize, QueryError> {
    let given = query.take(field).and_then(|text| wire::entry_index(&text));
    given.map(|size| TreeSize(size.0)).ok_or(QueryError { field: Some(field), expected: SIZE_EXPECTED })
}

fn kind(text: &str) -> Result<String, QueryError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/".contains(&byte);
    let is_kind = (1..=KIND_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
    if is_kind { Ok(text.to_owned()) } else { Err(QueryError { field: Some("kind"), expected: KIND_EXPECTED }) }
}
