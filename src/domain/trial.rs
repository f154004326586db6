//! A text tried on a policy: what it finds there, and what each view would show. Nothing of it is sealed, kept or recorded.
//!
//! It is the masker of the messages, without a conversation before. Tokens are the caller's: a trial's must not be those of
//! messages, or somebody could guess a customer's value by trying values until the tokens are alike.

use super::masking::{self, FoundSpan, Policy, ShownSpan, Tail, Tokens, View};
use super::message::RawText;
use crate::units::Timestamp;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was found in the text as it was typed.
    pub found: Vec<FoundSpan>,
    /// What each view shows, and where its masks are.
    pub views: Vec<(View, String, Vec<ShownSpan>)>,
}

/// Tries a text as a conversation's first message at `now`.
pub fn rehearse(text: &RawText, policy: &Policy, tokens: &dyn Tokens, now: Timestamp) -> Trial {
    let raw = text.expose();
    let spans = masking::detect(policy, raw, &mut Tail::empty(), now.as_micros());
    let masked = masking::apply(policy, raw, &spans, tokens);
    let views = View::ALL.into_iter().map(|view| (view, masked.render(view), masked.shown_spans(view))).collect();
    Trial { found: masking::found_spans(raw, &spans), views }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::masking::Entity;

    struct NoTokens;

    impl Tokens for NoTokens {
        fn token(&self, _: &str, _: &str, _: &str) -> String {
            "abcd".to_owned()
        }
    }

    fn tried(text: &str) -> Trial {
        let policy = Policy::load(include_str!("../../policies/masking/cn-retail.yaml")).unwrap();
        rehearse(&RawText::new(text.to_owned()), &policy, &NoTokens, Timestamp::from_micros(0))
    }

    fn cut(text: &str, mark: &ShownSpan) -> String {
        text.chars().skip(mark.start).take(mark.end - mark.start).collect()
    }

    #[test]
    fn marks_count_characters_and_cover_what_was_found_and_what_is_shown() {
        let text = "您好😀，手机13812345678，卡号6222020200112233440的密码是abc12345。";
        let trial = tried(text);
        let found: Vec<_> = trial.found.iter().map(|found| (found.span.entity, cut(text, &found.span))).collect();
        let expected = [(Entity::Mobile, "13812345678"), (Entity::Password, "abc12345")];
        for (entity, value) in expected {
            assert!(found.contains(&(entity, value.to_owned())), "{found:?}");
        }
        // What made each of them surer is a word that was typed.
        let words: Vec<_> = trial.found.iter().map(|found| found.word.as_deref()).collect();
        assert!(words.contains(&Some("手机")) && words.contains(&Some("密码")), "{words:?}");
        for (view, shown, marks) in &trial.views {
            assert_eq!(marks.len(), trial.found.len(), "{view}");
            let mobile = marks.iter().find(|mark| mark.entity == Entity::Mobile).unwrap();
            assert_ne!(cut(shown, mobile), "13812345678", "{view}");
            // What is around the marks is what was typed.
            assert!(shown.starts_with("您好😀，手机") && shown.ends_with('。'), "{view}: {shown}");
            let end = marks.last().unwrap();
            assert_eq!(shown.chars().skip(end.end).collect::<String>(), "。", "{view}");
        }
    }

    #[test]
    fn a_clean_text_is_shown_as_it_is_to_everybody() {
        let trial = tried("请问明天几点开门？");
        assert!(trial.found.is_empty());
        for (view, shown, marks) in trial.views {
            assert_eq!((shown.as_str(), marks.len()), ("请问明天几点开门？", 0), "{view}");
        }
    }
}
