//! Rows held against the state that the entries leave, and the state made anew from the entries alone.

use std::collections::HashSet;

use futures_util::{Stream, TryStreamExt};
use lww_audit::Entry;
use lww_audit::merkle::{Frontier, leaf_hash};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::super::database::DatabaseError;
use super::super::head;
use super::state::{Account, Conversation, State, Text};
use super::{Comparison, Difference, PAGE_ENTRIES};
use crate::domain::event::{Activation, Role, Wish};
use crate::domain::masking::Policy;
use crate::domain::message::RawText;
use crate::domain::record::{ConversationState, PolicyKind};
use crate::domain::routing::Table;
use crate::limits::ROW_DIFFERENCES_MAX;
use crate::ports::StaffPart;
use crate::units::{AccountId, EntryIndex, Hash, Id128};

/// Every conversation with how it is routed; its inner key stands last.
pub(in super::super) const CONVERSATIONS: &str = "SELECT c.public_id, c.subject, a.channel || ':' || a.account, c.state, c.agent, \
    c.last_agent, c.last_message, c.opened_seq, c.opened_at, c.chain_seq, c.chain_n, c.chain_leaf, c.delivered_seq, c.read_seq, \
    r.queue, r.waiting, r.wish, c.id FROM conversation c LEFT JOIN channel_account a ON a.tenant = c.tenant AND a.id = c.channel \
    LEFT JOIN conversation_route r ON r.tenant = c.tenant AND r.conversation = c.id WHERE c.tenant = $1";

/// A row that is not what the entries leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("row {table} {row}: {what}{}", .entry.map_or_else(String::new, |entry| format!(" (entry {entry})")))]
pub struct RowDifference {
    /// The table.
    pub table: &'static str,
    /// The row's public name: an id or a digest.
    pub row: String,
    /// What differs.
    pub what: &'static str,
    /// The newest entry that speaks of it.
    pub entry: Option<u64>,
}

/// What was found when the state was made anew.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Rebuilt {
    /// Entries that the state was made of.
    pub entries: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Conversations in it.
    pub conversations: u64,
    /// Policies and tables in it.
    pub policies: u64,
    /// Rows that differ, at most [`ROW_DIFFERENCES_MAX`].
    pub differences: Vec<RowDifference>,
}

/// Differences as they are found; full when there are enough.
#[derive(Default)]
pub(super) struct Found(Vec<RowDifference>);

impl Found {
    pub(super) fn add(
        &mut self,
        table: &'static str,
        row: &dyn ToString,
        what: &'static str,
        entry: Option<EntryIndex>,
    ) {
        if self.0.len() < ROW_DIFFERENCES_MAX {
            let entry = entry.map(|index| index.0);
            self.0.push(RowDifference { table, row: row.to_string(), what, entry });
        }
    }

    /// The first.
    pub(super) fn first(self) -> Result<(), Difference> {
        self.0.into_iter().next().map_or(Ok(()), |first| Err(Difference::Row(first)))
    }
}

/// Makes every later read of a connection see the same instant, however long a comparison takes and whoever writes meanwhile.
///
/// # Errors
/// [`DatabaseError`] when the database refuses.
pub async fn begin_snapshot(client: &Client) -> Result<(), DatabaseError> {
    let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0";
    Ok(client.batch_execute(sql).await?)
}

impl Comparison<'_> {
    /// Makes the state anew out of the database's own entries, which must lead to the head and to what was published, and
    /// compares every row with it; `progress` gets entries done and to do.
    ///
    /// # Errors
    /// A [`Difference`] when the entries themselves don't hold: nothing can be made of them then.
    pub async fn rebuild(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Rebuilt, Difference> {
        let signed = self.checkpoint()?;
        let head = self.check_head(&signed).await?;
        let (mut frontier, mut state) = (Frontier::empty(), State::default());
        while frontier.size() < head.size() {
            let from = EntryIndex(frontier.size().0);
            let page = head::entries(self.client, self.log, from, PAGE_ENTRIES).await?;
            if page.is_empty() {
                return Err(Difference::Missing { index: from });
            }
            for (index, bytes) in (from.0..head.size().0).map(EntryIndex).zip(&page) {
                let leaf = leaf_hash(bytes);
                state.take(index, leaf, &Entry::parse(bytes)?);
                frontier.push(leaf);
                let published = signed.unverified();
                if frontier.size() == published.size && frontier.root() != published.root {
                    return Err(Difference::Head("the entries don't lead to the published checkpoint".to_owned()));
                }
            }
            progress(frontier.size().0, head.size().0);
        }
        if frontier.root() != head.frontier.root() {
            return Err(Difference::Head("the entries don't lead to its root".to_owned()));
        }
        let differences = self.differing_rows(&state).await?.0;
        Ok(Rebuilt {
            entries: head.size().0,
            accounts: state.accounts.len() as u64,
            conversations: state.conversations.len() as u64,
            policies: state.texts.len() as u64,
            differences,
        })
    }

    /// The rows that are not what the entries leave.
    pub(super) async fn differing_rows(&self, state: &State) -> Result<Found, Difference> {
        let mut found = Found::default();
        self.settings(state, &mut found).await?;
        self.policies(state, &mut found).await?;
        self.accounts(state, &mut found).await?;
        self.desks(state, &mut found).await?;
        self.conversations(state, &mut found).await?;
        self.erasures(&state.erasures, &mut found).await?;
        self.amendments(&state.amendments, &mut found).await?;
        self.reports(&state.reports, &mut found).await?;
        self.unmaskings(&state.unmaskings, &mut found).await?;
        Ok(found)
    }

    async fn each(&self, sql: &str) -> Result<impl Stream<Item = Result<Row, tokio_postgres::Error>>, Difference> {
        let tenant: &(dyn ToSql + Sync) = &self.log.tenant.0;
        Ok(self.client.query_raw(sql, [tenant]).await?)
    }

    async fn settings(&self, state: &State, found: &mut Found) -> Result<(), Difference> {
        let sql = "SELECT policy, policy_entry, routing, routing_entry FROM settings WHERE tenant = $1";
        let row = self.client.query_opt(sql, &[&self.log.tenant.0]).await?;
        let newest = state.masking.max(state.routing).map(|(index, _)| index);
        let Some(row) = row else {
            if newest.is_some() {
                found.add("settings", &self.log.tenant_name, "it is missing", newest);
            }
            return Ok(());
        };
        for (kind, activated, at) in [("masking", state.masking, 0), ("routing", state.routing, 2)] {
            let digest = row.get::<_, Option<&[u8]>>(at);
            let index = row.get::<_, Option<i64>>(at + 1);
            let entry = activated.map(|(index, _)| index);
            if digest != activated.as_ref().map(|(_, digest)| digest.as_bytes().as_slice()) {
                found.add("settings", &kind, "it names another than its newest entry activated", entry);
            } else if index.is_some() && index != entry.map(signed) {
                found.add("settings", &kind, "it names another entry than the newest", entry);
            }
        }
        Ok(())
    }

    async fn policies(&self, state: &State, found: &mut Found) -> Result<(), Difference> {
        let mut missing: HashSet<[u8; 32]> = state.texts.keys().copied().collect();
        let rows = self.each("SELECT digest, source FROM policy WHERE tenant = $1").await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let digest = row.get::<_, &[u8]>(0);
            let named = <[u8; 32]>::try_from(digest).ok();
            let text = named.and_then(|digest| Some((digest, state.texts.get(&digest)?)));
            let Some((digest, text)) = text else {
                found.add("policy", &hex(digest), "no entry speaks of it", None);
                continue;
            };
            missing.remove(&digest);
            if !is_text(Hash(digest), *text, row.get(1)) {
                found.add("policy", &Hash(digest), "its text is not the one that was activated", Some(text.index));
            }
        }
        let is_lost = |digest: &[u8; 32]| {
            !state.is_needed(*digest) && state.texts.get(digest).is_some_and(|text| state.lost.holds(text.index.0))
        };
        for digest in missing.into_iter().filter(|digest| !is_lost(digest)) {
            found.add("policy", &Hash(digest), "it is missing", state.texts.get(&digest).map(|text| text.index));
        }
        Ok(())
    }

    async fn accounts(&self, state: &State, found: &mut Found) -> Result<(), Difference> {
        let mut missing: HashSet<Id128> = state.accounts.keys().copied().collect();
        let sql = "SELECT a.id, a.role, a.enabled, a.locked, a.must_change, a.login, a.login_name, a.profile, \
                   EXISTS (SELECT FROM second_factor f WHERE f.tenant = a.tenant AND f.account = a.id), \
                   (SELECT count(*) FROM external_identity e WHERE e.tenant = a.tenant AND e.account = a.id) \
                   FROM account a WHERE a.tenant = $1";
        let rows = self.each(sql).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let id = id_of(row.get(0));
            let Some(account) = state.accounts.get(&id) else {
                found.add("account", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            if let Some(what) = self.account(id, account, &row) {
                found.add("account", &id, what, Some(account.newest));
            }
        }
        for id in missing {
            found.add("account", &id, "it is missing", state.accounts.get(&id).map(|account| account.newest));
        }
        Ok(())
    }

    fn account(&self, id: Id128, account: &Account, row: &Row) -> Option<&'static str> {
        let id = AccountId(id);
        let own_login = |sealed: &[u8]| {
            let login = self.vault.open_staff(StaffPart::Login, id, sealed).ok()?;
            Some(self.vault.login_lookup(&RawText::new(login.to_string())) == row.get::<_, &[u8]>(5))
        };
        let is_own = row.get::<_, Option<&[u8]>>(6).is_none_or(|sealed| own_login(sealed) == Some(true));
        first(&[
            (Role::from_code(row.get(1)) == Some(account.role), "its role is another"),
            (row.get::<_, bool>(2) == account.enabled, "whether it is enabled is not what its entries say"),
            (row.get::<_, bool>(3) == account.locked, "whether it is locked is not what its entries say"),
            (
                row.get::<_, bool>(4) == account.must_change,
                "whether its password must be changed is not what its entries say",
            ),
            (row.get::<_, bool>(8) == account.has_factor, "whether it has a second factor is not what its entries say"),
            (
                row.get::<_, i64>(9) == account.identities,
                "its identities of the bank's provider are not what its entries say",
            ),
            (is_own, "its login is not the one that was sealed for it"),
            (self.vault.open_profile(id, row.get(7)).is_ok(), "its name does not open"),
        ])
    }

    async fn desks(&self, state: &State, found: &mut Found) -> Result<(), Difference> {
        let has_desk = |(id, account): (&Id128, &Account)| account.has_desk.then_some(*id);
        let mut missing: HashSet<Id128> = state.accounts.iter().filter_map(has_desk).collect();
        let rows = self.each("SELECT id, capacity, skills FROM agent WHERE tenant = $1").await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let id = id_of(row.get(0));
            let Some(account) = state.accounts.get(&id).filter(|account| account.has_desk) else {
                found.add("agent", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            let capacity = i64::from(row.get::<_, i32>(1));
            let what = first(&[
                (account.capacity.is_none_or(|told| told == capacity), "its capacity is another"),
                (row.get::<_, &str>(2) == account.skills, "its skills are others"),
            ]);
            if let Some(what) = what {
                found.add("agent", &id, what, Some(account.newest));
            }
        }
        for id in missing {
            found.add("agent", &id, "it is missing", state.accounts.get(&id).map(|account| account.newest));
        }
        Ok(())
    }

    async fn conversations(&self, state: &State, found: &mut Found) -> Result<(), Difference> {
        let mut missing: HashSet<Id128> = state.conversations.keys().copied().collect();
        let rows = self.each(CONVERSATIONS).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let id = id_of(row.get(0));
            let Some(conversation) = state.conversations.get(&id) else {
                found.add("conversation", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            let newest = Some(conversation.newest.0);
            if let Some(what) = differs(conversation, &row) {
                found.add("conversation", &id, what, newest);
            }
            if let Some(what) = is_routed_otherwise(conversation, &row) {
                found.add("conversation_route", &id, what, newest);
            }
        }
        for id in missing {
            found.add("conversation", &id, "it is missing", state.conversations.get(&id).map(|one| one.newest.0));
        }
        let sql = "SELECT r.conversation FROM conversation_route r WHERE r.tenant = $1 AND NOT EXISTS \
                   (SELECT FROM conversation c WHERE c.tenant = r.tenant AND c.id = r.conversation)";
        for row in self.client.query(sql, &[&self.log.tenant.0]).await? {
            found.add("conversation_route", &row.get::<_, Uuid>(0), "no entry speaks of it", None);
        }
        Ok(())
    }
}

/// What of a conversation's row is not what its entries leave.
pub(in super::super) fn differs(conversation: &Conversation, row: &Row) -> Option<&'static str> {
    let (seq, n, leaf) = conversation.newest;
    let mark = |at: usize| row.get::<_, i64>(at);
    first(&[
        (Some(id_of(row.get(1))) == conversation.subject, "its customer is another"),
        (row.get::<_, Option<&str>>(2) == conversation.channel.as_deref(), "its channel is another"),
        (ConversationState::from_code(row.get(3)) == Some(conversation.state), "its state is another"),
        (row.get::<_, Option<Uuid>>(4).map(id_of) == conversation.agent, "its agent is another"),
        (row.get::<_, Option<Uuid>>(5).map(id_of) == conversation.last_agent, "the agent who had it before is another"),
        (i64::from(row.get::<_, i32>(6)) == conversation.last_message, "the place of its newest message is another"),
        (mark(7) == signed(conversation.opened), "the entry that opened it is another"),
        (mark(8) == conversation.opened_at, "the time that it was opened at is another"),
        (mark(9) == signed(seq) && mark(10) == n, "its chain does not end at its newest entry"),
        (row.get::<_, &[u8]>(11) == leaf.as_bytes(), "its chain does not end at its newest entry"),
        (mark(12) == conversation.delivered, "how far it was delivered is not what its entries say"),
        (mark(13) == conversation.read, "how far it was read is not what its entries say"),
    ])
}

/// What of the row that tells how a conversation is routed is not what its entries leave.
pub(in super::super) fn is_routed_otherwise(conversation: &Conversation, row: &Row) -> Option<&'static str> {
    let Some(queue) = row.get::<_, Option<&str>>(14) else { return Some("it is missing") };
    let waits = conversation.state == ConversationState::Waiting;
    first(&[
        (queue == &*conversation.queue, "its queue is another"),
        (row.get::<_, Option<bool>>(15) == Some(waits), "whether it waits is not what its entries say"),
        (row.get::<_, Option<i16>>(16) == conversation.wish.map(Wish::code), "its wish is another"),
    ])
}

/// Whether a text is the one that was activated under a digest. An entry of the first kind doesn't tell the text: it is
/// believed when it resolves to the digest, by this engine or by the first release's.
pub(in super::super) fn is_text(digest: Hash, text: Text, source: &str) -> bool {
    if let Some(told) = text.source {
        return Activation::text_digest(source) == told;
    }
    match text.kind {
        PolicyKind::Masking => Policy::load(source).is_ok_and(|policy| policy.is_named_by(&digest.0)),
        PolicyKind::Routing => Table::load(source).is_ok_and(|table| table.digest() == digest),
    }
}

/// The first thing that does not hold.
fn first(checks: &[(bool, &'static str)]) -> Option<&'static str> {
    checks.iter().find(|(holds, _)| !holds).map(|(_, what)| *what)
}

fn id_of(uuid: Uuid) -> Id128 {
    Id128(uuid.into_bytes())
}

fn signed(index: EntryIndex) -> i64 {
    i64::try_from(index.0).unwrap_or(i64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_up_to_a_maximum_and_the_first_comes_first() {
        let mut found = Found::default();
        for row in 0..=ROW_DIFFERENCES_MAX {
            found.add("account", &row, "it is missing", Some(EntryIndex(7)));
        }
        assert_eq!(found.0.len(), ROW_DIFFERENCES_MAX);
        assert_eq!(found.first().unwrap_err().to_string(), "row account 0: it is missing (entry 7)");
        assert!(Found::default().first().is_ok());
    }
}
