//! The shapes of answers about values behind masks, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::erasure_answers::Act;
use crate::pipeline;

/// A request to open a masked value, and what became of it. The value is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmasking {
    /// Its id.
    pub id: String,
    /// requested, granted, denied, used or lapsed.
    pub state: String,
    /// The conversation that the value stands in.
    pub conversation: String,
    /// Whose it is, by their pseudonym.
    pub subject: String,
    /// The message that it stands in.
    pub message: String,
    /// Its place among the masked values of the message, from 0.
    pub span: u16,
    /// What it is: the entity's name.
    pub entity: String,
    /// Its class.
    pub class: String,
    /// Why: fraud, dispute, identity, correction, authority or incident.
    pub reason: String,
    /// Until when it may be opened and shown (RFC 3339, UTC); nothing until it is granted.
    pub until: Option<String>,
    /// Who asked.
    pub requested: Act,
    /// Who granted or denied it; whoever asked, where the rule asks for nobody else.
    pub decided: Option<Act>,
    /// Who opened it.
    pub used: Option<Act>,
}

impl From<pipeline::Unmasking> for Unmasking {
    fn from(unmasking: pipeline::Unmasking) -> Self {
        let pipeline::Unmasking { row, entity, class, reason, stands } = unmasking;
        Self {
            id: row.id.to_string(),
            state: stands.to_owned(),
            conversation: row.conversation.public.to_string(),
            subject: row.subject.to_string(),
            message: row.place.message.to_string(),
            span: row.place.span,
            entity,
            class,
            reason,
            until: row.until.map(|until| until.to_string()),
            requested: row.requested.into(),
            decided: row.decided.map(Into::into),
            used: row.used.map(Into::into),
        }
    }
}

/// Requests, those made last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmaskings {
    /// At most 200.
    pub unmaskings: Vec<Unmasking>,
}

/// An opened value. It is told once and kept by nobody.
#[derive(Serialize, ToSchema)]
pub struct OpenedValue {
    /// The value, as it was written.
    #[schema(value_type = String)]
    pub value: Zeroizing<String>,
    /// Until when it may stand on a screen (RFC 3339, UTC).
    pub until: String,
    /// Who opened it, by which entry and when.
    pub used: Act,
}

/// Whether two values are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    /// Whether they are.
    pub same: bool,
}
