//! Types that the description of the interface names: each name is one type's, because utoipa takes the last of two and says
//! nothing.

use std::collections::BTreeMap;

use syn::visit::Visit;

use crate::source::{Finding, Repository, Source};

/// No two types are described under one name.
pub fn names(repository: &Repository) -> Vec<Finding> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for source in repository.sources().iter().filter(|source| !source.is_test()) {
        let mut described = Described(Vec::new());
        described.visit_file(&source.syntax);
        for (ident, name) in described.0 {
            match first.get(&name) {
                Some(other) => findings.push(shared(source, &ident, &name, other)),
                None => _ = first.insert(name, source.path.clone()),
            }
        }
    }
    findings
}

fn shared(source: &Source, ident: &syn::Ident, name: &str, other: &str) -> Finding {
    let what = format!("{name} is described in {other}, too");
    source.finding(ident.span(), "described types", what, "Give one of them another name")
}

/// Types that derive a schema, with the name that it has.
struct Described(Vec<(syn::Ident, String)>);

impl Described {
    fn take(&mut self, ident: &syn::Ident, attributes: &[syn::Attribute]) {
        let mut derives = false;
        let mut name = ident.to_string();
        for attribute in attributes {
            // What else these attributes say is none of this rule's business.
            let _ = attribute.parse_nested_meta(|meta| {
                derives |= attribute.path().is_ident("derive")
                    && meta.path.segments.last().is_some_and(|last| last.ident == "ToSchema");
                if attribute.path().is_ident("schema") && meta.path.is_ident("as") {
                    let path: syn::Path = meta.value()?.parse()?;
                    let words: Vec<String> = path.segments.iter().map(|word| word.ident.to_string()).collect();
                    name = words.join(".");
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<syn::Expr>()?;
                }
                Ok(())
            });
        }
        if derives {
            self.0.push((ident.clone(), name));
        }
    }
}

impl<'ast> Visit<'ast> for Described {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.take(&item.ident, &item.attrs);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.take(&item.ident, &item.attrs);
    }
}

#[test]
fn two_described_types_of_one_name_are_found() {
    let repository = Repository::of(&[
        ("src/a.rs", "#[derive(Clone, ToSchema)] struct Note; #[derive(Clone)] struct Reply;"),
        ("src/b.rs", "#[derive(utoipa::ToSchema)] enum Note {} #[derive(ToSchema)] struct Reply;"),
        ("src/c.rs", "#[derive(ToSchema)] #[schema(example = 1, as = Reply)] struct Answer;"),
        ("src/d.rs", "#[derive(ToSchema)] #[schema(as = other::Reply)] struct Reply;"),
        ("tests/a.rs", "#[derive(ToSchema)] struct Reply;"),
    ]);
    let found: Vec<(String, String)> =
        names(&repository).into_iter().map(|finding| (finding.path, finding.what)).collect();
    let expected =
        [("src/b.rs", "Note is described in src/a.rs, too"), ("src/c.rs", "Reply is described in src/b.rs, too")];
    assert_eq!(found, expected.map(|(path, what)| (path.to_owned(), what.to_owned())));
}
