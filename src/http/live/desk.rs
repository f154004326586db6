//! The desk's side of a connection: an agent's or supervisor's.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Line, Peer};
use crate::domain::message::{RawBody, RawText};
use crate::http::api::answers::{Accepted, Conversation, State, TranscriptMessage};
use crate::http::api::desk_answers::Note;
use crate::http::body;
use crate::http::problem::{Problem, Told};
use crate::http::service::Served;
use crate::http::session::Session;
use crate::limits::TEXT_BYTES_MAX;
use crate::pipeline::{DeskEvent, DeskStream, Notice, Refusal, Staff};
use crate::units::{ConversationId, EntryIndex};
use crate::wire;

/// What a desk sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Frame {
    /// Shows a conversation from an index on, and from then on live.
    Open {
        conversation: String,
        #[serde(default)]
        after: Option<u64>,
    },
    /// Hides a conversation.
    Leave { conversation: String },
    /// Answers the customer.
    Reply { conversation: String, key: String, text: RawText },
    /// Types.
    Typing { conversation: String },
}

/// One desk's connection.
pub(crate) struct Desk {
    served: Arc<Served>,
    token: Zeroizing<String>,
    stream: DeskStream,
    key: Option<String>,
}

impl Desk {
    /// Follows what happens at the desk of whoever is logged in.
    ///
    /// # Errors
    /// [`Problem`], by blame.
    pub(crate) async fn open(session: Session) -> Result<Self, Problem> {
        let Session { served, staff, token, .. } = session;
        let stream = served.tenant.follow_desk(staff).await?;
        Ok(Self { served, token, stream, key: None })
    }

    async fn reply(
        &mut self,
        staff: &Staff,
        conversation: &str,
        key: String,
        text: RawText,
    ) -> Result<Vec<Line>, Problem> {
        let bad = |field, expected| Refusal::Invalid { field, expected };
        if !wire::is_key(&key) {
            return Err(bad("key", wire::KEY_EXPECTED).into());
        }
        self.key = Some(key.clone());
        if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
            return Err(bad("text", "1 to 16384 bytes").into());
        }
        let id = id(conversation)?;
        let accepted = Accepted::from(self.served.tenant.reply(staff, id, text, &key, None).await?);
        Ok(vec![line(&json!({"type": "accepted", "key": key, "accepted": accepted}))])
    }
}

fn id(text: &str) -> Result<ConversationId, Refusal> {
    let expected = "32 lower-case hexadecimal digits";
    text.parse().map_err(|_| Refusal::Invalid { field: "conversation", expected })
}

fn line(value: &Value) -> Line {
    Line::of(value.to_string(), None)
}

fn told(event: DeskEvent) -> Value {
    match event {
        DeskEvent::Live => json!({"type": "live"}),
        DeskEvent::Conversation(row) => json!({"type": "conversation", "conversation": Conversation::from(row)}),
        DeskEvent::Moved { conversation, index, state, agent, marks } => json!({
            "type": "moved", "conversation": conversation.to_string(), "index": index.0, "state": State::from(state),
            "agent": agent.map(|agent| agent.to_string()),
            "marks": marks.map(|marks| json!({
                "delivered": marks.delivered.map(|index| index.0), "read": marks.read.map(|index| index.0),
            })),
        }),
        DeskEvent::Said { conversation, message } => json!({
            "type": "message", "conversation": conversation.to_string(), "message": TranscriptMessage::from(message),
        }),
        DeskEvent::Noted { conversation, note } => {
            json!({"type": "note", "conversation": conversation.to_string(), "note": Note::from(note)})
        }
        DeskEvent::Stirred { conversation, index, outbound } => json!({
            "type": "stirred", "conversation": conversation.to_string(), "index": index.0, "outbound": outbound,
        }),
        DeskEvent::Unmasking { conversation, unmasked } => json!({
            "type": "unmasking", "conversation": conversation.to_string(), "unmasking": unmasked.id.to_string(),
            "state": unmasked.state.word(), "by": unmasked.by.to_string(),
        }),
        DeskEvent::Typing { conversation } => json!({"type": "typing", "conversation": conversation.to_string()}),
        DeskEvent::Viewers { conversation, viewers } => json!({
            "type": "viewers", "conversation": conversation.to_string(),
            "viewers": viewers.iter().map(|viewer| json!({
                "account": viewer.account.to_string(), "typing": viewer.typing,
            })).collect::<Vec<_>>(),
        }),
        DeskEvent::Waiting { count } => json!({"type": "waiting", "count": count}),
    }
}

impl Peer for Desk {
    async fn tell(&mut self) -> Result<Vec<Line>, Refusal> {
        Ok(self.stream.tell().into_iter().map(|event| line(&told(event))).collect())
    }

    async fn wait(&mut self) -> Option<Notice> {
        self.stream.wait().await
    }

    async fn take(&mut self, notice: Notice) -> Result<(), Refusal> {
        self.stream.take(notice).await
    }

    async fn frame(&mut self, frame: RawBody) -> Result<Vec<Line>, Problem> {
        self.key = None;
        let frame = body::parse(&frame)?;
        // A frame is use of the session, as a request is.
        let staff = self.served.tenant.staff(&self.token).await?;
        match frame {
            Frame::Open { conversation, after } => {
                self.stream.open(id(&conversation)?, after.map(EntryIndex)).await?;
                Ok(Vec::new())
            }
            Frame::Leave { conversation } => {
                self.stream.leave(id(&conversation)?).await?;
                Ok(Vec::new())
            }
            Frame::Reply { conversation, key, text } => self.reply(&staff, &conversation, key, text).await,
            Frame::Typing { conversation } => {
                self.stream.types(id(&conversation)?);
                Ok(Vec::new())
            }
        }
    }

    fn refused(&self, problem: &Told) -> Line {
        let Told { code, detail, retry_after_s } = problem;
        line(&json!({
            "type": "refused", "key": self.key, "code": code, "detail": detail, "retry_after_s": retry_after_s,
        }))
    }

    /// Whoever was logged out, is idle, was disabled or given another role loses the socket.
    async fn check(&mut self) -> Result<(), Refusal> {
        self.stream.check().await
    }

    async fn end(self) {
        // Views that could not be recorded at the end were recorded up to where they were opened.
        let _recorded = self.stream.end().await;
    }
}
