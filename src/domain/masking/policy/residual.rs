//! How many values remain possible behind a mask: what somebody has to try out who knows how such values are made.
//!
//! Counted from how the value is built (GB 11643-1999, ISO/IEC 7812-1, the numbering plan of mobiles, GB 32100-2015, ISO
//! 13616-1): a part whose digits are hidden has as many values as exist, and a check digit that is seen divides them. Upper
//! bounds: what else is known of a person is not counted.

use super::super::entity::Entity;
use super::super::masked::HIDDEN_MIN;
use super::Operator;

/// A part of a value: how many characters, and how many values of it there are.
struct Part {
    length: usize,
    values: u64,
    /// How many values one of its characters has.
    each: u64,
}

/// Region codes of GB/T 2260 in use.
const REGIONS: u64 = 3_200;
/// Dates of birth in eighty years.
const BIRTH_DATES: u64 = 29_220;
/// Issuer numbers of cards in use, about.
const ISSUERS: u64 = 3_000;
/// Segments of mobile numbers in use, about.
const SEGMENTS: u64 = 60;
/// The alphabet of social credit codes.
const CREDIT_CODE_CHARACTERS: u64 = 31;

/// Returns how many values remain possible behind a mask that shows the ends; `None` for operators that show no part of
/// the value, and for values that are not built to a plan.
pub fn candidates(entity: Entity, operator: &Operator) -> Option<u64> {
    let Operator::Keep { first, last } = *operator else { return None };
    let (parts, check) = plan(entity)?;
    let length: usize = parts.iter().map(|part| part.length).sum();
    // Ends that would meet are hidden, too.
    let (first, last) = if first + last + HIDDEN_MIN > length { (0, 0) } else { (first, last) };
    let hidden = first..length - last;
    let (mut from, mut values) = (0, 1_u64);
    for Part { length, values: all, each } in parts {
        let to = from + length;
        let covered = hidden.end.min(to).saturating_sub(hidden.start.max(from));
        let possible = each.saturating_pow(u32::try_from(covered).unwrap_or(u32::MAX)).min(all);
        (from, values) = (to, values.saturating_mul(possible));
    }
    Some(if last > 0 { values / check } else { values })
}

/// How a value is built, and how many values its check digit has, which the parts before it decide; 1 where it has none.
fn plan(entity: Entity) -> Option<(Vec<Part>, u64)> {
    let digits = |length: usize, values: u64| Part { length, values, each: 10 };
    let check = || Part { length: 1, values: 1, each: 1 };
    match entity.as_str() {
        "cn.id_card" => Some((vec![digits(6, REGIONS), digits(8, BIRTH_DATES), digits(3, 1_000), check()], 11)),
        "cn.bank_card" => Some((vec![digits(6, ISSUERS), digits(9, 1_000_000_000), check()], 10)),
        "cn.mobile" => Some((vec![digits(3, SEGMENTS), digits(8, 100_000_000)], 1)),
        "cn.credit_code" => {
            let values = CREDIT_CODE_CHARACTERS.pow(9);
            let organisation = Part { length: 9, values, each: CREDIT_CODE_CHARACTERS };
            Some((vec![digits(2, 20), digits(6, REGIONS), organisation, check()], CREDIT_CODE_CHARACTERS))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(entity: Entity, first: usize, last: usize) -> u64 {
        candidates(entity, &Operator::Keep { first, last }).unwrap()
    }

    #[test]
    fn an_identity_card_s_usual_mask_leaves_its_birth_dates_less_what_the_check_digit_tells() {
        assert_eq!(behind(Entity::IdCard, 6, 4), 29_220 / 11);
        assert_eq!(behind(Entity::IdCard, 6, 0), 29_220 * 1_000);
        // The year is seen: no more than its days are left.
        assert_eq!(behind(Entity::IdCard, 10, 4), 10_000 / 11);
        assert_eq!(behind(Entity::IdCard, 3, 4), 1_000 * 29_220 / 11);
    }

    #[test]
    fn cards_and_mobiles_lose_a_tenth_by_a_check_digit_or_nothing() {
        assert_eq!(behind(Entity::BankCard, 6, 4), 1_000_000 / 10);
        assert_eq!(behind(Entity::Mobile, 3, 4), 10_000);
        assert_eq!(behind(Entity::Mobile, 0, 4), 60 * 10_000);
        assert_eq!(behind(Entity::Mobile, 5, 4), 60 * 100_000_000, "ends that meet are hidden");
    }

    #[test]
    fn more_shown_never_leaves_more() {
        for entity in [Entity::IdCard, Entity::BankCard, Entity::Mobile, Entity::CreditCode] {
            for first in 0..8 {
                for last in 0..8 {
                    // Longer ends would meet in a mobile, and then all is hidden.
                    if first + last + 1 + HIDDEN_MIN <= 11 {
                        let here = behind(entity, first, last);
                        assert!(behind(entity, first + 1, last) <= here, "{entity} {first} {last}");
                        assert!(behind(entity, first, last + 1) <= here, "{entity} {first} {last}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_shows_nothing_of_the_value_or_has_no_plan_is_not_counted() {
        assert_eq!(candidates(Entity::IdCard, &Operator::Drop), None);
        assert_eq!(candidates(Entity::Email, &Operator::Keep { first: 2, last: 4 }), None);
    }
}
