//! What later messages tell of earlier ones: over all messages of a conversation together, no view but a raw one shows more of
//! a number than its rule lets it, and a code that is named afterwards is in no view and not in what is sealed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use liaowaiwai::domain::masking::{
    Class, Heard, MaskedText, Policy, Tail, Tokens, View, apply, hear, mask_again, token_letters, without_c3,
    without_named,
};
use liaowaiwai::units::MessageId;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Digits of a bank card that may be shown: the first six and the last four (PCI DSS 4.0.1 requirement 3.4.1).
const SHOWN_DIGITS_MAX: usize = 10;
/// Messages of a conversation come this far apart, in microseconds.
const APART_US: i64 = 20_000_000;

fn policy() -> &'static Policy {
    static POLICY: std::sync::OnceLock<Policy> = std::sync::OnceLock::new();
    POLICY.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
        Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap()
    })
}

struct Letters;

impl Tokens for Letters {
    fn token(&self, _key: &str, _entity: &str, canonical: &str) -> String {
        token_letters(canonical.as_bytes()).chars().rev().take(16).collect()
    }
}

/// What is stored of one message.
struct Stored {
    id: MessageId,
    sealed: String,
    masked: MaskedText,
}

/// Takes messages in as the server does: what is told of earlier ones is masked again in what is stored of them.
fn conversation(messages: &[impl AsRef<str>]) -> Vec<Stored> {
    let (policy, mut tail) = (policy(), Tail::empty());
    let mut stored: Vec<Stored> = Vec::new();
    for (number, text) in (1_u8..).zip(messages) {
        let (id, text) = (MessageId::from_random([number; 16]), text.as_ref());
        let Heard { spans, again } = hear(policy, text, &mut tail, id, i64::from(number) * APART_US);
        for again in &again {
            let earlier = stored.iter_mut().find(|stored| stored.id == again.message).unwrap();
            earlier.masked = mask_again(policy, &earlier.masked, again, &Letters);
            let bytes = earlier.masked.to_bytes();
            assert!(MaskedText::from_bytes(&bytes).unwrap() == earlier.masked, "what is stored is read back");
            if again.class == Class::C3 {
                earlier.sealed = without_named(policy, &earlier.sealed, again);
            }
        }
        let (masked, sealed) = (apply(policy, text, &spans, &Letters), without_c3(text, &spans));
        stored.push(Stored { id, sealed, masked });
    }
    stored
}

fn check(messages: &[&str], view: View, expect: &[&str]) {
    let shown: Vec<String> = conversation(messages).iter().map(|stored| stored.masked.render(view)).collect();
    assert_eq!(shown, expect, "{messages:?}");
}

fn luhn_digit(body: &str) -> char {
    let sum: u32 = body.bytes().rev().enumerate().fold(0, |sum, (place, digit)| {
        let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
        sum + digit / 10 + digit % 10
    });
    char::from_digit((10 - sum % 10) % 10, 10).unwrap()
}

fn shows_at_most_ten_digits(messages: &[String]) {
    let stored = conversation(messages);
    for view in View::ALL {
        let shown: Vec<String> = stored.iter().map(|stored| stored.masked.render(view)).collect();
        let digits = shown.iter().flat_map(|text| text.chars()).filter(char::is_ascii_digit).count();
        assert!(digits <= SHOWN_DIGITS_MAX, "{view}: {shown:?} of {messages:?}");
    }
}

#[test]
fn a_card_in_two_messages_shows_its_first_six_and_last_four() {
    check(&["我的卡号是6222021234", "567890128"], View::Agent, &["我的卡号是622202****", "*****0128"]);
    check(&["622202", "1234567890128是我的卡"], View::Agent, &["622202", "*********0128是我的卡"]);
}

#[test]
fn a_card_in_three_messages_shows_its_first_six_and_last_four() {
    check(&["卡号6222", "好的", "021234 56", "7890128"], View::Customer, &["卡号6222", "好的", "02******", "***0128"]);
}

#[test]
fn a_number_that_was_whole_is_masked_again_as_the_beginning_of_a_longer_one() {
    let shorter = format!("622202123456789{}", luhn_digit("622202123456789"));
    for more in (0..100).map(|more| format!("{more:02}")) {
        let more = format!("{more}{}", luhn_digit(&format!("{shorter}{more}")));
        check(&[&shorter, &more], View::Agent, &[&format!("622202*********{}", &shorter[15..]), &more]);
        check(&[&shorter], View::Agent, &[&format!("622202******{}", &shorter[12..])]);
    }
}

#[test]
fn a_mobile_in_two_messages_is_masked_in_both() {
    check(&["我的号码是1381234", "5678"], View::Agent, &["我的号码是138****", "5678"]);
    check(&["一三八", "12345678"], View::Agent, &["138", "****5678"]);
}

#[test]
fn a_code_is_taken_out_of_what_is_stored_when_a_later_message_names_it() {
    let cases: [(&[&str], usize, &str); 11] = [
        (&["384921", "刚才那个是我的验证码"], 0, "384921"),
        (&["384921", "收到", "这是验证码"], 0, "384921"),
        (&["好的384921哈", "这是验证码"], 0, "384921"),
        (&["384921", "这是验证码"], 0, "384921"),
        (&["好的384921哈", "收到", "刚才那个是我的验证码"], 0, "384921"),
        (&["384921", "验证码"], 0, "384921"),
        (&["384", "921", "这是验证码"], 0, "384"),
        (&["384", "921", "这是验证码"], 1, "921"),
        (&["384921", "that is my verification code"], 0, "384921"),
        (&["384921", "这是我的取款密码"], 0, "384921"),
        (&["318", "这是cvv"], 0, "318"),
    ];
    for (messages, at, code) in cases {
        let stored = conversation(messages);
        for view in View::ALL {
            assert!(!stored[at].masked.render(view).contains(code), "{view} of {messages:?}");
        }
        assert!(!stored[at].sealed.contains(code) && stored[at].sealed.contains('\u{FFFC}'), "{messages:?}");
    }
}

#[test]
fn what_no_message_names_stays_as_it_was() {
    let cases: [&[&str]; 10] = [
        &["384921", "我想改取款密码"],
        &["384921", "验证码收不到"],
        &["384921", "这不是验证码"],
        &["384921", "您的验证码是多少"],
        &["订单号384921", "这是验证码"],
        &["384921元", "这是验证码"],
        &["3849215566", "这是验证码"],
        &["384921", "谢谢"],
        &["买138", "12345678个"],
        &["that is not my problem 384921", "otp is late, that is not nice"],
    ];
    for messages in cases {
        check(messages, View::Agent, messages);
    }
}

#[test]
fn a_message_that_came_too_long_ago_is_left_alone() {
    let mut tail = Tail::empty();
    let id = MessageId::from_random;
    hear(policy(), "6222021234", &mut tail, id([1; 16]), 0);
    let late = hear(policy(), "567890128", &mut tail, id([2; 16]), 60_000_001);
    assert!(late.again.is_empty() && late.spans.is_empty());
}

#[test]
fn what_is_masked_again_stays_masked_where_it_was_masked_before() {
    check(
        &["手机13812345678 卡号6222021234", "567890128"],
        View::Agent,
        &["手机138****5678 卡号622202****", "*****0128"],
    );
    let stored = conversation(&["我的密码是hunter2! 卡6222021234", "567890128"]);
    assert_eq!(stored[0].masked.render(View::Agent), "我的密码是[password] 卡622202****");
}

/// A valid card of a common issuer and length.
fn card() -> impl Strategy<Value = String> {
    let issuers = prop_oneof![Just(("62", 16..=19_usize)), Just(("4", 16..=16)), Just(("55", 16..=16))];
    (issuers, proptest::collection::vec(0..10_u8, 19), any::<prop::sample::Index>()).prop_map(
        |((prefix, lengths), digits, at)| {
            let length = *lengths.start() + at.index(lengths.end() - lengths.start() + 1);
            let mut body = prefix.to_owned();
            body.extend(digits.iter().map(|digit| char::from(b'0' + digit)));
            body.truncate(length - 1);
            let check = luhn_digit(&body);
            body.push(check);
            body
        },
    )
}

fn split(card: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| 1 + cut.index(card.len() - 1)).collect();
    at.extend([0, card.len()]);
    at.sort_unstable();
    at.dedup();
    at.windows(2).map(|ends| card[ends[0]..ends[1]].to_owned()).collect()
}

mod slow {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() })]

        #[test]
        fn however_a_card_is_split_over_messages_no_view_shows_more_than_ten_digits(
            card in card(),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
            spoken in any::<bool>(),
        ) {
            let mut parts = split(&card, &cuts);
            if spoken && let Some(first) = parts.first_mut() {
                *first = format!("我的卡号是{first}");
            }
            shows_at_most_ten_digits(&parts);
        }
    }
}
