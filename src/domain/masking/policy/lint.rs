//! What an officer should look at before a policy is proposed, although it is a valid one.
//!
//! Remarks refuse nothing. Differences to the policy before are [`super::compare()`]'s business.

use std::fmt;

use super::super::patterns::surest;
use super::super::view::View;
use super::residual::candidates;
use super::{Operator, Policy, Rule, RuleName, Trap};

/// Fewer values than this behind a mask can be tried out one by one.
const CANDIDATES_MIN: u64 = 10_000;
/// An allowed value with fewer characters is a part of many others.
const LITERAL_CHARACTERS_MIN: usize = 4;

/// Something worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A mask leaves so few values that they can be tried out.
    FewCandidates {
        /// Of what.
        entity: RuleName,
        /// Who sees the mask.
        views: Vec<View>,
        /// The mask, as a policy file writes it.
        mask: String,
        /// How many values are left at most.
        left: u64,
    },
    /// No account can have a role whose approval is asked for.
    UnknownRole {
        /// The role.
        role: String,
    },
    /// A value may be opened with the word of a second person, whom no account can be.
    NobodyAgrees {
        /// Of what.
        entity: RuleName,
    },
    /// Approval is asked for of nobody at all, or not at all.
    NobodyApproves,
    /// A value that is never masked is very short.
    ShortLiteral {
        /// The value.
        literal: String,
    },
    /// A pattern means something else than it looks like.
    Trap {
        /// Whose pattern.
        rule: RuleName,
        /// What.
        trap: Trap,
    },
    /// A rule that never masks anything.
    Unreachable {
        /// Which.
        rule: RuleName,
        /// Why not.
        why: Unreachable,
    },
    /// No test says that clean text stays as it is.
    NoCleanTest,
}

/// Why a rule never masks anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// It asks for more certainty than a match of its pattern can have.
    TooSure {
        /// What it asks for, in percent.
        min: u8,
        /// The most that there can be.
        most: u8,
    },
    /// Another rule has the same pattern, and is as sure.
    SamePattern {
        /// Which.
        other: RuleName,
    },
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSure { min, most } => write!(f, "it asks for {min} %, and a match is {most} % sure at most"),
            Self::SamePattern { other } => write!(f, "{other} has the same pattern"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewCandidates { entity, views, mask, left } => {
                let views: Vec<_> = views.iter().map(|view| view.as_str()).collect();
                write!(f, "{entity}: behind {mask} at most {left} values are left ({})", views.join(", "))
            }
            Self::UnknownRole { role } => write!(f, "approvals: no account can have the role {role}"),
            Self::NobodyAgrees { entity } => {
                write!(f, "{entity}: no account can be the second person by whose word a value is opened")
            }
            Self::NobodyApproves => f.write_str(
                "approvals: nobody has to approve a change; ask for one person at least, of a role that exists",
            ),
            Self::ShortLiteral { literal } => {
                write!(f, "allow: {literal} has fewer than {LITERAL_CHARACTERS_MIN} characters")
            }
            Self::Trap { rule, trap } => {
                write!(f, "{rule}.pattern: {} is not what it looks like; write {}", trap.as_str(), trap.instead())
            }
            Self::Unreachable { rule, why } => write!(f, "{rule} never masks anything: {why}"),
            Self::NoCleanTest => {
                f.write_str("tests: none says unchanged: true, so nothing holds that clean text stays")
            }
        }
    }
}

/// Looks through a policy; `roles` are those that accounts can have.
pub fn lint(policy: &Policy, roles: &[&str]) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = policy.rules().iter().flat_map(few_candidates).collect();
    remarks.extend(policy.rules().iter().flat_map(traps));
    remarks.extend(unreachable(policy.rules()));
    remarks.extend(policy.rules().iter().filter_map(|rule| nobody_agrees(rule, roles)));
    let consent = policy.consent();
    let unknown = consent.roles.iter().filter(|role| !roles.contains(&role.as_str()));
    remarks.extend(unknown.map(|role| Remark::UnknownRole { role: role.clone() }));
    if consent.required == 0 || !consent.roles.iter().any(|role| roles.contains(&role.as_str())) {
        remarks.push(Remark::NobodyApproves);
    }
    let literals = policy.allow().iter().map(|allowed| &allowed.literal);
    let short = literals.filter(|literal| literal.chars().count() < LITERAL_CHARACTERS_MIN);
    remarks.extend(short.map(|literal| Remark::ShortLiteral { literal: literal.clone() }));
    if !policy.has_clean_test {
        remarks.push(Remark::NoCleanTest);
    }
    remarks
}

fn nobody_agrees(rule: &Rule, roles: &[&str]) -> Option<Remark> {
    let agrees = &rule.opening.as_ref()?.second_person;
    let is_nobody = !agrees.is_empty() && !agrees.iter().any(|role| roles.contains(&role.as_str()));
    is_nobody.then(|| Remark::NobodyAgrees { entity: rule.name.clone() })
}

/// One remark for each mask of a rule, however many views have it.
fn few_candidates(rule: &Rule) -> Vec<Remark> {
    let few = |operator: &Operator| candidates(rule.entity, operator).filter(|left| *left < CANDIDATES_MIN);
    let masks = rule.shows.iter().filter_map(|(views, operator)| Some((views, operator, few(operator)?)));
    masks
        .map(|(views, operator, left)| Remark::FewCandidates {
            entity: rule.name.clone(),
            views: View::ALL.into_iter().filter(|view| views & view.bit() != 0).collect(),
            mask: operator.to_string(),
            left,
        })
        .collect()
}

fn traps(rule: &Rule) -> Vec<Remark> {
    let traps = rule.pattern.iter().flat_map(super::Pattern::traps);
    traps.map(|trap| Remark::Trap { rule: rule.name.clone(), trap }).collect()
}

/// Rules with patterns that can't win. Of the engine's entities none can be told apart so: what a check digit says is not
/// known before.
fn unreachable(rules: &[Rule]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let Some(pattern) = &rule.pattern else { continue };
        let most = surest(pattern.certainty, !rule.context.is_empty());
        if most < rule.min_confidence {
            let why = Unreachable::TooSure { min: rule.min_confidence, most };
            remarks.push(Remark::Unreachable { rule: rule.name.clone(), why });
        }
        let before = rules.iter().take(at).find(|other| {
            other
                .pattern
                .as_ref()
                .is_some_and(|other| other.text == pattern.text && other.certainty >= pattern.certainty)
        });
        if let Some(other) = before {
            let why = Unreachable::SamePattern { other: other.name.clone() };
            remarks.push(Remark::Unreachable { rule: rule.name.clone(), why });
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::super::super::entity::Entity;
    use super::*;

    const ROLES: [&str; 2] = ["compliance", "supervisor"];

    fn policy(approvals: &str, mask: &str, allow: &str, clean: &str) -> Policy {
        Policy::load(&format!(
            "apiVersion: mask/v1\nid: one\nversion: 1\nmode: enforce\napprovals: {approvals}\nrules:\n\
             - {{entity: cn.id_card, class: C2, views: {{agent: {mask}, auditor: {mask}, record: {{token: hmac, key: a}}}}}}\n\
             allow: [{{literal: \"{allow}\", why: public}}]\n\
             tests: [{{in: \"11010519491231002X\", model: \"[id_card]\"}}{clean}]\n"
        ))
        .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_policy_that_leaves_enough_and_is_approved_by_somebody_gets_no_remark() {
        let clean = ", {in: \"谢谢\", unchanged: true}";
        let sound = policy("{required: 1, roles: [compliance]}", "{keep: {first: 3, last: 4}}", "95588", clean);
        assert_eq!(lint(&sound, &ROLES), []);
    }

    #[test]
    fn each_fault_gets_its_remark() {
        let faulty = policy("{required: 2, roles: [dpo]}", "{keep: {first: 6, last: 4}}", "955", "");
        let mask = "keep: {first: 6, last: 4}".to_owned();
        let views = vec![View::Agent, View::Auditor];
        let expected = [
            Remark::FewCandidates { entity: RuleName { entity: Entity::IdCard, own: None }, views, mask, left: 2_656 },
            Remark::UnknownRole { role: "dpo".into() },
            Remark::NobodyApproves,
            Remark::ShortLiteral { literal: "955".into() },
            Remark::NoCleanTest,
        ];
        assert_eq!(lint(&faulty, &ROLES), expected);
        let nobody = policy("{required: 0, roles: [compliance]}", "drop", "95588", "");
        assert_eq!(lint(&nobody, &ROLES), [Remark::NobodyApproves, Remark::NoCleanTest]);
    }
}
