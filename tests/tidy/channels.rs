//! Channels: every file is registered, and none takes a request apart by itself.

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::source::{Finding, Repository, Source};

const TABLE: &str = "src/channels/mod.rs";

/// What a channel may not name: the web framework hands bodies out as plain, unmasked text.
const FRAMEWORK: &str = "actix_web";

/// Extractors that would do so, behind whatever import.
const EXTRACTORS: &[&str] = &["web::Json", "web::Bytes", "web::Form", "web::Payload", "web::Query"];

/// Each channel's file has its `mod` line and its row in the table.
pub fn registered(repository: &Repository) -> Vec<Finding> {
    let table = repository.text(TABLE).unwrap_or_default();
    let row_start = table.find("CHANNELS").unwrap_or(table.len());
    let files = repository.sources().iter().filter_map(|source| {
        let name = source.path.strip_prefix("src/channels/")?.strip_suffix(".rs")?;
        let name = name.strip_suffix("/mod").unwrap_or(name);
        (!name.contains('/') && name != "mod" && name != "tests").then_some((name, source))
    });
    let unregistered = files.filter(|(name, _)| {
        let declared = table.lines().any(|line| line.trim_start_matches("pub ").trim() == format!("mod {name};"));
        !declared || !table[row_start..].contains(&format!("{name}::"))
    });
    unregistered
        .map(|(name, source)| Finding {
            path: source.path.clone(),
            line: 1,
            rule: "channels",
            what: format!("the channel {name} is not registered"),
            way_out: "Add its `mod` line and its row to src/channels/mod.rs",
        })
        .collect()
}

/// No channel names the web framework, takes an extractor, or takes a body as a plain string.
pub fn extractors(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("src/channels/") || source.is_test() {
        return Vec::new();
    }
    let mut found = Extractors { source, findings: Vec::new() };
    found.visit_file(&source.syntax);
    found.findings
}

struct Extractors<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Extractors<'_> {
    fn refuse(&mut self, span: proc_macro2::Span, what: String) {
        let way_out = "Take a RawBody or RawText, which cannot be logged or kept unmasked";
        self.findings.push(self.source.finding(span, "raw extractor", what, way_out));
    }
}

impl<'ast> Visit<'ast> for Extractors<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let name = words.join("::");
        if words.first().is_some_and(|word| word == FRAMEWORK) || EXTRACTORS.iter().any(|one| name.ends_with(one)) {
            self.refuse(path.span(), format!("a channel names {name}"));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        if path.ident == FRAMEWORK {
            self.refuse(path.ident.span(), format!("a channel imports {FRAMEWORK}"));
        }
        syn::visit::visit_use_path(self, path);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        // Only what runs for a request is async; constructors may take names out of the configuration.
        let handler = signature.asyncness.is_some();
        for input in &signature.inputs {
            if let syn::FnArg::Typed(argument) = input
                && let syn::Type::Path(kind) = &*argument.ty
                && handler
                && kind.path.segments.last().is_some_and(|segment| segment.ident == "String")
            {
                self.refuse(argument.span(), format!("{} takes a String", signature.ident));
            }
        }
        syn::visit::visit_signature(self, signature);
    }
}

#[test]
fn a_channel_without_its_line_or_its_row_is_found() {
    let channel = ("src/channels/fax.rs", "//! Fax.");
    for (table, expect) in [
        ("pub mod fax;\npub const CHANNELS: &[X] = &[fax::open];", 0),
        ("mod fax;\npub const CHANNELS: &[X] = &[];", 1),
        ("pub const CHANNELS: &[X] = &[fax::open];", 1),
    ] {
        let repository = Repository::of(&[channel, (TABLE, table), ("src/channels/fax/body.rs", "//! Body.")]);
        assert_eq!(registered(&repository).len(), expect, "{table}");
    }
}

#[test]
fn a_raw_extractor_is_found_in_channels_only() {
    for (text, expect) in [
        ("use actix_web::web;", 1),
        ("async fn f(x: web::Json<T>) {}", 1),
        ("async fn f(x: web::Bytes, y: web::Payload) {}", 2),
        ("async fn f(body: String) {}", 1),
        ("struct X { name: String } fn f(name: String) {} async fn g(x: RawText, y: &str) {}", 0),
    ] {
        assert_eq!(extractors(&Source::parse("src/channels/fax.rs", text)).len(), expect, "{text}");
        assert_eq!(extractors(&Source::parse("src/http/a.rs", text)).len(), 0, "{text}");
    }
}
