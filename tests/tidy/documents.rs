//! What documents claim exists: tests of invariants and decisions, code of controls, reasons for dependencies, events.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::source::{Finding, Repository, Text};

const CONTROLS: &str = "compliance/controls.yaml";
const DEPENDENCIES: &str = "docs/dependencies.md";
const GUIDE: &str = "docs/operator.md";

/// Every invariant in `ARCHITECTURE.md` (a list item under the heading "Invariants") and every decision names a test that
/// exists: the word `Test:` or `Tests:`, then names between backticks.
pub fn invariants(repository: &Repository) -> Vec<Finding> {
    let tests = repository.test_names();
    let mut findings = Vec::new();
    let architecture = repository.text("ARCHITECTURE.md").unwrap_or_default();
    let items = invariant_items(architecture);
    if items.is_empty() {
        findings.push(missing("ARCHITECTURE.md", 1, "there is no list under a heading \"Invariants\"".to_owned()));
    }
    for (line, item) in items {
        findings.extend(check_named("ARCHITECTURE.md", line, &item, &tests));
    }
    for text in repository.texts.iter().filter(|text| is_decision(&text.path)) {
        findings.extend(check_named(&text.path, 1, &text.text, &tests));
    }
    findings
}

fn is_decision(path: &str) -> bool {
    let name = path.strip_prefix("docs/adr/").unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_digit()) && !name.contains('/')
}

/// List items under a heading that contains "Invariants", continuation lines included, with their line numbers.
fn invariant_items(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            inside = line.contains("Invariants");
        } else if inside && line.starts_with("- ") {
            items.push((number + 1, line.to_owned()));
        } else if inside
            && line.starts_with("  ")
            && let Some((_, item)) = items.last_mut()
        {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

/// The names after `Test:` or `Tests:`, each between backticks.
fn named_tests(text: &str) -> Vec<&str> {
    let after = text.split("Test: ").skip(1).chain(text.split("Tests: ").skip(1));
    after
        .flat_map(|rest| {
            let sentence = rest.split(['\n', '.', ';']).next().unwrap_or_default();
            sentence.split('`').skip(1).step_by(2)
        })
        .collect()
}

fn check_named(path: &str, line: usize, text: &str, tests: &[String]) -> Vec<Finding> {
    let named = named_tests(text);
    if named.is_empty() {
        return vec![missing(path, line, "no test is named".to_owned())];
    }
    let dangling = named.iter().filter(|name| !test_exists(name, tests));
    dangling.map(|name| missing(path, line, format!("the test {name} does not exist"))).collect()
}

fn test_exists(name: &str, tests: &[String]) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name);
    tests.iter().any(|test| test == name)
}

fn missing(path: &str, line: usize, what: String) -> Finding {
    let way_out = "Name an existing test: Test: `its_name`";
    Finding { path: path.to_owned(), line, rule: "named tests", what, way_out }
}

/// A row of `compliance/controls.yaml`. What else a row holds is the business of `lww compliance`.
#[derive(Deserialize)]
struct Control {
    id: String,
    title: String,
    /// Files or folders of this repository.
    code: Vec<String>,
    /// Names of test functions.
    tests: Vec<String>,
}

/// Each control names code and tests, and they exist.
pub fn controls(repository: &Repository) -> Vec<Finding> {
    let refuse = |line: usize, what: String| Finding {
        path: CONTROLS.to_owned(),
        line,
        rule: "controls",
        what,
        way_out: "A row is {id, title, code: [paths], tests: [names]}; all that it names must exist",
    };
    let text = repository.text(CONTROLS).unwrap_or_default();
    let rows: Vec<Control> = match serde_saphyr::from_str(text) {
        Ok(rows) => rows,
        Err(error) => return vec![refuse(1, error.to_string())],
    };
    if rows.is_empty() {
        return vec![refuse(1, "there is no control".to_owned())];
    }
    let tests = repository.test_names();
    let mut findings = Vec::new();
    for row in &rows {
        let line = text.lines().position(|line| line.contains(&row.id)).map_or(1, |at| at + 1);
        let mut refuse = |what: String| findings.push(refuse(line, format!("{}: {what}", row.id)));
        if row.title.trim().is_empty() || row.code.is_empty() || row.tests.is_empty() {
            refuse("title, code or tests are empty".to_owned());
        }
        for path in row.code.iter().filter(|path| !repository.exists(path)) {
            refuse(format!("there is no {path}"));
        }
        for name in row.tests.iter().filter(|name| !test_exists(name, &tests)) {
            refuse(format!("the test {name} does not exist"));
        }
    }
    findings
}

/// `docs/dependencies.md` has a line for each direct dependency and none for others.
pub fn dependencies(repository: &Repository) -> Vec<Finding> {
    let mut names: Vec<String> = ["Cargo.toml", "audit/Cargo.toml"]
        .iter()
        .flat_map(|path| direct(repository.text(path).unwrap_or_default()))
        .collect();
    names.sort();
    names.dedup();
    assert!(repository.texts.is_empty() || !names.is_empty(), "no manifest was read");
    let listed: Vec<(usize, &str)> = repository
        .text(DEPENDENCIES)
        .unwrap_or_default()
        .lines()
        .enumerate()
        .filter_map(|(number, line)| Some((number + 1, line.strip_prefix("| `")?.split('`').next()?)))
        .collect();
    let finding = |line: usize, what: String| Finding {
        path: DEPENDENCIES.to_owned(),
        line,
        rule: "dependencies",
        what,
        way_out: "One line each: | `name` | what for | why this one | licence |",
    };
    let missing = names.iter().filter(|name| !listed.iter().any(|(_, listed)| listed == name));
    let stale = listed.iter().filter(|(_, listed)| !names.iter().any(|name| name == listed));
    missing
        .map(|name| finding(1, format!("{name} has no line")))
        .chain(stale.map(|(line, name)| finding(*line, format!("{name} is no direct dependency"))))
        .collect()
}

/// The operator's guide tells what each event of the log means, and of none that there isn't.
pub fn events(repository: &Repository) -> Vec<Finding> {
    let emitted: BTreeSet<&str> = repository
        .texts
        .iter()
        .filter(|text| text.path.starts_with("src/"))
        .flat_map(|text| text.text.split("event = \"").skip(1).filter_map(|rest| rest.split('"').next()))
        .collect();
    let guide = repository.text(GUIDE).unwrap_or_default();
    let table = guide.split("| `event` |").nth(1).unwrap_or_default().lines().skip(2);
    let cells = table.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let told: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let finding = |what: String| Finding {
        path: GUIDE.to_owned(),
        line: 1,
        rule: "events",
        what,
        way_out: "A line of the table in Logs: | `name` | level | what happened, and what to do |",
    };
    let untold = emitted.difference(&told).map(|name| finding(format!("{name} is not told of")));
    untold.chain(told.difference(&emitted).map(|name| finding(format!("there is no event {name}")))).collect()
}

/// Names of the dependencies in a manifest, the repository's own crates left out.
fn direct(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = toml::from_str(manifest).unwrap();
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    let outside = |value: &toml::Value| value.get("path").is_none();
    tables.flat_map(|table| table.iter().filter(|(_, value)| outside(value)).map(|(name, _)| name.clone())).collect()
}

/// No file names a place on somebody's machine or a registry's host.
pub fn machines(text: &Text) -> Vec<Finding> {
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("static.", "crates.io"),
        concat!("index.", "crates.io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("registry.", "npmjs"),
        concat!("deb.", "debian.org"),
        concat!("proxy.", "golang.org"),
    ];
    let named = text.text.lines().enumerate().filter_map(|(number, line)| {
        let place = places.iter().find(|place| line.contains(**place))?;
        Some(Finding {
            path: text.path.clone(),
            line: number + 1,
            rule: "machines",
            what: format!("{place} is named"),
            way_out: "Say it without the place: others have other machines and mirrors",
        })
    });
    named.collect()
}

#[test]
fn an_invariant_or_decision_without_an_existing_test_is_found() {
    let source = ("src/a.rs", "#[test] fn it_holds() {}");
    for (architecture, decision, expect) in [
        ("## Invariants\n- a. Test: `it_holds`.\n", "Test: `a::it_holds`", 0),
        ("## Invariants\n- a,\n  b. Tests: `it_holds`, `gone`.\n", "Test: `it_holds`", 1),
        ("## Invariants\n- a. Test: `it_holds`.\n- b.\n", "Test: `it_holds`", 1),
        ("## Invariants\n- a. Test: `it_holds`.\n", "`it_holds` is not named as a test", 1),
        ("# Rooms\n- a\n", "Test: `it_holds`", 1),
    ] {
        let files = [source, ("ARCHITECTURE.md", architecture), ("docs/adr/0001-a.md", decision)];
        assert_eq!(invariants(&Repository::of(&files)).len(), expect, "{architecture}{decision}");
    }
    assert_eq!(invariants(&Repository::of(&[])).len(), 1);
}

#[test]
fn a_control_that_names_nothing_real_is_found() {
    let source = ("src/crypto/seal.rs", "#[test] fn it_holds() {}");
    let row = |code: &str, test: &str| format!("- id: A.8.11\n  title: Masking\n  code: [{code}]\n  tests: [{test}]\n");
    for (rows, expect) in [
        (row("src/crypto", "it_holds"), 0),
        (row("src/crypto/seal.rs", "seal::it_holds"), 0),
        (row("src/gone.rs", "it_holds"), 1),
        (row("src/cry", "it_holds"), 1),
        (row("src/crypto", "gone"), 1),
        (row("", "it_holds"), 1),
        ("- id: x\n".to_owned(), 1),
        ("[]".to_owned(), 1),
    ] {
        assert_eq!(controls(&Repository::of(&[source, (CONTROLS, &rows)])).len(), expect, "{rows}");
    }
    assert_eq!(controls(&Repository::of(&[source])).len(), 1);
}

#[test]
fn a_dependency_without_its_line_and_a_line_without_its_dependency_are_found() {
    let manifest =
        "[dependencies]\nring = \"1\"\nlww-audit = { path = \"audit\" }\n[dev-dependencies]\nproptest = \"1\"\n";
    for (document, expect) in [
        ("| `ring` | x |\n| `proptest` | x |\n", 0),
        ("| `ring` | x |\n", 1),
        ("| `ring` | x |\n| `proptest` | x |\n| `openssl` | x |\n", 1),
        ("ring and proptest\n", 2),
    ] {
        let files = [("Cargo.toml", manifest), ("audit/Cargo.toml", ""), (DEPENDENCIES, document)];
        assert_eq!(dependencies(&Repository::of(&files)).len(), expect, "{document}");
    }
}

#[test]
fn an_event_without_its_line_and_a_line_without_its_event_are_found() {
    let source = ("src/a.rs", "fn a() { info!(event = \"began\", x); warn!(event = \"ended\") }");
    let head = "| `event` | level | what |\n|---|---|---|\n";
    for (rows, expect) in [
        ("| `began`, `ended` | INFO | x |\n", 0),
        ("| `began` | INFO | x |\n", 1),
        ("| `began` | INFO | `ended` |\n\n| `ended` | x |\n", 1),
        ("| `began`, `ended` | INFO | x |\n| `gone` | WARN | x |\n", 1),
    ] {
        let guide = format!("text\n{head}{rows}");
        assert_eq!(events(&Repository::of(&[source, (GUIDE, &guide)])).len(), expect, "{rows}");
    }
}

#[test]
fn a_machines_path_or_a_registrys_host_is_found() {
    let found = |text: &str| machines(&Text { path: "a.md".to_owned(), text: text.to_owned() }).len();
    assert_eq!(found(concat!("cd /wo", "rk/main\nok\nsee https://pypi", ".org/x\n")), 2);
    assert_eq!(found("the workspace; cargo installs from crates.io"), 0);
}
