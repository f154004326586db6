//! Which masking policy is active is decided by entries, never by what lies in a file or in a row of the database.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::{Server, World, key, now, until};
use liaowaiwai::domain::masking::Policy;
use liaowaiwai::http::answers::Accepted;
use liaowaiwai::units::Hash;
use lww_audit::entry::Detail;
use lww_audit::{Entry, Receipt};

const MOBILE: &str = "手机13812345678";
const BEFORE: &str = "手机138****5678";
/// What is said when the table's row was changed; the policy is in force then.
const NO_TABLE: &str = "no routing table is in force";
const AFTER: &str = "手机138*****678";

fn digest(source: &str) -> Hash {
    Hash(Policy::load(source).unwrap().digest())
}

async fn say(server: &Server, key_of_message: &str) -> Accepted {
    server.client().send_message(&key("demo"), (key_of_message, MOBILE), key_of_message, now()).await.unwrap()
}

/// The policy that a message's entry names.
fn named(accepted: &Accepted) -> Hash {
    let receipt = Receipt::parse(accepted.receipt.as_ref().unwrap().as_bytes()).unwrap();
    Entry::parse(receipt.entry_bytes()).unwrap().policy.unwrap().digest
}

fn activated(entries: &[Entry]) -> Vec<(Hash, Detail, String)> {
    let of_kind = entries.iter().filter(|entry| entry.kind.as_str() == "policy.activated/2");
    let told = of_kind.map(|entry| {
        let Detail::Object(fields) = &entry.detail else { panic!("{:?}", entry.detail) };
        let Detail::String(digest) = &fields["digest"] else { panic!("{fields:?}") };
        (digest.parse().unwrap(), fields["previous"].clone(), entry.actor.role.as_str().to_owned())
    });
    told.collect()
}

/// The policy in the world's file, with another view of mobile numbers for customers.
fn changed(source: &str) -> String {
    let block = source.find("- entity: cn.mobile").unwrap();
    let (head, tail) = source.split_at(block);
    let view = "customer: {keep: {first: 3, last: 4}}";
    assert!(tail.contains(view));
    let tail = tail.replacen(view, "customer: {keep: {first: 3, last: 3}}", 1);
    format!("{head}{tail}").replacen("version: 2", "version: 3", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_drift_until_somebody_activates_it() {
    let world = World::private();
    let first = std::fs::read_to_string(world.policy()).unwrap();
    let second = changed(&first);
    let server = world.start("a");
    let asked = say(&server, "one").await;
    assert_eq!((asked.text.as_str(), named(&asked)), (BEFORE, digest(&first)));
    assert!(!server.errors().contains("policy_drift"));
    std::fs::write(world.policy(), &second).unwrap();
    assert_eq!(named(&say(&server, "unread").await), digest(&first), "the file counts at a start only");
    server.stop();

    let server = world.start("a");
    let drift = format!("active={} file={}", digest(&first), digest(&second));
    until("the drift to be told", async || {
        let told = server.errors();
        told.contains("policy_drift") && told.contains(&drift)
    })
    .await;
    let asked = say(&server, "two").await;
    assert_eq!((asked.text.as_str(), named(&asked)), (BEFORE, digest(&first)), "drift took effect by itself");
    refuse_failing(&world, &server, &first).await;

    let file = world.policy().display().to_string();
    let (done, told) = world.lww("a", &["policy", "activate", &file]);
    assert!(done && told.contains(&digest(&second).to_string()), "{told}");
    let asked = say(&server, "four").await;
    assert_eq!((asked.text.as_str(), named(&asked)), (AFTER, digest(&second)));
    let (done, told) = world.lww("a", &["policy", "activate", &file, "--tenant", "nowhere"]);
    assert!(!done && told.contains("nowhere"), "{told}");
    let other = server.client().send_message(&key("other"), ("c", MOBILE), "k", now()).await.unwrap();
    assert_eq!(named(&other), digest(&first), "another tenant's policy is its own");
    server.stop();

    let server = world.start("a");
    assert_eq!(named(&say(&server, "five").await), digest(&second));
    let drifts = server.errors().matches("policy_drift").count();
    server.stop();
    // At the second start both tenants' file had drifted, at the third only the other tenant's.
    assert_eq!(drifts, 3);
    let first_previous = Detail::String(digest(&first).to_string());
    assert_eq!(
        activated(&world.entries("a", "demo")),
        [(digest(&first), Detail::Null, "server".to_owned()), (digest(&second), first_previous, "operator".to_owned()),]
    );
    assert_eq!(activated(&world.entries("a", "other")), [(digest(&first), Detail::Null, "server".to_owned())]);
}

/// A policy that fails its tests, or is none, is refused; what is active stays.
async fn refuse_failing(world: &World, server: &Server, active: &str) {
    let file = world.path().join("failing.yaml");
    let path = file.display().to_string();
    let failing = active.replacen("agent: \"打我手机138****5678\"", "agent: \"打我手机139****5678\"", 1);
    assert_ne!(failing, active);
    for (source, told) in
        [(failing.as_str(), "view agent: expected \"打我手机139****5678\""), ("not: a policy", "line ")]
    {
        std::fs::write(&file, source).unwrap();
        let (done, said) = world.lww("a", &["policy", "activate", &path]);
        assert!(!done && said.contains(told), "{said}");
    }
    let asked = say(server, "three").await;
    assert_eq!((asked.text.as_str(), named(&asked)), (BEFORE, digest(active)));
}

/// Starts the server on rows that were changed: the tenant is named, and takes nothing in.
async fn refuses(world: &World, what: &str, told: &str) -> Server {
    let server = world.launch("a", &[]).unwrap();
    until(what, async || {
        let errors = server.errors();
        let mut altered = errors.lines().filter(|line| line.contains("_altered") && line.contains("demo"));
        altered.any(|line| line.contains(told))
    })
    .await;
    until("it to say what it is not ready for", async || {
        server.ready().is_some_and(|(status, body)| status == 503 && body.contains("tenant demo has no active"))
    })
    .await;
    let once = what.replace(' ', "-");
    let sent = server.client().send_message(&key("demo"), ("zhang", MOBILE), &once, now()).await;
    let refused = if told == NO_TABLE { "unavailable" } else { "no_policy" };
    assert_eq!(sent.unwrap_err().code(), Some(refused), "{what}");
    // Another tenant's is its own; whoever asks before it is loaded hears that it is not there yet.
    until("the other tenant to be served", async || {
        let said = server.client().send_message(&key("other"), ("c", MOBILE), &once, now()).await;
        said.is_ok_and(|said| said.text == BEFORE)
    })
    .await;
    server
}

/// What somebody with every right on the database could do to put another policy or table into force, and what is said.
fn changes(other: &str) -> [(&'static str, String, &'static str); 9] {
    let inserted =
        format!("INSERT INTO policy SELECT tenant, '\\x{}', $other${other}$other$ FROM settings", digest(other));
    let text = "is not the one that entry";
    [
        (
            "a text loosened in place",
            "UPDATE policy SET source = replace(source, '{keep: {first: 3, last: 4}}', '{keep: {first: 4, last: 3}}')".to_owned(),
            text,
        ),
        ("a text that says the same", "UPDATE policy SET source = source || E'\n# all is well\n'".to_owned(), text),
        ("a text that is no policy", "UPDATE policy SET source = 'none'".to_owned(), text),
        ("another put into force", format!("{inserted}; UPDATE settings SET policy = '\\x{}'", digest(other)), "the settings name"),
        ("none put into force", "UPDATE settings SET policy = NULL, policy_entry = NULL".to_owned(), "the settings name nothing"),
        ("the settings deleted", "DELETE FROM settings".to_owned(), "the settings name nothing"),
        ("the texts deleted", "DELETE FROM policy".to_owned(), "is missing"),
        ("the table's row changed", "UPDATE settings SET routing = policy".to_owned(), NO_TABLE),
        (
            "the entry changed",
            "UPDATE ledger_entry SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE seq = (SELECT policy_entry FROM settings)"
                .to_owned(),
            "is not the one that this server saw",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_policy_is_not_brought_back_by_a_row_and_the_operator_has_a_way_out() {
    let world = World::private();
    let first = std::fs::read_to_string(world.policy()).unwrap();
    let second = changed(&first);
    let server = world.start("a");
    std::fs::write(world.policy(), &second).unwrap();
    let file = world.policy().display().to_string();
    let (done, told) = world.lww("a", &["policy", "activate", &file]);
    assert!(done, "{told}");
    server.stop();
    let (postgres, owner) = world.owner_of("a").await;
    // To the earlier one, with its own entry and its own text: every row is genuine, and old.
    let back = format!(
        "UPDATE settings SET policy = '\\x{0}', policy_entry = (SELECT max(seq) FROM ledger_entry \
         WHERE position(convert_to('\"digest\":\"{0}\"', 'UTF8') IN body) > 0)",
        digest(&first)
    );
    owner.batch_execute(&back).await.unwrap();
    postgres.stop().await.unwrap();
    let server = refuses(&world, "an earlier one put into force", "the settings name").await;
    let (done, told) = world.lww("a", &["policy", "activate", &file]);
    assert!(done, "{told}");
    assert_eq!(say(&server, "mended").await.text, AFTER);
    server.stop();
    let server = world.start("a");
    assert_eq!(say(&server, "again").await.text, AFTER);
    server.stop();
    let entries = activated(&world.entries("a", "demo"));
    let by_hand = (digest(&second), Detail::String(digest(&second).to_string()), "operator".to_owned());
    assert_eq!(entries.last().unwrap(), &by_hand, "the entry before it is the log's, not the row's");
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_policy_that_was_changed_in_the_database_is_not_loaded_and_its_tenant_is_named() {
        let world = World::private();
        let first = std::fs::read_to_string(world.policy()).unwrap();
        let other = changed(&first);
        let server = world.start("a");
        assert_eq!(say(&server, "one").await.text, BEFORE);
        server.stop();
        for (what, sql, told) in changes(&other) {
            let (postgres, owner) = world.owner_of("a").await;
            for table in ["policy", "settings", "ledger_entry"] {
                owner.batch_execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await.unwrap();
            }
            owner.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            postgres.stop().await.unwrap();
            std::fs::write(world.data("a").with_extension("stderr"), "").unwrap();
            refuses(&world, what, told).await.stop();
            let (postgres, owner) = world.owner_of("a").await;
            for table in ["policy", "settings", "ledger_entry"] {
                let kept = if table == "ledger_entry" { "ON CONFLICT DO NOTHING" } else { "" };
                let gone =
                    if table == "ledger_entry" { "WHERE seq IN (SELECT seq FROM kept_ledger_entry)" } else { "" };
                let back = format!(
                    "DELETE FROM {table} {gone}; INSERT INTO {table} SELECT * FROM kept_{table} {kept}; DROP TABLE kept_{table}"
                );
                owner.batch_execute(&back).await.unwrap();
            }
            postgres.stop().await.unwrap();
        }
        let server = world.start("a");
        assert_eq!(say(&server, "mended").await.text, BEFORE, "all was put back");
        server.stop();
        let active = [(digest(&first), Detail::Null, "server".to_owned())];
        assert_eq!(activated(&world.entries("a", "demo")), active, "none of that activated anything");
        let (valid, said) = world.verify("a", "demo");
        assert!(valid, "{said}");
    }
}
