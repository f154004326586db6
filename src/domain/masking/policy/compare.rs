//! How one policy differs from the one before it, and which of the differences show more than before.
//!
//! The order of strictness is drop, replace, token, generalise, FPE, keep: what stands earlier tells less. Policies with layers are
//! compared on every occasion that either knows. Whatever can't be ordered, such as another
//! token key, is neither: it shows no more and masks no more. Layout, comments and tests make no difference.

use std::collections::BTreeSet;
use std::fmt;

use super::super::view::View;
use super::occasion::{Occasion, combinations};
use super::{Approvals, Opening, Operator, Policy, Rule, RuleName};

/// Which way a difference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Less is shown, or more people must agree.
    Stricter,
    /// Neither shows more than the other.
    Sideways,
    /// More may be shown, or fewer people must agree.
    Weaker,
}

impl Way {
    /// Its name in answers and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stricter => "stricter",
            Self::Sideways => "sideways",
            Self::Weaker => "weaker",
        }
    }
}

/// What of a policy differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The policy's name.
    Id,
    /// Whose approval it asks for.
    Approvals,
    /// A value that is never masked.
    Allow,
    /// A rule that is there or not.
    Rule(RuleName),
    /// An entity's class.
    Class(RuleName),
    /// What a view shows of an entity.
    View(RuleName, View),
    /// How sure a find must be.
    MinConfidence(RuleName),
    /// The words that make a find surer.
    Context(RuleName),
    /// How far those words reach.
    ContextWindow(RuleName),
    /// What a value looks like.
    Pattern(RuleName),
    /// How sure a match of the pattern is by itself.
    Certainty(RuleName),
    /// By whom its values may be opened.
    Opening(RuleName),
    /// Whether a value is held when it is about to leave, and who may release it.
    Leaving(RuleName),
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("id"),
            Self::Approvals => f.write_str("approvals"),
            Self::Allow => f.write_str("allow"),
            Self::Rule(entity) => write!(f, "{entity}"),
            Self::Class(entity) => write!(f, "{entity}.class"),
            Self::View(entity, view) => write!(f, "{entity}.views.{view}"),
            Self::MinConfidence(entity) => write!(f, "{entity}.detect.min_confidence"),
            Self::Context(entity) => write!(f, "{entity}.detect.context"),
            Self::ContextWindow(entity) => write!(f, "{entity}.detect.context_window"),
            Self::Leaving(entity) => write!(f, "{entity}.leaving"),
            Self::Pattern(entity) => write!(f, "{entity}.pattern"),
            Self::Certainty(entity) => write!(f, "{entity}.detect.confidence"),
            Self::Opening(entity) => write!(f, "{entity}.reversible"),
        }
    }
}

/// One difference; both sides as a policy file writes them, empty where there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it differs; where that is anything but any message, it doesn't differ so for any.
    pub occasion: Occasion,
    /// What differs.
    pub aspect: Aspect,
    /// Which way.
    pub way: Way,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_nothing = |side: &str| if side.is_empty() { "nothing".to_owned() } else { side.to_owned() };
        write!(f, "{}: {} -> {}", self.place(), or_nothing(&self.before), or_nothing(&self.after))
    }
}

impl Difference {
    /// Whether it says the same, wherever.
    fn is_like(&self, other: &Self) -> bool {
        (&self.aspect, self.way, &self.before, &self.after) == (&other.aspect, other.way, &other.before, &other.after)
    }

    /// What differs and where, as a path: `channel/web: cn.mobile.views.agent`.
    pub fn place(&self) -> String {
        if self.occasion == Occasion::ANY {
            self.aspect.to_string()
        } else {
            format!("{}: {}", self.occasion, self.aspect)
        }
    }
}

/// Lists the differences of two policies, in the order of [`Aspect`]; those that only some occasions have come last.
pub fn compare(before: &Policy, after: &Policy) -> Vec<Difference> {
    let of = |aspect, way, before: &str, after: &str| difference(aspect, way, before.to_owned(), after.to_owned());
    let mut found = Vec::new();
    if before.id() != after.id() {
        found.push(of(Aspect::Id, Way::Sideways, before.id(), after.id()));
    }
    let (was, is) = (before.consent(), after.consent());
    let way = way_of_approvals(&was, &is);
    found.extend(way.map(|way| of(Aspect::Approvals, way, &was.to_string(), &is.to_string())));
    let (was, is) = (literals(before), literals(after));
    found.extend(was.difference(&is).map(|literal| of(Aspect::Allow, Way::Stricter, literal, "")));
    found.extend(is.difference(&was).map(|literal| of(Aspect::Allow, Way::Weaker, "", literal)));
    found.extend(compare_forms(before, after));
    found.sort_by(|one, other| one.aspect.cmp(&other.aspect));
    for there in combinations(&before.occasions().chain(after.occasions())).iter().skip(1) {
        let mut more = compare_forms(before.on(there), after.on(there));
        // What differs for any message is said once, and what differs on a wider occasion too.
        more.retain(|one| !found.iter().any(|known| known.occasion.holds_at(there) && known.is_like(one)));
        more.sort_by(|one, other| one.aspect.cmp(&other.aspect));
        found.extend(more.into_iter().map(|one| Difference { occasion: there.clone(), ..one }));
    }
    found
}

/// The differences of two policies' rules on one occasion.
fn compare_forms(before: &Policy, after: &Policy) -> Vec<Difference> {
    let active =
        |policy: &'_ Policy| -> Vec<Rule> { policy.rules().iter().filter(|rule| rule.is_active()).cloned().collect() };
    let (was, is) = (active(before), active(after));
    let names: BTreeSet<&RuleName> = was.iter().chain(&is).map(|rule| &rule.name).collect();
    let mut found = Vec::new();
    for name in names {
        let of = |rules: &'_ [Rule]| rules.iter().position(|rule| rule.name == *name);
        match (of(&was).and_then(|at| was.get(at)), of(&is).and_then(|at| is.get(at))) {
            (None, None) => {}
            (Some(rule), None) => {
                let class = rule.class.as_str().to_owned();
                found.push(difference(Aspect::Rule(name.clone()), Way::Weaker, class, String::new()));
            }
            (None, Some(rule)) => {
                let class = rule.class.as_str().to_owned();
                found.push(difference(Aspect::Rule(name.clone()), Way::Stricter, String::new(), class));
            }
            (Some(was), Some(is)) => found.extend(compare_rules(was, is)),
        }
    }
    found
}

fn difference(aspect: Aspect, way: Way, before: String, after: String) -> Difference {
    Difference { occasion: Occasion::ANY, aspect, way, before, after }
}

/// Whether a change only masks more, so that one person may bring it into force at once.
pub fn only_masks_more(differences: &[Difference]) -> bool {
    differences.iter().all(|difference| difference.way == Way::Stricter)
}

fn compare_rules(was: &Rule, is: &Rule) -> Vec<Difference> {
    let name = || is.name.clone();
    let ordered = |aspect, stricter: std::cmp::Ordering, before: String, after: String| {
        let way = match stricter {
            std::cmp::Ordering::Less => Way::Weaker,
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => Way::Stricter,
        };
        Some(difference(aspect, way, before, after))
    };
    let share = |percent: u8| format!("{:.2}", f64::from(percent) / 100.0);
    let mut found = vec![
        ordered(Aspect::Class(name()), is.class.cmp(&was.class), was.class.to_string(), is.class.to_string()),
        ordered(
            Aspect::MinConfidence(name()),
            was.min_confidence.cmp(&is.min_confidence),
            share(was.min_confidence),
            share(is.min_confidence),
        ),
        // A word makes finds surer: with fewer, or with a shorter reach, less is found.
        way_of_words(&was.context, &is.context)
            .map(|way| difference(Aspect::Context(name()), way, was.context.join(", "), is.context.join(", "))),
        ordered(
            Aspect::ContextWindow(name()),
            is.context_window.cmp(&was.context_window),
            was.context_window.to_string(),
            is.context_window.to_string(),
        ),
        was.leaving
            .way_to(&is.leaving)
            .map(|way| difference(Aspect::Leaving(name()), way, was.leaving.to_string(), is.leaving.to_string())),
    ];
    found.push(way_of_openings(was.opening.as_ref(), is.opening.as_ref()).map(|way| {
        let written =
            |opening: &Option<Opening>| opening.as_ref().map_or_else(|| "false".to_owned(), Opening::to_string);
        difference(Aspect::Opening(name()), way, written(&was.opening), written(&is.opening))
    }));
    found.extend(View::ALL.map(|view| {
        let (before, after) = (was.operator(view), is.operator(view));
        let way = way_of_operators(before, after)?;
        let aspect = Aspect::View(name(), view);
        Some(difference(aspect, way, before.to_string(), after.to_string()))
    }));
    found.extend(compare_patterns(was, is));
    found.into_iter().flatten().collect()
}

/// Of two patterns nobody can say which finds more, so that another one is taken for weaker.
fn compare_patterns(was: &Rule, is: &Rule) -> [Option<Difference>; 2] {
    let (Some(before), Some(after)) = (&was.pattern, &is.pattern) else { return [None, None] };
    let text = (before.text != after.text)
        .then(|| difference(Aspect::Pattern(is.name.clone()), Way::Weaker, before.text.clone(), after.text.clone()));
    let way = match before.certainty.cmp(&after.certainty) {
        std::cmp::Ordering::Less => Some(Way::Stricter),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Way::Weaker),
    };
    let share = |percent: u8| format!("{:.2}", f64::from(percent) / 100.0);
    let certainty = way.map(|way| {
        let aspect = Aspect::Certainty(is.name.clone());
        difference(aspect, way, share(before.certainty), share(after.certainty))
    });
    [text, certainty]
}

fn literals(policy: &Policy) -> BTreeSet<&str> {
    policy.allow().iter().map(|allowed| allowed.literal.as_str()).collect()
}

fn way_of_words(was: &[String], is: &[String]) -> Option<Way> {
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (was.iter().collect(), is.iter().collect());
    if was == is {
        return None;
    }
    Some(if was.is_subset(&is) { Way::Stricter } else { Way::Weaker })
}

fn way_of_approvals(was: &Approvals, is: &Approvals) -> Option<Way> {
    let roles = |approvals: &Approvals| approvals.roles.iter().cloned().collect::<BTreeSet<_>>();
    let (before, after) = (roles(was), roles(is));
    if (was.required, was.author_may_approve, &before) == (is.required, is.author_may_approve, &after) {
        return None;
    }
    let is_stricter =
        is.required >= was.required && after.is_subset(&before) && (was.author_may_approve || !is.author_may_approve);
    Some(if is_stricter { Way::Stricter } else { Way::Weaker })
}

/// Fewer who may, for less time, with one more who has to agree: each is stricter, and all that differ must be.
fn way_of_openings(was: Option<&Opening>, is: Option<&Opening>) -> Option<Way> {
    let (was, is) = match (was, is) {
        (None, None) => return None,
        (Some(_), None) => return Some(Way::Stricter),
        (None, Some(_)) => return Some(Way::Weaker),
        (Some(was), Some(is)) if was == is => return None,
        (Some(was), Some(is)) => (was, is),
    };
    let set = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
    // Whoever had to agree still has to, or somebody of fewer roles.
    let agrees = was.second_person.is_empty()
        || (!is.second_person.is_empty() && set(&is.second_person).is_subset(&set(&was.second_person)));
    let is_stricter = set(&is.roles).is_subset(&set(&was.roles)) && is.ttl_s <= was.ttl_s && agrees;
    Some(if is_stricter { Way::Stricter } else { Way::Weaker })
}

fn way_of_operators(was: &Operator, is: &Operator) -> Option<Way> {
    if was == is {
        return None;
    }
    if let (Operator::Keep { first, last }, Operator::Keep { first: new_first, last: new_last }) = (was, is) {
        let shows_no_more = new_first <= first && new_last <= last;
        return Some(if shows_no_more { Way::Stricter } else { Way::Weaker });
    }
    Some(match strictness(is).cmp(&strictness(was)) {
        std::cmp::Ordering::Less => Way::Weaker,
        std::cmp::Ordering::Equal => Way::Sideways,
        std::cmp::Ordering::Greater => Way::Stricter,
    })
}

/// How little an operator tells.
pub(super) fn strictness(operator: &Operator) -> u8 {
    match operator {
        Operator::KeepAll => 0,
        Operator::Keep { .. } => 1,
        Operator::Encrypt { .. } | Operator::ShiftDate { .. } => 2,
        Operator::Generalise(_) => 3,
        Operator::Token { .. } => 4,
        Operator::Replace { .. } => 5,
        Operator::Drop => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"
apiVersion: mask/v1
id: one
version: 1
mode: enforce
approvals: {required: 2, roles: [compliance, supervisor]}
rules:
  - entity: cn.mobile
    class: C2
    detect: {min_confidence: 0.7, context: [电话], context_window: 30}
    views: {agent: {keep: {first: 3, last: 4}}, record: {token: hmac, key: a}, model: {replace: "<PHONE_{n}>"}}
  - {entity: email, class: C2, views: {agent: {keep: {first: 2, last: 4}}}}
allow: [{literal: "95588", why: hotline}]
tests: [{in: "13812345678", customer: "[mobile]"}, {in: "a.bcdefg@example.com", customer: "[email]"}]
"#;

    /// What becomes of the policy when `from` is written as `to`.
    fn differences(from: &str, to: &str) -> Vec<(String, Way)> {
        let (before, text) = (Policy::load(BEFORE).unwrap(), BEFORE.replace(from, to));
        assert!(from == to || text != BEFORE, "{from:?} is not there");
        let after = Policy::load(&text).unwrap_or_else(|error| panic!("{error}"));
        let there = compare(&before, &after);
        // The way back goes the other way.
        let turned = |way| match way {
            Way::Stricter => Way::Weaker,
            Way::Sideways => Way::Sideways,
            Way::Weaker => Way::Stricter,
        };
        let back = compare(&after, &before);
        for Difference { aspect, way, before, after, .. } in &there {
            let same = difference(aspect.clone(), turned(*way), after.clone(), before.clone());
            assert!(back.contains(&same) || *way == Way::Weaker, "{same:?} in {back:?}");
        }
        there.into_iter().map(|difference| (difference.aspect.to_string(), difference.way)).collect()
    }

    #[test]
    fn layout_tests_and_version_make_no_difference() {
        assert_eq!(differences("", ""), []);
        assert_eq!(differences("version: 1", "version: 2"), []);
        assert_eq!(differences("why: hotline", "why: a hotline of ours"), []);
        assert_eq!(differences("class: C2\n    detect", "class: C2\n    basis: [PIPL]\n    detect"), []);
    }

    #[test]
    fn every_change_is_named_with_the_way_it_goes() {
        let cases = [
            ("first: 3, last: 4", "first: 3, last: 2", "cn.mobile.views.agent", Way::Stricter),
            ("first: 2, last: 4", "first: 2, last: 5", "email.views.agent", Way::Weaker),
            ("{token: hmac, key: a}", "{token: hmac, key: b}", "cn.mobile.views.record", Way::Sideways),
            ("{token: hmac, key: a}", "drop", "cn.mobile.views.record", Way::Stricter),
            ("{token: hmac, key: a}", "{keep: {first: 1}}", "cn.mobile.views.record", Way::Weaker),
            (
                "model: {replace: \"<PHONE_{n}>\"}",
                "model: {replace: \"<TEL_{n}>\"}",
                "cn.mobile.views.model",
                Way::Sideways,
            ),
            ("model: {replace: \"<PHONE_{n}>\"}", "model: {token: hmac, key: a}", "cn.mobile.views.model", Way::Weaker),
            ("0.7", "0.9", "cn.mobile.detect.min_confidence", Way::Weaker),
            ("0.7", "0.5", "cn.mobile.detect.min_confidence", Way::Stricter),
            ("[电话]", "[电话, 手机]", "cn.mobile.detect.context", Way::Stricter),
            ("[电话]", "[手机]", "cn.mobile.detect.context", Way::Weaker),
            ("context_window: 30", "context_window: 10", "cn.mobile.detect.context_window", Way::Weaker),
            ("literal: \"95588\"", "literal: \"95599\"", "allow", Way::Stricter),
            ("required: 2", "required: 1", "approvals", Way::Weaker),
            ("[compliance, supervisor]", "[compliance]", "approvals", Way::Stricter),
            ("[compliance, supervisor]", "[compliance, supervisor, admin]", "approvals", Way::Weaker),
            ("supervisor]}", "supervisor], author_may_approve: true}", "approvals", Way::Weaker),
            ("id: one", "id: two", "id", Way::Sideways),
        ];
        for (from, to, aspect, way) in cases {
            let found = differences(from, to);
            assert_eq!(found.first(), Some(&(aspect.to_owned(), way)), "{from} -> {to}: {found:?}");
        }
        let allowed = differences("literal: \"95588\"", "literal: \"95599\"");
        assert_eq!(allowed, [("allow".to_owned(), Way::Stricter), ("allow".to_owned(), Way::Weaker)]);
    }

    #[test]
    fn whoever_may_open_more_longer_or_alone_makes_a_policy_weaker() {
        let with = |opening: &str| {
            let rule = "- {entity: email, class: C2, ";
            assert!(BEFORE.contains(rule));
            let written = format!("{rule}reversible: {{vault: true, reason: required, {opening}}}, ");
            Policy::load(&BEFORE.replacen(rule, &written, 1)).unwrap_or_else(|error| panic!("{error}"))
        };
        let nobody = Policy::load(BEFORE).unwrap();
        let one = "unmask_roles: [agent], ttl: 15m, second_person: [compliance, supervisor]";
        let ways = |before: &Policy, after: &Policy| {
            let found = compare(before, after);
            assert!(found.len() <= 1 && found.iter().all(|found| found.aspect.to_string() == "email.reversible"));
            found.first().map(|found| found.way)
        };
        assert_eq!(ways(&nobody, &with(one)), Some(Way::Weaker));
        assert_eq!(ways(&with(one), &nobody), Some(Way::Stricter));
        assert_eq!(ways(&with(one), &with(one)), None);
        for (after, way) in [
            ("unmask_roles: [agent, fraud], ttl: 15m, second_person: [compliance, supervisor]", Way::Weaker),
            ("unmask_roles: [fraud], ttl: 15m, second_person: [compliance, supervisor]", Way::Weaker),
            ("unmask_roles: [agent], ttl: 16m, second_person: [compliance, supervisor]", Way::Weaker),
            ("unmask_roles: [agent], ttl: 15m", Way::Weaker),
            ("unmask_roles: [agent], ttl: 15m, second_person: [compliance, admin]", Way::Weaker),
            ("unmask_roles: [agent], ttl: 15m, second_person: [compliance]", Way::Stricter),
            ("unmask_roles: [agent], ttl: 5m, second_person: [compliance, supervisor]", Way::Stricter),
            ("unmask_roles: [agent], ttl: 5m", Way::Weaker),
        ] {
            assert_eq!(ways(&with(one), &with(after)), Some(way), "{after}");
        }
    }

    #[test]
    fn a_rule_more_is_stricter_and_one_less_is_weaker() {
        let rule = "  - {entity: email, class: C2, views: {agent: {keep: {first: 2, last: 4}}}}\n";
        let test = ", {in: \"a.bcdefg@example.com\", customer: \"[email]\"}";
        let (whole, without) = (BEFORE.to_owned(), BEFORE.replace(rule, "").replace(test, ""));
        let load = |text: &str| Policy::load(text).unwrap_or_else(|error| panic!("{error}"));
        let ways = |before: &str, after: &str| {
            let found = compare(&load(before), &load(after));
            assert_eq!(found.len(), 1, "{found:?}");
            (found[0].to_string(), found[0].way, only_masks_more(&found))
        };
        assert_eq!(ways(&whole, &without), ("email: C2 -> nothing".into(), Way::Weaker, false));
        assert_eq!(ways(&without, &whole), ("email: nothing -> C2".into(), Way::Stricter, true));
    }
}
