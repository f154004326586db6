//! What happens when staff are about to send a value to a customer: it goes masked, or it is held until whoever wrote it decides.
//!
//! It does not know who asks whom, nor how a held text comes back: that is the pipeline's business. C3 never leaves: a rule for
//! it can hold, and nobody can release it.

use std::collections::BTreeSet;
use std::fmt;

use super::super::view::Class;
use super::Way;

/// Roles that write to customers, and so the only ones that a rule can let send a value as it is. Programs that answer by
/// themselves have none of them: what they send is held and stays held.
pub(super) const RELEASING_ROLES: [&str; 2] = ["agent", "supervisor"];

/// What a rule says of values that are about to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// Whether a message with such a value is held until whoever wrote it decides.
    pub hold: bool,
    /// Roles that may then send the value as it is, with a reason; nobody when empty.
    pub release_roles: Vec<String>,
}

impl Leaving {
    /// Whether somebody with a role may send a value of a class as it is.
    pub fn may_release(&self, class: Class, role: &str) -> bool {
        class != Class::C3 && self.release_roles.iter().any(|known| known == role)
    }

    /// Which way a change of it goes: to hold less, or to let more people release, is weaker.
    pub(super) fn way_to(&self, after: &Self) -> Option<Way> {
        let roles = |leaving: &Self| leaving.release_roles.iter().cloned().collect::<BTreeSet<_>>();
        let (before, becomes) = (roles(self), roles(after));
        if (self.hold, &before) == (after.hold, &becomes) {
            return None;
        }
        let is_stricter = after.hold && (!self.hold || becomes.is_subset(&before));
        Some(if is_stricter { Way::Stricter } else { Way::Weaker })
    }
}

/// As a policy file writes it; empty where nothing is held.
impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hold, self.release_roles.as_slice()) {
            (false, _) => Ok(()),
            (true, []) => f.write_str("hold: true"),
            (true, roles) => write!(f, "hold: true, release_roles: [{}]", roles.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Aspect, Policy, PolicyError, compare};
    use super::*;

    fn load(class: &str, leaving: &str, held: &str) -> Result<Policy, PolicyError> {
        Policy::load(&format!(
            "apiVersion: mask/v1\nid: one\nversion: 1\nmode: enforce\nrules:\n  - {{entity: cn.mobile, class: {class}, \
             views: {{\"*\": drop}}{leaving}}}\ntests: [{{in: \"13812345678\", agent: \"[mobile]\"{held}}}]\n"
        ))
    }

    #[test]
    fn to_hold_less_or_to_let_more_people_release_is_weaker() {
        let held = ", held: [cn.mobile]";
        let (none, all) = ("", ", leaving: {hold: true, release_roles: [agent, supervisor]}");
        let (some, nobody) = (", leaving: {hold: true, release_roles: [supervisor]}", ", leaving: {hold: true}");
        let steps = [(none, ""), (all, held), (some, held), (nobody, held)];
        for (one, (was, was_held)) in steps.iter().enumerate() {
            for (other, (is, is_held)) in steps.iter().enumerate() {
                let found = compare(&load("C2", was, was_held).unwrap(), &load("C2", is, is_held).unwrap());
                let ways: Vec<_> =
                    found.iter().map(|difference| (difference.aspect.to_string(), difference.way)).collect();
                let expected = match one.cmp(&other) {
                    std::cmp::Ordering::Less => vec![("cn.mobile.leaving".to_owned(), Way::Stricter)],
                    std::cmp::Ordering::Equal => Vec::new(),
                    std::cmp::Ordering::Greater => vec![("cn.mobile.leaving".to_owned(), Way::Weaker)],
                };
                assert_eq!(ways, expected, "{was:?} -> {is:?}");
            }
        }
        let found = compare(&load("C2", all, held).unwrap(), &load("C2", none, "").unwrap());
        assert!(matches!(&found[0].aspect, Aspect::Leaving(name) if name.to_string() == "cn.mobile"));
        assert_eq!((&*found[0].before, &*found[0].after), ("hold: true, release_roles: [agent, supervisor]", ""));
    }

    #[test]
    fn a_hold_that_makes_no_sense_or_that_no_test_tells_of_is_refused() {
        let refused = [
            ("C2", ", leaving: {hold: true, release_roles: [auditor]}", ", held: [cn.mobile]", "agent or supervisor"),
            ("C2", ", leaving: {hold: false, release_roles: [agent]}", "", "where nothing is held"),
            ("C3", ", leaving: {hold: true, release_roles: [agent]}", ", held: [cn.mobile]", "C3 never leaves"),
            ("C2", ", leaving: {hold: true, until: friday}", ", held: [cn.mobile]", "line"),
            ("C2", ", leaving: {release_roles: [agent]}", "", "line"),
            ("C2", ", leaving: {hold: true}", "", "no test says so"),
            ("C2", ", leaving: {hold: true}", ", held: []", "held: expected [], got [cn.mobile]"),
            ("C2", "", ", held: [cn.mobile]", "held: expected [cn.mobile], got []"),
            ("C2", ", leaving: {hold: true}", ", held: [cn.mobile, email]", "got [cn.mobile]"),
        ];
        for (class, leaving, held, why) in refused {
            let error = load(class, leaving, held).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(why), "{leaving}{held}: {error}");
        }
        assert!(load("C3", ", leaving: {hold: true}", ", held: [cn.mobile]").is_ok());
    }

    #[test]
    fn a_rule_that_holds_nothing_keeps_the_digest_that_it_had() {
        let [without, off] = ["", ", leaving: {hold: false}"].map(|leaving| load("C2", leaving, "").unwrap().digest());
        assert_eq!(without, off);
        assert_ne!(load("C2", ", leaving: {hold: true}", ", held: [cn.mobile]").unwrap().digest(), without);
    }
}
