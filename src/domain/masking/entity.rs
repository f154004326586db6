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
    /// Travel permit between the mainland and Hong Kong or Macau (回乡证, 往来港澳通行证).
    HkMacauPermit,
    /// Travel permit between the mainland and Taiwan (台胞证, 往来台湾通行证).
    TaiwanPermit,
    /// Mainland licence plate, new-energy plates included.
    Plate,
    /// Passport number of any country.
    Passport,
    /// Business identifier code of a bank (SWIFT).
    Swift,
    /// Public IP address.
    Ip,
    /// Hardware address of a network interface.
    Mac,
    /// Equipment identity of a mobile phone.
    Imei,
    /// Bitcoin address.
    Bitcoin,
    /// Ethereum address.
    Ethereum,
    /// WeChat id.
    WeChat,
    /// QQ number.
    Qq,
    /// Amount of money; only where a policy names it.
    Amount,
    /// Date of birth; only where a policy names it.
    BirthDate,
    /// Hong Kong identity card number.
    HkId,
    /// Macau identity card number.
    MacauId,
    /// Taiwan identity card or residence number.
    TaiwanId,
    /// Singapore NRIC or FIN.
    SgNric,
    /// Malaysian identity card number (MyKad).
    MyNric,
    /// Thai identification number.
    ThaiId,
    /// Vietnamese citizen identity number.
    VnId,
    /// Korean resident or foreigner registration number.
    KrRrn,
    /// Japanese individual number (My Number).
    JpMyNumber,
    /// Indian Aadhaar number.
    InAadhaar,
    /// Indian permanent account number.
    InPan,
    /// Social security number of the United States.
    UsSsn,
    /// Social insurance number of Canada.
    CaSin,
    /// NHS number of the United Kingdom.
    UkNhs,
    /// National insurance number of the United Kingdom.
    UkNino,
    /// Spanish foreigner's number (NIE).
    EsNie,
    /// Spanish identity number (DNI).
    EsDni,
    /// French social security number (NIR).
    FrNir,
    /// German tax identification number.
    DeTaxId,
    /// Italian fiscal code of a person.
    ItFiscalCode,
    /// Dutch citizen service number (BSN).
    NlBsn,
    /// Swiss social security number (AHV).
    ChAhv,
    /// Polish PESEL.
    PlPesel,
    /// Brazilian CPF.
    BrCpf,
    /// Australian tax file number.
    AuTfn,
    /// Name of a person, Chinese or Western.
    PersonName,
    /// Postal address, Chinese or Western.
    Address,
    /// What a policy's own pattern finds; the rule says what that is.
    Custom,
}

/// What there is to say of an entity.
struct Row {
    entity: Entity,
    /// The stable dotted name.
    name: &'static str,
    /// The short word inside the placeholder.
    label: &'static str,
    /// What a value is judged by.
    checks: &'static [&'static str],
}

const fn row(entity: Entity, name: &'static str, label: &'static str, checks: &'static [&'static str]) -> Row {
    Row { entity, name, label, checks }
}

/// Every entity, in the order of the enum.
const ROWS: [Row; 54] = [
    row(Entity::IdCard, "cn.id_card", "id_card", &["region", "birth_date", "mod_11_2"]),
    row(Entity::BankCard, "cn.bank_card", "bank_card", &["issuer", "length", "luhn"]),
    row(Entity::Mobile, "cn.mobile", "mobile", &["segment"]),
    row(Entity::Landline, "cn.landline", "landline", &["area_code"]),
    row(Entity::Email, "email", "email", &["mailbox"]),
    row(Entity::CreditCode, "cn.credit_code", "credit_code", &["authority", "region", "mod_31"]),
    row(Entity::Iban, "iban", "iban", &["country", "length", "mod_97"]),
    row(Entity::Cvv, "card.cvv", "cvv", &["keyword"]),
    row(Entity::Pin, "card.pin", "pin", &["keyword"]),
    row(Entity::Expiry, "card.expiry", "expiry", &["keyword"]),
    row(Entity::Password, "auth.password", "password", &["keyword"]),
    row(Entity::OneTimeCode, "auth.otp", "otp", &["keyword"]),
    row(Entity::HkMacauPermit, "cn.hm_permit", "hm_permit", &["keyword", "form"]),
    row(Entity::TaiwanPermit, "cn.tw_permit", "tw_permit", &["keyword", "form"]),
    row(Entity::Plate, "cn.plate", "plate", &["region", "form"]),
    row(Entity::Passport, "passport", "passport", &["keyword", "form"]),
    row(Entity::Swift, "swift", "swift", &["country", "form"]),
    row(Entity::Ip, "ip", "ip", &["form"]),
    row(Entity::Mac, "mac", "mac", &["form"]),
    row(Entity::Imei, "imei", "imei", &["luhn"]),
    row(Entity::Bitcoin, "crypto.btc", "btc", &["base58check", "bech32"]),
    row(Entity::Ethereum, "crypto.eth", "eth", &["eip_55"]),
    row(Entity::WeChat, "im.wechat", "wechat", &["keyword"]),
    row(Entity::Qq, "im.qq", "qq", &["keyword"]),
    row(Entity::Amount, "amount", "amount", &["form"]),
    row(Entity::BirthDate, "birth_date", "birth_date", &["keyword", "date"]),
    row(Entity::HkId, "hk.id_card", "hk_id", &["form", "check_digit"]),
    row(Entity::MacauId, "mo.id_card", "mo_id", &["keyword", "form"]),
    row(Entity::TaiwanId, "tw.id_card", "tw_id", &["form", "check_digit"]),
    row(Entity::SgNric, "sg.nric", "nric", &["form", "check_digit"]),
    row(Entity::MyNric, "my.nric", "my_nric", &["birth_date", "region"]),
    row(Entity::ThaiId, "th.id_card", "th_id", &["form", "check_digit"]),
    row(Entity::VnId, "vn.id_card", "vn_id", &["keyword", "region"]),
    row(Entity::KrRrn, "kr.rrn", "rrn", &["birth_date", "check_digit"]),
    row(Entity::JpMyNumber, "jp.my_number", "my_number", &["check_digit"]),
    row(Entity::InAadhaar, "in.aadhaar", "aadhaar", &["check_digit"]),
    row(Entity::InPan, "in.pan", "in_pan", &["form"]),
    row(Entity::UsSsn, "us.ssn", "ssn", &["form"]),
    row(Entity::CaSin, "ca.sin", "sin", &["luhn"]),
    row(Entity::UkNhs, "uk.nhs", "nhs", &["check_digit"]),
    row(Entity::UkNino, "uk.nino", "nino", &["form"]),
    row(Entity::EsNie, "es.nie", "nie", &["check_digit"]),
    row(Entity::EsDni, "es.dni", "dni", &["check_digit"]),
    row(Entity::FrNir, "fr.nir", "nir", &["birth_date", "mod_97"]),
    row(Entity::DeTaxId, "de.tax_id", "de_tax_id", &["check_digit"]),
    row(Entity::ItFiscalCode, "it.fiscal_code", "fiscal_code", &["form", "check_digit"]),
    row(Entity::NlBsn, "nl.bsn", "bsn", &["check_digit"]),
    row(Entity::ChAhv, "ch.ahv", "ahv", &["form", "check_digit"]),
    row(Entity::PlPesel, "pl.pesel", "pesel", &["birth_date", "check_digit"]),
    row(Entity::BrCpf, "br.cpf", "cpf", &["check_digit"]),
    row(Entity::AuTfn, "au.tfn", "tfn", &["check_digit"]),
    row(Entity::PersonName, "person.name", "name", &["lexicon", "context"]),
    row(Entity::Address, "address", "address", &["lexicon", "form"]),
    row(Entity::Custom, "custom", "custom", &["pattern"]),
];

impl Entity {
    /// Every entity.
    pub const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::IdCard; ROWS.len()];
        let mut at = 0;
        while at < ROWS.len() {
            all[at] = ROWS[at].entity;
            at += 1;
        }
        all
    };

    /// Those that every message has plenty of: they are looked for only where a policy has a rule for them.
    pub const ON_DEMAND: [Self; 2] = [Self::Amount, Self::BirthDate];

    /// Returns the stable dotted name.
    pub const fn as_str(self) -> &'static str {
        ROWS[self.index()].name
    }

    /// Returns the short word inside the placeholder that stands for a dropped value.
    pub const fn label(self) -> &'static str {
        ROWS[self.index()].label
    }

    /// Finds the entity of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == name)
    }

    /// Says whether the value means nothing without a keyword beside it.
    pub fn needs_keyword(self) -> bool {
        self.checks().contains(&"keyword")
    }

    /// Says whether it is found by the trained recogniser, which can't be as sure as a check digit.
    pub const fn is_recognised(self) -> bool {
        matches!(self, Self::PersonName | Self::Address)
    }

    /// Returns what a value is judged by, in words of a closed list; a keyword beside it makes any of them surer.
    pub const fn checks(self) -> &'static [&'static str] {
        ROWS[self.index()].checks
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
    fn labels_are_plain_words_without_digits_and_no_two_are_alike() {
        let mut labels = Entity::ALL.map(Entity::label);
        for label in labels {
            assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{label}");
        }
        labels.sort_unstable();
        assert!(labels.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
