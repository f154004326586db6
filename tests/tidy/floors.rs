//! Who may import whom: a room imports lower floors only, and the domain has no outside.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::Visit;

use crate::source::{Finding, Repository, Source};

/// The rooms under `src/`, lowest floor first. Rooms of one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["limits"],
    &["units"],
    &["domain", "wire"],
    &["ports", "telemetry"],
    &["pipeline"],
    &["channels", "storage", "crypto", "anchors", "http", "workers", "files"],
    &["app"],
    &["cli"],
    &["main", "lib"],
];

/// Rooms of the table that are not built yet.
const PLANNED: &[&str] = &["anchors"];

/// What the pure domain may not use: clocks, randomness, input and output, tasks, logs.
const IMPURE: &[&str] = &[
    "actix_web",
    "rand",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "tokio_postgres",
    "tracing",
];

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Every room of the table exists, and every room that exists is in the table.
pub fn rooms(repository: &Repository) -> Vec<Finding> {
    let finding = |path: String, what: String| Finding {
        path,
        line: 1,
        rule: "rooms",
        what,
        way_out: "Keep the table in tests/tidy/floors.rs and the one in ARCHITECTURE.md true",
    };
    let present: Vec<(&str, &Source)> =
        repository.sources().iter().filter_map(|source| Some((*source.modules()?.first()?, source))).collect();
    let missing = FLOORS
        .iter()
        .flat_map(|floor| floor.iter())
        .filter(|room| !PLANNED.contains(room) && !present.iter().any(|(found, _)| found == *room));
    let built_early = PLANNED.iter().filter(|room| present.iter().any(|(found, _)| found == *room));
    let unknown = present.iter().filter(|(room, _)| floor_of(room).is_none());
    missing
        .map(|room| finding(format!("src/{room}"), format!("the room {room} of the table does not exist")))
        .chain(built_early.map(|room| finding(format!("src/{room}"), format!("{room} is planned but exists"))))
        .chain(unknown.map(|(room, source)| finding(source.path.clone(), format!("{room} is on no floor"))))
        .collect()
}

/// A room imports lower floors only.
pub fn imports(source: &Source) -> Vec<Finding> {
    let mut paths = Paths::of(source);
    paths.visit_file(&source.syntax);
    let Some(here) = source.modules().and_then(|modules| modules.first().copied()) else {
        return audit_imports(source, &paths.found);
    };
    let Some(floor) = floor_of(here) else { return Vec::new() };
    let refused = paths.found.iter().filter_map(|(path, span)| {
        let there = path.strip_prefix("crate::").or_else(|| path.strip_prefix("liaowaiwai::"))?;
        let there = there.split("::").next()?;
        let refused = there != here && floor_of(there).is_some_and(|other| other >= floor);
        refused.then(|| {
            source.finding(
                *span,
                "floors",
                format!("{here} imports {there}, which is not on a lower floor"),
                "Move what both need down, or let them meet in app.rs",
            )
        })
    });
    refused.collect()
}

/// The ledger crate knows nothing of the server.
fn audit_imports(source: &Source, found: &[(String, Span)]) -> Vec<Finding> {
    let server =
        |path: &str| ["liaowaiwai", "tokio", "actix_web", "tokio_postgres"].iter().any(|name| begins(path, name));
    if !source.path.starts_with("audit/src/") {
        return Vec::new();
    }
    let refused = found.iter().filter(|(path, _)| server(path)).map(|(path, span)| {
        source.finding(
            *span,
            "floors",
            format!("the ledger crate uses {path}"),
            "It has no server, network or database",
        )
    });
    refused.collect()
}

/// The domain uses nothing that could make the same input give another output.
pub fn purity(source: &Source) -> Vec<Finding> {
    if source.modules().is_none_or(|modules| modules.first() != Some(&"domain")) {
        return Vec::new();
    }
    let mut paths = Paths::of(source);
    paths.visit_file(&source.syntax);
    let way_out = "Take it as a parameter; the domain is pure";
    let impure = paths.found.iter().filter(|(path, _)| IMPURE.iter().any(|banned| begins(path, banned)));
    let mut findings: Vec<_> = impure
        .map(|(path, span)| source.finding(*span, "purity", format!("the domain uses {path}"), way_out))
        .collect();
    findings.extend(
        paths
            .tasks
            .iter()
            .map(|span| source.finding(*span, "purity", "the domain has an async function".to_owned(), way_out)),
    );
    findings
}

fn begins(path: &str, banned: &str) -> bool {
    path.strip_prefix(banned).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path that a file writes, `super` and `self` resolved to `crate`, nested imports flattened.
struct Paths {
    modules: Vec<String>,
    found: Vec<(String, Span)>,
    tasks: Vec<Span>,
}

impl Paths {
    fn of(source: &Source) -> Self {
        let modules = source.modules().unwrap_or_default().into_iter().map(str::to_owned).collect();
        Self { modules, found: Vec::new(), tasks: Vec::new() }
    }

    fn add(&mut self, segments: &[(String, Span)]) {
        let Some((_, span)) = segments.first() else { return };
        let mut base: Option<Vec<String>> = None;
        let mut names = Vec::new();
        for (name, _) in segments {
            match name.as_str() {
                "self" if names.is_empty() => base = Some(self.modules.clone()),
                "super" if names.is_empty() => {
                    let mut modules = base.unwrap_or_else(|| self.modules.clone());
                    modules.pop();
                    base = Some(modules);
                }
                name => names.push(name.to_owned()),
            }
        }
        let full = match base {
            Some(base) => ["crate".to_owned()].into_iter().chain(base).chain(names).collect::<Vec<_>>(),
            None => names,
        };
        self.found.push((full.join("::"), *span));
    }

    fn add_tree(&mut self, prefix: &[(String, Span)], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| [prefix, &[(ident.to_string(), ident.span())]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.add(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(prefix, item)),
        }
    }

    /// Paths inside a macro call, which is not parsed: words joined by `::`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<(String, Span)> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.add(&std::mem::take(&mut path));
                    }
                    path.push((word.to_string(), word.span()));
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.add(&std::mem::take(&mut path));
                    self.add_tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.add(&std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.add_tree(&[], &import.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> =
            path.segments.iter().map(|segment| (segment.ident.to_string(), segment.ident.span())).collect();
        self.add(&segments);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.add_tokens(call.tokens.clone());
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.modules.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
        self.modules.pop();
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.tasks.extend(signature.asyncness.map(|word| word.span));
        syn::visit::visit_signature(self, signature);
    }
}

#[test]
fn an_import_of_the_same_or_a_higher_floor_is_found_however_it_is_written() {
    for (path, text, expect) in [
        ("src/storage/a.rs", "use crate::http::X;", 1),
        ("src/storage/a.rs", "use crate::{domain::{A, b::B}, http::{X, Y}};", 2),
        ("src/storage/a.rs", "use super::super::crypto::X;", 1),
        ("src/storage/a.rs", "mod tests { use super::super::super::crypto::X; }", 1),
        ("src/storage/a.rs", "fn f() { crate::app::run() }", 1),
        ("src/storage/a.rs", "fn f() { println!(\"{}\", crate::app::NAME) }", 1),
        ("src/storage/a.rs", "fn f(x: &crate::pipeline::X) {}", 0),
        ("src/storage/a.rs", "use super::b; use super::super::domain::X; use self::c::D;", 0),
        ("src/storage/mod.rs", "use super::crypto::X;", 1),
        ("src/storage.rs", "use self::crypto::X;", 0),
        ("src/units.rs", "use crate::domain::X;", 1),
        ("src/main.rs", "use liaowaiwai::cli;", 0),
        ("audit/src/a.rs", "use liaowaiwai::cli;", 1),
        ("audit/src/a.rs", "use crate::http;", 0),
    ] {
        assert_eq!(imports(&Source::parse(path, text)).len(), expect, "{path}: {text}");
    }
}

#[test]
fn an_impure_domain_is_found() {
    for (text, expect) in [
        ("use std::{fs, time::SystemTime};", 2),
        ("async fn f() {}", 1),
        ("fn f() { tracing::info!(\"x\") }", 1),
        ("fn f() { std::env::var(\"X\"); }", 1),
        ("use std::time::Duration; use regex::Regex; fn f() { tokio_like() }", 0),
    ] {
        assert_eq!(purity(&Source::parse("src/domain/a.rs", text)).len(), expect, "{text}");
        assert_eq!(purity(&Source::parse("src/http/a.rs", text)).len(), 0, "{text}");
    }
}

#[test]
fn a_room_that_the_table_lacks_or_that_is_missing_is_found() {
    let all: Vec<String> = FLOORS.concat().iter().map(|room| format!("src/{room}.rs")).collect();
    let built: Vec<(&str, &str)> =
        all.iter().filter(|path| *path != "src/anchors.rs").map(|path| (path.as_str(), "")).collect();
    assert_eq!(rooms(&Repository::of(&built)), []);
    assert_eq!(rooms(&Repository::of(&built[1..])).len(), 1);
    assert_eq!(rooms(&Repository::of(&[&built[..], &[("src/attic/mod.rs", "")]].concat())).len(), 1);
    assert_eq!(rooms(&Repository::of(&[&built[..], &[("src/anchors/mod.rs", "")]].concat())).len(), 1);
}
