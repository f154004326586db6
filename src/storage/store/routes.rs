//! Reads of how conversations are routed: who waits where, and who holds what unanswered.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::TenantStore;
use super::conversations::{CONVERSATION_COLUMNS, CONVERSATION_FROM, conversation};
use crate::domain::event::{Role, Wish};
use crate::domain::record::Route;
use crate::limits::WAITING_CONSIDERED_MAX;
use crate::ports::{ConversationRow, HeldRow, Holder, QueueRow, Queues, StoreError, WaitRow};
use crate::units::{ConversationKey, SERVER_ACTOR, Timestamp};

/// Read by name, because they stand at the end of different lists.
pub(super) const ROUTE_COLUMNS: &str = "r.rule, r.queue, r.priority, r.skills, r.sla_s, r.sticky, r.tier, r.language, r.weight, \
    r.waiting, r.waits_since, r.let_go, r.held_since, r.told_until, r.wish";

/// How the conversation of a row is routed. Where nothing is known, it waits behind everybody, in no queue of the table.
pub(super) fn route(row: &Row) -> Result<Route, StoreError> {
    let time = |name: &str| row.get::<_, Option<i64>>(name).map(Timestamp::from_micros);
    let corrupt = |what| StoreError::Corrupt { what };
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let number = |name: &str| row.get::<_, Option<i32>>(name);
    let priority = row.get::<_, Option<i16>>("priority").unwrap_or(PRIORITY_UNKNOWN);
    let flag = |name: &str| row.get::<_, Option<bool>>(name).unwrap_or_default();
    Ok(Route {
        rule: text("rule").unwrap_or_default(),
        queue: text("queue").unwrap_or_default(),
        priority: u8::try_from(priority).map_err(|_| corrupt("priority"))?,
        skills: words(row.get::<_, Option<&str>>("skills").unwrap_or_default()),
        sla_s: number("sla_s").map(u32::try_from).transpose().map_err(|_| corrupt("SLA"))?,
        sticky: flag("sticky"),
        tier: text("tier"),
        language: text("language"),
        weight: number("weight").unwrap_or(WEIGHT_UNKNOWN),
        waiting: flag("waiting"),
        waits_since: time("waits_since").unwrap_or(Timestamp::from_micros(0)),
        let_go: flag("let_go"),
        held_since: time("held_since"),
        told_until: time("told_until"),
        wish: row.get::<_, Option<i16>>("wish").and_then(Wish::from_code),
    })
}

fn holder(row: &Row) -> Option<Holder> {
    let role = row.get::<_, Option<i16>>("holder_role").and_then(Role::from_code)?;
    let enabled = row.get::<_, Option<bool>>("holder_enabled").unwrap_or_default();
    // Nothing is known of the connections of whoever has no session.
    let attached = row.get::<_, Option<bool>>("holder_attached");
    Some(Holder { role, enabled, here: attached.is_some(), attached: attached.unwrap_or_default() })
}

const PRIORITY_UNKNOWN: i16 = 9;
const WEIGHT_UNKNOWN: i32 = 100;

/// Words with a space between them.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

#[async_trait]
impl Queues for TenantStore {
    async fn waiting(&self) -> Result<Vec<ConversationRow>, StoreError> {
        // The rows in which somebody waits are found one after the other by the index, then the heads of each; whoever
        // wishes something else is looked at behind all who wait.
        let sql = format!(
            "WITH RECURSIVE present(rule) AS ( \
                 (SELECT rule FROM conversation_route WHERE tenant = $1 AND waiting ORDER BY rule LIMIT 1) \
                 UNION ALL SELECT (SELECT n.rule FROM conversation_route n WHERE n.tenant = $1 AND n.waiting \
                     AND n.rule > present.rule ORDER BY n.rule LIMIT 1) FROM present WHERE present.rule IS NOT NULL) \
             SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS} FROM present CROSS JOIN LATERAL (SELECT * FROM conversation_route w \
                 WHERE w.tenant = $1 AND w.waiting AND w.rule = present.rule \
                 ORDER BY w.wish IS NOT NULL, w.waits_since LIMIT $2) r \
             JOIN LATERAL (SELECT * FROM conversation c WHERE c.tenant = $1 AND c.id = r.conversation OFFSET 0) c ON true \
             JOIN channel_account a ON a.tenant = $1 AND a.id = c.channel WHERE present.rule IS NOT NULL AND c.state = 0"
        );
        let rows = self.rows(&sql, &[&i64::from(WAITING_CONSIDERED_MAX)]).await?;
        rows.iter().map(conversation).collect()
    }

    async fn held(&self, limit: u32) -> Result<Vec<HeldRow>, StoreError> {
        // What the server says by itself answers nobody.
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS}, u.since, h.role AS holder_role, h.enabled AS holder_enabled, \
                 (SELECT bool_or(s.attached) FROM session s WHERE s.tenant = $1 AND s.account = c.agent AND NOT s.pending \
                     AND s.expires > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS holder_attached \
             FROM {CONVERSATION_FROM} LEFT JOIN account h ON h.tenant = $1 AND h.id = c.agent LEFT JOIN LATERAL ( \
                 SELECT min(m.time) AS since FROM message m WHERE m.tenant = $1 AND m.conversation = c.id AND m.direction = 0 \
                 AND m.seq > coalesce((SELECT max(o.seq) FROM message o WHERE o.tenant = $1 AND o.conversation = c.id \
                     AND o.direction = 1 AND o.author <> $3), 0)) u ON true \
             WHERE c.tenant = $1 AND c.state = 1 ORDER BY c.touched_at LIMIT $2"
        );
        let rows = self.rows(&sql, &[&i64::from(limit), &SERVER_ACTOR.to_uuid()]).await?;
        let held = |row: &Row| {
            let unanswered_since = row.get::<_, Option<i64>>("since").map(Timestamp::from_micros);
            Ok(HeldRow { conversation: conversation(row)?, unanswered_since, holder: holder(row) })
        };
        rows.iter().map(held).collect()
    }

    async fn untold(&self, queues: &[&str], now: Timestamp, limit: u32) -> Result<Vec<ConversationRow>, StoreError> {
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, {ROUTE_COLUMNS} FROM {CONVERSATION_FROM} WHERE c.tenant = $1 AND c.state = 0 \
             AND r.waiting AND r.queue = ANY($2) AND coalesce(r.told_until, 0) <= $3 ORDER BY r.waits_since LIMIT $4"
        );
        let rows = self.rows(&sql, &[&queues, &now.as_micros(), &i64::from(limit)]).await?;
        rows.iter().map(conversation).collect()
    }

    async fn waits(&self, queue: &str, limit: u32) -> Result<Vec<WaitRow>, StoreError> {
        let sql = "SELECT conversation, priority, sla_s, waits_since FROM conversation_route \
                   WHERE tenant = $1 AND waiting AND queue = $2 AND wish IS NULL ORDER BY waits_since LIMIT $3";
        let rows = self.rows(sql, &[&queue, &i64::from(limit)]).await?;
        let wait = |row: &Row| {
            Ok(WaitRow {
                conversation: ConversationKey(row.get(0)),
                priority: u8::try_from(row.get::<_, i16>(1)).map_err(|_| StoreError::Corrupt { what: "priority" })?,
                sla_s: row.get::<_, Option<i32>>(2).and_then(|seconds| u32::try_from(seconds).ok()),
                since: Timestamp::from_micros(row.get(3)),
            })
        };
        rows.iter().map(wait).collect()
    }

    async fn lengths(&self) -> Result<Vec<QueueRow>, StoreError> {
        let sql = "SELECT queue, count(*), min(waits_since) FROM conversation_route WHERE tenant = $1 AND waiting \
                   GROUP BY queue ORDER BY queue";
        let length = |row: &Row| QueueRow {
            queue: row.get(0),
            waiting: u64::try_from(row.get::<_, i64>(1)).unwrap_or_default(),
            since: Timestamp::from_micros(row.get(2)),
        };
        Ok(self.rows(sql, &[]).await?.iter().map(length).collect())
    }
}
