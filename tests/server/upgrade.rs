//! A database of an earlier release goes on under this one: it is migrated, what was said can still be read and proven, and
//! the log grows. And one of a later release is refused. `tests/upgrade/make.sh` made what `tests/upgrade/v0.1` holds.
//! Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Server, World, files, now, verified, wait_until};
use liaowaiwai::app::config::Config;
use liaowaiwai::cli::client::{ChannelKey, Client, Page};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom};
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lww_audit::entry::Detail;
use lww_audit::{Entry, Receipt, VerifierKey};
use tokio_postgres::NoTls;

const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/upgrade/v0.1");
const NODE: &str = "node";

/// What the two customers of the demo were told, and how often they spoke.
const SAID: [(&str, usize, &str); 2] = [
    ("customer-zhang", 3, "您好,已为您挂失。请放心,不要把验证码告诉任何人。"),
    ("customer-smith", 2, "Thank you, the second charge has been reversed."),
];

/// An earlier release's data directory, as it was when its server had stopped.
struct Old {
    world: World,
    config: PathBuf,
}

impl Old {
    async fn unpack() -> Self {
        let world = World::private();
        let data = world.data(NODE);
        let (postgres, sql) = database(&data).await;
        sql.batch_execute(&std::fs::read_to_string(Path::new(OLD).join("database.sql")).unwrap()).await.unwrap();
        postgres.stop().await.unwrap();
        for part in ["keys", "guard", "audit"] {
            let copied = Command::new("cp").arg("-r").arg(Path::new(OLD).join(part)).arg(&data).status().unwrap();
            assert!(copied.success());
        }
        // Git keeps no modes but the executable bit.
        let private = Command::new("chmod").args(["-R", "go=", "keys"]).current_dir(&data).status().unwrap();
        assert!(private.success());
        let config = world.path().join("old.toml");
        let text = format!(
            "name = \"lww.local\"\ndata_dir = \"{data}\"\n\n[http]\nlisten = \"127.0.0.1:0\"\ntrial_listen = \"127.0.0.1:0\"\n\
             certs_dir = \"{data}/certs\"\n\n[[tenant]]\nname = \"demo\"\ndemo = true\n\n[[tenant.channel]]\nchannel = \"http\"\n\
             account = \"app\"\nkey_id = \"demo-app\"\nsecret = \"secret://keys/channel-demo-app\"\n",
            data = data.display()
        );
        std::fs::write(&config, text).unwrap();
        Self { world, config }
    }

    fn lww(&self, arguments: &[&str]) -> (bool, String) {
        common::lww(&[arguments, &["--config", self.config.to_str().unwrap()]].concat())
    }

    /// The app's key, which the old server made for itself.
    fn key(&self) -> ChannelKey {
        let config = Config::load(Some(&self.config)).unwrap();
        let places = KeyPlaces { directory: config.keys_dir.clone(), master: None };
        let keys = KeyDirectory::open_or_create(&places, std::sync::Arc::new(SystemRandom::new()), false).unwrap();
        let secret = config.tenants[0].channels[0].secret.resolve(&keys).unwrap();
        ChannelKey {
            tenant: "demo".to_owned(),
            account: "app".to_owned(),
            keyid: "demo-app".to_owned(),
            secret: secret.bytes().to_vec().into(),
        }
    }
}

/// The private PostgreSQL of a data directory, for the owner of its tables.
async fn database(data: &Path) -> (EmbeddedPostgres, tokio_postgres::Client) {
    let options =
        EmbeddedOptions { data_dir: data.to_owned(), bin_dir: None, secrets_dir: data.join("database-secrets") };
    let postgres = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
    let (client, connection) = postgres.owner_config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    (postgres, client)
}

/// What the only entry of a kind tells.
fn detail(entries: &[Entry], kind: &str) -> BTreeMap<String, Detail> {
    let told: Vec<_> = entries.iter().filter(|entry| entry.kind.as_str() == kind).map(|entry| &entry.detail).collect();
    let [Detail::Object(fields)] = told[..] else { panic!("{kind}: {told:?}") };
    fields.clone()
}

fn old_key() -> VerifierKey {
    std::fs::read_to_string(Path::new(OLD).join("vkey")).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_release_s_database_goes_on_with_everything_in_it() {
    let old = Old::unpack().await;
    let before = old.world.entries(NODE, "demo").len();
    let server = old.world.start_on(&old.config, NODE, &[]).unwrap();
    let (app, key) = (Client::http(server.http), old.key());
    for (contact, asked, answer) in SAID {
        let said = app.messages(&key, contact, Page::default(), now()).await.unwrap().messages;
        assert_eq!(said.iter().filter(|message| !message.from_bank).count(), asked, "{contact}");
        assert!(said.iter().any(|message| message.from_bank && message.text == answer), "{contact}: {said:?}");
    }
    let accepted = app.send_message(&key, ("customer-zhang", "still there?"), "new-1", now()).await.unwrap();
    assert!(accepted.index >= before as u64);
    let receipt = Receipt::parse(accepted.receipt.unwrap().as_bytes()).unwrap();
    receipt.verify(&[old_key()]).unwrap();
    let again = app.send_message(&key, ("customer-zhang", "still there?"), "new-1", now()).await.unwrap();
    assert!(again.duplicate);
    server.stop();
    let receipts = files(&Path::new(OLD).join("receipts"));
    assert_eq!(receipts.len(), 8);
    let vkey = Path::new(OLD).join("vkey");
    for path in receipts {
        let (valid, said) = verified(&[Path::new("proof"), Path::new("--vkey"), &vkey, &path]);
        assert!(valid, "{}: {said}", path.display());
    }
    let (valid, said) = old.lww(&["ledger", "verify", "--against-db"]);
    assert!(valid && said.contains("9 messages"), "{said}");
    let tiles = lww_audit::TileDir::open(old.world.tiles(NODE, "demo"));
    let summary = lww_audit::fsck::check(&tiles, &[old_key()], &mut |_| {}).unwrap();
    let entries = old.world.entries(NODE, "demo");
    assert!(entries.len() > before, "{summary:?}");
    // The first release's entry tells neither text nor engine: this one, whose engine masks more, said the same text again.
    let [first, again] = ["policy.activated/1", "policy.activated/2"].map(|kind| detail(&entries, kind));
    assert_eq!(again["previous"], first["digest"]);
    assert_ne!(again["digest"], first["digest"]);
    // A new log would have begun with a generation of its own.
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "generation.opened/1").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_changed_in_the_first_release_s_database_is_not_taken_for_one_of_its_engine() {
    let old = Old::unpack().await;
    let (postgres, sql) = old.world.owner_of(NODE).await;
    // A number's keyword reaches less far than in what the log activated.
    let looser = "UPDATE policy SET source = replace(source, 'context_window: 30', 'context_window: 29') \
                  WHERE position('context_window: 30' IN source) > 0";
    assert_eq!(sql.execute(looser, &[]).await.unwrap(), 1);
    postgres.stop().await.unwrap();
    let server = Server::launch(&old.config, &old.world.data(NODE), &[]).unwrap();
    wait_until("the policy to be refused", || server.errors().contains("policy_altered"));
    let refused = Client::http(server.http).send_message(&old.key(), ("customer-zhang", "hello"), "new-1", now()).await;
    assert_eq!(refused.unwrap_err().code(), Some("no_policy"));
    server.stop();
    let (valid, said) = old.lww(&["ledger", "verify", "--against-db"]);
    assert!(!valid && said.contains("policy"), "{said}");
    assert!(old.world.entries(NODE, "demo").iter().all(|entry| entry.kind.as_str() != "policy.activated/2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_release_s_database_can_be_backed_up_before_it_is_upgraded() {
    let old = Old::unpack().await;
    let to = old.world.path().to_str().unwrap().to_owned();
    let (done, said) = old.lww(&["backup", "--to", &to]);
    assert!(done, "{said}");
    let (postgres, sql) = database(&old.world.data(NODE)).await;
    let version: i32 = sql.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await.unwrap().get(0);
    postgres.stop().await.unwrap();
    assert_eq!(version, 1, "a backup changes nothing");
    let backup = files(old.world.path()).into_iter().find(|path| path.extension().is_some_and(|end| end == "tar"));
    let (data, new) = (old.world.data(NODE), old.world.data("new"));
    let from = backup.unwrap().display().to_string();
    let keys = data.join("keys");
    let text = std::fs::read_to_string(&old.config).unwrap();
    let text = text.replacen(&data.display().to_string(), &new.display().to_string(), 1);
    let text = text.replacen("\n\n[http]", &format!("\nkeys_dir = \"{}\"\n\n[http]", keys.display()), 1);
    std::fs::write(&old.config, text).unwrap();
    // Restored as it was, then brought to this release's schema.
    let (done, said) = old.lww(&["restore", "--from", &from]);
    assert!(done && said.contains("8 messages opened and compared"), "{said}");
    old.world.start_on(&old.config, "new", &["--adopt-head"]).unwrap().stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_later_release_is_refused_by_its_version() {
    let old = Old::unpack().await;
    old.world.start_on(&old.config, NODE, &[]).unwrap().stop();
    let (postgres, sql) = database(&old.world.data(NODE)).await;
    let later = "INSERT INTO refinery_schema_history VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')";
    sql.batch_execute(later).await.unwrap();
    postgres.stop().await.unwrap();
    let newer = "the database's schema is at version 9999";
    let refused = old.world.start_on(&old.config, NODE, &[]).err().unwrap();
    assert!(refused.contains(newer) && refused.contains("upgraded by a newer version"), "{refused}");
    let (done, said) = old.lww(&["backup", "--to", old.world.path().to_str().unwrap()]);
    assert!(!done && said.contains(newer), "{said}");
}
