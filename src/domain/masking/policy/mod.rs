//! The compiled policy: which entities are looked for, how surely, and what each view shows of them.
//!
//! A policy comes from one YAML text, is compiled once and never changes. It deliberately does not know where the text
//! came from, who approved it or when it acts: that is governance, recorded in the ledger under [`Policy::digest`].

mod compare;
mod compile;
mod digest;
mod document;
mod error;
mod layers;
mod leaving;
mod lint;
mod merge;
mod occasion;
mod pattern;
mod residual;
mod resolve;
mod self_test;

pub use compare::{Aspect, Difference, Way, compare, only_masks_more};
pub use document::{Approvals, Effective};
pub use error::PolicyError;
pub use layers::Layer;
pub use leaving::Leaving;
pub use lint::{Remark, Unreachable, lint};
pub use merge::{Decided, Lost};
pub use occasion::Occasion;
pub(super) use pattern::VALUE;
pub use pattern::{Pattern, Trap};
pub use resolve::Stance;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{
    entity::Entity,
    lexicon::Lexicon,
    patterns::Patterns,
    span::Span,
    view::{Class, View},
};

/// Version of the engine's behaviour; part of every policy's digest. It rises when the same rules mask something else, so that
/// the log says from which message on.
pub const ENGINE_VERSION: u32 = 3;

/// Most failing tests that are told of one draft.
const FAILURES_MAX: usize = 200;
/// Whose approval a policy asks for that names nobody's: the role that answers for policies.
const DEFAULT_APPROVER: &str = "compliance";

/// What a view shows of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Nothing but the entity's placeholder, such as `[cvv]`.
    Drop,
    /// The whole value as it was written; only for class C1.
    KeepAll,
    /// The ends of the value; the characters between are `*`, and all of them are when the ends would meet.
    Keep {
        /// Characters shown at the beginning.
        first: usize,
        /// Characters shown at the end.
        last: usize,
    },
    /// A name with a number that tells values of one message apart: `<CARD_1>`.
    Replace {
        /// The name inside the brackets, without the number.
        name: String,
    },
    /// A keyed token, the same for the same value wherever it occurs in a tenant.
    Token {
        /// Name of the key.
        key: String,
    },
    /// The value with its digits encrypted into as many others (FF1), to be had back with the key.
    Encrypt {
        /// Name of the key.
        key: String,
    },
    /// A date some days off, by as many days as all of a tenant's.
    ShiftDate {
        /// Name of the key.
        key: String,
        /// Most days that a date is moved.
        days_max: u16,
    },
    /// Something less exact that the value is a case of.
    Generalise(Level),
}

impl Operator {
    /// Says whether what it shows depends on a key.
    pub fn needs_key(&self) -> bool {
        match self {
            Self::Token { .. } | Self::Encrypt { .. } | Self::ShiftDate { .. } => true,
            Self::Drop | Self::KeepAll | Self::Keep { .. } | Self::Replace { .. } | Self::Generalise(_) => false,
        }
    }
}

/// How exact a generalised value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The year of a date.
    Year,
    /// The year and month of a date.
    Month,
    /// The decade of a date.
    Decade,
    /// A range that an amount is in.
    Range,
    /// The province of an address.
    Province,
    /// The city of an address.
    City,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 6] = [Self::Year, Self::Month, Self::Decade, Self::Range, Self::Province, Self::City];

    /// Returns the word that policies use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Decade => "decade",
            Self::Range => "range",
            Self::Province => "province",
            Self::City => "city",
        }
    }

    /// The entity whose values have this level.
    pub const fn entity(self) -> Entity {
        match self {
            Self::Year | Self::Month | Self::Decade => Entity::BirthDate,
            Self::Range => Entity::Amount,
            Self::Province | Self::City => Entity::Address,
        }
    }
}

/// As a policy file writes it.
impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("drop"),
            Self::KeepAll => f.write_str("keep: all"),
            Self::Keep { first, last } => write!(f, "keep: {{first: {first}, last: {last}}}"),
            Self::Replace { name } => write!(f, "replace: \"<{name}_{{n}}>\""),
            Self::Token { key } => write!(f, "token: hmac, key: {key}"),
            Self::Encrypt { key } => write!(f, "fpe: ff1, key: {key}"),
            Self::ShiftDate { key, days_max } => write!(f, "date_shift: {days_max}, key: {key}"),
            Self::Generalise(level) => write!(f, "generalise: {}", level.as_str()),
        }
    }
}

/// What a rule is about: an entity of the engine's, or one that the policy makes up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName {
    /// The entity; [`Entity::Custom`] for every one that is made up.
    pub entity: Entity,
    /// What the policy calls its own.
    pub own: Option<String>,
}

/// As policies write it: `cn.mobile`, `custom.loan_no`.
impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.own {
            Some(own) => write!(f, "{}.{own}", self.entity),
            None => f.write_str(self.entity.as_str()),
        }
    }
}

/// By whom, and how, a masked value may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Roles, and groups or skills of the routing table, that may open it.
    pub roles: Vec<String>,
    /// For how long, in seconds.
    pub ttl_s: u32,
    /// Roles of whom one other person has to agree first; empty: nobody has to.
    pub second_person: Vec<String>,
}

/// As a policy file writes it.
impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { roles, ttl_s, second_person } = self;
        write!(f, "vault: true, unmask_roles: [{}], reason: required, ttl: {ttl_s}s", roles.join(", "))?;
        if second_person.is_empty() { Ok(()) } else { write!(f, ", second_person: [{}]", second_person.join(", ")) }
    }
}

/// What is done with one entity.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is about.
    pub name: RuleName,
    /// What is looked for.
    pub entity: Entity,
    /// How strictly the value is held.
    pub class: Class,
    /// The norms that ask for the rule.
    pub basis: Vec<String>,
    /// Percentage from which on a value is masked.
    pub min_confidence: u8,
    /// The policy's own words that speak for the entity.
    pub context: Vec<String>,
    /// How many characters a keyword reaches.
    pub context_window: usize,
    /// What happens when staff are about to send a value of it to a customer.
    pub leaving: Leaving,
    /// By whom its values may be opened; `None`: by nobody.
    pub opening: Option<Opening>,
    /// What a value looks like, of an entity that the policy makes up.
    pub pattern: Option<Pattern>,
    is_active: bool,
    operators: [Operator; View::ALL.len()],
    /// Each different operator that shows something, with the set of views that it serves.
    pub(super) shows: Vec<(u16, Operator)>,
    said: Vec<Stance>,
}

impl Rule {
    /// Returns what a view shows.
    pub fn operator(&self, view: View) -> &Operator {
        &self.operators[view.index()]
    }

    /// Whether it applies on the occasion that the policy is looked at for; if not, it only keeps its place.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// What each layer says, the more general first; where it is not active, what they say elsewhere.
    pub fn said(&self) -> &[Stance] {
        &self.said
    }

    /// Which layer decided what a view shows, and why the others didn't.
    pub fn decided(&self, view: View) -> Decided<'_> {
        merge::decide((&self.name, self.class, view), &self.said.iter().collect::<Vec<_>>()).1
    }

    /// What a value is judged by, in words of a closed list.
    pub fn checks(&self) -> &'static [&'static str] {
        self.entity.checks()
    }
}

/// A value that is public and never masked.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The value as written in the policy.
    pub literal: String,
    /// Why it is public.
    pub why: String,
}

/// A policy that has passed its own tests.
pub struct Policy {
    id: String,
    version: u64,
    supersedes: Option<String>,
    effective: Option<Effective>,
    approvals: Option<Approvals>,
    rules: Vec<Rule>,
    by_entity: [Option<u16>; Entity::ALL.len()],
    allow: Vec<Allowed>,
    /// The line that says that it only runs beside the one in force.
    is_shadow: Option<u64>,
    /// Whether a test holds that clean text stays as it is.
    has_clean_test: bool,
    digest: [u8; 32],
    layers: Vec<Layer>,
    /// What it is on the occasions that its layers ask for; itself, it is for any other.
    others: BTreeMap<Occasion, Policy>,
    /// Canonical forms of the allowed values.
    pub(super) allowed: Vec<String>,
    /// The compiled keywords.
    pub(super) lexicon: Lexicon,
    /// The compiled patterns, if there are any.
    pub(super) patterns: Option<Patterns>,
    /// Names of all replacements, so that a replacement is recognised when it is masked again.
    pub(super) replacements: Vec<Vec<u8>>,
}

impl Policy {
    /// Parses, compiles and tests a policy written in YAML.
    ///
    /// # Errors
    /// Refuses a text that is too long, malformed, asks for something unavailable, contradicts itself, or fails one of
    /// its own tests; the error names the line or the test.
    pub fn load(yaml: &str) -> Result<Self, PolicyError> {
        let (policy, tests) = compile::compile(yaml)?;
        if let Some(line) = policy.is_shadow {
            let expected = "enforce to bring it into force (`lww policy shadow` runs it beside what is)";
            return Err(PolicyError::Invalid { line, field: "mode", expected, got: "shadow".to_owned() });
        }
        let failure = self_test::failures(&policy, &tests).into_iter().next();
        failure.map_or(Ok(policy), Err)
    }

    /// Parses and compiles a policy that is still being written, with what its own tests say against it: while they say
    /// anything it can't come into force.
    ///
    /// # Errors
    /// As [`Policy::load`], but for the tests.
    pub fn draft(yaml: &str) -> Result<(Self, Vec<PolicyError>), PolicyError> {
        let (policy, tests) = compile::compile(yaml)?;
        let mut failures = self_test::failures(&policy, &tests);
        failures.truncate(FAILURES_MAX);
        Ok((policy, failures))
    }

    /// Returns the form of the policy for a message's occasion. All forms have the same digest, which names the whole, and their
    /// rules the same places.
    pub fn on(&self, there: &Occasion) -> &Self {
        let known = |value: &Option<String>, of: fn(&Occasion) -> &Option<String>| {
            value.clone().filter(|value| self.others.keys().any(|named| of(named).as_ref() == Some(value)))
        };
        let named = Occasion {
            tenant: known(&there.tenant, |occasion| &occasion.tenant),
            channel: known(&there.channel, |occasion| &occasion.channel),
            purpose: known(&there.purpose, |occasion| &occasion.purpose),
        };
        self.others.get(&named).unwrap_or(self)
    }

    /// Returns the occasions for which the policy has a form of its own.
    pub fn occasions(&self) -> impl Iterator<Item = &Occasion> + Clone {
        self.others.keys()
    }

    /// Whether what it masks depends on a conversation's purpose.
    pub fn minds_purpose(&self) -> bool {
        self.others.keys().any(|there| there.purpose.is_some())
    }

    /// Whether it is only its own list of rules, on this occasion and any other.
    pub fn is_plain(&self) -> bool {
        self.rules.iter().all(|rule| rule.said.iter().all(|stance| stance.layer == layers::OWN))
    }

    /// Returns its layers, the more general first; none of a policy that is only its own list of rules.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the policy's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the author's version number.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the SHA-256 digest of the resolved policy in canonical JSON (RFC 8785).
    ///
    /// It covers id, version, rules on every occasion, layers, allowed values and the engine's tables and version, but neither the layout nor the
    /// comments nor the tests of the file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Returns the SHA-256 digest of the engine that resolved the policy, its tables included.
    pub fn engine(&self) -> [u8; 32] {
        digest::of_engine(&self.lexicon)
    }

    /// Whether a digest names this policy: by this engine, or as the first release resolved the same text, whose entries
    /// don't tell the engine.
    pub fn is_named_by(&self, digest: &[u8; 32]) -> bool {
        self.digest == *digest || digest::of_first_release(self) == *digest
    }

    /// Returns the resolved policy in canonical JSON, of which `digest` is the SHA-256: by this engine, or as the first release
    /// resolved the same text. `None` if the digest is none of the two.
    pub fn canonical_text(&self, digest: &[u8; 32]) -> Option<String> {
        digest::text_of(self, digest)
    }

    /// Returns the rules; a span's rule is a position in this list.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the values that are never masked.
    pub fn allow(&self) -> &[Allowed] {
        &self.allow
    }

    /// The same policy without the public values that another one doesn't name: whoever tries values on what customers wrote
    /// could else tell by what is masked no more which of them stand there. Also how many values that takes away.
    #[must_use]
    pub fn without_further_allowed(mut self, other: &Self) -> (Self, usize) {
        let before = self.allowed.len();
        self.others.values_mut().for_each(|form| form.keep_allowed(other));
        self.keep_allowed(other);
        let taken = before - self.allowed.len();
        (self, taken)
    }

    fn keep_allowed(&mut self, other: &Self) {
        self.allowed.retain(|value| other.allowed.contains(value));
        let is_known = |literal: &str| other.allow.iter().any(|known| known.literal == literal);
        let literals = self.allow.iter().map(|allowed| allowed.literal.as_str()).filter(|literal| is_known(literal));
        if let Some(patterns) = &mut self.patterns {
            patterns.allow(&self.lexicon, literals);
        }
    }

    /// Returns the digest of the policy that this one means to follow, as written.
    pub fn supersedes(&self) -> Option<&str> {
        self.supersedes.as_deref()
    }

    /// Returns from when on the policy is meant to act.
    pub fn effective(&self) -> Option<&Effective> {
        self.effective.as_ref()
    }

    /// Returns whose approval the policy asks for, as written.
    pub fn approvals(&self) -> Option<&Approvals> {
        self.approvals.as_ref()
    }

    /// Says whether it looks for what every message with a number may hold.
    pub(super) fn minds_every_number(&self) -> bool {
        Entity::ON_DEMAND.into_iter().any(|entity| self.by_entity[entity.index()].is_some())
    }

    /// Returns whose approval a change of the policy takes: as written, or one other person of compliance.
    pub fn consent(&self) -> Approvals {
        self.approvals.clone().unwrap_or_else(|| Approvals {
            required: 1,
            roles: vec![DEFAULT_APPROVER.to_owned()],
            author_may_approve: false,
        })
    }

    /// Returns the names of the rules for which a message with these values is held when it is about to leave, each once.
    pub(super) fn held(&self, spans: &[Span]) -> Vec<String> {
        let rules = spans.iter().filter_map(|span| self.rules.get(usize::from(span.rule)));
        let held: BTreeSet<&RuleName> = rules.filter(|rule| rule.leaving.hold).map(|rule| &rule.name).collect();
        held.into_iter().map(RuleName::to_string).collect()
    }

    /// Returns by whom values of an entity may be opened; `None`: by nobody.
    pub fn opening(&self, entity: Entity) -> Option<&Opening> {
        self.rule_for(entity).and_then(|(_, rule)| rule.opening.as_ref())
    }

    /// Returns the rule of an entity and its position, if there is one.
    pub(super) fn rule_for(&self, entity: Entity) -> Option<(u16, &Rule)> {
        let position = self.by_entity[entity.index()]?;
        self.rules.get(usize::from(position)).map(|rule| (position, rule))
    }
}
