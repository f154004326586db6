//! What administrators do about accounts. Who may is decided by the table of roles; every change is an entry.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use zeroize::Zeroizing;

use super::staff::{Account, Accounts, EndedSessions, ImportedAccount, ImportedAccounts, OneTimePassword};
use super::{Answer, id, limit, named};
use crate::domain::event::Role;
use crate::domain::message::RawText;
use crate::http::body::{self, ChangedAccount, NewAccount};
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::{AccountUpdate, Imported, Manager, NewStaff, Refusal};
use crate::units::AccountId;
use crate::wire::Query;

/// Lists accounts.
#[utoipa::path(
    get, path = "/api/v1/admin/accounts", tag = "accounts",
    params(
        ("after" = Option<String>, Query, description = "Only those after this id"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 50 when not given"),
    ),
    responses(
        (status = 200, description = "A page of accounts", body = Accounts),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn list(service: Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::parse(request.uri().query().unwrap_or(""), &["after", "limit"])?;
    let after = query.take("after").map(|text| id("after", &text)).transpose()?;
    let limit = limit(&mut query)?;
    let session = session::of(&service, &request).await?;
    let found = session.served.tenant.accounts(&session.staff, after, limit).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| is_full).map(|last| last.id.to_string());
    Ok(HttpResponse::Ok().json(Accounts { accounts: found.into_iter().map(Into::into).collect(), next }))
}

/// Makes an account with a one-time password.
#[utoipa::path(
    post, path = "/api/v1/admin/accounts", tag = "accounts", request_body = NewAccount,
    responses(
        (status = 201, description = "Made", body = OneTimePassword),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let NewAccount { login, name, role, capacity, skills, groups } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let new = NewStaff { login, name, role: staff_role(&role)?, capacity, skills, groups };
    let made = session.served.tenant.create_account(Manager::Staff(&session.staff), new).await?;
    Ok(HttpResponse::Created().json(one_time(made.0, &made.1)))
}

/// Changes role, capacity, state, skills or groups; whoever changes role or may not log in any more loses their sessions.
#[utoipa::path(
    patch, path = "/api/v1/admin/accounts/{id}", tag = "accounts", request_body = ChangedAccount,
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 200, description = "Changed", body = Account),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn change(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let ChangedAccount { role, capacity, enabled, skills, groups } = body::json(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let role = role.map(|word| staff_role(&word)).transpose()?;
    let update = AccountUpdate { role, capacity, enabled, skills, groups };
    let view = session.served.tenant.change_account(Manager::Staff(&session.staff), id, &update).await?;
    Ok(HttpResponse::Ok().json(Account::from(view)))
}

/// Lets a locked account log in again.
#[utoipa::path(
    post, path = "/api/v1/admin/accounts/{id}/unlock", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 204, description = "Unlocked"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn unlock(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.unlock_account(Manager::Staff(&session.staff), id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sets a one-time password and ends every session of the account.
#[utoipa::path(
    post, path = "/api/v1/admin/accounts/{id}/reset", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 200, description = "Set", body = OneTimePassword),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn reset(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let password = session.served.tenant.reset_account(Manager::Staff(&session.staff), id).await?;
    Ok(HttpResponse::Ok().json(one_time(id, &password)))
}

/// Takes away the second factor of somebody who lost theirs; never one's own.
#[utoipa::path(
    delete, path = "/api/v1/admin/accounts/{id}/second-factor", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 204, description = "Taken away"),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove_factor(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    session.served.tenant.remove_factor(Manager::Staff(&session.staff), id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends every session of an account.
#[utoipa::path(
    delete, path = "/api/v1/admin/accounts/{id}/sessions", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 200, description = "Ended", body = EndedSessions),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end_sessions(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    body::none(&request, payload).await?;
    session::same_origin(&request)?;
    let id = named(&request)?;
    let session = session::of(&service, &request).await?;
    let ended = session.served.tenant.revoke_sessions_of(Manager::Staff(&session.staff), id).await?;
    Ok(HttpResponse::Ok().json(EndedSessions { ended }))
}

/// Makes the accounts of a CSV file: all, or none when a line can't be taken.
#[utoipa::path(
    post, path = "/api/v1/admin/accounts/import", tag = "accounts",
    request_body(
        content = String, content_type = "text/csv",
        description = "UTF-8; the first line names the columns login, name, role and perhaps capacity; at most 256 accounts",
    ),
    responses(
        (status = 201, description = "Made", body = ImportedAccounts),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn import(service: Data<Service>, request: HttpRequest, payload: Payload) -> Answer {
    let file = body::csv(&request, payload).await?;
    session::same_origin(&request)?;
    let session = session::of(&service, &request).await?;
    let made = session.served.tenant.import_accounts(Manager::Staff(&session.staff), &file).await?;
    let told = |one: Imported| ImportedAccount {
        account: one.account.to_string(),
        login: one.login.expose().to_owned(),
        password: Zeroizing::new(one.password.expose().to_owned()),
    };
    Ok(HttpResponse::Created().json(ImportedAccounts { accounts: made.into_iter().map(told).collect() }))
}

fn one_time(account: AccountId, password: &RawText) -> OneTimePassword {
    OneTimePassword { account: account.to_string(), password: Zeroizing::new(password.expose().to_owned()) }
}

fn staff_role(word: &str) -> Result<Role, Refusal> {
    let role = Role::from_word(word).filter(|role| role.is_staff());
    role.ok_or(Refusal::Invalid { field: "role", expected: "agent, supervisor, compliance, auditor or admin" })
}
