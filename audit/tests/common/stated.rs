//! The golden vectors of changes of a log's key: statements, whom one trusts before, and what comes of it.

use super::common::{Log, ORIGIN, log_signer, signer};
use lww_audit::note::NoteSignature;
use lww_audit::rotation::follow;
use lww_audit::{Checkpoint, Class, Error, Note, NoteSigner, Rotation, SignedRotation, VerifierKey};
use serde::Deserialize;
use serde_json::{Value, json};

/// Statements in their order: the newest key that they lead to, or the class of the first refusal.
#[derive(Deserialize)]
struct Row {
    name: String,
    trusted: Vec<String>,
    statements: Vec<String>,
    class: String,
    exit_code: u8,
    newest: Option<String>,
}

fn key(signer: &NoteSigner) -> VerifierKey {
    signer.verifier_key().clone()
}

/// The log's first key and its three successors.
fn line() -> [NoteSigner; 4] {
    [log_signer(), signer(ORIGIN, 21), signer(ORIGIN, 22), signer(ORIGIN, 23)]
}

fn statement(tree: &Checkpoint, old: &NoteSigner, new: &NoteSigner) -> String {
    Rotation::sign(tree.clone(), old, new).unwrap().note().to_string()
}

/// A note of any text, signed by these lines.
fn note(text: &str, lines: Vec<NoteSignature>) -> String {
    Note::new(text.to_owned(), lines).unwrap().to_string()
}

/// Makes the rows from fixed seeds.
pub fn rows() -> Value {
    let tree = Log::new(9).checkpoint(9);
    let [first, second, third, fourth] = line();
    let to_second = statement(&tree, &first, &second);
    let to_third = statement(&tree, &second, &third);
    let mut rows = Vec::new();
    let mut add = |name: &str, trusted: &[&NoteSigner], statements: &[&str], outcome: Result<&NoteSigner, Class>| {
        let trusted: Vec<String> = trusted.iter().map(|signer| key(signer).to_string()).collect();
        let (class, code) = outcome.err().map_or(("valid", 0), |class| (class.name(), class.exit_code()));
        let newest = outcome.ok().map(|signer| key(signer).to_string());
        rows.push(
            json!({"name": name, "trusted": trusted, "statements": statements, "class": class, "exit_code": code,
            "newest": newest}),
        );
    };
    add("a-change", &[&first], &[&to_second], Ok(&second));
    add("two-changes", &[&first], &[&to_second, &to_third], Ok(&third));
    add("three-changes", &[&first], &[&to_second, &to_third, &statement(&tree, &third, &fourth)], Ok(&fourth));
    add("from-the-middle", &[&second], &[&to_third], Ok(&third));
    add("among-other-keys", &[&signer("lww.example/other/1", 9), &first], &[&to_second], Ok(&second));
    add("twice", &[&first], &[&to_second, &to_second], Ok(&second));
    add("nothing-said", &[&first], &[], Ok(&first));
    let bad = Err(Class::BadSignature);
    add("out-of-order", &[&first], &[&to_third, &to_second], bad);
    add("one-left-out", &[&first], &[&to_second, &statement(&tree, &third, &fourth)], bad);
    add("from-the-new-key-alone", &[&second], &[&to_second], bad);
    add("from-nobody", &[], &[&to_second], bad);
    let other_name = signer("lww.example/other/1", 7);
    add("from-the-same-key-of-another-name", &[&other_name], &[&to_second], bad);
    for (name, class, text) in spoilt(&tree) {
        add(name, &[&first], &[&text], Err(class));
    }
    Value::Array(rows)
}

/// Statements of the first key's about the second that nobody may believe.
fn spoilt(tree: &Checkpoint) -> Vec<(&'static str, Class, String)> {
    let [first, second, third, _] = line();
    let good = statement(tree, &first, &second);
    let text = SignedRotation::parse(good.as_bytes()).unwrap().unverified().to_string();
    let other = signer("lww.example/other/1", 21);
    let by = |signers: &[&NoteSigner]| note(&text, signers.iter().map(|signer| signer.sign(&text)).collect());
    let both = |text: String| note(&text, vec![first.sign(&text), second.sign(&text)]);
    let named = |from: &VerifierKey, to: &VerifierKey| both(text.replacen(&from.to_string(), &to.to_string(), 1));
    let mut forged = third.sign(&text);
    forged.key_id = key(&first).id();
    let mut cut = first.sign(&text);
    cut.signature.truncate(63);
    vec![
        ("by-the-old-key-alone", Class::BadSignature, by(&[&first])),
        ("by-the-new-key-alone", Class::BadSignature, by(&[&second])),
        ("by-the-old-key-and-a-stranger", Class::BadSignature, by(&[&first, &third])),
        ("by-a-stranger-and-the-new-key", Class::BadSignature, by(&[&third, &second])),
        ("by-the-old-key-twice", Class::BadSignature, by(&[&first, &first])),
        ("forged", Class::BadSignature, note(&text, vec![forged.clone(), second.sign(&text)])),
        ("right-and-forged", Class::BadSignature, note(&text, vec![first.sign(&text), second.sign(&text), forged])),
        ("short-signature", Class::BadSignature, note(&text, vec![cut, second.sign(&text)])),
        ("another-tree", Class::BadSignature, good.replacen("\n9\n", "\n10\n", 1)),
        (
            "another-successor",
            Class::BadSignature,
            good.replacen(&key(&second).to_string(), &key(&third).to_string(), 1),
        ),
        ("its-own-successor", Class::Malformed, named(&key(&second), &key(&first))),
        ("another-log-s-successor", Class::Malformed, named(&key(&second), &key(&other))),
        (
            "of-another-log",
            Class::Malformed,
            both(text.replacen("\nlww.example/acme/1\n", "\nlww.example/acme/2\n", 1)),
        ),
        ("a-key-with-a-long-id", Class::Malformed, both(text.replacen("/1+", "/1+0", 1))),
        ("leading-zero", Class::Malformed, both(text.replacen("\n9\n", "\n09\n", 1))),
        ("short-root", Class::Malformed, both(text.replacen("=\n", "\n", 1))),
        ("a-line-more", Class::Malformed, both(format!("{text}more\n"))),
        (
            "a-line-less",
            Class::Malformed,
            both(text.lines().take(5).fold(String::new(), |all, line| all + line + "\n")),
        ),
        ("a-space", Class::Malformed, both(text.replacen("\n9\n", "\n9 \n", 1))),
        ("a-checkpoint", Class::Malformed, both(tree.to_string())),
        ("later-version", Class::UnknownVersion, both(text.replacen("@v1", "@v2", 1))),
        ("later-version-with-more", Class::UnknownVersion, both(text.replacen("@v1", "@v2", 1) + "more\n")),
        ("no-version", Class::Malformed, both(text.replacen("@v1", "@v01", 1))),
        ("unsigned", Class::Malformed, text.clone()),
        ("empty", Class::Malformed, String::new()),
    ]
}

fn followed(trusted: &[String], statements: &[String]) -> Result<Option<VerifierKey>, Error> {
    let mut keys = trusted.iter().map(|line| line.parse().unwrap()).collect::<Vec<VerifierKey>>();
    let read = statements.iter().map(|text| SignedRotation::parse(text.as_bytes()));
    follow(&mut keys, &read.collect::<Result<Vec<_>, _>>()?)?;
    Ok(keys.pop())
}

/// Follows what the kept rows say.
pub fn check_kept(kept: &[u8]) {
    for Row { name, trusted, statements, class, exit_code, newest } in serde_json::from_slice::<Vec<Row>>(kept).unwrap()
    {
        let found = followed(&trusted, &statements);
        let refused = found.as_ref().err().map(Error::class);
        let got = refused.map_or(("valid", 0), |class| (class.name(), class.exit_code()));
        assert_eq!(got, (class.as_str(), exit_code), "{name}: {found:?}");
        assert_eq!(found.ok().flatten().map(|key| key.to_string()), newest, "{name}");
    }
}
