//! A conversation's row, as every list of conversations reads it.

use tokio_postgres::Row;
use uuid::Uuid;

use super::channel;
use super::routes::route;
use crate::domain::record::{ConversationState, Marks};
use crate::ports::{ConversationRow, StoreError};
use crate::units::{
    AccountId, ConversationId, ConversationKey, ConversationRef, EntryIndex, MessageSeq, SubjectId, Timestamp, Version,
};

pub(super) const CONVERSATION_COLUMNS: &str = "c.id, c.public_id, c.subject, a.channel, a.account, c.state, c.agent, c.version, \
    c.last_message, c.opened_seq, c.opened_at, c.touched_at, c.last_agent, c.continues, c.delivered_seq, c.read_seq";
pub(super) const CONVERSATION_FROM: &str = "conversation c JOIN channel_account a ON a.tenant = c.tenant AND a.id = c.channel \
    LEFT JOIN conversation_route r ON r.tenant = c.tenant AND r.conversation = c.id";

pub(super) fn mark(value: i64) -> Option<EntryIndex> {
    u64::try_from(value).ok().map(EntryIndex)
}

pub(super) fn conversation(row: &Row) -> Result<ConversationRow, StoreError> {
    Ok(ConversationRow {
        conversation: ConversationRef {
            key: ConversationKey(row.get(0)),
            public: ConversationId::from_uuid(row.get(1)),
        },
        subject: SubjectId::from_uuid(row.get(2)),
        channel: channel(row.get(3), row.get(4))?,
        state: ConversationState::from_code(row.get(5)).ok_or(StoreError::Corrupt { what: "conversation state" })?,
        agent: row.get::<_, Option<Uuid>>(6).map(AccountId::from_uuid),
        version: Version(row.get(7)),
        last_message: MessageSeq(row.get(8)),
        opened: EntryIndex(u64::try_from(row.get::<_, i64>(9)).unwrap_or(0)),
        opened_at: Timestamp::from_micros(row.get(10)),
        touched_at: Timestamp::from_micros(row.get(11)),
        last_agent: row.get::<_, Option<Uuid>>(12).map(AccountId::from_uuid),
        continues: row.get::<_, Option<Uuid>>(13).map(ConversationId::from_uuid),
        marks: Marks { delivered: mark(row.get(14)), read: mark(row.get(15)) },
        route: Box::new(route(row)?),
    })
}
