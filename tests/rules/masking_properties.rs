//! What holds of masking for every message: no panic, valid offsets, nothing masked twice, nothing stored that is C3.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use liaowaiwai::domain::masking::{
    Class, DecodeError, Entity, MaskedText, Policy, Span, Tail, Tokens, View, apply, detect, token_letters, without_c3,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const MESSAGE_BYTES: usize = 1 << 18;

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
        token_letters(canonical.as_bytes()).chars().rev().take(16).collect::<String>() + "abcd"
    }
}

fn find(text: &str) -> Vec<Span> {
    detect(policy(), text, &mut Tail::empty(), 0)
}

fn mask(text: &str, view: View) -> String {
    apply(policy(), text, &find(text), &Letters).render(view)
}

/// Pieces of messages: values, keywords, disguises, masks, and what is between.
const PIECES: &[&str] = &[
    "张三丰",
    "李小明",
    "王芳",
    "欧阳",
    "我叫",
    "先生",
    "穆里尼奥",
    "北京市朝阳区",
    "建国路88号",
    "3号楼1201室",
    "John Smith",
    "Mr. ",
    "221B Baker Street",
    "13812345678",
    "138",
    "1234",
    "5678",
    "一三八",
    "幺",
    "11010519491231002X",
    "110105491231002",
    "6222 0212 3456 7890 128",
    "6222021234567890125",
    "4111111111111111",
    "010-62345678",
    "zhangsan@qq.com",
    "(at)",
    "@",
    ".com",
    "qq。com",
    "91350100M000100Y43",
    "GB82WEST12345698765432",
    "cvv",
    "验证码",
    "密码",
    "password",
    "pin",
    "code",
    "订单号",
    "卡号",
    "手机",
    "有效期",
    "12/28",
    "是",
    "is",
    "：",
    ":",
    "=",
    " ",
    "，",
    "。",
    "\n",
    "-",
    "·",
    "😀",
    "\u{200B}",
    "\u{FE0F}\u{20E3}",
    "l",
    "O",
    "x",
    "X",
    "*",
    "***",
    "[cvv]",
    "[mobile:abcdefgh]",
    "<CARD_1>",
    "622202*********0128",
    "[",
    "]",
    "<",
    ">",
    "abc123",
    "hunter2!",
    "元",
    "年",
    "分钟",
    "三十六个月",
    "http://",
    "www.",
    "192.168.100.200",
    "384921",
    "１２３",
    "①②③",
    "550e8400-e29b-41d4-a716-446655440000",
    "\u{FFFC}",
    "é",
    "\u{10FFFF}",
    "後",
];

fn message() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(PIECES), 0..14).prop_map(|pieces| pieces.concat()),
        proptest::collection::vec(
            prop_oneof![proptest::sample::select(PIECES).prop_map(str::to_owned), ".{0,6}"],
            0..10
        )
        .prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, rng_seed: RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn spans_are_ordered_and_lie_on_characters(text in message()) {
        let mut end = 0;
        for span in find(&text) {
            prop_assert!(span.bytes.start >= end && span.bytes.start < span.bytes.end);
            prop_assert!(text.get(span.bytes.clone()).is_some());
            prop_assert!(span.confidence <= 100 && usize::from(span.rule) < policy().rules().len());
            end = span.bytes.end;
        }
    }

    #[test]
    fn masking_a_masked_text_changes_nothing(text in message(), view in proptest::sample::select(&View::ALL[..])) {
        let once = mask(&text, view);
        prop_assert_eq!(mask(&once, view), once, "{}", text);
    }

    #[test]
    fn a_stored_message_reads_back_the_same(text in message()) {
        let masked = apply(policy(), &text, &find(&text), &Letters);
        let bytes = masked.to_bytes();
        let read = MaskedText::from_bytes(&bytes);
        prop_assert!(read == Ok(masked));
        for length in 0..bytes.len() {
            prop_assert!(MaskedText::from_bytes(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn stored_bytes_have_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(masked) = MaskedText::from_bytes(&bytes) {
            prop_assert_eq!(masked.to_bytes(), bytes);
        }
    }

    #[test]
    fn sealed_text_differs_only_where_c3_was(text in message()) {
        let spans = find(&text);
        let sealed = without_c3(&text, &spans);
        // Everything but the secrets, in its order, with one mark for each of them: nothing more is taken, nothing less.
        let (mut expected, mut from) = (String::new(), 0);
        for span in spans.iter().filter(|span| span.class == Class::C3) {
            expected += text.get(from..span.bytes.start).unwrap();
            expected.push('\u{FFFC}');
            from = span.bytes.end;
        }
        prop_assert_eq!(sealed, expected + text.get(from..).unwrap());
    }

    #[test]
    fn a_conversation_never_panics(texts in proptest::collection::vec(message(), 0..8), step in any::<i64>()) {
        let mut tail = Tail::empty();
        let mut now = 0_i64;
        for text in texts {
            for span in detect(policy(), &text, &mut tail, now) {
                prop_assert!(text.get(span.bytes).is_some());
            }
            now = now.wrapping_add(step);
        }
    }
}

#[test]
fn disguises_are_covered_whole() {
    for (text, covered) in [
        ("电话1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣。", "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣"),
        ("tel1\u{200B}3\u{200B}8\u{200B}12345678 c", "1\u{200B}3\u{200B}8\u{200B}12345678"),
        ("ID １１０１０５１９４９１２３１００２Ｘ!", "１１０１０５１９４９１２３１００２Ｘ"),
        ("CVV：一 二 三。", "一 二 三"),
    ] {
        let spans = find(text);
        let found: Vec<&str> = spans.iter().map(|span| &text[span.bytes.clone()]).collect();
        assert_eq!(found, [covered], "{text}");
    }
}

#[test]
fn answers_and_continuations_need_their_conversation() {
    let cases: &[(&[&str], &str, &[Entity])] = &[
        (&["您好，请问验证码是多少？"], "384921", &[Entity::OneTimeCode]),
        (&["cvv?"], "123", &[Entity::Cvv]),
        (&["请告诉我卡背面的安全码", "稍等"], "是 ７３７", &[Entity::Cvv]),
        (&["密码是多少呢"], "hunter22", &[Entity::Password]),
        (&["请提供您的卡号"], "6222021234567890125", &[Entity::BankCard]),
        (&["我的手机138"], "12345678", &[Entity::Mobile]),
        (&["138", "1234"], "5678", &[Entity::Mobile]),
        (&["一三八", "1234"], "伍陆柒捌，谢谢", &[Entity::Mobile]),
        (&["卡号6222 0212"], "3456 7890 128", &[Entity::BankCard]),
        (&["验证码收不到，订单号是多少？"], "384921", &[]),
        (&["请问几点下班"], "384921", &[]),
        (&["138"], "我有12345678个问题", &[]),
        (&["买138个"], "12345678", &[]),
    ];
    for (earlier, text, expected) in cases {
        let mut tail = Tail::empty();
        for message in *earlier {
            detect(policy(), message, &mut tail, 0);
        }
        let found: Vec<Entity> = detect(policy(), text, &mut tail, 1).into_iter().map(|span| span.entity).collect();
        assert_eq!(&found, expected, "{earlier:?} {text}");
        assert!(find(text).is_empty() || expected.is_empty(), "{text} alone");
    }
}

#[test]
fn a_conversation_forgets_after_a_minute() {
    let mut tail = Tail::empty();
    detect(policy(), "我的手机138", &mut tail, 0);
    let spans = detect(policy(), "12345678", &mut tail, liaowaiwai::domain::masking::TAIL_US + 1);
    assert!(spans.is_empty());
}

#[test]
fn a_continued_number_shows_only_its_own_part() {
    let mut tail = Tail::empty();
    detect(policy(), "我的手机138", &mut tail, 0);
    let spans = detect(policy(), "1234 5678", &mut tail, 1);
    assert!(spans.iter().all(|span| span.completes_earlier() && span.earlier_characters() == 3));
    assert_eq!(apply(policy(), "1234 5678", &spans, &Letters).render(View::Agent), "****5678");
}

#[test]
fn the_stored_layout_is_pinned() {
    let text = "卡号6222 0212 3456 7890 128 cvv是123";
    let bytes = apply(policy(), text, &find(text), &Letters).to_bytes();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let expected = include_str!("masking_properties/stored_v2.hex").split_whitespace().collect::<String>();
    assert_eq!(hex, expected, "the stored layout must never change under its version");
}

#[test]
fn what_was_stored_in_the_first_layout_is_read_and_written_as_it_was() {
    let hex = include_str!("masking_properties/stored_v1.hex").split_whitespace().collect::<String>();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let read = MaskedText::from_bytes(&bytes).unwrap();
    assert_eq!(read.render(View::Agent), "卡号622202*********0128 cvv是[cvv]");
    assert_eq!(read.to_bytes(), bytes);
    assert_eq!(
        read.value_in(0, "卡号6222 0212 3456 7890 128 cvv是\u{FFFC}"),
        None,
        "what it covers was not noted then"
    );
}

#[test]
fn broken_stored_bytes_are_refused_by_name() {
    for (bytes, error) in [
        (&[][..], DecodeError::Truncated),
        (&[3, 0], DecodeError::Version { got: 3 }),
        (&[2, 0], DecodeError::Invalid { field: "version" }),
        (&[1], DecodeError::Truncated),
        (&[1, 0, 9], DecodeError::Trailing { got_bytes: 1 }),
        (&[1, 0x80, 0], DecodeError::Invalid { field: "number" }),
        (&[1, 1, 7], DecodeError::Invalid { field: "segment tag" }),
        (&[1, 1, 0, 0], DecodeError::Invalid { field: "plain text" }),
        (&[1, 1, 0, 1, 0xFF], DecodeError::NotUtf8),
        (&[1, 2, 0, 1, b'a', 0, 1, b'b'], DecodeError::Invalid { field: "order of segments" }),
        (&[1, 1, 1, 1, b'z'], DecodeError::Invalid { field: "entity" }),
        (&[1, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], DecodeError::Invalid { field: "number" }),
    ] {
        assert_eq!(MaskedText::from_bytes(bytes).err(), Some(error), "{bytes:?}");
    }
}

#[test]
fn counts_are_by_entity_and_class() {
    let text = "13812345678 13987654321 cvv 123";
    let masked = apply(policy(), text, &find(text), &Letters);
    assert_eq!(masked.span_counts(), [(Entity::Mobile, Class::C2, 2), (Entity::Cvv, Class::C3, 1)]);
    assert_eq!(masked.render(View::Model), "<PHONE_1> <PHONE_2> cvv [cvv]");
}

#[test]
fn equal_values_get_equal_numbers_whatever_their_disguise() {
    assert_eq!(
        mask("13812345678，一三八一二三四五六七八，13987654321", View::Model),
        "<PHONE_1>，<PHONE_1>，<PHONE_2>"
    );
}

#[test]
fn debug_output_of_a_span_shows_no_value() {
    let spans = find("我的手机13812345678");
    let shown = format!("{spans:?}");
    assert!(!shown.contains("138") && shown.contains("Mobile"), "{shown}");
}

mod slow {
    use super::*;

    #[test]
    fn long_messages_of_one_piece_end_and_do_not_explode() {
        for piece in PIECES.iter().copied().chain([
            "1 ",
            "1",
            "一",
            "l",
            "1l",
            "www.",
            "a@",
            "@a.",
            "(at)",
            "验证码1",
            "验证码 12 ",
            "有效期12/28 ",
            "13812345678 ",
            "cvv 12",
            "密码是",
            "密码",
            "384921 is ",
            "[",
            "***1",
            "1***",
            "<CARD_",
            "-1",
            "ab12",
            "91350100",
            "GB82 ",
            "卡 12/28 有效期12/28",
            "' '",
            "\"a",
            "code ",
            "卡号4111111111111112 ",
        ]) {
            let text = piece.repeat(MESSAGE_BYTES / piece.len());
            let spans = find(&text);
            let masked = apply(policy(), &text, &spans, &Letters).render(View::Agent);
            assert!(masked.len() <= text.len() * 40);
        }
    }
}
