//! No column of the database can hold a person's words in readable form.

use crate::source::{Finding, Repository, Text};

/// Columns that may be text: names that the bank gives, hashes, policies, words of a routing table. Never what a person
/// wrote.
const READABLE: &[(&str, &str)] = &[
    ("tenant", "name"),
    ("channel_account", "channel"),
    ("channel_account", "account"),
    ("account", "password"),
    ("policy", "source"),
    ("conversation_route", "rule"),
    ("conversation_route", "queue"),
    ("conversation_route", "skills"),
    ("conversation_route", "tier"),
    ("conversation_route", "language"),
    ("agent", "skills"),
];

/// Types that hold readable text.
const TEXT_TYPES: &[&str] =
    &["text", "varchar", "character", "char", "citext", "name", "json", "jsonb", "xml", "hstore"];

/// Words that begin a line of a table without naming a column.
const NO_COLUMN: &[&str] = &["primary", "unique", "check", "constraint", "foreign", "exclude", "like", "partition"];

/// Columns of a readable type are on the list.
pub fn readable_columns(text: &Text) -> Vec<Finding> {
    if !text.path.starts_with("migrations/") {
        return Vec::new();
    }
    let columns = columns(&text.text).into_iter();
    let readable = columns.filter(|column| TEXT_TYPES.contains(&column.kind.as_str()));
    let refused = readable.filter(|column| !READABLE.contains(&(column.table.as_str(), column.name.as_str())));
    refused
        .map(|column| Finding {
            path: text.path.clone(),
            line: column.line,
            rule: "readable column",
            what: format!("{}.{} is {}", column.table, column.name, column.kind),
            way_out: "Seal it and store bytea; only what no person wrote goes on the list in tests/tidy/schema.rs",
        })
        .collect()
}

/// The list names columns that exist.
pub fn list_is_used(repository: &Repository) -> Vec<Finding> {
    let migrations = repository.texts.iter().filter(|text| text.path.starts_with("migrations/"));
    let found: Vec<Column> = migrations.flat_map(|text| columns(&text.text)).collect();
    let exists = |table: &str, name: &str| found.iter().any(|column| column.table == table && column.name == name);
    let stale = READABLE.iter().filter(|(table, name)| !exists(table, name));
    stale
        .map(|(table, name)| Finding {
            path: "tests/tidy/schema.rs".to_owned(),
            line: 1,
            rule: "readable column",
            what: format!("{table}.{name} is listed but no migration has it"),
            way_out: "Take it off the list",
        })
        .collect()
}

struct Column {
    table: String,
    name: String,
    kind: String,
    line: usize,
}

/// The columns that `CREATE TABLE` and `ALTER TABLE … ADD COLUMN` name. Knows as much SQL as migrations use.
fn columns(sql: &str) -> Vec<Column> {
    let sql: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default().to_lowercase() + "\n").collect();
    let mut found = Vec::new();
    let mut line = 1;
    for statement in sql.split(';') {
        let words: Vec<&str> = statement.split_whitespace().filter(|word| !is_noise(word)).collect();
        match words.as_slice() {
            ["create", "table", table, ..] => {
                let table = table.split('(').next().unwrap_or_default();
                if let Some(open) = statement.find('(') {
                    let from = line + statement[..open].matches('\n').count();
                    found.extend(definitions(table, &statement[open + 1..], from));
                }
            }
            ["alter", "table", table, rest @ ..] => {
                let added = (0..rest.len()).filter_map(|at| added_column(&rest[at..]));
                let at_line = line + leading_newlines(statement);
                found.extend(added.filter_map(|words| column(table, &words, at_line)));
            }
            _ => {}
        }
        line += statement.matches('\n').count();
    }
    found
}

/// Name and type of a column that begins here, in the words of an `ALTER TABLE`.
fn added_column<'a>(words: &[&'a str]) -> Option<[&'a str; 2]> {
    match words {
        ["add", "column", name, kind, ..] | ["add", name, kind, ..] => Some([name, kind]),
        ["alter", "column", rest @ ..] | ["alter", rest @ ..] => match rest {
            [name, "type", kind, ..] | [name, "set", "data", "type", kind, ..] => Some([name, kind]),
            _ => None,
        },
        _ => None,
    }
}

fn is_noise(word: &str) -> bool {
    ["if", "not", "exists", "only", "temporary", "temp", "unlogged"].contains(&word)
}

fn leading_newlines(statement: &str) -> usize {
    statement[..statement.len() - statement.trim_start().len()].matches('\n').count()
}

/// Splits what stands between a table's parentheses at its own commas.
fn definitions(table: &str, body: &str, from: usize) -> Vec<Column> {
    let (mut depth, mut line, mut start) = (0, from, String::new());
    let mut found = Vec::new();
    let mut begun_at = from;
    for letter in body.chars() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            '\n' => line += 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            found.extend(column(table, &start.split_whitespace().collect::<Vec<_>>(), begun_at));
            start.clear();
            continue;
        }
        if start.trim().is_empty() {
            begun_at = line;
        }
        start.push(letter);
    }
    found.extend(column(table, &start.split_whitespace().collect::<Vec<_>>(), begun_at));
    found
}

fn column(table: &str, words: &[&str], line: usize) -> Option<Column> {
    let [name, kind, ..] = words else { return None };
    let kind: String = kind.chars().take_while(char::is_ascii_alphanumeric).collect();
    let name = name.trim_matches('"');
    let table = table.trim_start_matches("public.").trim_matches('"');
    (!NO_COLUMN.contains(&name)).then(|| Column { table: table.to_owned(), name: name.to_owned(), kind, line })
}

#[test]
fn a_readable_column_is_found_wherever_it_is_added() {
    for (sql, expect) in [
        ("CREATE TABLE contact (id uuid, note text NOT NULL);", vec![("contact.note", 1)]),
        ("create table contact (\n  id uuid,\n  note\n    VARCHAR(20)\n);", vec![("contact.note", 3)]),
        ("CREATE TABLE IF NOT EXISTS contact(a jsonb, b json);", vec![("contact.a", 1), ("contact.b", 1)]),
        ("CREATE TABLE a (x text[]);", vec![("a.x", 1)]),
        ("SELECT 1;\nALTER TABLE contact ADD COLUMN note text;", vec![("contact.note", 2)]),
        (
            "ALTER TABLE ONLY contact ADD IF NOT EXISTS note text, ADD x text;",
            vec![("contact.note", 1), ("contact.x", 1)],
        ),
        ("ALTER TABLE contact ALTER COLUMN note TYPE text;", vec![("contact.note", 1)]),
        ("CREATE TABLE tenant (name text CHECK (name ~ 'a,b'), PRIMARY KEY (name));", vec![]),
        ("CREATE TABLE contact (note bytea); -- note text", vec![]),
        ("ALTER TABLE message ALTER COLUMN masked SET STORAGE EXTERNAL;", vec![]),
    ] {
        let text = Text { path: "migrations/V2__x.sql".to_owned(), text: sql.to_owned() };
        let found = readable_columns(&text);
        let found: Vec<_> = found.iter().map(|f| (f.what.split(' ').next().unwrap(), f.line)).collect();
        assert_eq!(found, expect, "{sql}");
    }
}

#[test]
fn a_listed_column_that_does_not_exist_is_found() {
    assert_eq!(list_is_used(&Repository::of(&[])).len(), READABLE.len());
    let one = ("migrations/V1__x.sql", "CREATE TABLE tenant (name text);");
    assert_eq!(list_is_used(&Repository::of(&[one])).len(), READABLE.len() - 1);
}
