//! Policies over what was said before: previews of drafts, policies in shadow, and history that is masked again.
//!
//! All three go through the log in its order, one turn after another, beside the writer and never in its way: a turn looks at
//! [`HISTORY_TURN_ENTRIES`] entries, then rests as long as it took. Where a run is in the log is all that it must remember; a
//! server that was killed goes on from there. Sealed originals are opened in `domain::history`, which gives back masks only.

mod compare;
mod preview;
mod remask;
mod report;
mod shadow;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::Entry;
use lww_audit::entry::Detail;

pub(super) use self::preview::Previews;
pub use self::preview::{NewPreview, Preview, PreviewState};
pub(super) use self::remask::Remasking;
pub use self::report::{Counts, MaskingReport, Sample};
pub(super) use self::shadow::Shadow;
use super::{Activation, Refusal, Tenant};
use crate::domain::event::{Event, HistoryEvent};
use crate::domain::history::Stored;
use crate::domain::masking::{Occasion, Policy, TAIL_US};
use crate::domain::record::{Actor, Draft, Effect, Proposal, RunChange};
use crate::limits::HISTORY_TURN_ENTRIES;
use crate::ports::{EntriesError, HeldText, RunRow, SharedSealer, TextPlace, random_bytes};
use crate::units::{ConversationId, EntryIndex, MessageSeq, RunId, SubjectId, Timestamp};

/// Where a run stands, for whoever asks.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub row: RunRow,
    /// Entries of the log that it looked at, of how many.
    pub done: u64,
    /// See `done`.
    pub all: u64,
    /// What it found so far, of a policy in shadow; a server that was started since it ended has it no more.
    pub report: Option<MaskingReport>,
}

/// A part of the log: where texts are, and where to go on.
struct Page {
    places: Vec<(SubjectId, TextPlace)>,
    next: EntryIndex,
    /// When its newest entry was recorded.
    time: Option<Timestamp>,
}

impl Tenant {
    /// One turn of everything that runs; whether any of it has more to do at once.
    ///
    /// # Errors
    /// [`Activation`]; it is tried again from where it was.
    pub async fn history_turn(self: &Arc<Self>) -> Result<bool, Activation> {
        let previews = self.preview_turn().await;
        // Neither waits for the other to be well.
        let (remasking, shadow) = (self.remasking_turn().await, self.shadow_turn().await);
        Ok(remasking? | shadow? | previews)
    }

    /// The places of what is said in the log from `from` up to before `until`, as far as one turn goes.
    async fn page(
        &self,
        (from, until): (EntryIndex, EntryIndex),
        only: Option<ConversationId>,
    ) -> Result<Page, Refusal> {
        let left = u32::try_from(until.0.saturating_sub(from.0)).unwrap_or(u32::MAX);
        let mut page = Page { places: Vec::new(), next: from, time: None };
        for entry in self.read(from, left.min(HISTORY_TURN_ENTRIES)).await? {
            page.next = EntryIndex(entry.seq.0 + 1);
            page.time = Some(entry.time);
            let place = place(&entry).filter(|place| only.is_none_or(|wanted| place.conversation == wanted));
            page.places.extend(entry.subject.map(SubjectId).zip(place));
        }
        Ok(page)
    }

    async fn read(&self, from: EntryIndex, limit: u32) -> Result<Vec<Entry>, Refusal> {
        let bytes = self.ports.entries.entries(from, limit).await.map_err(|error| match error {
            EntriesError::Unavailable => Refusal::Unavailable,
            EntriesError::Missing { index } => self.differs(index),
        })?;
        let parsed = bytes.iter().zip(from.0..).map(|(bytes, index)| {
            let entry = Entry::parse(bytes).ok().filter(|entry| entry.seq.0 == index);
            entry.ok_or_else(|| self.differs(EntryIndex(index)))
        });
        parsed.collect()
    }

    /// The texts at some places, with the sealers of those who are not erased.
    async fn texts_at(&self, places: &[TextPlace]) -> Result<Vec<Text>, Refusal> {
        let mut sealers: HashMap<SubjectId, Option<SharedSealer>> = HashMap::new();
        let texts = self.ports.history.texts(places).await?;
        let with_sealer = |text: HeldText| {
            let sealer = sealers.entry(text.subject).or_insert_with(|| {
                // A key whose epoch is gone is nobody's any more.
                text.key.as_ref().and_then(|key| self.ports.vault.sealer(text.subject, key).ok())
            });
            let there = self.occasion(&text.row.channel, text.queue.as_deref());
            Text { sealer: sealer.clone(), there, held: text }
        };
        Ok(texts.into_iter().map(with_sealer).collect())
    }

    /// The first entry that was recorded at `time` or later.
    async fn first_since(&self, time: Timestamp, size: u64) -> Result<EntryIndex, Refusal> {
        let (mut low, mut high) = (0, size);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.read(EntryIndex(middle), 1).await?.pop().ok_or(Refusal::Unavailable)?;
            if entry.time < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(EntryIndex(low))
    }

    /// Forgets what is shown of those who were erased while a turn had their texts in its hands.
    async fn forget_erased(&self, shown: Vec<SubjectId>) {
        for subject in shown {
            if let Ok(None) = self.ports.store.data_key(subject).await {
                self.forget_in_reports(subject);
            }
        }
    }

    /// Forgets what reports show of somebody.
    pub(super) fn forget_in_reports(&self, subject: SubjectId) {
        self.previews.forget(subject);
        self.shadow.forget(subject);
    }

    fn new_run(&self) -> RunId {
        RunId::from_random(random_bytes(&*self.ports.random))
    }

    /// Waits until something begins to run, but no longer than `pause`.
    pub async fn history_rests(&self, pause: Duration) {
        let _either = tokio::time::timeout(pause, self.history_begins.notified()).await;
    }

    async fn record_run(&self, actor: Actor, event: HistoryEvent, change: Option<RunChange>) -> Result<(), Refusal> {
        let effects = change.into_iter().map(|change| Effect::Run(Box::new(change))).collect();
        self.record(Proposal::single(Draft::of(Event::History(event), actor), effects)).await?;
        Ok(())
    }
}

/// A draft that may be run: nothing that its own tests say speaks against it.
fn runnable(source: &str) -> Result<Policy, Activation> {
    let (policy, failures) = Policy::draft(source)?;
    failures.into_iter().next().map_or(Ok(policy), |failure| Err(failure.into()))
}

/// A stored text with what it is masked by.
struct Text {
    held: HeldText,
    /// Nobody's whose person is erased.
    sealer: Option<SharedSealer>,
    there: Occasion,
}

impl Text {
    fn stored(&self) -> Stored<'_> {
        let row = &self.held.row;
        Stored { id: row.id, time: row.time, original: &row.original, masked: &row.masked, there: &self.there }
    }
}

/// Whether what a person said at `last` tells nothing of what is said from `now` on.
fn is_forgotten(last: Timestamp, now: Timestamp) -> bool {
    now.as_micros().saturating_sub(last.as_micros()) > TAIL_US
}

/// Where the text is that an entry tells of.
fn place(entry: &Entry) -> Option<TextPlace> {
    let seq = match entry.kind.as_str().split('/').next()? {
        "message.received" | "message.sent" => match &entry.detail {
            Detail::Object(fields) => match fields.get("seq") {
                Some(Detail::Int(seq)) => Some(MessageSeq(i32::try_from(*seq).ok()?)),
                Some(_) | None => return None,
            },
            Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => return None,
        },
        "conversation.noted" => None,
        _ => return None,
    };
    Some(TextPlace { conversation: ConversationId(entry.conversation?), index: entry.seq, seq })
}
