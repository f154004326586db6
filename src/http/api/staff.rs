//! The shapes of answers about staff: accounts, sessions, second factors. What is shown once is wiped after it was sent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::pipeline::{AccountView, SessionView};

/// A staff account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any may hold with any other")]
pub struct Account {
    /// Its pseudonym, which stands in the ledger.
    pub id: String,
    /// The login; missing for accounts that were made before logins were kept.
    pub login: Option<String>,
    /// The name on screens.
    pub name: String,
    /// The role.
    pub role: String,
    /// Most conversations at a time.
    pub capacity: i32,
    /// What an agent can do.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Whose queues an agent serves.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it is locked after failed logins.
    pub locked: bool,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// Whether the password must be changed at the next login.
    pub must_change_password: bool,
}

/// A page of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// In the order of their ids.
    pub accounts: Vec<Account>,
    /// What to give as `after` next; missing when there are no more.
    pub next: Option<String>,
}

/// A one-time password, told once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct OneTimePassword {
    /// The account's pseudonym.
    pub account: String,
    /// The one-time password.
    #[schema(value_type = String)]
    pub password: Zeroizing<String>,
}

/// An account that came out of a file.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportedAccount {
    /// The account's pseudonym.
    pub account: String,
    /// Its login.
    pub login: String,
    /// The one-time password.
    #[schema(value_type = String)]
    pub password: Zeroizing<String>,
}

/// The accounts of a file, in its order.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportedAccounts {
    /// Each with its one-time password, told once.
    pub accounts: Vec<ImportedAccount>,
}

/// A session of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSession {
    /// Its id; it opens nothing.
    pub id: String,
    /// When it began.
    pub created: String,
    /// When it was last used.
    pub last_seen: String,
    /// When it ends at the latest.
    pub expires: String,
    /// Browser and system, coarsely.
    pub device: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// One's own sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSessions {
    /// Newest first, at most 200.
    pub sessions: Vec<OwnSession>,
}

/// How many sessions were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedSessions {
    /// Their number.
    pub ended: u64,
}

/// The secret of a second factor, told once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// In base 32, to be typed into an app.
    #[schema(value_type = String)]
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth` address, for a QR code.
    #[schema(value_type = String)]
    pub uri: Zeroizing<String>,
}

/// Codes for the day when the phone is lost, told once; each counts once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// To be kept on paper.
    #[schema(value_type = Vec<String>)]
    pub recovery_codes: Vec<Zeroizing<String>>,
}

impl From<AccountView> for Account {
    fn from(view: AccountView) -> Self {
        Self {
            id: view.id.to_string(),
            login: view.login.map(|login| login.to_string()),
            name: view.name.to_string(),
            role: view.role.word().to_owned(),
            capacity: view.capacity,
            skills: view.skills,
            groups: view.groups,
            enabled: view.enabled,
            locked: view.locked,
            second_factor: view.has_factor,
            must_change_password: view.must_change,
        }
    }
}

impl From<SessionView> for OwnSession {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id.to_string(),
            created: view.created.to_string(),
            last_seen: view.last_seen.to_string(),
            expires: view.expires.to_string(),
            device: view.device.to_string(),
            current: view.current,
        }
    }
}
