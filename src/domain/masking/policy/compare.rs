//! How one policy differs from the one before it, and which of the differences show more than before.
//!
//! The order of strictness is drop, replace, token, keep: what stands earlier tells less. Whatever can't be ordered, such as
//! another token key, is neither: it shows no more and masks no more. Layout, comments and tests make no difference.

use std::collections::BTreeSet;
use std::fmt;

use super::super::entity::Entity;
use super::super::view::View;
use super::{Approvals, Operator, Policy, Rule};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The policy's name.
    Id,
    /// Whose approval it asks for.
    Approvals,
    /// A value that is never masked.
    Allow,
    /// A rule that is there or not.
    Rule(Entity),
    /// An entity's class.
    Class(Entity),
    /// What a view shows of an entity.
    View(Entity, View),
    /// How sure a find must be.
    MinConfidence(Entity),
    /// The words that make a find surer.
    Context(Entity),
    /// How far those words reach.
    ContextWindow(Entity),
    /// Whether a value is held when it is about to leave, and who may release it.
    Leaving(Entity),
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
        }
    }
}

/// One difference; both sides as a policy file writes them, empty where there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
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
        write!(f, "{}: {} -> {}", self.aspect, or_nothing(&self.before), or_nothing(&self.after))
    }
}

/// Lists the differences of two policies, in the order of [`Aspect`].
pub fn compare(before: &Policy, after: &Policy) -> Vec<Difference> {
    let of = |aspect, way, before: &str, after: &str| Difference {
        aspect,
        way,
        before: before.to_owned(),
        after: after.to_owned(),
    };
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
    for entity in Entity::ALL {
        match (before.rule_for(entity), after.rule_for(entity)) {
            (None, None) => {}
            (Some((_, rule)), None) => found.push(of(Aspect::Rule(entity), Way::Weaker, rule.class.as_str(), "")),
            (None, Some((_, rule))) => found.push(of(Aspect::Rule(entity), Way::Stricter, "", rule.class.as_str())),
            (Some((_, was)), Some((_, is))) => found.extend(compare_rules(was, is)),
        }
    }
    found.sort_by_key(|difference| difference.aspect);
    found
}

/// Whether a change only masks more, so that one person may bring it into force at once.
pub fn only_masks_more(differences: &[Difference]) -> bool {
    differences.iter().all(|difference| difference.way == Way::Stricter)
}

fn compare_rules(was: &Rule, is: &Rule) -> Vec<Difference> {
    let entity = is.entity;
    let ordered = |aspect, stricter: std::cmp::Ordering, before: String, after: String| {
        let way = match stricter {
            std::cmp::Ordering::Less => Way::Weaker,
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => Way::Stricter,
        };
        Some(Difference { aspect, way, before, after })
    };
    let share = |percent: u8| format!("{:.2}", f64::from(percent) / 100.0);
    let mut found = vec![
        ordered(Aspect::Class(entity), is.class.cmp(&was.class), was.class.to_string(), is.class.to_string()),
        ordered(
            Aspect::MinConfidence(entity),
            was.min_confidence.cmp(&is.min_confidence),
            share(was.min_confidence),
            share(is.min_confidence),
        ),
        // A word makes finds surer: with fewer, or with a shorter reach, less is found.
        way_of_words(&was.context, &is.context).map(|way| Difference {
            aspect: Aspect::Context(entity),
            way,
            before: was.context.join(", "),
            after: is.context.join(", "),
        }),
        ordered(
            Aspect::ContextWindow(entity),
            is.context_window.cmp(&was.context_window),
            was.context_window.to_string(),
            is.context_window.to_string(),
        ),
        was.leaving.way_to(&is.leaving).map(|way| Difference {
            aspect: Aspect::Leaving(entity),
            way,
            before: was.leaving.to_string(),
            after: is.leaving.to_string(),
        }),
    ];
    found.extend(View::ALL.map(|view| {
        let (before, after) = (was.operator(view), is.operator(view));
        let way = way_of_operators(before, after)?;
        let aspect = Aspect::View(entity, view);
        Some(Difference { aspect, way, before: before.to_string(), after: after.to_string() })
    }));
    found.into_iter().flatten().collect()
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
fn strictness(operator: &Operator) -> u8 {
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
        for Difference { aspect, way, before, after } in &there {
            let same = Difference { aspect: *aspect, way: turned(*way), before: after.clone(), after: before.clone() };
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
    fn a_rule_more_is_stricter_and_one_less_is_weaker() {
        let rule = "  - {entity: email, class: C2, views: {agent: {keep: {first: 2, last: 4}}}}\n";
        let test = ", {in: \"a.bcdefg@example.com\", customer: \"[email]\"}";
        let (whole, without) = (BEFORE.to_owned(), BEFORE.replace(rule, "").replace(test, ""));
        let load = |text: &str| Policy::load(text).unwrap_or_else(|error| panic!("{error}"));
        let ways = |before: &str, after: &str| {
            let found = compare(&load(before), &load(after));
            assert_eq!(found.len(), 1, "{found:?}");
            (found[0].aspect, found[0].way, only_masks_more(&found))
        };
        assert_eq!(ways(&whole, &without), (Aspect::Rule(Entity::Email), Way::Weaker, false));
        assert_eq!(ways(&without, &whole), (Aspect::Rule(Entity::Email), Way::Stricter, true));
    }
}
