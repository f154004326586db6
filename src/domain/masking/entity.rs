//! The entities that the engine can find, by their stable names.
//!
//! The names are written into policies, stored messages and the ledger, so they never change. How an entity is found
//! is in [`super::validate`] and its neighbours; what is done with it is in the policy.

use std::fmt;

/// A kind of sensitive value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// Mainland resident identity card number, 18 or 15 digits.
    IdCard,
    /// Payment card number, 13 to 19 digits.
    BankCard,
    /// Mainland mobile number.
    Mobile,
    /// Mainland landline with its area code.
    Landline,
    /// E-mail address.
    Email,
    /// Unified social credit code of an organisation.
    CreditCode,
    /// International bank account number.
    Iban,
    /// Card verification value.
    Cvv,
    /// Numeric PIN of a card or of payments.
    Pin,
    /// Expiry date of a card.
    Expiry,
    /// Password.
    Password,
    /// One-time code.
    OneTimeCode,
    /// Name of a person, Chinese or Western.
    PersonName,
    /// Postal address, Chinese or Western.
    Address,
}

impl Entity {
    /// Every entity.
    pub const ALL: [Self; 14] = [
        Self::IdCard,
        Self::BankCard,
        Self::Mobile,
        Self::Landline,
        Self::Email,
        Self::CreditCode,
        Self::Iban,
        Self::Cvv,
        Self::Pin,
        Self::Expiry,
        Self::Password,
        Self::OneTimeCode,
        Self::PersonName,
        Self::Address,
    ];

    /// Returns the stable dotted name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdCard => "cn.id_card",
            Self::BankCard => "cn.bank_card",
            Self::Mobile => "cn.mobile",
            Self::Landline => "cn.landline",
            Self::Email => "email",
            Self::CreditCode => "cn.credit_code",
            Self::Iban => "iban",
            Self::Cvv => "card.cvv",
            Self::Pin => "card.pin",
            Self::Expiry => "card.expiry",
            Self::Password => "auth.password",
            Self::OneTimeCode => "auth.otp",
            Self::PersonName => "person.name",
            Self::Address => "address",
        }
    }

    /// Returns the short word inside the placeholder that stands for a dropped value.
    pub const fn label(self) -> &'static str {
        match self {
            Self::IdCard => "id_card",
            Self::BankCard => "bank_card",
            Self::Mobile => "mobile",
            Self::Landline => "landline",
            Self::Email => "email",
            Self::CreditCode => "credit_code",
            Self::Iban => "iban",
            Self::Cvv => "cvv",
            Self::Pin => "pin",
            Self::Expiry => "expiry",
            Self::Password => "password",
            Self::OneTimeCode => "otp",
            Self::PersonName => "name",
            Self::Address => "address",
        }
    }

    /// Finds the entity of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == name)
    }

    /// Says whether the value means nothing without a keyword beside it.
    pub const fn needs_keyword(self) -> bool {
        match self {
            Self::Cvv | Self::Pin | Self::Expiry | Self::Password | Self::OneTimeCode => true,
            Self::IdCard
            | Self::BankCard
            | Self::Mobile
            | Self::Landline
            | Self::Email
            | Self::CreditCode
            | Self::Iban
            | Self::PersonName
            | Self::Address => false,
        }
    }

    /// Says whether it is found by the trained recogniser, which can't be as sure as a check digit.
    pub const fn is_recognised(self) -> bool {
        matches!(self, Self::PersonName | Self::Address)
    }

    /// Returns what a value is judged by, in words of a closed list; a keyword beside it makes any of them surer.
    pub const fn checks(self) -> &'static [&'static str] {
        match self {
            Self::IdCard => &["region", "birth_date", "mod_11_2"],
            Self::BankCard => &["issuer", "length", "luhn"],
            Self::Mobile => &["segment"],
            Self::Landline => &["area_code"],
            Self::Email => &["mailbox"],
            Self::CreditCode => &["authority", "region", "mod_31"],
            Self::Iban => &["country", "length", "mod_97"],
            Self::Cvv | Self::Pin | Self::Expiry | Self::Password | Self::OneTimeCode => &["keyword"],
            Self::PersonName => &["lexicon", "context"],
            Self::Address => &["lexicon", "form"],
        }
    }

    /// Returns the entity's position in [`Entity::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_round_trips_through_its_name() {
        for (position, entity) in Entity::ALL.into_iter().enumerate() {
            assert_eq!(Entity::from_name(entity.as_str()), Some(entity));
            assert_eq!(entity.index(), position);
        }
        assert_eq!(Entity::from_name("cn.passport"), None);
    }

    #[test]
    fn labels_are_plain_words_without_digits() {
        for entity in Entity::ALL {
            assert!(entity.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{entity}");
        }
    }
}
