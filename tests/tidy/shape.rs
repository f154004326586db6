//! How long functions and files may be, that modules say what they are, and that nothing is left half done.

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::source::{Finding, Source, Text, attributes, is_test_only};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

/// Functions and files stay within their limits; tests do not count towards a file's.
pub fn lengths(source: &Source) -> Vec<Finding> {
    let mut functions = Functions { source, findings: Vec::new() };
    functions.visit_file(&source.syntax);
    let mut findings = functions.findings;
    let tests: usize = source.syntax.items.iter().filter(|item| is_test_only(attributes(item))).map(lines_of).sum();
    let lines = source.text.lines().count() - tests;
    if !source.is_test() && lines > FILE_LINES_MAX {
        findings.push(Finding {
            path: source.path.clone(),
            line: 1,
            rule: "lengths",
            what: format!("the file has {lines} lines without tests, the limit is {FILE_LINES_MAX}"),
            way_out: "Split it where its subjects part",
        });
    }
    findings
}

fn lines_of(item: &(impl Spanned + ?Sized)) -> usize {
    item.span().end().line + 1 - item.span().start().line
}

struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn check(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.span().end().line + 1 - signature.span().start().line;
        if lines > FUNCTION_LINES_MAX {
            self.findings.push(self.source.finding(
                signature.ident.span(),
                "lengths",
                format!("{} has {lines} lines, the limit is {FUNCTION_LINES_MAX}", signature.ident),
                "Keep the branching here and move the leaves out",
            ));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.check(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.check(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.check(&function.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

/// A file opens with `//!`.
pub fn module_docs(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with("//!") && first.len() > "//! ".len() {
        return Vec::new();
    }
    vec![Finding {
        path: source.path.clone(),
        line: 1,
        rule: "module docs",
        what: "the module does not say what it is".to_owned(),
        way_out: "Open it with //!: what it is, what it deliberately does not know, its source",
    }]
}

/// No test is switched off.
pub fn switched_off(source: &Source) -> Vec<Finding> {
    let mut ignored = Ignored { source, findings: Vec::new() };
    ignored.visit_file(&source.syntax);
    ignored.findings
}

struct Ignored<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Ignored<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            self.findings.push(self.source.finding(
                attribute.span(),
                "switched off",
                "a test is ignored".to_owned(),
                "Make it pass, or move a long run into a module called slow",
            ));
        }
    }
}

/// Nothing is left to do: such a note is either done now or an issue.
pub fn left_to_do(text: &Text) -> Vec<Finding> {
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    let ours = ["rs", "sql", "sh", "toml", "yaml", "ts", "js"];
    let is_ours =
        std::path::Path::new(&text.path).extension().is_some_and(|found| ours.iter().any(|one| found == *one));
    if !is_ours {
        return Vec::new();
    }
    let findings = text.text.lines().enumerate().filter(|(_, line)| notes.iter().any(|note| line.contains(note)));
    findings
        .map(|(number, _)| Finding {
            path: text.path.clone(),
            line: number + 1,
            rule: "left to do",
            what: "a note says that something is missing".to_owned(),
            way_out: "Do it, or file an issue and delete the note",
        })
        .collect()
}

#[test]
fn a_long_function_is_found_wherever_it_stands_and_one_at_the_limit_is_not() {
    let body = |lines: usize| format!("fn f() {{\n{}}}", "    g();\n".repeat(lines - 2));
    for (lines, expect) in [(70, 0), (71, 1)] {
        for text in [body(lines), format!("impl T {{\n{}\n}}", body(lines)), format!("mod m {{\n{}\n}}", body(lines))] {
            assert_eq!(lengths(&Source::parse("src/a.rs", &text)).len(), expect, "{lines}");
        }
    }
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let lines = |n: usize| "static X: u8 = 0;\n".repeat(n);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(400));
    for (text, expect) in [(lines(500), 0), (lines(501), 1), (lines(500) + &tests, 0), (lines(501) + &tests, 1)] {
        assert_eq!(lengths(&Source::parse("src/a.rs", &text)).len(), expect);
    }
    assert_eq!(lengths(&Source::parse("tests/a.rs", &lines(501))).len(), 0);
}

#[test]
fn a_module_without_a_word_is_found() {
    for (text, expect) in
        [("//! Words.\n", 0), ("\n//! Words.\n", 0), ("//!\n", 1), ("/// Words.\nfn f() {}", 1), ("", 1)]
    {
        assert_eq!(module_docs(&Source::parse("src/a.rs", text)).len(), expect, "{text:?}");
    }
}

#[test]
fn an_ignored_test_and_a_note_are_found() {
    let ignored = "mod tests { #[test] #[ignore = \"slow\"] fn f() {} }";
    assert_eq!(switched_off(&Source::parse("src/a.rs", ignored)).len(), 1);
    assert_eq!(switched_off(&Source::parse("src/a.rs", "#[test] fn ignore() {}")).len(), 0);
    let note = |path: &str, text: &str| left_to_do(&Text { path: path.to_owned(), text: text.to_owned() }).len();
    assert_eq!(note("src/a.rs", concat!("fn f() {\n    to", "do!()\n} // FIX", "ME\n")), 2);
    assert_eq!(note("LICENSE", concat!("TO", "DO")), 0);
}
