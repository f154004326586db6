//! The shapes of answers about proposed changes of the masking policy, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::erasure_answers::Act;
use crate::domain::masking;
use crate::pipeline;

/// One difference between two policies; both sides as a policy file writes them, empty where there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// What differs, by its path in the file, such as `cn.mobile.views.agent`; where it differs so on some occasion only, with
    /// that before it: `channel/web: cn.mobile.views.agent`.
    pub aspect: String,
    /// stricter, sideways or weaker.
    pub way: String,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

impl From<masking::Difference> for Difference {
    fn from(difference: masking::Difference) -> Self {
        let aspect = difference.place();
        let masking::Difference { way, before, after, .. } = difference;
        Self { aspect, way: way.as_str().to_owned(), before, after }
    }
}

/// Something worth a look, although the policy is valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "remark", rename_all = "snake_case")]
pub enum Remark {
    /// A mask leaves so few values that they can be tried out.
    FewCandidates {
        /// Of what.
        entity: String,
        /// Who sees the mask.
        views: Vec<String>,
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
        entity: String,
    },
    /// Approval is asked for of nobody.
    NobodyApproves,
    /// A value that is never masked is very short.
    ShortLiteral {
        /// The value.
        literal: String,
    },
    /// A part of a pattern means something else than it looks like.
    Trap {
        /// The rule.
        rule: String,
        /// The part.
        part: String,
        /// What to write in its place.
        instead: String,
    },
    /// A rule never masks anything.
    Unreachable {
        /// The rule.
        rule: String,
        /// The rule with the same pattern; missing when it asks for more certainty than there can be.
        same_as: Option<String>,
    },
    /// No test says that clean text stays as it is.
    NoCleanTest,
}

impl From<masking::Remark> for Remark {
    fn from(remark: masking::Remark) -> Self {
        match remark {
            masking::Remark::FewCandidates { entity, views, mask, left } => {
                let views = views.into_iter().map(|view| view.to_string()).collect();
                Self::FewCandidates { entity: entity.to_string(), views, mask, left }
            }
            masking::Remark::UnknownRole { role } => Self::UnknownRole { role },
            masking::Remark::NobodyAgrees { entity } => Self::NobodyAgrees { entity: entity.to_string() },
            masking::Remark::NobodyApproves => Self::NobodyApproves,
            masking::Remark::ShortLiteral { literal } => Self::ShortLiteral { literal },
            masking::Remark::Trap { rule, trap } => Self::Trap {
                rule: rule.to_string(),
                part: trap.as_str().to_owned(),
                instead: trap.instead().to_owned(),
            },
            masking::Remark::Unreachable { rule, why } => {
                let same_as = match why {
                    masking::Unreachable::SamePattern { other } => Some(other.to_string()),
                    masking::Unreachable::TooSure { .. } => None,
                };
                Self::Unreachable { rule: rule.to_string(), same_as }
            }
            masking::Remark::NoCleanTest => Self::NoCleanTest,
        }
    }
}

/// What a policy would change of the one in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: String,
    /// Digest of the policy that it is compared with.
    pub against: String,
    /// Whether everything that differs masks more, so that one person may bring it into force.
    pub only_masks_more: bool,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What is worth a look.
    pub remarks: Vec<Remark>,
    /// What the policy's own tests say against it; with any of these it can't be proposed.
    pub failures: Vec<Failure>,
}

/// Something that a policy's own tests say against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// In words, with the line.
    pub detail: String,
    /// The test that shows something else than it expects; nothing when a test or a rule is wrong otherwise.
    pub test: Option<FailedTest>,
}

/// A test of a policy that shows something else than it expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedTest {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The view.
    pub view: String,
    /// What it expects.
    pub expected: String,
    /// What the policy makes of it.
    pub got: String,
}

impl From<masking::PolicyError> for Failure {
    fn from(error: masking::PolicyError) -> Self {
        let detail = error.to_string();
        let test = match error {
            masking::PolicyError::TestFailed { number, view, expected, got, .. } => {
                Some(FailedTest { number, view: view.to_string(), expected, got })
            }
            masking::PolicyError::Yaml(_)
            | masking::PolicyError::Unavailable { .. }
            | masking::PolicyError::Invalid { .. }
            | masking::PolicyError::DuplicateRule { .. }
            | masking::PolicyError::Weakens(_)
            | masking::PolicyError::TooManyKeywords
            | masking::PolicyError::Untested { .. }
            | masking::PolicyError::UntestedHold { .. }
            | masking::PolicyError::HeldOtherwise { .. } => None,
        };
        Self { detail, test }
    }
}

impl From<pipeline::Assessment> for Assessment {
    fn from(assessment: pipeline::Assessment) -> Self {
        let pipeline::Assessment {
            id, version, digest, against, differences, only_masks_more, remarks, failures, ..
        } = assessment;
        Self {
            id,
            version,
            digest: digest.to_string(),
            against: against.to_string(),
            only_masks_more,
            differences: differences.into_iter().map(Into::into).collect(),
            remarks: remarks.into_iter().map(Into::into).collect(),
            failures: failures.into_iter().map(Into::into).collect(),
        }
    }
}

/// A proposed change of the masking policy, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amendment {
    /// Its id.
    pub id: String,
    /// proposed, rejected, scheduled or activated.
    pub state: String,
    /// Digest of the policy that it would bring into force.
    pub digest: String,
    /// Digest of what was in force when it was proposed.
    pub against: String,
    /// Whether another policy came into force since then, so that this one can't any more.
    pub overtaken: bool,
    /// Whether everything that differs masks more.
    pub only_masks_more: bool,
    /// From when on it is to act (RFC 3339, UTC); nothing: as soon as it is decided.
    pub effective: Option<String>,
    /// Who proposed it.
    pub proposed: Act,
    /// Who consented.
    pub approved: Vec<Act>,
    /// How many have to consent by the policy in force.
    pub required: u32,
    /// The roles whose consent counts.
    pub roles: Vec<String>,
    /// Who decided it; nothing while it is open.
    pub decided: Option<Act>,
    /// Until when somebody else has to look at what one person brought into force (RFC 3339, UTC).
    pub review_due: Option<String>,
    /// Who looked at it.
    pub reviewed: Option<Act>,
}

impl From<pipeline::Amendment> for Amendment {
    fn from(amendment: pipeline::Amendment) -> Self {
        let pipeline::Amendment { row, is_overtaken, review_due, consent } = amendment;
        Self {
            id: row.id.to_string(),
            state: row.state.word().to_owned(),
            digest: row.digest.to_string(),
            against: row.against.to_string(),
            overtaken: is_overtaken,
            only_masks_more: row.only_masks_more,
            effective: row.effective.map(|from| from.to_string()),
            proposed: row.proposed.into(),
            approved: row.consents.into_iter().map(Into::into).collect(),
            required: consent.required.max(1),
            roles: consent.roles,
            decided: row.decided.map(Into::into),
            review_due: review_due.map(|due| due.to_string()),
            reviewed: row.reviewed.map(Into::into),
        }
    }
}

/// Proposed changes, those proposed last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amendments {
    /// At most 100.
    pub amendments: Vec<Amendment>,
}

/// A proposed change in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AmendmentInFull {
    /// As it stands.
    pub amendment: Amendment,
    /// The policy file's text.
    pub source: String,
    /// What it changes of what was in force when it was proposed.
    pub assessment: Assessment,
}

impl From<pipeline::AmendmentInFull> for AmendmentInFull {
    fn from(full: pipeline::AmendmentInFull) -> Self {
        let pipeline::AmendmentInFull { amendment, source, assessment } = full;
        Self { amendment: amendment.into(), source, assessment: assessment.into() }
    }
}
