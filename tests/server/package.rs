//! The bundle's way to the program: a shell script that looks at the machine first (`packaging/bundle/run`).

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/bundle/run");

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a program of the bundle on a machine whose `getconf` and `uname` say this.
fn run(bundle: &Path, program: &str, glibc: &str, machine: &str) -> (bool, String) {
    let tools = bundle.join("tools");
    script(&tools.join("getconf"), &format!("#!/bin/sh\n{glibc}\n"));
    script(&tools.join("uname"), &format!("#!/bin/sh\necho {machine}\n"));
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let mut command = Command::new(bundle.join("bin").join(program));
    let output = command.args(["one", "two words"]).env("PATH", path).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said.trim().to_owned())
}

#[test]
fn the_bundle_says_what_is_wrong_where_glibc_is_too_old_and_starts_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path();
    for program in ["lww", "lww-verify"] {
        script(&bundle.join("libexec").join(program), &format!("#!/bin/sh\necho {program}: \"$1, $2\"\n"));
    }
    script(&bundle.join("bin/lww"), &std::fs::read_to_string(RUN).unwrap());
    symlink("lww", bundle.join("bin/lww-verify")).unwrap();
    std::fs::write(bundle.join("glibc-floor"), "2.34\n").unwrap();
    let started = |program: &str| (true, format!("{program}: one, two words"));
    for glibc in ["2.34", "2.36", "2.100", "3.0"] {
        assert_eq!(run(bundle, "lww", &format!("echo glibc {glibc}"), "x86_64"), started("lww"), "{glibc}");
    }
    // The verifier is static: whatever C library the machine has, or none.
    for glibc in ["echo glibc 2.40", "echo glibc 2.17", "exit 1"] {
        assert_eq!(run(bundle, "lww-verify", glibc, "x86_64"), started("lww-verify"), "{glibc}");
    }
    assert!(!run(bundle, "lww-verify", "exit 1", "aarch64").0);
    // Through a link from elsewhere, as an operator would put it into PATH.
    std::fs::create_dir(bundle.join("elsewhere")).unwrap();
    symlink(bundle.join("bin/lww"), bundle.join("elsewhere/lww")).unwrap();
    assert_eq!(run(bundle, "../elsewhere/lww", "echo glibc 2.36", "x86_64"), started("lww"));
    for (glibc, machine, words) in [
        ("echo glibc 2.28", "x86_64", "lww: needs glibc 2.34 or newer, this machine has 2.28"),
        ("echo glibc 2.9", "x86_64", "this machine has 2.9"),
        ("exit 1", "x86_64", "this machine has none"),
        ("echo glibc 2.36", "aarch64", "made for x86_64, this machine is aarch64"),
    ] {
        let (good, said) = run(bundle, "lww", glibc, machine);
        assert!(!good && said.contains(words), "{glibc}: {said}");
    }
}
