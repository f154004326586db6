//! The phrases that rooms below put into errors ("expected …", "no such …"), in Chinese.

const PHRASES: &[(&str, &str)] = &[
];

/// The phrase in Chinese; one that is not known stays as it is.
pub(super) fn in_chinese(phrase: &'static str) -> &'static str {
    PHRASES.iter().find(|(english, _)| *english == phrase).map_or(phrase, |(_, chinese)| chinese)
}
