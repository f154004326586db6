//! What the demo leaves behind, verified as an auditor would, and damaged in a copy to see it caught.

use std::path::{Path, PathBuf};

use lww_audit::fsck::{Summary, check, check_receipt};
use lww_audit::tile::{Part, TilePath, WIDTH};
use lww_audit::{Receipt, TileDir, VerifierKey};

use super::super::{CommandError, screen};
use super::{DemoError, Players, WAIT};

/// Verifies every receipt so far and the published log, then damages copies.
pub(super) async fn prove(players: &Players, scratch: &Scratch) -> Result<(), DemoError> {
    scratch.keep("vkey", format!("{}\n", players.vkey).as_bytes())?;
    screen::line(&format!("\n{}", screen::strong("Proof")));
    let keys = [players.vkey.parse::<VerifierKey>()?];
    let receipts = scratch.receipts()?;
    for (path, receipt) in &receipts {
        let verified = receipt.verify(&keys)?;
        let entry = verified.entry;
        screen::line(&format!("  {} {} entry {} {}", screen::good("VALID"), file_name(path), entry.seq, entry.kind));
    }
    let size = published(players, scratch).await?.checkpoint.size;
    screen::line(&format!("  {} tiles: {} entries, every hash, link and signature", screen::good("VALID"), size));
    tamper(scratch, &keys, receipts.first().ok_or(DemoError::Missing("receipt"))?)
}

/// Copies the published log until the copy is whole and honours every receipt: the server publishes a moment after it
/// acknowledges, and goes on while files are copied.
pub(super) async fn published(players: &Players, scratch: &Scratch) -> Result<Summary, DemoError> {
    let keys = [players.vkey.parse::<VerifierKey>()?];
    let receipts = scratch.receipts()?;
    let until = tokio::time::Instant::now() + WAIT;
    loop {
        let whole = copied(players, scratch, &keys, &receipts);
        if whole.is_ok() || tokio::time::Instant::now() > until {
            return whole;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn copied(
    players: &Players,
    scratch: &Scratch,
    keys: &[VerifierKey],
    receipts: &[(PathBuf, Receipt)],
) -> Result<Summary, DemoError> {
    let folder = scratch.folder.join("tiles");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(DemoError::File)?;
    }
    copy_folder(&players.tiles, &folder).map_err(DemoError::File)?;
    let tiles = TileDir::open(folder);
    let summary = check(&tiles, keys, &mut |_| {}).map_err(|finding| finding.error)?;
    for (_, receipt) in receipts {
        check_receipt(&tiles, &summary, receipt, keys)?;
    }
    Ok(summary)
}

/// One byte of a copy is flipped: of a receipt, and of its entry in the log.
fn tamper(scratch: &Scratch, keys: &[VerifierKey], receipt: &(PathBuf, Receipt)) -> Result<(), DemoError> {
    let (path, receipt) = receipt;
    screen::line(&format!("\n{}", screen::strong("Tampering: one byte of a copy is flipped")));
    let mut bytes = read(path)?;
    flip(&mut bytes, 100);
    let caught = Receipt::parse(&bytes).and_then(|receipt| receipt.verify(keys).map(|_| ()));
    let error = caught.err().ok_or(DemoError::Unnoticed("a receipt"))?;
    screen::line(&format!("  {} {}: {error}", screen::bad("CAUGHT"), file_name(path)));
    let copy = scratch.folder.join("tampered");
    copy_folder(&scratch.folder.join("tiles"), &copy).map_err(DemoError::File)?;
    // Shorter bundles of earlier checkpoints may lie beside it, and nobody reads those any more.
    let tiles = TileDir::open(&copy);
    let size = tiles.checkpoint()?.ok_or(DemoError::Missing("checkpoint"))?.unverified().size;
    let bundle = TilePath::in_tree(Part::Entries, receipt.index().0 / WIDTH, size);
    let bundle = bundle.ok_or(DemoError::Missing("bundle"))?.under(&copy);
    let mut bytes = read(&bundle)?;
    let entry = receipt.entry_bytes();
    let at = bytes.windows(entry.len()).position(|window| window == entry).ok_or(DemoError::Missing("entry"))?;
    flip(&mut bytes, at + entry.len() / 2);
    std::fs::write(&bundle, bytes).map_err(DemoError::File)?;
    let caught = check(&tiles, keys, &mut |_| {});
    let finding = caught.err().ok_or(DemoError::Unnoticed("a bundle"))?;
    let entry = finding.entry.map_or_else(String::new, |entry| format!(", entry {entry}"));
    let kind = finding.kind.map_or_else(String::new, |kind| format!(" ({kind})"));
    let file = finding.file.strip_prefix(&copy).unwrap_or(&finding.file).display();
    screen::line(&format!("  {} {file}{entry}{kind}: {}", screen::bad("CAUGHT"), finding.error));
    std::fs::remove_dir_all(&copy).map_err(DemoError::File)
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}

/// The folder that the demo works in.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    keep: bool,
    count: u32,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            // What can't be removed lies in the system's temporary folder.
            let _left = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Scratch {
    /// Makes the folder: one that stays, or one in the system's temporary folder.
    pub(super) fn make(keep: Option<&Path>) -> Result<Self, CommandError> {
        let folder = match keep {
            Some(folder) if folder.join("data").exists() => return Err(DemoError::Exists(folder.to_owned()).into()),
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir().join(format!("lww-demo-{}", std::process::id())),
        };
        std::fs::create_dir_all(folder.join("receipts"))?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder, keep: keep.is_some(), count: 0 })
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), DemoError> {
        std::fs::write(self.folder.join(name), bytes).map_err(DemoError::File)
    }

    /// Keeps a receipt and returns the record text that it opens.
    pub(super) fn keep_receipt(&mut self, text: &str) -> Result<String, DemoError> {
        let receipt = Receipt::parse(text.as_bytes())?;
        self.count += 1;
        self.keep(&format!("receipts/{:02}.tlog-proof", self.count), text.as_bytes())?;
        let opened = receipt.opened().iter().find_map(|opened| opened.text.clone());
        opened.ok_or(DemoError::Missing("opened text"))
    }

    /// The number of the next receipt.
    pub(super) const fn next(&self) -> u32 {
        self.count + 1
    }

    /// The receipts so far with their files, in order.
    pub(super) fn receipts(&self) -> Result<Vec<(PathBuf, Receipt)>, DemoError> {
        let listed = std::fs::read_dir(self.folder.join("receipts")).map_err(DemoError::File)?;
        let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.into_iter().map(|path| Ok((path.clone(), Receipt::parse(&read(&path)?)?))).collect()
    }

    /// Says how to verify all of it without this program.
    pub(super) fn farewell(&self) {
        screen::line("");
        if self.keep {
            let folder = self.folder.display();
            screen::line("Verify it yourself; the verifier knows nothing of the server:");
            screen::line(&format!(
                "  target/release/lww-verify proof --vkey {folder}/vkey {folder}/receipts/01.tlog-proof"
            ));
            screen::line(&format!("  target/release/lww-verify fsck --vkey {folder}/vkey {folder}/tiles"));
        } else {
            screen::line("Keep the files and verify them yourself: ./x run --demo --keep DIR");
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DemoError> {
    std::fs::read(path).map_err(DemoError::File)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
