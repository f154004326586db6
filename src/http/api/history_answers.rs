//! The shapes of answers about policies that run over what was said before, and about drafts, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::event::PreviewScope;
use crate::domain::masking::{Change, Shift};
use crate::pipeline;

/// How often an entity would be masked how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntityCounts {
    /// The entity.
    pub entity: String,
    /// Values of which less would be shown, or that only the draft finds.
    pub more_masked: u64,
    /// Values of which more would be shown, or that the draft does not find.
    pub less_masked: u64,
    /// Values that would be shown otherwise, or of which another stretch is found.
    pub otherwise: u64,
    /// Values that would be shown as they are.
    pub same: u64,
}

/// What would be otherwise about one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SampleChange {
    /// The entity.
    pub entity: String,
    /// more_masked, less_masked or otherwise.
    pub way: String,
    /// The views that would show it otherwise.
    pub views: Vec<String>,
}

/// A message or note that the draft would mask otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaskedSample {
    /// Its conversation.
    pub conversation: String,
    /// Index of its entry.
    pub entry: u64,
    /// When (RFC 3339, UTC).
    pub time: String,
    /// As whoever asks may see it today.
    pub now: String,
    /// The same, with what the draft hides more. What it would show more is told in `changes` and shown to nobody.
    pub then: String,
    /// What would be otherwise.
    pub changes: Vec<SampleChange>,
}

/// What came of holding a draft against the policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaskingReport {
    /// Messages and notes that were looked at.
    pub looked_at: u64,
    /// Those that would be masked otherwise.
    pub differ: u64,
    /// Those of which more would be shown.
    pub show_more: u64,
    /// Those of somebody who is erased, or that can't be opened.
    pub left_out: u64,
    /// By entity.
    pub entities: Vec<EntityCounts>,
    /// A few of those that differ: at most 10 of each way.
    pub samples: Vec<MaskedSample>,
}

/// How far something is, in entries of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogProgress {
    /// Looked at.
    pub done: u64,
    /// Of how many.
    pub all: u64,
}

/// A preview of a draft over messages that are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyPreview {
    /// Its id.
    pub id: String,
    /// running, done, cancelled or failed.
    pub state: String,
    /// Digest of the draft.
    pub digest: String,
    /// Digest of what was in force.
    pub against: String,
    /// A conversation, `last N` or `from to`.
    pub scope: String,
    /// When it was begun (RFC 3339, UTC).
    pub begun: String,
    /// How far it is, while it runs.
    pub progress: Option<LogProgress>,
    /// When the result is taken away (RFC 3339, UTC).
    pub kept_until: Option<String>,
    /// Public values of the draft beyond those of the policy in force. They are not tried on messages.
    pub untried_allowed: u64,
    /// What came of it so far.
    pub report: MaskingReport,
}

/// Previews.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyPreviews {
    /// At most 8, those begun first at the front.
    pub previews: Vec<PolicyPreview>,
}

/// A policy that runs for a while: in shadow, or over history that is masked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRun {
    /// Its id.
    pub id: String,
    /// running, done, cancelled, time_over or overtaken.
    pub state: String,
    /// Digest of the policy.
    pub digest: String,
    /// Who began it.
    pub by: String,
    /// By which entry.
    pub entry: u64,
    /// When (RFC 3339, UTC).
    pub begun: String,
    /// When it ends by itself (RFC 3339, UTC).
    pub until: Option<String>,
    /// When it ended (RFC 3339, UTC).
    pub ended: Option<String>,
    /// How far it is.
    pub progress: LogProgress,
    /// Messages and notes that it masked again.
    pub masked: u64,
    /// What a policy in shadow found; nothing before its first look, and after a restart since it ended.
    pub report: Option<MaskingReport>,
}

/// The newest run, if there has been one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewestRun {
    /// The run.
    pub run: Option<PolicyRun>,
}

/// A draft of a masking policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedDraft {
    /// Its id.
    pub id: String,
    /// What it is found by.
    pub name: String,
    /// The policy file as far as it is written.
    pub source: String,
    /// Its version: who writes the next one says which one was read.
    pub version: i64,
    /// Who wrote it last.
    pub by: String,
    /// When (RFC 3339, UTC).
    pub time: String,
}

/// Drafts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedDrafts {
    /// At most 50, those written last first.
    pub drafts: Vec<SavedDraft>,
}

fn way(shift: Shift) -> &'static str {
    match shift {
        Shift::Same => "same",
        Shift::Less => "more_masked",
        Shift::Otherwise => "otherwise",
        Shift::More => "less_masked",
    }
}

impl From<pipeline::MaskingReport> for MaskingReport {
    fn from(report: pipeline::MaskingReport) -> Self {
        let pipeline::MaskingReport { looked_at, differ, show_more, left_out, counts, samples } = report;
        let counted = |(entity, counts): (crate::domain::masking::Entity, pipeline::Counts)| {
            let pipeline::Counts { more_masked, less_masked, otherwise, same } = counts;
            EntityCounts { entity: entity.to_string(), more_masked, less_masked, otherwise, same }
        };
        let entities = counts.into_iter().map(counted).collect();
        Self {
            looked_at,
            differ,
            show_more,
            left_out,
            entities,
            samples: samples.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<pipeline::Sample> for MaskedSample {
    fn from(sample: pipeline::Sample) -> Self {
        let change = |Change { entity, shift, views }: Change| SampleChange {
            entity: entity.to_string(),
            way: way(shift).to_owned(),
            views: views.into_iter().map(|view| view.to_string()).collect(),
        };
        Self {
            conversation: sample.conversation.to_string(),
            entry: sample.entry.0,
            time: sample.time.to_string(),
            now: sample.now,
            then: sample.then,
            changes: sample.changes.into_iter().map(change).collect(),
        }
    }
}

impl From<pipeline::Preview> for PolicyPreview {
    fn from(preview: pipeline::Preview) -> Self {
        use pipeline::PreviewState::{Cancelled, Done, Failed, Running};
        let (state, progress, until) = match preview.state {
            Running { done, all } => ("running", Some(LogProgress { done, all }), None),
            Done { until } => ("done", None, Some(until)),
            Cancelled { until } => ("cancelled", None, Some(until)),
            Failed(_) => ("failed", None, None),
        };
        Self {
            id: preview.id.to_string(),
            state: state.to_owned(),
            digest: preview.digest.to_string(),
            against: preview.against.to_string(),
            scope: match preview.scope {
                PreviewScope::Conversation(id) => id.to_string(),
                PreviewScope::Last(messages) => format!("last {messages}"),
                PreviewScope::Range(from, to) => format!("{from} {to}"),
            },
            begun: preview.begun.to_string(),
            progress,
            kept_until: until.map(|until| until.to_string()),
            untried_allowed: preview.untried as u64,
            report: preview.report.into(),
        }
    }
}

impl From<pipeline::RunView> for PolicyRun {
    fn from(view: pipeline::RunView) -> Self {
        let pipeline::RunView { row, done, all, report } = view;
        let (by, entry, begun) = row.begun;
        Self {
            id: row.id.to_string(),
            state: row.ended.map_or("running", |(end, _)| end.word()).to_owned(),
            digest: row.digest.to_string(),
            by: by.to_string(),
            entry: entry.0,
            begun: begun.to_string(),
            until: row.until.map(|until| until.to_string()),
            ended: row.ended.map(|(_, at)| at.to_string()),
            progress: LogProgress { done, all },
            masked: row.masked,
            report: report.map(Into::into),
        }
    }
}

impl From<pipeline::PolicyDraft> for SavedDraft {
    fn from(draft: pipeline::PolicyDraft) -> Self {
        let pipeline::PolicyDraft { id, name, source, version, by, time } = draft;
        Self { id: id.to_string(), name, source, version: version.0, by: by.to_string(), time: time.to_string() }
    }
}
