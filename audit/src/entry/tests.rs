//! Tests of entries: exact inverse, agreement with a generic canonical writer, and refusal of everything else.

use super::*;
use crate::canonical::DEPTH_MAX;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// A generic writer of RFC 8785 over parsed JSON: sorts by UTF-16 units, escapes by `serde_json`'s minimal rules.
fn jcs(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
            let members: Vec<_> =
                keys.iter().map(|key| format!("{}:{}", serde_json::json!(key), jcs(&map[*key]))).collect();
            format!("{{{}}}", members.join(","))
        }
        serde_json::Value::Array(values) => {
            format!("[{}]", values.iter().map(jcs).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn label() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._:-]{1,64}"
}

fn value() -> impl Strategy<Value = Detail> {
    let leaf = prop_oneof![
        Just(Detail::Null),
        any::<bool>().prop_map(Detail::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Detail::Int),
        any::<String>().prop_map(Detail::String),
        "[\\x00-\\x1f\"\\\\\u{7f}\u{2028}\u{e000}\u{10000}]{0,8}".prop_map(Detail::String),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Detail::Array),
            btree_map("[a-z0-9_]{1,8}", inner, 0..3).prop_map(Detail::Object),
        ]
    })
}

prop_compose! {
    fn content()(masked in hash(), sealed in hash(), spans in vec((label(), 0..1000_u64, label()), 0..4)) -> Content {
        let spans = spans.into_iter().map(|(class, count, entity)| SpanCount { class, count, entity }).collect();
        Content { commit_masked: masked, commit_sealed: sealed, spans }
    }
}

prop_compose! {
    fn entry()(
        seq in 1..=crate::types::INTEGER_MAX, micros in any::<i64>(), actor in any::<[u8; 16]>(), role in label(),
        tenant in label(), conversation in option::of(any::<[u8; 16]>()), channel in option::of(label()),
        subject in option::of(any::<[u8; 16]>()), policy in option::of((hash(), label(), 0..=crate::types::INTEGER_MAX)),
        (content, detail) in (option::of(content()), btree_map("[a-z0-9_]{1,12}", value(), 0..4)),
        n in 0..3_u64, leaf in hash(), prev in hash(),
    ) -> Entry {
        let link = (n > 0).then_some(ChainPrev { leaf, seq: EntryIndex(seq - 1) });
        let chain = |of| ChainLink { n, of, prev: link };
        let chains = [(Chain::Conversation, conversation), (Chain::Subject, subject)];
        Entry {
            log: "lww.example/acme/1".parse().unwrap(),
            seq: EntryIndex(seq),
            time: Timestamp::from_micros(micros),
            kind: "message.received/1".parse().unwrap(),
            actor: Actor { id: Id128(actor), role: Role::new(&role).unwrap() },
            tenant,
            conversation: conversation.map(Id128),
            channel,
            subject: subject.map(Id128),
            policy: policy.map(|(digest, id, version)| PolicyRef { digest, id, version }),
            content,
            chains: chains.into_iter().filter(|(_, id)| id.is_some()).map(|(of, _)| chain(of)).collect(),
            detail: Detail::Object(detail),
            prev,
        }
    }
}

fn sample() -> Entry {
    let id = Id128([3; 16]);
    Entry {
        log: "lww.example/acme/1".parse().unwrap(),
        seq: EntryIndex(7),
        time: Timestamp::from_micros(1_767_225_600_123_456),
        kind: "message.received/1".parse().unwrap(),
        actor: Actor { id, role: Role::new("customer").unwrap() },
        tenant: "acme".to_owned(),
        conversation: Some(id),
        channel: None,
        subject: None,
        policy: None,
        content: None,
        chains: vec![ChainLink { n: 0, of: Chain::Conversation, prev: None }],
        detail: Detail::Object(Object::from([("reason".to_owned(), Detail::String("new".to_owned()))])),
        prev: Hash([9; 32]),
    }
}

fn sample_text() -> String {
    String::from_utf8(sample().to_bytes().unwrap()).unwrap()
}

proptest! {
    #[test]
    fn parse_is_the_exact_inverse_and_bytes_are_canonical(entry in entry()) {
        let Ok(bytes) = entry.to_bytes() else { return Ok(()) };
        prop_assert_eq!(&Entry::parse(&bytes).unwrap(), &entry);
        let generic: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), jcs(&generic));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Entry::parse(&bytes);
    }

    #[test]
    fn a_changed_byte_is_another_entry_or_none(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let bytes = sample().to_bytes().unwrap();
        let mut other = bytes.clone();
        let at = at.index(bytes.len());
        other[at] ^= flip;
        if let Ok(entry) = Entry::parse(&other) {
            prop_assert_eq!(entry.to_bytes().unwrap(), other);
        }
    }
}

#[test]
fn bytes_of_a_known_entry_do_not_change() {
    assert_eq!(
        sample_text(),
        concat!(
            r#"{"actor":{"id":"03030303030303030303030303030303","role":"customer"},"#,
            r#""chains":[{"n":0,"of":"conversation","prev":null}],"conversation":"03030303030303030303030303030303","#,
            r#""detail":{"reason":"new"},"kind":"message.received/1","log":"lww.example/acme/1","#,
            r#""prev":"0909090909090909090909090909090909090909090909090909090909090909","seq":7,"tenant":"acme","#,
            r#""time":"2026-01-01T00:00:00.123456Z","v":1}"#
        )
    );
}

#[test]
fn everything_but_the_canonical_form_is_refused() {
    let text = sample_text();
    for (from, to) in [
        ("{\"actor\"", " {\"actor\""),
        ("\"v\":1}", "\"v\":1}\n"),
        ("\"v\":1}", "\"v\":1,\"v\":1}"),
        ("\"v\":1}", "\"v\":1,\"x\":1}"),
        ("\"v\":1}", "\"v\":1"),
        ("\"v\":1}", "\"v\":1.0}"),
        ("\"seq\":7", "\"seq\":7.0"),
        ("\"seq\":7", "\"seq\":-7"),
        ("\"seq\":7", "\"seq\":9007199254740992"),
        ("\"seq\":7", "\"seq\":\"7\""),
        ("\"seq\":7,", ""),
        ("\"seq\":7,\"tenant\":\"acme\"", "\"tenant\":\"acme\",\"seq\":7"),
        ("\"new\"", "\"n\\u0065w\""),
        ("\"new\"", "1.5"),
        ("\"new\"", "{\"a\":1,\"a\":1}"),
        ("\"reason\"", "\"Reason\""),
        ("{\"reason\":\"new\"}", "[]"),
        ("\"detail\":{\"reason\":\"new\"},", "\"detail\":null,"),
        ("\"kind\"", "\"channel\":null,\"kind\""),
        ("\"n\":0", "\"n\":1"),
        ("\"of\":\"conversation\"", "\"of\":\"subject\""),
        ("\"prev\":null}]", "\"prev\":null},{\"n\":0,\"of\":\"conversation\",\"prev\":null}]"),
        ("message.received/1", "message.received/0"),
        ("message.received/1", "message./1"),
        ("message.received/1", "Message.received/1"),
        ("message.received/1", "message.received"),
        ("message.received/1", "message.received/10000"),
        (".123456Z", ".123Z"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from} is not in the sample");
        let error = Entry::parse(other.as_bytes()).expect_err(to);
        assert!(matches!(error, Error::Malformed { .. }), "{to}: {error}");
    }
}

#[test]
fn an_unknown_version_is_told_apart_from_a_broken_entry() {
    for (from, to, unknown) in [
        ("\"v\":1}", "\"v\":2}", true),
        ("\"v\":1}", "\"v\":2,\"whatever\":[]}", true),
        ("\"v\":1}", "\"v\":\"2\"}", false),
        (",\"v\":1}", "}", false),
    ] {
        let error = Entry::parse(sample_text().replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(matches!(error, Error::UnknownVersion { got: 2, .. }), unknown, "{error}");
    }
}

#[test]
fn an_unknown_kind_is_accepted() {
    let text = sample_text().replacen("message.received/1", "coffee.brewed/3", 1);
    let entry = Entry::parse(text.as_bytes()).unwrap();
    assert_eq!((entry.kind.name(), entry.kind.version()), ("coffee.brewed", 3));
    assert_eq!(kinds::about(entry.kind.as_str()), None);
}

#[test]
fn bounds_are_kept_when_writing() {
    let with = |key: &str, value: Detail| Entry {
        detail: Detail::Object(Object::from([(key.to_owned(), value)])),
        ..sample()
    };
    let nested = |depth| (0..depth).fold(Detail::Null, |inner, _| Detail::Array(vec![inner]));
    for (entry, ok) in [
        (with("a", Detail::Int(9_007_199_254_740_991)), true),
        (with("a", Detail::Int(9_007_199_254_740_992)), false),
        (with("a", Detail::Int(i64::MIN)), false),
        (with("", Detail::Null), false),
        (with("é", Detail::Null), false),
        (with(&"a".repeat(65), Detail::Null), false),
        (with("a", nested(DEPTH_MAX - 1)), true),
        (with("a", nested(DEPTH_MAX)), false),
        (with("a", Detail::String("x".repeat(ENTRY_BYTES_MAX))), false),
        (Entry { seq: EntryIndex(1 << 53), ..sample() }, false),
        (Entry { conversation: None, ..sample() }, false),
        (Entry { chains: Vec::new(), ..sample() }, false),
    ] {
        assert_eq!(entry.to_bytes().is_ok(), ok, "{:?}", entry.to_bytes());
    }
    let spare = ENTRY_BYTES_MAX - with("a", Detail::String(String::new())).to_bytes().unwrap().len();
    let longest = with("a", Detail::String("x".repeat(spare))).to_bytes().unwrap();
    assert_eq!(longest.len(), ENTRY_BYTES_MAX);
    Entry::parse(&longest).unwrap();
    assert!(matches!(Entry::parse(&[longest.as_slice(), b" "].concat()), Err(Error::TooLong { .. })));
}

#[test]
fn error_text_never_quotes_the_entry() {
    let secret = "13800138000";
    let text = sample_text().replacen("\"seq\":7", &format!("\"seq\":\"{secret}\""), 1);
    let error = Entry::parse(text.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret));
}

#[test]
fn listed_kinds_are_well_formed_and_listed_once() {
    let mut names: Vec<_> = kinds::KINDS.iter().map(|info| info.kind.parse::<Kind>().unwrap()).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
