//! What logs want anchored, and what came of it: shared by those who ask and the engine that does it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lww_audit::Checkpoint;
use lww_audit::evm::EvmReceipt;

/// What is told to whoever asks for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The receipt.
    Receipt(Vec<u8>),
    /// It is on its way, or waits: why, if something is wrong.
    Pending(Option<String>),
    /// The contract refuses it.
    Refused(String),
}

#[derive(Clone, Debug, Default)]
struct Log {
    wanted: Option<Checkpoint>,
    done: Option<(Checkpoint, Vec<u8>)>,
    refused: Option<(Checkpoint, String)>,
    trouble: Option<String>,
}

/// The logs, by origin; at most as many as the configuration has.
#[derive(Debug, Default)]
pub struct Wanted {
    logs: Mutex<BTreeMap<String, Log>>,
    trouble: Mutex<Option<String>>,
}

impl Wanted {
    fn logs(&self) -> MutexGuard<'_, BTreeMap<String, Log>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a checkpoint of a known log. While another of the log is on its way, this one waits until somebody asks again.
    pub fn ask(&self, checkpoint: &Checkpoint) -> Told {
        let mut logs = self.logs();
        let log = logs.entry(checkpoint.origin.to_string()).or_default();
        if let Some((done, receipt)) = &log.done
            && done == checkpoint
        {
            return Told::Receipt(receipt.clone());
        }
        if let Some((refused, why)) = &log.refused
            && refused == checkpoint
        {
            let told = Told::Refused(why.clone());
            // Whoever asks again wants it tried again.
            log.refused = None;
            return told;
        }
        if log.wanted.is_none() {
            log.wanted = Some(checkpoint.clone());
        }
        let general = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Told::Pending(general.or_else(|| log.trouble.clone()))
    }

    /// What is wanted and not done.
    pub fn waiting(&self) -> Vec<Checkpoint> {
        self.logs().values().filter_map(|log| log.wanted.clone()).collect()
    }

    /// Takes up what a file says is on its way.
    pub fn resume(&self, checkpoint: &Checkpoint) {
        self.logs().entry(checkpoint.origin.to_string()).or_default().wanted = Some(checkpoint.clone());
    }

    /// Notes a receipt.
    pub fn tell_done(&self, checkpoint: &Checkpoint, receipt: Vec<u8>) {
        let mut logs = self.logs();
        let log = logs.entry(checkpoint.origin.to_string()).or_default();
        *log = Log { done: Some((checkpoint.clone(), receipt)), ..Log::default() };
    }

    /// Notes a receipt that an earlier run kept.
    pub fn remember(&self, checkpoint: &Checkpoint, bytes: &[u8]) {
        if EvmReceipt::parse(bytes).is_ok_and(|receipt| receipt.check(checkpoint).is_ok()) {
            self.logs().entry(checkpoint.origin.to_string()).or_default().done =
                Some((checkpoint.clone(), bytes.to_vec()));
        }
    }

    /// Notes that the contract refuses.
    pub fn tell_refused(&self, checkpoint: &Checkpoint, why: &str) {
        let mut logs = self.logs();
        let log = logs.entry(checkpoint.origin.to_string()).or_default();
        (log.wanted, log.trouble) = (None, None);
        log.refused = Some((checkpoint.clone(), why.to_owned()));
    }

    /// Notes what is wrong with one log's anchor at present.
    pub fn tell_trouble(&self, log: &str, trouble: Option<String>) {
        if let Some(log) = self.logs().get_mut(log) {
            log.trouble = trouble;
        }
    }

    /// Notes what is wrong with all of them at present.
    pub fn tell_trouble_of_all(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
