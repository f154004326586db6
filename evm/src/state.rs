//! What is on its way, kept in a file, so that a restart neither forgets a transaction nor sends it twice under another number.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lww_audit::Checkpoint;
use lww_audit::evm::{Batch, Word};
use serde::{Deserialize, Serialize};

const FILE: &str = "on-its-way.json";
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One anchor on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// The checkpoint's text.
    pub checkpoint: String,
    /// The batch.
    pub batch: Batch,
    /// Place among the account's transactions.
    pub nonce: u64,
    /// Most gas.
    pub gas: u64,
    /// Each transaction that was sent under that number, the newest last.
    pub sent: Vec<Sent>,
    /// The block that held one of them when it was looked last.
    pub mined: Option<Word>,
    /// When it was sent last, in seconds of the engine's clock; what a restart finds is sent again.
    #[serde(skip)]
    pub sent_at: Option<u64>,
}

/// One signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its hash.
    pub hash: Word,
    /// What was sent, in hexadecimal; empty for one that was found on the chain.
    pub raw: String,
    /// Most wei a gas for whoever makes the block.
    pub tip: u128,
    /// Most wei a gas altogether.
    pub fee: u128,
}

impl Flight {
    /// The checkpoint; `None` when the file was changed by somebody.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint.parse().ok()
    }
}

/// The folder, which one program uses at a time.
pub struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Opens the folder, made with mode 0700 if it is missing, and takes it for this process.
    ///
    /// # Errors
    /// Those of the file system; `WouldBlock` when another process has it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let options = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o600);
            options
        };
        let lock = options().open(folder.join("lock"))?;
        lock.try_lock().map_err(|_| {
            io::Error::new(io::ErrorKind::WouldBlock, "another lww-evm uses this folder, and the account with it")
        })?;
        Ok(Self { folder: folder.into(), _lock: lock })
    }

    /// What was on its way.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when the file is not what this program wrote.
    pub fn flights(&self) -> io::Result<Vec<Flight>> {
        let file = match File::open(self.folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is not what lww-evm wrote"));
        let flights: Vec<Flight> = serde_json::from_slice(&bytes).map_err(|_| broken())?;
        let are_whole = flights.iter().all(|one| one.checkpoint().is_some() && !one.sent.is_empty());
        if are_whole { Ok(flights) } else { Err(broken()) }
    }

    /// Keeps what is on its way; durable when this returns, the whole of it or what was there before.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, flights: &[Flight]) -> io::Result<()> {
        self.write(FILE, &serde_json::to_vec(flights)?)
    }

    /// Keeps the newest receipt of a log for whoever wants the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep_receipt(&self, log: &str, receipt: &[u8]) -> io::Result<()> {
        self.write(&receipt_name(log), receipt)
    }

    /// The newest receipt of a log.
    pub fn receipt(&self, log: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(receipt_name(log))).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, fresh) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

fn receipt_name(log: &str) -> String {
    format!("receipt-{}.json", log.replace('/', "+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_the_folder_and_a_changed_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state");
        let state = State::open(&folder).unwrap();
        assert_eq!(State::open(&folder).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(state.flights().unwrap(), []);
        state.keep(&[]).unwrap();
        assert_eq!(state.flights().unwrap(), []);
        fs::write(folder.join(FILE), "[{}]").unwrap();
        assert_eq!(state.flights().unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(state);
        assert!(State::open(&folder).is_ok());
    }
}
