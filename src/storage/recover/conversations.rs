//! Conversations made anew of the entries: where each stands, who has it, where its chain ends, how it is routed; and what agents
//! hold. Their messages are not here: what was sealed in them is lost, and the next one goes on behind them.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryStreamExt as _;
use lww_audit::Entry;
use lww_audit::entry::Detail;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::people::{number, signed, uuid};
use super::walk::{SubjectTip, Walk};
use super::{RecoverError, Recovery};
use crate::domain::event::Wish;
use crate::domain::record::ConversationState;
use crate::storage::database::Database;
use crate::storage::store::channel_number;
use crate::storage::verify::lost::detail;
use crate::storage::verify::rows::{CONVERSATIONS, differs, is_routed_otherwise};
use crate::storage::verify::state::Conversation;
use crate::units::{CHANNEL_NAMES, ChannelAccount, ConversationKey, Hash, Id128, Timestamp};

/// Weight of a conversation that was never given out, in hundredths of a place.
const WEIGHT: i64 = 100;
/// Priority of one whose routing is not known.
const PRIORITY: i64 = 5;

/// Brings every conversation of which the missing entries speak to where they leave it; how many rows that were.
pub(super) async fn restore(of: &Recovery<'_>, database: &Database, walk: &Walk) -> Result<u64, RecoverError> {
    let rows = Rows { of, database, walk };
    let mut wanted = rows.differing().await?;
    // Those that end first: a customer has at most one conversation that is not closed.
    wanted.sort_by_key(|one| (one.conversation.state != ConversationState::Closed, one.conversation.opened));
    for one in &wanted {
        if let Some(key) = one.key {
            rows.update(key, one.conversation).await?;
        }
    }
    for one in &wanted {
        let key = match one.key {
            Some(key) => key,
            None => rows.insert(one).await?,
        };
        rows.route(key, one).await?;
    }
    rows.tips().await?;
    rows.agents().await?;
    Ok(wanted.len() as u64)
}

/// A conversation whose row is another, or missing.
struct Wanted<'a> {
    id: Id128,
    conversation: &'a Conversation,
    key: Option<Uuid>,
}

struct Rows<'a> {
    of: &'a Recovery<'a>,
    database: &'a Database,
    walk: &'a Walk,
}

impl<'a> Rows<'a> {
    async fn run(&self, sql: &str, own: &[&(dyn ToSql + Sync)]) -> Result<u64, RecoverError> {
        let tenant: &(dyn ToSql + Sync) = &self.of.log.tenant.0;
        let values: Vec<_> = std::iter::once(tenant).chain(own.iter().copied()).collect();
        Ok(self.database.client.execute(&self.database.prepared(sql).await?, &values).await?)
    }

    /// Rows that are not what the entries leave, as far as the missing ones are why: what somebody changed otherwise stays, and
    /// is named by whoever verifies.
    async fn differing(&self) -> Result<Vec<Wanted<'a>>, RecoverError> {
        let state = &self.walk.state;
        let is_touched = |conversation: &Conversation| {
            conversation.newest.0.0 >= self.walk.from.0 || state.lost.is_of_lost(conversation.subject)
        };
        let mut wanted = Vec::new();
        let mut seen = HashSet::new();
        let tenant: &(dyn ToSql + Sync) = &self.of.log.tenant.0;
        let mut rows = pin!(self.database.client.query_raw(CONVERSATIONS, [tenant]).await?);
        while let Some(row) = rows.try_next().await? {
            let id = Id128(row.get::<_, Uuid>(0).into_bytes());
            seen.insert(id);
            let Some(conversation) = state.conversations.get(&id).filter(|one| is_touched(one)) else { continue };
            if differs(conversation, &row).is_some() || is_routed_otherwise(conversation, &row).is_some() {
                wanted.push(Wanted { id, conversation, key: Some(row.get(17)) });
            }
        }
        let missing = state.conversations.iter().filter(|(id, one)| is_touched(one) && !seen.contains(*id));
        wanted.extend(missing.map(|(id, conversation)| Wanted { id: *id, conversation, key: None }));
        Ok(wanted)
    }

    async fn channel(&self, conversation: &Conversation) -> Result<i16, RecoverError> {
        let named = conversation.channel.as_deref().unwrap_or_default();
        let (channel, account) = named.split_once(':').unwrap_or_default();
        let index = conversation.newest.0;
        let channel = CHANNEL_NAMES.into_iter().find(|known| *known == channel);
        let channel = channel.ok_or(RecoverError::Entry { index, what: "its channel is none of this server's" })?;
        let account = ChannelAccount { channel, account: account.to_owned() };
        Ok(channel_number(&self.database.client, self.of.log.tenant, &account).await?)
    }

    async fn update(&self, key: Uuid, conversation: &Conversation) -> Result<(), RecoverError> {
        let sql = "UPDATE conversation SET channel = $3, state = $4, agent = $5, last_agent = $6, last_message = $7, chain_n = $8, \
                   chain_seq = $9, chain_leaf = $10, delivered_seq = $11, read_seq = $12, touched_at = greatest(touched_at, $13), \
                   solved_at = CASE WHEN $4::smallint = 3 THEN greatest(touched_at, $13) END, version = version + 1 \
                   WHERE tenant = $1 AND id = $2";
        let (seq, n, leaf) = conversation.newest;
        let own: [&(dyn ToSql + Sync); 12] = [
            &key,
            &self.channel(conversation).await?,
            &conversation.state.code(),
            &conversation.agent.map(uuid),
            &conversation.last_agent.map(uuid),
            &last_message(conversation),
            &n,
            &signed(seq),
            &leaf.as_bytes().as_slice(),
            &conversation.delivered,
            &conversation.read,
            &conversation.at,
        ];
        self.run(sql, &own).await.map(drop)
    }

    /// Puts the row of a conversation that began in the missing part; the inner key is a new one, which nothing else knows.
    async fn insert(&self, one: &Wanted<'_>) -> Result<Uuid, RecoverError> {
        let conversation = one.conversation;
        let (seq, n, leaf) = conversation.newest;
        let index = seq;
        let unknown = RecoverError::Entry { index, what: "its conversation's customer is not known" };
        let Some((subject, tip)) = conversation.subject.and_then(|subject| {
            let tip = self.walk.missing.tips.get(&subject).copied();
            Some((subject, tip?))
        }) else {
            return Err(unknown);
        };
        let SubjectTip { n: subject_n, seq: subject_seq, leaf: subject_leaf } = tip;
        // Random enough to be unique: the leaf hash is nobody's to choose.
        let random = std::array::from_fn(|at| leaf.as_bytes()[at]);
        let key = ConversationKey::new(Timestamp::from_micros(conversation.opened_at), random).0;
        let sql = "INSERT INTO conversation (tenant, id, public_id, subject, channel, state, agent, last_agent, version, last_message, \
                   opened_seq, opened_at, chain_n, chain_seq, chain_leaf, subject_n, subject_seq, subject_leaf, delivered_seq, \
                   read_seq, touched_at, solved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16, \
                   $17, $18, $19, $20, CASE WHEN $6::smallint = 3 THEN $20::bigint END)";
        let own: [&(dyn ToSql + Sync); 19] = [
            &key,
            &uuid(one.id),
            &uuid(subject),
            &self.channel(conversation).await?,
            &conversation.state.code(),
            &conversation.agent.map(uuid),
            &conversation.last_agent.map(uuid),
            &last_message(conversation),
            &signed(conversation.opened),
            &conversation.opened_at,
            &n,
            &signed(seq),
            &leaf.as_bytes().as_slice(),
            &subject_n,
            &subject_seq,
            &subject_leaf.as_bytes().as_slice(),
            &conversation.delivered,
            &conversation.read,
            &conversation.at,
        ];
        self.run(sql, &own).await?;
        Ok(key)
    }

    async fn route(&self, key: Uuid, one: &Wanted<'_>) -> Result<(), RecoverError> {
        let conversation = one.conversation;
        let is = |state| conversation.state == state;
        let (waiting, wish) = (is(ConversationState::Waiting), conversation.wish.map(Wish::code));
        let held_since = is(ConversationState::Assigned).then_some(conversation.at);
        let routed = self.walk.missing.routed.get(&one.id);
        let queue = &*conversation.queue;
        if routed.is_none() {
            let sql = "UPDATE conversation_route SET queue = $3, waiting = $4, wish = $5, held_since = $6, let_go = false, \
                       told_until = NULL WHERE tenant = $1 AND conversation = $2";
            if self.run(sql, &[&key, &queue, &waiting, &wish, &held_since]).await? > 0 {
                return Ok(());
            }
        }
        let Decision { rule, priority, skills, sla_s, sticky, tier, language } = Decision::of(routed);
        let weight = self.walk.missing.weights.get(&one.id).copied().unwrap_or(WEIGHT);
        let weight = i32::try_from(weight).unwrap_or(i32::MAX);
        let waits_since = routed.map_or(conversation.at, |entry| entry.time.as_micros());
        let opened = signed(conversation.opened);
        let sql = "INSERT INTO conversation_route (tenant, conversation, rule, queue, priority, skills, sla_s, sticky, tier, language, \
                   weight, waiting, waits_since, let_go, held_since, told_until, wish, opened_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, \
                   $8, $9, $10, $11, $12, $13, false, $14, NULL, $15, $16) ON CONFLICT (tenant, conversation) DO UPDATE SET \
                   rule = excluded.rule, queue = excluded.queue, priority = excluded.priority, skills = excluded.skills, \
                   sla_s = excluded.sla_s, sticky = excluded.sticky, tier = excluded.tier, language = excluded.language, \
                   weight = excluded.weight, waiting = excluded.waiting, waits_since = excluded.waits_since, let_go = false, \
                   held_since = excluded.held_since, told_until = NULL, wish = excluded.wish";
        let own: [&(dyn ToSql + Sync); 15] = [
            &key,
            &rule,
            &queue,
            &priority,
            &skills,
            &sla_s,
            &sticky,
            &tier,
            &language,
            &weight,
            &waiting,
            &waits_since,
            &held_since,
            &wish,
            &opened,
        ];
        self.run(sql, &own).await.map(drop)
    }

    /// Where the chains of customers end: their newest conversation keeps it.
    async fn tips(&self) -> Result<(), RecoverError> {
        for (subject, tip) in &self.walk.missing.tips {
            let SubjectTip { n, seq, leaf } = tip;
            let leaf: &Hash = leaf;
            let own: [&(dyn ToSql + Sync); 4] = [&uuid(*subject), n, seq, &leaf.as_bytes().as_slice()];
            self.run(super::super::recorder::SUBJECT_TIP, &own).await?;
        }
        Ok(())
    }

    /// Nobody is at their desk, and everybody holds what the rows say.
    async fn agents(&self) -> Result<(), RecoverError> {
        let sql = "UPDATE agent a SET online = false, attached = false, offline_since = $2, version = version + 1, \
                   load = coalesce((SELECT sum(r.weight) FROM conversation c JOIN conversation_route r ON r.tenant = c.tenant \
                       AND r.conversation = c.id WHERE c.tenant = a.tenant AND c.state = 1 AND c.agent = a.id), 0)::integer \
                   WHERE a.tenant = $1";
        self.run(sql, &[&self.of.now.as_micros()]).await.map(drop)
    }
}

/// How a conversation was routed, as its entry says.
struct Decision {
    rule: String,
    priority: i16,
    skills: String,
    sla_s: Option<i32>,
    sticky: bool,
    tier: Option<String>,
    language: Option<String>,
}

impl Decision {
    fn of(routed: Option<&Entry>) -> Self {
        let field = |name: &str| routed.and_then(|entry| detail(entry, name));
        let case = |name: &str| match field("case") {
            Some(Detail::Object(case)) => word(case.get(name)),
            Some(_) | None => None,
        };
        let skills = match field("skills") {
            Some(Detail::Array(words)) => words.iter().filter_map(|one| word(Some(one))).collect::<Vec<_>>().join(" "),
            Some(_) | None => String::new(),
        };
        let sla_s = field("sla_s").filter(|sla| matches!(sla, Detail::Int(_)));
        let priority = field("priority").map_or(PRIORITY, |priority| number(Some(priority)));
        Self {
            rule: word(field("row")).unwrap_or_else(|| "default".to_owned()),
            priority: i16::try_from(priority).unwrap_or(1),
            skills,
            sla_s: sla_s.and_then(|sla| i32::try_from(number(Some(sla))).ok()),
            sticky: field("sticky") == Some(&Detail::Bool(true)),
            tier: case("tier"),
            language: case("language"),
        }
    }
}

fn word(detail: Option<&Detail>) -> Option<String> {
    match detail {
        Some(Detail::String(word)) => Some(word.clone()),
        Some(_) | None => None,
    }
}

fn last_message(conversation: &Conversation) -> i32 {
    i32::try_from(conversation.last_message).unwrap_or(i32::MAX)
}
