//! How the log is kept outside of the database: published, witnessed, mirrored, sealed, looked through.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::http::problem::ProblemDetails;
use crate::http::service::Service;
use crate::http::session;
use crate::pipeline::LedgerCustody;
use crate::ports;

/// How the log is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Custody {
    /// The log's name.
    pub origin: String,
    /// Its public key in vkey form.
    pub key: String,
    /// The newest signed head; null before the first signature, and while this server doesn't write the log.
    pub head: Option<SignedSize>,
    /// The published checkpoint.
    pub published: Option<KnownSize>,
    /// How many of whom must have cosigned what is published; null without witnesses.
    pub quorum: Option<String>,
    /// Those who are asked to cosign.
    pub witnesses: Vec<Witness>,
    /// The copy of what is published in another place.
    pub mirror: Mirror,
    /// The newest entry that seals the ends of all chains.
    pub seal: Option<Seal>,
    /// The server's own look through what it wrote.
    pub self_audit: SelfAudit,
}

/// A size and when it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedSize {
    /// Number of entries.
    pub size: u64,
    /// When it was signed.
    pub signed_at: String,
}

/// A size and since when it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownSize {
    /// Number of entries.
    pub size: u64,
    /// Since when.
    pub at: String,
}

/// Where one witness stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Witness {
    /// How the policy calls it.
    pub name: String,
    /// Where it is asked.
    pub url: Option<String>,
    /// Number of entries that it cosigned last.
    pub size: Option<u64>,
    /// The time that it stated with it.
    pub at: Option<String>,
    /// What came of asking it last.
    pub state: WitnessState,
    /// Why, in words for an operator.
    pub reason: Option<String>,
    /// Since when it has been in this state.
    pub since: Option<String>,
}

/// What came of asking a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WitnessState {
    /// It cosigned the newest checkpoint that it was asked about.
    Cosigned,
    /// It lives, and its newest cosignature is older.
    Behind,
    /// It says no; `reason` says why.
    Refused,
    /// It doesn't answer.
    Unreachable,
    /// Nobody has asked it so far.
    Unasked,
}

/// Where the copy stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mirror {
    /// Where it is.
    pub target: Option<String>,
    /// Number of entries that it holds.
    pub size: Option<u64>,
    /// Since when.
    pub at: Option<String>,
    /// What came of writing it last.
    pub state: MirrorState,
    /// Why, in words for an operator.
    pub reason: Option<String>,
}

/// What came of writing a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MirrorState {
    /// It holds what is published.
    Current,
    /// It holds less.
    Behind,
    /// It can't be written.
    Unreachable,
    /// It holds something else.
    Differs,
    /// There is none.
    Off,
}

/// An entry that seals the ends of all chains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seal {
    /// Its index.
    pub index: u64,
    /// It covers the entries before this size.
    pub upto: u64,
    /// Its time.
    pub at: String,
}

/// The server's own look through what it wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SelfAudit {
    /// When it looked last.
    pub at: Option<String>,
    /// Up to which size.
    pub looked_to: Option<u64>,
    /// What it found wrong since the server started.
    pub findings: u64,
    /// What it does at the moment.
    pub state: SelfAuditState,
}

/// What the look does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelfAuditState {
    /// It waits for its next turn.
    Idle,
    /// It looks.
    Running,
    /// It found something that an operator must see.
    Found,
}

/// Tells how the log is kept outside of the database, by whom, and up to where.
#[utoipa::path(
    get, path = "/api/v1/ledger/custody", tag = "ledger",
    responses(
        (status = 200, description = "How the log is kept", body = Custody),
        (status = "default", description = "A problem", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn custody(service: Data<Service>, request: HttpRequest) -> Answer {
    let session = session::of(&service, &request).await?;
    let told = session.served.tenant.ledger_custody(&session.staff)?;
    Ok(HttpResponse::Ok().json(Custody::from(told)))
}

impl From<LedgerCustody> for Custody {
    fn from(told: LedgerCustody) -> Self {
        let LedgerCustody { origin, key, head, custody } = told;
        let ports::Custody { published, quorum, witnesses, mirror, seal, self_audit } = custody;
        Self {
            origin,
            key,
            head: head.map(|head| SignedSize { size: head.size.0, signed_at: head.signed_at.to_string() }),
            published: published.map(|known| KnownSize { size: known.size.0, at: known.at.to_string() }),
            quorum,
            witnesses: witnesses.into_iter().map(Into::into).collect(),
            mirror: mirror.into(),
            seal: seal.map(|seal| Seal { index: seal.index.0, upto: seal.upto.0, at: seal.at.to_string() }),
            self_audit: self_audit.into(),
        }
    }
}

impl From<ports::WitnessCustody> for Witness {
    fn from(witness: ports::WitnessCustody) -> Self {
        let ports::WitnessCustody { name, url, cosigned, state, reason, since } = witness;
        let state = match state {
            ports::WitnessState::Cosigned => WitnessState::Cosigned,
            ports::WitnessState::Behind => WitnessState::Behind,
            ports::WitnessState::Refused => WitnessState::Refused,
            ports::WitnessState::Unreachable => WitnessState::Unreachable,
            ports::WitnessState::Unasked => WitnessState::Unasked,
        };
        let size = cosigned.map(|known| known.size.0);
        let at = cosigned.map(|known| known.at.to_string());
        Self { name, url, size, at, state, reason, since: since.map(|since| since.to_string()) }
    }
}

impl From<ports::MirrorCustody> for Mirror {
    fn from(mirror: ports::MirrorCustody) -> Self {
        let ports::MirrorCustody { target, holds, state, reason } = mirror;
        let state = match state {
            ports::MirrorState::Current => MirrorState::Current,
            ports::MirrorState::Behind => MirrorState::Behind,
            ports::MirrorState::Unreachable => MirrorState::Unreachable,
            ports::MirrorState::Differs => MirrorState::Differs,
            ports::MirrorState::Off => MirrorState::Off,
        };
        let size = holds.map(|known| known.size.0);
        Self { target, size, at: holds.map(|known| known.at.to_string()), state, reason }
    }
}

impl From<ports::SelfAuditCustody> for SelfAudit {
    fn from(look: ports::SelfAuditCustody) -> Self {
        let ports::SelfAuditCustody { at, looked_to, findings, state } = look;
        let state = match state {
            ports::SelfAuditState::Idle => SelfAuditState::Idle,
            ports::SelfAuditState::Running => SelfAuditState::Running,
            ports::SelfAuditState::Found => SelfAuditState::Found,
        };
        Self { at: at.map(|at| at.to_string()), looked_to: looked_to.map(|size| size.0), findings, state }
    }
}
