//! `lww-verify consistency`: did the log only grow between two signed checkpoints?
//!
//! With the log's tiles a contradiction is certain. With a proof alone it is certain when the proof leads to the newer
//! root; a proof that leads nowhere may be the proof's fault, and says so by another code.

use crate::ConsistencyArgs;
use crate::input::{Trust, read};
use crate::output::{Facts, Output};
use lww_audit::checkpoint::SignedCheckpoint;
use lww_audit::error::Format;
use lww_audit::evidence::Evidence;
use lww_audit::merkle::{PATH_HASHES_MAX, consistency_path, root_at, verify_consistency};
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::{Checkpoint, Class, Error, Hash, TileDir};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Longest proof file: 63 hashes in base64 with their line breaks.
const PROOF_FILE_BYTES_MAX: usize = PATH_HASHES_MAX * 46;

/// Compares the two checkpoints and keeps the evidence if they contradict each other.
pub fn run(args: &ConsistencyArgs, trust: &Trust, output: &mut Output) {
    let subject = format!("{} -> {}", args.old.display(), args.new.display());
    let (old, new) = match read_both(args, trust) {
        Ok(both) => both,
        Err(error) => return output.refuse(&subject, &error),
    };
    let (first, second) = (old.unverified(), new.unverified());
    let mut path = Vec::new();
    let mut facts = Facts::default();
    facts.add("log", first.origin.as_str()).add("old_size", first.size.0).add("new_size", second.size.0);
    // A contradiction first: that a quorum is missing must not keep a fork from being told.
    let Err(error) = compare(args, trust, (first, second), &mut path) else {
        return match cosigned(trust, &old, &new, &mut facts) {
            Ok(()) => {
                // What was declared between the two; a gap before both is no matter here.
                let before = trust.generations().before(&first.origin);
                let between = trust.generations().before(&second.origin).into_iter();
                output.accept_with_gaps(&subject, between.filter(|gap| !before.contains(gap)), facts);
            }
            Err(error) => output.refuse_with(&subject, &error, facts),
        };
    };
    if contradict(&error, args) {
        let found = format!("{}: {error}", error.class().name());
        let new = contradicting(trust, &old, new);
        let text = Evidence { found, old, new, path }.to_string();
        match write_new(&args.evidence, &text) {
            Ok(()) => facts.add("evidence", args.evidence.display().to_string()),
            Err(failed) => facts.add("evidence", format!("not written: {failed}")),
        };
    }
    output.refuse_with(&subject, &error, facts);
}

/// What contradicts the older checkpoint under the same log's key: of a log that went on as another generation, what that says was
/// signed last.
fn contradicting(trust: &Trust, old: &SignedCheckpoint, new: SignedCheckpoint) -> SignedCheckpoint {
    let origin = &old.unverified().origin;
    let gap = trust.generations().iter().find(|gap| gap.before() == origin && new.unverified().origin != *origin);
    gap.map_or(new, |gap| gap.last.clone())
}

fn cosigned(trust: &Trust, old: &SignedCheckpoint, new: &SignedCheckpoint, facts: &mut Facts) -> Result<(), Error> {
    facts.add("old_cosigned_by", trust.witnesses(old)?);
    facts.add("new_cosigned_by", trust.witnesses(new)?);
    facts.add("old_sm2", trust.shadow(old)?);
    facts.add("new_sm2", trust.shadow(new)?);
    Ok(())
}

/// A failed proof that the user brought is evidence too, though not yet of whose fault it is.
fn contradict(error: &Error, args: &ConsistencyArgs) -> bool {
    match error.class() {
        Class::Fork | Class::Rollback => true,
        Class::BadProof => args.proof.is_some(),
        Class::Io
        | Class::Malformed
        | Class::UnknownVersion
        | Class::BadSignature
        | Class::BadCommitment
        | Class::ChainBreak
        | Class::Gap
        | Class::Stale
        | Class::OtherLog
        | Class::NoQuorum
        | Class::National
        | Class::DeclaredGap
        | Class::FalseDeclaration
        | Class::BadAnchor => false,
    }
}

fn read_both(args: &ConsistencyArgs, trust: &Trust) -> Result<(SignedCheckpoint, SignedCheckpoint), Error> {
    let keys = trust.keys_with(trust.generations());
    let read_one = |path: &Path| {
        let signed = SignedCheckpoint::parse(&read(path, NOTE_BYTES_MAX, Format::Checkpoint)?);
        let signed = signed.map_err(|error| error.in_file(path))?;
        signed.verify(&keys).map_err(|error| error.in_file(path))?;
        Ok::<_, Error>(signed)
    };
    let (old, new) = (read_one(&args.old)?, read_one(&args.new)?);
    let (expected, got) = (&old.unverified().origin, &new.unverified().origin);
    let is_declared = trust.generations().before(got).iter().any(|gap| gap.before() == expected);
    if expected != got && !is_declared {
        return Err(Error::OtherLog { expected: expected.clone(), got: got.clone() });
    }
    Ok((old, new))
}

fn compare(
    args: &ConsistencyArgs,
    trust: &Trust,
    (old, new): (&Checkpoint, &Checkpoint),
    path: &mut Vec<Hash>,
) -> Result<(), Error> {
    // Of a tree that reaches into a declared gap, what survived is what the newer one has to begin with.
    let gaps = trust.generations().before(&new.origin);
    let mut common = old.clone();
    for gap in gaps.iter().skip_while(|gap| *gap.before() != old.origin) {
        if *gap.before() == old.origin {
            gap.admits(old)?;
        }
        if gap.kept.0 < common.size {
            (common.size, common.root) = gap.kept;
        }
    }
    if let Some(file) = &args.proof {
        *path = read_path(file)?;
        return verify_consistency(common.size, &common.root, new.size, &new.root, path);
    }
    // Contradictions that need no proof are found before the tiles are asked for one.
    if new.size <= common.size {
        return verify_consistency(common.size, &common.root, new.size, &new.root, &[]);
    }
    let directory = TileDir::open(args.tiles.clone().unwrap_or_default());
    let tree = directory.tree(new.size);
    let got = root_at(&tree, new.size)?;
    if got != new.root {
        return Err(Error::BadHash { expected: new.root, got }.in_file(directory.path()));
    }
    *path = consistency_path(&tree, common.size, new.size)?;
    // The tiles lead to the newer root, so their beginning is what the older one should have been.
    if root_at(&tree, common.size)? != common.root {
        return Err(Error::Fork { old: common.size, old_root: common.root, new: new.size, new_root: new.root });
    }
    verify_consistency(common.size, &common.root, new.size, &new.root, path)
}

fn read_path(file: &Path) -> Result<Vec<Hash>, Error> {
    let refuse = |offset, reason| Error::Malformed { what: Format::Proof, offset, reason }.in_file(file);
    let text = String::from_utf8(read(file, PROOF_FILE_BYTES_MAX, Format::Proof)?);
    let text = text.map_err(|error| refuse(error.utf8_error().valid_up_to() as u64, "not UTF-8"))?;
    let mut offset = 0;
    let mut path = Vec::new();
    for line in text.split_inclusive('\n') {
        let hash = Hash::from_base64(line.trim_end_matches('\n'));
        path.push(hash.map_err(|_| refuse(offset, "not the base64 of 32 bytes"))?);
        offset += line.len() as u64;
    }
    Ok(path)
}

/// Writes a file that must not be there yet: evidence is never overwritten.
fn write_new(path: &Path, text: &str) -> Result<(), std::io::Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
