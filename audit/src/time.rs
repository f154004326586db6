//! Time as entries carry it: microseconds since 1970 UTC, written as RFC 3339 with six decimals and `Z`.
//!
//! It reads no clock: time is always given by the caller. Source: RFC 3339 section 5.6; the day arithmetic is the
//! proleptic Gregorian calendar counted in eras of 400 years.

use crate::error::{Error, Format, malformed};
use std::fmt;
use std::str::FromStr;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01, where the era arithmetic starts, to 1970-01-01.
const DAYS_BEFORE_EPOCH: i64 = 719_468;
/// 0000-01-01T00:00:00.000000Z
const MICROS_MIN: i64 = -62_167_219_200 * MICROS_PER_SECOND;
/// 9999-12-31T23:59:59.999999Z
const MICROS_MAX: i64 = 253_402_300_800 * MICROS_PER_SECOND - 1;
/// Length of the text form in bytes.
const TEXT_BYTES: usize = 27;

/// An instant in UTC with microsecond resolution, between the years 0 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a time from UTC microseconds since 1970. Values outside the years 0 to 9999, which RFC 3339 can't
    /// express, become the nearest one that it can.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < MICROS_MIN {
            Self(MICROS_MIN)
        } else if micros > MICROS_MAX {
            Self(MICROS_MAX)
        } else {
            Self(micros)
        }
    }

    /// Returns UTC microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Writes the text form, 27 bytes of ASCII, onto `out`.
    pub(crate) fn push_text(self, out: &mut Vec<u8>) {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let (year, month, day) = date_of_day(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        push_digits(out, year, 4);
        for (mark, value) in [
            (b'-', month),
            (b'-', day),
            (b'T', second_of_day / 3600),
            (b':', second_of_day / 60 % 60),
            (b':', second_of_day % 60),
        ] {
            out.push(mark);
            push_digits(out, value, 2);
        }
        out.push(b'.');
        push_digits(out, self.0.rem_euclid(MICROS_PER_SECOND), 6);
        out.push(b'Z');
    }
}

fn push_digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = value;
    for digit in out.iter_mut().skip(start).rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Returns year, month and day of a day counted from 1970-01-01.
fn date_of_day(day: i64) -> (i64, i64, i64) {
    let shifted = day + DAYS_BEFORE_EPOCH;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Returns the day, counted from 1970-01-01, of a date.
fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_EPOCH
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(TEXT_BYTES);
        self.push_text(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Parses exactly the form that `Display` writes; offsets other than `Z` and leap seconds are refused.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes: &[u8; TEXT_BYTES] = text
            .as_bytes()
            .try_into()
            .map_err(|_| malformed(Format::Time, text.len().min(TEXT_BYTES), "not 27 bytes long"))?;
        let mut fields = [0_i64; 7];
        let mut field = fields.iter_mut();
        let mut current = field.next();
        for (at, (byte, pattern)) in bytes.iter().zip(b"0000-00-00T00:00:00.000000Z").enumerate() {
            match (pattern, byte) {
                (b'0', b'0'..=b'9') => {
                    if let Some(value) = current.as_deref_mut() {
                        *value = *value * 10 + i64::from(byte - b'0');
                    }
                }
                (mark, byte) if mark == byte => current = field.next(),
                _ => {
                    return Err(malformed(Format::Time, at, "not YYYY-MM-DDTHH:MM:SS.ffffffZ"));
                }
            }
        }
        let [year, month, day, hour, minute, second, micro] = fields;
        let days = day_of_date(year, month, day);
        if date_of_day(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
            return Err(malformed(Format::Time, 0, "no such time"));
        }
        let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        Ok(Self(seconds * MICROS_PER_SECOND + micro))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants_have_their_text() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_767_225_600_123_456, "2026-01-01T00:00:00.123456Z"),
            (MICROS_MIN, "0000-01-01T00:00:00.000000Z"),
            (MICROS_MAX, "9999-12-31T23:59:59.999999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp::from_micros(micros));
        }
    }

    #[test]
    fn other_forms_of_rfc_3339_are_refused() {
        for text in [
            "",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.123Z",
            "2026-01-01t00:00:00.123456z",
            "2026-01-01 00:00:00.123456Z",
            "2026-02-29T00:00:00.000000Z",
            "1900-02-29T00:00:00.000000Z",
            "2026-00-10T00:00:00.000000Z",
            "2026-13-01T00:00:00.000000Z",
            "2026-01-00T00:00:00.000000Z",
            "2026-01-01T24:00:00.000000Z",
            "2026-01-01T23:60:00.000000Z",
            "2026-12-31T23:59:60.000000Z",
            "+026-01-01T00:00:00.000000Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_survives_its_text(micros in MICROS_MIN..=MICROS_MAX) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
