//! Feeds the reader of signed checkpoints and the verifier behind it, with the key of the golden vectors.
//!
//! What parses is written back unchanged; what verifies is one of the statements that the vectors' key signed.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::{Checkpoint, Receipt, SignedCheckpoint, VerifierKey};

struct Known {
    key: VerifierKey,
    signed: Vec<Checkpoint>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let checkpoint = |bytes: &[u8]| SignedCheckpoint::parse(bytes).expect("a vector").unverified().clone();
        let receipt = |bytes: &[u8]| Receipt::parse(bytes).expect("a vector").proof().checkpoint.unverified().clone();
        Known {
            key: include_str!("../../audit/vectors/vkey").trim().parse().expect("a vector"),
            signed: vec![
                checkpoint(include_bytes!("../../audit/vectors/tiles/checkpoint")),
                checkpoint(include_bytes!("../../audit/vectors/old.checkpoint")),
                checkpoint(include_bytes!("../../audit/vectors/negative/checkpoint-forked")),
                checkpoint(include_bytes!("../../audit/vectors/negative/checkpoint-rolled-back")),
                receipt(include_bytes!("../../audit/vectors/receipts/8-of-9.tlog-proof")),
                receipt(include_bytes!("../../audit/vectors/receipts/299.tlog-proof")),
            ],
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(signed) = SignedCheckpoint::parse(data) else { return };
    assert_eq!(signed.to_string().as_bytes(), data, "two forms of one checkpoint");
    let text = signed.unverified().to_string();
    assert_eq!(text.parse::<Checkpoint>().ok().as_ref(), Some(signed.unverified()));
    if let Ok((checkpoint, _)) = signed.verify(std::slice::from_ref(&known().key)) {
        assert!(known().signed.contains(checkpoint), "a checkpoint that nobody signed was believed");
    }
});
