//! Who may touch raw text and who may say that a commit happened: closed lists.

use proc_macro2::Span;
use syn::visit::Visit;

use crate::source::{Finding, Repository, Source, attributes, is_test_only};

/// Files that may look into a request's bytes: adapters check signatures over them and parse them.
const BYTES_CALLERS: &[&str] = &[
    "src/channels/http_api/body.rs",
    "src/channels/http_api/signature.rs",
    "src/channels/web/frames.rs",
    "src/domain/file.rs",
    "src/files/readers.rs",
    "src/http/body.rs",
];

/// Files that may look at raw text: the masker, the vault, credential checks, what gives out a new one-time password or
/// recovery code once, and the web channel, which seals a proven identity into its token.
const EXPOSE_CALLERS: &[&str] = &[
    "src/app/seed.rs",
    "src/channels/web/frames.rs",
    "src/channels/web/token.rs",
    "src/crypto/passwords.rs",
    "src/crypto/vault.rs",
    "src/crypto/vault/sealer.rs",
    "src/domain/file.rs",
    "src/domain/masking/detect.rs",
    "src/domain/masking/earlier.rs",
    "src/domain/masking/masked.rs",
    "src/domain/masking/scene.rs",
    "src/domain/message.rs",
    "src/domain/trial.rs",
    "src/http/api/accounts.rs",
    "src/http/api/own.rs",
    "src/http/api/unmaskings.rs",
    "src/pipeline/accounts.rs",
    "src/pipeline/comparing.rs",
    "src/pipeline/factor.rs",
    "src/pipeline/import.rs",
    "src/pipeline/replies.rs",
    "src/pipeline/staff.rs",
    "src/pipeline/tails.rs",
    "src/pipeline/transcript.rs",
];

/// Files that may copy raw text: what a hash or a login is made from while its owner is still needed.
const TWIN_CALLERS: &[&str] = &["src/channels/http_api.rs", "src/pipeline/accounts.rs", "src/pipeline/federation.rs"];

/// The two functions that may say that a commit happened, and the files that may call them.
const WITNESSES: &[(&str, &str)] =
    &[("after_commit", "src/storage/recorder/mod.rs"), ("read_back", "src/storage/store.rs")];

/// The type whose `bytes()` are a request's.
const RAW_TYPE: &str = "RawBody";

/// Raw text is looked at by the listed files only.
pub fn raw(source: &Source) -> Vec<Finding> {
    let calls = Calls::of(source);
    let names_raw = calls.words.iter().any(|word| word == RAW_TYPE);
    let refused = calls.methods.iter().filter_map(|call| {
        let list = match call.method.as_str() {
            "expose" => EXPOSE_CALLERS,
            "twin" => TWIN_CALLERS,
            "bytes" if names_raw || call.receiver.contains("body") || call.receiver.contains("raw") => BYTES_CALLERS,
            _ => return None,
        };
        (!list.contains(&source.path.as_str())).then(|| {
            source.finding(
                call.span,
                "raw text",
                format!("{}.{}() is called here", call.receiver, call.method),
                "Only the files listed in tests/tidy/callers.rs may: add yours with a reviewer's consent, or mask first",
            )
        })
    });
    refused.collect()
}

/// No list names a file that does not need it any more.
pub fn lists_are_used(repository: &Repository) -> Vec<Finding> {
    let stale = |method: &'static str, list: &'static [&'static str]| {
        list.iter().filter(move |path| {
            let source = repository.sources().iter().find(|source| source.path == **path);
            !source.is_some_and(|source| Calls::of(source).methods.iter().any(|call| call.method == method))
        })
    };
    stale("expose", EXPOSE_CALLERS)
        .chain(stale("twin", TWIN_CALLERS))
        .chain(stale("bytes", BYTES_CALLERS))
        .map(|path| Finding {
            path: "tests/tidy/callers.rs".to_owned(),
            line: 1,
            rule: "raw text",
            what: format!("{path} is listed but does not look at raw text"),
            way_out: "Take it off the list",
        })
        .collect()
}

/// The commit marker is made by two functions only, once each, and only their own rooms call them.
pub fn witnesses(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut made = Vec::new();
    for source in repository.sources() {
        for call in Calls::of(source).paths {
            let known = WITNESSES.iter().find(|(name, _)| call.function == *name);
            let at_home = |home: &str| folder(&source.path) == folder(home);
            if call.callee.ends_with("Committed::witnessed") {
                made.push((call.function.clone(), source.path.clone()));
                if known.is_none_or(|(_, home)| *home != source.path) {
                    findings.push(refusal(source, &call, "is not one of the two functions that witness a commit"));
                }
            } else if let Some((name, home)) = WITNESSES.iter().find(|(name, _)| call.callee == *name)
                && !at_home(home)
            {
                findings.push(refusal(source, &call, &format!("calls {name} outside its room")));
            }
        }
    }
    for (name, home) in WITNESSES {
        let count = made.iter().filter(|(function, path)| function == name && path == home).count();
        if count != 1 {
            findings.push(Finding {
                path: (*home).to_owned(),
                line: 1,
                rule: "commit marker",
                what: format!("{name} makes the marker {count} times instead of once"),
                way_out: "Each of the two functions has one call of Committed::witnessed",
            });
        }
    }
    findings
}

fn refusal(source: &Source, call: &PathCall, what: &str) -> Finding {
    let way_out = "Hand the marker of the recorder or of the store on; nobody else can know of a commit";
    source.finding(call.span, "commit marker", format!("{} {what}", call.function), way_out)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

struct MethodCall {
    receiver: String,
    method: String,
    span: Span,
}

struct PathCall {
    callee: String,
    /// Function in which the call stands.
    function: String,
    span: Span,
}

/// The calls that a file makes outside test code.
#[derive(Default)]
struct Calls {
    methods: Vec<MethodCall>,
    paths: Vec<PathCall>,
    words: Vec<String>,
    functions: Vec<String>,
}

impl Calls {
    fn of(source: &Source) -> Self {
        let mut calls = Self::default();
        if !source.is_test() {
            calls.visit_file(&source.syntax);
        }
        calls
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_ident(&mut self, word: &'ast syn::Ident) {
        self.words.push(word.to_string());
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.functions.push(function.sig.ident.to_string());
        syn::visit::visit_item_fn(self, function);
        self.functions.pop();
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.functions.push(function.sig.ident.to_string());
        syn::visit::visit_impl_item_fn(self, function);
        self.functions.pop();
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let method = call.method.to_string();
        self.methods.push(MethodCall { receiver: last_word(&call.receiver), method, span: call.method.span() });
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let words: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let span = path.path.segments.first().map_or_else(Span::call_site, |segment| segment.ident.span());
        let function = self.functions.last().cloned().unwrap_or_default();
        // A method handed on as a value, `RawText::expose`, counts as a call.
        if let [.., _, method] = words.as_slice() {
            self.methods.push(MethodCall { receiver: words.join("::"), method: method.clone(), span });
        }
        self.paths.push(PathCall { callee: words.join("::"), function, span });
        syn::visit::visit_expr_path(self, path);
    }
}

/// The word that tells what a method is called on: the last name of `request.body` is `body`.
fn last_word(receiver: &syn::Expr) -> String {
    match receiver {
        syn::Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => name.to_string(),
            syn::Member::Unnamed(_) => last_word(&field.base),
        },
        syn::Expr::Reference(inner) => last_word(&inner.expr),
        syn::Expr::Paren(inner) => last_word(&inner.expr),
        syn::Expr::MethodCall(call) => call.method.to_string(),
        _ => String::new(),
    }
}

#[test]
fn a_look_at_raw_text_is_found_outside_the_list() {
    for (path, text, expect) in [
        ("src/http/a.rs", "fn f(t: &T) { t.expose(); }", 1),
        ("src/http/a.rs", "fn f(t: T) { t.map(RawText::expose); }", 1),
        ("src/http/a.rs", "fn f(t: &T) { t.twin(); }", 1),
        ("src/http/a.rs", "fn f(r: &R) { (&r.body).bytes(); }", 1),
        ("src/http/a.rs", "fn f(b: &RawBody) { b.bytes(); }", 1),
        ("src/http/a.rs", "fn f(name: &str) { name.bytes(); }", 0),
        ("src/http/a.rs", "#[cfg(test)] mod tests { fn f(t: &T) { t.expose(); } }", 0),
        ("src/http/tests.rs", "fn f(t: &T) { t.expose(); }", 0),
        ("src/domain/message.rs", "fn f(t: &T) { t.expose(); }", 0),
        ("src/domain/message.rs", "fn f(body: &T) { body.bytes(); }", 1),
    ] {
        assert_eq!(raw(&Source::parse(path, text)).len(), expect, "{path}: {text}");
    }
}

#[test]
fn a_listed_file_that_looks_at_nothing_is_found() {
    let files: Vec<(&str, &str)> = EXPOSE_CALLERS.iter().map(|path| (*path, "fn f(t: T) { t.expose(); }")).collect();
    let stale = lists_are_used(&Repository::of(&files)).len();
    assert_eq!(stale, TWIN_CALLERS.len() + BYTES_CALLERS.len());
    let all = EXPOSE_CALLERS.len() + TWIN_CALLERS.len() + BYTES_CALLERS.len();
    assert_eq!(lists_are_used(&Repository::of(&[])).len(), all);
}

#[test]
fn a_commit_witnessed_or_handed_out_elsewhere_is_found() {
    let good = [
        ("src/storage/recorder/mod.rs", "fn after_commit() -> C { Committed::witnessed() }"),
        ("src/storage/store.rs", "fn read_back() -> C { Committed::witnessed() } fn g() { read_back() }"),
        ("src/storage/recorder/sign.rs", "fn g() { after_commit() }"),
    ];
    assert_eq!(witnesses(&Repository::of(&good)), []);
    for bad in [
        ("src/pipeline.rs", "fn read_back() { Committed::witnessed() }"),
        ("src/storage/recorder/mod.rs", "fn other() { super::Committed::witnessed() }"),
        ("src/http/a.rs", "fn g() { after_commit() }"),
    ] {
        assert_eq!(witnesses(&Repository::of(&[&good[..], &[bad]].concat())).len(), 1, "{bad:?}");
    }
    assert_eq!(witnesses(&Repository::of(&good[1..])).len(), 1);
}
