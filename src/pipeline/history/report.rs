//! What came of holding a draft against the policy in force: counts of each entity, and a few samples.
//!
//! A sample shows what its reader may see today, and less where the draft hides more; where the draft would show more it only
//! says so. Whoever is erased is in no sample.

use std::collections::BTreeMap;

use crate::domain::history::Contrast;
use crate::domain::masking::{Change, Entity, Shift, View};
use crate::limits::HISTORY_SAMPLES_MAX;
use crate::ports::HeldText;
use crate::units::{ConversationId, EntryIndex, SubjectId, Timestamp};

/// What officers see of a text: what a package of evidence shows them.
pub(super) const OFFICERS_VIEW: View = View::Record;

/// How often an entity is masked how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values of which less would be shown, or that only the draft finds.
    pub more_masked: u64,
    /// Values of which more would be shown, or that the draft does not find.
    pub less_masked: u64,
    /// Values that would be shown otherwise, or of which another stretch is found.
    pub otherwise: u64,
    /// Values that would be shown as they are.
    pub same: u64,
}

/// A text that the draft would mask otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The entry that it came with.
    pub entry: EntryIndex,
    /// When.
    pub time: Timestamp,
    /// As its reader may see it today.
    pub now: String,
    /// The same, with what the draft hides more.
    pub then: String,
    /// What would be otherwise.
    pub changes: Vec<Change>,
    subject: SubjectId,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskingReport {
    /// Messages and notes that were looked at.
    pub looked_at: u64,
    /// Those that the draft would mask otherwise.
    pub differ: u64,
    /// Those of which it would show more.
    pub show_more: u64,
    /// Those of somebody who is erased, or that can't be opened.
    pub left_out: u64,
    /// By entity.
    pub counts: BTreeMap<Entity, Counts>,
    /// A few of those that differ.
    pub samples: Vec<Sample>,
}

impl MaskingReport {
    /// Counts one text, and keeps it as a sample while there are few of its way.
    pub(super) fn take(&mut self, text: &HeldText, contrast: Contrast) {
        self.looked_at += 1;
        for change in &contrast.changes {
            let counts = self.counts.entry(change.entity).or_default();
            *match change.shift {
                Shift::Same => &mut counts.same,
                Shift::Less => &mut counts.more_masked,
                Shift::Otherwise => &mut counts.otherwise,
                Shift::More => &mut counts.less_masked,
            } += 1;
        }
        let shift = shift(&contrast.changes);
        if shift == Shift::Same {
            return;
        }
        self.differ += 1;
        self.show_more += u64::from(shift == Shift::More);
        let alike = self.samples.iter().filter(|sample| self::shift(&sample.changes) == shift).count();
        if alike < HISTORY_SAMPLES_MAX {
            let Contrast { changes, now, then } = contrast;
            self.samples.push(Sample {
                conversation: text.row.conversation.public,
                entry: text.row.index,
                time: text.row.time,
                now: now.render(OFFICERS_VIEW),
                then: then.render(OFFICERS_VIEW),
                changes: changes.into_iter().filter(|change| change.shift != Shift::Same).collect(),
                subject: text.subject,
            });
        }
    }

    /// Whom it shows something of.
    pub(super) fn shown(&self) -> Vec<SubjectId> {
        self.samples.iter().map(|sample| sample.subject).collect()
    }

    /// Forgets what it shows of somebody.
    pub(super) fn forget(&mut self, subject: SubjectId) {
        self.samples.retain(|sample| sample.subject != subject);
    }
}

fn shift(changes: &[Change]) -> Shift {
    changes.iter().map(|change| change.shift).max().unwrap_or(Shift::Same)
}
