//! The operators that make another value out of a value: format-preserving encryption, shifted dates, generalisation.
//!
//! Their keys come from the [`Tokens`] port: a token of a fixed text is known to nobody without the tenant's key, so it is
//! what keys are made of. What can't be worked out shows nothing (`None`): the placeholder stands there then.

use aes::Aes256;
use lww_recogniser::{Depth, region};

use super::{
    super::canonical::sha256,
    calendar,
    entity::Entity,
    fpe::Ff1,
    masked::Tokens,
    policy::{Level, Operator},
};

/// Radix of what is encrypted.
const DECIMAL: u32 = 10;
/// Steps of ranges of amounts: each decade has these.
const STEPS: [u128; 3] = [1, 2, 5];

/// A key for an operator: 32 bytes that only the holder of the tenant's token keys can make.
fn derived(tokens: &dyn Tokens, key: &str, purpose: &str) -> [u8; 32] {
    sha256(tokens.token(key, purpose, "derived").as_bytes())
}

/// Encrypts the digits of a value; what is not a digit stays where it is.
pub(super) fn encrypted(tokens: &dyn Tokens, key: &str, entity: Entity, canonical: &str) -> Option<String> {
    replaced(tokens, key, entity, canonical, Ff1::encrypt)
}

/// Gives back what [`encrypted`] was made of.
pub(super) fn decrypted(tokens: &dyn Tokens, key: &str, entity: Entity, shown: &str) -> Option<String> {
    replaced(tokens, key, entity, shown, Ff1::decrypt)
}

fn replaced(
    tokens: &dyn Tokens,
    key: &str,
    entity: Entity,
    value: &str,
    by: impl Fn(&Ff1<Aes256>, &[u8], &[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let ff1 = Ff1::new(&derived(tokens, key, "ff1"), DECIMAL)?;
    let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    // The tweak: equal numbers of different kinds are no sign of each other.
    let mut made = by(&ff1, entity.as_str().as_bytes(), &digits)?.into_iter();
    let place = |character: char| {
        if character.is_ascii_digit() { made.next().map(|digit| char::from(digit + b'0')) } else { Some(character) }
    };
    value.chars().map(place).collect()
}

/// Moves a date by the tenant's own number of days, from 1 to `days_max` either way: distances between dates stay.
pub(super) fn shifted(tokens: &dyn Tokens, key: &str, days_max: u16, canonical: &str) -> Option<String> {
    let date = calendar::read(canonical)?;
    let [first, second, third, fourth, sign, ..] = derived(tokens, key, "date_shift");
    let drawn = i64::from(u32::from_be_bytes([first, second, third, fourth]));
    let days = drawn % i64::from(days_max.max(1)) + 1;
    calendar::shifted(date, if sign.is_multiple_of(2) { days } else { -days })
}

/// Shows less of a value: the year or month or decade of a date, the range of an amount, the region of an address.
pub(super) fn generalised(level: Level, entity: Entity, canonical: &str) -> Option<String> {
    let digits = |count: usize| canonical.get(..count).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    // A year has four digits, and behind it a date goes on.
    let year = || digits(4).filter(|_| canonical.as_bytes().get(4) == Some(&b'-'));
    match (level, entity) {
        (Level::Year, Entity::BirthDate) => year().map(str::to_owned),
        (Level::Month, Entity::BirthDate) => year().and_then(|_| canonical.get(..7)).map(str::to_owned),
        (Level::Decade, Entity::BirthDate) => year().and_then(|year| year.get(..3)).map(|decade| format!("{decade}0s")),
        (Level::Range, Entity::Amount) => range(canonical),
        (Level::Province, Entity::Address) => region(canonical, Depth::Province).map(hidden_after),
        (Level::City, Entity::Address) => region(canonical, Depth::City).map(hidden_after),
        (Level::Year | Level::Month | Level::Decade | Level::Range | Level::Province | Level::City, _) => None,
    }
}

/// The stars say that there was more, and keep what is shown from being taken for the beginning of another address.
fn hidden_after(region: &str) -> String {
    format!("{region}***")
}

/// `1288.50` is in `1000~2000`: steps of 1, 2 and 5 in each decade.
fn range(amount: &str) -> Option<String> {
    let whole: u128 = amount.split('.').next()?.parse().ok()?;
    let mut below = 0;
    for decade in 0..30 {
        for step in STEPS {
            let above = step * 10_u128.pow(decade);
            if whole < above {
                return Some(format!("{below}~{above}"));
            }
            below = above;
        }
    }
    None
}

/// Gives back a value that a view's operator encrypted, to whoever holds the tenant's keys; none for any other operator.
pub fn decrypt(operator: &Operator, tokens: &dyn Tokens, entity: Entity, shown: &str) -> Option<String> {
    match operator {
        Operator::Encrypt { key } => decrypted(tokens, key, entity, shown),
        Operator::Drop
        | Operator::KeepAll
        | Operator::Keep { .. }
        | Operator::Replace { .. }
        | Operator::Token { .. }
        | Operator::ShiftDate { .. }
        | Operator::Generalise(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Keyed(&'static str);

    impl Tokens for Keyed {
        fn token(&self, key: &str, entity: &str, canonical: &str) -> String {
            format!("{}/{key}/{entity}/{canonical}", self.0)
        }
    }

    #[test]
    fn encryption_keeps_the_form_and_is_undone_by_the_same_tenant_s_key_alone() {
        for (entity, value) in [
            (Entity::BankCard, "6222021234567890128"),
            (Entity::Mobile, "13812345678"),
            (Entity::Passport, "EA1234567"),
            (Entity::IdCard, "11010519491231002X"),
        ] {
            let made = encrypted(&Keyed("a"), "fpe-1", entity, value).unwrap();
            let form = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>();
            assert!(made != value && form(&made) == form(value), "{made}");
            assert_eq!(decrypted(&Keyed("a"), "fpe-1", entity, &made).as_deref(), Some(value));
            for other in [
                decrypted(&Keyed("b"), "fpe-1", entity, &made),
                decrypted(&Keyed("a"), "fpe-2", entity, &made),
                decrypted(&Keyed("a"), "fpe-1", Entity::Email, &made),
            ] {
                assert_ne!(other.as_deref(), Some(value));
            }
        }
        assert_eq!(encrypted(&Keyed("a"), "fpe-1", Entity::Qq, "12345"), None, "its domain is too small");
    }

    #[test]
    fn dates_are_shifted_alike_within_a_tenant() {
        let shift = |tenant, date: &str| shifted(&Keyed(tenant), "shift-1", 30, date).unwrap();
        let days = |date: &str| {
            let (year, month, day) = calendar::read(date).unwrap();
            (0..80_000)
                .find(|&days| calendar::shifted((1880, 1, 1), days) == Some(format!("{year:04}-{month:02}-{day:02}")))
        };
        let moved = |date: &str| days(&shift("a", date)).unwrap() - days(date).unwrap();
        assert!((1..=30).contains(&moved("1990-03-07").abs()));
        assert_eq!(moved("1990-03-07"), moved("2001-12-31"));
        assert_eq!(shift("a", "1990-03-07"), shift("a", "1990-03-07"));
        assert_eq!(shifted(&Keyed("a"), "shift-1", 30, "1990-03"), None, "a month has no day to shift");
    }

    #[test]
    fn generalising_shows_the_level_that_is_asked_for() {
        for (level, entity, value, expected) in [
            (Level::Year, Entity::BirthDate, "1990-03-07", Some("1990")),
            (Level::Month, Entity::BirthDate, "1990-03-07", Some("1990-03")),
            (Level::Decade, Entity::BirthDate, "1990-03-07", Some("1990s")),
            (Level::Range, Entity::Amount, "1288.50", Some("1000~2000")),
            (Level::Range, Entity::Amount, "0.99", Some("0~1")),
            (Level::Range, Entity::Amount, "5000", Some("5000~10000")),
            (Level::Range, Entity::BirthDate, "1990-03-07", None),
            (Level::Year, Entity::Mobile, "13812345678", None),
            (Level::Province, Entity::Address, "广东省深圳市南山区科技园路1号", Some("广东省***")),
            (Level::City, Entity::Address, "广东省深圳市南山区科技园路1号", Some("广东省深圳市***")),
            (Level::City, Entity::Address, "建国路88号", None),
            (Level::City, Entity::Amount, "5000", None),
        ] {
            assert_eq!(generalised(level, entity, value).as_deref(), expected, "{value}");
        }
    }
}
