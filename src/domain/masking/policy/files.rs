//! By whom files may be opened of which nothing is shown: pictures and recordings, and what is in quarantine.
//!
//! They are the same on every occasion, and no layer speaks of them: whom a bank trusts is its own word. Where a policy says
//! nothing, nobody opens them.

use serde_json::{Value, json};
use serde_saphyr::Spanned;

use super::document::{FilesDoc, OpeningDoc};
use super::{Aspect, Opening, PolicyError, digest, resolve};
use crate::domain::file::Fate;

const SEALED: [&str; 3] = ["files.sealed.unmask_roles", "files.sealed.ttl", "files.sealed.second_person"];
const QUARANTINED: [&str; 3] =
    ["files.quarantined.unmask_roles", "files.quarantined.ttl", "files.quarantined.second_person"];

/// By whom files may be opened; `None`: by nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOpenings {
    /// Pictures and recordings.
    pub sealed: Option<Opening>,
    /// What could not be read, or must not be.
    pub quarantined: Option<Opening>,
}

impl FileOpenings {
    /// As the file says; nothing: nobody.
    pub(super) fn read(written: Option<&Spanned<FilesDoc>>) -> Result<Self, PolicyError> {
        let Some(written) = written else { return Ok(Self::default()) };
        let line = written.referenced.line();
        let one = |said: &Option<OpeningDoc>, fields| {
            let said = said.as_ref();
            said.map(|said| resolve::opened_by(line, fields, (&said.unmask_roles, &said.ttl, &said.second_person)))
                .transpose()
        };
        let FilesDoc { sealed, quarantined } = &written.value;
        Ok(Self { sealed: one(sealed, SEALED)?, quarantined: one(quarantined, QUARANTINED)? })
    }

    /// By whom files of which this became may be opened; one whose text is shown is no such file.
    pub fn of(&self, fate: Fate) -> Option<&Opening> {
        match fate {
            Fate::Shown => None,
            Fate::Sealed => self.sealed.as_ref(),
            Fate::Quarantined(_) => self.quarantined.as_ref(),
        }
    }

    /// Each with its name in differences.
    pub(super) fn named(&self) -> [(Aspect, Option<&Opening>); 2] {
        [(Aspect::SealedFiles, self.sealed.as_ref()), (Aspect::QuarantinedFiles, self.quarantined.as_ref())]
    }

    /// What the digest covers; nothing where nobody may open anything, so that such policies resolve as they always did.
    pub(super) fn resolved(&self) -> Option<Value> {
        let Self { sealed, quarantined } = self;
        let one = |opening: &Option<Opening>| opening.as_ref().map(digest::opening);
        (*self != Self::default()).then(|| json!({"sealed": one(sealed), "quarantined": one(quarantined)}))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::file::Withheld;
    use super::super::{Policy, Way, compare};
    use super::*;

    fn policy(files: &str) -> Result<Policy, PolicyError> {
        Policy::load(&format!(
            "apiVersion: mask/v1\nid: one\nversion: 1\nmode: enforce\n{files}\nrules:\n\
             - {{entity: email, class: C2, views: {{agent: drop}}}}\n\
             tests: [{{in: \"a.bcdefg@example.com\", agent: \"[email]\"}}]\n"
        ))
    }

    const ONE: &str =
        "files: {sealed: {unmask_roles: [supervisor], reason: required, ttl: 15m, second_person: [compliance]}}";

    #[test]
    fn who_may_open_files_is_part_of_the_policy_and_nobody_may_by_default() {
        let (nobody, one) = (policy("").unwrap(), policy(ONE).unwrap());
        for fate in [Fate::Shown, Fate::Sealed, Fate::Quarantined(Withheld::Encrypted)] {
            assert_eq!(nobody.file_opening(fate), None);
            assert_eq!(one.file_opening(fate).is_some(), fate == Fate::Sealed);
        }
        assert_ne!(nobody.digest(), one.digest());
        assert_eq!(nobody.digest(), policy("files: {}").unwrap().digest());
    }

    #[test]
    fn to_let_more_people_open_files_is_weaker() {
        let way = |before: &str, after: &str| {
            let found = compare(&policy(before).unwrap(), &policy(after).unwrap());
            let told: Vec<_> = found.iter().map(|found| (found.aspect.to_string(), found.way)).collect();
            assert!(told.len() <= 1, "{told:?}");
            told.into_iter().next()
        };
        let (sealed, quarantined) = ("files.sealed".to_owned(), "files.quarantined".to_owned());
        assert_eq!(way("", ONE), Some((sealed.clone(), Way::Weaker)));
        assert_eq!(way(ONE, ""), Some((sealed.clone(), Way::Stricter)));
        assert_eq!(way(ONE, ONE), None);
        assert_eq!(way(ONE, &ONE.replace(", second_person: [compliance]", "")), Some((sealed, Way::Weaker)));
        let other = "files: {quarantined: {unmask_roles: [compliance], reason: required, ttl: 15m}}";
        assert_eq!(way("", other), Some((quarantined, Way::Weaker)));
    }

    #[test]
    fn what_a_file_says_wrongly_is_refused_by_its_field() {
        for (wrong, field) in [
            (ONE.replace("15m", "2h"), "files.sealed.ttl"),
            (ONE.replace("[supervisor]", "[]"), "files.sealed.unmask_roles"),
            (ONE.replace("[compliance]", "[Boss]"), "files.sealed.second_person"),
            (ONE.replace("sealed", "shown"), "shown"),
            (ONE.replace("reason: required, ", ""), "reason"),
        ] {
            let Err(error) = policy(&wrong) else { panic!("{wrong}") };
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}
