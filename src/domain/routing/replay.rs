//! Makes a recorded routing decision again from what its entry holds, and compares.
//!
//! It knows nothing but the entry and a table: whoever has both can check, without the server.

use lww_audit::Entry;
use lww_audit::entry::{Detail, Object};

use super::matcher::{Place, Waiting, choose};
use super::table::{Case, Table};
use crate::domain::event::{Candidate, MatchReason};
use crate::units::{AccountId, Hash};

/// What a decision came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What was decided, in words.
    pub what: &'static str,
    /// As the entry has it.
    pub recorded: String,
    /// As it comes out again.
    pub again: String,
}

impl Replay {
    /// Whether the same came out.
    pub fn is_same(&self) -> bool {
        self.recorded == self.again
    }
}

/// Why an entry's decision can't be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The entry is about something else.
    #[error("an entry of kind {kind} holds no routing decision of this version")]
    NoDecision {
        /// Its kind.
        kind: String,
    },
    /// The entry is what a person decided.
    #[error("an entry of kind {kind} is a person's own decision, not the table's: there is nothing to make again")]
    ByHand {
        /// Its kind.
        kind: String,
    },
    /// The entry lacks what its kind should hold.
    #[error("the entry's detail has no {field} as its kind should")]
    Malformed {
        /// The member.
        field: &'static str,
    },
    /// The decision was made with another table.
    #[error("the decision was made with the table {entry}, this one is {table}")]
    OtherTable {
        /// Digest that the entry names.
        entry: Hash,
        /// Digest of the table at hand.
        table: Hash,
    },
}

/// The digest of the table that an entry's decision was made with.
///
/// # Errors
/// [`ReplayError`] when it holds none.
pub fn table_of(entry: &Entry) -> Result<Hash, ReplayError> {
    match entry.kind.as_str() {
        "conversation.opened/2" | "conversation.reopened/2" | "conversation.assigned/2" => {
            read(detail(entry)?, "table", |text| text.parse().ok())
        }
        kind @ ("conversation.transferred/1" | "conversation.taken/1") => {
            Err(ReplayError::ByHand { kind: kind.to_owned() })
        }
        kind => Err(ReplayError::NoDecision { kind: kind.to_owned() }),
    }
}

/// Makes the decision of an entry again.
///
/// # Errors
/// [`ReplayError`] when it can't be made with this table.
pub fn replay(entry: &Entry, table: &Table) -> Result<Replay, ReplayError> {
    let named = table_of(entry)?;
    if named != table.digest() {
        return Err(ReplayError::OtherTable { entry: named, table: table.digest() });
    }
    let fields = detail(entry)?;
    if entry.kind.as_str() == "conversation.assigned/2" { assigned(fields, table) } else { routed(fields, table) }
}

fn routed(fields: &Object, table: &Table) -> Result<Replay, ReplayError> {
    let decision = table.decide(&case(member(fields, "case")?)?);
    let recorded = format!(
        "row {}, queue {}, priority {}, skills [{}], sla_s {}, sticky {}",
        word(fields, "row")?,
        word(fields, "queue")?,
        int(fields, "priority")?,
        words(fields, "skills")?.join(", "),
        optional(fields, "sla_s", |detail| number(detail).map(|seconds| seconds.to_string()))?.unwrap_or_else(none),
        flag(fields, "sticky")?,
    );
    let again = format!(
        "row {}, queue {}, priority {}, skills [{}], sla_s {}, sticky {}",
        decision.row,
        decision.queue,
        decision.priority,
        decision.skills.join(", "),
        decision.sla_s.map_or_else(none, |seconds| seconds.to_string()),
        decision.sticky,
    );
    Ok(Replay { what: "where it goes", recorded, again })
}

fn none() -> String {
    "none".to_owned()
}

fn assigned(fields: &Object, table: &Table) -> Result<Replay, ReplayError> {
    let waiting = Waiting {
        queue: word(fields, "queue")?.to_owned(),
        priority: whole(fields, "priority")?,
        skills: words(fields, "skills")?,
        sla_s: optional(fields, "sla_s", |detail| u32::try_from(number(detail)?).ok())?,
        weight: int(fields, "weight")?,
        waited_ms: int(fields, "waited_ms")?,
        first: optional(fields, "first", account)?,
        last: optional(fields, "last", account)?,
    };
    let Some(Detail::Array(list)) = fields.get("candidates") else {
        return Err(ReplayError::Malformed { field: "candidates" });
    };
    let candidates = list.iter().map(candidate).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<Place> = candidates.iter().map(place).collect();
    let reason: MatchReason = read(fields, "reason", MatchReason::from_word)?;
    let order = |candidates: &[Candidate]| {
        candidates.iter().map(|candidate| candidate.agent.to_string()).collect::<Vec<_>>().join(", ")
    };
    let recorded = format!("agent {}, {}, considered: {}", word(fields, "agent")?, reason.word(), order(&candidates));
    let again = choose(table, &waiting, &places).map_or_else(
        || "nobody".to_owned(),
        |choice| format!("agent {}, {}, considered: {}", choice.agent, choice.reason.word(), order(&choice.candidates)),
    );
    Ok(Replay { what: "who gets it", recorded, again })
}

/// Whoever stands in an entry was online.
fn place(candidate: &Candidate) -> Place {
    let Candidate { agent, load, capacity, idle_ms, ref skills } = *candidate;
    Place { agent, load, capacity, online: true, idle_ms, skills: skills.clone() }
}

fn case(fields: &Object) -> Result<Case, ReplayError> {
    let own = |detail: &Detail| string(detail).map(str::to_owned);
    Ok(Case {
        channel: word(fields, "channel")?.to_owned(),
        tier: optional(fields, "tier", own)?,
        language: optional(fields, "language", own)?,
        tags: words(fields, "tags")?,
        intent: optional(fields, "intent", own)?,
        mood: optional(fields, "mood", own)?,
        at: read(fields, "at", |text| text.parse().ok())?,
    })
}

fn candidate(detail: &Detail) -> Result<Candidate, ReplayError> {
    let Detail::Object(fields) = detail else { return Err(ReplayError::Malformed { field: "candidates" }) };
    Ok(Candidate {
        agent: read(fields, "agent", |text| text.parse().ok())?,
        load: int(fields, "load")?,
        capacity: whole(fields, "capacity")?,
        idle_ms: int(fields, "idle_ms")?,
        skills: words(fields, "skills")?,
    })
}

fn detail(entry: &Entry) -> Result<&Object, ReplayError> {
    match &entry.detail {
        Detail::Object(fields) => Ok(fields),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => {
            Err(ReplayError::Malformed { field: "detail" })
        }
    }
}

fn member<'a>(fields: &'a Object, field: &'static str) -> Result<&'a Object, ReplayError> {
    match fields.get(field) {
        Some(Detail::Object(inner)) => Ok(inner),
        Some(_) | None => Err(ReplayError::Malformed { field }),
    }
}

fn string(detail: &Detail) -> Option<&str> {
    if let Detail::String(text) = detail { Some(text) } else { None }
}

fn number(detail: &Detail) -> Option<i64> {
    if let Detail::Int(number) = detail { Some(*number) } else { None }
}

fn account(detail: &Detail) -> Option<AccountId> {
    string(detail)?.parse().ok()
}

fn word<'a>(fields: &'a Object, field: &'static str) -> Result<&'a str, ReplayError> {
    fields.get(field).and_then(string).ok_or(ReplayError::Malformed { field })
}

fn read<T>(fields: &Object, field: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ReplayError> {
    parse(word(fields, field)?).ok_or(ReplayError::Malformed { field })
}

fn int(fields: &Object, field: &'static str) -> Result<i64, ReplayError> {
    fields.get(field).and_then(number).ok_or(ReplayError::Malformed { field })
}

fn whole<T: TryFrom<i64>>(fields: &Object, field: &'static str) -> Result<T, ReplayError> {
    T::try_from(int(fields, field)?).map_err(|_| ReplayError::Malformed { field })
}

fn flag(fields: &Object, field: &'static str) -> Result<bool, ReplayError> {
    match fields.get(field) {
        Some(Detail::Bool(flag)) => Ok(*flag),
        Some(_) | None => Err(ReplayError::Malformed { field }),
    }
}

fn words(fields: &Object, field: &'static str) -> Result<Vec<String>, ReplayError> {
    let Some(Detail::Array(list)) = fields.get(field) else { return Err(ReplayError::Malformed { field }) };
    let words = list.iter().map(|detail| string(detail).map(str::to_owned));
    words.collect::<Option<_>>().ok_or(ReplayError::Malformed { field })
}

/// A member that is `null` when there is none.
fn optional<T>(
    fields: &Object,
    field: &'static str,
    read: impl Fn(&Detail) -> Option<T>,
) -> Result<Option<T>, ReplayError> {
    match fields.get(field) {
        Some(Detail::Null) => Ok(None),
        Some(detail) => read(detail).map(Some).ok_or(ReplayError::Malformed { field }),
        None => Err(ReplayError::Malformed { field }),
    }
}
