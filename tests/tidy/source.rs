//! Reads the repository: its text files, its parsed Rust, and what is test code in it.

use std::cell::OnceCell;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::visit::Visit;

/// What is not part of the repository.
const NOT_OURS: &[&str] = &[".git", "target", "data", "node_modules"];

/// Something that breaks a rule, where, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
    pub way_out: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what, way_out } = self;
        write!(f, "{path}:{line}: {what} [{rule}]. {way_out}")
    }
}

/// A file that a rule reads as text.
pub struct Text {
    /// Path from the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

/// A Rust file, parsed.
pub struct Source {
    pub path: String,
    pub text: String,
    pub syntax: syn::File,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text: text.to_owned(), syntax }
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        ["tests/", "benches/", "audit/tests/", "fuzz/"].iter().any(|folder| self.path.starts_with(folder))
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    /// The modules of a file under `src/`: `["storage", "recorder"]` for `src/storage/recorder/mod.rs`.
    pub fn modules(&self) -> Option<Vec<&str>> {
        let inner = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        Some(inner.split('/').collect())
    }

    pub fn finding(&self, span: Span, rule: &'static str, what: String, way_out: &'static str) -> Finding {
        Finding { path: self.path.clone(), line: span.start().line, rule, what, way_out }
    }
}

/// Every text and Rust file of the repository.
pub struct Repository {
    pub texts: Vec<Text>,
    /// Parsed when a rule first asks: most of a run is parsing.
    parsed: OnceCell<Vec<Source>>,
}

impl Repository {
    pub fn open() -> Self {
        // The runner's word first: the tests may run elsewhere than they were compiled.
        let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&root);
        let mut paths = Vec::new();
        walk(root, &mut paths);
        paths.sort();
        let texts: Vec<Text> = paths
            .iter()
            .filter_map(|path| {
                let text = fs::read_to_string(path).ok()?;
                Some(Text { path: path.strip_prefix(root).ok()?.to_str()?.to_owned(), text })
            })
            .collect();
        Self { texts, parsed: OnceCell::new() }
    }

    pub fn of(files: &[(&str, &str)]) -> Self {
        let text = |(path, text): &(&str, &str)| Text { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { texts: files.iter().map(text).collect(), parsed: OnceCell::new() }
    }

    pub fn sources(&self) -> &[Source] {
        self.parsed.get_or_init(|| {
            let is_rust = |text: &&Text| Path::new(&text.path).extension().is_some_and(|found| found == "rs");
            // Programs that must not compile may not even parse.
            let is_case = |text: &&Text| text.path.starts_with("tests/") && text.path.contains("compile_fail/");
            let rust = self.texts.iter().filter(is_rust).filter(|text| !is_case(text));
            rust.map(|text| Source::parse(&text.path, &text.text)).collect()
        })
    }

    /// Applies a rule to every Rust file.
    pub fn each(&self, rule: impl Fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
        assert!(self.sources().len() > 20, "the repository was not found");
        self.sources().iter().flat_map(rule).collect()
    }

    /// Applies a rule to every text file.
    pub fn each_text(&self, rule: impl Fn(&Text) -> Vec<Finding>) -> Vec<Finding> {
        assert!(self.texts.len() > 20, "the repository was not found");
        self.texts.iter().flat_map(rule).collect()
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|text| text.path == path).map(|text| text.text.as_str())
    }

    pub fn exists(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.texts.iter().any(|text| text.path == path || text.path.starts_with(&folder))
    }

    /// Names of all test functions, and of the pages' tests, whose names are sentences: `test("…", `.
    pub fn test_names(&self) -> Vec<String> {
        let mut tests = Tests(Vec::new());
        for source in self.sources() {
            tests.visit_file(&source.syntax);
        }
        let pages = self.texts.iter().filter(|text| {
            text.path.starts_with("web/") && Path::new(&text.path).extension().is_some_and(|found| found == "ts")
        });
        for line in pages.flat_map(|text| text.text.lines()) {
            let sentence = line.strip_prefix("test(\"").and_then(|rest| rest.split_once('"'));
            tests.0.extend(sentence.map(|(name, _)| name.to_owned()));
        }
        tests.0
    }
}

struct Tests(Vec<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
        };
        if function.attrs.iter().any(is_test) {
            self.0.push(function.sig.ident.to_string());
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // Property tests are functions inside `proptest! { … }`.
        let words: Vec<String> = call.tokens.clone().into_iter().map(|token| token.to_string()).collect();
        if call.path.segments.last().is_some_and(|segment| segment.ident == "proptest") {
            let named = words.windows(2).filter(|pair| matches!(pair, [word, _] if word == "fn"));
            self.0.extend(named.filter_map(|pair| pair.last().cloned()));
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        // In a second working tree `.git` is a file.
        if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_file() {
            found.push(entry.path());
        } else if kind.is_dir() {
            walk(&entry.path(), found);
        }
    }
}

/// Whether an item is compiled for tests only.
pub fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// The attributes of the items that can hold code.
pub fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Mod(module) => &module.attrs,
        syn::Item::Fn(function) => &function.attrs,
        syn::Item::Impl(block) => &block.attrs,
        syn::Item::Use(import) => &import.attrs,
        _ => &[],
    }
}

#[test]
fn test_functions_are_found_in_modules_and_property_tests() {
    let repository = Repository::of(&[(
        "src/a.rs",
        "#[cfg(test)] mod tests { #[tokio::test] async fn a() {} fn helper() {}
         proptest! { #[test] fn b(x in 0..3) { } } }",
    )]);
    assert_eq!(repository.test_names(), ["a", "b"]);
    let pages = [
        ("web/a.test.ts", "test(\"it holds\", () => {});\n// test(\"not this\")\n"),
        ("docs/a.ts", "test(\"nor this\")"),
    ];
    assert_eq!(Repository::of(&pages).test_names(), ["it holds"]);
}

#[test]
fn a_finding_names_place_rule_and_way_out() {
    let source = Source::parse("src/a.rs", "\nfn f() {}");
    let syn::Item::Fn(function) = &source.syntax.items[0] else { panic!() };
    let finding = source.finding(function.sig.ident.span(), "rule", "what".to_owned(), "Do.");
    assert_eq!(finding.to_string(), "src/a.rs:2: what [rule]. Do.");
}
