//! What a policy file may say: each mistake is refused with its place, and the digest follows the meaning alone.

#![expect(clippy::panic, reason = "a test stops at the first fault")]

use std::path::Path;

use liaowaiwai::domain::masking::{Entity, Policy, PolicyError, Tail, View, detect};
use liaowaiwai::domain::yaml::YamlError;

const GOOD: &str = "\
apiVersion: mask/v1
id: small
version: 1
mode: enforce
rules:
  - entity: cn.mobile
    class: C2
    views:
      agent: {keep: {first: 3, last: 4}}
tests:
  - {in: 打13812345678, agent: 打138****5678, export: '打[mobile]'}
";

fn load(yaml: &str) -> Result<Policy, PolicyError> {
    Policy::load(yaml)
}

fn error(yaml: &str) -> String {
    load(yaml).err().map_or_else(|| panic!("accepted: {yaml}"), |error| error.to_string())
}

#[test]
fn a_small_policy_is_enough() {
    let policy = load(GOOD).unwrap();
    assert_eq!((policy.id(), policy.version(), policy.rules().len()), ("small", 1, 1));
    let rule = &policy.rules()[0];
    assert_eq!((rule.entity, rule.min_confidence, rule.context_window), (Entity::Mobile, 70, 30));
}

#[test]
fn every_mistake_is_refused_with_its_line() {
    for (from, to, expected) in [
        ("mask/v1", "mask/v2", "line 1"),
        ("id: small", "id: Small One", "line 2"),
        ("version: 1", "version: one", "line 3"),
        ("version: 1", "version: 1\ncolour: red", "line 4"),
        ("mode: enforce", "mode: shadow", "line 4: mode: expected enforce"),
        ("mode: enforce", "mode: watch", "line 4"),
        (
            "cn.mobile",
            "cn.passport",
            "line 6: entity: expected the name of an entity that the engine knows, got cn.passport",
        ),
        ("class: C2", "class: C4", "line 7"),
        ("class: C2", "class: C2\n    clas: C2", "line 8"),
        ("agent: {keep", "agents: {keep", "views: expected the names of views"),
        ("{keep: {first: 3, last: 4}}", "{fpe: ff1}", "key"),
        ("{keep: {first: 3, last: 4}}", "{fpe: ff3, key: f}", "line 9"),
        ("{keep: {first: 3, last: 4}}", "{date_shift: 30, key: d}", "date_shift: expected a rule for birth_date"),
        ("{keep: {first: 3, last: 4}}", "{generalise: region}", "generalise: expected year, month or decade"),
        ("{keep: {first: 3, last: 4}}", "{generalise: range}", "generalise: expected year, month or decade"),
        ("{keep: {first: 3, last: 4}}", "{keep: {first: 3}, key: k}", "exactly one of"),
        (
            "{keep: {first: 3, last: 4}}",
            "{vault: true}",
            "vault as what a view shows (write reversible: {vault: …} beside views) is not available",
        ),
        ("{keep: {first: 3, last: 4}}", "{keep: all}", "expected a value of this class to be hidden, got keep: all"),
        ("{keep: {first: 3, last: 4}}", "keep", "line 9"),
        ("{keep: {first: 3, last: 4}}", "{keep: {first: 11}}", "at most 10 characters"),
        ("{keep: {first: 3, last: 4}}", "{keep: {frist: 3}}", "line 9"),
        ("{keep: {first: 3, last: 4}}", "{keep: {first: 3}, replace: '<X_{n}>'}", "exactly one of"),
        ("{keep: {first: 3, last: 4}}", "{token: hmac}", "key"),
        ("{keep: {first: 3, last: 4}}", "{token: md5, key: k}", "line 9"),
        ("{keep: {first: 3, last: 4}}", "{replace: '***'}", "replace: expected \"<NAME_{n}>\""),
        ("    views:", "    detect: {min_confidence: 2}\n    views:", "a share from 0.01 to 1"),
        ("    views:", "    detect: {context_window: 1000}\n    views:", "at most 200 characters"),
        ("    views:", "    detect: {context: ['']}\n    views:", "words of 1 to 32 characters"),
        ("    views:", "    reversible: {vault: true, ttl: 15m}\n    views:", "missing field `unmask_roles`"),
        (
            "tests:",
            "  - {entity: cn.mobile, class: C2, views: {'*': drop}}\ntests:",
            "line 10: cn.mobile has a rule already",
        ),
        (
            "tests:",
            "  - {entity: card.cvv, class: C3, views: {agent: {keep: {last: 1}}}}\ntests:",
            "to be hidden, got keep",
        ),
        ("tests:", "  - {entity: card.cvv, class: C3, views: {'*': drop}}\ntests:", "card.cvv has a rule but no test"),
        ("tests:", "allow: [{literal: '95588', why: ''}]\ntests:", "allow: expected a literal and a reason"),
        (
            "agent: 打138****5678",
            "agent: 打13812345678",
            "test 1 (line 11), view agent: expected \"打13812345678\", got \"打138****5678\"",
        ),
        (", agent: 打138****5678, export: '打[mobile]'", "", "at least one view, held, or unchanged: true"),
        (
            "  - {in: 打13812345678, agent: 打138****5678, export: '打[mobile]'}",
            "  []",
            "cn.mobile has a rule but no test",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let shown = error(&GOOD.replacen(from, to, 1));
        assert!(shown.contains(expected), "{to}: expected {expected:?} in {shown:?}");
    }
}

/// What these policies are called in ledgers by this engine: layers and patterns, which they have none of, must not change it. Whoever
/// raises the engine's version writes the new ones here.
#[test]
fn policies_without_layers_keep_their_digests() {
    let retail = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/masking/cn-retail.yaml");
    let retail = std::fs::read_to_string(retail).unwrap();
    for (yaml, digest) in [
        (GOOD, "def6d2110ba845280c7aa2749294036b8be16568e507f768334375c0a1c546d5"),
        (retail.as_str(), "e95c45578685f7ef3b166dffd670176a48727fd534d1ffc70e29d418e185de7c"),
    ] {
        let named = data_encoding::HEXLOWER.encode(&load(yaml).unwrap().digest());
        assert_eq!(named, digest);
    }
}

#[test]
fn who_may_open_a_value_is_said_in_full_and_nobody_may_open_c3() {
    let full =
        "vault: true, unmask_roles: [fraud, supervisor], reason: required, ttl: 15m, second_person: [compliance]";
    let with = |reversible: &str| GOOD.replacen("    views:", &format!("    reversible: {reversible}\n    views:"), 1);
    let (opened, plain) = (load(&with(&format!("{{{full}}}"))).unwrap(), load(GOOD).unwrap());
    let opening = opened.opening(Entity::Mobile).unwrap();
    assert_eq!((opening.ttl_s, opening.roles.len(), opening.second_person.len()), (900, 2, 1));
    assert_eq!((plain.opening(Entity::Mobile), opened.opening(Entity::Email)), (None, None));
    assert_ne!(opened.digest(), plain.digest());
    assert_eq!(load(&with("false")).unwrap().digest(), plain.digest());
    for (from, to, expected) in [
        ("{vault", "{valt", "unknown field"),
        ("vault: true", "vault: false", "reversible: expected false, or a vault"),
        ("[fraud, supervisor]", "[]", "reversible.unmask_roles: expected 1 to 16 words"),
        ("[fraud, supervisor]", "['fraud team']", "expected words of a-z, 0-9, - and _, got fraud team"),
        ("[compliance]", "[Compliance]", "expected words of a-z, 0-9, - and _, got Compliance"),
        ("reason: required", "reason: optional", "unknown variant"),
        ("reason: required, ", "", "missing field"),
        ("15m", "2h", "reversible.ttl: expected 5s to 1h, such as 15m, got 2h"),
        ("15m", "4s", "got 4s"),
        ("15m", "m", "got m"),
        ("15m", "+15m", "got +15m"),
        ("15m", "99999999h", "got 99999999h"),
    ] {
        let written = format!("{{{full}}}");
        assert!(written.contains(from), "{from}");
        let shown = error(&with(&written.replacen(from, to, 1)));
        assert!(shown.contains(expected), "{to}: expected {expected:?} in {shown:?}");
    }
    assert!(error(&with("true")).contains("expected false or {vault: true"));
    let c3 = format!("  - {{entity: card.cvv, class: C3, views: {{'*': drop}}, reversible: {{{full}}}}}\ntests:");
    assert!(error(&GOOD.replacen("tests:", &c3, 1)).contains("got a vault for C3"));
}

#[test]
fn outsize_and_malformed_files_are_refused() {
    assert!(error(&format!("{GOOD}#{}", "x".repeat(1 << 20))).contains("at most 1048576 are allowed"));
    for yaml in ["", "rules", "- 1", "{", "a: *b", "a: &a [*a]", "apiVersion: mask/v1\napiVersion: mask/v1"] {
        assert!(matches!(load(yaml), Err(PolicyError::Yaml(YamlError::Malformed { .. }))), "{yaml:?}");
    }
}

#[test]
fn the_digest_does_not_see_layout_comments_or_tests() {
    let digest = load(GOOD).unwrap().digest();
    let same = [
        format!("# a comment\n{GOOD}"),
        GOOD.replace("{keep: {first: 3, last: 4}}", "\n        keep:\n          last: 4\n          first: 3"),
        GOOD.replace("    views:", "    detect: {min_confidence: 0.70, context_window: 30}\n    views:"),
        GOOD.replace("tests:", "tests:\n  - {in: 你好, unchanged: true}"),
        GOOD.replace("      agent:", "      '*': drop\n      agent:"),
    ];
    for yaml in same {
        assert_eq!(load(&yaml).unwrap().digest(), digest, "{yaml}");
    }
}

#[test]
fn the_digest_sees_every_change_of_meaning() {
    let mut digests = vec![load(GOOD).unwrap().digest()];
    for (from, to) in [
        ("id: ", "id: other-"),
        ("version: 1", "version: 2"),
        ("    views:", "    detect: {min_confidence: 0.8}\n    views:"),
        ("    views:", "    detect: {context: [折子]}\n    views:"),
        ("    views:", "    detect: {context_window: 20}\n    views:"),
        ("class: C2", "class: C1"),
        ("      agent:", "      model: {replace: '<PHONE_{n}>'}\n      agent:"),
        ("      agent:", "      model: {token: hmac, key: a}\n      agent:"),
        ("      agent:", "      model: {token: hmac, key: b}\n      agent:"),
        ("tests:", "allow: [{literal: '13800138000', why: 客服}]\ntests:"),
    ] {
        digests.push(load(&GOOD.replacen(from, to, 1)).unwrap().digest());
    }
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn allowed_values_stay_in_any_disguise() {
    let policy = load(&GOOD.replace("tests:", "allow: [{literal: '138 0013 8000', why: 公开号码}]\ntests:")).unwrap();
    for text in ["13800138000", "一三八零零一三八零零零", "138-0013-8000"] {
        assert!(detect(&policy, text, &mut Tail::empty(), 0).is_empty(), "{text}");
    }
    assert_eq!(detect(&policy, "13800138001", &mut Tail::empty(), 0).len(), 1);
}

#[test]
fn context_words_of_a_policy_count() {
    let rule = "  - {entity: cn.bank_card, class: C2, detect: {context: [折子]}, views: {'*': drop}}\n";
    let test = "  - {in: 折子6222021234567890125, agent: '折子[bank_card]'}\n  - {in: 本子6222021234567890125, unchanged: true}\n";
    load(&format!("{}{test}", GOOD.replace("tests:", &format!("{rule}tests:")))).unwrap();
}

#[test]
fn a_class_c1_value_may_be_kept_whole() {
    let yaml = GOOD.replace("class: C2", "class: C1").replace("{keep: {first: 3, last: 4}}", "{keep: all}");
    let yaml = yaml.replace("agent: 打138****5678", "agent: 打13812345678");
    assert_eq!(load(&yaml).unwrap().rules()[0].operator(View::Agent), &liaowaiwai::domain::masking::Operator::KeepAll);
}

#[test]
fn the_retail_policy_loads_and_agrees_with_its_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/masking");
    let yaml = std::fs::read_to_string(folder.join("cn-retail.yaml")).unwrap();
    let policy = load(&yaml).unwrap();
    assert_eq!(policy.rules().len(), Entity::ALL.len() - Entity::ON_DEMAND.len() - 1);
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("schema.json")).unwrap()).unwrap();
    let mut named: Vec<&str> =
        schema["$defs"]["entity"]["anyOf"][0]["enum"].as_array().unwrap().iter().filter_map(|v| v.as_str()).collect();
    let known = Entity::ALL.iter().filter(|entity| **entity != Entity::Custom);
    let mut known: Vec<&str> = known.map(|entity| entity.as_str()).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
    for view in View::ALL {
        assert!(schema["$defs"]["views"]["properties"].get(view.as_str()).is_some(), "{view}");
        assert!(schema["$defs"]["test"]["properties"].get(view.as_str()).is_some(), "{view}");
    }
}
