//! Files: the name, and behind it what was read: a text, or a table whose columns have names.
//!
//! A table is read twice: each cell as a field under its column's name, and each line as the text that people see; what only
//! the line tells counts where no cell speaks. The name of a file is masked like any text, because it often is somebody's number.

use std::ops::Range;

use super::detect::{Heard, detect, hear};
use super::policy::Policy;
use super::span::Span;
use super::structured::detect_field;
use super::tail::Tail;
use crate::units::MessageId;

/// How the text of a file is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// As a text; a JSON document is one, too.
    Text,
    /// As lines of cells with a tab between them; an empty line ends a table.
    Table,
}

/// Finds the sensitive values of a file: `text` is its name, which has `name_bytes` bytes, a line break, and what was read.
pub(in crate::domain) fn hear_file(
    policy: &Policy,
    (text, name_bytes, layout): (&str, usize, Layout),
    tail: &mut Tail,
    message: MessageId,
    now_us: i64,
) -> Heard {
    let name = text.get(..name_bytes).unwrap_or_default();
    let begins = text.len().min(name_bytes + 1);
    let body = text.get(begins..).unwrap_or_default();
    let Heard { spans, again } = match layout {
        Layout::Text => hear(policy, body, tail, message, now_us),
        Layout::Table => Heard { spans: of_table(policy, body), again: Vec::new() },
    };
    let mut found = detect(policy, name, &mut Tail::empty(), now_us);
    found.extend(moved(spans, begins));
    Heard { spans: found, again }
}

fn moved(spans: Vec<Span>, by: usize) -> impl Iterator<Item = Span> {
    spans.into_iter().map(move |span| Span { bytes: span.bytes.start + by..span.bytes.end + by, ..span })
}

/// The values of lines of cells, in order.
fn of_table(policy: &Policy, table: &str) -> Vec<Span> {
    let (mut found, mut names, mut begins) = (Vec::new(), Vec::new(), 0);
    for line in table.split('\n') {
        if line.is_empty() {
            names.clear();
        } else if names.is_empty() && is_heading(line) {
            names = line.split('\t').collect();
        }
        found.extend(moved(of_line(policy, line, &names), begins));
        begins += line.len() + 1;
    }
    found
}

/// Whether a line names columns: two cells at least, and no number in any.
fn is_heading(line: &str) -> bool {
    line.split('\t').filter(|cell| !cell.trim().is_empty()).count() > 1
        && !line.bytes().any(|byte| byte.is_ascii_digit())
}

fn of_line(policy: &Policy, line: &str, names: &[&str]) -> Vec<Span> {
    let (mut spans, mut begins) = (Vec::new(), 0);
    for (place, cell) in line.split('\t').enumerate() {
        let name = names.get(place).copied().unwrap_or_default();
        spans.extend(moved(detect_field(policy, name, cell), begins));
        begins += cell.len() + 1;
    }
    let overlaps = |one: &Range<usize>, other: &Range<usize>| one.start < other.end && other.start < one.end;
    let mut further = detect(policy, line, &mut Tail::empty(), 0);
    further.retain(|span| !spans.iter().any(|known: &Span| overlaps(&known.bytes, &span.bytes)));
    spans.extend(further);
    spans.sort_unstable_by_key(|span| span.bytes.start);
    spans
}

#[cfg(test)]
mod tests {
    use super::super::{Tokens, View, apply};
    use super::*;

    struct NoTokens;
    impl Tokens for NoTokens {
        fn token(&self, _: &str, _: &str, _: &str) -> String {
            "token".to_owned()
        }
    }

    fn shown(name: &str, body: &str, layout: Layout) -> String {
        let policy = Policy::load(include_str!("../../../policies/masking/cn-retail.yaml")).unwrap();
        let text = format!("{name}\n{body}");
        let message = MessageId::from_random([1; 16]);
        let heard = hear_file(&policy, (&text, name.len(), layout), &mut Tail::empty(), message, 0);
        assert!(heard.spans.windows(2).all(|pair| pair[0].bytes.end <= pair[1].bytes.start), "spans overlap");
        apply(&policy, &text, &heard.spans, &NoTokens).render(View::Agent)
    }

    #[test]
    fn the_name_and_the_text_of_a_file_are_masked_each_by_itself() {
        let shown = shown("110101199003074514.txt", "卡号6222 0212 3456 7890 128", Layout::Text);
        assert!(!shown.contains("110101199003074514") && !shown.contains("34567890"), "{shown}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }

    #[test]
    fn a_column_s_name_speaks_for_its_cells_and_a_line_for_what_has_none() {
        let shown = shown("a", "对账单\n\n姓名\tcvv\n张三\t737\n李四\t456\n\n手机号\t13812345678", Layout::Table);
        assert!(!shown.contains("737") && !shown.contains("456") && !shown.contains("13812345678"), "{shown}");
        assert_eq!(shown.matches('\t').count(), 4, "cells stay where they are: {shown}");
    }
}
