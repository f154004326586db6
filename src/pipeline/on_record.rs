//! What the log says is in force, and whether the database still holds just that.
//!
//! Settings and texts are rows, and somebody with every right on the database can change rows. The newest activation is
//! therefore taken from what this server saw of the log itself; the rows are held against it before anything is loaded.

use lww_audit::Entry;
use lww_audit::entry::Detail;
use lww_audit::merkle::leaf_hash;

use super::{Refusal, Tenant};
use crate::domain::event::Activation;
use crate::domain::record::PolicyKind;
use crate::ports::{EntrySeen, SettingsRow};
use crate::units::{EntryIndex, Hash};

/// The database does not hold what the log says is in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    /// The entry itself was changed.
    #[error("entry {index} in the database is not the one that this server saw: bring a genuine copy of the database")]
    Entry {
        /// The entry.
        index: EntryIndex,
    },
    /// The settings name something that no entry activated.
    #[error("the settings name {got}, and no entry of the log activated anything. {WAY_OUT}")]
    Unrecorded {
        /// The digest in the row.
        got: Hash,
    },
    /// The settings name something else than the newest entry.
    #[error("the settings name {}, and entry {index} activated {expected}. {WAY_OUT}", .got.map_or_else(|| "nothing".to_owned(), |got| got.to_string()))]
    Settings {
        /// The newest activation.
        index: EntryIndex,
        /// What it activated.
        expected: Hash,
        /// The digest in the row.
        got: Option<Hash>,
    },
    /// The text is gone.
    #[error("the text of {digest}, which entry {index} activated, is missing. {WAY_OUT}")]
    NoText {
        /// The newest activation.
        index: EntryIndex,
        /// What it activated.
        digest: Hash,
    },
    /// Another text lies in its place.
    #[error("the text stored under {digest} is not the one that entry {index} activated. {WAY_OUT}")]
    Text {
        /// The newest activation.
        index: EntryIndex,
        /// What it activated.
        digest: Hash,
    },
    /// Another text lies where this one is to be kept.
    #[error(
        "another text is stored under {digest}: delete that row of the table policy as the database's owner, or raise the file's version"
    )]
    Taken {
        /// What is to be activated.
        digest: Hash,
    },
}

/// What an operator can do about it.
const WAY_OUT: &str = "Until that is mended nothing is taken in: put the row back as it was, or activate the right file, which \
    is recorded (`lww policy activate`, `lww route activate`); `lww ledger verify --against-db` names every changed row";

/// The newest activation, and the text that it brought into force.
pub(super) struct OnRecord {
    index: EntryIndex,
    /// The digest that it names.
    pub(super) digest: Hash,
    /// Digests of the text and of the engine that resolved it; entries of the first kind don't tell.
    origin: Option<(Hash, Hash)>,
}

/// Why what is in force could not be told.
pub(super) enum Untold {
    /// The database was changed.
    Altered(Altered),
    /// It can't be read at present.
    Refused(Refusal),
}

impl From<Refusal> for Untold {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Tenant {
    /// The newest activation of a kind, by an entry that this server saw in the log; `None` when there has been none.
    pub(super) async fn on_record(&self, kind: PolicyKind) -> Result<Option<OnRecord>, Untold> {
        let head = self.head().ok_or(Refusal::Unavailable)?;
        let Some(EntrySeen { index, leaf }) = head.activated.of(kind) else { return Ok(None) };
        let bytes = self.ports.store.entry(index).await.map_err(Refusal::from)?;
        let seen = bytes.filter(|bytes| leaf_hash(bytes) == leaf);
        let read = seen.and_then(|bytes| OnRecord::read(index, &bytes));
        read.map(Some).ok_or(Untold::Altered(Altered::Entry { index }))
    }

    /// The text in force as the database holds it, with the entry that it was held against; `None` when nothing has ever
    /// been activated.
    pub(super) async fn text_in_force(
        &self,
        kind: PolicyKind,
        settings: &SettingsRow,
    ) -> Result<Option<(OnRecord, String)>, Untold> {
        let got = match kind {
            PolicyKind::Masking => settings.policy,
            PolicyKind::Routing => settings.routing,
        };
        let Some(record) = self.on_record(kind).await? else {
            return got.map_or(Ok(None), |got| Err(Untold::Altered(Altered::Unrecorded { got })));
        };
        let OnRecord { index, digest, origin } = record;
        if got != Some(digest) {
            return Err(Untold::Altered(Altered::Settings { index, expected: digest, got }));
        }
        let text = self.ports.store.policy_source(digest).await.map_err(Refusal::from)?;
        let text = text.ok_or(Untold::Altered(Altered::NoText { index, digest }))?;
        if origin.is_some_and(|(source, _)| source != Activation::text_digest(&text)) {
            return Err(Untold::Altered(Altered::Text { index, digest }));
        }
        Ok(Some((record, text)))
    }
}

impl OnRecord {
    fn read(index: EntryIndex, bytes: &[u8]) -> Option<Self> {
        let entry = Entry::parse(bytes).ok()?;
        let Detail::Object(fields) = &entry.detail else { return None };
        let named = |name: &str| match fields.get(name) {
            Some(Detail::String(digest)) => digest.parse::<Hash>().ok(),
            Some(_) | None => None,
        };
        Some(Self { index, digest: named("digest")?, origin: named("source").zip(named("engine")) })
    }

    /// What is to be done with a text that resolves to `digest` by this program's `engine`: `true` when it is to be activated
    /// anew, because another engine resolved it before, or because the entry does not tell its text yet. An entry that
    /// doesn't is believed when its digest is one of the text's nevertheless (`is_named`).
    pub(super) fn judge(&self, digest: Hash, engine: Hash, is_named: bool) -> Result<bool, Altered> {
        match self.origin {
            Some(_) if digest == self.digest => Ok(false),
            // The text is the one that the entry tells of, so that the program is what changed.
            Some((_, before)) if before != engine => Ok(true),
            None if is_named => Ok(true),
            Some(_) | None => Err(Altered::Text { index: self.index, digest: self.digest }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_engine_gives_a_text_that_an_entry_tells_of_another_digest() {
        let [digest, other, source, engine, newer] = [1, 2, 3, 4, 5].map(|byte| Hash([byte; 32]));
        let record = |origin| OnRecord { index: EntryIndex(7), digest, origin };
        let altered = Err(Altered::Text { index: EntryIndex(7), digest });
        let told = record(Some((source, engine)));
        for is_named in [false, true] {
            assert_eq!(told.judge(digest, engine, is_named), Ok(false));
            assert_eq!(told.judge(digest, newer, is_named), Ok(false), "it says the same by another engine");
            assert_eq!(told.judge(other, newer, is_named), Ok(true));
            assert_eq!(told.judge(other, engine, is_named), altered);
        }
        // The first kind of entry doesn't tell its text: it is said again while the text proves itself, and never believed after.
        let first = record(None);
        assert_eq!(first.judge(digest, engine, true), Ok(true));
        assert_eq!(first.judge(other, newer, true), Ok(true), "as the engine of that time resolved it");
        assert_eq!(first.judge(other, newer, false), altered);
    }
}
