//! Erasing customers by two people's word, legal holds, and the certificate of an erasure.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::erasure_answers::{Erasure, Erasures, Hold, Holds, ShredCertificate};
use super::{Answer, id, named};
use crate::domain::event::{ErasureReason, HoldReason};
use crate::http::body::{self, NamedIdentity, NewErasure, NewHold};
use crate::http::problem::{Problem, ProblemDetails};
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::{Refusal, Staff, Tenant};
use crate::ports::{IdentityName, Proven};
use crate::units::{CHANNEL_NAMES, ChannelAccount, SubjectId};

/// Lists proposals to erase customers, the newest first.
#[utoipa::path(
    get, path = "/api/v1/erasures", tag = "erasure",
    responses(
        (status = 200, description = "At most 500", body = Erasures),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let erasures = session.served.tenant.erasures(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Erasures { erasures: erasures.into_iter().map(Into::into).collect() }))
}

/// Proposes to erase a customer, named by pseudonym or by an identity; another person has to approve it.
#[utoipa::path(
    post, path = "/api/v1/erasures", tag = "erasure", request_body = NewErasure,
    responses(
        (status = 201, description = "Proposed", body = Erasure),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn propose(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewErasure { subject, identity, reason, now } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let (tenant, staff) = (&session.served.tenant, &session.staff);
    let expected = "not_needed, retention_over, consent_withdrawn, objection, unlawful or legal_obligation";
    let wrong = Refusal::Invalid { field: "reason", expected };
    let reason = ErasureReason::from_word(&reason).ok_or(wrong)?;
    let subject = subject_of(tenant, staff, (subject, identity)).await?;
    let proposed = tenant.propose_erasure(staff, subject, (reason, now)).await?;
    Ok(HttpResponse::Created().json(Erasure::from(proposed)))
}

/// Erases the customer of a proposal that somebody else made; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/erasures/{id}/approve", tag = "erasure",
    params(("id" = String, Path, description = "The proposal's id")),
    responses(
        (status = 200, description = "Erased", body = Erasure),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn approve(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let erased = session.served.tenant.approve_erasure(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(Erasure::from(erased)))
}

/// Turns a proposal down; needs a second factor shown just now.
#[utoipa::path(
    post, path = "/api/v1/erasures/{id}/reject", tag = "erasure",
    params(("id" = String, Path, description = "The proposal's id")),
    responses(
        (status = 204, description = "Turned down"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reject(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.reject_erasure(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Certifies an erasure: both instants, the entries behind them with their proofs, signed with the log's key.
#[utoipa::path(
    get, path = "/api/v1/erasures/{id}/certificate", tag = "erasure",
    params(("id" = String, Path, description = "The proposal's id")),
    responses(
        (status = 200, description = "As far as it is done", body = ShredCertificate),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn certificate(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let certificate = session.served.tenant.shred_certificate(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(ShredCertificate::from(certificate)))
}

/// Lists legal holds, the newest first.
#[utoipa::path(
    get, path = "/api/v1/holds", tag = "erasure",
    responses(
        (status = 200, description = "At most 500", body = Holds),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn holds(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let holds = session.served.tenant.holds(&session.staff).await?;
    Ok(HttpResponse::Ok().json(Holds { holds: holds.into_iter().map(Into::into).collect() }))
}

/// Places a legal hold: from then on nobody erases the customer, whatever was proposed.
#[utoipa::path(
    post, path = "/api/v1/holds", tag = "erasure", request_body = NewHold,
    responses(
        (status = 201, description = "Placed", body = Hold),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn hold(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewHold { subject, reason } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let expected = "litigation, authority, investigation or complaint";
    let wrong = Refusal::Invalid { field: "reason", expected };
    let reason = HoldReason::from_word(&reason).ok_or(wrong)?;
    let subject = id("subject", &subject)?;
    let placed = session.served.tenant.place_hold(&session.staff, subject, reason).await?;
    Ok(HttpResponse::Created().json(Hold::from(placed)))
}

/// Releases a legal hold.
#[utoipa::path(
    delete, path = "/api/v1/holds/{id}", tag = "erasure",
    params(("id" = String, Path, description = "The hold's id")),
    responses(
        (status = 204, description = "Released"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn release(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.release_hold(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who is meant: by pseudonym, or by what a channel account or the bank knows them by.
async fn subject_of(
    tenant: &Tenant,
    staff: &Staff,
    (subject, identity): (Option<String>, Option<NamedIdentity>),
) -> Result<SubjectId, Problem> {
    let expected = "either a pseudonym or an identity";
    let wrong = || Refusal::Invalid { field: "subject", expected };
    match (subject, identity) {
        (Some(subject), None) => Ok(id("subject", &subject)?),
        (None, Some(NamedIdentity { channel: Some(channel), account: Some(account), realm: None, id })) => {
            let known = CHANNEL_NAMES.iter().copied().find(|known| *known == channel);
            let channel = ChannelAccount { channel: known.ok_or_else(wrong)?, account };
            Ok(tenant.subject_of(staff, IdentityName::Channel(&channel, &id)).await?)
        }
        (None, Some(NamedIdentity { channel: None, account: None, realm: Some(realm), id })) => {
            let proven = Proven { realm, id };
            Ok(tenant.subject_of(staff, IdentityName::Proven(&proven)).await?)
        }
        (Some(_), Some(_)) | (None, Some(_) | None) => Err(wrong().into()),
    }
}
