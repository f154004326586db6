//! Witnesses of the tests' log, and a policy that asks for two of three.

use super::common::{Log, log_signer};
use lww_audit::{Cosigner, SignedCheckpoint};

/// When the first witness cosigns: 2026-01-05T02:00:00Z. Each witness is a second later than the one before.
pub const COSIGNED_S: u64 = 1_767_578_400;

/// The witnesses `w1.example` to `w3.example`.
pub fn witness(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[200 + number; 32]).unwrap()
}

/// A policy: the log, and two of three witnesses.
pub fn policy() -> String {
    let witnesses = [1, 2, 3].map(|number| format!("witness w{number} {}\n", witness(number).key())).concat();
    format!("log {}\n{witnesses}group bank 2 w1 w2 w3\nquorum bank\n", log_signer().verifier_key())
}

/// The signed checkpoint with the cosignatures of these witnesses.
pub fn cosigned(log: &Log, size: u64, witnesses: &[u8]) -> SignedCheckpoint {
    let checkpoint = log.checkpoint(size);
    let own = log_signer().sign(&checkpoint.to_string());
    let others = witnesses.iter().map(|number| witness(*number).cosign(&checkpoint, COSIGNED_S + u64::from(*number)));
    let signatures = std::iter::once(own).chain(others).collect();
    SignedCheckpoint::with_signatures(checkpoint, signatures).unwrap()
}
