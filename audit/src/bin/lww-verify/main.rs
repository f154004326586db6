//! `lww-verify`: checks receipts, checkpoints and whole logs offline, trusting nothing but the keys it is given.
//!
//! It has no network, no configuration and no memory of earlier runs; all judgement is in the library, this only reads
//! files and words the verdict. Exit codes are documented in `--help` and in `FORMAT.md`.
#![forbid(unsafe_code)]

mod anchors;
mod bar;
mod consistency;
mod evidence;
mod export;
mod fsck;
mod input;
mod output;
mod proof;
mod sample;

use clap::{Args, Parser, Subcommand};
use input::Trust;
use lww_audit::fsck::{MEMORY_BYTES, MEMORY_BYTES_MIN};
use lww_audit::sample::SAMPLE_MAX;
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;

const ABOUT: &str = "Verify Liaowaiwai's records offline, trusting nothing but the keys you were given";

const AFTER_HELP: &str = "\
Keys: --vkey takes a verifier key (<name>+<id>+<base64>) or a file with one a line. Take it from the sheet that was
signed by hand, not from the server that you are checking.

When a log's key changed, the old key's word for the new one is enough: --rotation takes the statement that both have signed
(the console and `lww ledger rotations` give it), and the new key is trusted from then on.

When a log lost entries for good, it goes on as a new generation and declares the gap: --generation takes that declaration
(`lww ledger generations` gives it), signed by the new key and, if it still exists, by the old one, whose word is enough then.
Everything that is there may be valid and the code is 22 all the same: entries are missing, and two people have said so.

National algorithms: an SM2 key of a log (from the same sheet) is given with --vkey, too. Published checkpoints of that log must then
have its signature; fsck recomputes the SM3 root that it states from the entries, and export does so of a package that holds the
whole log. Receipts are signed before that and have none.

Witnesses: --policy takes a C2SP tlog-policy. Its logs are trusted like --vkey, and the checkpoint must be cosigned by
its quorum, so that you were shown the same log as the witnesses. Receipts that --receipts lists need no quorum of their own.

Exit codes:
   0  everything that was asked for is valid
   2  the command line is wrong
   3  a file can't be read or written
  10  malformed: a file does not have its prescribed form
  11  unknown version of an entry or proof: use a newer verifier
  12  bad signature, or none of a trusted key
  13  bad proof: hashes don't lead to the signed root
  14  bad commitment: a text is not the one that was recorded
  15  chain break: an entry doesn't link to the ones before it
  16  fork: two signed checkpoints contradict each other
  17  rollback: a log became shorter
  18  gap: entries that the checkpoint covers are missing
  19  stale: the newest entry is older than accepted
  20  other log: the documents are of different logs
  21  no quorum: fewer witnesses have cosigned than the policy asks for
  22  declared gap: what is there is valid, and the log declares which entries were lost, when, and by whose word
  23  false declaration: a gap that nobody declares, or a declaration that is not true
  24  bad anchor: an outside party's receipt proves nothing; its fault has a word
  25  national: a given SM2 key has not signed, is named by no entry, or has signed another SM3 root than that of the entries

Examples:
  lww-verify proof --vkey vkey receipts/*.tlog-proof
  lww-verify fsck --vkey vkey --receipts receipts tiles
  lww-verify fsck --vkey vkey --fresh-within 24h tiles
  lww-verify fsck --policy bank.policy tiles
  lww-verify sample --vkey vkey --nonce 'dice 4 6 1 3' --count 25 tiles/checkpoint
  lww-verify export --vkey vkey complaint-4711.tar
  lww-verify consistency --vkey vkey --tiles tiles yesterday.checkpoint tiles/checkpoint
  lww-verify evidence --vkey vkey lww-evidence.txt
  lww-verify anchors --vkey vkey --tsa-ca authorities.pem --entry 4711 tiles
  lww-verify fsck --vkey old.vkey --generation demo-2.generation --earlier copy-of-demo-1 tiles";

#[derive(Parser)]
#[command(name = "lww-verify", version, about = ABOUT, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify receipts (.tlog-proof): who recorded what when, under which signature, and any opened text
    Proof(ProofArgs),
    /// Verify that a log only grew between two signed checkpoints
    Consistency(ConsistencyArgs),
    /// Judge evidence files, as `consistency` and witnesses write them: do they convict a log of a fork?
    Evidence(EvidenceArgs),
    /// Verify an evidence package (folder or tar): nothing changed, nothing left out; prints the transcript
    Export(ExportArgs),
    /// Verify what outside parties have confirmed of a log, and tell between which times it, or an entry, came to be
    Anchors(AnchorsArgs),
    /// Draw entries to look at, by a signed checkpoint's hash and a nonce of yours: nobody could choose them
    Sample(SampleArgs),
    /// Check a whole log: signature, every tile, every entry, every chain; names the first bad file and offset
    Fsck(FsckArgs),
}

#[derive(Args)]
struct Common {
    /// A trusted key, or a file of them; may be given several times
    #[arg(long = "vkey", value_name = "FILE|KEY", required_unless_present = "policy")]
    keys: Vec<String>,
    /// A change of a trusted key, as its log recorded it: the successor is trusted, too; in their order, several times
    #[arg(long = "rotation", value_name = "FILE")]
    rotations: Vec<PathBuf>,
    /// A declared gap: the generation that it opened is trusted, too; in their order, several times
    #[arg(long = "generation", value_name = "FILE")]
    generations: Vec<PathBuf>,
    /// A trust policy (C2SP tlog-policy): more trusted logs, and the witnesses whose quorum must have cosigned
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print one line of JSON for each verdict instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ProofArgs {
    #[command(flatten)]
    common: Common,
    /// The receipts
    #[arg(value_name = "RECEIPT", required = true)]
    receipts: Vec<PathBuf>,
}

#[derive(Args)]
struct ConsistencyArgs {
    #[command(flatten)]
    common: Common,
    /// The older signed checkpoint
    old: PathBuf,
    /// The newer signed checkpoint
    new: PathBuf,
    /// The log's directory, to make the proof from
    #[arg(long, value_name = "DIR", required_unless_present = "proof", conflicts_with = "proof")]
    tiles: Option<PathBuf>,
    /// A consistency proof: one base64 hash a line
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Where to write both notes and the failed proof when they contradict each other; never overwritten
    #[arg(long, value_name = "FILE", default_value = "lww-evidence.txt")]
    evidence: PathBuf,
}

#[derive(Args)]
struct EvidenceArgs {
    #[command(flatten)]
    common: Common,
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct ExportArgs {
    #[command(flatten)]
    common: Common,
    /// The package: a folder, or a tar of it
    package: PathBuf,
}

#[derive(Args)]
struct AnchorsArgs {
    #[command(flatten)]
    common: Common,
    /// The log's directory
    log: PathBuf,
    /// Certificates of the time-stamping authorities that you trust, in PEM; may be given several times
    #[arg(long = "tsa-ca", value_name = "FILE", required = true)]
    authorities: Vec<PathBuf>,
    /// Tell between which times this entry came to be
    #[arg(long, value_name = "SEQ")]
    entry: Option<u64>,
    /// Look at the receipts of this anchor only; may be given several times
    #[arg(long = "anchor", value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Args)]
struct SampleArgs {
    #[command(flatten)]
    common: Common,
    /// The signed checkpoint, best one that witnesses have cosigned
    checkpoint: PathBuf,
    /// What you bring, unknown to the bank when it signed: dice, a lottery's numbers of that day
    #[arg(long, value_name = "TEXT", value_parser = input::parse_nonce)]
    nonce: String,
    /// How many different entries
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SAMPLE_MAX))]
    count: u64,
}

#[derive(Args)]
struct FsckArgs {
    #[command(flatten)]
    common: Common,
    /// The log's directory
    directory: PathBuf,
    /// A directory of receipts (*.tlog-proof) that this log must still honour
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// A copy of an earlier generation's directory: nothing that is declared lost may lie in it
    #[arg(long, value_name = "DIR")]
    earlier: Vec<PathBuf>,
    /// Refuse the log if its newest entry is older than this: a number with s, m, h or d
    #[arg(long, value_name = "AGE", value_parser = input::parse_age)]
    fresh_within: Option<input::Age>,
    /// Memory that the check may take, in MiB, whatever the number of conversations; the rest goes to --scratch
    #[arg(long, value_name = "MIB", default_value_t = MEMORY_BYTES >> 20,
        value_parser = clap::value_parser!(u64).range(MEMORY_BYTES_MIN >> 20..=1 << 20))]
    memory: u64,
    /// A folder for what does not fit into memory: in a file without a name, gone when the check ends
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    scratch: PathBuf,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let common = match &command {
        Command::Proof(ProofArgs { common, .. })
        | Command::Consistency(ConsistencyArgs { common, .. })
        | Command::Evidence(EvidenceArgs { common, .. })
        | Command::Export(ExportArgs { common, .. })
        | Command::Anchors(AnchorsArgs { common, .. })
        | Command::Sample(SampleArgs { common, .. })
        | Command::Fsck(FsckArgs { common, .. }) => common,
    };
    let mut output = Output::new(common.json);
    let trust = match Trust::read(common) {
        Ok(trust) => trust,
        Err(error) => {
            output.refuse("whom to trust", &error);
            return output.exit_code();
        }
    };
    match command {
        Command::Proof(args) => proof::run(&args, &trust, &mut output),
        Command::Consistency(args) => consistency::run(&args, &trust, &mut output),
        Command::Evidence(args) => evidence::run(&args, &trust, &mut output),
        Command::Export(args) => export::run(&args, &trust, &mut output),
        Command::Anchors(args) => anchors::run(&args, &trust, &mut output),
        Command::Sample(args) => sample::run(&args, &trust, &mut output),
        Command::Fsck(args) => fsck::run(&args, &trust, &mut output),
    }
    output.exit_code()
}
