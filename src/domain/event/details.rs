//! What entries of the simpler kinds tell, one function each.

use lww_audit::entry::Detail;

use super::{Found, LOG_KEY, RequeueReason, Scope, count, index, int, object, text};
use crate::units::{AccountId, EntryIndex, Hash, MessageId, MessageSeq, PackageId};

pub(super) fn marks(delivered: Option<EntryIndex>, read: Option<EntryIndex>) -> Detail {
    object([("delivered", index(delivered)), ("read", index(read))])
}

pub(super) fn said(message: &MessageId, seq: MessageSeq) -> Detail {
    object([("message", text(message)), ("seq", int(i64::from(seq.0)))])
}

pub(super) fn revoked(account: &AccountId, sessions: u64) -> Detail {
    object([("account", text(account)), ("sessions", count(sessions))])
}

pub(super) fn failed(failures: u64, window_ms: i64) -> Detail {
    object([("count", count(failures)), ("window_ms", int(window_ms))])
}

pub(super) fn because(reason: &str) -> Detail {
    object([("reason", text(reason))])
}

pub(super) fn opened(generation: u32, key: &str) -> Detail {
    object([("generation", int(i64::from(generation))), ("key", text(key))])
}

pub(super) fn started(version: &str, binary: &Hash, configuration: &Hash) -> Detail {
    object([("version", text(version)), ("binary", text(binary)), ("configuration", text(configuration))])
}

pub(super) fn rotated(statement: &str, previous: Option<EntryIndex>) -> Detail {
    object([("purpose", text(LOG_KEY)), ("statement", text(statement)), ("previous", index(previous))])
}

pub(super) fn exported(package: &PackageId, scope: &Scope, names: bool) -> Detail {
    object([("names", Detail::Bool(names)), ("package", text(package)), ("scope", text(scope))])
}

pub(super) fn found(Found { part, name, index: entry }: &Found) -> Detail {
    object([("part", text(part.word())), ("name", text(name)), ("index", index(*entry))])
}

pub(super) fn requeued(agent: AccountId, queue: &str, reason: RequeueReason, after_s: u32, elapsed_ms: i64) -> Detail {
    object([
        ("agent", text(&agent)),
        ("queue", text(queue)),
        ("reason", text(reason.word())),
        ("after_s", int(i64::from(after_s))),
        ("elapsed_ms", int(elapsed_ms)),
    ])
}
