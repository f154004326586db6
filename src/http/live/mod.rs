//! Connections that stay open: sockets (RFC 6455), event streams and polls, all telling the same lines from the same cursor.
//!
//! A [`Peer`] is one side of the conversation, the customer's or the desk's; the transports know neither.

pub(super) mod customer;
pub(super) mod desk;
pub(super) mod events;
pub(super) mod poll;
pub(super) mod socket;
pub(super) mod takeover;

use crate::domain::message::RawBody;
use crate::http::problem::{Problem, Told};
use crate::pipeline::{Notice, Refusal};
use crate::units::EntryIndex;

/// The line that every sign of life is told by: browsers show their pages neither a socket's pings nor a stream's comments,
/// and a connection that died without a word looks like one on which nobody says anything.
const ALIVE: &str = r#"{"type":"alive"}"#;

/// One line for the peer, with the cursor after it.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) cursor: Option<EntryIndex>,
}

/// What a transport drives.
pub(super) trait Peer {
    /// Lines to be told at once; empty when everything so far was told. Not to be broken off.
    async fn tell(&mut self) -> Result<Vec<Line>, Refusal>;

    /// Waits for something to happen; may be broken off. `None`: the peer is to begin again from its cursor.
    async fn wait(&mut self) -> Option<Notice>;

    /// Takes what was waited for. Not to be broken off.
    async fn take(&mut self, notice: Notice) -> Result<(), Refusal>;

    /// Takes a frame of the peer's and answers it. Not to be broken off.
    async fn frame(&mut self, frame: RawBody) -> Result<Vec<Line>, Problem>;

    /// Writes down why a frame was refused.
    fn refused(&self, problem: &Told) -> Line;

    /// Whether the peer may still be here; asked at every sign of life.
    async fn check(&mut self) -> Result<(), Refusal>;

    /// The connection is over.
    async fn end(self);
}

impl Line {
    pub(super) fn of(text: String, cursor: Option<EntryIndex>) -> Self {
        Self { text, cursor }
    }
}
