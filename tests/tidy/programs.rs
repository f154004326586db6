//! Tests run only if a program holds them, and each program more is linked and compiled by itself.

use crate::source::{Finding, Repository};

/// Folders under `tests/` that are one program each.
const PROGRAMS: &[&str] = &["server", "rules"];
/// Files under `tests/` that are programs of their own: they need nothing of the server, and are run while one writes.
const ALONE: &[&str] = &["tidy", "compile_fail"];

/// Every file of a program is named in its `main.rs`, which is what makes it run, and no test file stands alone.
pub fn whole(repository: &Repository) -> Vec<Finding> {
    let paths = repository.texts.iter().map(|text| text.path.as_str());
    let files = paths.filter_map(|path| Some((path, path.strip_prefix("tests/")?.strip_suffix(".rs")?)));
    let finding = |path: &str, what: String, way_out| {
        let path = path.to_owned();
        Finding { path, line: 1, rule: "test programs", what, way_out }
    };
    files
        .filter_map(|(path, name)| match name.split_once('/') {
            None if ALONE.contains(&name) => None,
            None => Some(finding(
                path,
                format!("{name} is a program of its own"),
                "Put it into tests/server or tests/rules",
            )),
            Some((program, module)) if PROGRAMS.contains(&program) && module != "main" && !module.contains('/') => {
                let main = repository.text(&format!("tests/{program}/main.rs"));
                let declared = main.unwrap_or_default().lines().any(|line| line == format!("mod {module};"));
                (!declared).then(|| finding(path, format!("{module} never runs"), "Name it in the main.rs beside it"))
            }
            Some(_) => None,
        })
        .collect()
}

#[test]
fn a_test_file_that_never_runs_or_stands_alone_is_found() {
    let found = |files: &[(&str, &str)]| whole(&Repository::of(files)).len();
    let main = ("tests/server/main.rs", "mod common;\nmod access;\n");
    assert_eq!(found(&[main, ("tests/server/access.rs", ""), ("tests/tidy.rs", ""), ("tests/common/mod.rs", "")]), 0);
    assert_eq!(found(&[main, ("tests/server/forgotten.rs", "")]), 1);
    assert_eq!(found(&[("tests/server/access.rs", "")]), 1);
    assert_eq!(found(&[main, ("tests/access.rs", "")]), 1);
}
