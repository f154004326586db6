//! A server beside a bank's own PostgreSQL takes its right to other files away: seen from outside, by what it can't be led to.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]
#![expect(clippy::unnecessary_debug_formatting, reason = "paths are quoted for TOML")]

use crate::common;

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::Client;
use liaowaiwai::crypto::SystemClock;
use liaowaiwai::crypto::dev_ca::{DevCertificate, dev_certificate};
use liaowaiwai::ports::Clock as _;

const NAME: &str = "a_confined_server_follows_no_link_out_of_its_folders_and_an_unconfined_one_does";
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn certificate(folder: &Path) -> DevCertificate {
    dev_certificate(folder, ANY, SystemClock.now()).unwrap()
}

/// Puts links to a pair that lies elsewhere where the server looks for its certificate.
fn link(elsewhere: &DevCertificate, [shown, private]: &[PathBuf; 2]) {
    for (from, to) in [(&elsewhere.certificate, shown), (&elsewhere.key, private)] {
        std::fs::remove_file(to).unwrap();
        symlink(from, to).unwrap();
    }
}

/// What the server's log says of itself: its events with this name.
fn events(server: &Server, name: &str) -> Vec<String> {
    let logs = common::files(&server.data.join("logs"));
    let all: String = logs.iter().map(|log| std::fs::read_to_string(log).unwrap()).collect();
    all.lines().filter(|line| line.contains(&format!("\"event\":\"{name}\""))).map(str::to_owned).collect()
}

/// The configuration of a server that shows the certificate of this place.
fn configuration(world: &World, [shown, private]: &[PathBuf; 2], confine: bool) -> String {
    let text = std::fs::read_to_string(world.configure("node")).unwrap();
    let lines = format!("[http]\ncertificate = {shown:?}\nprivate_key = {private:?}\n");
    format!("confine = {confine}\n{}", text.replace("[http]\n", &lines))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confined_server_follows_no_link_out_of_its_folders_and_an_unconfined_one_does() {
    let world = World::shared().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = certificate(elsewhere.path());
    let made = certificate(&world.path().join("tls"));
    let place = [made.certificate, made.key];
    let server = world.launch_with("node", &configuration(&world, &place, true)).unwrap();
    let how = events(&server, "confined").remove(0);
    if how.contains("Unsupported") {
        eprintln!("SKIPPED {NAME}: this kernel has no Landlock");
        assert!(how.contains("WARN"), "nobody is told: {how}");
        return world.end().await;
    }
    assert!(how.contains("Full") || how.contains("Partial"), "{how}");

    // It starts no program, and files that customers send are read all the same: by those that were started before.
    let sent =
        Client::http(server.http).send_file(&key("demo"), ("c", "a.txt", b"hello"), "file", now()).await.unwrap();
    assert_eq!(sent.file.unwrap().fate, "shown");

    // It can't be led to read elsewhere: the certificate of the link is not taken.
    link(&other, &place);
    server.signal("-HUP");
    until("the refusal", async || server.errors().contains("certificate_refused")).await;
    assert!(server.errors().contains("Permission denied"), "{}", server.errors());
    assert_eq!(events(&server, "certificate_changed"), Vec::<String>::new());

    // Nor to write there: tiles whose folder became a link are late, and its end stays empty.
    let (tiles, away) = (world.tiles("node", "demo"), elsewhere.path().join("tiles"));
    std::fs::rename(&tiles, tiles.with_extension("aside")).unwrap();
    std::fs::create_dir(&away).unwrap();
    symlink(&away, &tiles).unwrap();
    Client::http(server.http).send_message(&key("demo"), ("c", "hello"), "k", now()).await.unwrap();
    until("the tiles to be late", async || !events(&server, "tiles_behind").is_empty()).await;
    assert_eq!(common::files(&away), Vec::<PathBuf>::new());
    server.stop();

    // It was the kernel: without its help the same links lead there.
    let server = world.launch_with("node", &configuration(&world, &place, false)).unwrap();
    until("the tiles", async || !common::files(&away).is_empty()).await;
    let visitor = Client::https(server.https, &other.ca).unwrap();
    visitor.send_message(&key("demo"), ("c", "hello"), "k", now()).await.unwrap();
    assert!(events(&server, "confined").pop().unwrap().contains("NotWanted"));
    server.stop();
    world.end().await;
}
