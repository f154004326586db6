//! The shapes of answers about what the desk reports of masks, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk_answers::Span;
use super::erasure_answers::Act;
use crate::pipeline;

/// A report that a place in a message is masked wrongly, or isn't masked. It tells nothing of what was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// missed: it should be masked and isn't; wrong: it is masked and should not be.
    pub misread: String,
    /// What is there; of what was missed, what it seems to be by its form.
    pub entity: Option<String>,
    /// open, drafted, proposed, declined or closed.
    pub state: String,
    /// The conversation.
    pub conversation: String,
    /// Index of the message's entry.
    pub index: u64,
    /// Who reported it.
    pub made: Act,
    /// Who brought it where it stands.
    pub changed: Act,
    /// The change of the policy that was proposed for it.
    pub amendment: Option<String>,
    /// Why nothing changes for it: not_sensitive, intended, covered or duplicate.
    pub reason: Option<String>,
}

/// Reports, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reports {
    /// At most 200.
    pub reports: Vec<Report>,
}

/// A report with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportInFull {
    /// The report.
    pub report: Report,
    /// The message as officers see it.
    pub text: String,
    /// The masked values in it.
    pub spans: Vec<Span>,
    /// The reported place in it; nothing when the message was masked again since.
    pub place: Option<PlaceInText>,
}

/// A place in a text, in Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceInText {
    /// Before it.
    pub start: u64,
    /// Up to its end.
    pub end: u64,
}

/// A test for a policy file, made up after a report: no person's value is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestCase {
    /// The report, which is taken up by this.
    pub report: Report,
    /// What somebody says in the test.
    #[serde(rename = "in")]
    pub input: String,
    /// What the agent's view must show of it; nothing when every view must show it unchanged.
    pub agent: Option<String>,
    /// The test as a line of the file's `tests`.
    pub yaml: String,
}

impl From<pipeline::Report> for Report {
    fn from(report: pipeline::Report) -> Self {
        let pipeline::Report { row, misread, entity, conversation, index } = report;
        Self {
            id: row.id.to_string(),
            misread: misread.word().to_owned(),
            entity,
            state: row.state.word().to_owned(),
            conversation: conversation.to_string(),
            index: index.0,
            made: row.made.into(),
            changed: row.changed.into(),
            amendment: row.amendment.map(|amendment| amendment.to_string()),
            reason: row.reason.map(|reason| reason.word().to_owned()),
        }
    }
}

impl From<pipeline::ReportInFull> for ReportInFull {
    fn from(full: pipeline::ReportInFull) -> Self {
        let pipeline::ReportInFull { report, text, spans, place } = full;
        let place = place.map(|place| PlaceInText { start: place.start as u64, end: place.end as u64 });
        Self { report: report.into(), text, spans: spans.into_iter().map(Into::into).collect(), place }
    }
}

impl From<pipeline::TestCase> for TestCase {
    fn from(case: pipeline::TestCase) -> Self {
        let pipeline::TestCase { report, test } = case;
        // A string of JSON is one of YAML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let expected = match &test.agent {
            Some(agent) => format!("agent: {}", quoted(agent)),
            None => "unchanged: true".to_owned(),
        };
        let yaml = format!("- {{in: {}, {expected}}}", quoted(&test.input));
        Self { report: report.into(), input: test.input, agent: test.agent, yaml }
    }
}
