//! The published log as tools fetch it (C2SP `tlog-tiles`): a copy made by HTTP alone verifies, headers are the specification's,
//! and nobody gets anything else by these addresses. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::io::Read as _;
use std::path::Path;

use common::load::Customers;
use common::people::{ask, code, reset};
use common::{World, until};
use flate2::read::GzDecoder;
use liaowaiwai::cli::client::{Answer, Call, Client};
use lww_audit::tile::{Part, TilePath, WIDTH};
use lww_audit::{SignedCheckpoint, TileDir, TreeSize, fsck};

const PREFIX: &str = "/api/v1/ledger/tlog";

async fn fetch(client: &Client, file: &str, headers: &[(&'static str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    client.send(Call { method: "GET", target: format!("{PREFIX}/{file}"), headers, body: None }).await.unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// Fetches everything that a checkpoint needs, as a mirror does.
async fn download(client: &Client, to: &Path) -> SignedCheckpoint {
    let checkpoint = fetch(client, "checkpoint", &[]).await;
    assert_eq!((checkpoint.status, header(&checkpoint, "content-type")), (200, "text/plain; charset=utf-8"));
    let signed = SignedCheckpoint::parse(&checkpoint.body).unwrap();
    let size = signed.unverified().size;
    for part in Part::all(size) {
        for index in 0..part.count(size).div_ceil(WIDTH) {
            let tile = TilePath::in_tree(part, index, size).unwrap();
            let answer = fetch(client, &tile.to_string(), &[]).await;
            assert_eq!((answer.status, header(&answer, "content-type")), (200, "application/octet-stream"), "{tile}");
            let path = tile.under(to);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &answer.body).unwrap();
        }
    }
    std::fs::write(to.join("checkpoint"), &checkpoint.body).unwrap();
    signed
}

async fn more_than_a_bundle(world: &World) {
    let tiles = TileDir::open(world.tiles("a", "demo"));
    until("more than a bundle to be published", async || {
        tiles.checkpoint().unwrap().is_some_and(|signed| signed.unverified().size > TreeSize(WIDTH))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_fetched_by_http_while_the_log_grows_verifies_and_a_changed_one_does_not() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    customers.progress(300).await;
    more_than_a_bundle(&world).await;
    let copy = tempfile::tempdir().unwrap();
    // Customers go on: partial tiles of this size are replaced while they are fetched.
    let signed = download(&auditor, copy.path()).await;
    customers.finish().await;
    let keys = [world.vkey("a", "demo")];
    let checked = fsck::check(&TileDir::open(copy.path()), &keys, &mut |_| {});
    assert_eq!(checked.unwrap_or_else(|finding| panic!("{finding:?}")).checkpoint, *signed.unverified());
    let first = copy.path().join("tile/entries/000");
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let finding = fsck::check(&TileDir::open(copy.path()), &keys, &mut |_| {}).unwrap_err();
    assert_eq!(finding.file, first);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_every_earlier_size_are_served_for_ever_and_packed_for_whoever_takes_it() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    customers.progress(270).await;
    customers.finish().await;
    more_than_a_bundle(&world).await;
    for (file, kept) in [("checkpoint", "private, max-age=1"), ("tile/0/000", "private, max-age=31536000, immutable")] {
        let answer = fetch(&auditor, file, &[]).await;
        assert_eq!((answer.status, header(&answer, "cache-control")), (200, kept), "{file}");
        assert!(header(&answer, "content-encoding").is_empty(), "{file}");
    }
    // Each width that some checkpoint needed, and what it holds.
    let full = fetch(&auditor, "tile/entries/000", &[]).await.body;
    let bundle = lww_audit::tile::Bundle::parse(full.to_vec(), WIDTH).unwrap();
    let leaves = bundle.leaves();
    for width in [1, 2, 100, 255] {
        let tile = fetch(&auditor, &format!("tile/0/000.p/{width}"), &[]).await;
        let expected: Vec<u8> = leaves.iter().take(width).flat_map(|leaf| leaf.0).collect();
        assert_eq!((tile.status, tile.body.to_vec()), (200, expected), "{width}");
        let entries = fetch(&auditor, &format!("tile/entries/000.p/{width}"), &[]).await;
        assert_eq!(entries.status, 200, "{width}");
        assert!(full.starts_with(&entries.body) && entries.body.len() < full.len(), "{width}");
    }
    // What is known already is not sent again; the packed form has a tag of its own.
    let packed = fetch(&auditor, "tile/entries/000", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!((header(&packed, "content-encoding"), header(&packed, "vary")), ("gzip", "Accept-Encoding, Cookie"));
    assert!(packed.body.len() < full.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, full);
    let plain = fetch(&auditor, "tile/entries/000", &[("accept-encoding", "gzip;q=0, identity")]).await;
    assert_eq!((header(&plain, "content-encoding"), plain.body == full), ("", true));
    assert_ne!(header(&packed, "etag"), header(&plain, "etag"));
    let tile = fetch(&auditor, "tile/0/000", &[("accept-encoding", "gzip")]).await;
    assert_eq!((header(&tile, "content-encoding"), tile.body.len()), ("", 8192), "hashes don't shrink");
    for (known, status) in [(header(&plain, "etag"), 304), ("\"0\"", 200), ("\"0\", *", 304)] {
        let again = fetch(&auditor, "tile/entries/000", &[("if-none-match", known)]).await;
        assert_eq!((again.status, again.body.is_empty()), (status, status == 304), "{known}");
        assert_eq!(header(&again, "cache-control"), "private, max-age=31536000, immutable");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anything_but_their_own_log_s_files_and_only_whoever_may() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    until("something to be published", async || fetch(&auditor, "checkpoint", &[]).await.status == 200).await;
    for file in [
        "tile/0/001",
        "tile/0/000",
        "tile/0/000.p/0",
        "tile/0/000.p/255",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/63/000",
        "tile/64/000",
        "tile/data/000",
        "tile/entries/x001/000",
        "tile/0/../../checkpoint",
        "tile/..%2f..%2fcheckpoint",
        "tile/%2e%2e/%2e%2e/guard/demo-1",
        "tile/0/000.p/1/../../../../checkpoint",
        "tile/entries//000",
        "tile/0/000%00",
        "tile/",
        "checkpoint/",
        "checkpoint.tmp",
        "",
    ] {
        let answer = fetch(&auditor, file, &[]).await;
        assert_eq!(answer.status, 404, "{file:?}: {:?}", answer.body);
    }
    let (nobody, agent, lead) = (server.client(), server.staff("agent").await, server.staff("supervisor").await);
    for file in ["checkpoint", "tile/0/000.p/1"] {
        let target = format!("{PREFIX}/{file}");
        assert_eq!(code(&ask(&nobody, "GET", &target, None).await), "bad_credentials", "{file}");
        for staff in [&agent, &lead] {
            let told = ask(staff, "GET", &target, None).await;
            assert_eq!((told.0, code(&told)), (403, "forbidden"), "{file}");
        }
    }
    // The other tenant's auditor reads the other tenant's log, whatever is asked for.
    let other = server.staff_with("other", "auditor", &reset(&world, "other", "auditor")).await;
    until("the other log to be published", async || fetch(&other, "checkpoint", &[]).await.status == 200).await;
    let theirs = fetch(&other, "checkpoint", &[]).await;
    assert!(theirs.body.starts_with(b"lww.test/other/1\n"), "{:?}", theirs.body);
    let one = "tile/entries/000.p/1";
    assert_ne!(fetch(&other, one, &[]).await.body, fetch(&auditor, one, &[]).await.body);
    server.stop();
}
