//! Reads of one tenant's projections. Every query names the tenant, and row level security names it again.

use async_trait::async_trait;
use lww_audit::seal::Seal;
use tokio_postgres::{Client, Config, Row};
use uuid::Uuid;

mod amendments;
mod conversations;
mod erasures;
mod files;
mod history;
mod recent;
mod reports;
mod routes;
mod sealing;
mod texts;
mod unmaskings;

use self::conversations::{CONVERSATION_COLUMNS, CONVERSATION_FROM, conversation, mark};
pub use self::erasures::retired_epoch;
use self::files::FILE;
use self::recent::{RECENT, original, place, policy_of, remasked};
use self::routes::{ROUTE_COLUMNS, words};
use super::database::{Database, DatabaseError};
use super::head::LogName;
use crate::domain::message::{Committed, Sealed};
use crate::domain::record::ConversationState;
use crate::limits::COUNTED_CONVERSATIONS_MAX;
use crate::ports::{
    AgentRow, ContactRow, ConversationCounts, ConversationFilter, ConversationRow, FileRow, IdentityLookup, MessageRow,
    NoteRow, OriginalRow, ReplyRow, SettingsRow, Store, StoreError, TextRow, WrappedKey,
};
use crate::units::{
    AccountId, ChannelAccount, ConversationId, ConversationRef, EntryIndex, Hash, MessageId, MessageSeq, SessionId,
    SubjectId, Timestamp, Version,
};

/// Connections that reads share.
const CONNECTIONS: usize = 4;

/// One tenant's reads over a few connections; lost ones are made anew.
pub struct TenantStore {
    config: Config,
    pub(super) log: LogName,
    connections: Vec<tokio::sync::RwLock<std::sync::Arc<Database>>>,
    next: std::sync::atomic::AtomicUsize,
}

/// Vouches that a row read outside any transaction of this server is a committed one. The only place that does so for reads.
fn read_back() -> Committed {
    Committed::witnessed()
}

/// The number of a channel account, given out at first use.
///
/// # Errors
/// PostgreSQL's.
pub async fn channel_number(
    client: &Client,
    tenant: crate::units::TenantId,
    channel: &ChannelAccount,
) -> Result<i16, tokio_postgres::Error> {
    let sql = "WITH known AS (SELECT id FROM channel_account WHERE tenant = $1 AND channel = $2 AND account = $3), \
               made AS (INSERT INTO channel_account (tenant, id, channel, account) \
                   SELECT $1, (SELECT coalesce(max(id), 0) + 1 FROM channel_account WHERE tenant = $1)::smallint, $2, $3 \
                   WHERE NOT EXISTS (SELECT 1 FROM known) RETURNING id) \
               SELECT id FROM known UNION ALL SELECT id FROM made";
    let row = client.query_one(sql, &[&tenant.0, &channel.channel, &channel.account]).await?;
    Ok(row.get(0))
}

const MESSAGE_COLUMNS: &str =
    "m.id, m.seq, m.entry_seq, m.time, m.direction, m.author, m.masked, a.channel, a.account, m.remask_seq";
const WITH_CHANNEL: &str = "JOIN channel_account a ON a.tenant = m.tenant AND a.id = m.channel";

impl TenantStore {
    /// Connects to the database for one tenant.
    ///
    /// # Errors
    /// [`DatabaseError`] when it can't be reached.
    pub async fn connect(config: &Config, log: &LogName) -> Result<Self, DatabaseError> {
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let database = Database::connect(config, Some(log.tenant)).await?;
            connections.push(tokio::sync::RwLock::new(std::sync::Arc::new(database)));
        }
        Ok(Self { config: config.clone(), log: log.clone(), connections, next: std::sync::atomic::AtomicUsize::new(0) })
    }

    fn generation(&self) -> i32 {
        i32::try_from(self.log.generation).unwrap_or(i32::MAX)
    }

    /// A live connection; one that was lost is replaced first.
    pub(super) async fn database(&self) -> Result<std::sync::Arc<Database>, StoreError> {
        let turn = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % CONNECTIONS;
        let gone = || StoreError::Unavailable { sqlstate: None };
        let slot = self.connections.get(turn).ok_or_else(gone)?;
        let present = std::sync::Arc::clone(&*slot.read().await);
        if !present.client.is_closed() {
            return Ok(present);
        }
        let mut slot = slot.write().await;
        if slot.client.is_closed() {
            let fresh = Database::connect(&self.config, Some(self.log.tenant)).await.map_err(|_| gone())?;
            *slot = std::sync::Arc::new(fresh);
        }
        Ok(std::sync::Arc::clone(&*slot))
    }

    pub(super) async fn rows(
        &self,
        sql: &str,
        own: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let database = self.database().await?;
        let statement = database.prepared(sql).await?;
        let tenant: &(dyn tokio_postgres::types::ToSql + Sync) = &self.log.tenant.0;
        let parameters: Vec<_> = std::iter::once(tenant).chain(own.iter().copied()).collect();
        Ok(database.client.query(&statement, &parameters).await?)
    }

    pub(super) async fn row(
        &self,
        sql: &str,
        own: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, own).await?.into_iter().next())
    }
}

#[async_trait]
impl Store for TenantStore {
    async fn contact(&self, lookup: &IdentityLookup) -> Result<Option<ContactRow>, StoreError> {
        // The inner selects are fenced: joined freely, the planner would read all of a tenant's conversations while it
        // has no statistics of them.
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, i.subject, k.generation, k.epoch, k.wrapped, {ROUTE_COLUMNS} FROM identity i \
             JOIN LATERAL (SELECT * FROM data_key k WHERE k.tenant = $1 AND k.subject = i.subject \
                 ORDER BY k.generation DESC LIMIT 1) k ON true \
             LEFT JOIN LATERAL (SELECT * FROM conversation c WHERE c.tenant = $1 AND c.subject = i.subject AND c.state <> 2 \
                 LIMIT 1) c ON true \
             LEFT JOIN channel_account a ON a.tenant = $1 AND a.id = c.channel \
             LEFT JOIN conversation_route r ON r.tenant = $1 AND r.conversation = c.id \
             WHERE i.tenant = $1 AND i.epoch = $2 AND i.lookup = $3"
        );
        let found = self.row(&sql, &[&lookup.epoch, &lookup.hash.as_slice()]).await?;
        let Some(row) = found else { return Ok(None) };
        let open = row.get::<_, Option<Uuid>>(0).map(|_| conversation(&row)).transpose()?;
        let key = WrappedKey { generation: row.get(17), epoch: row.get(18), wrapped: row.get(19) };
        Ok(Some(ContactRow { subject: SubjectId::from_uuid(row.get(16)), key, open }))
    }

    async fn data_key(&self, subject: SubjectId) -> Result<Option<WrappedKey>, StoreError> {
        let sql = "SELECT generation, epoch, wrapped FROM data_key WHERE tenant = $1 AND subject = $2 \
                   ORDER BY generation DESC LIMIT 1";
        let row = self.row(sql, &[&subject.to_uuid()]).await?;
        Ok(row.map(|row| WrappedKey { generation: row.get(0), epoch: row.get(1), wrapped: row.get(2) }))
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, StoreError> {
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS} FROM {CONVERSATION_FROM} WHERE c.tenant = $1 AND c.public_id = $2"
        );
        self.row(&sql, &[&id.to_uuid()]).await?.map(|row| conversation(&row)).transpose()
    }

    async fn conversations(&self, filter: ConversationFilter) -> Result<Vec<ConversationRow>, StoreError> {
        // Each condition is there or not, never "or null": only so does each list have its index. Of a queue the open ones are
        // few and found by their state; all, or those that are over, only by the queue's own order.
        let is_open = filter.state.is_some_and(|state| state != ConversationState::Closed);
        let opened = if filter.queue.is_some() && !is_open { "r.opened_seq" } else { "c.opened_seq" };
        let state = filter.state.map_or_else(String::new, |state| format!("AND c.state = {} ", state.code()));
        let (agent, limit) = (filter.agent.map(AccountId::to_uuid), i64::from(filter.limit));
        let (compared, order, from) = if filter.newest_first {
            ("<", "DESC", filter.after.map_or(i64::MAX, |index| after(Some(index))))
        } else {
            (">", "ASC", after(filter.after))
        };
        let mut own: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&from, &limit];
        let mut further = Vec::new();
        if let Some(agent) = &agent {
            own.push(agent);
            further.push(format!("AND c.agent = ${} ", own.len() + 1));
        }
        if let Some(queue) = &filter.queue {
            own.push(queue);
            further.push(format!("AND r.queue = ${} ", own.len() + 1));
        }
        let further = further.concat();
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS} FROM {CONVERSATION_FROM} WHERE c.tenant = $1 {state}{further}\
             AND {opened} {compared} $2 ORDER BY {opened} {order} LIMIT $3"
        );
        let rows = self.rows(&sql, &own).await?;
        rows.iter().map(conversation).collect()
    }

    async fn conversation_counts(
        &self,
        own: Option<AccountId>,
        account: AccountId,
    ) -> Result<ConversationCounts, StoreError> {
        let held = if own.is_some() { "AND agent = $3" } else { "" };
        let of = |state: i16, further: &str| {
            format!(
                "(SELECT count(*) FROM (SELECT FROM conversation WHERE tenant = $1 AND state = {state} {further} LIMIT $2) c)"
            )
        };
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}",
            of(0, ""),
            of(1, held),
            of(3, held),
            of(2, held),
            of(1, "AND agent = $3")
        );
        let missing = StoreError::Corrupt { what: "counts" };
        let row = self.row(&sql, &[&COUNTED_CONVERSATIONS_MAX, &account.to_uuid()]).await?.ok_or(missing)?;
        let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or_default();
        Ok(ConversationCounts {
            waiting: count(0),
            assigned: count(1),
            solved: count(2),
            closed: count(3),
            mine: count(4),
        })
    }

    async fn overdue(
        &self,
        state: ConversationState,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        // Solved ones by their own index; of those that agents hold there are never more than they have slots.
        let column = if state == ConversationState::Solved { "solved_at" } else { "touched_at" };
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS} FROM {CONVERSATION_FROM} WHERE c.tenant = $1 AND c.state = {} \
             AND c.{column} < $2 ORDER BY c.{column} LIMIT $3",
            state.code()
        );
        let rows = self.rows(&sql, &[&since.as_micros(), &i64::from(limit)]).await?;
        rows.iter().map(conversation).collect()
    }

    async fn messages(
        &self,
        conversation: ConversationRef,
        from: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<MessageRow>, StoreError> {
        // Which policy masked a message stands in its newest entry only. That is named by CASE and not by `coalesce`, which
        // PostgreSQL does not trust to leak nothing: under row security it would look through every entry of the log.
        let sql = format!(
            "SELECT {MESSAGE_COLUMNS}, (SELECT e.body FROM ledger_entry e WHERE e.tenant = $1 AND e.generation = $5 \
                 AND e.seq = CASE WHEN m.remask_seq IS NULL THEN m.entry_seq ELSE m.remask_seq END), {FILE} FROM ( \
                 (SELECT *, entry_seq AS place FROM message WHERE tenant = $1 AND conversation = $2 AND entry_seq > $3 \
                     ORDER BY seq LIMIT $4) \
                 UNION ALL (SELECT *, remask_seq FROM message WHERE tenant = $1 AND conversation = $2 AND remask_seq > $3 \
                     AND entry_seq <= $3 ORDER BY remask_seq LIMIT $4)) m {WITH_CHANNEL} ORDER BY m.place LIMIT $4"
        );
        let generation = self.generation();
        let rows = self.rows(&sql, &[&conversation.key.0, &after(from), &i64::from(limit), &generation]).await?;
        rows.iter().map(|row| Ok(MessageRow { policy: policy_of(row.get(10)), ..message(row)? })).collect()
    }

    async fn notes(&self, conversation: ConversationRef, limit: u32) -> Result<Vec<NoteRow>, StoreError> {
        let sql = "SELECT * FROM (SELECT n.id, n.entry_seq, n.time, n.author, n.masked, (SELECT e.body FROM ledger_entry e \
                       WHERE e.tenant = $1 AND e.generation = $4 \
                           AND e.seq = CASE WHEN n.remask_seq IS NULL THEN n.entry_seq ELSE n.remask_seq END) AS body, n.remask_seq FROM note n \
                   WHERE n.tenant = $1 AND n.conversation = $2 ORDER BY n.entry_seq DESC LIMIT $3) newest ORDER BY entry_seq";
        let rows = self.rows(sql, &[&conversation.key.0, &i64::from(limit), &self.generation()]).await?;
        Ok(rows.iter().map(note).collect())
    }

    async fn replies(&self, limit: u32) -> Result<Vec<ReplyRow>, StoreError> {
        let sql = "SELECT id, version, entry_seq, time, author, masked FROM canned_reply WHERE tenant = $1 AND NOT removed \
                   ORDER BY id LIMIT $2";
        Ok(self.rows(sql, &[&i64::from(limit)]).await?.iter().map(reply).collect())
    }

    async fn subject_messages(
        &self,
        subject: SubjectId,
        from: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<(ConversationRef, MessageRow)>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE_COLUMNS}, c.id, c.public_id, {FILE} FROM (SELECT id, public_id FROM conversation \
                 WHERE tenant = $1 AND subject = $2 OFFSET 0) c \
             JOIN LATERAL ((SELECT *, entry_seq AS place FROM message WHERE tenant = $1 AND conversation = c.id \
                     AND entry_seq > $3 ORDER BY seq LIMIT $4) \
                 UNION ALL (SELECT *, remask_seq FROM message WHERE tenant = $1 AND conversation = c.id AND remask_seq > $3 \
                     AND entry_seq <= $3 ORDER BY remask_seq LIMIT $4)) m ON true {WITH_CHANNEL} ORDER BY m.place LIMIT $4"
        );
        let rows = self.rows(&sql, &[&subject.to_uuid(), &after(from), &i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((place(row, 10), message(row)?))).collect()
    }

    async fn earlier_messages(
        &self,
        subject: SubjectId,
        before: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<(ConversationRef, MessageRow)>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE_COLUMNS}, c.id, c.public_id, {FILE} FROM (SELECT id, public_id FROM conversation \
                 WHERE tenant = $1 AND subject = $2 OFFSET 0) c \
             JOIN LATERAL (SELECT * FROM message WHERE tenant = $1 AND conversation = c.id AND entry_seq < $3 \
                 ORDER BY seq DESC LIMIT $4) m ON true {WITH_CHANNEL} ORDER BY m.entry_seq DESC LIMIT $4"
        );
        let before = before.map_or(i64::MAX, |index| i64::try_from(index.0).unwrap_or(i64::MAX));
        let rows = self.rows(&sql, &[&subject.to_uuid(), &before, &i64::from(limit)]).await?;
        rows.iter().rev().map(|row| Ok((place(row, 10), message(row)?))).collect()
    }

    async fn recent_messages(
        &self,
        subject: SubjectId,
        since: Timestamp,
        ids: Option<Vec<MessageId>>,
        limit: u32,
    ) -> Result<Vec<OriginalRow>, StoreError> {
        let ids: Option<Vec<Uuid>> = ids.map(|ids| ids.into_iter().map(MessageId::to_uuid).collect());
        let own: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&subject.to_uuid(), &since.as_micros(), &i64::from(limit), &ids];
        self.rows(RECENT, &own).await?.iter().rev().map(original).collect()
    }

    async fn entry(&self, index: EntryIndex) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT body FROM ledger_entry WHERE tenant = $1 AND generation = $2 AND seq = $3";
        let row = self.row(sql, &[&self.generation(), &i64::try_from(index.0).unwrap_or(i64::MAX)]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn agents(&self) -> Result<Vec<AgentRow>, StoreError> {
        // Whoever has no session any more is gone, whatever they said last.
        let sql = "SELECT a.id, a.capacity, a.load, coalesce(a.online AND s.until > n.now, false), a.idle_since, a.version, \
                   a.skills, CASE WHEN a.online THEN s.until ELSE a.offline_since END FROM agent a LEFT JOIN ( \
                       SELECT account, max(expires) AS until FROM session WHERE tenant = $1 AND NOT pending GROUP BY account) s \
                   ON s.account = a.id CROSS JOIN ( \
                       SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) n WHERE a.tenant = $1";
        Ok(self.rows(sql, &[]).await?.iter().map(agent).collect())
    }

    async fn set_online(
        &self,
        agent: AccountId,
        online: bool,
        attached: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent SET online = $3, attached = $4, offline_since = CASE WHEN $3 THEN NULL WHEN online THEN $5 \
                   ELSE coalesce(offline_since, $5) END WHERE tenant = $1 AND id = $2";
        self.rows(sql, &[&agent.to_uuid(), &online, &attached, &now.as_micros()]).await.map(|_| ())
    }

    async fn attach(&self, account: AccountId, session: SessionId) -> Result<(), StoreError> {
        let sql = "WITH switch AS (UPDATE agent SET attached = true WHERE tenant = $1 AND id = $2 AND online AND NOT attached) \
                   UPDATE session SET attached = true WHERE tenant = $1 AND id = $3 AND NOT attached";
        self.rows(sql, &[&account.to_uuid(), &session.to_uuid()]).await.map(|_| ())
    }

    async fn unattach(&self, account: AccountId) -> Result<(), StoreError> {
        let sql = "UPDATE session SET attached = false WHERE tenant = $1 AND account = $2 AND attached";
        self.rows(sql, &[&account.to_uuid()]).await.map(|_| ())
    }

    async fn attached(&self) -> Result<Vec<AccountId>, StoreError> {
        let rows = self.rows("SELECT id FROM agent WHERE tenant = $1 AND online AND attached", &[]).await?;
        Ok(rows.iter().map(|row| AccountId::from_uuid(row.get(0))).collect())
    }

    async fn detach(&self, agent: AccountId, since: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE agent SET online = false, attached = false, offline_since = $3 \
                   WHERE tenant = $1 AND id = $2 AND online AND attached";
        self.rows(sql, &[&agent.to_uuid(), &since.as_micros()]).await.map(|_| ())
    }

    async fn settings(&self) -> Result<SettingsRow, StoreError> {
        let sql = "SELECT policy, version, routing, policy_entry, routing_entry FROM settings WHERE tenant = $1";
        let row = self.row(sql, &[]).await?.ok_or(StoreError::Corrupt { what: "settings" })?;
        let digest = |at: usize| {
            let bytes = row.get::<_, Option<&[u8]>>(at).map(<[u8; 32]>::try_from).transpose();
            Ok::<_, StoreError>(bytes.map_err(|_| StoreError::Corrupt { what: "policy digest" })?.map(Hash))
        };
        let entry = |at: usize| row.get::<_, Option<i64>>(at).and_then(mark);
        Ok(SettingsRow {
            policy: digest(0)?,
            routing: digest(2)?,
            policy_entry: entry(3),
            routing_entry: entry(4),
            version: Version(row.get(1)),
        })
    }

    async fn policy_source(&self, digest: Hash) -> Result<Option<String>, StoreError> {
        let sql = "SELECT source FROM policy WHERE tenant = $1 AND digest = $2";
        Ok(self.row(sql, &[&digest.as_bytes().as_slice()]).await?.map(|row| row.get(0)))
    }

    async fn seal(&self) -> Result<Seal, StoreError> {
        self.seal_ends().await
    }

    async fn policies(&self) -> Result<Vec<(Hash, String)>, StoreError> {
        self.policy_texts().await
    }

    async fn texts(&self, of: &[ConversationId], entries: &[EntryIndex]) -> Result<Vec<TextRow>, StoreError> {
        self.texts_of(of, entries, read_back()).await
    }

    async fn recorded(&self, keys: &[[u8; 16]]) -> Result<Vec<([u8; 16], EntryIndex)>, StoreError> {
        self.recorded_under(keys).await
    }

    async fn file(&self, message: MessageId) -> Result<Option<FileRow>, StoreError> {
        self.stored_file(message).await
    }

    async fn knows_subject(&self, subject: SubjectId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM conversation WHERE tenant = $1 AND subject = $2)";
        Ok(self.row(sql, &[&subject.to_uuid()]).await?.is_some_and(|row| row.get(0)))
    }
}

fn after(index: Option<EntryIndex>) -> i64 {
    index.map_or(-1, |index| i64::try_from(index.0).unwrap_or(i64::MAX))
}

fn channel(name: &str, account: String) -> Result<ChannelAccount, StoreError> {
    let known = crate::units::CHANNEL_NAMES.iter().copied().find(|known| *known == name);
    Ok(ChannelAccount { channel: known.ok_or(StoreError::Corrupt { what: "channel" })?, account })
}

fn message(row: &Row) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        id: MessageId::from_uuid(row.get(0)),
        seq: MessageSeq(row.get(1)),
        index: EntryIndex(u64::try_from(row.get::<_, i64>(2)).unwrap_or(0)),
        time: Timestamp::from_micros(row.get(3)),
        outbound: row.get::<_, i16>(4) == 1,
        author: row.get::<_, Option<Uuid>>(5).map(AccountId::from_uuid),
        masked: Sealed(row.get(6)),
        file: files::info(row)?,
        channel: channel(row.get(7), row.get(8))?,
        remasked: remasked(row, 9),
        policy: None,
        committed: read_back(),
    })
}

fn note(row: &Row) -> NoteRow {
    NoteRow {
        id: MessageId::from_uuid(row.get(0)),
        index: EntryIndex(u64::try_from(row.get::<_, i64>(1)).unwrap_or(0)),
        time: Timestamp::from_micros(row.get(2)),
        author: AccountId::from_uuid(row.get(3)),
        masked: Sealed(row.get(4)),
        policy: policy_of(row.get(5)),
        remasked: remasked(row, 6),
        committed: read_back(),
    }
}

fn reply(row: &Row) -> ReplyRow {
    ReplyRow {
        id: MessageId::from_uuid(row.get(0)),
        version: Version(row.get(1)),
        index: EntryIndex(u64::try_from(row.get::<_, i64>(2)).unwrap_or(0)),
        time: Timestamp::from_micros(row.get(3)),
        author: AccountId::from_uuid(row.get(4)),
        masked: Sealed(row.get(5)),
        committed: read_back(),
    }
}

fn agent(row: &Row) -> AgentRow {
    AgentRow {
        id: AccountId::from_uuid(row.get(0)),
        capacity: row.get(1),
        load: row.get(2),
        online: row.get(3),
        idle_since: Timestamp::from_micros(row.get(4)),
        version: Version(row.get(5)),
        skills: words(row.get(6)),
        offline_since: row.get::<_, Option<i64>>(7).map(Timestamp::from_micros),
    }
}
