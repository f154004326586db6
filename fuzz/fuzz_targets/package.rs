//! Feeds the verifier of evidence packages a tar, and the golden package with one file replaced: the first byte says which.
//!
//! A file that is not the genuine one is noticed, whatever stands there; a tar that nobody signed is no package.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::VerifierKey;
use lww_audit::export::{Package, verify};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../audit/vectors");
const FILES: [&str; 6] = ["manifest", "checkpoint", "entries.jsonl", "context.jsonl", "ends.json", "staff.jsonl"];

struct Golden {
    directory: PathBuf,
    tar: PathBuf,
    key: VerifierKey,
    files: [Vec<u8>; FILES.len()],
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable place");
    for item in fs::read_dir(from).expect("the vectors") {
        let item = item.expect("a file");
        let to = to.join(item.file_name());
        if item.path().is_dir() {
            copy(&item.path(), &to);
        } else {
            fs::copy(item.path(), to).expect("a writable place");
        }
    }
}

fn golden() -> &'static Golden {
    static GOLDEN: OnceLock<Golden> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let directory = std::env::temp_dir().join(format!("lww-fuzz-package-{}", std::process::id()));
        copy(&Path::new(VECTORS).join("package"), &directory);
        let key = fs::read_to_string(Path::new(VECTORS).join("vkey")).expect("the vectors");
        let files = FILES.map(|name| fs::read(directory.join(name)).expect("a file of the package"));
        Golden { tar: directory.with_extension("tar"), directory, key: key.trim().parse().expect("a key"), files }
    })
}

fn is_valid(path: &Path, key: &VerifierKey) -> bool {
    Package::open(path)
        .is_ok_and(|package| verify(&package, std::slice::from_ref(key), &mut |_| {}, &mut |_, _| {}).is_ok())
}

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    let golden = golden();
    let Some(name) = FILES.get(usize::from(*which)) else {
        fs::write(&golden.tar, bytes).expect("a writable place");
        assert!(!is_valid(&golden.tar, &golden.key), "a package that nobody signed was believed");
        return;
    };
    let (path, genuine) = (golden.directory.join(name), &golden.files[usize::from(*which)]);
    fs::write(&path, bytes).expect("a writable place");
    let valid = is_valid(&golden.directory, &golden.key);
    fs::write(&path, genuine).expect("a writable place");
    // A note may gain signature lines of other keys, which its specification allows; the text that was signed stays.
    let signed = |note: &[u8]| note.windows(2).position(|two| two == b"\n\n").map(|end| note[..end].to_vec());
    let same = if *which < 2 { signed(bytes) == signed(genuine) } else { bytes == genuine };
    assert!(same || !valid, "a changed {name} was not noticed");
    assert!(valid || bytes != genuine, "the genuine {name} was refused");
});
