//! The digest that names a table in the ledger: SHA-256 of its resolved form in canonical JSON.
//!
//! It covers the name and version that entries give the table and everything that decides where a conversation goes and
//! what a customer is told, the engine's version included; and nothing else: not the file's layout, comments or tests.

use serde_json::{Value, json};

use super::super::canonical;
use super::calendar::{Calendar, DAY_WORDS, Hours};
use super::table::{COLUMNS, Queue, Rule, Table};
use crate::units::Hash;

/// Version of the engine's behaviour (first match, matcher's order and rank); part of every table's digest.
const ENGINE_VERSION: u32 = 1;

/// Returns the digest of a resolved table.
pub(super) fn of(table: &Table) -> Hash {
    Hash(canonical::digest(&json!({
        "engine": ENGINE_VERSION,
        "id": table.id,
        "version": table.version,
        "words": COLUMNS.iter().zip(&table.words.columns).map(|(name, words)| json!([name, words])).collect::<Vec<_>>(),
        "skills": table.words.skills,
        "channels": table.weights,
        "groups": table.groups,
        "calendar": calendar(&table.calendar),
        "queues": table.queues.iter().map(queue).collect::<Vec<_>>(),
        "rules": table.rules.iter().map(rule).collect::<Vec<_>>(),
    })))
}

/// Returns the digest of the engine alone.
pub(super) fn of_engine() -> Hash {
    Hash(canonical::digest(&json!({ "version": ENGINE_VERSION })))
}

fn calendar(calendar: &Calendar) -> Value {
    let hours = |hours: &Hours| -> Value {
        let days = DAY_WORDS.iter().enumerate().map(|(kind, word)| {
            let spans: Vec<Value> = hours.on(kind).iter().map(|span| json!([span.from, span.to])).collect();
            json!([word, spans])
        });
        days.collect()
    };
    json!({
        "offset_minutes": calendar.offset_minutes,
        "holidays": calendar.holidays,
        "workdays": calendar.workdays,
        "hours": calendar.hours.iter().map(|(name, spans)| json!([name, hours(spans)])).collect::<Vec<_>>(),
    })
}

fn queue(queue: &Queue) -> Value {
    json!({
        "name": queue.name,
        "hours": queue.hours,
        "priority": queue.priority,
        "group": queue.group,
        "skills": queue.skills,
        "relax_s": queue.relax_s,
        "overflow": queue.overflow.as_ref().map(|(after_s, to)| json!([after_s, to])),
        "sla_s": queue.sla_s,
        "no_answer_s": queue.no_answer_s,
        "offline_s": queue.offline_s,
        "closed": queue.closed,
    })
}

fn rule(rule: &Rule) -> Value {
    let decision = &rule.decision;
    json!({
        "id": rule.id,
        "words": rule.when.words,
        "open": rule.when.open,
        "closed": rule.when.closed,
        "time": rule.when.time.iter().map(|span| json!([span.from, span.to])).collect::<Vec<_>>(),
        "queue": decision.queue,
        "priority": decision.priority,
        "skills": decision.skills,
        "sla_s": decision.sla_s,
        "sticky": decision.sticky,
    })
}
