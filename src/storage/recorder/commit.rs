//! The one transaction of a batch, and what its failure means.
//!
//! The first statement moves the head by compare-and-swap: a server that lost the log is stopped there, before it wrote
//! anything else. Statements are sent without waiting for each other; COMMIT waits for all of them, because a head that
//! did not move must never be committed around.

use futures_util::future::try_join_all;
use tokio_postgres::types::ToSql;

use super::super::database::{Database, sqlstate};
use super::super::head::{Head, LEASE_S, LogName};
use super::routes::{ROUTE, routes};
use super::rows::{AgentUpdate, Rows, Single, TipColumns, account, signed};
use super::state::{LinkedEntry, Tip};
use super::{amendment, desk, erasure, files, history, people, report, unmasking};
use crate::domain::record::{ConversationState, PolicyChange, PolicyKind};
use crate::units::{ChannelAccount, ConversationId, EntryIndex, SubjectId};

/// What one commit writes.
pub(super) struct Transaction {
    pub(super) before: Head,
    pub(super) after: Head,
    pub(super) entries: Vec<LinkedEntry>,
    pub(super) rows: Rows,
    pub(super) insert_tips: TipColumns,
    pub(super) update_tips: TipColumns,
    /// Ends of the chains of people whom entries are about that are about no conversation.
    pub(super) subject_tips: Vec<(SubjectId, Tip)>,
    /// Numbers of the channel accounts that the rows name.
    pub(super) channels: Vec<(ChannelAccount, i16)>,
}

impl Transaction {
    fn channel_number(&self, account: &ChannelAccount) -> Option<i16> {
        self.channels.iter().find(|(known, _)| known == account).map(|(_, number)| *number)
    }
}

/// Why a batch did not commit.
#[derive(Debug)]
pub(super) enum CommitError {
    /// Another server has the log.
    Fenced,
    /// A row was not at the version expected: what was read is old.
    Stale,
    /// An effect was refused for what it says (SQLSTATE class 22 or 23): some request of the batch is to blame.
    Effect { sqlstate: String },
    /// The transaction did not commit, and the same may succeed: class 40.
    Retry,
    /// The transaction did not commit and PostgreSQL can't take more at present: class 53, or a refusal of its own.
    Refused { sqlstate: Option<String> },
    /// The connection was lost or PostgreSQL warned during COMMIT: it may have committed or not.
    Unknown,
}

/// Runs the transaction. When this returns `Ok`, it is durable.
pub(super) async fn commit(database: &Database, log: &LogName, transaction: &Transaction) -> Result<(), CommitError> {
    let written = write(database, log, transaction).await;
    if let Err(error) = written {
        // The connection may be gone; what was not committed is rolled back with it.
        let rolled_back = database.client.batch_execute("ROLLBACK").await;
        return Err(match (error, rolled_back) {
            (CommitError::Refused { sqlstate: None }, _) | (_, Err(_)) => CommitError::Unknown,
            (error, Ok(())) => error,
        });
    }
    let warnings = database.warnings();
    match database.client.batch_execute("COMMIT").await {
        Ok(()) if database.warnings() == warnings => Ok(()),
        Ok(()) | Err(_) => Err(CommitError::Unknown),
    }
}

async fn write(database: &Database, log: &LogName, transaction: &Transaction) -> Result<(), CommitError> {
    // Planned anew each time: a plan that is kept from when the tables were empty may go through all of a tenant's rows.
    let begin = format!(
        "BEGIN; SET LOCAL app.tenant = '{}'; SET LOCAL synchronous_commit = on; SET LOCAL plan_cache_mode = force_custom_plan",
        log.tenant
    );
    let statements = Statements::prepare(database, &transaction.rows).await.map_err(|error| blame(&error, false))?;
    let opening = database.client.batch_execute(&begin);
    let swap = swap_head(database, log, transaction, &statements);
    let entries = insert_entries(database, log, transaction, &statements);
    let effects = apply(database, log, transaction, &statements);
    // Each future sends when it is first polled, so this order is the order on the wire.
    let (opened, swapped, inserted, applied) = futures_util::future::join4(opening, swap, entries, effects).await;
    opened.map_err(|error| blame(&error, false))?;
    swapped?;
    inserted?;
    applied
}

/// Statements that every batch needs, and those that this one does.
struct Statements {
    swap: tokio_postgres::Statement,
    entries: tokio_postgres::Statement,
    inserts: Vec<(&'static str, tokio_postgres::Statement)>,
}

const SWAP: &str = "UPDATE log_head SET size = $1, root = $2, last_leaf = $3, last_time = $4, frontier = $5, \
    lease_expires = now() + make_interval(secs => $6) WHERE tenant = $7 AND size = $8 AND root = $9 AND last_leaf = $10 AND epoch = $11";
const ENTRIES: &str = "INSERT INTO ledger_entry (tenant, generation, seq, body) SELECT $1, $2, u.* FROM unnest($3::bigint[], $4::bytea[]) u";
const DEDUP: &str =
    "INSERT INTO dedup (tenant, key, seq, body) SELECT $1, u.* FROM unnest($2::bytea[], $3::bigint[], $4::bytea[]) u";
const SUBJECT: &str = "INSERT INTO subject (tenant, id, contact) SELECT $1, u.* FROM unnest($2::uuid[], $3::bytea[]) u";
const DATA_KEY: &str = "INSERT INTO data_key (tenant, subject, generation, epoch, wrapped) \
    SELECT $1, u.id, 1, u.epoch, u.wrapped FROM unnest($2::uuid[], $3::integer[], $4::bytea[]) AS u(id, epoch, wrapped)";
const IDENTITY: &str = "INSERT INTO identity (tenant, epoch, lookup, subject, sealed) \
    SELECT $1, u.* FROM unnest($2::integer[], $3::bytea[], $4::uuid[], $5::bytea[]) u";
const MESSAGE: &str = "INSERT INTO message (tenant, conversation, seq, entry_seq, id, time, direction, author, original, masked, \
    channel) SELECT $1, u.* FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::uuid[], $6::bigint[], $7::smallint[], \
    $8::uuid[], $9::bytea[], $10::bytea[], $11::smallint[]) u";
const CONVERSATION: &str = "INSERT INTO conversation (tenant, id, public_id, subject, channel, state, agent, version, \
    last_message, opened_seq, opened_at, chain_n, chain_seq, chain_leaf, subject_n, subject_seq, subject_leaf, continues, touched_at) \
    SELECT $1, u.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::smallint[], $7::uuid[], $8::bigint[], \
    $9::integer[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bytea[], $15::bigint[], $16::bigint[], $17::bytea[], \
    $18::uuid[], $19::bigint[]) u";
// The rows to be changed are looked up one by one and reached by their place: joined freely, the planner would go through
// all of a tenant's rows while it has no statistics of them. Only this connection changes conversations, so the place holds.
const CONVERSATION_UPDATE: &str = "UPDATE conversation c SET version = u.version, state = coalesce(u.state, c.state), \
    agent = CASE WHEN u.state IS NULL THEN c.agent ELSE u.agent END, last_message = coalesce(u.last, c.last_message), \
    chain_n = u.n, chain_seq = u.s, chain_leaf = u.l, subject_n = u.sn, subject_seq = u.ss, subject_leaf = u.sl, \
    last_agent = coalesce(u.last_agent, c.last_agent), channel = coalesce(u.channel, c.channel), \
    delivered_seq = greatest(u.delivered, c.delivered_seq), read_seq = greatest(u.read, c.read_seq), \
    touched_at = greatest(u.touched, c.touched_at), \
    solved_at = CASE WHEN u.state IS NULL THEN c.solved_at WHEN u.state = 3 THEN greatest(u.touched, c.touched_at) END \
    FROM (SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::smallint[], $6::uuid[], $7::integer[], $8::bigint[], \
    $9::bigint[], $10::bytea[], $11::bigint[], $12::bigint[], $13::bytea[], $14::uuid[], $15::smallint[], $16::bigint[], $17::bigint[], \
    $18::bigint[]) AS u(id, expected, version, state, agent, last, n, s, l, sn, ss, sl, last_agent, channel, delivered, read, touched) \
    CROSS JOIN LATERAL (SELECT k.ctid AS place \
    FROM conversation k WHERE k.tenant = $1 AND k.id = u.id AND k.version = u.expected OFFSET 0) k) u \
    WHERE c.tenant = $1 AND c.ctid = u.place";
const AGENT_UPDATE: &str = "UPDATE agent a SET version = u.version, load = u.load, idle_since = u.idle, skills = coalesce(u.skills, a.skills) \
    FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::integer[], $6::bigint[], $7::text[]) \
    AS u(id, expected, version, load, idle, skills) \
    WHERE a.tenant = $1 AND a.id = u.id AND a.version = u.expected";

impl Statements {
    async fn prepare(database: &Database, rows: &Rows) -> Result<Self, tokio_postgres::Error> {
        let mut needed = Vec::new();
        let wanted: [(bool, &[&'static str]); 7] = [
            (!rows.dedup.is_empty(), &[DEDUP]),
            (!rows.subjects.is_empty(), &[SUBJECT, DATA_KEY]),
            (!rows.identities.is_empty(), &[IDENTITY]),
            (!rows.inserts.is_empty(), &[CONVERSATION]),
            (!rows.messages.is_empty(), &[MESSAGE]),
            (!rows.updates.is_empty(), &[CONVERSATION_UPDATE]),
            (!rows.routes.is_empty(), &[ROUTE]),
        ];
        for sql in wanted.into_iter().filter(|(needed, _)| *needed).flat_map(|(_, statements)| statements) {
            needed.push((*sql, database.prepared(sql).await?));
        }
        if !rows.agents.is_empty() {
            needed.push((AGENT_UPDATE, database.prepared(AGENT_UPDATE).await?));
        }
        Ok(Self { swap: database.prepared(SWAP).await?, entries: database.prepared(ENTRIES).await?, inserts: needed })
    }

    fn of(&self, sql: &'static str) -> Option<&tokio_postgres::Statement> {
        self.inserts.iter().find(|(known, _)| *known == sql).map(|(_, statement)| statement)
    }
}

async fn swap_head(
    database: &Database,
    log: &LogName,
    transaction: &Transaction,
    statements: &Statements,
) -> Result<(), CommitError> {
    let (before, after) = (&transaction.before, &transaction.after);
    let moved = database
        .client
        .execute(
            &statements.swap,
            &[
                &signed(after.size().0),
                &after.frontier.root().as_bytes().as_slice(),
                &after.last_leaf.as_bytes().as_slice(),
                &after.last_time.as_micros(),
                &after.frontier.to_bytes(),
                &LEASE_S,
                &log.tenant.0,
                &signed(before.size().0),
                &before.frontier.root().as_bytes().as_slice(),
                &before.last_leaf.as_bytes().as_slice(),
                &before.epoch,
            ],
        )
        .await
        .map_err(|error| blame(&error, false))?;
    if moved == 1 { Ok(()) } else { Err(CommitError::Fenced) }
}

async fn insert_entries(
    database: &Database,
    log: &LogName,
    transaction: &Transaction,
    statements: &Statements,
) -> Result<(), CommitError> {
    let seqs: Vec<i64> = transaction.entries.iter().map(|entry| signed(entry.index.0)).collect();
    let bodies: Vec<&[u8]> = transaction.entries.iter().map(|entry| &*entry.bytes).collect();
    let generation = i32::try_from(log.generation).unwrap_or(i32::MAX);
    let parameters: [&(dyn ToSql + Sync); 4] = [&log.tenant.0, &generation, &seqs, &bodies];
    database.client.execute(&statements.entries, &parameters).await.map_err(|error| blame(&error, false))?;
    Ok(())
}

/// One statement's rows: its parameters and how many rows it must reach.
pub(super) struct Columns<'a> {
    pub(super) sql: &'static str,
    pub(super) parameters: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
    pub(super) rows: usize,
}

async fn apply(
    database: &Database,
    log: &LogName,
    transaction: &Transaction,
    statements: &Statements,
) -> Result<(), CommitError> {
    let rows = &transaction.rows;
    let all = [
        (!rows.dedup.is_empty()).then(|| dedup(rows)),
        (!rows.subjects.is_empty()).then(|| subjects(rows)),
        (!rows.subjects.is_empty()).then(|| data_keys(rows)),
        (!rows.identities.is_empty()).then(|| identities(rows)),
        (!rows.inserts.is_empty()).then(|| conversations(transaction)),
        (!rows.messages.is_empty()).then(|| messages(transaction)),
        (!rows.updates.is_empty()).then(|| updates(transaction)),
        (!rows.routes.is_empty()).then(|| routes(&rows.routes)),
        (!rows.agents.is_empty()).then(|| agents(&rows.agents)),
    ];
    let sends = all.into_iter().flatten().map(|columns| async move {
        let statement = statements.of(columns.sql).ok_or(CommitError::Refused { sqlstate: None })?;
        let tenant: &(dyn ToSql + Sync) = &log.tenant.0;
        let own = columns.parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync));
        let parameters: Vec<_> = std::iter::once(tenant).chain(own).collect();
        let reached = database.client.execute(statement, &parameters).await.map_err(|error| blame(&error, true))?;
        if reached == columns.rows as u64 { Ok(()) } else { Err(CommitError::Stale) }
    });
    try_join_all(sends).await?;
    for single in &rows.singles {
        apply_single(database, log, single).await?;
    }
    for (subject, tip) in &transaction.subject_tips {
        erasure::tip(database, log, *subject, tip).await.map_err(|error| blame(&error, true))?;
    }
    Ok(())
}

fn dedup(rows: &Rows) -> Columns<'_> {
    let of = || rows.dedup.iter();
    columns!(
        DEDUP,
        rows.dedup,
        of().map(|(dedup, _)| dedup.key.as_slice()),
        of().map(|(_, index)| signed(index.0)),
        of().map(|(dedup, _)| dedup.body.as_slice()),
    )
}

fn subjects(rows: &Rows) -> Columns<'_> {
    let of = || rows.subjects.iter();
    columns!(SUBJECT, rows.subjects, of().map(|new| new.id.to_uuid()), of().map(|new| new.contact.as_slice()))
}

fn data_keys(rows: &Rows) -> Columns<'_> {
    let of = || rows.subjects.iter();
    columns!(
        DATA_KEY,
        rows.subjects,
        of().map(|new| new.id.to_uuid()),
        of().map(|new| new.epoch),
        of().map(|new| new.wrapped_key.as_slice()),
    )
}

fn identities(rows: &Rows) -> Columns<'_> {
    let of = || rows.identities.iter();
    columns!(
        IDENTITY,
        rows.identities,
        of().map(|new| new.epoch),
        of().map(|new| new.lookup.as_slice()),
        of().map(|new| new.subject.to_uuid()),
        of().map(|new| new.sealed.as_slice()),
    )
}

fn messages(transaction: &Transaction) -> Columns<'_> {
    let messages = &transaction.rows.messages;
    let of = || messages.iter();
    columns!(
        MESSAGE,
        messages,
        of().map(|(new, ..)| new.conversation.0),
        of().map(|(new, ..)| new.seq.0),
        of().map(|(_, index, _)| signed(index.0)),
        of().map(|(new, ..)| new.id.to_uuid()),
        of().map(|(.., time)| time.as_micros()),
        of().map(|(new, ..)| new.direction),
        of().map(|(new, ..)| account(new.author)),
        of().map(|(new, ..)| new.original.0.as_slice()),
        of().map(|(new, ..)| new.masked.0.as_slice()),
        of().map(|(new, ..)| transaction.channel_number(&new.channel)),
    )
}

fn conversations(transaction: &Transaction) -> Columns<'_> {
    let inserts = &transaction.rows.inserts;
    let tips = &transaction.insert_tips;
    let of = || inserts.iter();
    columns!(
        CONVERSATION,
        inserts,
        of().map(|row| row.new.conversation.key.0),
        of().map(|row| row.new.conversation.public.to_uuid()),
        of().map(|row| row.new.subject.to_uuid()),
        of().map(|row| transaction.channel_number(&row.new.channel)),
        of().map(|row| row.state.code()),
        of().map(|row| account(row.agent)),
        of().map(|row| row.version.0),
        of().map(|row| row.last.0),
        of().map(|row| signed(row.opened.0)),
        of().map(|row| row.opened_at.as_micros()),
        tips.n.iter().copied(),
        tips.seq.iter().copied(),
        tips.leaf.iter().map(Vec::as_slice),
        tips.subject_n.iter().copied(),
        tips.subject_seq.iter().copied(),
        tips.subject_leaf.iter().map(Vec::as_slice),
        of().map(|row| row.new.continues.map(ConversationId::to_uuid)),
        of().map(|row| row.touched_at.as_micros()),
    )
}

fn updates(transaction: &Transaction) -> Columns<'_> {
    let updates = &transaction.rows.updates;
    let tips = &transaction.update_tips;
    let of = || updates.iter();
    columns!(
        CONVERSATION_UPDATE,
        updates,
        of().map(|row| row.key.0),
        of().map(|row| row.expected.0),
        of().map(|row| row.version.0),
        of().map(|row| row.state.map(ConversationState::code)),
        of().map(|row| account(row.agent)),
        of().map(|row| row.last.map(|last| last.0)),
        tips.n.iter().copied(),
        tips.seq.iter().copied(),
        tips.leaf.iter().map(Vec::as_slice),
        tips.subject_n.iter().copied(),
        tips.subject_seq.iter().copied(),
        tips.subject_leaf.iter().map(Vec::as_slice),
        of().map(|row| account(row.last_agent)),
        of().map(|row| row.channel.as_ref().and_then(|channel| transaction.channel_number(channel))),
        of().map(|row| row.marks.delivered.map(|index| signed(index.0))),
        of().map(|row| row.marks.read.map(|index| signed(index.0))),
        of().map(|row| row.touched_at.as_micros()),
    )
}

fn agents(agents: &[AgentUpdate]) -> Columns<'_> {
    let of = || agents.iter();
    columns!(
        AGENT_UPDATE,
        agents,
        of().map(|row| row.agent.to_uuid()),
        of().map(|row| row.expected.0),
        of().map(|row| row.version.0),
        of().map(|row| row.load),
        of().map(|row| row.idle_since.as_micros()),
        of().map(|row| row.skills.as_deref()),
    )
}

async fn apply_single(database: &Database, log: &LogName, single: &Single) -> Result<(), CommitError> {
    let reached = match single {
        Single::Account(new, time) => people::insert(database, log, new, *time).await,
        Single::Password(change) => people::set_password(database, log, change).await,
        Single::Change(change) => people::change(database, log, change).await,
        Single::File(message, new, index) => files::file(database, log, *message, new, *index).await,
        Single::Note(new, index, time) => desk::note(database, log, new, (*index, *time)).await,
        Single::Remasked(again, index) => desk::remasked(database, log, again, *index).await,
        Single::Reply(change, index, time) => desk::reply(database, log, change, (*index, *time)).await,
        Single::Policy(change, index) => activate_policy(database, log, change, *index).await,
        Single::Erasure(change, index, time) => erasure::erasure(database, log, change, (*index, *time)).await,
        Single::Hold(change, index, time) => erasure::hold(database, log, change, (*index, *time)).await,
        Single::Subject(change) => erasure::subject(database, log, change).await,
        Single::Epoch(change, index, time) => erasure::epoch(database, log, change, (*index, *time)).await,
        Single::Amendment(change, index, time) => amendment::apply(database, log, change, (*index, *time)).await,
        Single::Report(change, index, time) => report::apply(database, log, change, (*index, *time)).await,
        Single::Unmasking(change, index, time) => unmasking::apply(database, log, change, (*index, *time)).await,
        Single::Run(change, index, time) => history::run(database, log, change, (*index, *time)).await,
        Single::Draft(change, index, time) => history::draft(database, log, change, (*index, *time)).await,
    };
    match reached {
        Ok(1) => Ok(()),
        Ok(_) => Err(CommitError::Stale),
        Err(error) => Err(blame(&error, true)),
    }
}

async fn activate_policy(
    database: &Database,
    log: &LogName,
    change: &PolicyChange,
    index: EntryIndex,
) -> Result<u64, tokio_postgres::Error> {
    let digest = change.digest.as_bytes().as_slice();
    let sql = "INSERT INTO policy (tenant, digest, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    database.client.execute(sql, &[&log.tenant.0, &digest, &change.source]).await?;
    let sql = match change.kind {
        PolicyKind::Masking => {
            "UPDATE settings SET policy = $2, policy_entry = $4, version = version + 1 WHERE tenant = $1 AND version = $3"
        }
        PolicyKind::Routing => {
            "UPDATE settings SET routing = $2, routing_entry = $4, version = version + 1 WHERE tenant = $1 AND version = $3"
        }
    };
    database.client.execute(sql, &[&log.tenant.0, &digest, &change.expected.0, &signed(index.0)]).await
}

/// What an error of a statement before COMMIT means. Nothing was committed, unless the connection is gone.
fn blame(error: &tokio_postgres::Error, effect: bool) -> CommitError {
    let Some(code) = sqlstate(error) else { return CommitError::Refused { sqlstate: None } };
    match code.get(..2) {
        Some("22" | "23") if effect => CommitError::Effect { sqlstate: code },
        Some("40") => CommitError::Retry,
        Some("08" | "57") | None => CommitError::Refused { sqlstate: None },
        Some(_) => CommitError::Refused { sqlstate: Some(code) },
    }
}
