//! Feeds the readers of proofs and receipts and the verifier behind them, with the log and the key of the golden vectors.
//!
//! What parses is written back unchanged; what verifies is an entry of that log, at its place, with texts that were committed
//! to.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::entry::Tag;
use lww_audit::entry::commitment;
use lww_audit::proof::TlogProof;
use lww_audit::tile::Bundle;
use lww_audit::{Receipt, VerifierKey};

struct Known {
    key: VerifierKey,
    entries: Vec<Vec<u8>>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let full: &[u8] = include_bytes!("../../audit/vectors/tiles/tile/entries/000");
        let partial: &[u8] = include_bytes!("../../audit/vectors/tiles/tile/entries/001.p/44");
        let entries = [(full, 256), (partial, 44)].map(|(bytes, width)| {
            let bundle = Bundle::parse(bytes.to_vec(), width).expect("a vector");
            bundle.entries().map(|entry| entry.bytes.to_vec()).collect::<Vec<_>>()
        });
        let key = include_str!("../../audit/vectors/vkey").trim().parse().expect("a vector");
        Known { key, entries: entries.concat() }
    })
}

fuzz_target!(|data: &[u8]| {
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.to_string().as_bytes(), data, "two forms of one proof");
    }
    let Ok(receipt) = Receipt::parse(data) else { return };
    let proof = receipt.proof();
    let checkpoint = proof.checkpoint.to_string();
    let written = Receipt::format(receipt.entry_bytes(), receipt.opened(), receipt.index(), &proof.hashes, &checkpoint);
    assert_eq!(written.as_bytes(), data, "two forms of one receipt");
    let Ok(verified) = receipt.verify(std::slice::from_ref(&known().key)) else { return };
    let index = usize::try_from(receipt.index().0).expect("an index of a small log");
    assert_eq!(known().entries.get(index).map(Vec::as_slice), Some(receipt.entry_bytes()), "not an entry of the log");
    let content = verified.entry.content.as_ref();
    for (of, text) in &verified.texts {
        let opened = receipt.opened().iter().find(|opened| opened.of == *of).expect("an opened part");
        let committed = content.map(|content| match of {
            Tag::Masked => content.commit_masked,
            Tag::Sealed => content.commit_sealed,
        });
        assert_eq!(committed, Some(commitment(&opened.salt, *of, text.as_bytes())), "a text that was not recorded");
    }
});
