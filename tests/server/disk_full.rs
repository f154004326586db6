//! The disk that PostgreSQL writes to is full while messages flow: a clear error, nothing acknowledged is lost, and the
//! service goes on by itself once there is space again.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{World, key, now, until};
use liaowaiwai::cli::client::{Client, ClientError};
use liaowaiwai::http::answers::Accepted;

const NAME: &str = "a_full_disk_refuses_clearly_loses_nothing_and_service_resumes_by_itself";
/// Space that is left beside the new database, in MiB.
const FREE_MIB: u64 = 48;
const SENDERS: usize = 4;

/// A file system in memory, taken away at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Moves the private PostgreSQL of a stopped server onto a small disk; `None` when this process may not mount.
    fn under(postgres: &Path) -> Option<Self> {
        let owner = std::fs::metadata(postgres).unwrap();
        let aside = postgres.with_extension("aside");
        std::fs::rename(postgres, &aside).unwrap();
        std::fs::create_dir(postgres).unwrap();
        let used_mib = size(&aside) / (1024 * 1024);
        let options = format!("size={}m,mode=0700,uid={},gid={}", used_mib + FREE_MIB, owner.uid(), owner.gid());
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(postgres).output().unwrap();
        if !mount.status.success() {
            let why = String::from_utf8_lossy(&mount.stderr);
            common::skipped(NAME, &format!("mounting a tmpfs is not allowed here: {}", why.trim()));
            return None;
        }
        let disk = Self(postgres.to_owned());
        let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(postgres).status().unwrap();
        assert!(copied.success());
        // Small steps of the write-ahead log, so that it ends up full too.
        std::fs::write(postgres.join("tuning.conf"), "max_wal_size = 32MB\nmin_wal_size = 32MB\n").unwrap();
        std::fs::set_permissions(postgres, std::fs::Permissions::from_mode(0o700)).unwrap();
        Some(disk)
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        let block = vec![0_u8; 64 * 1024];
        while file.write_all(&block).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // PostgreSQL may still be ending: the mount goes when its last user has.
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn size(folder: &Path) -> u64 {
    common::files(folder).iter().map(|file| std::fs::metadata(file).map_or(0, |found| found.blocks() * 512)).sum()
}

/// What a sender was told.
#[derive(Default)]
struct Told {
    accepted: Vec<(String, Accepted)>,
    refused: Vec<ClientError>,
}

/// Sends message after message, each under a key of its own, until it is told to stop.
async fn send(client: Client, name: usize, stop: Arc<AtomicBool>, refusals: Arc<AtomicUsize>) -> Told {
    let mut told = Told::default();
    let text = "很长的一句话".repeat(500);
    let contact = format!("contact-{name}");
    while !stop.load(Ordering::SeqCst) {
        let sent = format!("{name}-{}", told.accepted.len() + told.refused.len());
        match client.send_message(&key("demo"), (&contact, &text), &sent, now()).await {
            Ok(accepted) => told.accepted.push((sent, accepted)),
            Err(error) => {
                refusals.fetch_add(1, Ordering::SeqCst);
                told.refused.push(error);
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_clearly_loses_nothing_and_service_resumes_by_itself() {
    let world = World::private();
    world.start("a").stop();
    let Some(disk) = SmallDisk::under(&world.data("a").join("pg")) else { return };
    let server = world.start("a");
    let (stop, refusals) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|name| tokio::spawn(send(server.client(), name, Arc::clone(&stop), Arc::clone(&refusals))))
        .collect();
    let app = server.client();
    app.send_message(&key("demo"), ("before", "还有空间"), "before", now()).await.unwrap();
    disk.fill();
    until("refusals", async || refusals.load(Ordering::SeqCst) > 2 * SENDERS).await;
    stop.store(true, Ordering::SeqCst);
    let mut told = Told::default();
    for sender in senders {
        let one = sender.await.unwrap();
        told.accepted.extend(one.accepted);
        told.refused.extend(one.refused);
    }
    for error in &told.refused {
        let ClientError::Problem(details) = error else { panic!("{error}") };
        let honest = ["unavailable", "outcome_unknown", "overloaded"].contains(&details.code.as_str());
        assert!(details.status == 503 && honest, "{details:?}");
    }
    let (alive, _) = common::get(server.http, "/healthz").unwrap();
    assert_eq!(alive, 200, "the server itself lives");

    disk.free();
    until("service to resume", async || {
        app.send_message(&key("demo"), ("after", "又有空间"), "after", now()).await.is_ok()
    })
    .await;
    for (sent, first) in &told.accepted {
        let contact = format!("contact-{}", sent.split('-').next().unwrap());
        let text = "很长的一句话".repeat(500);
        let again = app.send_message(&key("demo"), (&contact, &text), sent, now()).await.unwrap();
        assert!(again.duplicate && (again.index, &again.leaf) == (first.index, &first.leaf), "{sent} was lost");
    }
    assert!(!told.accepted.is_empty());
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid && told.contains("VALID"), "{told}");
    assert!(world.fsck("a", "demo").is_ok());
    drop(disk);
}
