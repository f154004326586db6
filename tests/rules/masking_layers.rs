//! Policies out of layers: the stricter wins, each message has one effective policy and all of them one digest, and what could
//! never count is refused with its place.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first fault")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use liaowaiwai::domain::masking::{
    Lost, Occasion, Operator, Policy, Tail, Tokens, View, Way, apply, compare, detect, lint, only_masks_more,
};

const HEAD: &str = "apiVersion: mask/v1\nid: layered\nversion: 1\nmode: enforce\n";

struct Token;

impl Tokens for Token {
    fn token(&self, _: &str, _: &str, _: &str) -> String {
        "abcdefgh".to_owned()
    }
}

fn load(rest: &str) -> Policy {
    Policy::load(&format!("{HEAD}{rest}")).unwrap_or_else(|error| panic!("{error}\n{rest}"))
}

fn refused(rest: &str) -> String {
    let loaded = Policy::load(&format!("{HEAD}{rest}"));
    loaded.err().map_or_else(|| panic!("accepted:\n{rest}"), |error| error.to_string())
}

fn at(channel: Option<&str>, purpose: Option<&str>) -> Occasion {
    Occasion { tenant: None, channel: channel.map(str::to_owned), purpose: purpose.map(str::to_owned) }
}

fn shown(policy: &Policy, text: &str, view: View) -> String {
    let spans = detect(policy, text, &mut Tail::empty(), 0);
    apply(policy, text, &spans, &Token).render(view)
}

fn rule_for<'p>(policy: &'p Policy, name: &str) -> &'p liaowaiwai::domain::masking::Rule {
    policy.rules().iter().find(|rule| rule.name.to_string() == name).unwrap()
}

#[test]
fn the_shipped_example_passes_its_tests_and_says_who_decided() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/masking/examples/bank-layered.yaml");
    let policy = Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = policy.layers().iter().map(|layer| layer.name.as_str()).collect();
    let expected = [
        "base/pci@1",
        "base/jrt0171@1",
        "base/pipl@1",
        "channel/web",
        "purpose/complaints",
        "base/gdpr@1",
        "tenant/europe",
    ];
    assert_eq!(names, expected);
    assert!(policy.minds_purpose());
    let card = rule_for(&policy, "cn.id_card");
    let decided = card.decided(View::Agent);
    assert_eq!(
        (decided.layer, card.operator(View::Agent)),
        (Some("base/pipl@1"), &Operator::Keep { first: 3, last: 2 })
    );
    let jrt = decided.lost.iter().find(|(layer, ..)| *layer == "base/jrt0171@1").unwrap();
    assert!(matches!(jrt.2, Lost::FewerLeft { left, behind_winner } if left < behind_winner), "{jrt:?}");
    // Two layers say the same: the one that stands later is named.
    assert_eq!(rule_for(&policy, "cn.bank_card").decided(View::Record).layer, Some("base/pipl@1"));
    // Nobody says anything of what leaves: nothing is shown.
    assert_eq!((card.decided(View::Outbound).layer, card.operator(View::Outbound)), (None, &Operator::Drop));
    let quiet: Vec<String> = lint(&policy, &["compliance"]).iter().map(ToString::to_string).collect();
    assert!(
        quiet.iter().all(|remark| remark.starts_with("cn.id_card") || remark.contains("values are left")),
        "{quiet:?}"
    );
}

#[test]
fn the_strictest_word_counts_in_any_order_of_layers() {
    let words = [
        ("keep: {first: 6, last: 4}", "{keep: {first: 6, last: 4}}"),
        ("keep: {first: 0, last: 4}", "{keep: {first: 0, last: 4}}"),
        ("token: hmac, key: a", "{token: hmac, key: a}"),
        ("replace: \"<CARD_{n}>\"", "{replace: '<CARD_{n}>'}"),
        ("drop", "drop"),
    ];
    let rule = |shows: &str| format!("[{{entity: cn.bank_card, class: C2, views: {{agent: {shows}}}}}]");
    for (weak, (_, weaker)) in words.iter().enumerate() {
        for (says, stricter) in words.iter().skip(weak + 1) {
            let rest = format!(
                "layers: [tenant/a, channel/b]\ndefine:\n  tenant/a: {{rules: {}}}\n  channel/b: {{rules: {}}}\nrules: []\ntests: \
                 [{{tenant: a, in: '6222021234567890128', export: '[bank_card]'}}, {{channel: b, in: '6222021234567890128', export: '[bank_card]'}}]\n",
                rule(weaker),
                rule(stricter),
            );
            for rest in [rest.clone(), rest.replace("[tenant/a, channel/b]", "[channel/b, tenant/a]")] {
                let policy = load(&rest);
                let both = Occasion { tenant: Some("a".into()), ..at(Some("b"), None) };
                let operator = rule_for(policy.on(&both), "cn.bank_card").operator(View::Agent).to_string();
                assert_eq!(operator, *says, "{weaker} and {stricter}");
            }
        }
    }
}

#[test]
fn a_layer_of_a_channel_or_a_purpose_applies_there_and_nowhere_else_and_all_have_one_digest() {
    let rest = "layers: [base/pci, channel/web, purpose/loans]
define:
  channel/web: {rules: [{entity: cn.bank_card, class: C2, views: {agent: {keep: {first: 0, last: 4}}}}]}
  purpose/loans: {rules: [{entity: email, class: C2, views: {agent: drop}}]}
rules: []
tests:
  - {channel: web, in: '6222021234567890128', agent: '***************0128'}
  - {purpose: loans, in: a.bcdefg@example.com, agent: '[email]'}
";
    let policy = load(rest);
    let text = "卡6222021234567890128，邮箱a.bcdefg@example.com";
    for (there, expected) in [
        (at(None, None), "卡622202*********0128，邮箱a.bcdefg@example.com"),
        (at(Some("http"), Some("cards")), "卡622202*********0128，邮箱a.bcdefg@example.com"),
        (at(Some("web"), None), "卡***************0128，邮箱a.bcdefg@example.com"),
        (at(Some("http"), Some("loans")), "卡622202*********0128，邮箱[email]"),
        (at(Some("web"), Some("loans")), "卡***************0128，邮箱[email]"),
    ] {
        let form = policy.on(&there);
        assert_eq!(shown(form, text, View::Agent), expected, "{there}");
        assert_eq!(form.digest(), policy.digest(), "{there}");
        // A span's number means the same rule wherever it was found.
        let names = |policy: &Policy| policy.rules().iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(form), names(&policy), "{there}");
    }
    // What is in force is told whole: the layers by their digests, and the rules of each occasion.
    let told: serde_json::Value = serde_json::from_str(&policy.canonical_text(&policy.digest()).unwrap()).unwrap();
    assert_eq!(told["layers"].as_array().unwrap().len(), 3);
    assert_eq!(told["layers"][1]["where"]["channel"], "web");
    assert_eq!(told["occasions"].as_array().unwrap().len(), 3);
}

#[test]
fn the_digest_sees_what_a_layer_says_wherever_it_says_it() {
    let with = |last: u32, where_: &str| {
        load(&format!(
            "layers: [base/pci, {where_}]\ndefine:\n  {where_}: {{rules: [{{entity: cn.bank_card, class: C2, views: {{agent: {{keep: {{first: 0, last: {last}}}}}}}}}]}}\n\
             rules: []\ntests: [{{{}, in: '6222021234567890128', export: '[bank_card]'}}]\n",
            where_.replacen('/', ": ", 1),
        ))
        .digest()
    };
    let digests = [with(4, "channel/web"), with(3, "channel/web"), with(4, "channel/http"), with(4, "purpose/web")];
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{at}");
    }
    // Layout and the version that a name without one means make no difference.
    let plain = load("layers: [base/pci]\nrules: []\ntests: []\n").digest();
    assert_eq!(load("layers:\n  - base/pci@1\nrules: []\ntests: []\n").digest(), plain);
    assert_ne!(load("layers: [base/pci, base/gdpr]\nrules: []\ntests: []\n").digest(), plain);
}

#[test]
fn layers_that_are_missing_circular_too_deep_or_too_many_are_refused_with_their_place() {
    let deep = "layers: [channel/a]\ndefine:\n  channel/a: {layers: [purpose/b]}\n  purpose/b: {layers: [tenant/c]}\n  \
                tenant/c: {layers: [base/pci]}\nrules: []\ntests: []\n";
    let many: Vec<String> = (0..40).map(|at| format!("channel/c{at}")).collect();
    let define = many.iter().map(|name| format!("  {name}: {{rules: []}}\n")).collect::<Vec<_>>().concat();
    let crowded: Vec<String> = (0..6).flat_map(|at| [format!("channel/c{at}"), format!("purpose/p{at}")]).collect();
    let crowd = crowded.iter().map(|name| format!("  {name}: {{rules: []}}\n")).collect::<Vec<_>>().concat();
    for (rest, expected) in [
        ("layers: [base/pcidss]\nrules: []\ntests: []\n".to_owned(), "line 5: layers: expected a pack that is built in"),
        ("layers: [base/pci@2]\nrules: []\ntests: []\n".to_owned(), "got base/pci@2"),
        ("layers: [channel/web]\nrules: []\ntests: []\n".to_owned(), "or the name of a layer under `define`, got channel/web"),
        (
            "layers: [base/pci]\ndefine:\n  channel/web: {rules: []}\nrules: []\ntests: []\n".to_owned(),
            "line 7: define: expected layers that `layers` names",
        ),
        (
            "layers: [branch/a]\ndefine:\n  branch/a: {rules: []}\nrules: []\ntests: []\n".to_owned(),
            "define: expected tenant/, channel/ or purpose/",
        ),
        (
            "layers: [channel/Web]\ndefine:\n  channel/Web: {rules: []}\nrules: []\ntests: []\n".to_owned(),
            "define: expected tenant/, channel/ or purpose/",
        ),
        (
            "layers: [channel/a]\ndefine:\n  channel/a: {layers: [purpose/b]}\n  purpose/b: {layers: [channel/a]}\nrules: []\ntests: []\n"
                .to_owned(),
            "line 8: layers: expected layers that don't name each other in a circle, got channel/a -> purpose/b -> channel/a",
        ),
        (deep.to_owned(), "line 9: layers: expected layers that are named at most 3 deep, got base/pci"),
        (
            "layers: [channel/a]\ndefine:\n  channel/a: {layers: [channel/b]}\n  channel/b: {rules: []}\nrules: []\ntests: []\n"
                .to_owned(),
            "a layer that applies where those apply that name it, got channel/b",
        ),
        (format!("layers: [{}]\ndefine:\n{define}rules: []\ntests: []\n", many.join(", ")), "at most 32 layers"),
        (
            format!("layers: [{}]\ndefine:\n{crowd}rules: []\ntests: []\n", crowded.join(", ")),
            "at most 32 combinations of tenants, channels and purposes, got 49",
        ),
    ] {
        let error = refused(&rest);
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    }
}

#[test]
fn what_is_weaker_than_a_layer_below_is_refused_with_its_place() {
    let one = |shows: &str| format!("rules: [{{entity: cn.bank_card, class: C2, {shows}}}]\ntests: []\n");
    for (rest, expected) in [
        (
            format!("layers: [base/pci]\n{}", one("views: {agent: {keep: {first: 8, last: 4}}}")),
            "line 6: cn.bank_card.views.agent of the layer rules: keep: {first: 8, last: 4} is weaker than keep: {first: 6, last: 4}, which base/pci@1 asks for",
        ),
        (
            format!("layers: [base/pci]\n{}", one("views: {'*': {keep: {first: 1, last: 1}}}")),
            "cn.bank_card.views.auditor of the layer rules",
        ),
        (
            format!("layers: [base/pci]\n{}", one("detect: {min_confidence: 0.9}, views: {agent: drop}")),
            "cn.bank_card.detect.min_confidence of the layer rules: 0.90 is weaker than 0.70",
        ),
        (
            format!("layers: [base/pci]\n{}", one("detect: {context_window: 10}, views: {agent: drop}")),
            "cn.bank_card.detect.context_window of the layer rules: 10 is weaker than 30",
        ),
        (
            "layers: [base/pci]\nrules: [{entity: card.cvv, class: C2, views: {agent: drop}}]\ntests: []\n".to_owned(),
            "card.cvv.class of the layer rules: C2 is weaker than C3",
        ),
        (
            "layers: [channel/web]\ndefine:\n  channel/web: {rules: [{entity: email, class: C2, views: {agent: drop}}]}\nrules: []\n\
             tests: [{in: a.bcdefg@example.com, unchanged: true}]\n"
                .to_owned(),
            "email in channel/web has a rule but no test",
        ),
    ] {
        let error = refused(&rest);
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    }
}

#[test]
fn a_change_in_one_layer_is_named_with_its_occasion_and_goes_its_way() {
    let with = |shows: &str| {
        load(&format!(
            "layers: [base/pci, channel/web]\ndefine:\n  channel/web: {{rules: [{{entity: cn.bank_card, class: C2, views: {{agent: {shows}}}}}]}}\n\
             rules: []\ntests: [{{channel: web, in: '6222021234567890128', export: '[bank_card]'}}]\n"
        ))
    };
    let (less, more) = (with("drop"), with("{keep: {first: 0, last: 4}}"));
    let weaker = compare(&less, &more);
    let told: Vec<(String, Way)> = weaker.iter().map(|one| (one.to_string(), one.way)).collect();
    let expected = "channel/web: cn.bank_card.views.agent: drop -> keep: {first: 0, last: 4}";
    assert_eq!(told, [(expected.to_owned(), Way::Weaker)]);
    assert!(!only_masks_more(&weaker) && only_masks_more(&compare(&more, &less)));
    // To leave the layer out shows more on its channel, although nothing changes for any message.
    let without = load("layers: [base/pci]\nrules: []\ntests: []\n");
    assert!(!only_masks_more(&compare(&less, &without)));
    assert!(only_masks_more(&compare(&without, &less)));
    assert_eq!(compare(&less, &less), []);
}

#[test]
fn a_pack_over_a_list_of_rules_only_masks_more() {
    let rules = "rules:\n  - {entity: cn.bank_card, class: C2, views: {agent: {keep: {first: 6, last: 4}}, export: drop}}\n\
                 tests: [{in: '6222021234567890128', export: '[bank_card]'}]\n";
    let (plain, layered) = (load(rules), load(&format!("layers: [base/pci]\n{rules}")));
    let differences = compare(&plain, &layered);
    // The pack says what views may see of which the list said nothing: that is more than nothing.
    let weaker: Vec<String> =
        differences.iter().filter(|one| one.way == Way::Weaker).map(|one| one.aspect.to_string()).collect();
    assert!(weaker.iter().all(|aspect| aspect.starts_with("cn.bank_card.views.")), "{weaker:?}");
    assert!(differences.iter().any(|one| one.aspect.to_string() == "card.cvv" && one.way == Way::Stricter));
}

#[test]
fn masking_what_layers_masked_changes_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/masking/examples/bank-layered.yaml");
    let policy = Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = "工号102938，贷款LN2024001234和ln-2024001234LN2024001235，手机13812345678，卡6222021234567890128";
    for there in policy.occasions().cloned().chain([Occasion::ANY]).collect::<Vec<_>>() {
        let form = policy.on(&there);
        for view in View::ALL {
            let once = shown(form, text, view);
            assert_eq!(shown(form, &once, view), once, "{view} on {there}");
        }
    }
}

/// Runs `lww policy explain` on the shipped example, with a text on standard input.
fn explain(arguments: &[&str], text: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/masking/examples/bank-layered.yaml");
    let mut child = Command::new(env!("CARGO_BIN_EXE_lww"))
        .args(["policy", "explain"])
        .arg(path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn explain_names_the_layer_that_decided_why_others_lost_and_what_speaks_for_a_value() {
    let told = explain(&["--rule", "cn.id_card", "--view", "agent"], "");
    for line in [
        "layer base/gdpr@1 (only tenant/europe): GDPR",
        "cn.id_card C2, from 70 % on",
        "agent      keep: {first: 3, last: 2} <- base/pipl@1",
        "not base/jrt0171@1: keep: {first: 3, last: 4} (behind it 2656363 values remain possible",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let text = "打我手机13812345678";
    let told = explain(&["--text", "-", "--channel", "web", "--view", "agent", "--json"], text);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let span = &told["spans"][0];
    assert_eq!(
        (&span["rule"], &span["word"], &span["validators"][0], &span["start"], &span["end"]),
        (&"cn.mobile".into(), &"手机".into(), &"segment".into(), &4.into(), &15.into())
    );
    let view = &span["views"][0];
    assert_eq!((&view["text"], &view["layer"]), (&"*******5678".into(), &"channel/web".into()));
    assert!(!told.to_string().contains("13812345678"), "the value is never told");
    let everywhere = explain(&["--text", "-", "--view", "agent"], text);
    assert!(everywhere.contains("agent      138****5678 (keep: {first: 3, last: 4} <- base/pipl@1)"), "{everywhere}");
}
