//! Validators: each says of folded characters whether they can be a value of its entity, and how surely.
//!
//! They know formats and check digits; they know nothing of messages, keywords or policies. A confidence is a percentage
//! given twice: for a value that stands alone and for one with a word beside it that speaks for it.

pub(super) mod bank_card;
pub(super) mod bic;
pub(super) mod coin;
pub(super) mod credit_code;
pub(super) mod iban;
pub(super) mod id_card;
pub(super) mod national;
pub(super) mod network;
pub(super) mod phone;

/// How surely a value is one of an entity, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confidence {
    /// With nothing around it that speaks for the entity.
    pub(super) alone: u8,
    /// With a keyword of the entity beside it.
    pub(super) supported: u8,
    /// A check digit says so, not only the form.
    pub(super) checked: bool,
}

impl Confidence {
    /// States both percentages for a value that only its form speaks for.
    pub(super) const fn new(alone: u8, supported: u8) -> Self {
        Self { alone, supported, checked: false }
    }

    /// States both percentages for a value whose check digit is right.
    pub(super) const fn checked(alone: u8, supported: u8) -> Self {
        Self { alone, supported, checked: true }
    }
}

/// Returns the number that ASCII digits spell, or none when another character is among them; at most 9 digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, &digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

/// Luhn's check of ASCII digits (ISO/IEC 7812-1 annex B).
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            match (place % 2, value) {
                (0, _) => value,
                (_, 0..=4) => value * 2,
                _ => value * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Says whether two digits name a province-level division of the People's Republic of China.
///
/// Source: GB/T 2260.
fn is_province(digits: &[u8]) -> bool {
    number(digits).is_some_and(
        |code| matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81 | 82 | 83 | 91),
    )
}
