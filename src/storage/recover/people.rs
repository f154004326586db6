//! Accounts, settings, erasures and holds made anew of the entries, and what is taken away because an older database still had it.
//!
//! What was revoked must not come back: sessions, used codes, factors and identities that were removed, customers who were
//! erased. Whoever changed how they show who they are since the copy has to do so again; no older password opens anything.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::walk::Walk;
use super::{RecoverError, Recovery};
use crate::domain::event::{DeclineReason, ErasureReason, HoldReason};
use crate::domain::record::ErasureState;
use crate::storage::database::Database;
use crate::storage::head;
use crate::storage::verify::amendments::{Act, Told};
use crate::storage::verify::desk::REPLY_SAVED;
use crate::storage::verify::erasures::Decided;
use crate::storage::verify::lost::detail;
use crate::storage::verify::state::Account;
use crate::storage::verify::unmaskings::Asked;
use crate::units::{EntryIndex, Hash, Id128, Timestamp};

/// What a statement is given.
type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Makes anew what the missing entries changed of accounts, of what is in force, and of who is erased or held.
pub(super) async fn restore(of: &Recovery<'_>, database: &Database, walk: &Walk) -> Result<(), RecoverError> {
    let rows = Rows { of, database, walk };
    rows.settings().await?;
    for (id, account) in &walk.state.accounts {
        rows.account(uuid(*id), account).await?;
    }
    rows.gone().await?;
    rows.erasures().await?;
    rows.amendments().await?;
    rows.reports().await?;
    rows.unmaskings().await?;
    rows.epochs().await
}

/// Takes away texts that the copy has as they were before the missing entries; how many.
pub(super) async fn take_away(of: &Recovery<'_>, database: &Database, walk: &Walk) -> Result<u64, RecoverError> {
    let rows = Rows { of, database, walk };
    let again = &walk.missing.masked_again;
    let mut taken = 0;
    for table in ["message", "note"] {
        let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND entry_seq = ANY ($2)");
        taken += rows.run(&sql, &[&again]).await?;
    }
    for (reply, entry) in &walk.missing.replies {
        let Ok(id) = reply.parse::<Id128>() else { continue };
        if entry.kind.as_str() == REPLY_SAVED {
            rows.run("DELETE FROM canned_reply WHERE tenant = $1 AND id = $2", &[&uuid(id)]).await?;
            continue;
        }
        let version = number(detail(entry, "version"));
        let sql = "INSERT INTO canned_reply (tenant, id, version, entry_seq, time, author, removed, original, masked) \
                   VALUES ($1, $2, $3, $4, $5, $6, true, '', '') ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, \
                   entry_seq = excluded.entry_seq, time = excluded.time, author = excluded.author, removed = true, original = '', \
                   masked = ''";
        let (seq, time, author) = (signed(entry.seq), entry.time.as_micros(), uuid(entry.actor.id));
        rows.run(sql, &[&uuid(id), &version, &seq, &time, &author]).await?;
    }
    Ok(taken)
}

struct Rows<'a> {
    of: &'a Recovery<'a>,
    database: &'a Database,
    walk: &'a Walk,
}

impl Rows<'_> {
    /// Runs a statement whose first parameter is the tenant; how many rows it reached.
    async fn run(&self, sql: &str, own: Values<'_>) -> Result<u64, RecoverError> {
        let tenant: &(dyn ToSql + Sync) = &self.of.log.tenant.0;
        let values: Vec<_> = std::iter::once(tenant).chain(own.iter().copied()).collect();
        Ok(self.database.client.execute(&self.database.prepared(sql).await?, &values).await?)
    }

    /// Whether an entry is one of those that were missing.
    fn is_missing(&self, index: EntryIndex) -> bool {
        index.0 >= self.walk.from.0
    }

    async fn settings(&self) -> Result<(), RecoverError> {
        let of = |activated: Option<(EntryIndex, Hash)>| {
            activated.map_or((None, None), |(index, digest)| (Some(digest.as_bytes().to_vec()), Some(signed(index))))
        };
        let ((policy, policy_entry), (routing, routing_entry)) =
            (of(self.walk.state.masking), of(self.walk.state.routing));
        let sql = "UPDATE settings SET policy = $2, policy_entry = $3, routing = $4, routing_entry = $5, version = version + 1 \
                   WHERE tenant = $1 AND (policy, routing) IS DISTINCT FROM ($2::bytea, $4::bytea)";
        self.run(sql, &[&policy, &policy_entry, &routing, &routing_entry]).await.map(drop)
    }

    async fn account(&self, id: Uuid, account: &Account) -> Result<(), RecoverError> {
        let is_missing = |changed: Option<EntryIndex>| changed.is_some_and(|changed| self.is_missing(changed));
        let password = is_missing(account.password).then_some(self.of.no_password);
        let (role, must_change) = (account.role.code(), account.must_change);
        let sql = "UPDATE account SET role = $3, enabled = $4, locked = $5, must_change = $6, password = coalesce($7, password), \
                   version = version + 1 WHERE tenant = $1 AND id = $2 AND ((role, enabled, locked, must_change) IS DISTINCT FROM \
                   ($3::smallint, $4::boolean, $5::boolean, $6::boolean) OR $7::text IS NOT NULL)";
        self.run(sql, &[&id, &role, &account.enabled, &account.locked, &must_change, &password]).await?;
        if !account.has_factor {
            self.run("DELETE FROM second_factor WHERE tenant = $1 AND account = $2", &[&id]).await?;
        }
        // Which of them were used since, nobody knows.
        if !account.has_factor || self.walk.missing.recovery_used.contains(&Id128(id.into_bytes())) {
            self.run("DELETE FROM recovery_code WHERE tenant = $1 AND account = $2", &[&id]).await?;
        }
        if account.identities == 0 {
            self.run("DELETE FROM external_identity WHERE tenant = $1 AND account = $2", &[&id]).await?;
        }
        if account.has_desk && self.is_missing(account.newest) {
            let capacity = account.capacity.and_then(|capacity| i32::try_from(capacity).ok());
            let sql = "INSERT INTO agent (tenant, id, capacity, load, online, idle_since, version, skills) SELECT $1, $2, \
                       coalesce($3, 0), 0, false, $4, 1, $5 WHERE EXISTS (SELECT FROM account WHERE tenant = $1 AND id = $2) \
                       ON CONFLICT (tenant, id) DO UPDATE SET capacity = coalesce($3, agent.capacity), skills = excluded.skills, \
                       version = agent.version + 1";
            self.run(sql, &[&id, &capacity, &self.of.now.as_micros(), &account.skills]).await?;
        }
        Ok(())
    }

    /// Sessions, and accounts whose beginning is declared lost.
    async fn gone(&self) -> Result<(), RecoverError> {
        self.run("DELETE FROM session WHERE tenant = $1", &[]).await?;
        let lost: Vec<Uuid> = self.walk.state.lost.accounts().map(uuid).collect();
        for (table, column) in [
            ("account", "id"),
            ("agent", "id"),
            ("second_factor", "account"),
            ("recovery_code", "account"),
            ("external_identity", "account"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND {column} = ANY ($2)");
            self.run(&sql, &[&lost]).await?;
        }
        Ok(())
    }

    async fn erasures(&self) -> Result<(), RecoverError> {
        let state = &self.walk.state.erasures;
        let erased: Vec<Uuid> = state.erased.keys().copied().map(uuid).collect();
        let sql = "SELECT erase_subject($1, id, version, true) FROM subject WHERE tenant = $1 AND id = ANY ($2)";
        self.run(sql, &[&erased]).await?;
        let is_missing = |decided: &&(&Id128, &Decided)| self.is_missing(decided.1.newest());
        // Those that are decided first: a customer is proposed once at a time.
        let mut proposals: Vec<_> = state.proposals.iter().collect();
        proposals.sort_by_key(|(_, decided)| decided.state == ErasureState::Proposed);
        for (id, decided) in proposals.iter().filter(is_missing) {
            self.proposal(uuid(**id), decided).await?;
        }
        let holds: Vec<_> = state.holds.iter().collect();
        for (id, decided) in holds.iter().filter(is_missing) {
            self.hold(uuid(**id), decided).await?;
        }
        Ok(())
    }

    async fn proposal(&self, id: Uuid, decided: &Decided) -> Result<(), RecoverError> {
        let Some(subject) = decided.subject.map(uuid) else { return Ok(()) };
        let reason = ErasureReason::ALL.iter().find(|(_, word, _)| *word == decided.reason).map(|(.., code)| *code);
        let (seq, by) = (signed(decided.began.0), uuid(decided.began.1));
        let (ended, ended_by) = (decided.ended.map(|(index, _)| signed(index)), decided.ended.map(|(_, by)| uuid(by)));
        let epoch = decided.epoch.and_then(|epoch| i32::try_from(epoch).ok());
        let sql = "INSERT INTO erasure (tenant, id, subject, state, reason, at_once, version, proposed_by, proposed_seq, proposed_at, \
                   decided_by, decided_seq, decided_at, epoch) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13) \
                   ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, version = erasure.version + 1, \
                   decided_by = excluded.decided_by, decided_seq = excluded.decided_seq, decided_at = excluded.decided_at, \
                   epoch = excluded.epoch";
        let (began_at, ended_at) = decided.times;
        let own: [&(dyn ToSql + Sync); 12] = [
            &id,
            &subject,
            &decided.state.code(),
            &reason.unwrap_or(0),
            &decided.at_once,
            &by,
            &seq,
            &began_at,
            &ended_by,
            &ended,
            &ended_at,
            &epoch,
        ];
        self.run(sql, &own).await.map(drop)
    }

    async fn hold(&self, id: Uuid, decided: &Decided) -> Result<(), RecoverError> {
        let Some(subject) = decided.subject.map(uuid) else { return Ok(()) };
        let reason = HoldReason::from_word(&decided.reason).map_or(0, HoldReason::code);
        let (seq, by) = (signed(decided.began.0), uuid(decided.began.1));
        let (ended, ended_by) = (decided.ended.map(|(index, _)| signed(index)), decided.ended.map(|(_, by)| uuid(by)));
        let sql = "INSERT INTO legal_hold (tenant, id, subject, reason, version, placed_by, placed_seq, placed_at, released_by, \
                   released_seq, released_at) VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant, id) DO UPDATE \
                   SET version = legal_hold.version + 1, released_by = excluded.released_by, released_seq = excluded.released_seq, \
                   released_at = excluded.released_at";
        let (began_at, ended_at) = decided.times;
        self.run(sql, &[&id, &subject, &reason, &by, &seq, &began_at, &ended_by, &ended, &ended_at]).await.map(drop)
    }

    /// When an entry was recorded.
    async fn time_of(&self, index: EntryIndex) -> Result<i64, RecoverError> {
        let body = head::entries(&self.database.client, self.of.log, index, 1).await?;
        let entry = body.first().map(|body| lww_audit::Entry::parse(body)).transpose()?;
        Ok(entry.map_or(0, |entry| entry.time.as_micros()))
    }

    /// Proposed changes of the masking policy, with who consented.
    async fn amendments(&self) -> Result<(), RecoverError> {
        let told = self.walk.state.amendments.told.iter();
        for (id, told) in told.filter(|(_, told)| self.is_missing(told.newest())) {
            self.amendment(uuid(*id), told).await?;
            for (index, by) in &told.consents {
                let sql = "INSERT INTO amendment_consent (tenant, amendment, account, seq, time) VALUES ($1, $2, $3, $4, $5) \
                           ON CONFLICT DO NOTHING";
                let time = self.time_of(*index).await?;
                self.run(sql, &[&uuid(*id), &uuid(*by), &signed(*index), &time]).await?;
            }
        }
        Ok(())
    }

    async fn amendment(&self, id: Uuid, told: &Told) -> Result<(), RecoverError> {
        let sql = "INSERT INTO amendment (tenant, id, state, digest, against, only_masks_more, effective_at, version, proposed_by, \
                   proposed_seq, proposed_at, decided_by, decided_seq, decided_at, reviewed_by, reviewed_seq, reviewed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (tenant, id) DO UPDATE \
                   SET state = excluded.state, version = amendment.version + 1, decided_by = excluded.decided_by, \
                   decided_seq = excluded.decided_seq, decided_at = excluded.decided_at, reviewed_by = excluded.reviewed_by, \
                   reviewed_seq = excluded.reviewed_seq, reviewed_at = excluded.reviewed_at";
        let effective = told.effective.as_deref().and_then(|from| from.parse::<Timestamp>().ok());
        let against = told.against.unwrap_or(Hash::ZERO);
        let (decided, reviewed) = (self.act(told.decided).await?, self.act(told.reviewed).await?);
        let own: [&(dyn ToSql + Sync); 15] = [
            &id,
            &told.state.code(),
            &told.digest.as_bytes().as_slice(),
            &against.as_bytes().as_slice(),
            &told.only_masks_more,
            &effective.map(Timestamp::as_micros),
            &uuid(told.proposed.1),
            &signed(told.proposed.0),
            &self.time_of(told.proposed.0).await?,
            &decided.0,
            &decided.1,
            &decided.2,
            &reviewed.0,
            &reviewed.1,
            &reviewed.2,
        ];
        self.run(sql, &own).await.map(drop)
    }

    /// Reports of the desk, as the entries leave them.
    async fn reports(&self) -> Result<(), RecoverError> {
        let sql = "INSERT INTO mask_report (tenant, id, version, state, made_by, made_seq, made_at, changed_by, changed_seq, \
                   changed_at, amendment, reason) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                   ON CONFLICT (tenant, id) DO UPDATE SET version = mask_report.version + 1, state = excluded.state, \
                   changed_by = excluded.changed_by, changed_seq = excluded.changed_seq, changed_at = excluded.changed_at, \
                   amendment = excluded.amendment, reason = excluded.reason";
        for (id, told) in self.walk.state.reports.told.iter().filter(|(_, told)| self.is_missing(told.changed.0)) {
            let (made, changed) = (self.act(Some(told.made)).await?, self.act(Some(told.changed)).await?);
            let (amendment, reason) = (told.amendment.map(uuid), told.reason.map(DeclineReason::code));
            let own: [&(dyn ToSql + Sync); 10] = [
                &uuid(*id),
                &told.state.code(),
                &made.0,
                &made.1,
                &made.2,
                &changed.0,
                &changed.1,
                &changed.2,
                &amendment,
                &reason,
            ];
            self.run(sql, &own).await?;
        }
        Ok(())
    }

    /// Requests to open masked values.
    async fn unmaskings(&self) -> Result<(), RecoverError> {
        let asked = self.walk.state.unmaskings.0.iter();
        for (id, asked) in asked.filter(|(_, asked)| self.is_missing(asked.newest())) {
            self.unmasking(uuid(*id), asked).await?;
        }
        Ok(())
    }

    async fn unmasking(&self, id: Uuid, asked: &Asked) -> Result<(), RecoverError> {
        let sql = "INSERT INTO unmasking (tenant, id, state, version, conversation, subject, message, span, of_seq, until, requested_by, \
                   requested_seq, requested_at, decided_by, decided_seq, decided_at, used_by, used_seq, used_at) \
                   SELECT $1, $2, $3, 1, c.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 FROM conversation c \
                   WHERE c.tenant = $1 AND c.public_id = $4 ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, \
                   version = unmasking.version + 1, until = excluded.until, decided_by = excluded.decided_by, \
                   decided_seq = excluded.decided_seq, decided_at = excluded.decided_at, used_by = excluded.used_by, \
                   used_seq = excluded.used_seq, used_at = excluded.used_at";
        let (index, by) = asked.requested;
        let (decided, used) = (self.act(asked.decided).await?, self.act(asked.used).await?);
        let own: [&(dyn ToSql + Sync); 17] = [
            &id,
            &asked.state.code(),
            &uuid(asked.conversation),
            &uuid(asked.subject),
            &uuid(asked.message),
            &i32::try_from(asked.span).unwrap_or(-1),
            &asked.of,
            &asked.until.map(Timestamp::as_micros),
            &uuid(by),
            &signed(index),
            &self.time_of(index).await?,
            &decided.0,
            &decided.1,
            &decided.2,
            &used.0,
            &used.1,
            &used.2,
        ];
        self.run(sql, &own).await.map(drop)
    }

    /// Who did something, by which entry, and when.
    async fn act(&self, act: Option<Act>) -> Result<(Option<Uuid>, Option<i64>, Option<i64>), RecoverError> {
        let Some((index, by)) = act else { return Ok((None, None, None)) };
        Ok((Some(uuid(by)), Some(signed(index)), Some(self.time_of(index).await?)))
    }

    /// That the key of an epoch was destroyed which ended before is told; one that ended since must still have its key.
    async fn epochs(&self) -> Result<(), RecoverError> {
        if let Some(index) = self.walk.state.lost.destroyed_epoch() {
            return Err(RecoverError::Epoch { index });
        }
        for (name, (_, destroyed)) in &self.walk.state.erasures.epochs {
            let Some(destroyed) = destroyed.filter(|index| self.is_missing(*index)) else { continue };
            let time = self.time_of(destroyed).await?;
            let sql =
                "UPDATE retired_epoch SET destroyed_seq = $3, destroyed_at = $4 WHERE tenant = $1 AND fingerprint = $2";
            self.run(sql, &[&name.as_bytes().as_slice(), &signed(destroyed), &time]).await?;
        }
        Ok(())
    }
}

pub(super) fn uuid(id: Id128) -> Uuid {
    Uuid::from_bytes(id.0)
}

pub(super) fn signed(index: EntryIndex) -> i64 {
    i64::try_from(index.0).unwrap_or(i64::MAX)
}

/// An integer of an entry's detail.
pub(super) fn number(detail: Option<&lww_audit::entry::Detail>) -> i64 {
    match detail {
        Some(lww_audit::entry::Detail::Int(value)) => *value,
        Some(_) | None => 0,
    }
}
