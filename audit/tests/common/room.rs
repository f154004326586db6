//! A whole log with more conversations and customers than memory: checked within what it was given, with the same verdict.

/// Each writes and reads some hundred thousand entries.
mod slow {
    use crate::common::{ORIGIN, log_signer, plain_entry};
    use lww_audit::entry::{Chain, ChainLink, ChainPrev};
    use lww_audit::merkle::leaf_hash;
    use lww_audit::seal::{ChainEnd, KIND, LAG_ENTRIES_MAX, Seal};
    use lww_audit::{Checkpoint, EntryIndex, Hash, Id128, SignedCheckpoint, TileWriter, TreeSize};
    use serde_json::Value;
    use std::path::Path;
    use std::process::Command;

    /// Each is of a conversation and a customer of its own.
    const ENTRIES: u64 = 200_000;
    /// The first entry, whose conversation another one begins again.
    const BEGUN: u64 = 7;
    const BEGUN_AGAIN: u64 = 150_001;
    /// What a check may take, in MiB: the least that can be asked for.
    const MEMORY: &str = "96";
    /// What the process may take in all, in KiB: that, and the program with its buffers.
    const PROCESS_KIB: u64 = (96 + 24) << 10;

    fn id(of: u8, number: u64) -> Id128 {
        Id128(*leaf_hash(&[&[of][..], &number.to_be_bytes()].concat()).0.first_chunk().unwrap())
    }

    /// Writes the log; in one that lies a conversation begins twice.
    fn write(to: &Path, lies: bool) {
        let mut writer = TileWriter::open(to).unwrap();
        let mut ends = Vec::new();
        let mut prev = Hash::ZERO;
        for seq in 0..ENTRIES {
            let mut entry = plain_entry(seq);
            entry.prev = prev;
            entry.chains.clear();
            if seq > 0 && seq.is_multiple_of(LAG_ENTRIES_MAX / 2) {
                entry.kind = KIND.parse().unwrap();
                entry.detail = Seal::over(ends.clone(), TreeSize(seq)).detail();
                (entry.conversation, entry.subject, entry.channel, entry.content, entry.policy) =
                    (None, None, None, None, None);
            } else {
                let of = if lies && seq == BEGUN_AGAIN { BEGUN } else { seq };
                (entry.conversation, entry.subject) = (Some(id(1, of)), Some(id(2, seq)));
                entry.chains =
                    [Chain::Conversation, Chain::Subject].map(|of| ChainLink { n: 0, of, prev: None }).into();
            }
            let bytes = entry.to_bytes().unwrap();
            prev = leaf_hash(&bytes);
            let last = ChainPrev { leaf: prev, seq: EntryIndex(seq) };
            ends.extend(entry.chains.iter().map(|link| {
                let id = entry.chain_id(link.of).unwrap();
                ChainEnd { of: link.of, id, n: 0, last }
            }));
            writer.append(&bytes).unwrap();
        }
        let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: writer.size(), root: writer.root() };
        writer.publish(&SignedCheckpoint::sign(checkpoint, &[&log_signer()]).unwrap()).unwrap();
    }

    /// Runs the check in a process that gets no more memory than that, and says what came of it.
    fn fsck(tiles: &Path, memory: &str, scratch: &Path, process_kib: u64) -> (Option<i32>, Value) {
        let command = format!("ulimit -v {process_kib}; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &command, env!("CARGO_BIN_EXE_lww-verify"), "fsck", "--json"])
            .args(["--vkey", &log_signer().verifier_key().to_string(), "--memory", memory, "--scratch"])
            .args([scratch, tiles])
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    #[test]
    fn more_chains_than_memory_are_followed_within_it_and_a_lie_among_them_is_named() {
        let home = tempfile::tempdir().unwrap();
        let [honest, lying, scratch] = ["honest", "lying", "scratch"].map(|name| home.path().join(name));
        std::fs::create_dir(&scratch).unwrap();
        write(&honest, false);
        let (code, told) = fsck(&honest, MEMORY, &scratch, PROCESS_KIB);
        let seals = (ENTRIES - 1) / (LAG_ENTRIES_MAX / 2);
        assert_eq!(
            (code, &told["conversations"], &told["subjects"]),
            (Some(0), &(ENTRIES - seals).into(), &(ENTRIES - seals).into())
        );
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        // The bound binds: who may take more takes more, and dies of it.
        assert!(!matches!(fsck(&honest, "4096", &scratch, PROCESS_KIB).0, Some(0..=99)));
        let (code, told) = fsck(&honest, MEMORY, &home.path().join("nowhere"), PROCESS_KIB);
        assert_eq!((code, &told["class"]), (Some(3), &"io".into()), "{told}");

        write(&lying, true);
        for memory in [MEMORY, "4096"] {
            let process_kib = if memory == MEMORY { PROCESS_KIB } else { PROCESS_KIB * 40 };
            let (code, told) = fsck(&lying, memory, &scratch, process_kib);
            assert_eq!((code, &told["entry"]), (Some(15), &BEGUN_AGAIN.into()), "{told}");
            assert!(told["reason"].as_str().unwrap().contains("chains[conversation].n"), "{told}");
            assert!(told["file"].as_str().unwrap().ends_with("tile/entries/585") && told["offset"].is_u64(), "{told}");
        }
    }
}
