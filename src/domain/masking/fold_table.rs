//! The table that folds a character to a code, and a code to a code of `symbol`.
//!
//! Codes below 256 are symbols themselves; each ideograph that a keyword needs has a code of its own from 256 on. It
//! deliberately does not know words, numbers or policies, only characters; and it is no NFKC: it folds what people
//! use to disguise digits and keywords, and costs one load a character.
//! Source: Unicode 16 character database (Nd, enclosed alphanumerics, default ignorables), UTS #39 confusables.

use super::symbol;

/// Code points below this are looked up in the table; above it only tags and selectors matter.
const TABLE_LEN: u32 = 0x2_0000;

/// First code points of rows of ten decimal digits, zero to nine.
const DIGIT_ROWS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0x2080, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x1_04A0, 0x1_0D30, 0x1_0D40, 0x1_1066,
    0x1_10F0, 0x1_1136, 0x1_11D0, 0x1_12F0, 0x1_1450, 0x1_14D0, 0x1_1650, 0x1_16C0, 0x1_1730, 0x1_18E0, 0x1_1950,
    0x1_1C50, 0x1_1D50, 0x1_1DA0, 0x1_1F50, 0x1_6A60, 0x1_6AC0, 0x1_6B50, 0x1_D7CE, 0x1_D7D8, 0x1_D7E2, 0x1_D7EC,
    0x1_D7F6, 0x1_E140, 0x1_E2F0, 0x1_E4F0, 0x1_E950, 0x1_FBF0, 0x1_CCF0,
];

/// First code points of rows of nine digits, one to nine: circled, parenthesised, with full stop or comma, Roman.
const ONE_TO_NINE_ROWS: &[u32] = &[0x2460, 0x2474, 0x2488, 0x24F5, 0x2776, 0x2780, 0x278A, 0x2160, 0x2170, 0x1_F102];

/// Single characters for digits.
const SINGLE_DIGITS: &[(char, u8)] = &[
    ('⁰', b'0'),
    ('¹', b'1'),
    ('²', b'2'),
    ('³', b'3'),
    ('⓪', b'0'),
    ('⓿', b'0'),
    ('\u{1F100}', b'0'),
    ('\u{1F101}', b'0'),
    ('\u{1F10B}', b'0'),
    ('\u{1F10C}', b'0'),
];

/// Chinese numerals: everyday, financial, traditional, radio and telephone speech, Suzhou and enclosed forms.
const NUMERALS: [&str; 10] = [
    "零〇○洞",
    "一壹壱弌幺〡㈠㊀",
    "二贰貳弐两兩〢㈡㊁",
    "三叁參参弎〣㈢㊂",
    "四肆〤㈣㊃",
    "五伍〥㈤㊄",
    "六陆陸〦㈥㊅",
    "七柒拐〧㈦㊆",
    "八捌〨㈧㊇",
    "九玖勾〩㈨㊈",
];

/// Letters that only look Latin, and Latin letters in odd places.
const LETTERS: &[(&str, &str)] = &[
    ("АВЕКМНОРСТХІЅЈ", "abekmhopctxisj"),
    ("аеорсухіѕј", "aeopcyxisj"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx"),
    ("οιν", "oiv"),
    ("ıℓⅹⅩ×✕✖", "ilxxxxx"),
];

/// Punctuation by the ASCII character (or own symbol) that it stands for.
const PUNCTUATION: &[(u8, &str)] = &[
    (b' ', "\t\r\u{A0}\u{1680}\u{202F}\u{205F}\u{3000}\u{2800}"),
    (b'\n', "\u{0B}\u{0C}\u{85}\u{2028}\u{2029}"),
    (b'-', "‐‑‒–—―⁃−﹘﹣ー⸺⸻─━"),
    (b'.', "․﹒…"),
    (b',', "、﹐﹑､،"),
    (b':', "﹕∶︰"),
    (b';', "﹔"),
    (b'!', "﹗"),
    (b'?', "﹖"),
    (b'/', "⁄∕"),
    (b'~', "〜"),
    (b'@', "﹫"),
    (b'(', "﹙〔"),
    (b')', "﹚〕"),
    (b'[', "【〖「『"),
    (b']', "】〗」』"),
    (b'"', "“”„‟"),
    (b'\'', "‘’‚‛"),
    (b'$', "¥￥€£¢₩"),
    (b'|', "丨"),
    (symbol::MIDDLE_DOT, "·•‧∙⋅・･·᛫"),
    (symbol::FULL_STOP, "。｡"),
];

/// Ranges of transparent characters, both ends included.
const IGNORED: &[(u32, u32)] = &[
    (0x00, 0x08),
    (0x0E, 0x1F),
    (0x7F, 0x84),
    (0x86, 0x9F),
    (0xAD, 0xAD),
    (0x300, 0x36F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1_BCA0, 0x1_BCA3),
    (0x1_D173, 0x1_D17A),
    (0x1_F3FB, 0x1_F3FF),
];

/// Ranges of emoji, arrows and ornaments, both ends included.
const ORNAMENTS: &[(u32, u32)] = &[
    (0x2190, 0x23FF),
    (0x2500, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x3030, 0x3030),
    (0x1_F000, 0x1_F0FF),
    (0x1_F18A, 0x1_FAFF),
];

/// Ideographs by the kind that they are whether or not a keyword has them.
const KINDS: [(u8, &str); 7] = [
    (symbol::MONEY, "元块万亿"),
    (symbol::UNIT, "年月日号次个分秒位小时天折千百件岁度楼层栋室届期级条页台只步"),
    (symbol::COPULA, "是为就改成设置换填写叫了"),
    (symbol::DOT_WORD, "点"),
    (symbol::AT_WORD, "艾"),
    (symbol::PROVINCE, "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"),
    (symbol::PLATE_END, "挂学警港澳领使"),
];

/// Traditional ideographs, each followed by the simplified one that keywords are written in.
const TRADITIONAL: &str = "驗验證证碼码號号機机電电話话郵邮帳账賬账銀银聯联絡络繫系係系務务訊讯簡简單单訂订線线個个儲储貸贷\
    戶户動动態态隨随機机開开轉转匯汇鑰钥認认識识稅税納纳統统會会業业執执貨货紅红費费額额點点後后為为設设置置換换\
    簽签欄栏過过時时間间財财產产車车運运遞递歸归領领獎奖優优惠惠驾驾駛驶圓元塊块萬万億亿條条編编\
    護护臺台灣湾國国際际銜衔別别書书憑凭駕驾齡龄誕诞歲岁滬沪雲云遼辽魯鲁蘇苏贛赣閩闽貴贵粵粤寧宁瓊琼陝陕領领學学";

/// First code of an ideograph: below it codes are symbols.
const IDEOGRAPHS: usize = 256;
/// Most codes that keywords may use, so that automata stay small.
const CODES_MAX: usize = 2048;

/// Folds characters to codes and symbols.
pub(super) struct FoldTable {
    entries: Box<[Entry]>,
    code_count: usize,
}

/// What a character folds to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The code, which keywords are made of.
    pub(super) code: u16,
    /// The symbol, which everything else looks at.
    pub(super) symbol: u8,
}

impl Entry {
    /// A character that means nothing to the engine.
    const OTHER: Self = Self::plain(symbol::OTHER);

    const fn plain(symbol: u8) -> Self {
        Self { code: symbol as u16, symbol }
    }
}

/// Keywords use more different ideographs than there are codes.
#[derive(Debug)]
pub(super) struct TooManyIdeographs;

impl FoldTable {
    /// Builds the table; every character of `words` that has no code yet is given one.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w str>) -> Result<Self, TooManyIdeographs> {
        let mut table =
            Self { entries: vec![Entry::OTHER; TABLE_LEN as usize].into_boxed_slice(), code_count: IDEOGRAPHS };
        table.fill_ranges();
        table.fill_latin();
        table.fill_characters();
        for (kind, characters) in KINDS {
            for character in characters.chars() {
                table.assign(character, kind)?;
            }
        }
        for character in words.flat_map(str::chars) {
            table.assign(character, symbol::OTHER)?;
        }
        table.alias_traditional();
        Ok(table)
    }

    /// Returns what a character folds to.
    #[inline]
    pub(super) fn entry(&self, character: char) -> Entry {
        let position = character as u32;
        match self.entries.get(position as usize) {
            Some(&entry) => entry,
            None if (0xE_0000..=0xE_0FFF).contains(&position) => Entry::plain(symbol::IGNORE),
            None => Entry::OTHER,
        }
    }

    /// Returns how many codes there are.
    pub(super) fn code_count(&self) -> usize {
        self.code_count
    }

    /// Returns the codes of a word, without the transparent ones.
    pub(super) fn fold(&self, word: &str) -> Vec<u16> {
        let entries = word.chars().map(|character| self.entry(character));
        entries.filter(|entry| entry.symbol != symbol::IGNORE).map(|entry| entry.code).collect()
    }

    /// Returns the table's bytes, which the policy digest covers.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|entry| [entry.code.to_be_bytes().as_slice(), &[entry.symbol]].concat()).collect()
    }

    fn set(&mut self, position: u32, symbol: u8) {
        self.set_entry(position, Entry::plain(symbol));
    }

    fn set_entry(&mut self, position: u32, entry: Entry) {
        if let Some(slot) = self.entries.get_mut(position as usize) {
            *slot = entry;
        }
    }

    fn assign(&mut self, character: char, kind: u8) -> Result<(), TooManyIdeographs> {
        if self.entry(character) != Entry::OTHER || character as u32 >= TABLE_LEN {
            return Ok(());
        }
        if self.code_count >= CODES_MAX {
            return Err(TooManyIdeographs);
        }
        let code = u16::try_from(self.code_count).map_err(|_too_large| TooManyIdeographs)?;
        self.code_count += 1;
        self.set_entry(character as u32, Entry { code, symbol: kind });
        Ok(())
    }

    fn alias_traditional(&mut self) {
        let mut pairs = TRADITIONAL.chars().filter(|c| !c.is_whitespace());
        while let (Some(traditional), Some(simplified)) = (pairs.next(), pairs.next()) {
            if self.entry(traditional) == Entry::OTHER {
                self.set_entry(traditional as u32, self.entry(simplified));
            }
        }
    }

    fn fill_ranges(&mut self) {
        for (ranges, symbol) in [(ORNAMENTS, symbol::EMOJI), (IGNORED, symbol::IGNORE)] {
            for &(first, last) in ranges {
                (first..=last).for_each(|code| self.set(code, symbol));
            }
        }
        (0x2000..=0x200A).for_each(|code| self.set(code, b' '));
    }

    fn fill_latin(&mut self) {
        for byte in b' '..=b'~' {
            let folded = byte.to_ascii_lowercase();
            self.set(u32::from(byte), folded);
            if byte != b' ' {
                self.set(0xFEE0 + u32::from(byte), folded);
            }
        }
        self.set(u32::from(b'\n'), b'\n');
        for (offset, letter) in (0..).zip(b'a'..=b'z') {
            for first in [0x249C, 0x24B6, 0x24D0, 0x1_F110, 0x1_F130, 0x1_F150, 0x1_F170] {
                self.set(first + offset, letter);
            }
            // Thirteen styles of mathematical capitals, each followed by its small letters.
            (0..26).for_each(|style| self.set(0x1_D400 + style * 26 + offset, letter));
        }
    }

    fn fill_characters(&mut self) {
        for (symbol, characters) in PUNCTUATION {
            characters.chars().for_each(|character| self.set(character as u32, *symbol));
        }
        for (digit, offset) in (b'0'..=b'9').zip(0..) {
            for row in DIGIT_ROWS {
                self.set(row + offset, digit);
            }
        }
        for (digit, offset) in (b'1'..=b'9').zip(0..) {
            for row in ONE_TO_NINE_ROWS {
                self.set(row + offset, digit);
            }
        }
        (0x2074..).zip(b'4'..=b'9').for_each(|(code, digit)| self.set(code, digit));
        for &(character, digit) in SINGLE_DIGITS {
            self.set(character as u32, digit);
        }
        for (symbol, numerals) in (symbol::NUMERAL_ZERO..).zip(NUMERALS) {
            numerals.chars().for_each(|numeral| self.set(numeral as u32, symbol));
        }
        for (lookalikes, letters) in LETTERS {
            lookalikes.chars().zip(letters.bytes()).for_each(|(c, letter)| self.set(c as u32, letter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &FoldTable, disguised: &str, plain: &str) {
        let symbols: Vec<u8> =
            disguised.chars().map(|c| table.entry(c).symbol).filter(|&symbol| symbol != symbol::IGNORE).collect();
        assert_eq!(symbols, plain.as_bytes(), "{disguised}");
    }

    #[test]
    fn disguised_digits_fold_to_plain_digits() {
        let table = FoldTable::new([].into_iter()).unwrap();
        for digits in [
            "０１２３４５６７８９",
            "⓪①②③④⑤⑥⑦⑧⑨",
            "⓿❶❷❸❹❺❻❼❽❾",
            "⁰¹²³⁴⁵⁶⁷⁸⁹",
            "₀₁₂₃₄₅₆₇₈₉",
            "٠١٢٣٤٥٦٧٨٩",
            "०१२३४५६७८९",
            "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
            "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
            "0️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣9️⃣",
            "0\u{200B}1\u{200D}2\u{2060}3\u{FEFF}4\u{AD}5\u{E0100}6\u{FE0F}7\u{202E}89",
        ] {
            check(&table, digits, "0123456789");
        }
    }

    #[test]
    fn numerals_fold_to_their_own_symbols() {
        let table = FoldTable::new([].into_iter()).unwrap();
        let expected: Vec<u16> = (0x80..=0x89).collect();
        for numerals in ["零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖", "洞幺两参肆伍陸拐捌勾"]
        {
            assert_eq!(table.fold(numerals), expected, "{numerals}");
        }
    }

    #[test]
    fn letters_fold_to_lower_case_latin() {
        let table = FoldTable::new([].into_iter()).unwrap();
        for word in ["CVV", "ｃｖｖ", "Ⓒⓥⓥ", "𝐜𝐯𝐯", "с\u{200B}ѵv".replace('ѵ', "v").as_str()] {
            check(&table, word, "cvv");
        }
    }

    #[test]
    fn keywords_fold_alike_in_both_scripts() {
        let table = FoldTable::new(["验证码", "银行卡"].into_iter()).unwrap();
        assert_eq!(table.fold("驗證碼"), table.fold("验证码"));
        assert_eq!(table.fold("銀行卡"), table.fold("银行卡"));
        assert!(!table.fold("验证码").contains(&u16::from(symbol::OTHER)));
        assert_eq!(table.fold("猫"), [u16::from(symbol::OTHER)]);
    }

    #[test]
    fn too_many_ideographs_are_refused() {
        let many: String = ('\u{5000}'..'\u{5900}').collect();
        assert!(FoldTable::new([many.as_str()].into_iter()).is_err());
    }
}
