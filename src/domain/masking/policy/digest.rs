//! The digest that names a policy in the ledger: SHA-256 of its resolved form in canonical JSON.
//!
//! It covers the name and version that entries give the policy and everything that decides what is masked, the engine's
//! own tables included; and nothing else: not the file's layout, comments, tests or approvals. Source: RFC 8785 (JSON
//! Canonicalization Scheme).

use serde_json::{Value, json};

use super::{
    super::{
        super::canonical::{self, hex, sha256},
        keywords::KEYWORDS,
        lexicon::Lexicon,
        validate::{bank_card, iban, national},
        view::View,
    },
    ENGINE_VERSION, Opening, Operator, Policy, Rule,
    layers::Words,
    occasion::Occasion,
};

/// The tables of the first two engines, which had the same. Entries of the first release tell of neither the text nor the
/// engine, so that a text of that time is known by what its engine made of it; texts of any time are handed out as they were
/// in force.
const EARLIER_TABLES: [(&str, &str); 4] = [
    ("characters", "c6a6845528ae1212fcdb86f49c6634d7686dc5f5b04e185e91ecf683cb571f04"),
    ("keywords", "50d02aa9a521392abd835f7ff5a91b3aeca8f60a4df81cd378a9e112795d32a4"),
    ("issuers", "fbad2f62120413eb5cc82f92e98645b92c41bf1a94d31630134a5be70c32ddf9"),
    ("iban", "e025a16ced81b23c57b7520141cc1be695a37afedcf03d215da8518007ee29ad"),
];
/// Versions of the engines before this one.
const EARLIER_VERSIONS: [u32; 2] = [1, 2];
/// The engine of the first release.
const FIRST_VERSION: u32 = 1;

/// Returns the digest of a resolved policy, all its forms included.
pub(super) fn of(policy: &Policy) -> [u8; 32] {
    canonical::digest(&by(policy, &engine(&policy.lexicon)))
}

/// What a layer says, in JSON.
pub(super) fn words(words: &Words) -> Value {
    let views = |operators: &[Option<Operator>; View::ALL.len()]| -> serde_json::Map<String, Value> {
        let said = View::ALL.into_iter().zip(operators);
        said.filter_map(|(view, said)| Some((view.to_string(), operator(said.as_ref()?)))).collect()
    };
    let one = words.iter().map(|(name, stance)| {
        let mut said = json!({
            "entity": name.to_string(),
            "class": stance.class.as_str(),
            "min_confidence": stance.min_confidence,
            "context": stance.context,
            "context_window": stance.context_window,
            "pattern": stance.pattern.as_ref().map(|pattern| json!([pattern.text, pattern.certainty])),
            "views": views(&stance.operators),
        });
        insert_opening(&mut said, stance.opening.as_ref());
        said
    });
    one.collect()
}

/// Returns the digest that the first release gave the same text.
pub(super) fn of_first_release(policy: &Policy) -> [u8; 32] {
    canonical::digest(&by(policy, &earlier_engine(FIRST_VERSION)))
}

/// Returns the resolved policy in canonical JSON, as the engine resolved it by whose digest it is known here.
pub(super) fn text_of(policy: &Policy, digest: &[u8; 32]) -> Option<String> {
    let earlier = EARLIER_VERSIONS.into_iter().map(earlier_engine);
    let engines = [engine(&policy.lexicon)].into_iter().chain(earlier);
    let mut texts = engines.map(|engine| canonical::text(&by(policy, &engine)));
    texts.find(|text| sha256(text.as_bytes()) == *digest)
}

fn earlier_engine(version: u32) -> Value {
    let mut engine: serde_json::Map<String, Value> =
        EARLIER_TABLES.into_iter().map(|(name, digest)| (name.to_owned(), json!(digest))).collect();
    engine.insert("version".to_owned(), json!(version));
    engine.into()
}

/// Returns the digest of the engine alone: of its version and its own tables.
pub(super) fn of_engine(lexicon: &Lexicon) -> [u8; 32] {
    canonical::digest(&engine(lexicon))
}

fn engine(lexicon: &Lexicon) -> Value {
    let words: Vec<&str> = KEYWORDS.iter().flat_map(|&(_, chinese, english)| [chinese, english]).collect();
    json!({
        "version": ENGINE_VERSION,
        "characters": hex(&sha256(&lexicon.table.bytes())),
        "keywords": hex(&sha256(words.join(";").as_bytes())),
        "issuers": hex(&sha256(bank_card::describe().as_bytes())),
        "iban": hex(&sha256(iban::describe().as_bytes())),
        "recogniser": hex(&lww_recogniser::digest(sha256)),
        "national": hex(&sha256(national::describe().as_bytes())),
    })
}

/// The resolved policy. Without layers it has the form that it always had.
fn by(policy: &Policy, engine: &Value) -> Value {
    let mut resolved = json!({
        "id": policy.id,
        "version": policy.version,
        "engine": engine,
        "rules": rules(policy),
        "allow": policy.allow.iter().map(|entry| json!(entry.literal)).collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), false) = (&mut resolved, policy.layers.is_empty()) {
        let layers = policy
            .layers
            .iter()
            .map(|layer| json!({"name": layer.name, "digest": hex(&layer.digest), "where": named(&layer.occasion)}));
        let others = policy.others.iter().map(|(there, form)| json!({"where": named(there), "rules": rules(form)}));
        fields.insert("layers".to_owned(), layers.collect());
        fields.insert("occasions".to_owned(), others.collect());
    }
    resolved
}

fn named(occasion: &Occasion) -> Value {
    json!(occasion.named())
}

fn rules(policy: &Policy) -> Vec<Value> {
    policy.rules.iter().filter(|rule| rule.is_active).map(rule).collect()
}

fn rule(rule: &Rule) -> Value {
    let views: serde_json::Map<String, Value> =
        View::ALL.into_iter().map(|view| (view.to_string(), operator(rule.operator(view)))).collect();
    let mut resolved = json!({
        "entity": rule.name.to_string(),
        "class": rule.class.as_str(),
        "min_confidence": rule.min_confidence,
        "context": rule.context,
        "context_window": rule.context_window,
        "views": views,
    });
    // A rule that holds nothing is what it was before rules could hold, and keeps its digest.
    if let (Value::Object(fields), true) = (&mut resolved, rule.leaving.hold) {
        let leaving = json!({"hold": true, "release_roles": rule.leaving.release_roles});
        fields.insert("leaving".to_owned(), leaving);
    }
    if let (Value::Object(fields), Some(pattern)) = (&mut resolved, &rule.pattern) {
        fields.insert("pattern".to_owned(), json!(pattern.text));
        fields.insert("confidence".to_owned(), json!(pattern.certainty));
    }
    insert_opening(&mut resolved, rule.opening.as_ref());
    resolved
}

/// Only where there is one: what nobody may open resolves as it did before anybody could open anything.
fn insert_opening(said: &mut Value, opening: Option<&Opening>) {
    if let (Some(Opening { roles, ttl_s, second_person }), Some(fields)) = (opening, said.as_object_mut()) {
        let opening = json!({"unmask_roles": roles, "ttl_s": ttl_s, "second_person": second_person});
        fields.insert("opening".to_owned(), opening);
    }
}

fn operator(operator: &Operator) -> Value {
    match operator {
        Operator::Drop => json!("drop"),
        Operator::KeepAll => json!({"keep": "all"}),
        Operator::Keep { first, last } => json!({"keep": {"first": first, "last": last}}),
        Operator::Replace { name } => json!({"replace": name}),
        Operator::Token { key } => json!({"token": "hmac", "key": key}),
        Operator::Encrypt { key } => json!({"fpe": "ff1", "key": key}),
        Operator::ShiftDate { key, days_max } => json!({"date_shift": days_max, "key": key}),
        Operator::Generalise(level) => json!({"generalise": level.as_str()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml"));

    #[test]
    fn the_text_behind_a_digest_is_told_as_its_engine_resolved_it_and_behind_another_s_is_not() {
        let policy = Policy::load(POLICY).unwrap();
        let earlier = EARLIER_VERSIONS.map(|version| canonical::digest(&by(&policy, &earlier_engine(version))));
        for digest in [policy.digest()].into_iter().chain(earlier) {
            let text = text_of(&policy, &digest).unwrap();
            assert_eq!(sha256(text.as_bytes()), digest);
            assert_eq!(canonical::text(&serde_json::from_str(&text).unwrap()), text);
        }
        assert_eq!(text_of(&policy, &[7; 32]), None);
    }

    /// Texts of policies are handed out as they were in force. Whoever raises the engine's version keeps the one before
    /// beside the others.
    #[test]
    fn every_engine_but_the_present_one_is_kept() {
        assert_eq!(EARLIER_VERSIONS.to_vec(), (FIRST_VERSION..ENGINE_VERSION).collect::<Vec<_>>());
    }

    #[test]
    fn the_digest_of_the_engine_covers_the_recogniser() {
        let lexicon = Lexicon::new(&[]).unwrap();
        let other = lww_recogniser::digest(|bytes| sha256(&[bytes, b"x"].concat()));
        assert_eq!(engine(&lexicon)["recogniser"], json!(hex(&lww_recogniser::digest(sha256))));
        assert_ne!(lww_recogniser::digest(sha256), other);
    }
}
