//! Why a policy is refused, by what its author has to mend.
//!
//! A policy is no customer data, so its own text may be quoted.

use super::super::view::View;
use crate::domain::yaml::YamlError;

/// A policy that is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text can't be read.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// The policy asks for something that the engine does not do; ignoring it would show what was to be hidden.
    #[error("line {line}: {feature} is not available in this version")]
    Unavailable {
        /// Line where it is asked for, from 1.
        line: u64,
        /// What is asked for.
        feature: &'static str,
    },
    /// A field has a value that makes no sense.
    #[error("line {line}: {field}: expected {expected}, got {got}")]
    Invalid {
        /// Line of the rule, test or field, from 1.
        line: u64,
        /// Path of the field.
        field: &'static str,
        /// What the field takes.
        expected: &'static str,
        /// What it holds.
        got: String,
    },
    /// Two rules are about the same entity.
    #[error("line {line}: {entity} has a rule already")]
    DuplicateRule {
        /// Line of the second rule, from 1.
        line: u64,
        /// Name of the rule.
        entity: String,
    },
    /// A layer would show more, or find less, than one below it; the stricter wins, so that it would be in vain.
    #[error(transparent)]
    Weakens(Box<Weakening>),
    /// The context words are too many or use too many different characters.
    #[error("the context words of the rules are too many or use too many different characters")]
    TooManyKeywords,
    /// The policy has no test for an entity that it has a rule for.
    #[error("{entity} has a rule but no test: write one where it is masked")]
    Untested {
        /// Name of the rule, with its layer where that is not the policy's own list.
        entity: String,
    },
    /// The policy holds a value that leaves, and no test says so.
    #[error("{entity} is held when it leaves but no test says so: write one with held: [{entity}]")]
    UntestedHold {
        /// Name of the rule.
        entity: String,
    },
    /// A test expects other values to be held than the policy holds.
    #[error("test {number} (line {line}), held: expected [{expected}], got [{got}]")]
    HeldOtherwise {
        /// Number of the test in the file, from 1.
        number: usize,
        /// Line of the test, from 1.
        line: u64,
        /// What the test expects to be held.
        expected: String,
        /// What is held of the input.
        got: String,
    },
    /// One of the policy's own tests fails.
    #[error("test {number} (line {line}), view {view}: expected {expected:?}, got {got:?}")]
    TestFailed {
        /// Number of the test in the file, from 1.
        number: usize,
        /// Line of the test, from 1.
        line: u64,
        /// View that was rendered.
        view: View,
        /// What the test expects.
        expected: String,
        /// What the policy makes of the input.
        got: String,
    },
}

/// A layer's word that would be in vain.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line}: {rule}.{field} of the layer {layer}: {says} is weaker than {stricter}, which {by} asks for and which wins: leave it out"
)]
pub struct Weakening {
    /// Line of the weaker rule, from 1.
    pub line: u64,
    /// The layer whose rule it is; `rules` for the policy's own.
    pub layer: String,
    /// Name of the rule.
    pub rule: String,
    /// Path of the field in the rule.
    pub field: String,
    /// What it says.
    pub says: String,
    /// What wins.
    pub stricter: String,
    /// The layer that asks for that.
    pub by: String,
}
