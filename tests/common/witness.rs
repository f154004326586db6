//! Witnesses as real processes, and logs as those see them who have the log's real key.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom};
use liaowaiwai::http::HttpWitness;
use liaowaiwai::ports::{Unwitnessed, Witness as _};
use liaowaiwai::units::{Hash, Origin, TreeSize};
use lww_audit::merkle::{NodeReader, consistency_path, leaf_hash, node_hash, root_at};
use lww_audit::note::NoteSignature;
use lww_audit::witness::AddCheckpoint;
use lww_audit::{Checkpoint, Error, SignedCheckpoint};

use super::{World, lww};

/// A witness with its folder and a port of its own; it runs or not.
pub struct Witness {
    /// How the policy calls it.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its public key.
    pub key: String,
    /// Where it listens.
    pub url: String,
    port: u16,
    child: Option<Child>,
}

impl Witness {
    /// Makes a witness that doesn't run yet.
    pub fn new(world: &World, name: &str) -> Self {
        let folder = world.path().join(name);
        let named = format!("{name}.example/witness");
        let (made, key) = lww(&["witness", "init", "--dir", &text(&folder), "--name", &named]);
        assert!(made, "{key}");
        // The port is free once this listener is gone, and the next one that is asked for is another.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (name, key, url) = (name.to_owned(), key.trim().to_owned(), format!("http://127.0.0.1:{port}"));
        Self { name, folder, key, url, port, child: None }
    }

    /// Tells it of a log.
    pub fn add_log(&self, vkey: &str) {
        let (added, said) = lww(&["witness", "add-log", "--dir", &text(&self.folder), vkey]);
        assert!(added, "{said}");
    }

    /// Starts it and waits until it listens; the error is what it printed.
    pub fn try_start(&mut self, arguments: &[&str]) -> Result<(), String> {
        let errors = self.folder.with_extension("stderr");
        let sink = std::fs::OpenOptions::new().create(true).append(true).open(&errors).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lww"))
            .args(["witness", "run", "--json", "--dir", &text(&self.folder)])
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(sink)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            child.wait().unwrap();
            return Err(std::fs::read_to_string(&errors).unwrap());
        }
        self.child = Some(child);
        Ok(())
    }

    /// Starts it.
    pub fn start(&mut self) {
        self.try_start(&[]).unwrap_or_else(|error| panic!("the witness did not start: {error}"));
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Lets it be asked by TLS, with a certificate of a development authority in `certs`; gives the authority's file.
    pub fn secure(&mut self, certs: &Path) -> PathBuf {
        let address = format!("127.0.0.1:{}", self.port).parse().unwrap();
        let made = liaowaiwai::crypto::dev_ca::dev_certificate(certs, address, super::now()).unwrap();
        self.url = format!("https://{address}");
        self.try_start(&["--certificate", &text(&made.certificate), "--private-key", &text(&made.key)]).unwrap();
        made.ca
    }

    /// Asks it as a log does.
    pub async fn ask(&self, request: &AddCheckpoint) -> Result<Vec<NoteSignature>, Unwitnessed> {
        HttpWitness::new(&self.url, None).unwrap().add_checkpoint(request).await
    }

    /// The files of its evidence.
    pub fn evidence(&self) -> Vec<PathBuf> {
        let listed = std::fs::read_dir(self.folder.join("evidence")).into_iter().flatten().flatten();
        listed.map(|file| file.path()).collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The policy of these witnesses, of whom `threshold` are enough, and the sections that name it to a server.
pub fn policy(world: &mut World, witnesses: &[Witness], threshold: usize) -> PathBuf {
    let lines = witnesses.iter().map(|one| format!("witness {} {} {}\n", one.name, one.key, one.url));
    let names: Vec<&str> = witnesses.iter().map(|one| one.name.as_str()).collect();
    let logs = ["demo", "other", "system"].map(|tenant| format!("log {}\n", world.vkey("a", tenant)));
    let text =
        format!("{}{}group g {threshold} {}\nquorum g\n", logs.concat(), lines.collect::<String>(), names.join(" "));
    let path = world.path().join("witness.policy");
    std::fs::write(&path, text).unwrap();
    world.sections = format!("\n[witness]\npolicy = {path:?}\n");
    path
}

/// The key of a tenant's log, as whoever may read the server's files can use it.
pub struct StolenKey {
    origin: Origin,
    signer: Arc<dyn liaowaiwai::ports::Signer>,
}

impl StolenKey {
    /// Takes the key of a tenant's log.
    pub fn of(world: &World, tenant: &str) -> Self {
        let origin: Origin = format!("lww.test/{tenant}/1").parse().unwrap();
        let places = KeyPlaces { directory: world.path().join("keys"), master: None };
        let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), false).unwrap();
        let signer = Arc::new(keys.log_signer(&origin, false).unwrap());
        Self { origin, signer }
    }

    /// Signs the tree of a made-up history.
    pub async fn checkpoint(&self, history: &History, size: u64) -> SignedCheckpoint {
        let root = root_at(history, TreeSize(size)).unwrap();
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: TreeSize(size), root };
        let note = self.signer.sign(&checkpoint.to_string()).await.unwrap();
        SignedCheckpoint::parse(note.as_bytes()).unwrap()
    }

    /// Asks to cosign that tree, as one that grew from `old`.
    pub async fn request(&self, history: &History, old: u64, new: u64) -> AddCheckpoint {
        let path = consistency_path(history, TreeSize(old), TreeSize(new)).unwrap();
        AddCheckpoint { old: TreeSize(old), path, checkpoint: self.checkpoint(history, new).await }
    }
}

/// A made-up history: entries that nobody recorded.
pub struct History(pub &'static str);

impl NodeReader for History {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        if level == 0 {
            return Ok(leaf_hash(format!("{} {index}", self.0).as_bytes()));
        }
        Ok(node_hash(&self.node(level - 1, index * 2)?, &self.node(level - 1, index * 2 + 1)?))
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
