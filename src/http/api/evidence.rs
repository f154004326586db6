//! Evidence packages: asked for, watched while they are gathered, fetched, taken away; and messages looked up by the ids that
//! their channel gave them.

use std::fs::File;
use std::io::Read as _;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use lww_audit::entry::Chain;
use lww_audit::export::Scope;

use super::evidence_answers::{EvidencePackage, EvidencePackages, RecordedMessages};
use super::{Answer, id, named};
use crate::http::body::{self, EvidenceOrder, EvidenceScope, MessageIds, TimeRange};
use crate::http::problem::{Language, ProblemDetails};
use crate::http::service::Service;
use crate::http::session;
use crate::limits::{EVIDENCE_PIECE_BYTES, EVIDENCE_SCOPES_MAX};
use crate::units::Id128;
use crate::wire::{self, QueryError};

const ONE_EXPECTED: &str = "exactly one of conversation, subject, range and case";
const TIME_EXPECTED: &str = "a time such as 2026-01-05T08:00:00+08:00";
const RANGE_EXPECTED: &str = "a time after from";

/// Takes evidence out: records that and begins to gather a package. Ask for its state until it is ready.
#[utoipa::path(
    post, path = "/api/v1/evidence", tag = "evidence", request_body = EvidenceOrder,
    responses(
        (status = 201, description = "Recorded, and being gathered", body = EvidencePackage),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let EvidenceOrder { conversation, subject, range, case, reason } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let single = EvidenceScope { conversation, subject, range };
    let asked = match case {
        None => vec![single],
        Some(case) if single.is_empty() && case.len() <= EVIDENCE_SCOPES_MAX => case,
        Some(_) => return Err(QueryError { field: Some("case"), expected: ONE_EXPECTED }.into()),
    };
    let scopes = asked.into_iter().map(scope).collect::<Result<Vec<_>, _>>()?;
    let evidence = session.served.tenant.export_evidence(&session.staff, scopes, reason).await?;
    Ok(HttpResponse::Created().json(EvidencePackage::new(evidence, Language::of(request.headers()))))
}

/// Lists one's own packages.
#[utoipa::path(
    get, path = "/api/v1/evidence", tag = "evidence",
    responses(
        (status = 200, description = "One's own", body = EvidencePackages),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let language = Language::of(request.headers());
    let own = session.served.tenant.evidence(&session.staff)?;
    let packages = own.into_iter().map(|evidence| EvidencePackage::new(evidence, language)).collect();
    Ok(HttpResponse::Ok().json(EvidencePackages { packages }))
}

/// Tells how far one of one's own packages is.
#[utoipa::path(
    get, path = "/api/v1/evidence/{id}", tag = "evidence",
    params(("id" = String, Path, description = "The package's id")),
    responses(
        (status = 200, description = "The package", body = EvidencePackage),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let evidence = session.served.tenant.evidence_one(&session.staff, id)?;
    Ok(HttpResponse::Ok().json(EvidencePackage::new(evidence, Language::of(request.headers()))))
}

/// Gives a package that is ready: a tar for `lww-verify export`.
#[utoipa::path(
    get, path = "/api/v1/evidence/{id}/package", tag = "evidence",
    params(("id" = String, Path, description = "The package's id")),
    responses(
        (status = 200, description = "The package", body = Vec<u8>, content_type = "application/x-tar"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn package(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let (file, bytes) = session.served.tenant.evidence_file(&session.staff, id).await?;
    let disposition = format!("attachment; filename=\"{}-{id}.tar\"", session.name);
    Ok(HttpResponse::Ok()
        .content_type("application/x-tar")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(SizedStream::new(bytes, Box::pin(pieces(file)))))
}

/// Takes one of one's own packages away; its entry stays.
#[utoipa::path(
    delete, path = "/api/v1/evidence/{id}", tag = "evidence",
    params(("id" = String, Path, description = "The package's id")),
    responses(
        (status = 204, description = "Gone"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.end_evidence(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Finds the entries of messages by the ids under which their channel's sender sent them (`Idempotency-Key`).
#[utoipa::path(
    post, path = "/api/v1/ledger/messages", tag = "ledger", request_body = MessageIds,
    responses(
        (status = 200, description = "For each id its entry, or null", body = RecordedMessages),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn messages(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let MessageIds { channel, ids } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let found = session.served.tenant.recorded_messages(&session.staff, &channel, &ids).await?;
    let entries = found.into_iter().map(|index| index.map(|index| index.0)).collect();
    Ok(HttpResponse::Ok().json(RecordedMessages { entries }))
}

/// The one thing that a scope names.
fn scope(asked: EvidenceScope) -> Result<Scope, QueryError> {
    let chain = |of, field, text: &str| Ok(Scope::Chain { of, id: id::<Id128>(field, text)? });
    match asked {
        EvidenceScope { conversation: Some(text), subject: None, range: None } => {
            chain(Chain::Conversation, "conversation", &text)
        }
        EvidenceScope { conversation: None, subject: Some(text), range: None } => {
            chain(Chain::Subject, "subject", &text)
        }
        EvidenceScope { conversation: None, subject: None, range: Some(TimeRange { from, to }) } => {
            let time =
                |field, text: &str| wire::time(text).ok_or(QueryError { field: Some(field), expected: TIME_EXPECTED });
            let (from, to) = (time("from", &from)?, time("to", &to)?);
            let wrong = QueryError { field: Some("to"), expected: RANGE_EXPECTED };
            if from < to { Ok(Scope::Range { from, to }) } else { Err(wrong) }
        }
        EvidenceScope { .. } => Err(QueryError { field: Some("case"), expected: ONE_EXPECTED }),
    }
}

/// A file's bytes, read where waiting for the disk holds up nobody. A read that fails ends the answer before its announced
/// length, which its reader notices.
fn pieces(file: File) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; EVIDENCE_PIECE_BYTES];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(std::io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}
