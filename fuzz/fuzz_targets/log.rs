//! Feeds the checker of published logs a small log of which one file is replaced: the first byte says which.
//!
//! Tiles or entries that are not the published ones are noticed, whatever stands there. A checkpoint may gain signature lines
//! of other keys, which its specification allows; its statement stays.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::fsck::check;
use lww_audit::tile::{Bundle, CHECKPOINT};
use lww_audit::{Checkpoint, NoteSigner, SignedCheckpoint, TileDir, TileWriter, VerifierKey};

const ENTRIES: usize = 9;
const FILES: [&str; 3] = [CHECKPOINT, "tile/0/000.p/9", "tile/entries/000.p/9"];

struct Log {
    directory: PathBuf,
    key: VerifierKey,
    files: [Vec<u8>; FILES.len()],
}

/// The first entries of the golden vectors, signed by a key of this target's.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let vectors = include_bytes!("../../audit/vectors/tiles/tile/entries/000").to_vec();
        let signer = NoteSigner::from_seed("lww.example/acme/1", &[7; 32]).expect("a good name");
        let directory = std::env::temp_dir().join(format!("lww-fuzz-log-{}", std::process::id()));
        let mut writer = TileWriter::open(&directory).expect("an empty directory");
        for entry in Bundle::parse(vectors, 256).expect("a vector").entries().take(ENTRIES) {
            writer.append(entry.bytes).expect("an entry");
        }
        let origin = "lww.example/acme/1".parse().expect("an origin");
        let checkpoint = Checkpoint { origin, size: writer.size(), root: writer.root() };
        writer.publish(&SignedCheckpoint::sign(checkpoint, &[&signer]).expect("a signer")).expect("a writable place");
        let files = FILES.map(|name| fs::read(directory.join(name)).expect("a file of the log"));
        Log { directory, key: signer.verifier_key().clone(), files }
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    let which = usize::from(*which) % FILES.len();
    let log = log();
    let (path, genuine) = (log.directory.join(FILES[which]), &log.files[which]);
    fs::write(&path, bytes).expect("a writable place");
    let result = check(&TileDir::open(&log.directory), std::slice::from_ref(&log.key), &mut |_| {});
    fs::write(&path, genuine).expect("a writable place");
    match result {
        Ok(summary) if which == 0 => {
            let signed = SignedCheckpoint::parse(genuine).expect("the genuine checkpoint");
            assert_eq!(&summary.checkpoint, signed.unverified(), "a checkpoint that nobody signed was believed");
        }
        Ok(_) => assert_eq!(bytes, genuine, "a changed {} was not noticed", FILES[which]),
        Err(_) => assert_ne!(bytes, genuine, "the genuine {} was refused", FILES[which]),
    }
});
