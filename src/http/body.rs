//! Bodies: one bounded reader and one parser. Nothing else in this room touches the bytes of a request.

mod governance;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use lww_audit::witness::AddCheckpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use zeroize::Zeroizing;

pub(super) use governance::{
    DeclinedReport, DraftText, NamedIdentity, NewAmendment, NewErasure, NewHold, NewReport, NewShadow, NewUnmasking,
    PolicyText, PreviewWish, SaidValue, TriedText, ValuePlace,
};

use super::problem::Problem;
use crate::domain::message::{RawBody, RawText};
use crate::limits::{
    BODY_BYTES_MAX, FILE_WAIT_MS_MAX, POLICY_BODY_BYTES_MAX, REFUSED_BODY_BYTES_MAX, REQUEST_BODY_WAIT_MS_MAX,
};
use crate::wire;

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The tenant's name.
    pub(super) tenant: String,
    /// The login name.
    #[schema(value_type = String, max_length = 128)]
    pub(super) login: RawText,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub(super) password: RawText,
}

/// The provider's order to log out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "what the interface's description says of a form; other fields are passed over")]
pub(super) struct LogoutForm {
    /// The token (OpenID Connect Back-Channel Logout 1.0, section 2.4).
    logout_token: String,
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The password so far.
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub(super) old: RawText,
    /// The one from now on.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub(super) new: RawText,
}

/// A code of the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    /// Six digits of the moment, or a recovery code.
    #[schema(value_type = String, format = Password, max_length = 64)]
    pub(super) code: RawText,
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    /// The login name.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub(super) login: RawText,
    /// The name on screens.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub(super) name: RawText,
    /// agent, supervisor, compliance, auditor or admin.
    pub(super) role: String,
    /// Most conversations at a time, for agents; the tenant's default when not given.
    #[schema(minimum = 0, maximum = 1000)]
    pub(super) capacity: Option<i32>,
    /// What an agent can do: skills of the active routing table.
    #[serde(default)]
    #[schema(required = false, max_items = 16)]
    pub(super) skills: Vec<String>,
    /// Whose queues an agent serves: groups of the active routing table.
    #[serde(default)]
    #[schema(required = false, max_items = 16)]
    pub(super) groups: Vec<String>,
}

/// What is to change about an account; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedAccount {
    /// agent, supervisor, compliance, auditor or admin.
    pub(super) role: Option<String>,
    /// Most conversations at a time, for agents.
    #[schema(minimum = 0, maximum = 1000)]
    pub(super) capacity: Option<i32>,
    /// Whether it may log in.
    pub(super) enabled: Option<bool>,
    /// What an agent can do: skills of the active routing table, instead of those before.
    #[schema(max_items = 16)]
    pub(super) skills: Option<Vec<String>>,
    /// Whose queues an agent serves: groups of the active routing table, instead of those before.
    #[schema(max_items = 16)]
    pub(super) groups: Option<Vec<String>>,
}

/// Whether an agent takes conversations.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Presence {
    /// `true`: conversations may be given to this agent.
    pub(super) online: bool,
}

/// An agent's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// What to say; it is masked before it is recorded.
    #[schema(value_type = String, min_length = 1, max_length = 16384)]
    pub(super) text: RawText,
    /// What is decided on a text that was held before.
    pub(super) held: Option<HeldWord>,
}

/// What its writer decides on a held message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldWord {
    /// The token that came with the problem.
    #[schema(max_length = 128)]
    pub(super) token: String,
    /// masked, or as_it_is.
    pub(super) send: String,
    /// Why it goes as it is: bank_own, customer_asked, procedure or not_sensitive.
    pub(super) reason: Option<String>,
}

/// A held message that is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldToken {
    /// The token that came with the problem.
    #[schema(max_length = 128)]
    pub(super) token: String,
}

/// An internal note.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    /// What to write down for other staff; it is masked before it is recorded.
    #[schema(value_type = String, min_length = 1, max_length = 4096)]
    pub(super) text: RawText,
}

/// A canned reply to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReply {
    /// What it is found by; nothing of it may be what is masked.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub(super) title: RawText,
    /// What it says, with `{agent}`, `{queue}`, `{time}` and `{bank}` to be filled in; masked before it is recorded.
    #[schema(value_type = String, min_length = 1, max_length = 4096)]
    pub(super) text: RawText,
    /// What one types to get it: 1 to 32 of a-z, 0-9, _ and -.
    #[schema(min_length = 1, max_length = 32)]
    pub(super) shortcut: Option<String>,
}

/// A canned reply to be written anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedReply {
    /// What it is found by; nothing of it may be what is masked.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub(super) title: RawText,
    /// What it says, with `{agent}`, `{queue}`, `{time}` and `{bank}` to be filled in; masked before it is recorded.
    #[schema(value_type = String, min_length = 1, max_length = 4096)]
    pub(super) text: RawText,
    /// What one types to get it: 1 to 32 of a-z, 0-9, _ and -.
    #[schema(min_length = 1, max_length = 32)]
    pub(super) shortcut: Option<String>,
    /// The version that this was written on.
    pub(super) version: i64,
}

/// Where a conversation goes: exactly one of queue and agent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    /// A queue of the routing table.
    #[schema(max_length = 32)]
    pub(super) queue: Option<String>,
    /// An agent's account.
    #[schema(min_length = 32, max_length = 32)]
    pub(super) agent: Option<String>,
    /// What the next one should know; an internal note.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 4096)]
    pub(super) note: Option<RawText>,
}

/// What evidence is taken of: exactly one of conversation, subject, range and case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceOrder {
    /// All entries of this conversation.
    #[schema(min_length = 32, max_length = 32)]
    pub(super) conversation: Option<String>,
    /// All entries about this person, by the pseudonym that entries have.
    #[schema(min_length = 32, max_length = 32)]
    pub(super) subject: Option<String>,
    /// All entries of a time.
    pub(super) range: Option<TimeRange>,
    /// Several of these together.
    #[schema(min_items = 1, max_items = 64)]
    pub(super) case: Option<Vec<EvidenceScope>>,
    /// Why; masked, committed to by the entry, and told in its receipt alone.
    #[schema(value_type = String, min_length = 1, max_length = 1024)]
    pub(super) reason: RawText,
}

/// One part of a case: exactly one of conversation, subject and range.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceScope {
    /// All entries of this conversation.
    #[schema(min_length = 32, max_length = 32)]
    pub(super) conversation: Option<String>,
    /// All entries about this person, by the pseudonym that entries have.
    #[schema(min_length = 32, max_length = 32)]
    pub(super) subject: Option<String>,
    /// All entries of a time.
    pub(super) range: Option<TimeRange>,
}

impl EvidenceScope {
    /// Whether it names nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.conversation.is_none() && self.subject.is_none() && self.range.is_none()
    }
}

/// From when to when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeRange {
    /// The first instant, such as `2026-01-05T08:00:00+08:00`.
    pub(super) from: String,
    /// The instant before which it ends.
    pub(super) to: String,
}

/// Messages of one channel account, by the ids under which they were sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageIds {
    /// Channel and account, such as `http:app`.
    #[schema(min_length = 3, max_length = 97)]
    pub(super) channel: String,
    /// The ids.
    #[schema(min_items = 1, max_items = 256)]
    pub(super) ids: Vec<String>,
}

/// A customer's message, as the description of the API shows it; the channel itself parses it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct NewMessage {
    /// Who wrote it, by the sender's own name for them.
    #[schema(min_length = 1, max_length = 256)]
    contact: String,
    /// What they wrote.
    #[schema(min_length = 1, max_length = 16384)]
    text: String,
    /// What is known of the conversation, for its routing.
    #[schema(required = false)]
    about: Option<About>,
}

/// What is known of a conversation, for its routing: words of the routing table, 1 to 32 of a-z, 0-9, _ and -. Others are
/// ignored and counted in the ledger.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct About {
    /// How important the customer is to the bank.
    tier: Option<String>,
    /// The language that the customer writes in; told by the script of the text when not given.
    language: Option<String>,
    /// At most 8.
    #[schema(required = false, max_items = 8)]
    tags: Vec<String>,
    /// What the customer wants.
    intent: Option<String>,
    /// How the customer feels.
    mood: Option<String>,
}

/// How a visit begins, as the description of the API shows it; the channel itself parses it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct Visit {
    /// The token of a visit that goes on.
    #[schema(max_length = 1024)]
    token: Option<String>,
    /// Who is logged in to the bank's page.
    identity: Option<Identity>,
    /// What the page says of the conversation, for its routing.
    about: Option<VisitAbout>,
}

/// What a page says of a conversation: words of `a-z`, `0-9`, `_` and `-`. Tier and tags count beside an identity only,
/// whose proof then covers them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct VisitAbout {
    /// The language that the customer writes in.
    language: Option<String>,
    /// How important the customer is to the bank.
    tier: Option<String>,
    /// What else is to be known, sorted.
    #[schema(max_items = 8)]
    tags: Option<Vec<String>>,
}

/// An identity that the bank's own server vouches for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct Identity {
    /// The bank's name for the person.
    #[schema(min_length = 1, max_length = 256)]
    id: String,
    /// When it was signed, in whole seconds since 1970.
    time: i64,
    /// HMAC-SHA256 in hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    proof: String,
}

/// Reads a body of at most [`BODY_BYTES_MAX`] within [`REQUEST_BODY_WAIT_MS_MAX`].
///
/// # Errors
/// [`Problem::BodyTooLarge`], [`Problem::BodyTimeout`], [`Problem::BodyCutOff`].
pub(super) async fn read(payload: Payload) -> Result<RawBody, Problem> {
    read_up_to(payload, BODY_BYTES_MAX).await
}

/// Reads a file of at most so many bytes within [`FILE_WAIT_MS_MAX`].
///
/// # Errors
/// As [`read`].
pub(super) async fn file(payload: Payload, bytes_max: usize) -> Result<RawBody, Problem> {
    let wait = Duration::from_millis(FILE_WAIT_MS_MAX);
    tokio::time::timeout(wait, collect(payload, bytes_max)).await.map_err(|_| Problem::BodyTimeout)?
}

async fn read_up_to(payload: Payload, bytes_max: usize) -> Result<RawBody, Problem> {
    let wait = Duration::from_millis(REQUEST_BODY_WAIT_MS_MAX);
    tokio::time::timeout(wait, collect(payload, bytes_max)).await.map_err(|_| Problem::BodyTimeout)?
}

async fn collect(mut payload: Payload, bytes_max: usize) -> Result<RawBody, Problem> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut total = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::BodyCutOff)?;
        total = total.saturating_add(chunk.len());
        if total <= bytes_max {
            bytes.extend_from_slice(&chunk);
        } else if total > bytes_max.saturating_add(REFUSED_BODY_BYTES_MAX) {
            break;
        }
        // What is too long is read on and thrown away, up to a bound: closed at once, the connection would be reset
        // before the client has read why.
    }
    if total > bytes_max {
        return Err(Problem::BodyTooLarge { bytes_max });
    }
    Ok(RawBody::new(std::mem::take(&mut *bytes)))
}

/// Reads and parses a JSON body.
///
/// # Errors
/// As [`read`]; [`Problem::NotJson`] and [`Problem::Json`].
pub(super) async fn json<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Problem> {
    let body = read(payload).await?;
    require_json(request)?;
    Ok(wire::json(body.bytes())?)
}

/// Reads and parses a JSON body that holds a policy file, of at most [`POLICY_BODY_BYTES_MAX`].
///
/// # Errors
/// As [`json`].
pub(super) async fn policy<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Problem> {
    let body = read_up_to(payload, POLICY_BODY_BYTES_MAX).await?;
    require_json(request)?;
    Ok(wire::json(body.bytes())?)
}

/// Reads a JSON body for whoever parses it.
///
/// # Errors
/// As [`read`]; [`Problem::NotJson`].
pub(super) async fn raw_json(request: &HttpRequest, payload: Payload) -> Result<RawBody, Problem> {
    let body = read(payload).await?;
    require_json(request)?;
    Ok(body)
}

/// Parses a JSON text that came by a socket.
///
/// # Errors
/// [`Problem::Json`].
pub(super) fn parse<T: DeserializeOwned>(body: &RawBody) -> Result<T, Problem> {
    Ok(wire::json(body.bytes())?)
}

/// Reads what a log asks of a witness; the inner error says what is wrong with it.
///
/// # Errors
/// As [`read`].
pub(super) async fn add_checkpoint(payload: Payload) -> Result<Result<AddCheckpoint, lww_audit::Error>, Problem> {
    let body = read(payload).await?;
    Ok(AddCheckpoint::parse(body.bytes()))
}

/// Reads a body that has nothing to say.
///
/// # Errors
/// As [`read`]; [`Problem::NotJson`]. Without that type another site's form could send the request.
pub(super) async fn none(request: &HttpRequest, payload: Payload) -> Result<(), Problem> {
    read(payload).await?;
    require_json(request)
}

/// Reads a CSV file in UTF-8. Its type is none that another site's form could send.
///
/// # Errors
/// As [`read`]; [`Problem::NotCsv`].
pub(super) async fn csv(request: &HttpRequest, payload: Payload) -> Result<RawText, Problem> {
    let body = read(payload).await?;
    if !is_of_type(request, "text/csv") {
        return Err(Problem::NotCsv);
    }
    String::from_utf8(body.bytes().to_vec()).map(RawText::new).map_err(|_| Problem::NotCsv)
}

/// Reads one value out of a form; `None` when the body is none, or doesn't have it once.
///
/// # Errors
/// As [`read`].
pub(super) async fn form_value(
    request: &HttpRequest,
    payload: Payload,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Problem> {
    let body = read(payload).await?;
    let is_form = is_of_type(request, "application/x-www-form-urlencoded");
    Ok(is_form.then(|| wire::form_value(body.bytes(), name)).flatten())
}

/// Refuses a file that another site's form could have sent.
///
/// # Errors
/// [`Problem::NotOctets`].
pub(super) fn require_octets(request: &HttpRequest) -> Result<(), Problem> {
    if is_of_type(request, "application/octet-stream") { Ok(()) } else { Err(Problem::NotOctets) }
}

fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    if is_of_type(request, "application/json") { Ok(()) } else { Err(Problem::NotJson) }
}

fn is_of_type(request: &HttpRequest, wanted: &str) -> bool {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case(wanted)
}
