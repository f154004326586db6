//! What `[tenant.oidc]` must mean: where the bank's provider is, and which role its claims give.

use hyper::Uri;

use super::super::OidcConfig;
use super::{Checked, FILE, Field, Section, existing, key_id, path, secret};
use crate::domain::event::Role;

/// The section, when the file has it.
pub(super) fn read(section: &Section<'_>) -> Checked<Option<OidcConfig>> {
    if !section.is_there() {
        return Ok(None);
    }
    let issuer = section.required("issuer")?;
    let ca = existing(path(section, "ca")?, FILE, std::path::Path::is_file)?;
    if url(&issuer)?.scheme_str() == Some("https") && ca.is_none() {
        return Err(section.missing("ca"));
    }
    let public = section.required("public_url")?;
    url(&public)?;
    let roles = section.text("roles")?.map_or(Ok(Vec::new()), |field| roles(&field))?;
    let create = section.boolean("create_accounts")?;
    if create.value && roles.is_empty() {
        return Err(create.expected("false, or roles beside it: an account needs a role"));
    }
    Ok(Some(OidcConfig {
        issuer: issuer.value.to_owned(),
        client_id: key_id(&section.required("client_id")?)?,
        client_secret: secret(&section.required("client_secret")?)?.value,
        public_url: public.value.trim_end_matches('/').to_owned(),
        ca,
        login_claim: key_id(&section.required("login_claim")?)?,
        role_claim: key_id(&section.required("role_claim")?)?,
        roles,
        create_accounts: create.value,
    }))
}

/// An address that nobody can listen in to: HTTPS, or plain HTTP that stays on this machine.
fn url(field: &Field<'_, &str>) -> Checked<Uri> {
    let expected = "an https URL without query, or an http URL with a loopback address such as 127.0.0.1";
    safe(field.value).ok_or_else(|| field.expected(expected))
}

/// The same of a text; `None` when it is no such address.
pub(super) fn safe(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let host = url.host().unwrap_or("");
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let safe = match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => loopback,
        Some(_) | None => false,
    };
    (safe && url.query().is_none() && !text.contains(['#', '@'])).then_some(url)
}

/// `value=role` pairs separated by commas.
fn roles(field: &Field<'_, &str>) -> Checked<Vec<(String, Role)>> {
    let pair = |pair: &str| {
        let (value, word) = pair.trim().rsplit_once('=')?;
        let role = Role::from_word(word.trim()).filter(|role| role.is_staff())?;
        (!value.trim().is_empty()).then(|| (value.trim().to_owned(), role))
    };
    field.value.split(',').map(pair).collect::<Option<_>>().ok_or_else(|| {
        field.expected("pairs such as lww-agents=agent, separated by commas; roles are agent, supervisor, compliance, auditor and admin")
    })
}
