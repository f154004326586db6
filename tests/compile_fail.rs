//! What must not compile does not, for the reason given; and a twin that differs in one line does.
//!
//! Each file in `tests/compile_fail/` begins with `//! E0000: sentence` and has one line marked `//~ allowed: other line`.
//! As it stands it must fail with exactly that code; with the other line it must compile. The compiler's wording is not
//! compared. Files are compiled against the library that this test itself was built with.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken test set-up fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "//~ allowed: ";

/// The newest build of a library among the test's own dependencies.
fn library(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let found = std::fs::read_dir(&deps).unwrap().flatten().filter(|entry| {
        let file = entry.file_name().to_string_lossy().into_owned();
        file.starts_with(&format!("lib{name}-")) && Path::new(&file).extension().is_some_and(|end| end == "rlib")
    });
    let newest = found.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest.expect("the library that this test was built with").path()
}

/// The codes of the errors that compiling `source` gives.
fn error_codes(source: &str, folder: &Path) -> BTreeSet<String> {
    let file = folder.join("case.rs");
    std::fs::write(&file, source).unwrap();
    let (own, json) = (library("liaowaiwai"), library("serde_json"));
    let output = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--error-format", "json"])
        .arg("--out-dir")
        .arg(folder)
        .arg("--extern")
        .arg(format!("liaowaiwai={}", own.display()))
        .arg("--extern")
        .arg(format!("serde_json={}", json.display()))
        .arg("-L")
        .arg(format!("dependency={}", own.parent().unwrap().display()))
        .arg(&file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let messages = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let errors = messages.filter(|message| message["level"] == "error");
    let codes = errors.filter_map(|error| error["code"]["code"].as_str().map(str::to_owned)).collect();
    assert!(output.status.success() == BTreeSet::<String>::is_empty(&codes), "rustc failed without a code: {text}");
    codes
}

#[test]
fn what_must_not_compile_fails_for_its_reason_and_its_twin_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("compile_fail");
    let mut seen = 0;
    for entry in std::fs::read_dir(cases).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let source = std::fs::read_to_string(entry.path()).unwrap();
        let expected = source.strip_prefix("//! ").unwrap().split(':').next().unwrap().to_owned();
        assert_eq!(error_codes(&source, folder.path()), BTreeSet::from([expected]), "{name}");
        let twin: Vec<&str> =
            source.lines().map(|line| line.split_once(MARK).map_or(line, |(_, other)| other)).collect();
        let marked = source.lines().filter(|line| line.contains(MARK)).count();
        assert_eq!(marked, 1, "{name} must mark one line");
        assert_eq!(error_codes(&twin.join("\n"), folder.path()), BTreeSet::new(), "the twin of {name}");
        seen += 1;
    }
    assert!(seen >= 18, "only {seen} cases were found");
}
