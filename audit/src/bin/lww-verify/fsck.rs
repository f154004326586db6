//! `lww-verify fsck`: a whole log, and the receipts that it must still honour.

use crate::FsckArgs;
use crate::bar::Bar;
use crate::input::Trust;
use crate::output::{Facts, Output};
use crate::proof::{key_names, read_receipt};
use lww_audit::entry::kinds;
use lww_audit::fsck::{
    Finding, Pass, Progress, Room, Shadow, Summary, check_earlier, check_in, check_receipt, check_shadow,
};
use lww_audit::{Error, TileDir};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Extension of receipts.
const RECEIPT_EXTENSION: &str = "tlog-proof";

/// Checks the log, then its age and the receipts.
pub fn run(args: &FsckArgs, trust: &Trust, output: &mut Output) {
    let directory = TileDir::open(&args.directory);
    let mut bar = Bar::new();
    let room = Room { memory_bytes: args.memory << 20, scratch: args.scratch.clone() };
    let mut show = |Progress { pass, done, total }: Progress| {
        let name = match pass {
            Pass::Tiles => "tiles",
            Pass::Entries => "entries",
            Pass::Shadow => "sm3",
        };
        bar.show(name, done, total, "entries");
    };
    let checked = check_in(&room, &directory, trust.keys(), &mut show).and_then(|summary| {
        let shadow = check_shadow(&directory, &summary, trust.national(), &mut show)?;
        Ok((summary, shadow))
    });
    bar.clear();
    let subject = args.directory.display().to_string();
    let (summary, shadow) = match checked {
        Ok(checked) => checked,
        Err(finding) => return output.refuse_with(&subject, &finding.error, found(&finding)),
    };
    let mut facts = facts(&summary);
    add_shadow(shadow.as_ref(), &mut facts);
    match fresh_and_cosigned(args, trust, &summary, &mut facts) {
        Ok(()) => output.accept_with_gaps(&subject, summary.generations.iter(), facts),
        Err(error) => output.refuse_with(&subject, &error, facts),
    }
    for earlier in &args.earlier {
        check_earlier_copy(earlier, (&summary, &directory), trust, output);
    }
    if let Some(receipts) = &args.receipts {
        check_receipts(receipts, &directory, &summary, trust, output);
    }
}

/// Says what the second tree was found to be.
fn add_shadow(shadow: Option<&Shadow>, facts: &mut Facts) {
    let Some(shadow) = shadow else { return };
    let named = shadow.keys.iter().map(|(key, entry)| {
        let id = u32::from_be_bytes(key.id());
        json!(format!("{}+{id:08x}, named by entry {entry}", key.name()))
    });
    facts.add("sm3_root", shadow.root.to_string()).add("sm2_signed_by", named.collect::<Vec<_>>());
}

fn fresh_and_cosigned(args: &FsckArgs, trust: &Trust, log: &Summary, facts: &mut Facts) -> Result<(), Error> {
    facts.add("cosigned_by", trust.witnesses(&log.signed)?);
    facts.add("sm2", trust.shadow(&log.signed)?);
    args.fresh_within.map_or(Ok(()), |age| log.check_fresh(age.ago()))
}

pub fn found(finding: &Finding) -> Facts {
    let mut facts = Facts::default();
    let kind = finding.kind.as_ref().map(|kind| kind.as_str().to_owned());
    facts
        .add("file", finding.file.display().to_string())
        .add("offset", finding.offset)
        .add("entry", finding.entry.map(|index| index.0))
        .add("kind", kind.clone())
        .add("about", kind.and_then(|kind| kinds::about(&kind)));
    facts
}

fn facts(summary: &Summary) -> Facts {
    let mut facts = Facts::default();
    let signers: Vec<_> = summary.signers.iter().collect();
    let kinds = summary.kinds.iter().map(|(kind, count)| json!(format!("{count} {kind}")));
    facts
        .add("log", summary.checkpoint.origin.as_str())
        .add("entries", summary.checkpoint.size.0)
        .add("root", summary.checkpoint.root.to_string())
        .add("first", summary.times.map(|(first, _)| first.to_string()))
        .add("newest", summary.times.map(|(_, newest)| newest.to_string()))
        .add("conversations", summary.conversations)
        .add("subjects", summary.subjects)
        .add("kinds", kinds.collect::<Vec<_>>())
        .add("of_other_kinds", Some(summary.other_kinds).filter(|count| *count > 0))
        .add("signed_by", key_names(&signers));
    facts
}

fn check_earlier_copy(copy: &Path, log: (&Summary, &TileDir), trust: &Trust, output: &mut Output) {
    let subject = copy.display().to_string();
    match check_earlier(&TileDir::open(copy), log, trust.keys()) {
        Ok((origin, signed)) => {
            let mut facts = Facts::default();
            facts.add("log", origin.as_str()).add("signed", signed.0);
            facts.add("finding", "nothing that is declared lost is in it");
            output.accept(&subject, facts);
        }
        Err(finding) => output.refuse_with(&subject, &finding.error, found(&finding)),
    }
}

fn check_receipts(receipts: &Path, directory: &TileDir, log: &Summary, trust: &Trust, output: &mut Output) {
    let files = match list_receipts(receipts) {
        Ok(files) => files,
        Err(source) => {
            let error = Error::Io { path: receipts.to_owned(), action: "list", source };
            return output.refuse(&receipts.display().to_string(), &error);
        }
    };
    let keys = trust.keys_with(&log.generations);
    let mut honoured = 0_u64;
    for file in &files {
        let verdict = read_receipt(file)
            .and_then(|receipt| check_receipt(directory, log, &receipt, &keys).map(|honoured| honoured.lost));
        match verdict {
            Ok(None) => honoured += 1,
            Ok(lost) => output.accept_with_gaps(&file.display().to_string(), &lost, Facts::default()),
            Err(error) => output.refuse(&file.display().to_string(), &error),
        }
    }
    if honoured == files.len() as u64 {
        let mut facts = Facts::default();
        facts.add("receipts", honoured);
        output.accept(&receipts.display().to_string(), facts);
    }
}

fn list_receipts(directory: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let files = std::fs::read_dir(directory)?.map(|file| file.map(|file| file.path()));
    let mut files = files.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == RECEIPT_EXTENSION));
    files.sort();
    Ok(files)
}
