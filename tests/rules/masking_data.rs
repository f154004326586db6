//! Structured input: names of fields are words beside their values, and what was data before is data after.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use clap::Parser;
use liaowaiwai::cli::mask::{MaskArgs, MaskCommandError, run};
use liaowaiwai::domain::masking::{
    DEPTH_MAX, Policy, Tail, Tokens, VALUES_MAX, View, apply, decrypt, detect, detect_field, detect_json,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const RETAIL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: MaskArgs,
}

struct Letters;

impl Tokens for Letters {
    fn token(&self, key: &str, entity: &str, canonical: &str) -> String {
        format!("{key}{entity}{canonical}").bytes().map(|byte| char::from(b'a' + byte % 26)).take(40).collect()
    }
}

fn policy() -> &'static Policy {
    static POLICY: std::sync::OnceLock<Policy> = std::sync::OnceLock::new();
    POLICY.get_or_init(|| Policy::load(&std::fs::read_to_string(RETAIL).unwrap()).unwrap())
}

fn agent(text: &str) -> String {
    let spans = detect(policy(), text, &mut Tail::empty(), 0);
    apply(policy(), text, &spans, &Letters).render(View::Agent)
}

fn mask(options: &[&str], input: &[u8]) -> (String, Result<(), MaskCommandError>) {
    let args = Command::try_parse_from([&["mask", "--policy", RETAIL, "--view", "agent"], options].concat()).unwrap();
    let mut output = Vec::new();
    let result = run(&args.args, input, &mut output);
    (String::from_utf8(output).unwrap(), result)
}

#[test]
fn names_of_json_members_speak_for_their_values() {
    for (text, expected) in [
        // It fails Luhn: the name is what makes it a card.
        (r#"{"card_no":"6222021234567890125"}"#, r#"{"card_no":"622202*********0125"}"#),
        (r#"{"kh": "6222021234567890125", "x": [1, 2]}"#, r#"{"kh": "622202*********0125", "x": [1, 2]}"#),
        (
            r#"{"user":{"sfzh":"11010519491231002X"},"cvv":"737"}"#,
            r#"{"user":{"sfzh":"110***********002X"},"cvv":"[cvv]"}"#,
        ),
        (r#"[{"手机":"138\u00201234 5678"}]"#, r#"[{"手机":"138****5678"}]"#),
        (
            r#"{"orderNo":"6222021234567890125","amount":13800.5}"#,
            r#"{"orderNo":"6222021234567890125","amount":13800.5}"#,
        ),
        (
            r#"[{"label":"安全码","value":"737"},{"label":"数量","value":"737"}]"#,
            r#"[{"label":"安全码","value":"[cvv]"},{"label":"数量","value":"737"}]"#,
        ),
        ("[138, 1234, 5678]", "[138****5678]"),
        (r#"{"13812345678":"call"}"#, r#"{"138****5678":"call"}"#),
        (r#"{"say":"我的手机\n13812345678\"谢谢"}"#, r#"{"say":"我的手机\n138****5678\"谢谢"}"#),
    ] {
        assert_eq!(agent(text), expected);
    }
}

#[test]
fn a_masked_number_of_a_document_becomes_a_string() {
    let masked = agent(r#"{"mobile": 13812345678, "age": 30, "cvv": 737}"#);
    assert_eq!(masked, r#"{"mobile": "138****5678", "age": 30, "cvv": "[cvv]"}"#);
    assert_eq!(agent(&masked), masked);
    let spans = detect(policy(), r#"{"mobile": 13812345678}"#, &mut Tail::empty(), 0);
    let stored = apply(policy(), r#"{"mobile": 13812345678}"#, &spans, &Letters).to_bytes();
    let read = liaowaiwai::domain::masking::MaskedText::from_bytes(&stored).unwrap();
    assert_eq!(read.render(View::Export), r#"{"mobile": "[mobile]"}"#);
}

#[test]
fn what_is_no_document_is_masked_as_text() {
    let deep = "[".repeat(DEPTH_MAX + 1) + "\"13812345678\"" + &"]".repeat(DEPTH_MAX + 1);
    for text in ["{\"mobile\": 13812345678", "[\"\\ud800 13812345678\"]", "{13812345678}", &deep] {
        assert_eq!(agent(text), text.replace("13812345678", "138****5678"));
    }
}

#[test]
fn form_fields_and_columns_name_their_values() {
    assert_eq!(agent("mobile=138%201234%205678&pwd=Abc12345"), "mobile=138****5678&pwd=[password]");
    let field = |name: &str, value: &str| detect_field(policy(), name, value).len();
    assert_eq!((field("acct_no", "6222021234567890125"), field("memo", "6222021234567890125")), (1, 0));
    let table = "姓名,手机,备注\n张三,13812345678,\"卡号6222 0212 3456 7890 128, 谢谢\"\n李四,,\n";
    let expected = "姓名,手机,备注\n张*,138****5678,\"卡号622202*********0128, 谢谢\"\n李*,,\n";
    assert_eq!(mask(&["--format", "csv"], table.as_bytes()).0, expected);
    assert_eq!(
        mask(&["--format", "form"], b"cvv=737\n\nphone=13812345678&x=1\n").0,
        "cvv=[cvv]\n\nphone=138****5678&x=1\n"
    );
}

#[test]
fn documents_keep_their_layout_and_may_be_of_many_lines() {
    let input = "{\n  \"phoneNo\": \"13812345678\",\n  \"note\": \"a } b\"\n}\n[\"zhangsan@qq.com\"]  {}\n";
    let expected = "{\n  \"phoneNo\": \"138****5678\",\n  \"note\": \"a } b\"\n}\n[\"zh*********.com\"]  {}\n";
    let (output, result) = mask(&["--format", "json"], input.as_bytes());
    assert!(result.is_ok());
    assert_eq!(output, expected);
}

#[test]
fn data_that_is_not_as_announced_is_refused_by_its_place_and_without_its_content() {
    let open_quote = [b"a,b\n\"13812345678".as_slice(), &vec![b'x'; 9 << 20]].concat();
    for (format, input, expected) in [
        ("json", b"{\"a\": 1}\n{\"b\": 13812345678".as_slice(), "document 2: expected a JSON object or array"),
        ("json", b"[\"\\ud800\", \"13812345678\"]", "document 1"),
        ("json", b"13812345678", "document 1"),
        ("json", b"{\"a\": \"\xff13812345678\"}", "document 1"),
        ("form", b"a=1\n13812345678\n", "line 2: expected name=value"),
        ("csv", b"a,b\n\xff13812345678,1\n", "record 1: not UTF-8 text"),
        ("csv", &open_quote, "longer than any record"),
    ] {
        let (_, result) = mask(&["--format", format], input);
        let told = result.err().unwrap().to_string();
        assert!(told.contains(expected) && !told.contains("138"), "{told}");
    }
    assert!(matches!(mask(&["--format", "csv", "--conversation"], b"").1, Err(MaskCommandError::NoConversation)));
}

const BY_POLICY: &str = "\
apiVersion: mask/v1
id: analytics
version: 1
mode: enforce
rules:
  - entity: amount
    class: C2
    views: {analytics: {generalise: range}, agent: {keep: {first: 1, last: 0}}}
  - entity: birth_date
    class: C2
    views: {analytics: {generalise: decade}, auditor: {date_shift: 30, key: s}, model: {generalise: year}}
  - entity: cn.bank_card
    class: C2
    views: {analytics: {fpe: ff1, key: f}}
  - entity: address
    class: C2
    views: {analytics: {generalise: city}, model: {generalise: province}}
tests:
  - {in: '转了5,000.50元', analytics: '转了5000~10000'}
  - {in: '付了两万五千八百元', analytics: '付了20000~50000'}
  - {in: 'it was $12.5, not 300 dollars', analytics: 'it was 10~20, not 200~500'}
  - {in: '生日1990年3月7日', analytics: '生日1990s', model: '生日1990', export: '生日[birth_date]'}
  - {in: 'born on March 7, 1990.', analytics: 'born on 1990s.'}
  - {in: '出生日期：19900307', analytics: '出生日期：1990s'}
  - {in: '1990年3月7日开的户，第3期', unchanged: true}
  - {in: '卡号6222021234567890128', export: '卡号[bank_card]'}
  - {in: '寄到广东省深圳市南山区科技园路18号3栋1201室。', analytics: '寄到广东省深圳市***。', model: '寄到广东省***。'}
  - {in: '寄到建国路88号3栋1201室', analytics: '寄到[address]', model: '寄到[address]'}
";

#[test]
fn amounts_and_dates_of_birth_are_found_where_a_policy_names_them() {
    Policy::load(BY_POLICY).unwrap();
    for text in ["转了5,000.50元", "生日1990年3月7日"] {
        assert!(detect(policy(), text, &mut Tail::empty(), 0).is_empty(), "the retail policy has no such rule: {text}");
    }
}

#[test]
fn a_city_that_is_left_of_an_address_is_no_address() {
    let policy = Policy::load(BY_POLICY).unwrap();
    let masked =
        |text: &str, view| apply(&policy, text, &detect(&policy, text, &mut Tail::empty(), 0), &Letters).render(view);
    for text in ["我住广东省深圳市南山区科技园路18号3栋1201室，人民路5号也行", "地址：北京市朝阳区建国路88号"]
    {
        for view in [View::Analytics, View::Model] {
            let once = masked(text, view);
            assert!(once.contains("***") && !once.contains("路"), "{once}");
            assert_eq!(masked(&once, view), once);
        }
    }
}

#[test]
fn encrypted_cards_come_back_with_the_key_and_shifted_dates_keep_their_distance() {
    let policy = Policy::load(BY_POLICY).unwrap();
    let shown =
        |text: &str, view| apply(&policy, text, &detect(&policy, text, &mut Tail::empty(), 0), &Letters).render(view);
    let made = shown("卡号6222021234567890128", View::Analytics).replace("卡号", "");
    assert!(
        made.len() == 19 && made != "6222021234567890128" && made.bytes().all(|byte| byte.is_ascii_digit()),
        "{made}"
    );
    let rule = policy.rules().iter().find(|rule| rule.entity.as_str() == "cn.bank_card").unwrap();
    let back = |view| decrypt(rule.operator(view), &Letters, rule.entity, &made);
    assert_eq!(back(View::Analytics).as_deref(), Some("6222021234567890128"));
    assert_eq!(back(View::Agent), None, "a view without encryption gives nothing back");
    let shifted = shown("生日1990-03-07", View::Auditor);
    assert!(shifted.starts_with("生日19") && shifted != "生日1990-03-07", "{shifted}");
}

fn document() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        proptest::sample::select(
            &["13812345678", "6222 0212 3456 7890 128", "a\"b\\", "737", "\u{200B}１", "x@y.cn", "", "😀"][..]
        )
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        text.clone().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::from(13_812_345_678_u64)),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(3, 24, 5, move |inner| {
        let name = proptest::sample::select(&["mobile", "cvv", "卡号", "pwd", "x", "note"][..]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::vec((name, inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    });
    value.prop_map(|value| serde_json::json!([value]).to_string())
}

/// Gives one byte at a time.
struct Dribble<'t>(&'t [u8]);

impl std::io::Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let (now, later) = self.0.split_at(self.0.len().min(buffer.len()).min(1));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

#[test]
fn feeding_by_bytes_gives_what_feeding_whole_gives() {
    let table = "手机,备注\n１３８-1234-5678,\"a\nb\"\n";
    let documents = "{\"a\": \"１３８-1234-5678 \\\" }\"}\n[1]";
    for (format, input) in [("csv", table), ("json", documents), ("text", table), ("form", "手机=13812345678&x=\n")] {
        let args =
            Command::try_parse_from(["mask", "--policy", RETAIL, "--view", "agent", "--format", format]).unwrap().args;
        let mut output = Vec::new();
        run(&args, std::io::BufReader::with_capacity(1, Dribble(input.as_bytes())), &mut output).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), mask(&["--format", format], input.as_bytes()).0, "{format}");
    }
}

mod slow {
    use super::*;

    #[test]
    fn floods_and_messages_of_a_megabyte_end() {
        let megabyte = ["\u{200B}", "\u{202E}1", "1\u{FE0F}", "您好，手机13812345678。"].map(|piece| (piece, 1 << 20));
        let pieces = [
            "[",
            "{\"a\":",
            "[1],",
            "\"\\u0031\",",
            "a=1&",
            "%31",
            "aa:",
            "11:22:",
            "京A1",
            "bc1q",
            "0x1",
            "1A2B3C",
            "wx:a",
            "qq1",
            "AB 12 34 56 ",
            "A123456(3)",
            "swift ABCDCN",
            "1.1.1.",
        ];
        for (piece, bytes) in megabyte.into_iter().chain(pieces.map(|piece| (piece, 1 << 17))) {
            let text = piece.repeat(bytes / piece.len());
            assert!(agent(&text).len() <= 2 * text.len());
        }
        let list = format!("[{}1]", "1,".repeat(VALUES_MAX));
        let found = detect_json(policy(), &list);
        assert!(found.is_none(), "more values than are looked at one by one");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

        #[test]
        fn a_masked_document_is_a_document_and_masking_it_again_changes_nothing(text in document()) {
            for view in View::ALL {
                let mask = |text: &str| {
                    detect_json(policy(), text).map(|spans| apply(policy(), text, &spans, &Letters).render(view))
                };
                let once = mask(&text).unwrap();
                prop_assert!(serde_json::from_str::<serde_json::Value>(&once).is_ok(), "{} -> {}", text, once);
                prop_assert_eq!(mask(&once).unwrap(), once, "{}", text);
            }
        }
    }
}
