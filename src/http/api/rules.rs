//! The shapes of answers about policies: facts in closed words, which a page tells in its reader's language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk_answers::Span;
use crate::domain::masking::{self, Decided, Lost, Opening, Operator, Policy, Rule, View};
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
    /// The rule's name, which spans give as `rule`: the entity's, or of the policy's own `custom.` with its name.
    pub name: String,
    /// The entity, by a name of the list in the policies' JSON Schema: cn.id_card, cn.bank_card, passport and so on.
    pub entity: String,
    /// Its class by JR/T 0171-2020: C1, C2 or C3.
    pub class: String,
    /// The norms that ask for it.
    pub basis: Vec<String>,
    /// What a value looks like, of an entity of the policy's own: a regular expression.
    pub pattern: Option<String>,
    /// What each view shows.
    pub views: BTreeMap<String, ViewRule>,
    /// Which layer decided that for each view; empty in a policy without layers.
    pub decided: BTreeMap<String, DecidedView>,
    /// Where it applies, when that is not everywhere: any of these.
    pub only: Vec<Occasion>,
    /// What a value is judged by: region, birth_date, mod_11_2, issuer, length, luhn, segment, area_code, mailbox, authority,
    /// mod_31, country, mod_97, form, check_digit, date, base58check, bech32, eip_55, lexicon, context, pattern; `keyword`: by a word
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
    /// By whom its values may be opened; nothing: by nobody.
    #[serde(default)]
    pub opening: Option<RuleOpening>,
}

/// By whom, and how, a masked value may be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleOpening {
    /// Roles, and groups or skills of the routing table.
    pub roles: Vec<String>,
    /// For how long, in seconds.
    pub ttl_s: u32,
    /// Roles of whom one other person has to agree first.
    pub second_person: Vec<String>,
}

impl From<&Opening> for RuleOpening {
    fn from(opening: &Opening) -> Self {
        let Opening { roles, ttl_s, second_person } = opening.clone();
        Self { roles, ttl_s, second_person }
    }
}

/// Who decided what a view shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecidedView {
    /// The layer; missing when none says anything of the view, which then sees a placeholder.
    pub layer: Option<String>,
    /// The layers whose words don't count.
    pub lost: Vec<LostView>,
}

/// What a layer says in vain of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostView {
    /// The layer.
    pub layer: String,
    /// What it would show.
    pub shows: ViewRule,
    /// Why it doesn't: class (another layer holds the value too strictly for that), shows_more, fewer_left (fewer values remain
    /// possible behind the mask), more_characters, same, less_specific.
    pub why: String,
    /// How many values remain possible behind its mask at most, when that is why.
    pub left: Option<u64>,
    /// The same behind the mask that won.
    pub behind_winner: Option<u64>,
}

/// Which messages something applies to; what is missing may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Occasion {
    /// The tenant's name.
    pub tenant: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// The conversation's queue.
    pub purpose: Option<String>,
}

/// A layer of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyLayer {
    /// Its name; of a pack that is built in with its version, such as `base/pci@1`.
    pub name: String,
    /// Of a pack the norm that it follows.
    pub title: Option<String>,
    /// SHA-256 of what it says.
    pub digest: String,
    /// Which messages it applies to.
    #[serde(rename = "where")]
    pub occasion: Occasion,
}

/// What the policy is on an occasion that one of its layers asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OccasionRules {
    /// The occasion.
    #[serde(rename = "where")]
    pub occasion: Occasion,
    /// The rules that are others there than for any message.
    pub rules: Vec<MaskingRule>,
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
    /// Its layers, the more general first; its own list of rules, which comes last, is none of them.
    pub layers: Vec<PolicyLayer>,
    /// Its rules for any message.
    pub rules: Vec<MaskingRule>,
    /// What differs on some occasions.
    pub occasions: Vec<OccasionRules>,
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
    /// Its version.
    pub version: u64,
    /// Each view by its name.
    pub views: BTreeMap<String, TriedView>,
    /// What was found in the text as it was typed.
    pub found: Vec<FoundSpan>,
}

/// A value that was found in a tried text, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundSpan {
    /// Where it is, and by which rule.
    #[serde(flatten)]
    pub span: Span,
    /// The word in the text that speaks for it.
    pub word: Option<String>,
    /// What it was judged by; see `MaskingRule`.
    pub validators: Vec<String>,
    /// The layers that speak of it; none of a policy without layers.
    pub layers: Vec<String>,
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

impl MaskingRule {
    /// A rule; who decided matters where there are layers.
    fn of(rule: &Rule, is_layered: bool) -> Self {
        let views = View::ALL.into_iter().map(|view| (view.to_string(), rule.operator(view).into()));
        let decided = View::ALL.into_iter().filter(|_| is_layered);
        let decided = decided.map(|view| (view.to_string(), rule.decided(view).into()));
        let only = rule.said().iter().filter(|_| !rule.is_active()).map(|stance| (&stance.occasion).into());
        Self {
            name: rule.name.to_string(),
            entity: rule.entity.to_string(),
            class: rule.class.to_string(),
            basis: rule.basis.clone(),
            pattern: rule.pattern.as_ref().map(|pattern| pattern.text.clone()),
            views: views.collect(),
            decided: decided.collect(),
            only: only.collect(),
            validators: rule.checks().iter().map(|check| (*check).to_owned()).collect(),
            min_confidence: rule.min_confidence,
            context: rule.context.clone(),
            context_window: rule.context_window,
            hold: rule.leaving.hold,
            release_roles: rule.leaving.release_roles.clone(),
            opening: rule.opening.as_ref().map(Into::into),
        }
    }
}

impl From<Decided<'_>> for DecidedView {
    fn from(decided: Decided<'_>) -> Self {
        let lost = decided.lost.into_iter().map(|(layer, operator, why)| {
            let (left, behind_winner) = match why {
                Lost::FewerLeft { left, behind_winner } => (Some(left), Some(behind_winner)),
                Lost::Class | Lost::ShowsMore | Lost::MoreCharacters | Lost::Same | Lost::LessSpecific => (None, None),
            };
            let why = why.as_str().to_owned();
            LostView { layer: layer.to_owned(), shows: operator.into(), why, left, behind_winner }
        });
        Self { layer: decided.layer.map(str::to_owned), lost: lost.collect() }
    }
}

impl From<&masking::Occasion> for Occasion {
    fn from(occasion: &masking::Occasion) -> Self {
        let masking::Occasion { tenant, channel, purpose } = occasion.clone();
        Self { tenant, channel, purpose }
    }
}

impl From<&masking::Layer> for PolicyLayer {
    fn from(layer: &masking::Layer) -> Self {
        let masking::Layer { name, title, occasion, digest } = layer;
        let digest = Hash(*digest).to_string();
        Self { name: name.clone(), title: title.clone(), digest, occasion: occasion.into() }
    }
}

/// The rules of a policy as it is for any message, or on one occasion.
pub fn rules_of(policy: &Policy) -> Vec<MaskingRule> {
    let is_layered = !policy.is_plain();
    policy.rules().iter().map(|rule| MaskingRule::of(rule, is_layered)).collect()
}

/// What a policy is on the occasions that its layers ask for, as far as that is something else than for any message.
pub fn occasions_of(policy: &Policy) -> Vec<OccasionRules> {
    let general = rules_of(policy);
    let differs = |rule: &MaskingRule| rule.only.is_empty() && !general.contains(rule);
    let of = |there: &masking::Occasion| OccasionRules {
        occasion: there.into(),
        rules: rules_of(policy.on(there)).into_iter().filter(differs).collect(),
    };
    policy.occasions().map(of).collect()
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
        let public =
            |allowed: &masking::Allowed| PublicValue { literal: allowed.literal.clone(), why: allowed.why.clone() };
        let active = ActiveMasking {
            policy: ActivePolicy::of((policy.id(), policy.version()), digest, source, activated),
            layers: policy.layers().iter().map(Into::into).collect(),
            rules: rules_of(&policy),
            occasions: occasions_of(&policy),
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
        let found = tried.found.into_iter().map(|found| FoundSpan {
            span: found.span.into(),
            word: found.word,
            validators: found.checks.iter().map(|check| (*check).to_owned()).collect(),
            layers: found.layers,
        });
        let found = found.collect();
        Self { policy: tried.policy.to_string(), version: tried.version, views: views.collect(), found }
    }
}
