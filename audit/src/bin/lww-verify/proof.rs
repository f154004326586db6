//! `lww-verify proof`: receipts, one verdict each.

use crate::ProofArgs;
use crate::input::{Trust, read};
use crate::output::{Facts, Output};
use lww_audit::entry::kinds;
use lww_audit::error::Format;
use lww_audit::proof::PROOF_BYTES_MAX;
use lww_audit::{Declaration, Error, Receipt, Verified, VerifierKey};
use std::path::Path;

/// Verifies each receipt and says what it proves.
pub fn run(args: &ProofArgs, trust: &Trust, output: &mut Output) {
    for path in &args.receipts {
        let subject = path.display().to_string();
        match check(path, trust) {
            Ok((facts, lost)) => output.accept_with_gaps(&subject, &lost, facts),
            Err(error) => output.refuse(&subject, &error),
        }
    }
}

fn check(path: &Path, trust: &Trust) -> Result<(Facts, Option<Declaration>), Error> {
    let receipt = read_receipt(path)?;
    let generations = trust.generations();
    let keys = trust.keys_with(generations);
    let verified = receipt.verify_in(&keys, generations)?;
    let origin = &verified.checkpoint.origin;
    if let Some(later) = generations.iter().find(|declared| declared.before() == origin) {
        later.admits(verified.checkpoint)?;
    }
    let lost = generations.lost(origin, verified.entry.seq).cloned();
    let mut facts = facts(&verified);
    facts.add("cosigned_by", trust.witnesses(&receipt.proof().checkpoint)?);
    facts.add("sm2", trust.shadow(&receipt.proof().checkpoint)?);
    Ok((facts, lost))
}

/// Reads a receipt without verifying it.
pub fn read_receipt(path: &Path) -> Result<Receipt, Error> {
    Receipt::parse(&read(path, PROOF_BYTES_MAX, Format::Proof)?)
}

fn facts(verified: &Verified<'_>) -> Facts {
    let Verified { entry, leaf, checkpoint, signers, texts } = verified;
    let mut facts = Facts::default();
    facts
        .add("time", entry.time.to_string())
        .add("kind", entry.kind.as_str())
        .add("about", kinds::about(entry.kind.as_str()))
        .add("role", entry.actor.role.as_str())
        .add("actor", entry.actor.id.to_string())
        .add("tenant", entry.tenant.as_str())
        .add("conversation", entry.conversation.map(|id| id.to_string()))
        .add("subject_id", entry.subject.map(|id| id.to_string()))
        .add("channel", entry.channel.as_deref())
        .add("policy", entry.policy.as_ref().map(|p| format!("{} version {}, digest {}", p.id, p.version, p.digest)))
        .add("log", checkpoint.origin.as_str())
        .add("index", entry.seq.0)
        .add("tree_size", checkpoint.size.0)
        .add("leaf", leaf.to_string())
        .add("root", checkpoint.root.to_string())
        .add("signed_by", key_names(signers));
    for (tag, text) in texts {
        facts.add(tag.name(), *text);
    }
    facts
}

/// Names keys with their ids.
pub fn key_names<'a>(keys: impl IntoIterator<Item = &'a &'a VerifierKey>) -> Vec<String> {
    keys.into_iter().map(|key| format!("{}+{:08x}", key.name(), u32::from_be_bytes(key.id()))).collect()
}
