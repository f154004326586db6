//! Bodies by which people decide together: policies, erasures and legal holds.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::message::RawText;

/// A text to be tried on the policy in force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TriedText {
    /// Any text; nothing of it is kept.
    #[schema(value_type = String, min_length = 1, max_length = 16384)]
    pub(in crate::http) text: RawText,
    /// A policy file's text to try it on, whatever its own tests say; the policy in force when nothing is given.
    pub(in crate::http) source: Option<String>,
    /// The channel that it is said on, for policies that ask for it: `web`, `http`; any when nothing is given.
    pub(in crate::http) channel: Option<String>,
    /// The queue of the conversation that it is said in, for policies that ask for it.
    pub(in crate::http) purpose: Option<String>,
}

/// A masking policy as a file has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PolicyText {
    /// The policy file's text (`policies/masking/schema.json`).
    pub(in crate::http) source: String,
}

/// A masking policy that is to come into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewAmendment {
    /// The policy file's text (`policies/masking/schema.json`).
    pub(in crate::http) source: String,
    /// From when on it is to act (RFC 3339); as soon as enough people consented when nothing is said, here or in the file.
    pub(in crate::http) effective: Option<String>,
    /// `true`: at once, by one person's word; only a policy that masks more than the one in force may.
    #[serde(default)]
    #[schema(required = false)]
    pub(in crate::http) at_once: bool,
    /// Reports of the desk that it answers: they are closed when it comes into force.
    #[serde(default)]
    #[schema(required = false, max_items = 64)]
    pub(in crate::http) reports: Vec<String>,
}

/// A place in a message that somebody reports, as they see the message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewReport {
    /// The conversation.
    #[schema(min_length = 32, max_length = 32)]
    pub(in crate::http) conversation: String,
    /// Index of the message's entry.
    pub(in crate::http) index: u64,
    /// missed: it should be masked and isn't; wrong: it is masked and should not be.
    pub(in crate::http) misread: String,
    /// Unicode scalar values before the place.
    pub(in crate::http) start: u32,
    /// Unicode scalar values up to its end.
    pub(in crate::http) end: u32,
}

/// A report for which nothing changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DeclinedReport {
    /// not_sensitive, intended, covered or duplicate.
    pub(in crate::http) reason: String,
}

/// A draft to be run over messages that are held: those of a conversation, the newest ones, or those of a time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PreviewWish {
    /// The policy file's text; its tests must pass.
    pub(in crate::http) source: String,
    /// The public id of a conversation.
    pub(in crate::http) conversation: Option<String>,
    /// How many of the newest messages and notes.
    #[schema(minimum = 1, maximum = 100_000)]
    pub(in crate::http) last: Option<u32>,
    /// From which instant on (RFC 3339).
    pub(in crate::http) from: Option<String>,
    /// Up to which instant (RFC 3339).
    pub(in crate::http) to: Option<String>,
}

/// A policy to be run in shadow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewShadow {
    /// The policy file's text; its tests must pass.
    pub(in crate::http) source: String,
    /// After how many hours it ends by itself.
    #[schema(minimum = 1, maximum = 168)]
    pub(in crate::http) hours: u32,
}

/// A draft to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DraftText {
    /// What it is to be found by.
    #[schema(min_length = 1, max_length = 128)]
    pub(in crate::http) name: String,
    /// The policy file as far as it is written.
    #[schema(max_length = 262_144)]
    pub(in crate::http) source: String,
    /// The version that was read, of a draft that is written anew.
    pub(in crate::http) version: Option<i64>,
}

/// Somebody to be erased: by their pseudonym, or by an identity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewErasure {
    /// The pseudonym that entries have.
    #[schema(min_length = 32, max_length = 32)]
    pub(in crate::http) subject: Option<String>,
    /// What they are known by.
    pub(in crate::http) identity: Option<NamedIdentity>,
    /// not_needed, retention_over, consent_withdrawn, objection, unlawful or legal_obligation.
    pub(in crate::http) reason: String,
    /// `true`: the epoch ends at once, and no backup from before can be read any more, of nobody.
    #[serde(default)]
    #[schema(required = false)]
    pub(in crate::http) now: bool,
}

/// What somebody is known by: to a channel account, or to the bank, under the name that the configuration has for its proofs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NamedIdentity {
    /// The channel.
    pub(in crate::http) channel: Option<String>,
    /// The channel account.
    pub(in crate::http) account: Option<String>,
    /// The name of the bank's proofs (`tenant.channel.identities`), instead of a channel account.
    pub(in crate::http) realm: Option<String>,
    /// The identity itself; it is looked up and not kept.
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    pub(in crate::http) id: RawText,
}

/// Somebody who must not be erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewHold {
    /// The pseudonym that entries have.
    #[schema(min_length = 32, max_length = 32)]
    pub(in crate::http) subject: String,
    /// litigation, authority, investigation or complaint.
    pub(in crate::http) reason: String,
}

/// A masked value, by its place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ValuePlace {
    /// The message or note that it stands in.
    #[schema(min_length = 32, max_length = 32)]
    pub(in crate::http) message: String,
    /// Its place among the masked values of the message, from 0.
    pub(in crate::http) span: u16,
    /// The entry that masked it so: `again` of the message, or its `index`.
    pub(in crate::http) of: u64,
}

/// A masked value that somebody wants to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewUnmasking {
    /// Which.
    pub(in crate::http) value: ValuePlace,
    /// fraud, dispute, identity, correction, authority or incident.
    pub(in crate::http) reason: String,
}

/// A masked value, and what somebody says that it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SaidValue {
    /// Which.
    pub(in crate::http) value: ValuePlace,
    /// What is said; it is compared and not kept.
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    pub(in crate::http) said: RawText,
}
