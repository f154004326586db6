//! Routing decisions as they stand in ledger entries: everything that a decision was made on, so that it can be made again.
//!
//! No personal data: words of the table's lists, pseudonyms of agents, numbers and times. [`super::replay()`] reads them back.

use lww_audit::entry::Detail;

use super::matcher::{Choice, Waiting};
use super::table::{Case, Decision};
use crate::domain::event::{Candidate, count, int, object, text};
use crate::units::{AccountId, Hash, Timestamp};

/// Where a conversation was sent, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Digest of the table.
    pub table: Hash,
    /// What was known.
    pub case: Case,
    /// How many words of the channel's the table knew nothing of.
    pub unknown: u64,
    /// What was decided.
    pub decision: Decision,
}

/// Who got a conversation, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Digest of the table.
    pub table: Hash,
    /// When it was decided.
    pub at: Timestamp,
    /// The conversation as it was seen.
    pub waiting: Waiting,
    /// Who was chosen among whom.
    pub choice: Choice,
    /// How many that stood before it were passed over because nobody present could take them.
    pub passed_over: u64,
}

impl Routed {
    pub(in super::super) fn detail(&self) -> Detail {
        let Self { table, case, unknown, decision } = self;
        object([
            ("table", text(table)),
            ("row", text(&decision.row)),
            ("queue", text(&decision.queue)),
            ("priority", int(i64::from(decision.priority))),
            ("skills", words(&decision.skills)),
            ("sla_s", seconds(decision.sla_s)),
            ("sticky", Detail::Bool(decision.sticky)),
            ("case", self::case(case)),
            ("unknown", count(*unknown)),
        ])
    }
}

impl Assigned {
    pub(in super::super) fn detail(&self) -> Detail {
        let Self { table, at, waiting, choice, passed_over } = self;
        object([
            ("table", text(table)),
            ("at", text(at)),
            ("agent", text(&choice.agent)),
            ("reason", text(choice.reason.word())),
            ("queue", text(&waiting.queue)),
            ("priority", int(i64::from(waiting.priority))),
            ("skills", words(&waiting.skills)),
            ("sla_s", seconds(waiting.sla_s)),
            ("weight", int(waiting.weight)),
            ("waited_ms", int(waiting.waited_ms)),
            ("first", account(waiting.first)),
            ("last", account(waiting.last)),
            ("passed_over", count(*passed_over)),
            ("candidates", Detail::Array(choice.candidates.iter().map(candidate).collect())),
        ])
    }
}

fn case(case: &Case) -> Detail {
    let Case { channel, tier, language, tags, intent, mood, at } = case;
    object([
        ("channel", text(channel)),
        ("tier", word(tier.as_ref())),
        ("language", word(language.as_ref())),
        ("tags", words(tags)),
        ("intent", word(intent.as_ref())),
        ("mood", word(mood.as_ref())),
        ("at", text(at)),
    ])
}

fn candidate(candidate: &Candidate) -> Detail {
    object([
        ("agent", text(&candidate.agent)),
        ("load", int(candidate.load)),
        ("capacity", int(i64::from(candidate.capacity))),
        ("idle_ms", int(candidate.idle_ms)),
        ("skills", words(&candidate.skills)),
    ])
}

fn word(word: Option<&String>) -> Detail {
    word.map_or(Detail::Null, text)
}

fn words(words: &[String]) -> Detail {
    Detail::Array(words.iter().map(text).collect())
}

fn seconds(seconds: Option<u32>) -> Detail {
    seconds.map_or(Detail::Null, |seconds| int(i64::from(seconds)))
}

fn account(account: Option<AccountId>) -> Detail {
    account.map_or(Detail::Null, |account| text(&account))
}
