//! `lww-verify evidence`: do these files convict a log of contradicting itself?
//!
//! A file that does is refused as the fork or rollback that it shows: the log is what is refused.

use crate::EvidenceArgs;
use crate::input::{Trust, read};
use crate::output::{Facts, Output};
use lww_audit::error::Format;
use lww_audit::evidence::{EVIDENCE_BYTES_MAX, Evidence};

/// Judges each file.
pub fn run(args: &EvidenceArgs, trust: &Trust, output: &mut Output) {
    for file in &args.files {
        let subject = file.display().to_string();
        let evidence = read(file, EVIDENCE_BYTES_MAX, Format::Evidence).and_then(|bytes| Evidence::parse(&bytes));
        let evidence = match evidence.map_err(|error| error.in_file(file)) {
            Ok(evidence) => evidence,
            Err(error) => {
                output.refuse(&subject, &error);
                continue;
            }
        };
        let (old, new) = (evidence.old.unverified(), evidence.new.unverified());
        let mut facts = Facts::default();
        facts.add("log", new.origin.as_str()).add("old_size", old.size.0).add("new_size", new.size.0);
        match evidence.verify(trust.keys()) {
            Ok(()) => {
                facts.add("finding", "the two checkpoints agree: this accuses nobody");
                output.accept(&subject, facts);
            }
            Err(error) => output.refuse_with(&subject, &error, facts),
        }
    }
}
