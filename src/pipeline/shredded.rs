//! The certificate of an erasure: that somebody's data can be read by nobody any more, since when, and what proves it.
//!
//! It names the customer by the pseudonym that the ledger has, the two instants (the rows that opened their data were
//! deleted; the key of the epoch that older copies hung on was destroyed), and the entries behind them with their proofs. It is
//! signed with the log's key as a C2SP note whose first line has no slash, so that it passes for no checkpoint.

use lww_audit::merkle::leaf_hash;

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::record::{ErasureState, Receipt};
use crate::ports::{ErasureRow, RetiredEpoch};
use crate::units::{AccountId, EntryIndex, ErasureId, Hash, MICROS_PER_SECOND, SubjectId, Timestamp};

/// First line of the note.
pub const CERTIFICATE_FORMAT: &str = "lww-shred-certificate@v1";

/// What a certificate says, and what proves it.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Who was erased.
    pub subject: SubjectId,
    /// The log's name.
    pub log: String,
    /// The log's public key.
    pub vkey: String,
    /// Who proposed it.
    pub proposed_by: AccountId,
    /// Who approved it.
    pub approved_by: AccountId,
    /// Why, by the word in the entry.
    pub reason: &'static str,
    /// The first instant: what opens, finds and reaches the customer was deleted.
    pub erased: Proven,
    /// Each epoch that older copies of the customer's key hung on.
    pub epochs: Vec<ShreddedEpoch>,
    /// When the second instant is due at the latest; `None` while rows of others still hang on the epoch, and once it is over.
    pub due: Option<Timestamp>,
    /// The same in words, signed with the log's key.
    pub note: String,
}

/// An entry with its proof.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Its index.
    pub index: EntryIndex,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its time.
    pub time: Timestamp,
    /// A `.tlog-proof`; `None` while nothing published covers it.
    pub proof: Option<String>,
}

/// An epoch whose key opened copies of the customer's data key.
#[derive(Clone, Debug)]
pub struct ShreddedEpoch {
    /// Its number.
    pub epoch: i32,
    /// Its key's public name; `None` while other people's rows hang on it.
    pub fingerprint: Option<Hash>,
    /// The entry that says that its key was destroyed.
    pub destroyed: Option<Proven>,
}

impl Tenant {
    /// The certificate of an erasure, as far as it is done.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such erasure, or it was not approved yet.
    pub async fn shred_certificate(&self, staff: &Staff, id: ErasureId) -> Result<Certificate, Refusal> {
        staff.may(Action::ReadLedger)?;
        let missing = || Refusal::NotFound { what: "erasure" };
        let row = self.ports.erasures.erasure(id).await?;
        let row = row.filter(|row| row.state == ErasureState::Erased).ok_or_else(missing)?;
        let (act, last) = row.decided.zip(row.epoch).ok_or_else(missing)?;
        let erased = self.proven(act.index, act.time).await?;
        let retired = self.ports.erasures.retired_epochs().await?;
        let mut epochs = Vec::new();
        for one in retired.iter().filter(|one| one.epoch <= last) {
            epochs.push(self.shredded(one).await?);
        }
        if epochs.iter().all(|one| one.epoch != last) {
            epochs.push(ShreddedEpoch { epoch: last, fingerprint: None, destroyed: None });
        }
        let vkey = self.ports.erasure.notary.vkey();
        let log = vkey.split('+').next().unwrap_or_default().to_owned();
        let due = self.due(&row, &retired, last);
        let mut certificate = Certificate {
            subject: row.subject,
            log,
            vkey,
            proposed_by: row.proposed.by,
            approved_by: act.by,
            reason: row.reason.word(),
            erased,
            epochs,
            due,
            note: String::new(),
        };
        let signed = self.ports.erasure.notary.sign(&certificate.words()).await;
        certificate.note = signed.map_err(|_| Refusal::Unavailable)?;
        Ok(certificate)
    }

    async fn shredded(&self, one: &RetiredEpoch) -> Result<ShreddedEpoch, Refusal> {
        let destroyed = match one.destroyed {
            Some((index, time)) => Some(self.proven(index, time).await?),
            None => None,
        };
        Ok(ShreddedEpoch { epoch: one.epoch, fingerprint: Some(one.fingerprint), destroyed })
    }

    /// When the last epoch's key is destroyed at the latest, once nothing hangs on it.
    fn due(&self, row: &ErasureRow, retired: &[RetiredEpoch], last: i32) -> Option<Timestamp> {
        let one = retired.iter().find(|one| one.epoch == last && one.destroyed.is_none())?;
        let kept_s = if row.at_once { 0 } else { self.ports.erasure.backups_kept_s };
        Some(Timestamp::from_micros(one.retired.1.as_micros().saturating_add(kept_s.saturating_mul(MICROS_PER_SECOND))))
    }

    async fn proven(&self, index: EntryIndex, time: Timestamp) -> Result<Proven, Refusal> {
        let missing = Refusal::NotFound { what: "entry" };
        let entry = self.ports.store.entry(index).await?.ok_or(missing)?;
        let leaf = leaf_hash(&entry);
        let proof = self.ports.proofs.prove(index).map(|(path, checkpoint)| {
            Receipt { index, leaf, entry: entry.into(), path, checkpoint }.to_proof_text(&[])
        });
        Ok(Proven { index, leaf, time, proof })
    }
}

impl Certificate {
    /// The second instant: when the last of the keys was destroyed that could open an older copy.
    pub fn destroyed_at(&self) -> Option<Timestamp> {
        let times = self.epochs.iter().map(|one| one.destroyed.as_ref().map(|entry| entry.time));
        times.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The text that is signed: a line a fact, readable as it is.
    fn words(&self) -> String {
        let mut lines = vec![
            CERTIFICATE_FORMAT.to_owned(),
            format!("log {}", self.log),
            format!("subject {}", self.subject),
            format!("reason {}", self.reason),
            format!("proposed-by {}", self.proposed_by),
            format!("approved-by {}", self.approved_by),
            format!("erased-at {} entry {} leaf {}", self.erased.time, self.erased.index, self.erased.leaf),
        ];
        for ShreddedEpoch { epoch, fingerprint, destroyed } in &self.epochs {
            let key = fingerprint.map_or_else(|| "in-use".to_owned(), |name| name.to_string());
            let end = destroyed.as_ref().map_or_else(
                || "not-yet".to_owned(),
                |entry| format!("destroyed-at {} entry {} leaf {}", entry.time, entry.index, entry.leaf),
            );
            lines.push(format!("epoch {epoch} key {key} {end}"));
        }
        let state = match (self.destroyed_at(), self.due) {
            (Some(at), _) => format!("unreadable-everywhere-since {at}"),
            (None, Some(due)) => format!("unreadable-here; older copies until {due}"),
            (None, None) => "unreadable-here; older copies until their epoch ends".to_owned(),
        };
        lines.push(state);
        lines.push("the ledger's entries remain: they name the pseudonym above and nothing of the person".to_owned());
        lines.push("copies of epoch keys that somebody took with --keys-to are theirs to destroy".to_owned());
        lines.join("\n") + "\n"
    }
}
