//! What a witness remembers: of each log that it knows, the newest checkpoint that it cosigned and the time that it stated.
//!
//! All of it lies in one folder that one process holds. A log is known by its line in `known-logs`; its state is a file in
//! `state/`, replaced in one durable step before a cosignature leaves. A state that is missing, damaged or a copy stops the
//! start: a witness that forgot could cosign another history. Whether to cosign is judged in the ledger crate.
//!
//! | path | holds |
//! |---|---|
//! | `known-logs` | the keys of the logs, one a line; several for one log while its key changes |
//! | `state/<origin>.state` | the newest checkpoint of a log, slashes written as `+` |
//! | `evidence/` | contradictions of a log under its own signature, `lww-evidence@v1` |

mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lww_audit::note::NoteSignature;
use lww_audit::witness::{AddCheckpoint, Refusal, judge};
use lww_audit::{Cosigner, Evidence, VerifierKey};

use self::state::{Newest, StateFile};
use crate::limits::{WITNESS_EVIDENCE_FILES_MAX, WITNESS_LOGS_MAX};
use crate::ports::{Clock, Cosigns, Declined};
use crate::telemetry::{Occurrence, Witnessing, emit};
use crate::units::{MICROS_PER_SECOND, Origin, TreeSize};

const LOGS: &str = "known-logs";
const STATES: &str = "state";
const EVIDENCE: &str = "evidence";
/// Longest list of logs in bytes: a key is some hundred bytes long.
const LOGS_BYTES_MAX: u64 = 1024 * 1024;

/// Why a witness must not run, or a log not be added.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The system refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error("another witness runs on {}: stop it first", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// A line of the list is not the key of a log.
    #[error("{} line {line}: expected the key of a log, <name>+<key id>+<key>, whose name is the log's origin", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The list is full.
    #[error("{} holds {logs_max} keys, which is the most", path.display())]
    Full {
        /// The list.
        path: PathBuf,
        /// Its bound.
        logs_max: usize,
    },
    /// What was cosigned for a log is forgotten.
    #[error(
        "what this witness cosigned for {origin} is lost: {} is not there. Never begin anew under the same key, a fork would pass: \
         make a new witness with a key of its own, and put it into the policies", path.display()
    )]
    Lost {
        /// The log.
        origin: Origin,
        /// Its state's file.
        path: PathBuf,
    },
    /// A state can't be read.
    #[error(
        "{} is damaged: {reason}. Never remove it: make a new witness with a key of its own, and put it into the policies",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A state is not the file that was written: somebody put a copy there, which may be old.
    #[error(
        "{} is a copy, and may be older than what this witness cosigned last. Never restore a witness from a backup. If you \
         moved it to this place and nothing ran in the old one since, start once with --moved", path.display()
    )]
    Copied {
        /// The file.
        path: PathBuf,
    },
}

impl WitnessError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// One log that the witness knows.
struct Log {
    keys: Vec<VerifierKey>,
    file: StateFile,
    newest: Mutex<Newest>,
}

/// A witness with its state, held by this process.
pub struct WitnessStore {
    folder: PathBuf,
    logs: BTreeMap<Origin, Log>,
    cosigner: Cosigner,
    clock: Arc<dyn Clock>,
    _held: File,
}

/// Where a log stands with a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The log.
    pub origin: Origin,
    /// What was cosigned last.
    pub size: TreeSize,
    /// The time that was stated, in POSIX seconds; 0 before the first.
    pub time_s: u64,
}

impl WitnessStore {
    /// Opens what a witness remembers. `moved`: the operator vouches that copied files are the newest.
    ///
    /// # Errors
    /// [`WitnessError`]: nothing is cosigned then.
    pub fn open(folder: &Path, cosigner: Cosigner, clock: Arc<dyn Clock>, moved: bool) -> Result<Self, WitnessError> {
        let held = hold(folder)?;
        let mut logs: BTreeMap<Origin, Log> = BTreeMap::new();
        for (origin, key) in listed(folder)? {
            if let Some(known) = logs.get_mut(&origin) {
                known.keys.push(key);
                continue;
            }
            let file = StateFile::of(&folder.join(STATES), &origin);
            let newest = Mutex::new(file.read(moved)?);
            logs.insert(origin, Log { keys: vec![key], file, newest });
        }
        Ok(Self { folder: folder.to_owned(), logs, cosigner, clock, _held: held })
    }

    /// Tells a witness of a log, or of one more key of a log that it knows. Its state begins with the empty tree.
    ///
    /// # Errors
    /// [`WitnessError`]; nothing was added then.
    pub fn add(folder: &Path, key: &VerifierKey) -> Result<(), WitnessError> {
        let _held = hold(folder)?;
        let path = folder.join(LOGS);
        let refused = WitnessError::List { path: path.clone(), line: 0 };
        let origin: Origin = key.name().parse().map_err(|_| refused)?;
        let mut known = listed(folder)?;
        if known.iter().any(|(_, known)| known == key) {
            return Ok(());
        }
        if known.len() >= WITNESS_LOGS_MAX {
            return Err(WitnessError::Full { path, logs_max: WITNESS_LOGS_MAX });
        }
        let states = folder.join(STATES);
        make_folder(&states)?;
        // The state before the line: a line without a state would be a log whose state is lost.
        let file = StateFile::of(&states, &origin);
        if known.iter().all(|(known, _)| *known != origin) && !file.is_there() {
            file.write(&Newest::nothing(origin.clone()))?;
        }
        known.push((origin, key.clone()));
        let lines: Vec<String> = known.iter().map(|(_, key)| key.to_string()).collect();
        state::replace(&path, format!("{}\n", lines.join("\n")).as_bytes())
    }

    /// Borrows the public key.
    pub fn key(&self) -> String {
        self.cosigner.key().to_string()
    }

    /// Where each log stands.
    pub fn known(&self) -> Vec<Known> {
        let one = |(origin, log): (&Origin, &Log)| {
            let newest = log.newest.lock().unwrap_or_else(PoisonError::into_inner);
            Known { origin: origin.clone(), size: newest.size(), time_s: newest.time_s }
        };
        self.logs.iter().map(one).collect()
    }

    /// Keeps both signed checkpoints, so that anybody can see who lied.
    fn keep_evidence(&self, request: &AddCheckpoint, newest: &Newest, refusal: Refusal) {
        let Some(old) = &newest.checkpoint else { return };
        let (first, second) = (old.unverified(), request.checkpoint.unverified());
        let log = first.origin.as_str();
        let found = format!(
            "fork: size {} does not continue size {}, which {} cosigned",
            second.size,
            first.size,
            self.cosigner.key().name()
        );
        let (new, path) = (request.checkpoint.clone(), request.path.clone());
        let text = Evidence { found, old: old.clone(), new, path }.to_string();
        let root = second.root.to_string();
        let name = format!("{}-{}-{}.txt", log.replace('/', "+"), second.size, root.get(..16).unwrap_or(&root));
        let file = self.folder.join(EVIDENCE).join(name);
        let status = refusal.status();
        match write_evidence(&file, text.as_bytes()) {
            Ok(()) => emit(&Occurrence::Witness(Witnessing::LogForked { log, status, file: &file.display() })),
            Err(error) => {
                let file = format!("not written: {error}");
                emit(&Occurrence::Witness(Witnessing::LogForked { log, status, file: &file }));
            }
        }
    }
}

impl Cosigns for WitnessStore {
    fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined> {
        let origin = &request.checkpoint.unverified().origin;
        let log = self.logs.get(origin).ok_or(Declined::Refused(Refusal::UnknownLog))?;
        // Held until the answer: between judging and remembering no other request may come.
        let mut newest = log.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest.checkpoint.as_ref().map(lww_audit::SignedCheckpoint::unverified);
        let checkpoint = judge(request, &log.keys, known).map_err(|refusal| {
            if refusal.is_evidence() {
                self.keep_evidence(request, &newest, refusal);
            }
            Declined::Refused(refusal)
        })?;
        let now_s = u64::try_from(self.clock.now().as_micros() / MICROS_PER_SECOND).unwrap_or(0);
        if now_s < newest.time_s {
            return Err(Declined::Clock);
        }
        let next = Newest { checkpoint: Some(request.checkpoint.clone()), time_s: now_s, origin: origin.clone() };
        // Durable before it is signed: a cosignature that left and was forgotten would let another history in.
        log.file.write(&next).map_err(|error| {
            emit(&Occurrence::Witness(Witnessing::StateFailed { log: origin.as_str(), error: &error }));
            Declined::Storage
        })?;
        let signature = self.cosigner.cosign(checkpoint, now_s);
        *newest = next;
        Ok(signature)
    }
}

/// Holds the folder against other processes for as long as the result lives.
fn hold(folder: &Path) -> Result<File, WitnessError> {
    let held = File::open(folder).map_err(WitnessError::io("open", folder))?;
    held.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => WitnessError::Held { path: folder.to_owned() },
        std::fs::TryLockError::Error(source) => WitnessError::io("lock", folder)(source),
    })?;
    Ok(held)
}

/// The logs of the list, in its order.
fn listed(folder: &Path) -> Result<Vec<(Origin, VerifierKey)>, WitnessError> {
    let path = folder.join(LOGS);
    let Some(bytes) = state::read(&path, LOGS_BYTES_MAX)? else { return Ok(Vec::new()) };
    let wrong = |line| WitnessError::List { path: path.clone(), line };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong(1))?;
    let one = |(at, line): (usize, &str)| {
        let key: VerifierKey = line.parse().map_err(|_| wrong(at + 1))?;
        let origin = key.name().parse().map_err(|_| wrong(at + 1))?;
        Ok((origin, key))
    };
    text.lines().enumerate().map(one).collect()
}

fn make_folder(path: &Path) -> Result<(), WitnessError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(WitnessError::io("make", path))
}

/// Writes a file that may be there already: the same contradiction is kept once. Files are never removed, so there is a bound.
fn write_evidence(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if path.exists() {
        return Ok(());
    }
    if std::fs::read_dir(folder)?.count() >= WITNESS_EVIDENCE_FILES_MAX {
        return Err(io::Error::other(format!("{WITNESS_EVIDENCE_FILES_MAX} files are kept already")));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
