//! `lww mask eval`: how much of what a gold file says a policy finds, and what it masks beside it.
//!
//! It reads the file as a stream. What values are is not printed unless asked: a gold file may be made of real messages.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::gold::{self, GoldError};
use super::score::{Fault, Found, Score, Tally};
use super::{MaskCommandError, load_policy};
use crate::cli::screen;
use crate::domain::masking::{Policy, Tail, detect, found_spans};

/// Messages between two drawings of the progress bar.
const BAR_STEP: u64 = 2_000;
/// Most faults of each sort that are listed.
const FAULTS_MAX: u16 = 10_000;

const EXAMPLES: &str = "\
Examples:
  Recall, precision and F1 for each entity, plain and disguised, and the first 20 misses and false alarms:
    lww mask eval --gold gold.jsonl --policy policies/masking/cn-retail.yaml

  In a pipeline: exit code 3 when less than 98 % is found or a mask in twenty is wrong:
    lww mask eval --gold gold.jsonl --policy my-policy.yaml --recall-min 0.98 --precision-min 0.95 --json > result.json

A line of the gold file, offsets in Unicode characters:
    {\"text\": \"打我手机一三八1234 5678\", \"spans\": [{\"start\": 4, \"end\": 16, \"entity\": \"cn.mobile\", \"disguised\": true}]}";

/// Measure a policy on messages of which it is known what is in them.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct EvalArgs {
    /// Messages with their spans, a JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub gold: PathBuf,
    /// Masking policy (YAML).
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// List so many misses and so many false alarms.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=i64::from(FAULTS_MAX)))]
    pub show: u16,
    /// Show what stands where something was missed or masked wrongly.
    #[arg(long)]
    pub show_text: bool,
    /// Exit code 3 when a smaller share of all values is found.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub recall_min: Option<f64>,
    /// Exit code 3 when a smaller share of all masks is right.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub precision_min: Option<f64>,
}

fn parse_share(text: &str) -> Result<f64, &'static str> {
    let share: f64 = text.parse().map_err(|_bad| "expected a share from 0 to 1")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected a share from 0 to 1") }
}

/// Why there is no result, or what it lacks.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The policy can't be used.
    #[error(transparent)]
    Policy(#[from] MaskCommandError),
    /// The gold file can't be read.
    #[error("{path}: {source}")]
    Gold {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: GoldError,
    },
    /// The gold file can't be opened.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The gold file has no message.
    #[error("{path} holds no message")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A share is smaller than was asked for.
    #[error("{what} is {}, at least {} was asked for", percent(Some(*got)), percent(Some(*asked)))]
    Missed {
        /// Which share.
        what: &'static str,
        /// What it is.
        got: f64,
        /// What was asked for.
        asked: f64,
    },
    /// Writing the result failed.
    #[error("writing the result failed: {0}")]
    Output(std::io::Error),
}

/// Measures and prints.
///
/// # Errors
/// [`EvalError`]; the result is printed before a share is found too small.
pub fn run(args: &EvalArgs, output: &mut impl Write) -> Result<(), EvalError> {
    let policy = load_policy(&args.policy)?;
    let score = measure(args, &policy)?;
    if score.messages == 0 {
        return Err(EvalError::Empty { path: args.gold.clone() });
    }
    let printed = if args.json { print_json(&policy, &score, output) } else { print(&policy, &score, output) };
    printed.map_err(EvalError::Output)?;
    let total = score.total();
    let asked =
        [("recall", args.recall_min, total.all().recall()), ("precision", args.precision_min, total.precision())];
    for (what, asked, got) in asked {
        if let (Some(asked), Some(got)) = (asked, got)
            && got < asked
        {
            return Err(EvalError::Missed { what, got, asked });
        }
    }
    Ok(())
}

fn measure(args: &EvalArgs, policy: &Policy) -> Result<Score, EvalError> {
    let failed = |source| EvalError::File { path: args.gold.clone(), source };
    let file = File::open(&args.gold).map_err(failed)?;
    let all = file.metadata().map_err(failed)?.len();
    let mut input = BufReader::new(file);
    let mut score = Score::keeping(usize::from(args.show), args.show_text);
    let (mut line, mut done) = (0, 0);
    let next = |input: &mut BufReader<File>, line: &mut u64| {
        gold::next(input, line).map_err(|source| EvalError::Gold { path: args.gold.clone(), source })
    };
    while let Some((message, bytes)) = next(&mut input, &mut line)? {
        let spans = detect(policy, &message.text, &mut Tail::empty(), 0);
        let marks: Vec<_> = found_spans(&message.text, &spans).into_iter().map(|found| found.span).collect();
        score.add(line, &message.text, &message.spans, &marks);
        done += bytes;
        if score.messages.is_multiple_of(BAR_STEP) {
            screen::bar("bytes of gold messages", done, all.max(done + 1));
        }
    }
    screen::bar("bytes of gold messages", done, done);
    Ok(score)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

fn print(policy: &Policy, score: &Score, output: &mut impl Write) -> std::io::Result<()> {
    writeln!(output, "{} version {}, {} messages", policy.id(), policy.version(), score.messages)?;
    let [entity, plain, disguised, precision, f1] = ["entity", "plain", "disguised", "precision", "F1"];
    writeln!(output, "{entity:<20} {plain:>19} {disguised:>19} {precision:>19} {f1:>9}")?;
    for (entity, tally) in score.entities() {
        row(entity.as_str(), tally, output)?;
    }
    row("all", &score.total(), output)?;
    writeln!(output, "values of which a character is shown: {}", score.leaked)?;
    writeln!(output, "messages without values: {}, of these masked: {}", score.clean, score.clean_masked)?;
    list("not found", &score.misses, output)?;
    list("masked without need", &score.false_alarms, output)
}

fn row(name: &str, tally: &Tally, output: &mut impl Write) -> std::io::Result<()> {
    let of = |share: Option<f64>, part: u64, whole: u64| match share {
        Some(_) => format!("{} {part}/{whole}", percent(share)),
        None => "-".to_owned(),
    };
    let recall = |found: Found| of(found.recall(), found.found, found.values);
    let (plain, disguised) = (recall(tally.plain), recall(tally.disguised));
    let precision = of(tally.precision(), tally.right, tally.masks);
    writeln!(output, "{name:<20} {plain:>19} {disguised:>19} {precision:>19} {:>9}", percent(tally.f1()))
}

fn list(what: &str, faults: &[Fault], output: &mut impl Write) -> std::io::Result<()> {
    for fault in faults {
        let Fault { line, start, end, entity, .. } = fault;
        let disguised = if fault.disguised == Some(true) { ", disguised" } else { "" };
        let other = fault.masked_as.map_or_else(String::new, |other| format!(", masked as {other}"));
        let text = fault.text.as_ref().map_or_else(String::new, |text| format!(": {text:?}"));
        writeln!(output, "{what}: line {line}, characters {start} to {end}, {entity}{disguised}{other}{text}")?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Row {
    entity: &'static str,
    plain: Found,
    plain_recall: Option<f64>,
    disguised: Found,
    disguised_recall: Option<f64>,
    masks: u64,
    right: u64,
    precision: Option<f64>,
    f1: Option<f64>,
}

impl Row {
    fn of(entity: &'static str, tally: &Tally) -> Self {
        let Tally { plain, disguised, masks, right } = *tally;
        let (plain_recall, disguised_recall) = (plain.recall(), disguised.recall());
        let (precision, f1) = (tally.precision(), tally.f1());
        Self { entity, plain, plain_recall, disguised, disguised_recall, masks, right, precision, f1 }
    }
}

#[derive(Serialize)]
struct Report<'s> {
    policy: &'s str,
    version: u64,
    messages: u64,
    clean: u64,
    clean_masked: u64,
    leaked: u64,
    total: Row,
    entities: Vec<Row>,
    misses: &'s [Fault],
    false_alarms: &'s [Fault],
}

fn print_json(policy: &Policy, score: &Score, output: &mut impl Write) -> std::io::Result<()> {
    let report = Report {
        policy: policy.id(),
        version: policy.version(),
        messages: score.messages,
        clean: score.clean,
        clean_masked: score.clean_masked,
        leaked: score.leaked,
        total: Row::of("all", &score.total()),
        entities: score.entities().map(|(entity, tally)| Row::of(entity.as_str(), tally)).collect(),
        misses: &score.misses,
        false_alarms: &score.false_alarms,
    };
    serde_json::to_writer_pretty(&mut *output, &report)?;
    output.write_all(b"\n")
}
