//! `lww-verify sample`: which entries to look at, drawn so that neither the bank nor the auditor could choose them.

use crate::SampleArgs;
use crate::input::{Trust, read};
use crate::output::{Facts, Output};
use lww_audit::error::Format;
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::sample::draw;
use lww_audit::{Error, SignedCheckpoint};
use serde_json::json;

/// Verifies the checkpoint, demands the quorum if there is a policy, and draws.
pub fn run(args: &SampleArgs, trust: &Trust, output: &mut Output) {
    let subject = args.checkpoint.display().to_string();
    match sample(args, trust) {
        Ok(facts) => output.accept(&subject, facts),
        Err(error) => output.refuse(&subject, &error.in_file(&args.checkpoint)),
    }
}

fn sample(args: &SampleArgs, trust: &Trust) -> Result<Facts, Error> {
    let signed = SignedCheckpoint::parse(&read(&args.checkpoint, NOTE_BYTES_MAX, Format::Checkpoint)?)?;
    let (checkpoint, _) = signed.verify(trust.keys())?;
    let (cosigned_by, sm2) = (trust.witnesses(&signed)?, trust.shadow(&signed)?);
    let drawn = draw(checkpoint, &args.nonce, args.count);
    let mut facts = Facts::default();
    facts
        .add("log", checkpoint.origin.as_str())
        .add("tree_size", checkpoint.size.0)
        .add("root", checkpoint.root.to_string())
        .add("cosigned_by", cosigned_by)
        .add("sm2", sm2)
        .add("nonce", args.nonce.as_str())
        .add("sample", drawn.iter().map(|index| json!(index.0)).collect::<Vec<_>>());
    Ok(facts)
}
