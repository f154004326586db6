//! The table file as written: `route/v1`, a closed vocabulary in YAML.
//!
//! It only parses; what the fields mean together is [`super::compile`]'s business. The JSON Schema beside the tables
//! (`policies/routing/schema.json`) says the same for editors.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

/// A whole table file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) api_version: ApiVersion,
    pub(super) id: Spanned<String>,
    pub(super) version: u64,
    pub(super) words: Spanned<WordsDoc>,
    pub(super) channels: BTreeMap<String, Spanned<ChannelDoc>>,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, Spanned<GroupDoc>>,
    pub(super) calendar: CalendarDoc,
    pub(super) queues: Vec<Spanned<QueueDoc>>,
    pub(super) rules: Vec<Spanned<RuleDoc>>,
    pub(super) tests: Vec<Spanned<TestDoc>>,
}

/// The only format there is.
#[derive(Deserialize)]
pub(super) enum ApiVersion {
    #[serde(rename = "route/v1")]
    RouteV1,
}

/// Every word that a case or a row may use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordsDoc {
    #[serde(default)]
    pub(super) tiers: Vec<String>,
    #[serde(default)]
    pub(super) languages: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) intents: Vec<String>,
    #[serde(default)]
    pub(super) moods: Vec<String>,
    #[serde(default)]
    pub(super) skills: Vec<String>,
}

/// How much of an agent a conversation of this channel takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelDoc {
    pub(super) weight: u32,
}

/// Agents who serve queues of their own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupDoc {
    #[serde(default)]
    pub(super) reserved: bool,
}

/// When the bank is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarDoc {
    pub(super) zone: Spanned<String>,
    #[serde(default)]
    pub(super) holidays: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) workdays: Vec<Spanned<String>>,
    pub(super) hours: BTreeMap<String, Spanned<Vec<HoursDoc>>>,
}

/// Opening hours of some days.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursDoc {
    pub(super) days: String,
    pub(super) open: Vec<String>,
}

/// A queue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueDoc {
    pub(super) name: String,
    pub(super) hours: String,
    pub(super) priority: u8,
    #[serde(default)]
    pub(super) group: Option<String>,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    #[serde(default)]
    pub(super) relax_s: Option<u32>,
    #[serde(default)]
    pub(super) overflow: Option<OverflowDoc>,
    #[serde(default)]
    pub(super) sla_s: Option<u32>,
    #[serde(default)]
    pub(super) no_answer_s: Option<u32>,
    #[serde(default)]
    pub(super) offline_s: Option<u32>,
    pub(super) closed: String,
}

/// Who helps out, and when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverflowDoc {
    pub(super) after_s: u32,
    pub(super) to: String,
}

/// A row of the decision table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleDoc {
    pub(super) id: String,
    #[serde(default)]
    pub(super) when: WhenDoc,
    pub(super) queue: String,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    #[serde(default)]
    pub(super) priority: Option<u8>,
    #[serde(default)]
    pub(super) sla_s: Option<u32>,
    #[serde(default)]
    pub(super) sticky: Option<bool>,
}

/// The conditions of a row; all must hold, and each holds when one of its words does.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WhenDoc {
    pub(super) channel: OneOrMany,
    pub(super) tier: OneOrMany,
    pub(super) language: OneOrMany,
    pub(super) tag: OneOrMany,
    pub(super) intent: OneOrMany,
    pub(super) mood: OneOrMany,
    pub(super) open: Option<String>,
    pub(super) closed: Option<String>,
    pub(super) time: OneOrMany,
}

/// A case and what must become of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestDoc {
    pub(super) case: CaseDoc,
    pub(super) row: String,
    #[serde(default)]
    pub(super) queue: Option<String>,
    #[serde(default)]
    pub(super) priority: Option<u8>,
    #[serde(default)]
    pub(super) skills: Option<Vec<String>>,
    #[serde(default)]
    pub(super) open: Option<bool>,
}

/// What is known of a conversation when it is routed, as written in tests and by `lww route`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseDoc {
    pub(super) channel: String,
    #[serde(default)]
    pub(super) tier: Option<String>,
    #[serde(default)]
    pub(super) language: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) intent: Option<String>,
    #[serde(default)]
    pub(super) mood: Option<String>,
    pub(super) at: String,
}

/// One word, or a list of words.
#[derive(Default)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a list of words")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![word.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(OneOrMany(words))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
