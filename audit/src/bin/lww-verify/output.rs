//! Words verdicts: text for people, with colour on a terminal only, or one line of JSON.
//!
//! The exit code is that of the first thing refused; a declared gap has its own where nothing is. Opened texts come from outside and may hold terminal escapes, so
//! control characters are shown, not sent.

use lww_audit::{Class, Declaration, Error};
use serde_json::{Map, Value, json};
use std::io::{IsTerminal as _, Write as _, stdout};
use std::process::ExitCode;

const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";
const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";
/// Width of the column of names in text output.
const NAME_COLUMNS: usize = 12;

/// Where verdicts go.
pub struct Output {
    json: bool,
    colour: bool,
    first_refused: Option<Class>,
    has_gap: bool,
}

/// The facts of a verdict, in order.
#[derive(Default)]
pub struct Facts(Vec<(&'static str, Value)>);

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Self {
        self.0.push((name, value.into()));
        self
    }
}

impl Output {
    /// Starts with nothing refused.
    pub fn new(json: bool) -> Self {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, first_refused: None, has_gap: false }
    }

    /// Says that `subject` is valid, and what it says.
    pub fn accept(&self, subject: &str, facts: Facts) {
        self.print("VALID", GREEN, subject, None, facts);
    }

    /// Says that `subject` is valid as far as it goes, and which gaps are declared; without any it is valid.
    pub fn accept_with_gaps<'a>(
        &mut self,
        subject: &str,
        gaps: impl IntoIterator<Item = &'a Declaration>,
        facts: Facts,
    ) {
        let gaps: Vec<_> = gaps.into_iter().collect();
        if gaps.is_empty() {
            return self.accept(subject, facts);
        }
        let mut all = Facts::default();
        all.add("gap", gaps.iter().map(|gap| json!(gap.told())).collect::<Vec<_>>());
        all.add("kept_proven", gaps.iter().map(|gap| json!(proven(gap))).collect::<Vec<_>>());
        all.add("old_key_signed", gaps.iter().all(|gap| gap.old.is_some()));
        all.0.extend(facts.0);
        self.print("DECLARED GAP", YELLOW, subject, Some(Class::DeclaredGap), all);
        self.has_gap = true;
    }

    /// Says that `subject` is refused, and why.
    pub fn refuse(&mut self, subject: &str, error: &Error) {
        self.refuse_with(subject, error, Facts::default());
    }

    /// Says that `subject` is refused, why, and where.
    pub fn refuse_with(&mut self, subject: &str, error: &Error, facts: Facts) {
        let mut all = Facts::default();
        let source = std::error::Error::source(error).map(|source| format!(" ({source})"));
        // An error in a file names the file and then its own source, which would be said twice.
        let reason = match error {
            Error::Io { .. } => format!("{error}{}", source.unwrap_or_default()),
            error => error.to_string(),
        };
        all.add("reason", reason);
        all.0.extend(facts.0);
        self.print("REFUSED", RED, subject, Some(error.class()), all);
        self.first_refused.get_or_insert(error.class());
    }

    /// Says something that is no verdict: the text for people, or the facts as one line of JSON.
    pub fn tell(&self, text: &str, facts: Facts) {
        let line = if self.json {
            let members = facts.0.into_iter().map(|(name, value)| (name.to_owned(), value));
            format!("{}\n", Value::Object(members.collect()))
        } else {
            format!("{}\n", visible(text))
        };
        let _ = stdout().lock().write_all(line.as_bytes());
    }

    /// Returns the exit code of everything said so far.
    pub fn exit_code(&self) -> ExitCode {
        let gap = self.has_gap.then_some(Class::DeclaredGap);
        self.first_refused.or(gap).map_or(ExitCode::SUCCESS, |class| ExitCode::from(class.exit_code()))
    }

    fn print(&self, verdict: &str, colour: &str, subject: &str, class: Option<Class>, facts: Facts) {
        let text = if self.json {
            json_line(subject, class, facts)
        } else {
            let (on, off) = if self.colour { (colour, PLAIN) } else { ("", "") };
            let class = class.map(|class| format!(" [{}, exit code {}]", class.name(), class.exit_code()));
            let head = format!("{on}{verdict}{off}  {}{}\n", visible(subject), class.unwrap_or_default());
            facts.0.iter().fold(head, |text, (name, value)| text + &fact_line(name, value))
        };
        // A closed pipe is the reader's choice and changes no verdict.
        let _ = stdout().lock().write_all(text.as_bytes());
    }
}

/// How much of what survived is proven to be what was signed.
fn proven(gap: &Declaration) -> String {
    let (proven, kept) = (gap.proven(), gap.kept.0);
    if proven == kept {
        format!("all {kept} entries before it, by what was signed last")
    } else {
        format!("{proven} of {kept} entries before it, by what was signed last: compare with checkpoints that you kept")
    }
}

fn json_line(subject: &str, class: Option<Class>, facts: Facts) -> String {
    let mut line = Map::new();
    line.insert("subject".to_owned(), json!(subject));
    line.insert("valid".to_owned(), json!(class.is_none()));
    line.insert("class".to_owned(), json!(class.map_or("valid", Class::name)));
    line.insert("exit_code".to_owned(), json!(class.map_or(0, Class::exit_code)));
    line.extend(facts.0.into_iter().map(|(name, value)| (name.to_owned(), value)));
    format!("{}\n", Value::Object(line))
}

fn fact_line(name: &str, value: &Value) -> String {
    let value = match value {
        Value::Null => return String::new(),
        Value::String(text) => visible(text),
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), visible));
            texts.collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    format!("  {:<NAME_COLUMNS$} {value}\n", name.replace('_', " "))
}

/// Shows control characters, and those that reorder text, instead of sending them to the terminal.
fn visible(text: &str) -> String {
    let is_reordering =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_reordering(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}
