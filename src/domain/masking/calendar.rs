//! The Gregorian calendar, as far as dates in messages need it: which dates there are, and which is so many days later.
//!
//! Source: Howard Hinnant, "chrono-compatible low-level date algorithms" (days from civil and back).

/// Years in which somebody who writes can have been born.
const YEARS: std::ops::RangeInclusive<u32> = 1880..=2099;

/// Says whether somebody can have been born in a year.
pub(super) fn is_year(year: u32) -> bool {
    YEARS.contains(&year)
}

/// Says whether there is such a date.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Reads `YYYY-MM-DD`.
pub(super) fn read(date: &str) -> Option<(u32, u32, u32)> {
    let mut parts = date.split('-').map(|part| part.parse().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    (parts.next().is_none() && is_date(year, month, day)).then_some((year, month, day))
}

/// Returns the date so many days after another, as `YYYY-MM-DD`; years before 0 and after 9999 are not reached.
pub(super) fn shifted((year, month, day): (u32, u32, u32), days: i64) -> Option<String> {
    let (year, month, day) = from_days(to_days(i64::from(year), i64::from(month), i64::from(day)) + days);
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Days since the first of March of the year 0.
fn to_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 1
}

fn from_days(days: i64) -> (i64, i64, i64) {
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_over_months_years_and_leap_days() {
        for (date, days, expected) in [
            ("1990-03-07", 0, "1990-03-07"),
            ("2024-02-28", 1, "2024-02-29"),
            ("2024-03-01", -1, "2024-02-29"),
            ("2023-12-31", 1, "2024-01-01"),
            ("1900-02-28", 1, "1900-03-01"),
            ("2000-01-01", 36_525, "2100-01-01"),
            ("1990-03-07", -7_305, "1970-03-07"),
        ] {
            assert_eq!(shifted(read(date).unwrap(), days).as_deref(), Some(expected), "{date} {days}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_leads_back_to_itself() {
        let start = to_days(1800, 1, 1);
        for days in start..start + 146_097 {
            let (year, month, day) = from_days(days);
            assert_eq!(to_days(year, month, day), days);
        }
    }

    #[test]
    fn dates_that_there_are_not_are_not_read() {
        for date in ["1990-02-29", "1990-13-01", "1990-00-10", "1990-01", "1990-01-01-01", "", "x-y-z"] {
            assert_eq!(read(date), None, "{date}");
        }
    }
}
