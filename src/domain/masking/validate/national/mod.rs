//! Numbers that states give to people and their papers, as data: form, check, usual grouping and how surely each is one.
//!
//! A form is a string: `9` is a digit, `A` a letter, `?` either. Numbers of digits alone are everyday numbers too, so most
//! of them count only in their usual grouping or beside a word; letters with a check digit count alone. Checks are in
//! [`check`]; the Chinese resident card, which is more than a row, in [`super::id_card`].
//! Sources: each issuer's published rule, named at its check.

mod check;

use super::{super::entity::Entity, Confidence};

/// A kind of number.
pub(in super::super) struct Id {
    pub(in super::super) entity: Entity,
    pub(in super::super) form: &'static [u8],
    /// Lengths of the groups in which people write it.
    groups: &'static [usize],
    /// Its form is digits alone.
    is_digits: bool,
    check: fn(&[u8]) -> bool,
    /// The check is one of digits, not only of form.
    is_checked: bool,
    /// Percent without a group or word, in its usual groups, beside a word.
    alone: u8,
    grouped: u8,
    supported: u8,
}

type Percent = [u8; 3];

const fn checked(
    entity: Entity,
    form: &'static str,
    groups: &'static [usize],
    check: fn(&[u8]) -> bool,
    percent: Percent,
) -> Id {
    let [alone, grouped, supported] = percent;
    let form = form.as_bytes();
    Id { entity, form, groups, is_digits: is_digits(form), check, is_checked: true, alone, grouped, supported }
}

const fn formed(
    entity: Entity,
    form: &'static str,
    groups: &'static [usize],
    check: fn(&[u8]) -> bool,
    percent: Percent,
) -> Id {
    Id { is_checked: false, ..checked(entity, form, groups, check, percent) }
}

const fn is_digits(mut form: &[u8]) -> bool {
    while let [first, rest @ ..] = form {
        if *first != b'9' {
            return false;
        }
        form = rest;
    }
    true
}

/// Every kind; of two that fit a number equally the first one counts.
const IDS: &[Id] = &[
    checked(Entity::TaiwanId, "A999999999", &[], check::taiwan, [88, 88, 97]),
    checked(Entity::HkId, "A9999999", &[7, 1], check::hong_kong, [64, 90, 97]),
    checked(Entity::HkId, "A999999A", &[7, 1], check::hong_kong, [70, 90, 97]),
    checked(Entity::HkId, "AA9999999", &[8, 1], check::hong_kong, [64, 90, 97]),
    checked(Entity::HkId, "AA999999A", &[8, 1], check::hong_kong, [64, 90, 97]),
    formed(Entity::MacauId, "99999999", &[7, 1], check::macau, [20, 50, 90]),
    checked(Entity::SgNric, "A9999999A", &[], check::singapore, [90, 90, 97]),
    checked(Entity::EsNie, "A9999999A", &[], check::spain_foreigner, [88, 90, 97]),
    checked(Entity::EsDni, "99999999A", &[8, 1], check::spain, [74, 80, 97]),
    formed(Entity::UkNino, "AA999999A", &[2, 2, 2, 2, 1], check::national_insurance, [82, 88, 96]),
    checked(Entity::ItFiscalCode, "AAAAAA??A??A???A", &[], check::italy, [93, 93, 98]),
    formed(Entity::InPan, "AAAAA9999A", &[], check::india_pan, [64, 64, 95]),
    checked(Entity::KrRrn, "9999999999999", &[6, 7], check::korea, [55, 86, 97]),
    formed(Entity::KrRrn, "9999999999999", &[6, 7], check::korea_date, [20, 60, 88]),
    checked(Entity::ChAhv, "9999999999999", &[3, 4, 4, 2], check::switzerland, [74, 88, 97]),
    checked(Entity::ThaiId, "9999999999999", &[1, 4, 5, 2, 1], check::thailand, [45, 90, 97]),
    checked(Entity::InAadhaar, "999999999999", &[4, 4, 4], check::india_aadhaar, [40, 64, 97]),
    formed(Entity::MyNric, "999999999999", &[6, 2, 4], check::malaysia, [45, 80, 93]),
    checked(Entity::JpMyNumber, "999999999999", &[4, 4, 4], check::japan, [40, 50, 96]),
    formed(Entity::VnId, "999999999999", &[], check::vietnam, [10, 10, 97]),
    checked(Entity::FrNir, "999999999999999", &[1, 2, 2, 2, 3, 3, 2], check::france, [74, 94, 98]),
    checked(Entity::FrNir, "999999?99999999", &[1, 2, 2, 2, 3, 3, 2], check::france, [84, 94, 98]),
    checked(Entity::PlPesel, "99999999999", &[], check::poland, [55, 55, 97]),
    checked(Entity::BrCpf, "99999999999", &[3, 3, 3, 2], check::brazil, [60, 97, 99]),
    checked(Entity::DeTaxId, "99999999999", &[2, 3, 3, 3], check::germany, [40, 60, 96]),
    checked(Entity::UkNhs, "9999999999", &[3, 3, 4], check::health_service, [40, 50, 96]),
    formed(Entity::UsSsn, "999999999", &[3, 2, 4], check::social_security, [20, 76, 93]),
    checked(Entity::CaSin, "999999999", &[3, 3, 3], check::canada, [30, 45, 95]),
    formed(Entity::HkMacauPermit, "A9999999999", &[], check::home_return, [66, 66, 95]),
    formed(Entity::HkMacauPermit, "A99999999", &[], check::home_return, [55, 55, 95]),
    formed(Entity::HkMacauPermit, "A99999999", &[], check::to_hong_kong, [30, 30, 95]),
    formed(Entity::HkMacauPermit, "AA9999999", &[], check::to_hong_kong, [30, 30, 95]),
    formed(Entity::TaiwanPermit, "A99999999", &[], check::to_taiwan, [30, 30, 95]),
    formed(Entity::TaiwanPermit, "99999999", &[], check::any, [10, 10, 88]),
    formed(Entity::TaiwanPermit, "9999999999", &[], check::any, [10, 10, 88]),
    formed(Entity::Passport, "A99999999", &[], check::any, [45, 45, 93]),
    formed(Entity::Passport, "AA9999999", &[], check::any, [45, 45, 93]),
    formed(Entity::Passport, "A9999999", &[], check::any, [30, 30, 90]),
    formed(Entity::Passport, "AA999999", &[], check::any, [30, 30, 90]),
    formed(Entity::Passport, "99AA99999", &[], check::any, [30, 30, 90]),
    formed(Entity::Passport, "A??99?99?", &[], check::any, [10, 10, 86]),
    formed(Entity::Passport, "9999999999", &[], check::any, [5, 5, 76]),
    formed(Entity::Passport, "999999999", &[], check::any, [5, 5, 86]),
    formed(Entity::Passport, "99999999", &[], check::any, [5, 5, 80]),
    checked(Entity::AuTfn, "999999999", &[3, 3, 3], check::australia, [25, 40, 94]),
    checked(Entity::NlBsn, "999999999", &[], check::netherlands, [25, 25, 94]),
];

/// Characters of the shortest form with letters and of bank identifier codes.
pub(in super::super) const FORM_LEN_MIN: usize = 8;
/// Characters of the longest form.
pub(in super::super) const FORM_LEN_MAX: usize = 16;
/// Fewest digits of a number of digits alone.
pub(in super::super) const DIGITS_MIN: usize = 8;

impl Id {
    /// Judges characters of this form, upper case, written in groups of these lengths.
    pub(in super::super) fn judge(&self, number: &[u8], groups: &[usize]) -> Option<Confidence> {
        if !(self.check)(number) {
            return None;
        }
        let alone = if self.is_usual(groups) { self.grouped } else { self.alone };
        let Self { supported, is_checked, .. } = *self;
        Some(if is_checked { Confidence::checked(alone, supported) } else { Confidence::new(alone, supported) })
    }

    /// Says whether people write it in groups of these lengths.
    pub(in super::super) fn is_usual(&self, groups: &[usize]) -> bool {
        !self.groups.is_empty() && self.groups == groups
    }
}

/// Returns the kinds whose numbers are so many digits.
pub(in super::super) fn of_digits(count: usize) -> impl Iterator<Item = &'static Id> {
    IDS.iter().filter(move |id| id.form.len() == count && id.is_digits)
}

/// Returns the kinds with letters in them.
pub(in super::super) fn lettered() -> impl Iterator<Item = &'static Id> {
    IDS.iter().filter(|id| !id.is_digits)
}

/// Returns the table's text, which the policy digest covers.
pub(in super::super) fn describe() -> String {
    let row = |id: &Id| {
        let Id { entity, form, groups, is_checked, alone, grouped, supported, .. } = id;
        let form = String::from_utf8_lossy(form);
        format!("{entity} {form} {groups:?} {is_checked} {alone} {grouped} {supported};")
    };
    IDS.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kinds whose form fits make of a number: the entity and its confidence alone.
    fn judged(number: &str, groups: &[usize]) -> Vec<(Entity, u8)> {
        let fits = |place: u8, character: u8| match place {
            b'9' => character.is_ascii_digit(),
            b'A' => character.is_ascii_uppercase(),
            _ => character.is_ascii_alphanumeric(),
        };
        let of_form = |id: &&Id| {
            id.form.len() == number.len() && id.form.iter().zip(number.bytes()).all(|(&place, c)| fits(place, c))
        };
        IDS.iter()
            .filter(of_form)
            .filter_map(|id| Some((id.entity, id.judge(number.as_bytes(), groups)?.alone)))
            .collect()
    }

    #[test]
    fn numbers_with_their_check_are_known() {
        for (number, entity) in [
            ("A123456789", Entity::TaiwanId),
            ("A1234563", Entity::HkId),
            ("G123456A", Entity::HkId),
            ("51234567", Entity::MacauId),
            ("S1234567D", Entity::SgNric),
            ("F1234567N", Entity::SgNric),
            ("X1234567L", Entity::EsNie),
            ("12345678Z", Entity::EsDni),
            ("QQ123456C", Entity::UkNino),
            ("RSSMRA85T10A562S", Entity::ItFiscalCode),
            ("ABCPE1234F", Entity::InPan),
            ("7561234567897", Entity::ChAhv),
            ("1101700230708", Entity::ThaiId),
            ("234123412346", Entity::InAadhaar),
            ("901231145678", Entity::MyNric),
            ("123456789018", Entity::JpMyNumber),
            ("001099012345", Entity::VnId),
            ("255081416802538", Entity::FrNir),
            ("44051401359", Entity::PlPesel),
            ("52998224725", Entity::BrCpf),
            ("86095742719", Entity::DeTaxId),
            ("9434765919", Entity::UkNhs),
            ("078051120", Entity::UsSsn),
            ("046454286", Entity::CaSin),
            ("123456782", Entity::AuTfn),
            ("111222333", Entity::NlBsn),
        ] {
            assert!(judged(number, &[]).iter().any(|&(found, _)| found == entity), "{entity} {number}");
        }
    }

    #[test]
    fn another_check_digit_is_another_number() {
        for (number, entity) in [
            ("A123456788", Entity::TaiwanId),
            ("A1234564", Entity::HkId),
            ("S1234567A", Entity::SgNric),
            ("X1234567A", Entity::EsNie),
            ("12345678A", Entity::EsDni),
            ("BG123456C", Entity::UkNino),
            ("RSSMRA85T10A562T", Entity::ItFiscalCode),
            ("ABCDE1234F", Entity::InPan),
            ("7561234567898", Entity::ChAhv),
            ("1101700230709", Entity::ThaiId),
            ("234123412347", Entity::InAadhaar),
            ("901331145678", Entity::MyNric),
            ("123456789019", Entity::JpMyNumber),
            ("999099012345", Entity::VnId),
            ("255081416802539", Entity::FrNir),
            ("44051401358", Entity::PlPesel),
            ("52998224726", Entity::BrCpf),
            ("11111111111", Entity::BrCpf),
            ("86095742718", Entity::DeTaxId),
            ("9434765918", Entity::UkNhs),
            ("666051120", Entity::UsSsn),
            ("046454287", Entity::CaSin),
            ("123456783", Entity::AuTfn),
            ("111222334", Entity::NlBsn),
        ] {
            assert!(!judged(number, &[]).iter().any(|&(found, _)| found == entity), "{entity} {number}");
        }
    }

    #[test]
    fn the_usual_grouping_makes_a_number_surer() {
        for (number, groups, entity) in [
            ("078051120", &[3, 2, 4][..], Entity::UsSsn),
            ("52998224725", &[3, 3, 3, 2], Entity::BrCpf),
            ("A1234563", &[7, 1], Entity::HkId),
            ("1101700230708", &[1, 4, 5, 2, 1], Entity::ThaiId),
        ] {
            let alone = |groups: &[usize]| judged(number, groups).iter().find(|(found, _)| *found == entity).unwrap().1;
            assert!(alone(groups) >= 70 && alone(&[]) < 70, "{entity}");
        }
    }

    #[test]
    fn kinds_of_digits_and_of_letters_make_up_the_table() {
        let digits: usize = (DIGITS_MIN..=15).map(|count| of_digits(count).count()).sum();
        assert_eq!(digits + lettered().count(), IDS.len());
        assert!(lettered().all(|id| (FORM_LEN_MIN..=FORM_LEN_MAX).contains(&id.form.len())));
    }
}
