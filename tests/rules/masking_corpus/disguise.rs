//! The ways in which people disguise digits in chats.

use super::random::Random;

/// A way to write digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disguise {
    /// Other characters for the ten digits.
    Characters(&'static str),
    /// Every digit in another script.
    Mixed,
    /// A keycap after each digit.
    Keycap,
    /// A separator between groups.
    Groups(&'static str),
    /// A separator between all digits.
    Each(&'static str),
    /// Invisible characters between digits.
    Invisible(&'static str),
    /// One or two digits as letters.
    Homoglyphs,
}

/// Every disguise of the corpus.
pub const DISGUISES: &[Disguise] = &[
    Disguise::Characters("０１２３４５６７８９"),
    Disguise::Characters("⓪①②③④⑤⑥⑦⑧⑨"),
    Disguise::Characters("⓿❶❷❸❹❺❻❼❽❾"),
    Disguise::Characters("⁰¹²³⁴⁵⁶⁷⁸⁹"),
    Disguise::Characters("₀₁₂₃₄₅₆₇₈₉"),
    Disguise::Characters("𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"),
    Disguise::Characters("𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵"),
    Disguise::Characters("٠١٢٣٤٥٦٧٨٩"),
    Disguise::Characters("०१२३४५६७८९"),
    Disguise::Characters("零一二三四五六七八九"),
    Disguise::Characters("〇幺两三四五六七八九"),
    Disguise::Characters("零壹贰叁肆伍陆柒捌玖"),
    Disguise::Characters("零壹貳參肆伍陸柒捌玖"),
    Disguise::Mixed,
    Disguise::Keycap,
    Disguise::Groups(" "),
    Disguise::Groups("-"),
    Disguise::Groups("."),
    Disguise::Groups("·"),
    Disguise::Groups("，"),
    Disguise::Groups("、"),
    Disguise::Groups("😀"),
    Disguise::Groups("👍🏽"),
    Disguise::Groups(" - "),
    Disguise::Groups("—"),
    Disguise::Groups("/"),
    Disguise::Each(" "),
    Disguise::Each("-"),
    Disguise::Each("."),
    Disguise::Each("★"),
    Disguise::Invisible("\u{200B}"),
    Disguise::Invisible("\u{FE0F}"),
    Disguise::Invisible("\u{200D}\u{2060}"),
    Disguise::Invisible("\u{AD}"),
    Disguise::Homoglyphs,
];

impl Disguise {
    /// Writes a value in disguise; what is not a digit stays.
    pub fn write(self, value: &str, random: &mut Random) -> String {
        let characters: Vec<char> = value.chars().collect();
        match self {
            Self::Characters(digits) => each(&characters, |c| in_script(c, digits)),
            Self::Mixed => each(&characters, |c| in_script(c, random.pick(&SCRIPTS))),
            Self::Keycap => {
                each(&characters, |c| if c.is_ascii_digit() { format!("{c}\u{FE0F}\u{20E3}") } else { c.into() })
            }
            Self::Groups(separator) => grouped(&characters, separator),
            Self::Each(separator) | Self::Invisible(separator) => {
                characters.iter().map(char::to_string).collect::<Vec<_>>().join(separator)
            }
            Self::Homoglyphs => homoglyphs(characters),
        }
    }
}

const SCRIPTS: [&str; 6] =
    ["0123456789", "０１２３４５６７８９", "零一二三四五六七八九", "⓪①②③④⑤⑥⑦⑧⑨", "⁰¹²³⁴⁵⁶⁷⁸⁹", "〇壹贰叁肆伍陆柒捌玖"];

fn each(characters: &[char], mut write: impl FnMut(char) -> String) -> String {
    characters.iter().map(|&c| write(c)).collect()
}

fn in_script(c: char, digits: &str) -> String {
    c.to_digit(10).and_then(|digit| digits.chars().nth(digit as usize)).unwrap_or(c).into()
}

/// Groups as people do: 3-4-4 for phones, fours for the rest.
fn grouped(characters: &[char], separator: &str) -> String {
    let first = if characters.len() == 11 { 3 } else { 4.min(characters.len()) };
    let (head, rest) = characters.split_at(first);
    let groups = std::iter::once(head).chain(rest.chunks(4)).filter(|group| !group.is_empty());
    groups.map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(separator)
}

fn homoglyphs(mut characters: Vec<char>) -> String {
    let mut left = 2;
    for c in &mut characters {
        if left > 0 && matches!(c, '0' | '1') {
            *c = match (*c, left) {
                ('0', 2) => 'O',
                ('0', _) => 'o',
                (_, 2) => 'l',
                (_, _) => 'I',
            };
            left -= 1;
        }
    }
    characters.into_iter().collect()
}
