//! Strict readers of what comes from outside: JSON bodies (RFC 8259) and query strings (RFC 3986, section 3.4).
//!
//! Everything read here may be a person's words. An error names a field of ours and a byte offset, never what was sent:
//! the texts of `serde_json`'s errors quote the offending value and are dropped. The readers know neither HTTP nor channels.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::limits::{IDEMPOTENCY_KEY_BYTES_MAX, PAGE_ITEMS_MAX, QUERY_BYTES_MAX};
use crate::units::{EntryIndex, MICROS_PER_SECOND, Timestamp};

/// What a cursor must be.
pub const ENTRY_INDEX_EXPECTED: &str = "the index of an entry, as answers give it";
/// What a page's length must be.
pub const PAGE_ITEMS_EXPECTED: &str = "a whole number from 1 to 200";
/// Largest index that an answer can hold: JSON numbers are exact below 2^53 (RFC 8259, section 6).
const ENTRY_INDEX_MAX: u64 = (1 << 53) - 1;

/// Reads a time of RFC 3339, in UTC or with an offset, with six digits of a second's fraction or none.
pub fn time(text: &str) -> Option<Timestamp> {
    let (local, offset_s) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let (local, zone) = text.split_at_checked(text.len().checked_sub("+08:00".len())?)?;
            (local, offset_s(zone)?)
        }
    };
    let fraction = if local.contains('.') { "" } else { ".000000" };
    let shown: Timestamp = format!("{local}{fraction}Z").parse().ok()?;
    Some(Timestamp::from_micros(shown.as_micros().checked_sub(offset_s.checked_mul(MICROS_PER_SECOND)?)?))
}

/// The seconds that a zone such as `+08:00` is ahead of UTC.
fn offset_s(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, max: i64| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_two_digits && *number <= max)
    };
    Some(sign * (number(hours, 23)? * 3_600 + number(minutes, 59)? * 60))
}

/// A JSON body that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} (at byte {offset})", self.fault.expected())]
pub struct JsonError {
    /// What is wrong with it.
    pub fault: JsonFault,
    /// Bytes from the start of the body to where reading stopped.
    pub offset: usize,
}

/// What is wrong with a JSON body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The body ends in the middle of a value.
    CutOff,
    /// It is not JSON, holds a lone surrogate, nests too deeply, or goes on after its value.
    Syntax,
    /// It is JSON with a field missing, unknown, twice or of another type.
    Shape,
}

impl JsonFault {
    /// What would be right.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::NotUtf8 => "JSON in UTF-8",
            Self::CutOff => "a whole JSON value",
            Self::Syntax => "one well-formed JSON value and nothing after it",
            Self::Shape => "exactly the fields of the API's description, each once and of its type",
        }
    }
}

/// Reads a whole body as one JSON value of a type of ours.
///
/// # Errors
/// [`JsonError`], with the byte offset at which reading stopped.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| JsonError { fault: JsonFault::NotUtf8, offset: error.valid_up_to() })?;
    serde_json::from_str(text).map_err(|error| JsonError { fault: fault(&error), offset: offset(text, &error) })
}

fn fault(error: &serde_json::Error) -> JsonFault {
    match error.classify() {
        serde_json::error::Category::Eof => JsonFault::CutOff,
        serde_json::error::Category::Data => JsonFault::Shape,
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => JsonFault::Syntax,
    }
}

/// Line and column count from 1, the column in bytes; an error before the first byte has column 0.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// A query string that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {expected}", self.field.unwrap_or("query"))]
pub struct QueryError {
    /// The parameter; `None` when it is not one of ours.
    pub field: Option<&'static str>,
    /// What would be right.
    pub expected: &'static str,
}

/// The parameters of a query, each known and given at most once; values are wiped on drop.
pub struct Query {
    values: Vec<(&'static str, Zeroizing<String>)>,
}

impl Query {
    /// Reads a query without its `?`; only the parameters in `known` may stand in it.
    ///
    /// # Errors
    /// [`QueryError`] naming the parameter and what would be right.
    pub fn parse(query: &str, known: &[&'static str]) -> Result<Self, QueryError> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(QueryError { field: None, expected: "a shorter query" });
        }
        let mut values: Vec<(&'static str, Zeroizing<String>)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let field = known.iter().copied().find(|known| *known == name);
            let Some(name) = field else {
                return Err(QueryError { field, expected: "only the parameters of the API's description" });
            };
            if values.iter().any(|(given, _)| *given == name) {
                return Err(QueryError { field, expected: "each parameter at most once" });
            }
            let value = percent_decoded(value)
                .ok_or(QueryError { field, expected: "UTF-8 in percent-encoding; %20 for a space, %2B for a plus" })?;
            values.push((name, value));
        }
        Ok(Self { values })
    }

    /// Takes a parameter out, decoded.
    pub fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.values.iter().position(|(known, _)| *known == name)?;
        Some(self.values.swap_remove(at).1)
    }
}

/// One value of a form, decoded; `None` when it isn't there, or twice. What else stands in the form is passed over, as OAuth
/// asks of its readers (RFC 6749, section 3.1).
pub fn form_value(form: &[u8], name: &str) -> Option<Zeroizing<String>> {
    let form = std::str::from_utf8(form).ok()?;
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next()?;
    if values.next().is_some() { None } else { percent_decoded(value) }
}

/// Reads a cursor.
pub fn entry_index(text: &str) -> Option<EntryIndex> {
    text.parse().ok().filter(|index: &EntryIndex| index.0 <= ENTRY_INDEX_MAX)
}

/// What a key that makes a request count once must be.
pub const KEY_EXPECTED: &str = "1 to 128 visible ASCII characters";

/// Whether a text can be a key under which the same request counts once.
pub fn is_key(text: &str) -> bool {
    (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads how many items a page may hold.
pub fn page_items(text: &str) -> Option<u32> {
    text.parse().ok().filter(|items| (1..=PAGE_ITEMS_MAX).contains(items))
}

/// Undoes percent-encoding (RFC 3986, section 2.1). A `+` is refused: it means a space to some and itself to others, and
/// telephone numbers begin with one.
pub fn percent_decoded(value: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => out.push(hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?),
            b'+' => return None,
            plain => out.push(plain),
        }
    }
    String::from_utf8(std::mem::take(&mut *out)).ok().map(Zeroizing::new)
}

/// Every byte but unreserved ones percent-encoded (RFC 3986, section 2.3).
pub fn percent_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        text: String,
        #[serde(default)]
        count: Option<u32>,
    }

    fn fault_of(body: &[u8]) -> (JsonFault, usize) {
        let error = json::<Note>(body).unwrap_err();
        (error.fault, error.offset)
    }

    #[test]
    fn a_well_formed_body_is_read() {
        let body = "{\"text\": \"\\ud83d\\ude00 你好\", \"count\": 2}\n".as_bytes();
        assert_eq!(json::<Note>(body), Ok(Note { text: "😀 你好".into(), count: Some(2) }));
    }

    #[test]
    fn each_way_to_be_wrong_is_told_apart_with_its_offset() {
        let deep = format!("{{\"text\": {}1", "[".repeat(10_000));
        for (body, fault) in [
            (&b""[..], JsonFault::CutOff),
            (b"{\"text\": \"a", JsonFault::CutOff),
            (b"{\"text\": \"\xff\"}", JsonFault::NotUtf8),
            (b"\xef\xbb\xbf{\"text\": \"a\"}", JsonFault::Syntax),
            (b"{\"text\": \"\\ud83d\"}", JsonFault::Syntax),
            (b"{\"text\": \"a\"} x", JsonFault::Syntax),
            (b"{\"text\": \"a\"}{}", JsonFault::Syntax),
            (b"{\"text\": \"a\", \"text\": \"b\"}", JsonFault::Shape),
            (b"{\"text\": \"a\", \"more\": 1}", JsonFault::Shape),
            (b"{\"text\": 1}", JsonFault::Shape),
            (b"{}", JsonFault::Shape),
            (b"null", JsonFault::Shape),
            (deep.as_bytes(), JsonFault::Shape),
        ] {
            let (got, offset) = fault_of(body);
            assert_eq!(got, fault, "{}", String::from_utf8_lossy(body));
            assert!(offset <= body.len());
        }
        assert_eq!(fault_of(b"{\"text\": \"\xff\"}"), (JsonFault::NotUtf8, 10));
        assert_eq!(fault_of(b"{\n  \"text\": \"a\",\n  !}"), (JsonFault::Syntax, 19));
    }

    #[test]
    fn deep_nesting_ends_in_an_error_and_not_in_the_stack() {
        assert!(json::<serde_json::Value>("[".repeat(60_000).as_bytes()).is_err());
    }

    #[test]
    fn no_error_repeats_what_was_sent() {
        for body in [&b"{\"text\": \"a\", \"6222021234567890\": 1}"[..], b"{\"text\": 6222021234567890}"] {
            let error = json::<Note>(body).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("6222"));
        }
        let error = Query::parse("6222021234567890=1", &["after"]).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("6222"));
    }

    #[test]
    fn a_query_is_decoded_once_and_strictly() {
        let mut query = Query::parse("contact=%2B86%20138&after=&x=%E4%BD%A0", &["contact", "after", "x"]).unwrap();
        assert_eq!(query.take("contact").unwrap().as_str(), "+86 138");
        assert_eq!(query.take("after").unwrap().as_str(), "");
        assert_eq!(query.take("x").unwrap().as_str(), "你");
        assert!(query.take("x").is_none());
        let long = format!("x={}", "a".repeat(QUERY_BYTES_MAX));
        for bad in ["x=+86", "x=%", "x=%4", "x=%zz", "x=%+4", "x=%ff", "x=1&x=2", "y=1", "x=1&%78=2", long.as_str()] {
            assert!(Query::parse(bad, &["x"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_read_with_its_zone_and_nothing_looser() {
        let utc = "2026-01-05T00:30:00.000000Z";
        for text in ["2026-01-05T00:30:00Z", utc, "2026-01-05T08:30:00+08:00", "2026-01-04T19:00:00.000000-05:30"] {
            assert_eq!(time(text).unwrap().to_string(), utc, "{text}");
        }
        for bad in [
            "",
            "2026-01-05",
            "2026-01-05T00:30:00",
            "2026-01-05T00:30Z",
            "2026-01-05T00:30:00+8:00",
            "2026-01-05T00:30:00+08:60",
            "2026-01-05T00:30:00*08:00",
            "2026-01-05T00:30:00+0８:00",
            "时间",
        ] {
            assert!(time(bad).is_none(), "{bad}");
        }
    }
}
