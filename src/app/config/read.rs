//! Reads one section of the file: known keys only, each of the right type, each with its place. It knows the table of
//! keys and TOML, and no meaning of any value.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Problem};
use super::keys::{Bounds, KEYS, Member, members};

/// Longest part of an unknown key that an error repeats, in characters.
const KEY_SHOWN_CHARS_MAX: usize = 64;
/// Most tables that one list may hold.
const LIST_TABLES_MAX: usize = 1_000;

/// The file's text with its name, for telling places.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The file's name.
    pub(super) file: &'a str,
    /// Its text.
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// An error at a byte offset.
    pub(super) fn error(self, at: usize, problem: Problem) -> ConfigError {
        let (line, column) = self.place(at);
        ConfigError::At { file: self.file.to_owned(), line, column, problem: Box::new(problem) }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub(super) fn place(self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        (line, column)
    }
}

/// A value with its key and place.
#[derive(Clone)]
pub(super) struct Field<'a, T> {
    /// The key's full name.
    pub(super) key: &'static str,
    /// The value.
    pub(super) value: T,
    /// Where it stands; where its section begins when it is a default.
    pub(super) at: usize,
    source: Source<'a>,
}

impl<'a, T> Field<'a, T> {
    /// An error about this value.
    pub(super) fn error(&self, problem: Problem) -> ConfigError {
        self.source.error(self.at, problem)
    }

    /// An error that says what the value must be.
    pub(super) fn expected(&self, expected: impl Into<String>) -> ConfigError {
        self.error(Problem::Value { key: self.key, expected: expected.into() })
    }

    /// Most bytes that the table of keys allows.
    pub(super) fn bytes_max(&self) -> usize {
        KEYS.iter().find(|known| known.key == self.key).map_or(usize::MAX, super::keys::Key::bytes_max)
    }

    /// The words that the table of keys allows.
    pub(super) fn words(&self) -> &'static [&'static str] {
        match KEYS.iter().find(|known| known.key == self.key).map(|known| known.bounds) {
            Some(Bounds::Words(words)) => words,
            Some(Bounds::Form | Bounds::Bytes(_) | Bounds::Numbers(..)) | None => &[],
        }
    }

    /// The line that the value stands in.
    pub(super) fn line(&self) -> usize {
        self.source.place(self.at).0
    }

    /// The same place with another value.
    pub(super) fn with<U>(&self, value: U) -> Field<'a, U> {
        Field { key: self.key, value, at: self.at, source: self.source }
    }
}

/// One table of the file.
pub(super) struct Section<'a> {
    name: String,
    table: Option<&'a DeTable<'a>>,
    at: usize,
    source: Source<'a>,
}

impl<'a> Section<'a> {
    /// The root table.
    pub(super) fn root(source: Source<'a>, table: &'a Spanned<DeTable<'a>>) -> Result<Self, ConfigError> {
        Self::open(String::new(), Some(table.get_ref()), table.span().start, source)
    }

    fn open(name: String, table: Option<&'a DeTable<'a>>, at: usize, source: Source<'a>) -> Result<Self, ConfigError> {
        let section = Self { name, table, at, source };
        let known = members(&section.name);
        for key in section.table.into_iter().flat_map(|table| table.keys()) {
            if known.iter().all(|(name, _)| *name != key.get_ref().as_ref()) {
                return Err(section.unknown(key.get_ref(), key.span().start, &known));
            }
        }
        Ok(section)
    }

    /// A table within this one; an empty one when it isn't there.
    pub(super) fn section(&self, name: &'static str) -> Result<Self, ConfigError> {
        match self.find(name) {
            None => Self::open(self.full(name), None, self.at, self.source),
            Some((span, DeValue::Table(table))) => Self::open(self.full(name), Some(table), span.start, self.source),
            Some((span, other)) => Err(self.wrong_type(name, "a table", span.start, other)),
        }
    }

    /// A list of tables within this one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type of TOML is wrong here")]
    pub(super) fn sections(&self, name: &'static str) -> Result<Vec<Self>, ConfigError> {
        let expected = "a list of tables";
        let Some((span, value)) = self.find(name) else { return Ok(Vec::new()) };
        let DeValue::Array(items) = value else { return Err(self.wrong_type(name, expected, span.start, value)) };
        if items.len() > LIST_TABLES_MAX {
            let (key, expected) = (self.key(name), format!("at most {LIST_TABLES_MAX} tables"));
            return Err(self.source.error(span.start, Problem::Value { key, expected }));
        }
        let open = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::Table(table) => Self::open(self.full(name), Some(table), item.span().start, self.source),
            other => Err(self.wrong_type(name, expected, item.span().start, other)),
        };
        items.iter().map(open).collect()
    }

    /// A text value or its default; `None` when there is neither.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<Field<'a, &'a str>>, ConfigError> {
        match self.find(name) {
            None => Ok(self.default(name)),
            Some((span, DeValue::String(text))) => Ok(Some(self.field(name, text.as_ref(), span.start))),
            Some((span, other)) => Err(self.wrong_type(name, "a string", span.start, other)),
        }
    }

    /// A text value that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<Field<'a, &'a str>, ConfigError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number or its default, within the bounds of the table of keys.
    pub(super) fn integer(&self, name: &'static str) -> Result<i32, ConfigError> {
        let (least, most) = match self.known(name).map(|key| key.bounds) {
            Some(Bounds::Numbers(least, most)) => (least, most),
            Some(Bounds::Form | Bounds::Bytes(_) | Bounds::Words(_)) | None => (i32::MIN, i32::MAX),
        };
        let (digits, radix, at) = match self.find(name) {
            None => (self.default(name).map_or("", |field| field.value), 10, self.at),
            Some((span, DeValue::Integer(value))) => (value.as_str(), value.radix(), span.start),
            Some((span, other)) => return Err(self.wrong_type(name, "an integer", span.start, other)),
        };
        let value = i32::from_str_radix(digits, radix).ok().filter(|value| (least..=most).contains(value));
        let expected = || format!("a whole number from {least} to {most}");
        value.ok_or_else(|| self.field(name, (), at).expected(expected()))
    }

    /// Whether the file has this section.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Whether a key is set to true; a default counts.
    pub(super) fn boolean(&self, name: &'static str) -> Result<Field<'a, bool>, ConfigError> {
        match self.find(name) {
            None => {
                let default = self.default(name).is_some_and(|field| field.value == "true");
                Ok(self.field(name, default, self.at))
            }
            Some((span, DeValue::Boolean(value))) => Ok(self.field(name, *value, span.start)),
            Some((span, other)) => Err(self.wrong_type(name, "true or false", span.start, other)),
        }
    }

    /// An error about a key that must be there.
    pub(super) fn missing(&self, name: &'static str) -> ConfigError {
        let problem = self
            .known(name)
            .map_or(Problem::Missing { key: name, expected: "at least one [[table]] of that name" }, |key| {
                Problem::Missing { key: key.key, expected: key.unit }
            });
        self.source.error(self.at, problem)
    }

    fn find(&self, name: &str) -> Option<(Range<usize>, &'a DeValue<'a>)> {
        let value = self.table?.get(name)?;
        Some((value.span(), value.get_ref()))
    }

    fn default(&self, name: &'static str) -> Option<Field<'a, &'a str>> {
        let default = self.known(name)?.default;
        (!default.is_empty()).then(|| self.field(name, default, self.at))
    }

    fn field<T>(&self, name: &'static str, value: T, at: usize) -> Field<'a, T> {
        Field { key: self.key(name), value, at, source: self.source }
    }

    fn known(&self, name: &str) -> Option<super::keys::Key> {
        let full = self.full(name);
        KEYS.iter().find(|known| known.key == full).copied()
    }

    fn key(&self, name: &'static str) -> &'static str {
        self.known(name).map_or(name, |key| key.key)
    }

    fn full(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }

    fn wrong_type(&self, name: &str, expected: &'static str, at: usize, got: &DeValue<'_>) -> ConfigError {
        self.source.error(at, Problem::Type { key: self.full(name), expected, got: got.type_str() })
    }

    fn unknown(&self, written: &str, at: usize, known: &[(&'static str, Member)]) -> ConfigError {
        let shown: String = written.escape_debug().take(KEY_SHOWN_CHARS_MAX).collect();
        let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let nearest = nearest(&shown, &names).map(|name| self.full(name));
        self.source.error(at, Problem::UnknownKey { key: self.full(&shown), nearest, known: names.join(", ") })
    }
}

/// The known name that `written` is most likely a slip of: at most a third of its characters differ.
fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &&str| strsim::osa_distance(written, name);
    let best = known.iter().copied().min_by_key(distance)?;
    (distance(&best) <= best.chars().count().max(3) / 3).then_some(best)
}
