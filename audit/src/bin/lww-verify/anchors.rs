//! `lww-verify anchors`: what outside parties have confirmed of a log, and between which times its entries came to be.
//!
//! Receipts that don't hold are refused one by one; the bracket is made of those that do.

use crate::AnchorsArgs;
use crate::bar::Bar;
use crate::chain;
use crate::fsck::found;
use crate::input::{Trust, read};
use crate::output::{Facts, Output};
use lww_audit::bracket::{Anchored, Bound, Bracket, Proven, in_log};
use lww_audit::error::Format;
use lww_audit::timestamp::{AUTHORITIES_BYTES_MAX, Authorities, TimeStamp};
use lww_audit::{Checkpoint, EntryIndex, Error, SignedCheckpoint, TileDir};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A log's receipts, and what they are held against.
struct Source {
    signed: SignedCheckpoint,
    receipts: Vec<Anchored>,
}

/// Verifies every receipt, and tells the bracket of the log or of one entry.
pub fn run(args: &AnchorsArgs, trust: &Trust, output: &mut Output) {
    let subject = args.log.display().to_string();
    let authorities = match read_authorities(&args.authorities) {
        Ok(authorities) => authorities,
        Err(error) => return output.refuse("whom to believe time stamps of", &error),
    };
    let Some(source) = open(args, trust, &subject, output) else { return };
    let checkpoint = source.signed.unverified().clone();
    let is_asked_for = |one: &Anchored| args.names.is_empty() || args.names.contains(&one.receipt.anchor);
    let (mut proven, mut chained, mut unknown) = (Vec::new(), Vec::new(), 0_u64);
    let directory = TileDir::open(&args.log);
    for one in source.receipts.into_iter().filter(is_asked_for) {
        let whole = one.prove(&authorities).and_then(|found| match found {
            Proven::Chain(receipt) => {
                one.holds_batch(&receipt, &directory, &checkpoint).map(|()| Proven::Chain(receipt))
            }
            other => Ok(other),
        });
        match whole {
            Ok(Proven::Stamp(stamp)) => proven.push((one, stamp)),
            Ok(Proven::Chain(receipt)) => chained.push((one, receipt)),
            Ok(Proven::Unknown) => unknown += 1,
            Err(error) => {
                output.refuse_with(&format!("receipt in entry {} of {subject}", one.entry), &error, of(&one, &error));
            }
        }
    }
    match facts(args, trust, (&source.signed, &checkpoint), &proven, output) {
        Ok(mut facts) => {
            chain::add(&mut facts, &chained, args.entry, output.is_json());
            facts.add("of_unknown_form", (unknown > 0).then_some(unknown));
            output.accept(&subject, facts);
        }
        Err(error) => output.refuse(&subject, &error),
    }
}

fn read_authorities(files: &[PathBuf]) -> Result<Authorities, Error> {
    let one = |file: &PathBuf| {
        let bytes = read(file, AUTHORITIES_BYTES_MAX, Format::Authorities)?;
        Authorities::parse(&bytes).map_err(|error| error.in_file(file))
    };
    files.iter().try_fold(Authorities::default(), |all, file| Ok(all.and(one(file)?)))
}

fn open(args: &AnchorsArgs, trust: &Trust, subject: &str, output: &mut Output) -> Option<Source> {
    let directory = TileDir::open(&args.log);
    let signed = directory.checkpoint().and_then(|signed| {
        let signed = signed.ok_or_else(|| Error::FileMissing.in_file(&directory.checkpoint_path()))?;
        signed.verify(trust.keys()).map_err(|error| error.in_file(&directory.checkpoint_path()))?;
        Ok(signed)
    });
    let signed = match signed {
        Ok(signed) => signed,
        Err(error) => {
            output.refuse(subject, &error);
            return None;
        }
    };
    let mut bar = Bar::new();
    let size = signed.unverified().size.0;
    let receipts = in_log(&directory, signed.unverified(), &mut |done| bar.show("receipts", done, size, "entries"));
    bar.clear();
    match receipts {
        Ok(receipts) => Some(Source { signed, receipts }),
        Err(finding) => {
            output.refuse_with(subject, &finding.error, found(&finding));
            None
        }
    }
}

/// What a refused receipt is, and the word for what is wrong with it.
fn of(one: &Anchored, error: &Error) -> Facts {
    let mut facts = Facts::default();
    let word = match error {
        Error::BadAnchor { fault } => Some(fault.word()),
        _ => None,
    };
    facts
        .add("fault", word)
        .add("entry", one.entry.0)
        .add("anchor", one.receipt.anchor.as_str())
        .add("form", one.receipt.form.word())
        .add("recorded", one.recorded.to_string());
    facts
}

fn facts(
    args: &AnchorsArgs,
    trust: &Trust,
    (signed, checkpoint): (&SignedCheckpoint, &Checkpoint),
    proven: &[(Anchored, TimeStamp)],
    output: &Output,
) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    facts.add("log", checkpoint.origin.as_str()).add("entries", checkpoint.size.0).add("receipts", proven.len());
    let seen = trust.witnesses(signed)?;
    match args.entry {
        Some(index) if index >= checkpoint.size.0 => {
            let (first, size) = (EntryIndex(0), checkpoint.size);
            return Err(Error::OutOfRange { index: EntryIndex(index), first, size });
        }
        Some(index) => {
            let bracket = Bracket::of(EntryIndex(index), proven);
            facts.add("entry", index);
            facts.add("made_after", bracket.not_before.map(|bound| told(&bound, output)));
            facts.add("existed_before", bracket.before.iter().map(|bound| told(bound, output)).collect::<Vec<_>>());
        }
        None => {
            let last = checkpoint.size.last_index().map_or(EntryIndex(0), |last| EntryIndex(last.0 + 1));
            let newest = Bracket::of(last, proven).not_before;
            facts.add("newest_receipt", newest.map(|bound| told(&bound, output)));
            facts.add(
                "existed_before",
                newest_of_each(proven).iter().map(|bound| told(bound, output)).collect::<Vec<_>>(),
            );
        }
    }
    facts.add("seen_by", seen);
    Ok(facts)
}

/// Of each anchor the receipt that covers most, the largest first.
fn newest_of_each(proven: &[(Anchored, TimeStamp)]) -> Vec<Bound<'_>> {
    let mut newest: Vec<Bound<'_>> = Vec::new();
    for (by, stamp) in proven.iter().rev() {
        if newest.iter().all(|known| known.by.receipt.anchor != by.receipt.anchor) {
            newest.push(Bound { at: stamp.before(), by, stamp });
        }
    }
    newest.sort_by_key(|bound| std::cmp::Reverse(bound.by.receipt.checkpoint.size));
    newest
}

/// A bound in words, or as an object of the JSON.
fn told(bound: &Bound<'_>, output: &Output) -> Value {
    let Bound { at, by, stamp } = bound;
    let size = by.receipt.checkpoint.size.0;
    if output.is_json() {
        return json!({
            "at": at.to_string(), "anchor": by.receipt.anchor, "form": by.receipt.form.word(), "size": size,
            "receipt": by.entry.0, "recorded": by.recorded.to_string(), "stated": stamp.at.to_string(),
            "accuracy_us": stamp.accuracy_us, "serial": stamp.serial, "policy": stamp.policy, "signer": stamp.signer,
        });
    }
    json!(format!(
        "{at} by {} ({}), which covers the first {size} entries; receipt in entry {}",
        by.receipt.anchor, stamp.signer, by.entry
    ))
}
