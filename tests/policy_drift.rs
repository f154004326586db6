//! Which masking policy is active is decided by entries, never by what lies in a file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

mod common;

use common::{Server, World, key, now, until};
use liaowaiwai::domain::masking::Policy;
use liaowaiwai::http::answers::Accepted;
use liaowaiwai::units::Hash;
use lww_audit::entry::Detail;
use lww_audit::{Entry, Receipt};

const MOBILE: &str = "手机13812345678";
const BEFORE: &str = "手机138****5678";
const AFTER: &str = "手机1381****678";

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
    let of_kind = entries.iter().filter(|entry| entry.kind.as_str() == "policy.activated/1");
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
    let tail = tail.replacen(view, "customer: {keep: {first: 4, last: 3}}", 1);
    format!("{head}{tail}").replacen("version: 1", "version: 2", 1)
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
