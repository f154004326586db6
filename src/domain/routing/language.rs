//! Which language a message is in, as far as its script tells: Chinese characters against Latin letters.
//!
//! Deterministic and deliberately simple: it tells the languages that agents are grouped by, no more. A channel that knows
//! better says so. It never keeps what it reads.

/// Letters from which on a message's script says something.
const LETTERS_MIN: usize = 2;

/// `zh` when a message holds Chinese characters, `en` when its letters are Latin; `None` when it has too few, or others.
/// Chinese needs few characters where English needs many letters, so one character outweighs four letters.
pub fn language_of(text: &str) -> Option<&'static str> {
    let (mut han, mut latin, mut other) = (0_usize, 0_usize, 0_usize);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        match letter {
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' => {
                han += 1;
            }
            'a'..='z' | 'A'..='Z' => latin += 1,
            _ => other += 1,
        }
    }
    // Kana and Hangul stand beside Chinese characters in languages that are not Chinese.
    if other > han + latin {
        return None;
    }
    if han * 4 >= latin && han > 0 {
        return Some("zh");
    }
    (latin >= LETTERS_MIN).then_some("en")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_tells_chinese_from_english_and_nothing_else() {
        for (text, language) in [
            ("我的卡丢了", Some("zh")),
            ("卡", Some("zh")),
            ("我要查询 Visa 卡的 bill", Some("zh")),
            ("App登录不了", Some("zh")),
            ("I lost my card", Some("en")),
            ("I lost my card in 上海", Some("en")),
            ("hi", Some("en")),
            ("6222 0212 3456", None),
            ("", None),
            ("?", None),
            ("ok 👍", Some("en")),
            ("カードをなくしました", None),
            ("카드를 잃어버렸어요", None),
            ("потерял карту", None),
        ] {
            assert_eq!(language_of(text), language, "{text}");
        }
    }
}
