//! Runs a table's own tests; a table that fails one, or has an untested row, never becomes active.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::document::TestDoc;
use super::error::TableError;
use super::table::Table;

/// Runs every test; the first failure is the answer.
pub(super) fn run(table: &Table, tests: &[Spanned<TestDoc>]) -> Result<(), TableError> {
    let mut tested = BTreeSet::new();
    for (number, test) in (1..).zip(tests) {
        tested.insert(run_one(table, number, test)?);
    }
    match table.rules.iter().find(|rule| !tested.contains(&rule.id)) {
        Some(rule) => Err(TableError::Untested { row: rule.id.clone() }),
        None => Ok(()),
    }
}

/// Runs one test and names the row that its case reached.
fn run_one(table: &Table, number: usize, test: &Spanned<TestDoc>) -> Result<String, TableError> {
    let line = test.referenced.line();
    let test = &test.value;
    let case = table.case(test.case.clone()).map_err(|error| TableError::Invalid {
        line,
        field: error.field,
        expected: error.expected,
        got: "something else".to_owned(),
    })?;
    let decision = table.decide(&case);
    let queue = table.queue(&decision.queue);
    let moment = table.calendar.moment(case.at);
    let open = queue.is_some_and(|queue| table.calendar.is_open(&queue.hours, moment));
    let compared = [
        ("row", Some(test.row.clone()), decision.row.clone()),
        ("queue", test.queue.clone(), decision.queue),
        ("priority", test.priority.map(|priority| priority.to_string()), decision.priority.to_string()),
        ("skills", test.skills.as_ref().map(|skills| skills.join(", ")), decision.skills.join(", ")),
        ("open", test.open.map(|open| open.to_string()), open.to_string()),
    ];
    for (field, expected, got) in compared {
        if let Some(expected) = expected
            && expected != got
        {
            return Err(TableError::TestFailed { number, line, field, expected, got });
        }
    }
    Ok(decision.row)
}
