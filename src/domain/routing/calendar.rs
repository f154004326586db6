//! Business hours: which minutes of which days the bank is there, with holidays and make-up working days (调休).
//!
//! A fixed offset from UTC, because mainland China has one; a zone with summer time needs a table for each half of the
//! year. It knows neither queues nor the time of day at which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::units::{MICROS_PER_SECOND, Timestamp};

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
/// Kinds of days: Monday to Sunday, holidays, make-up working days.
pub(super) const DAY_KINDS: usize = 9;
pub(super) const HOLIDAY: usize = 7;
pub(super) const WORKDAY: usize = 8;
/// How they are called in files, in their order.
pub(super) const DAY_WORDS: [&str; DAY_KINDS] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday", "workday"];
/// How far ahead an opening is looked for, in days: a year and its longest holiday.
const OPENING_DAYS_MAX: i64 = 400;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub(super) const MICROS_PER_DAY: i64 = DAY_MINUTES as i64 * MICROS_PER_MINUTE;
/// 1970-01-01 was a Thursday.
const EPOCH_WEEKDAY: i64 = 3;

/// Minutes of a day, the end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First minute.
    pub from: u16,
    /// The minute after the last.
    pub to: u16,
}

impl Span {
    /// Whether it holds a minute.
    pub const fn contains(self, minute: u16) -> bool {
        self.from <= minute && minute < self.to
    }

    /// Reads `09:00-18:00`; the end may be `24:00` and must be later than the beginning.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let span = Self { from: minute(from)?, to: minute(to)? };
        (span.from < span.to).then_some(span)
    }
}

/// `09:30` as minutes of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let whole = hours * 60 + minutes;
    (minutes < 60 && whole <= DAY_MINUTES).then_some(whole)
}

/// Opening hours: spans for each kind of day, in order and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours(pub(super) [Vec<Span>; DAY_KINDS]);

impl Hours {
    pub(super) fn on(&self, kind: usize) -> &[Span] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// A local time: which kind of day, and which minute of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Position in the kinds of days.
    pub(super) kind: usize,
    /// Minute of the day.
    pub(super) minute: u16,
}

/// The table's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Minutes east of UTC.
    pub(super) offset_minutes: i32,
    /// Days since 1970-01-01 that are holidays.
    pub(super) holidays: BTreeSet<i64>,
    /// Days since 1970-01-01 that are worked on although they are a weekend's.
    pub(super) workdays: BTreeSet<i64>,
    /// Hours by name.
    pub(super) hours: BTreeMap<String, Hours>,
}

impl Calendar {
    /// The local day and minute of an instant.
    pub fn moment(&self, at: Timestamp) -> Moment {
        let (day, minute) = self.local(at);
        Moment { kind: self.kind_of(day), minute }
    }

    /// Whether it is within hours. Hours that the calendar doesn't know are never open.
    pub fn is_open(&self, hours: &str, at: Moment) -> bool {
        let hours = self.hours.get(hours);
        hours.is_some_and(|hours| hours.on(at.kind).iter().any(|span| span.contains(at.minute)))
    }

    /// When hours open next, `at` included; `None` when they don't within 400 days.
    pub fn opens(&self, hours: &str, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(hours, self.moment(at)) {
            return Some(at);
        }
        let hours = self.hours.get(hours)?;
        let (today, minute) = self.local(at);
        (today..=today + OPENING_DAYS_MAX).find_map(|day| {
            let spans = hours.on(self.kind_of(day)).iter();
            let opening = spans.map(|span| span.from).find(|from| day > today || *from > minute)?;
            Some(self.instant(day, opening))
        })
    }

    /// An instant as people of the bank write it: `2026-11-26 09:00`.
    pub fn written(&self, at: Timestamp) -> String {
        let text = Timestamp::from_micros(at.as_micros() + self.offset_micros()).to_string();
        text.get(..16).unwrap_or_default().replace('T', " ")
    }

    /// Reads `2026-11-26 09:00` in the calendar's zone, or the form of ledger entries in UTC.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        if let Ok(utc) = text.parse() {
            return Some(utc);
        }
        let (date, time) = text.split_once(' ')?;
        let minute = minute(time).filter(|minute| *minute < DAY_MINUTES)?;
        Some(self.instant(day(date)?, minute))
    }

    /// The name of its zone in the IANA database; an offset that no zone of whole hours has stays an offset, as ECMA-402
    /// takes it, too.
    pub fn zone(&self) -> String {
        match (self.offset_minutes / 60, self.offset_minutes % 60) {
            (8, 0) => "Asia/Shanghai".to_owned(),
            (0, 0) => "Etc/UTC".to_owned(),
            // The signs of these names are the other way round (POSIX).
            (hours @ 1..=14, 0) => format!("Etc/GMT-{hours}"),
            (hours @ -12..=-1, 0) => format!("Etc/GMT+{}", -hours),
            (hours, minutes) => {
                let sign = if self.offset_minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs())
            }
        }
    }

    fn kind_of(&self, day: i64) -> usize {
        if self.holidays.contains(&day) {
            HOLIDAY
        } else if self.workdays.contains(&day) {
            WORKDAY
        } else {
            usize::try_from((day + EPOCH_WEEKDAY).rem_euclid(7)).unwrap_or_default()
        }
    }

    fn local(&self, at: Timestamp) -> (i64, u16) {
        let micros = at.as_micros() + self.offset_micros();
        let minute = micros.rem_euclid(MICROS_PER_DAY) / MICROS_PER_MINUTE;
        (micros.div_euclid(MICROS_PER_DAY), u16::try_from(minute).unwrap_or_default())
    }

    fn instant(&self, day: i64, minute: u16) -> Timestamp {
        Timestamp::from_micros(day * MICROS_PER_DAY + i64::from(minute) * MICROS_PER_MINUTE - self.offset_micros())
    }

    fn offset_micros(&self) -> i64 {
        i64::from(self.offset_minutes) * MICROS_PER_MINUTE
    }
}

/// `2026-10-01` as days since 1970-01-01.
pub(super) fn day(date: &str) -> Option<i64> {
    let midnight: Timestamp = format!("{date}T00:00:00.000000Z").parse().ok()?;
    Some(midnight.as_micros() / MICROS_PER_DAY)
}

/// `+08:00` as minutes east of UTC.
pub(super) fn offset(zone: &str) -> Option<i32> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let minutes = minute(rest).filter(|minutes| *minutes <= 14 * 60)?;
    Some(sign * i32::from(minutes))
}

/// The kinds of days that `mon`, `mon-fri`, `holiday` or `workday` names.
pub(super) fn days(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let position = |word: &str| DAY_WORDS.iter().position(|known| *known == word);
    let Some((first, last)) = text.split_once('-') else { return position(text).map(|one| one..=one) };
    let (first, last) = (position(first)?, position(last)?);
    (first < last && last < HOLIDAY).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let span = |text: &str| Span::parse(text).unwrap();
        let mut office = Hours::default();
        for kind in [0, 1, 2, 3, 4, WORKDAY] {
            office.0[kind] = vec![span("09:00-12:00"), span("13:30-18:00")];
        }
        let days = |dates: &[&str]| dates.iter().map(|date| day(date).unwrap()).collect();
        Calendar {
            offset_minutes: offset("+08:00").unwrap(),
            holidays: days(&["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"]),
            workdays: days(&["2026-10-10"]),
            hours: [("office".to_owned(), office)].into(),
        }
    }

    #[test]
    fn hours_are_those_of_the_day_with_holidays_and_make_up_days() {
        let calendar = calendar();
        for (at, open) in [
            ("2026-11-26 08:59", false),
            ("2026-11-26 09:00", true),
            ("2026-11-26 11:59", true),
            ("2026-11-26 12:00", false),
            ("2026-11-26 13:30", true),
            ("2026-11-26 18:00", false),
            ("2026-11-28 10:00", false),
            ("2026-10-01 10:00", false),
            ("2026-10-10 10:00", true),
            ("2026-10-11 10:00", false),
            ("2026-11-26T01:00:00.000000Z", true),
            ("2026-11-26T00:59:59.999999Z", false),
        ] {
            let at_time = calendar.read(at).unwrap();
            assert_eq!(calendar.is_open("office", calendar.moment(at_time)), open, "{at}");
        }
        assert!(!calendar.is_open("night", calendar.moment(Timestamp::from_micros(0))));
    }

    #[test]
    fn the_next_opening_skips_nights_weekends_and_holidays() {
        let calendar = calendar();
        for (at, opens) in [
            ("2026-11-26 10:00", "2026-11-26 10:00"),
            ("2026-11-26 07:00", "2026-11-26 09:00"),
            ("2026-11-26 12:10", "2026-11-26 13:30"),
            ("2026-11-27 18:00", "2026-11-30 09:00"),
            ("2026-09-30 19:00", "2026-10-08 09:00"),
            ("2026-10-09 19:00", "2026-10-10 09:00"),
        ] {
            let next = calendar.opens("office", calendar.read(at).unwrap()).unwrap();
            assert_eq!(calendar.written(next), opens, "{at}");
        }
        assert_eq!(calendar.opens("never", Timestamp::from_micros(0)), None);
    }

    #[test]
    fn times_dates_and_zones_read_their_own_form_and_nothing_looser() {
        assert_eq!(Span::parse("00:00-24:00"), Some(Span { from: 0, to: 1440 }));
        for bad in
            ["", "9:00-18:00", "09:00", "18:00-09:00", "09:00-09:00", "09:60-10:00", "23:00-24:01", "09:00 - 10:00"]
        {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        assert_eq!((offset("+08:00"), offset("-03:30"), offset("+00:00")), (Some(480), Some(-210), Some(0)));
        for bad in ["", "08:00", "+8", "+15:00", "Z", "Asia/Shanghai"] {
            assert_eq!(offset(bad), None, "{bad}");
        }
        for bad in ["2026-02-29", "2026-1-1", "20260101", "2026-01-01 "] {
            assert_eq!(day(bad), None, "{bad}");
        }
        assert_eq!(days("mon-fri"), Some(0..=4));
        assert_eq!(days("holiday"), Some(7..=7));
        for bad in ["fri-mon", "mon-holiday", "monday", ""] {
            assert_eq!(days(bad), None, "{bad}");
        }
        let calendar = calendar();
        for bad in ["2026-11-26", "2026-11-26 24:00", "2026-11-26T09:00", "now"] {
            assert_eq!(calendar.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_offset_has_a_name_that_a_browser_knows() {
        for (written, named) in [
            ("+08:00", "Asia/Shanghai"),
            ("+00:00", "Etc/UTC"),
            ("+09:00", "Etc/GMT-9"),
            ("-05:00", "Etc/GMT+5"),
            ("+05:30", "+05:30"),
            ("-00:30", "-00:30"),
            ("-14:00", "-14:00"),
        ] {
            let calendar = Calendar { offset_minutes: offset(written).unwrap(), ..calendar() };
            assert_eq!(calendar.zone(), named, "{written}");
        }
    }
}
