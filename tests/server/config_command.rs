//! `lww config`: what it tells is what the parser reads, and a mistake has its line.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use liaowaiwai::app::config::KEYS;
use syn::visit::Visit;

/// Runs `lww`: exit code, standard output, standard error.
fn lww(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lww")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Names that the checks read: string literals handed to the reader's methods and to the functions around them.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take<'a>(&mut self, arguments: impl Iterator<Item = &'a syn::Expr>) {
        for argument in arguments {
            if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = argument {
                self.0.insert(text.value());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let readers = ["text", "required", "section", "sections", "boolean", "integer"];
        if readers.iter().any(|reader| call.method == reader) {
            self.take(call.args.iter());
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && ["path", "required_path"].iter().any(|reader| path.path.is_ident(reader))
        {
            self.take(call.args.iter());
        }
        syn::visit::visit_expr_call(self, call);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_table_of_keys_and_the_parser_know_the_same_names() {
    let mut read = Names::default();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/config")) {
        // These two are the table and the reader themselves.
        if !["keys.rs", "read.rs", "tests.rs"].iter().any(|own| path.ends_with(own)) {
            read.visit_file(&syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap());
        }
    }
    let known: BTreeSet<String> = KEYS.iter().flat_map(|key| key.key.split('.')).map(str::to_owned).collect();
    assert_eq!(read.0, known);
}

#[test]
fn every_key_is_explained_for_people_and_for_scripts() {
    let (code, text, _) = lww(&["config", "--explain"]);
    assert_eq!(code, 0);
    let (code, json, _) = lww(&["config", "--explain", "--json"]);
    assert_eq!(code, 0);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), KEYS.len());
    let mut after = 0;
    for (row, key) in rows.iter().zip(KEYS) {
        assert_eq!(row["key"], key.key);
        assert!(row["meaning"] == key.meaning && row["unit"] == key.unit && row["type"] == key.kind.name(), "{row}");
        let at = text.find(&format!("{}\n  {}\n", key.key, key.meaning)).unwrap();
        assert!(at >= after, "{} stands out of order", key.key);
        after = at;
    }
}

#[test]
fn the_example_is_good_and_a_mistake_has_its_line_and_never_its_value() {
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("lww.toml");
    let file = path.to_str().unwrap();
    let (code, example, _) = lww(&["config", "--example"]);
    assert_eq!(code, 0);
    std::fs::write(&path, &example).unwrap();
    let (code, told, errors) = lww(&["config", "check", "--config", file]);
    assert_eq!(code, 0, "{errors}");
    assert!(told.starts_with("the configuration is good\nname = \"lww.local\"\n"), "{told}");
    for (from, to, place, words) in [
        ("name = \"lww.local\"", "nmae = \"hunter2\"", ":5:1: ", "did you mean name?"),
        ("name = \"lww.local\"", "name = [\"hunter2\"]", ":5:8: ", "expected a string"),
        ("name = \"lww.local\"", "name = \"hunter2", ":5:", "not TOML"),
    ] {
        std::fs::write(&path, example.replacen(from, to, 1)).unwrap();
        let (code, told, errors) = lww(&["config", "check", "--config", file]);
        assert_eq!((code, told.as_str()), (1, ""), "{errors}");
        assert!(errors.contains(&format!("{file}{place}")) && errors.contains(words), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn a_wrong_call_has_its_own_exit_code() {
    for arguments in [&["config"][..], &["config", "--json"], &["config", "--explain", "--example"], &["config", "x"]] {
        assert_eq!(lww(arguments).0, 2, "{arguments:?}");
    }
}
