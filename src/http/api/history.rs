//! Policies that run over what was said before or beside the one in force, and drafts that officers keep.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::history_answers::{NewestRun, PolicyPreview, PolicyPreviews, PolicyRun, SavedDraft, SavedDrafts};
use super::{Answer, named};
use crate::domain::event::PreviewScope;
use crate::http::body::{self, DraftText, NewShadow, PreviewWish};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::{NewPreview, Refusal};
use crate::units::Version;
use crate::wire;

const SCOPE_EXPECTED: &str = "one of conversation, last, and from with to";
const ID_EXPECTED: &str = "32 lower-case hexadecimal digits";
const TIME_EXPECTED: &str = "a time such as 2026-01-05T08:00:00+08:00";

/// Runs a draft over messages that are held; what it would mask otherwise can be asked for by the id. That it is run is recorded.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/previews", tag = "policies", request_body = PreviewWish,
    responses(
        (status = 201, description = "Begun", body = PolicyPreview),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn preview(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let wish = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let new = wanted(wish)?;
    let preview = session.served.tenant.preview_policy(&session.staff, new).await?;
    Ok(HttpResponse::Created().json(PolicyPreview::from(preview)))
}

/// Lists the previews of whoever asks.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/previews", tag = "policies",
    responses(
        (status = 200, description = "At most 8", body = PolicyPreviews),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn previews(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let previews = session.served.tenant.previews(&session.staff)?;
    Ok(HttpResponse::Ok().json(PolicyPreviews { previews: previews.into_iter().map(Into::into).collect() }))
}

/// Shows how far a preview is and what came of it.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/previews/{id}", tag = "policies",
    params(("id" = String, Path, description = "The id")),
    responses(
        (status = 200, description = "The preview", body = PolicyPreview),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show_preview(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let preview = session.served.tenant.preview(&session.staff, id)?;
    Ok(HttpResponse::Ok().json(PolicyPreview::from(preview)))
}

/// Ends a preview that runs; takes away one that is over.
#[utoipa::path(
    delete, path = "/api/v1/policies/masking/previews/{id}", tag = "policies",
    params(("id" = String, Path, description = "The id")),
    responses(
        (status = 204, description = "Ended, or gone"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_preview(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.end_preview(&session.staff, id)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Begins to mask what was recorded before again, by the policy in force. Nothing shows more by it, and it is for good.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/remasking", tag = "policies",
    responses(
        (status = 201, description = "Begun", body = PolicyRun),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn begin_remasking(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let run = session.served.tenant.begin_remasking(&session.staff).await?;
    Ok(HttpResponse::Created().json(PolicyRun::from(run)))
}

/// Shows how far history is masked again.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/remasking", tag = "policies",
    responses(
        (status = 200, description = "The newest run", body = NewestRun),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remasking(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let run = session.served.tenant.remasking(&session.staff).await?;
    Ok(HttpResponse::Ok().json(NewestRun { run: run.map(Into::into) }))
}

/// Ends masking again: what is masked stays so, and nothing more is.
#[utoipa::path(
    delete, path = "/api/v1/policies/masking/remasking", tag = "policies",
    responses(
        (status = 204, description = "Ended"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_remasking(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.end_remasking(&session.staff).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Runs a policy beside the one in force, on what is said from here on; what it would mask otherwise is counted.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/shadow", tag = "policies", request_body = NewShadow,
    responses(
        (status = 201, description = "Begun", body = PolicyRun),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn begin_shadow(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewShadow { source, hours } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let run = session.served.tenant.begin_shadow(&session.staff, &source, hours).await?;
    Ok(HttpResponse::Created().json(PolicyRun::from(run)))
}

/// Shows what the policy in shadow found.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/shadow", tag = "policies",
    responses(
        (status = 200, description = "The newest run", body = NewestRun),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn shadow(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let run = session.served.tenant.shadow(&session.staff).await?;
    Ok(HttpResponse::Ok().json(NewestRun { run: run.map(Into::into) }))
}

/// Ends the policy in shadow; what it found is kept.
#[utoipa::path(
    delete, path = "/api/v1/policies/masking/shadow", tag = "policies",
    responses(
        (status = 204, description = "Ended"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_shadow(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.end_shadow(&session.staff).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the drafts that officers keep.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/drafts", tag = "policies",
    responses(
        (status = 200, description = "At most 50", body = SavedDrafts),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn drafts(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let drafts = session.served.tenant.policy_drafts(&session.staff).await?;
    Ok(HttpResponse::Ok().json(SavedDrafts { drafts: drafts.into_iter().map(Into::into).collect() }))
}

/// Keeps a new draft.
#[utoipa::path(
    post, path = "/api/v1/policies/masking/drafts", tag = "policies", request_body = DraftText,
    responses(
        (status = 201, description = "Kept", body = SavedDraft),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn save_draft(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let DraftText { name, source, .. } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let saved = session.served.tenant.save_draft(&session.staff, None, (&name, &source)).await?;
    Ok(HttpResponse::Created().json(SavedDraft::from(saved)))
}

/// Shows a draft.
#[utoipa::path(
    get, path = "/api/v1/policies/masking/drafts/{id}", tag = "policies",
    params(("id" = String, Path, description = "The id")),
    responses(
        (status = 200, description = "The draft", body = SavedDraft),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show_draft(service: Data<Service>, request: HttpRequest) -> Answer {
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let draft = session.served.tenant.policy_draft(&session.staff, id).await?;
    Ok(HttpResponse::Ok().json(SavedDraft::from(draft)))
}

/// Writes a draft anew, in place of the version that was read.
#[utoipa::path(
    put, path = "/api/v1/policies/masking/drafts/{id}", tag = "policies", request_body = DraftText,
    params(("id" = String, Path, description = "The id")),
    responses(
        (status = 200, description = "Kept", body = SavedDraft),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn rewrite_draft(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let DraftText { name, source, version } = body::policy(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let missing = Refusal::Invalid { field: "version", expected: "the version that was read" };
    let of = Some((id, Version(version.ok_or(missing)?)));
    let saved = session.served.tenant.save_draft(&session.staff, of, (&name, &source)).await?;
    Ok(HttpResponse::Ok().json(SavedDraft::from(saved)))
}

/// Takes a draft away.
#[utoipa::path(
    delete, path = "/api/v1/policies/masking/drafts/{id}", tag = "policies",
    params(("id" = String, Path, description = "The id")),
    responses(
        (status = 204, description = "Gone"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove_draft(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.remove_draft(&session.staff, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is asked for by exactly one of the scopes.
fn wanted(wish: PreviewWish) -> Result<NewPreview, Refusal> {
    let PreviewWish { source, conversation, last, from, to } = wish;
    let bad = |field, expected| Refusal::Invalid { field, expected };
    let time = |field, text: &str| wire::time(text).ok_or(bad(field, TIME_EXPECTED));
    let scope = match (conversation, last, from.zip(to)) {
        (Some(id), None, None) => PreviewScope::Conversation(id.parse().map_err(|_| bad("conversation", ID_EXPECTED))?),
        (None, Some(messages), None) => PreviewScope::Last(messages),
        (None, None, Some((from, to))) => PreviewScope::Range(time("from", &from)?, time("to", &to)?),
        (None | Some(_), None | Some(_), None | Some(_)) => {
            return Err(bad("last", SCOPE_EXPECTED));
        }
    };
    Ok(NewPreview { source, scope })
}
