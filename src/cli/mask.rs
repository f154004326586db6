//! `lww mask`: masks messages from standard input by a policy file, to try a policy or to clean an export.
//!
//! One message a line, or documents whose fields name their values, read and written as a stream: memory does not grow with the input, and what was masked is written
//! before an error ends the command. It starts no server, touches no database, and never prints what it could not mask.

pub mod eval;
mod format;
mod gold;
mod score;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::CommandError;
use crate::domain::masking::{
    self, DEPTH_MAX, Heard, MaskedText, Policy, PolicyError, Span, Tail, Tokens, UnknownView, VALUES_MAX, View,
    token_letters,
};
use crate::units::MessageId;

/// Longest line in bytes, its line feed not counted.
const LINE_BYTES_MAX: usize = 8 << 20;
/// Longest policy or key file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Lines of a conversation that a later one may still complete; older ones stay as they are.
const HELD_LINES_MAX: usize = 64;
/// Shortest token key in bytes.
const KEY_BYTES_MIN: usize = 16;
/// Bytes of an HMAC that make a token.
const TOKEN_BYTES: usize = 16;

const EXAMPLES: &str = "\
Examples:
  What an agent sees of a message (`first 6, last 4` by the retail policy):
    echo '卡号6222 0212 3456 7890 128' | lww mask --policy policies/masking/cn-retail.yaml --view agent
    卡号622202*********0128

  An export for a language model, with what was found and where:
    lww mask --policy policies/masking/cn-retail.yaml --view model --jsonl < messages.jsonl > masked.jsonl

  A number told over two messages, or a code asked for in one and given in the next:
    printf '验证码是多少？\\n384921\\n' | lww mask --policy policies/masking/cn-retail.yaml --view agent --conversation

  A table, whose column names say what its cells are (手机, card_no, sfzh and the like):
    lww mask --policy policies/masking/cn-retail.yaml --view export --format csv < customers.csv > masked.csv

  Tokens that stay the same for the same value (views that use `token:` need a key; keep it secret):
    head -c 32 /dev/urandom > token.key
    lww mask --policy policies/masking/cn-retail.yaml --view analytics --token-key-file token.key < messages.txt";

pub use self::format::Format;

/// Mask messages from standard input by a policy file, or measure a policy.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct MaskCommand {
    /// What to do; without it, mask.
    #[command(subcommand)]
    measure: Option<MeasureCommand>,
    /// How to mask.
    #[command(flatten)]
    mask: Option<MaskArgs>,
}

/// Measurements.
#[derive(clap::Subcommand, Debug)]
enum MeasureCommand {
    /// Measure a policy on messages of which it is known what is in them.
    Eval(eval::EvalArgs),
}

impl MaskCommand {
    /// Masks, or measures.
    ///
    /// # Errors
    /// As [`run`] and [`eval::run`].
    pub fn run(&self) -> Result<(), CommandError> {
        match (&self.measure, &self.mask) {
            (Some(MeasureCommand::Eval(args)), _) => Ok(eval::run(args, &mut io::stdout().lock())?),
            (None, Some(args)) => Ok(run(args, io::stdin().lock(), io::stdout().lock())?),
            (None, None) => Ok(()),
        }
    }
}

/// Mask messages from standard input by a policy file, one message a line.
#[derive(clap::Args, Debug)]
pub struct MaskArgs {
    /// Masking policy (YAML). Its own tests run first; a policy that fails one masks nothing.
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Who will read the output: customer, agent, supervisor, auditor, record, analytics, model, export or outbound.
    #[arg(long, value_parser = parse_view)]
    pub view: View,
    /// What the input is: text, a message a line; jsonl, as --jsonl; json, any documents, one after the other; csv, with a line
    /// of column names; form, `name=value&…` a line. Names of fields and columns are words beside their values.
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with_all = ["jsonl"])]
    pub format: Format,
    /// Read `{"text": …}` a line, write `{"text", "spans"}`; offsets count Unicode characters of the input.
    #[arg(long)]
    pub jsonl: bool,
    /// Treat all lines as one conversation: a number or an answer may continue the line before, which is then masked again.
    /// Text is therefore written 64 lines late, or at the end; with --jsonl each line at once, and of one that is masked
    /// again also `{"again": number of the line, "text": …}`.
    #[arg(long)]
    pub conversation: bool,
    /// Secret key of at least 16 bytes for the tokens of views that use `token:`.
    #[arg(long, value_name = "FILE")]
    pub token_key_file: Option<PathBuf>,
}

fn parse_view(name: &str) -> Result<View, UnknownView> {
    name.parse()
}

/// Why `lww mask` stopped. Lines before the named one are masked and written.
#[derive(Debug, thiserror::Error)]
pub enum MaskCommandError {
    /// The policy is refused.
    #[error("{path}: {source}")]
    Policy {
        /// The policy file.
        path: PathBuf,
        /// Why it is refused.
        source: PolicyError,
    },
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than any policy or key.
    #[error("{path} is larger than {max_bytes} bytes")]
    FileTooLong {
        /// The file.
        path: PathBuf,
        /// Largest file in bytes.
        max_bytes: u64,
    },
    /// The policy file is not UTF-8.
    #[error("{path} is not UTF-8 text")]
    PolicyNotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The view shows tokens, and no key was given.
    #[error("the view {view} shows tokens: name a secret key with --token-key-file FILE")]
    KeyMissing {
        /// The view.
        view: View,
    },
    /// The token key is too short to be a secret.
    #[error("{path} holds {got_bytes} bytes, a token key needs at least {KEY_BYTES_MIN}")]
    KeyTooShort {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        got_bytes: usize,
    },
    /// A line is longer than any message.
    #[error("line {line}: longer than {LINE_BYTES_MAX} bytes")]
    LineTooLong {
        /// Number of the line, from 1.
        line: u64,
    },
    /// A line is not UTF-8.
    #[error("line {line}: not UTF-8 text, at byte {offset}")]
    NotUtf8 {
        /// Number of the line, from 1.
        line: u64,
        /// Offset in the line, in bytes from 0.
        offset: usize,
    },
    /// With `--jsonl`, a line is not `{"text": …}`.
    #[error("line {line}: expected {{\"text\": …}} and nothing else, at column {column}")]
    NotJson {
        /// Number of the line, from 1.
        line: u64,
        /// Where parsing stopped, in bytes from 1.
        column: usize,
    },
    /// With `--format json`, what comes next is no document.
    #[error(
        "document {document}: expected a JSON object or array, nested at most {DEPTH_MAX} deep, of at most {VALUES_MAX} values and {LINE_BYTES_MAX} bytes"
    )]
    NotDocument {
        /// Number of the document, from 1.
        document: u64,
    },
    /// With `--format form`, a line is no form.
    #[error("line {line}: expected name=value, with & between")]
    NotForm {
        /// Number of the line, from 1.
        line: u64,
    },
    /// With `--format csv`, a record can't be read.
    #[error("record {record}: {what}")]
    NotCsv {
        /// Number of the record, from 1, the column names not counted.
        record: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// `--conversation` goes with messages only.
    #[error("--conversation needs messages: --format text or jsonl")]
    NoConversation,
    /// Reading the input failed.
    #[error("reading the input failed at line {line}: {source}")]
    Input {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Writing the output failed.
    #[error("writing the output failed at line {line}: {source}")]
    Output {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Masks `input` line by line and writes what the view may see to `output`.
///
/// # Errors
/// Stops at the first line that cannot be masked; everything before it is written and flushed.
pub fn run(args: &MaskArgs, input: impl BufRead, output: impl Write) -> Result<(), MaskCommandError> {
    let policy = load_policy(&args.policy)?;
    let key = load_key(args, &policy)?;
    let masker = Masker { args, policy, key };
    let mut output = io::BufWriter::new(output);
    let outcome = match args.format {
        Format::Text | Format::Jsonl => masker.mask_all(input, &mut output),
        Format::Json | Format::Csv | Format::Form if args.conversation => Err(MaskCommandError::NoConversation),
        Format::Json => masker.mask_documents(input, &mut output),
        Format::Csv => masker.mask_table(input, &mut output),
        Format::Form => masker.mask_forms(input, &mut output),
    };
    let flushed = output.flush();
    match (outcome, flushed) {
        // Whoever reads the output has seen enough.
        (Err(MaskCommandError::Output { source, .. }), _) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        (Ok(_), Err(source)) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        (Ok(line), Err(source)) => Err(MaskCommandError::Output { line, source }),
        (outcome, _) => outcome.map(|_lines| ()),
    }
}

impl MaskArgs {
    fn is_jsonl(&self) -> bool {
        self.jsonl || self.format == Format::Jsonl
    }
}

struct Masker<'a> {
    args: &'a MaskArgs,
    policy: Policy,
    key: TokenKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMessage {
    text: Zeroizing<String>,
}

#[derive(Serialize)]
struct JsonMasked<'m> {
    text: String,
    spans: Vec<JsonSpan<'m>>,
}

/// What an earlier line is from here on.
#[derive(Serialize)]
struct JsonAgain {
    again: u64,
    text: String,
}

/// Lines of a conversation, with their numbers, that a later one may complete.
type Held = VecDeque<(u64, MaskedText)>;

#[derive(Serialize)]
struct JsonSpan<'m> {
    start: usize,
    end: usize,
    entity: &'static str,
    class: &'static str,
    rule: RuleName<'m>,
    confidence: u8,
}

/// A rule by policy, version and entity: `cn-retail@2/cn.mobile`.
struct RuleName<'m>(&'m Policy, &'static str);

impl fmt::Display for RuleName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.0.id(), self.0.version(), self.1)
    }
}

impl Serialize for RuleName<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Masker<'_> {
    /// Masks every line; returns how many there were.
    fn mask_all(&self, mut input: impl BufRead, output: &mut impl Write) -> Result<u64, MaskCommandError> {
        let mut bytes = Zeroizing::new(Vec::new());
        let (mut tail, mut held, mut line) = (Tail::empty(), Held::new(), 0);
        let outcome = loop {
            match read_line(&mut input, &mut bytes, line + 1) {
                Ok(true) => line += 1,
                Ok(false) => break Ok(line),
                Err(error) => break Err(error),
            }
            if !self.args.conversation {
                tail = Tail::empty();
            }
            if let Err(error) = self.mask_line(&bytes, line, (&mut tail, &mut held), output) {
                break Err(error);
            }
        };
        let written = self.release(&mut held, 0, output).map_err(|source| MaskCommandError::Output { line, source });
        outcome.and_then(|lines| written.map(|()| lines))
    }

    fn mask_line(
        &self,
        bytes: &[u8],
        line: u64,
        (tail, held): (&mut Tail, &mut Held),
        output: &mut impl Write,
    ) -> Result<(), MaskCommandError> {
        let text =
            std::str::from_utf8(bytes).map_err(|bad| MaskCommandError::NotUtf8 { line, offset: bad.valid_up_to() })?;
        let failed = |source| MaskCommandError::Output { line, source };
        if self.args.is_jsonl() {
            // The parser's own words quote the input, so only the place is kept.
            let message: JsonMessage =
                serde_json::from_str(text).map_err(|bad| MaskCommandError::NotJson { line, column: bad.column() })?;
            let (masked, spans) = self.mask(&message.text, line, (tail, held), output).map_err(failed)?;
            self.write_json(&message.text, &masked, &spans, output).map_err(failed)?;
            held.push_back((line, masked));
        } else {
            let (masked, _) = self.mask(text, line, (tail, held), output).map_err(failed)?;
            held.push_back((line, masked));
        }
        let most = if self.args.conversation { HELD_LINES_MAX } else { 0 };
        self.release(held, most, output).map_err(failed)
    }

    /// Masks a line, and again what it tells of earlier ones.
    fn mask(
        &self,
        text: &str,
        line: u64,
        (tail, held): (&mut Tail, &mut Held),
        output: &mut impl Write,
    ) -> io::Result<(MaskedText, Vec<Span>)> {
        // Lines have no times: within one conversation they count as sent at once.
        let id = |line: u64| MessageId::from_random(u128::from(line).to_be_bytes());
        let Heard { spans, again } = masking::hear(&self.policy, text, tail, id(line), 0);
        for again in &again {
            let Some((number, earlier)) = held.iter_mut().find(|(line, _)| id(*line) == again.message) else {
                continue;
            };
            *earlier = masking::mask_again(&self.policy, earlier, again, &self.key);
            if self.args.is_jsonl() {
                let again = JsonAgain { again: *number, text: earlier.render(self.args.view) };
                serde_json::to_writer(&mut *output, &again)?;
                output.write_all(b"\n")?;
            }
        }
        Ok((masking::apply(&self.policy, text, &spans, &self.key), spans))
    }

    /// Lets the oldest lines go until at most `most` are held, and writes those that were not yet.
    fn release(&self, held: &mut Held, most: usize, output: &mut impl Write) -> io::Result<()> {
        while held.len() > most {
            if let Some((_, masked)) = held.pop_front()
                && !self.args.is_jsonl()
            {
                writeln!(output, "{}", masked.render(self.args.view))?;
            }
        }
        Ok(())
    }

    fn write_json(&self, text: &str, masked: &MaskedText, spans: &[Span], output: &mut impl Write) -> io::Result<()> {
        let (mut at_byte, mut at_character) = (0, 0);
        let mut characters = |byte: usize| {
            at_character += text.get(at_byte..byte).unwrap_or_default().chars().count();
            at_byte = byte;
            at_character
        };
        let spans = spans
            .iter()
            .map(|span| JsonSpan {
                start: characters(span.bytes.start),
                end: characters(span.bytes.end),
                entity: span.entity.as_str(),
                class: span.class.as_str(),
                rule: RuleName(&self.policy, span.entity.as_str()),
                confidence: span.confidence,
            })
            .collect();
        serde_json::to_writer(&mut *output, &JsonMasked { text: masked.render(self.args.view), spans })?;
        output.write_all(b"\n")
    }
}

/// Reads one line without its line end; false at the end of the input.
fn read_line(input: &mut impl BufRead, bytes: &mut Vec<u8>, line: u64) -> Result<bool, MaskCommandError> {
    bytes.clear();
    let read = input
        .take(LINE_BYTES_MAX as u64 + 2)
        .read_until(b'\n', bytes)
        .map_err(|source| MaskCommandError::Input { line, source })?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.len() > LINE_BYTES_MAX {
        return Err(MaskCommandError::LineTooLong { line });
    }
    Ok(read > 0)
}

/// The key of this command's tokens; each key name and entity gives other tokens.
struct TokenKey(Option<hmac::Key>);

impl Tokens for TokenKey {
    fn token(&self, key: &str, entity: &str, canonical: &str) -> String {
        let Some(secret) = &self.0 else { return String::new() };
        let mut context = hmac::Context::with_key(secret);
        for part in [key, entity, canonical] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        token_letters(context.sign().as_ref().get(..TOKEN_BYTES).unwrap_or_default())
    }
}

fn load_policy(path: &Path) -> Result<Policy, MaskCommandError> {
    let bytes = read_file(path)?;
    let yaml = std::str::from_utf8(&bytes).map_err(|_bad| MaskCommandError::PolicyNotUtf8 { path: path.into() })?;
    Policy::load(yaml).map_err(|source| MaskCommandError::Policy { path: path.into(), source })
}

fn load_key(args: &MaskArgs, policy: &Policy) -> Result<TokenKey, MaskCommandError> {
    let Some(path) = &args.token_key_file else {
        let shows_tokens = policy.rules().iter().any(|rule| rule.operator(args.view).needs_key());
        return if shows_tokens { Err(MaskCommandError::KeyMissing { view: args.view }) } else { Ok(TokenKey(None)) };
    };
    let secret = read_file(path)?;
    if secret.len() < KEY_BYTES_MIN {
        return Err(MaskCommandError::KeyTooShort { path: path.clone(), got_bytes: secret.len() });
    }
    Ok(TokenKey(Some(hmac::Key::new(hmac::HMAC_SHA256, &secret))))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, MaskCommandError> {
    let failed = |source| MaskCommandError::File { path: path.into(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(MaskCommandError::FileTooLong { path: path.into(), max_bytes: FILE_BYTES_MAX });
    }
    Ok(bytes)
}
