//! Why a routing table or a case is refused, by what its author has to mend.
//!
//! A table is no customer data, so its own text may be quoted; so may a case, which holds words of closed lists only.

use crate::domain::yaml::YamlError;

/// A table that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The text can't be read.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A field has a value that makes no sense.
    #[error("line {line}: {field}: expected {expected}, got {got}")]
    Invalid {
        /// Line of the queue, row, test or field, from 1.
        line: u64,
        /// Path of the field.
        field: &'static str,
        /// What the field takes.
        expected: String,
        /// What it holds.
        got: String,
    },
    /// Two things have the same name.
    #[error("line {line}: {what} {name} is there already")]
    Duplicate {
        /// Line of the second, from 1.
        line: u64,
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The last row has conditions, so that a case could match no row.
    #[error("line {line}: row {row}: the last row must have no conditions, or some cases would go nowhere")]
    Gap {
        /// Line of the last row, from 1.
        line: u64,
        /// Its id.
        row: String,
    },
    /// No case can ever reach a row.
    #[error("line {line}: row {row} is never reached: every case that it would take goes to {by}")]
    Unreachable {
        /// Line of the row, from 1.
        line: u64,
        /// Its id.
        row: String,
        /// The rows before it that take its cases.
        by: String,
    },
    /// No case can ever meet all conditions of a row.
    #[error("line {line}: row {row} is never reached: its conditions exclude each other")]
    Impossible {
        /// Line of the row, from 1.
        line: u64,
        /// Its id.
        row: String,
    },
    /// Nothing leads to a queue or a group.
    #[error("line {line}: no row and no overflow leads to {what} {name}")]
    Unused {
        /// Its line, from 1.
        line: u64,
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The table has no test for a row.
    #[error("row {row} has no test: write one case that it takes")]
    Untested {
        /// Its id.
        row: String,
    },
    /// One of the table's own tests fails.
    #[error("test {number} (line {line}), {field}: expected {expected}, got {got}")]
    TestFailed {
        /// Number of the test in the file, from 1.
        number: usize,
        /// Line of the test, from 1.
        line: u64,
        /// What differs.
        field: &'static str,
        /// What the test expects.
        expected: String,
        /// What the table makes of the case.
        got: String,
    },
}

/// A case that a table can't take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct CaseError {
    /// The field.
    pub field: &'static str,
    /// What it takes.
    pub expected: String,
}
