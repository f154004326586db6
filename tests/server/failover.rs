//! Two servers on one database: one writes, the other stands by. The owner is stopped, killed and paused, also in the middle
//! of a transaction; there is one chain, and nothing acknowledged is lost or doubled.
//!
//! `LWW_FAILOVER_ROUNDS` says how often ownership changes hands under load (6). Needs PostgreSQL on the machine; `./x test`
//! installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]
#![expect(clippy::print_stderr, reason = "how long a take-over took is told, not judged")]

use crate::common;

use std::time::{Duration, Instant};

use common::load::Customers;
use common::{Server, World, is_alive, key, now, signal, wait_until};
use liaowaiwai::cli::client::{Client, Page};
use liaowaiwai::storage::head::LEASE_S;
use lww_audit::merkle::root_at;
use lww_audit::{Entry, TileDir};
use tokio_postgres::NoTls;

const ADOPT: &[&str] = &["--adopt-head"];
const CUSTOMERS: usize = 6;
const ROUNDS: usize = 6;
/// How often a pause is tried until it falls into an open transaction.
const PAUSES_MAX: usize = 400;

/// A server that stands by answers 503 and says why.
fn stands_by(server: &Server) -> bool {
    server.ready().is_some_and(|(status, body)| status == 503 && body.contains("another server writes the log of"))
}

/// Waits until a server writes, and says how long that took.
fn taken_over(what: &str, server: &Server) {
    let since = Instant::now();
    server.wait_ready();
    eprintln!("{what}: the standby served after {:?}", since.elapsed());
}

/// When the lease of the log of `demo` ends, in microseconds, and how many seconds that is from now, by PostgreSQL's clock.
async fn lease(world: &World) -> (i64, f64) {
    let (client, connection) = world.database().owner_config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let own = "SELECT set_config('app.tenant', id::text, false) FROM tenant WHERE name = 'demo'";
    client.query_one(own, &[]).await.unwrap();
    let sql = "SELECT (extract(epoch FROM lease_expires) * 1000000)::bigint, \
               extract(epoch FROM lease_expires - clock_timestamp())::double precision FROM log_head";
    let row = client.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

async fn send(server: &Server, contact: &str, count: std::ops::Range<u32>) {
    let client = Client::http(server.http);
    for number in count {
        let text = format!("message {number}");
        client.send_message(&key("demo"), (contact, &text), &format!("{contact}-{number}"), now()).await.unwrap();
    }
}

/// What a contact can read from a server after a cursor, in small pages.
async fn read(server: &Server, contact: &str, mut after: Option<u64>) -> Vec<(u64, String)> {
    let client = Client::http(server.http);
    let mut all = Vec::new();
    loop {
        let page = client.messages(&key("demo"), contact, Page { after, limit: Some(7) }, now()).await.unwrap();
        if page.messages.is_empty() {
            return all;
        }
        after = page.next;
        all.extend(page.messages.into_iter().map(|message| (message.index, message.text)));
    }
}

fn count(entries: &[Entry], kind: &str) -> usize {
    entries.iter().filter(|entry| entry.kind.as_str() == kind).count()
}

/// What one node published is a beginning of what the other did.
fn assert_no_fork(world: &World, whole: &str, other: &str) {
    let longer = world.fsck(whole, "demo").unwrap_or_else(|finding| panic!("{finding:?}")).checkpoint;
    let shorter = world.fsck(other, "demo").unwrap_or_else(|finding| panic!("{finding:?}")).checkpoint;
    assert!(shorter.size <= longer.size, "{shorter} is longer than {longer}");
    let root = root_at(&TileDir::open(world.tiles(whole, "demo")).tree(longer.size), shorter.size).unwrap();
    assert_eq!(root, shorter.root, "the two nodes published different logs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_adopted_the_head_records_it_when_it_takes_over() {
    let world = World::shared().await;
    let first = world.start("a");
    send(&first, "zhang", 0..2).await;
    let second = world.launch("b", ADOPT).unwrap();
    assert!(stands_by(&second));
    first.stop();
    second.wait_ready();
    second.stop();
    let entries = world.entries("b", "demo");
    assert_eq!(count(&entries, "guard.adopted/1"), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_resumes_by_its_cursor_on_the_other_server() {
    let world = World::shared().await;
    let first = world.start("a");
    let second = world.launch("b", ADOPT).unwrap();
    send(&first, "zhang", 0..10).await;
    let seen = read(&first, "zhang", None).await;
    let cursor = seen.last().unwrap().0;
    // These are recorded, but this client has not seen them when the server dies.
    send(&first, "zhang", 10..15).await;
    first.kill();
    let (ends, left) = lease(&world).await;
    assert!(left <= LEASE_S, "a dead server's lease has {left} s to go");
    taken_over("killed", &second);
    send(&second, "zhang", 15..20).await;
    let resumed = [seen, read(&second, "zhang", Some(cursor)).await].concat();
    assert_eq!(resumed, read(&second, "zhang", None).await, "a gap or a repetition");
    let texts: Vec<String> = resumed.iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(texts, (0..20).map(|number| format!("message {number}")).collect::<Vec<_>>());
    assert!(resumed.is_sorted_by(|one, next| one.0 < next.0), "indexes rise");
    second.stop();
    let entries = world.entries("b", "demo");
    let taken = entries.iter().rfind(|entry| entry.kind.as_str() == "log.taken/1").unwrap().time.as_micros();
    assert!(taken >= ends, "it was taken {} µs before the lease was over", ends - taken);
    eprintln!("the log was taken {} ms after the lease was over", (taken - ends) / 1_000);
    world.end().await;
}

mod slow {
    use super::*;

    /// Pauses a server while it has a transaction open.
    async fn pause_in_transaction(world: &World, server: &Server) {
        let (client, connection) = world.database().app_config().connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = 'lww'";
        for _ in 0..PAUSES_MAX {
            server.signal("-STOP");
            // What PostgreSQL had been sent before it has done by then: a query of our own comes after.
            let open: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
            let again: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
            if open.min(again) > 0 {
                return;
            }
            server.signal("-CONT");
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        panic!("no pause of {PAUSES_MAX} fell into an open transaction");
    }

    #[derive(Clone, Copy, Debug)]
    enum End {
        Killed,
        Paused,
        PausedInTransaction,
    }

    const ENDS: [End; 3] = [End::Killed, End::Paused, End::PausedInTransaction];

    #[tokio::test(flavor = "multi_thread")]
    async fn ownership_changes_hands_under_load_without_loss_or_fork() {
        let rounds = std::env::var("LWW_FAILOVER_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
        eprintln!("{rounds} rounds; a lease lasts {LEASE_S} s");
        let world = World::shared().await;
        let mut owner = ("a", world.start("a"));
        let mut standby = ("b", world.launch("b", ADOPT).unwrap());
        let mut customers = Customers::start(CUSTOMERS);
        customers.know(&[owner.1.http, standby.1.http]);
        for (round, end) in (0..rounds).zip(ENDS.into_iter().cycle()) {
            assert!(stands_by(&standby.1));
            customers.progress(CUSTOMERS).await;
            let name = owner.0;
            let former = match end {
                End::Killed => {
                    owner.1.kill();
                    taken_over("killed", &standby.1);
                    world.launch(name, &[]).unwrap()
                }
                End::Paused | End::PausedInTransaction => {
                    match end {
                        End::PausedInTransaction => pause_in_transaction(&world, &owner.1).await,
                        End::Killed | End::Paused => owner.1.signal("-STOP"),
                    }
                    taken_over("paused", &standby.1);
                    // The new owner works while the old one still believes that it is it.
                    customers.progress(1).await;
                    owner.1.signal("-CONT");
                    wait_until("the former owner to stand by", || stands_by(&owner.1));
                    owner.1
                }
            };
            owner = std::mem::replace(&mut standby, (name, former));
            customers.know(&[owner.1.http, standby.1.http]);
            eprintln!("{round}: {end:?} {name}, {} acknowledged", customers.acknowledged());
        }
        customers.progress(CUSTOMERS).await;
        customers.know(&[owner.1.http]);
        let told = customers.finish().await;
        assert!(stands_by(&standby.1), "one writes, the other stands by");
        standby.1.stop();
        owner.1.stop();
        eprintln!("{} messages acknowledged", told.count());
        told.check(&world, owner.0);
        assert_no_fork(&world, owner.0, standby.0);
        world.end().await;
    }

    #[test]
    fn a_server_whose_database_is_gone_for_good_stops_when_it_is_told_and_nothing_is_lost() {
        let world = World::private();
        let server = world.start("a");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(send(&server, "before", 0..3));
        let data = world.data("a");
        let located = std::fs::read_to_string(data.join("pg.location"));
        let folder = located.map_or_else(|_| data.join("pg"), |path| path.trim().into());
        let aside = folder.with_extension("aside");
        let postmaster = world.postmaster("a").unwrap();
        std::fs::rename(&folder, &aside).unwrap();
        signal("-KILL", postmaster);
        wait_until("PostgreSQL to stay away", || server.errors().contains("database_down"));
        server.signal("-TERM");
        wait_until("the server's end", || !is_alive(server.pid()));
        assert!(server.errors().contains("stop_cut_short"), "{}", server.errors());
        std::fs::rename(&aside, &folder).unwrap();
        let server = world.start("a");
        runtime.block_on(send(&server, "after", 0..1));
        server.stop();
        let (valid, said) = world.verify("a", "demo");
        assert!(valid && said.contains("4 messages"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_server_vouches_for_the_head_once_and_takes_over_from_one_that_stops() {
        let world = World::shared().await;
        let first = world.start("a");
        send(&first, "zhang", 0..3).await;
        let refused = world.launch("b", &[]).err().unwrap();
        assert!(
            refused.contains("rollback guard for the log is missing") && refused.contains("--adopt-head"),
            "{refused}"
        );
        let second = world.launch("b", ADOPT).unwrap();
        assert_eq!(second.role, "standby");
        assert!(stands_by(&second));
        let client = Client::http(second.http);
        let sent = client.send_message(&key("demo"), ("zhang", "hello"), "to-the-wrong-one", now()).await;
        assert_eq!(sent.unwrap_err().code(), Some("unavailable"));
        assert_eq!(read(&second, "zhang", None).await.len(), 3, "a standby can be read");
        second.stop();
        let second = world.launch("b", &[]).unwrap();
        assert!(stands_by(&second), "what the operator vouched for once holds");
        send(&first, "zhang", 3..5).await;
        first.stop();
        taken_over("orderly stop", &second);
        send(&second, "zhang", 5..8).await;
        let first = world.launch("a", &[]).unwrap();
        assert!(stands_by(&first), "the one that comes back stands by");
        second.stop();
        taken_over("orderly stop back", &first);
        first.stop();
        let entries = world.entries("a", "demo");
        assert_eq!(count(&entries, "message.received/1"), 8);
        assert_eq!(count(&entries, "log.taken/1"), 3, "each take-over is an entry");
        assert_no_fork(&world, "a", "b");
        let (valid, said) = world.verify("a", "demo");
        assert!(valid, "{said}");
        world.end().await;
    }
}
