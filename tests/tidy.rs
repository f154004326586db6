//! The house rules, enforced by reading the source: who may import whom, how long things are, who may touch raw text.
//!
//! Each rule is a function from text to findings. It runs on the repository and, so that it cannot pass by finding
//! nothing, on a snippet that breaks it. Source: `ARCHITECTURE.md` and `CONTRIBUTING.md`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test fail the test; clippy only exempts test functions themselves"
)]

#[path = "tidy/callers.rs"]
mod callers;
#[path = "tidy/channels.rs"]
mod channels;
#[path = "tidy/descriptions.rs"]
mod descriptions;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/programs.rs"]
mod programs;
#[path = "tidy/schema.rs"]
mod schema;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;

use source::{Finding, Repository};

/// Fails with every finding, one a line.
fn accept(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "\n{}\n{} findings", lines.join("\n"), findings.len());
}

#[test]
fn rooms_import_lower_floors_only() {
    let repository = Repository::open();
    accept(&repository.each(floors::imports));
    accept(&floors::rooms(&repository));
}

#[test]
fn the_domain_is_pure() {
    accept(&Repository::open().each(floors::purity));
}

#[test]
fn functions_and_files_stay_short() {
    accept(&Repository::open().each(shape::lengths));
}

#[test]
fn every_module_says_what_it_is() {
    accept(&Repository::open().each(shape::module_docs));
}

#[test]
fn every_test_file_runs_and_few_programs_are_linked() {
    accept(&programs::whole(&Repository::open()));
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_to_do() {
    let repository = Repository::open();
    accept(&repository.each(shape::switched_off));
    accept(&repository.each_text(shape::left_to_do));
}

#[test]
fn raw_text_is_touched_by_the_listed_files_only() {
    let repository = Repository::open();
    accept(&repository.each(callers::raw));
    accept(&callers::lists_are_used(&repository));
}

#[test]
fn a_commit_is_witnessed_at_two_places_only() {
    accept(&callers::witnesses(&Repository::open()));
}

#[test]
fn every_channel_is_registered_and_takes_no_raw_extractor() {
    let repository = Repository::open();
    accept(&channels::registered(&repository));
    accept(&repository.each(channels::extractors));
}

#[test]
fn no_column_holds_readable_text_outside_the_list() {
    let repository = Repository::open();
    accept(&repository.each_text(schema::readable_columns));
    accept(&schema::list_is_used(&repository));
}

#[test]
fn no_two_described_types_share_a_name() {
    accept(&descriptions::names(&Repository::open()));
}

#[test]
fn every_decision_and_invariant_names_its_test() {
    accept(&documents::invariants(&Repository::open()));
}

#[test]
fn every_control_names_code_and_tests_that_exist() {
    accept(&documents::controls(&Repository::open()));
}

#[test]
fn every_direct_dependency_has_its_line() {
    accept(&documents::dependencies(&Repository::open()));
}

#[test]
fn every_event_of_the_log_is_told_of() {
    accept(&documents::events(&Repository::open()));
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    accept(&Repository::open().each_text(documents::machines));
}
