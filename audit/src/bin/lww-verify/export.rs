//! `lww-verify export`: an evidence package, then its transcript.
//!
//! The package is read twice: nothing of it is shown before all of it was verified, and memory doesn't grow with it. What is
//! shown the second time is verified the second time, too.

use crate::ExportArgs;
use crate::bar::Bar;
use crate::input::Trust;
use crate::output::{Facts, Output};
use crate::proof::key_names;
use lww_audit::entry::{Detail, kinds};
use lww_audit::export::{Finding, Item, Package, Report, verify};
use lww_audit::merkle::{FrontierOf, Sm3, TreeHash as _};
use lww_audit::national::demand;
use lww_audit::{Entry, Error, Id128};
use serde_json::json;
use std::collections::BTreeMap;

/// Verifies the package, says what it proves, and prints its transcript.
pub fn run(args: &ExportArgs, trust: &Trust, output: &mut Output) {
    let subject = args.package.display().to_string();
    let package = match Package::open(&args.package) {
        Ok(package) => package,
        Err(error) => return output.refuse(&subject, &error),
    };
    let mut bar = Bar::new();
    let mut tree = FrontierOf::<Sm3>::empty();
    let mut hash = |item: &Item<'_>| {
        // The second tree can be computed of a package that holds the log from its first entry on.
        if !trust.national().is_empty() && item.entry.seq.0 == tree.size().0 {
            tree.push(Sm3::leaf(&item.entry.to_bytes().unwrap_or_default()));
        }
    };
    let verified =
        verify(&package, trust.keys(), &mut hash, &mut |done, total| bar.show("package", done, total, "bytes"));
    bar.clear();
    let report = match verified {
        Ok(report) => report,
        Err(finding) => return output.refuse_with(&subject, &finding.error, found(&finding)),
    };
    match facts(&report, trust, &tree) {
        Ok(facts) => output.accept_with_gaps(&subject, report.generations.iter(), facts),
        Err(error) => return output.refuse(&subject, &error),
    }
    let shown = verify(&package, trust.keys(), &mut |item| show(item, &report.staff, output), &mut |_, _| {});
    if let Err(finding) = shown {
        output.refuse_with(&subject, &finding.error, found(&finding));
    }
}

fn found(finding: &Finding) -> Facts {
    let mut facts = Facts::default();
    facts
        .add("file", finding.file.as_str())
        .add("line", finding.line)
        .add("entry", finding.entry.map(|index| index.0))
        .add("field", finding.field.as_deref())
        .add("offset", finding.error.offset());
    facts
}

/// The SM3 root of a package that holds the whole log, against the one that was signed.
fn whole(report: &Report, trust: &Trust, tree: &FrontierOf<Sm3>) -> Result<Option<String>, Error> {
    match demand(&report.signed, trust.national())? {
        Some(got) if tree.size() == report.checkpoint.size => {
            let expected = tree.root();
            if got == expected { Ok(Some(expected.to_string())) } else { Err(Error::OtherShadow { expected, got }) }
        }
        Some(_) | None => Ok(None),
    }
}

fn facts(report: &Report, trust: &Trust, tree: &FrontierOf<Sm3>) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    let scopes = report.manifest.scopes.iter().map(|scope| json!(scope.to_string()));
    let policies = report.policies.iter().map(|(digest, is_there)| {
        json!(if *is_there { digest.to_string() } else { format!("{digest} (text not in the package)") })
    });
    let signers: Vec<_> = report.signers.iter().collect();
    let complete = if report.generations.is_empty() { "complete_for" } else { "complete_but_for_the_gap_for" };
    facts
        .add(complete, scopes.collect::<Vec<_>>())
        .add("entries", report.entries)
        .add("texts", report.texts)
        .add("made", report.manifest.made.to_string())
        .add("log", report.checkpoint.origin.as_str())
        .add("tree_size", report.checkpoint.size.0)
        .add("root", report.checkpoint.root.to_string())
        .add("sealed_by", report.seal.map(|index| index.0))
        .add("policies", policies.collect::<Vec<_>>())
        .add("names", report.staff.len() as u64)
        .add("signed_by", key_names(&signers))
        .add("cosigned_by", trust.witnesses(&report.signed)?)
        .add("sm2", trust.shadow(&report.signed)?)
        .add("sm3_root", whole(report, trust, tree)?);
    Ok(facts)
}

/// A step on the way to a value behind a mask: which value of which entry, why, and how it ended.
fn unmasking(entry: &Entry) -> Option<String> {
    let (Detail::Object(fields), kind) = (&entry.detail, entry.kind.as_str()) else { return None };
    let about = kinds::about(kind).filter(|_| kind.starts_with("unmask."))?;
    let number = |name| if let Some(Detail::Int(number)) = fields.get(name) { Some(*number) } else { None };
    let word = |name| if let Some(Detail::String(word)) = fields.get(name) { Some(word.clone()) } else { None };
    let same = if let Some(Detail::Bool(same)) = fields.get("same") { Some(*same) } else { None };
    let parts = [
        number("span").zip(number("of")).map(|(span, of)| format!("value {} of #{of}", span.saturating_add(1))),
        word("entity"),
        word("reason"),
        same.map(|same| if same { "the same" } else { "not the same" }.to_owned()),
        word("until").map(|until| format!("until {until}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    Some(if parts.is_empty() { about.to_owned() } else { format!("{about} [{}]", parts.join(", ")) })
}

/// A file that came with the message of the next entry, whose text is that message's: what it is, how large, and what became of it.
fn attachment(entry: &Entry) -> Option<String> {
    let (Detail::Object(fields), "attachment.kept/1") = (&entry.detail, entry.kind.as_str()) else { return None };
    let word = |name| match fields.get(name) {
        Some(Detail::String(word)) => Some(word.clone()),
        Some(Detail::Int(number)) => Some(number.to_string()),
        Some(_) | None => None,
    };
    let not_kept = word("commit_file").is_none().then(|| "not kept".to_owned());
    let bytes = word("bytes").map(|bytes| format!("{bytes} bytes"));
    let parts = [word("format"), bytes, word("fate"), word("reason"), not_kept];
    Some(format!("[attachment: {}]", parts.into_iter().flatten().collect::<Vec<_>>().join(", ")))
}

/// One entry of the transcript: time, place, who, and what was said or done.
fn show(item: &Item<'_>, staff: &BTreeMap<Id128, String>, output: &Output) {
    let Item { entry, texts } = item;
    let kind = entry.kind.as_str();
    let name = staff.get(&entry.actor.id);
    let who = name.map_or_else(|| entry.actor.id.to_string(), |name| format!("{name} ({})", entry.actor.id));
    let said: Vec<_> = texts.iter().map(|(tag, text)| format!("{}: {text}", tag.name())).collect();
    let what = if !said.is_empty() {
        said.join(" | ")
    } else if entry.content.is_some() {
        format!("{kind}, its text is not in the package")
    } else {
        attachment(entry).or_else(|| unmasking(entry)).unwrap_or_else(|| kinds::about(kind).unwrap_or(kind).to_owned())
    };
    let line = format!("{}  #{}  {} {who}  {what}", entry.time, entry.seq, entry.actor.role.as_str());
    let mut facts = Facts::default();
    facts
        .add("entry", entry.seq.0)
        .add("time", entry.time.to_string())
        .add("kind", kind)
        .add("role", entry.actor.role.as_str())
        .add("actor", entry.actor.id.to_string())
        .add("name", name.cloned())
        .add("conversation", entry.conversation.map(|id| id.to_string()));
    for (tag, text) in texts {
        facts.add(tag.name(), *text);
    }
    output.tell(&line, facts);
}
