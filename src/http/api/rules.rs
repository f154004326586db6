//! The shapes of answers about policies: facts in closed words, which a page tells in its reader's language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk_answers::Span;
use crate::domain::masking::{Operator, Policy, Rule, View};
use crate::pipeline::{self, FileDrift, InForce, TextSpan};
use crate::units::{EntryIndex, Hash, Timestamp};

/// What a view shows of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "operator", rename_all = "snake_case")]
pub enum ViewRule {
    /// Nothing but the entity's placeholder.
    Drop,
    /// The whole value.
    KeepAll,
    /// Its ends; the characters between are `*`.
    Keep {
        /// Characters shown at the beginning.
        first: usize,
        /// Characters shown at the end.
        last: usize,
    },
    /// A name with a number that tells values of one message apart.
    Replace {
        /// The name.
        name: String,
    },
    /// A keyed token, the same for the same value within a tenant.
    Token {
        /// The key's name.
        key: String,
    },
    /// The value with its digits encrypted into as many others (FF1).
    Encrypt {
        /// The key's name.
        key: String,
    },
    /// A date some days off.
    ShiftDate {
        /// The key's name.
        key: String,
        /// Most days that it is moved.
        days_max: u16,
    },
    /// Something less exact: year, month or decade of a date, range of an amount.
    Generalise {
        /// How exact.
        level: String,
    },
}

/// A rule of a masking policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaskingRule {
    /// The rule's name, which spans give as `rule`: a policy has one rule an entity, so it is the entity's.
    pub name: String,
    /// The entity, by a name of the list in the policies' JSON Schema: cn.id_card, cn.bank_card, passport and so on.
    pub entity: String,
    /// Its class by JR/T 0171-2020: C1, C2 or C3.
    pub class: String,
    /// The norms that ask for it.
    pub basis: Vec<String>,
    /// What each view shows.
    pub views: BTreeMap<String, ViewRule>,
    /// What a value is judged by: region, birth_date, mod_11_2, issuer, length, luhn, segment, area_code, mailbox, authority,
    /// mod_31, country, mod_97, form, check_digit, date, base58check, bech32, eip_55, lexicon, context; `keyword`: by a word
    /// beside it.
    pub validators: Vec<String>,
    /// Percentage from which on a value is masked.
    pub min_confidence: u8,
    /// The policy's own words that speak for the entity.
    pub context: Vec<String>,
    /// How many characters a word reaches.
    pub context_window: usize,
    /// Whether a message of staff is held when it is about to leave with such a value.
    pub hold: bool,
    /// Roles that may then send it as it is.
    pub release_roles: Vec<String>,
}

/// A value that is public and never masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicValue {
    /// As written in the policy.
    pub literal: String,
    /// Why it is public.
    pub why: String,
}

/// What is in force, masking policy or routing table, and since which entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivePolicy {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its digest, which entries name.
    pub digest: String,
    /// Index of the entry that activated it.
    pub activated: Option<u64>,
    /// When that was.
    pub activated_at: Option<String>,
    /// Its text.
    pub source: String,
}

/// The masking policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActiveMasking {
    /// What it is.
    #[serde(flatten)]
    pub policy: ActivePolicy,
    /// Its rules.
    pub rules: Vec<MaskingRule>,
    /// What it never masks.
    pub allow: Vec<PublicValue>,
}

/// A configured file that is not what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDrift {
    /// The digest that it would have; missing when it can't be activated.
    pub digest: Option<String>,
    /// Why it can't be.
    pub error: Option<String>,
    /// Its text, as the server read it at its start.
    pub source: Option<String>,
}

/// The masking policy, and its file when that is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaskingPolicy {
    /// What is in force.
    pub active: ActiveMasking,
    /// How the configured file differs; missing when it doesn't.
    pub drift: Option<PolicyDrift>,
}

/// What a view shows of a tried text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriedView {
    /// The text as the view shows it.
    pub text: String,
    /// Where its masks are, in order.
    pub spans: Vec<Span>,
}

/// What the policy in force makes of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// The policy's digest.
    pub policy: String,
    /// Each view by its name.
    pub views: BTreeMap<String, TriedView>,
    /// What was found in the text as it was typed.
    pub found: Vec<Span>,
}

impl From<&Operator> for ViewRule {
    fn from(operator: &Operator) -> Self {
        match operator {
            Operator::Drop => Self::Drop,
            Operator::KeepAll => Self::KeepAll,
            Operator::Keep { first, last } => Self::Keep { first: *first, last: *last },
            Operator::Replace { name } => Self::Replace { name: name.clone() },
            Operator::Token { key } => Self::Token { key: key.clone() },
            Operator::Encrypt { key } => Self::Encrypt { key: key.clone() },
            Operator::ShiftDate { key, days_max } => Self::ShiftDate { key: key.clone(), days_max: *days_max },
            Operator::Generalise(level) => Self::Generalise { level: level.as_str().to_owned() },
        }
    }
}

impl From<&Rule> for MaskingRule {
    fn from(rule: &Rule) -> Self {
        let views = View::ALL.into_iter().map(|view| (view.to_string(), rule.operator(view).into()));
        Self {
            name: rule.entity.to_string(),
            entity: rule.entity.to_string(),
            class: rule.class.to_string(),
            basis: rule.basis.clone(),
            views: views.collect(),
            validators: rule.entity.checks().iter().map(|check| (*check).to_owned()).collect(),
            min_confidence: rule.min_confidence,
            context: rule.context.clone(),
            context_window: rule.context_window,
            hold: rule.leaving.hold,
            release_roles: rule.leaving.release_roles.clone(),
        }
    }
}

impl From<FileDrift> for PolicyDrift {
    fn from(drift: FileDrift) -> Self {
        Self { digest: drift.digest.map(|digest| digest.to_string()), error: drift.error, source: Some(drift.source) }
    }
}

impl ActivePolicy {
    /// What is in force by these names, and the entry that says so.
    pub(super) fn of(
        (id, version): (&str, u64),
        digest: Hash,
        source: String,
        activated: Option<(EntryIndex, Timestamp)>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            version,
            digest: digest.to_string(),
            activated: activated.map(|(index, _)| index.0),
            activated_at: activated.map(|(_, time)| time.to_string()),
            source,
        }
    }
}

impl From<InForce<Policy>> for MaskingPolicy {
    fn from(in_force: InForce<Policy>) -> Self {
        let InForce { policy, digest, source, activated, drift } = in_force;
        let public = |allowed: &crate::domain::masking::Allowed| PublicValue {
            literal: allowed.literal.clone(),
            why: allowed.why.clone(),
        };
        let active = ActiveMasking {
            policy: ActivePolicy::of((policy.id(), policy.version()), digest, source, activated),
            rules: policy.rules().iter().map(Into::into).collect(),
            allow: policy.allow().iter().map(public).collect(),
        };
        Self { active, drift: drift.map(Into::into) }
    }
}

impl From<pipeline::Tried> for Tried {
    fn from(tried: pipeline::Tried) -> Self {
        let spans = |spans: Vec<TextSpan>| -> Vec<Span> { spans.into_iter().map(Into::into).collect() };
        let views = tried
            .views
            .into_iter()
            .map(|(view, text, marks)| (view.to_string(), TriedView { text, spans: spans(marks) }));
        Self { policy: tried.policy.to_string(), views: views.collect(), found: spans(tried.found) }
    }
}
