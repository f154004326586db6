//! Reads what the overlay does not know yet, for a whole batch at once.
//!
//! The reading connection sees only what is committed. That is enough: whatever a batch in flight has changed is in the
//! overlay already.

use std::collections::HashSet;

use futures_util::future::try_join;
use futures_util::future::try_join3;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::database::Database;
use super::Request;
use super::rows::account;
use super::state::{Overlay, Tip, expectations, presupposed};
use crate::domain::record::Aggregate;
use crate::units::{
    AccountId, AmendmentId, ConversationKey, DraftId, EntryIndex, ErasureId, Hash, HoldId, MessageId, ReportId, RunId,
    SubjectId, TenantId, UnmaskingId, Version,
};

/// What must be looked up before a batch can be decided.
#[derive(Default)]
struct Missing {
    dedup: HashSet<[u8; 16]>,
    conversations: HashSet<ConversationKey>,
    subjects: HashSet<SubjectId>,
    agents: HashSet<AccountId>,
    accounts: HashSet<AccountId>,
    replies: HashSet<MessageId>,
    people: HashSet<SubjectId>,
    erasures: HashSet<ErasureId>,
    amendments: HashSet<AmendmentId>,
    reports: HashSet<ReportId>,
    unmaskings: HashSet<UnmaskingId>,
    runs: HashSet<RunId>,
    drafts: HashSet<DraftId>,
    holds: HashSet<HoldId>,
    settings: bool,
}

/// Fills the overlay with what `requests` need.
///
/// # Errors
/// The database's, when it can't be read.
pub(super) async fn load(
    database: &Database,
    tenant: TenantId,
    overlay: &mut Overlay,
    requests: &[Request],
) -> Result<(), tokio_postgres::Error> {
    let missing = missing(overlay, requests);
    try_join3(
        dedup(database, tenant, &missing),
        try_join(conversations(database, tenant, &missing), subjects(database, tenant, &missing)),
        versions(database, tenant, &missing),
    )
    .await
    .map(|(dedup, (conversations, subjects), versions)| {
        take_dedup(overlay, &missing, &dedup);
        take_conversations(overlay, &missing, &conversations);
        take_subjects(overlay, &missing, &subjects);
        take_versions(overlay, &missing, versions);
    })
}

fn missing(overlay: &Overlay, requests: &[Request]) -> Missing {
    let mut missing = Missing::default();
    for Request { proposal, .. } in requests {
        if let Some(dedup) = proposal.dedup
            && !overlay.dedup.contains_key(&dedup.key)
        {
            missing.dedup.insert(dedup.key);
        }
        for step in &proposal.steps {
            if let Some(subject) = step.draft.subject
                && !overlay.subjects.contains_key(&subject)
            {
                missing.subjects.insert(subject);
            }
            let touched = step.draft.conversation.map(|conversation| Aggregate::Conversation(conversation.key));
            let changed = expectations(&step.effects).map(|(aggregate, _)| aggregate);
            let people = presupposed(step).map(Aggregate::Subject);
            for aggregate in touched.into_iter().chain(changed).chain(people) {
                if !overlay.versions.contains_key(&aggregate) {
                    missing.add(aggregate);
                }
            }
        }
    }
    missing
}

impl Missing {
    fn add(&mut self, aggregate: Aggregate) {
        match aggregate {
            Aggregate::Conversation(key) => {
                self.conversations.insert(key);
            }
            Aggregate::Agent(id) => {
                self.agents.insert(id);
            }
            Aggregate::Account(id) => {
                self.accounts.insert(id);
            }
            Aggregate::Reply(id) => {
                self.replies.insert(id);
            }
            Aggregate::Subject(id) => {
                self.people.insert(id);
            }
            Aggregate::Erasure(id) => {
                self.erasures.insert(id);
            }
            Aggregate::Hold(id) => {
                self.holds.insert(id);
            }
            Aggregate::Amendment(id) => {
                self.amendments.insert(id);
            }
            Aggregate::Report(id) => {
                self.reports.insert(id);
            }
            Aggregate::Unmasking(id) => {
                self.unmaskings.insert(id);
            }
            Aggregate::Run(id) => {
                self.runs.insert(id);
            }
            Aggregate::Draft(id) => {
                self.drafts.insert(id);
            }
            Aggregate::Settings => self.settings = true,
        }
    }
}

/// A table, the ids that are wanted of it, and what they name.
type Wanted = (&'static str, Vec<Uuid>, fn(Uuid) -> Aggregate);

impl Missing {
    /// What is counted by a row of its own and no account.
    fn others(&self) -> [Wanted; 9] {
        [
            ("canned_reply", self.replies.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Reply(MessageId::from_uuid(id))
            }),
            ("subject", self.people.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Subject(SubjectId::from_uuid(id))
            }),
            ("erasure", self.erasures.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Erasure(ErasureId::from_uuid(id))
            }),
            ("amendment", self.amendments.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Amendment(AmendmentId::from_uuid(id))
            }),
            ("mask_report", self.reports.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Report(ReportId::from_uuid(id))
            }),
            ("unmasking", self.unmaskings.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Unmasking(UnmaskingId::from_uuid(id))
            }),
            ("policy_run", self.runs.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Run(RunId::from_uuid(id))
            }),
            ("policy_draft", self.drafts.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Draft(DraftId::from_uuid(id))
            }),
            ("legal_hold", self.holds.iter().map(|id| id.to_uuid()).collect(), |id| {
                Aggregate::Hold(HoldId::from_uuid(id))
            }),
        ]
    }
}

type Rows = Result<Vec<Row>, tokio_postgres::Error>;

async fn dedup(database: &Database, tenant: TenantId, missing: &Missing) -> Rows {
    if missing.dedup.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<&[u8]> = missing.dedup.iter().map(<[u8; 16]>::as_slice).collect();
    let sql = "SELECT key, seq, body FROM dedup WHERE tenant = $1 AND key = ANY($2)";
    database.client.query(&database.prepared(sql).await?, &[&tenant.0, &keys]).await
}

async fn conversations(database: &Database, tenant: TenantId, missing: &Missing) -> Rows {
    if missing.conversations.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Uuid> = missing.conversations.iter().map(|key| key.0).collect();
    let sql = "SELECT id, version, chain_n, chain_seq, chain_leaf FROM conversation WHERE tenant = $1 AND id = ANY($2)";
    database.client.query(&database.prepared(sql).await?, &[&tenant.0, &keys]).await
}

async fn subjects(database: &Database, tenant: TenantId, missing: &Missing) -> Rows {
    if missing.subjects.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Uuid> = missing.subjects.iter().map(|id| id.to_uuid()).collect();
    let sql = "SELECT DISTINCT ON (subject) subject, subject_n, subject_seq, subject_leaf FROM conversation \
               WHERE tenant = $1 AND subject = ANY($2) ORDER BY subject, subject_n DESC";
    database.client.query(&database.prepared(sql).await?, &[&tenant.0, &keys]).await
}

async fn versions(
    database: &Database,
    tenant: TenantId,
    missing: &Missing,
) -> Result<Vec<(Aggregate, Version)>, tokio_postgres::Error> {
    let mut found = Vec::new();
    for (wanted, table, wrap) in [
        (&missing.agents, "agent", Aggregate::Agent as fn(AccountId) -> Aggregate),
        (&missing.accounts, "account", Aggregate::Account as fn(AccountId) -> Aggregate),
    ] {
        if wanted.is_empty() {
            continue;
        }
        let ids: Vec<Uuid> = wanted.iter().filter_map(|id| account(Some(*id))).collect();
        let sql = format!("SELECT id, version FROM {table} WHERE tenant = $1 AND id = ANY($2)");
        for row in database.client.query(&database.prepared(&sql).await?, &[&tenant.0, &ids]).await? {
            found.push((wrap(AccountId::from_uuid(row.get(0))), Version(row.get(1))));
        }
    }
    for (table, wanted, wrap) in missing.others() {
        if wanted.is_empty() {
            continue;
        }
        let sql = format!("SELECT id, version FROM {table} WHERE tenant = $1 AND id = ANY($2)");
        for row in database.client.query(&database.prepared(&sql).await?, &[&tenant.0, &wanted]).await? {
            found.push((wrap(row.get(0)), Version(row.get(1))));
        }
    }
    if missing.settings
        && let Some(row) =
            database.client.query_opt("SELECT version FROM settings WHERE tenant = $1", &[&tenant.0]).await?
    {
        found.push((Aggregate::Settings, Version(row.get(0))));
    }
    Ok(found)
}

fn take_dedup(overlay: &mut Overlay, missing: &Missing, rows: &[Row]) {
    overlay.dedup.extend(missing.dedup.iter().map(|key| (*key, None)));
    for row in rows {
        let (key, body): (&[u8], &[u8]) = (row.get(0), row.get(2));
        if let (Ok(key), Ok(body)) = (key.try_into(), body.try_into()) {
            overlay.dedup.insert(key, Some((index(row.get(1)), body)));
        }
    }
}

fn take_conversations(overlay: &mut Overlay, missing: &Missing, rows: &[Row]) {
    overlay.versions.extend(missing.conversations.iter().map(|key| (Aggregate::Conversation(*key), None)));
    for row in rows {
        let key = ConversationKey(row.get(0));
        overlay.versions.insert(Aggregate::Conversation(key), Some(Version(row.get(1))));
        overlay.conversations.insert(key, tip(row.get(2), row.get(3), row.get(4)));
    }
}

fn take_subjects(overlay: &mut Overlay, missing: &Missing, rows: &[Row]) {
    overlay.subjects.extend(missing.subjects.iter().map(|id| (*id, None)));
    for row in rows {
        overlay.subjects.insert(SubjectId::from_uuid(row.get(0)), tip(row.get(1), row.get(2), row.get(3)));
    }
}

fn take_versions(overlay: &mut Overlay, missing: &Missing, found: Vec<(Aggregate, Version)>) {
    overlay.versions.extend(missing.agents.iter().map(|id| (Aggregate::Agent(*id), None)));
    overlay.versions.extend(missing.accounts.iter().map(|id| (Aggregate::Account(*id), None)));
    for (_, wanted, wrap) in missing.others() {
        overlay.versions.extend(wanted.into_iter().map(|id| (wrap(id), None)));
    }
    if missing.settings {
        overlay.versions.insert(Aggregate::Settings, None);
    }
    overlay.versions.extend(found.into_iter().map(|(aggregate, version)| (aggregate, Some(version))));
}

fn tip(n: i64, seq: i64, leaf: &[u8]) -> Option<Tip> {
    let leaf = Hash(leaf.try_into().ok()?);
    Some(Tip { n: u64::try_from(n).ok()?, seq: index(seq), leaf })
}

fn index(value: i64) -> EntryIndex {
    EntryIndex(u64::try_from(value).unwrap_or(0))
}
