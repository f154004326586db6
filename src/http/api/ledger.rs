//! The ledger's head, for those who verify.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::answers::LedgerHead;
use crate::domain::access::Action;
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;

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
    Ok(HttpResponse::Ok().json(LedgerHead::new(tenant.vkey.clone(), tenant.head().as_ref())))
}
