//! Staff accounts, their sessions and their counted attempts, as the database holds them.
//!
//! Sessions and attempts are written here, outside the ledger; accounts are read only.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::store::TenantStore;
use crate::domain::event::Role;
use crate::ports::{AccountRow, AttemptRules, Attempts, FactorRow, People, SessionRow, StoreError, Vouched};
use crate::units::{AccountId, MICROS_PER_SECOND, SessionId, Timestamp, Version};

const ACCOUNT: &str = "SELECT a.id, a.login, a.login_name, a.profile, a.password, a.role, a.must_change, a.enabled, a.locked, \
    a.version, coalesce((SELECT g.capacity FROM agent g WHERE g.tenant = a.tenant AND g.id = a.id), 0), \
    EXISTS (SELECT 1 FROM second_factor f WHERE f.tenant = a.tenant AND f.account = a.id) \
    , coalesce((SELECT g.skills FROM agent g WHERE g.tenant = a.tenant AND g.id = a.id), '') FROM account a WHERE a.tenant = $1";
const SESSION: &str = "id, account, created, last_seen, expires, device, pending, factor_at, enrolment, \
    vouched_subject, vouched_session";
/// Sessions of the subject and the session in $2 and $3.
const VOUCHED: &str = "tenant = $1 AND ($2::bytea IS NOT NULL OR $3::bytea IS NOT NULL) \
    AND ($2::bytea IS NULL OR vouched_subject = $2) \
    AND ($3::bytea IS NULL OR vouched_session = $3 OR ($2::bytea IS NOT NULL AND vouched_session IS NULL))";

#[async_trait]
impl People for TenantStore {
    async fn account_by_login(&self, login: &[u8; 32]) -> Result<Option<AccountRow>, StoreError> {
        let found = self.row(&format!("{ACCOUNT} AND a.login = $2"), &[&login.as_slice()]).await?;
        found.map(|row| account(&row)).transpose()
    }

    async fn account_by_identity(&self, lookup: &[u8; 32]) -> Result<Option<AccountRow>, StoreError> {
        let own = "(SELECT account FROM external_identity WHERE tenant = $1 AND lookup = $2)";
        let found = self.row(&format!("{ACCOUNT} AND a.id = {own}"), &[&lookup.as_slice()]).await?;
        found.map(|row| account(&row)).transpose()
    }

    async fn has_identity(&self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM external_identity WHERE tenant = $1 AND account = $2 LIMIT 1";
        Ok(self.row(sql, &[&account.to_uuid()]).await?.is_some())
    }

    async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let found = self.row(&format!("{ACCOUNT} AND a.id = $2"), &[&id.to_uuid()]).await?;
        found.map(|row| account(&row)).transpose()
    }

    async fn accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        let limit = i64::from(limit);
        let rows = match after.map(AccountId::to_uuid) {
            Some(after) => {
                self.rows(&format!("{ACCOUNT} AND a.id > $3 ORDER BY a.id LIMIT $2"), &[&limit, &after]).await?
            }
            None => self.rows(&format!("{ACCOUNT} ORDER BY a.id LIMIT $2"), &[&limit]).await?,
        };
        rows.iter().map(account).collect()
    }

    async fn another_has(&self, role: Role, besides: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM account WHERE tenant = $1 AND role = $2 AND enabled AND id <> $3 LIMIT 1";
        Ok(self.row(sql, &[&role.code(), &besides.to_uuid()]).await?.is_some())
    }

    async fn factor(&self, account: AccountId) -> Result<Option<FactorRow>, StoreError> {
        let sql = "SELECT secret, last_step FROM second_factor WHERE tenant = $1 AND account = $2";
        let row = self.row(sql, &[&account.to_uuid()]).await?;
        Ok(row.map(|row| FactorRow { secret: row.get(0), last_step: row.get(1) }))
    }

    async fn has_recovery_code(&self, account: AccountId, code: &[u8; 32]) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM recovery_code WHERE tenant = $1 AND account = $2 AND code = $3";
        Ok(self.row(sql, &[&account.to_uuid(), &code.as_slice()]).await?.is_some())
    }

    async fn put_session(&self, token: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO session (tenant, token, {SESSION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        );
        let factor_at = session.factor_at.map(Timestamp::as_micros);
        let own: [&(dyn tokio_postgres::types::ToSql + Sync); 12] = [
            &token.as_slice(),
            &session.id.to_uuid(),
            &session.account.to_uuid(),
            &session.created.as_micros(),
            &session.last_seen.as_micros(),
            &session.expires.as_micros(),
            &session.device,
            &session.pending,
            &factor_at,
            &session.enrolment,
            &session.vouched.subject,
            &session.vouched.session,
        ];
        self.rows(&sql, &own).await.map(|_| ())
    }

    async fn session(
        &self,
        token: &[u8; 32],
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!(
            "UPDATE session SET last_seen = greatest(last_seen, $3) WHERE tenant = $1 AND token = $2 AND expires > $3 \
             AND last_seen > $4 RETURNING {SESSION}"
        );
        let row = self.row(&sql, &[&token.as_slice(), &now.as_micros(), &idle_since.as_micros()]).await?;
        Ok(row.as_ref().map(session))
    }

    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let sql = format!(
            "SELECT {SESSION} FROM session WHERE tenant = $1 AND account = $2 AND expires > $3 AND last_seen > $4 \
             ORDER BY created DESC LIMIT 200"
        );
        let rows = self.rows(&sql, &[&account.to_uuid(), &now.as_micros(), &idle_since.as_micros()]).await?;
        Ok(rows.iter().map(session).collect())
    }

    async fn set_enrolment(&self, session: SessionId, secret: Option<&[u8]>) -> Result<(), StoreError> {
        let sql = "UPDATE session SET enrolment = $3 WHERE tenant = $1 AND id = $2";
        self.rows(sql, &[&session.to_uuid(), &secret]).await.map(|_| ())
    }

    async fn end_session(&self, account: AccountId, session: SessionId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM session WHERE tenant = $1 AND account = $2 AND id = $3 RETURNING id";
        Ok(self.row(sql, &[&account.to_uuid(), &session.to_uuid()]).await?.is_some())
    }

    async fn end_sessions_of(&self, account: AccountId, but: Option<SessionId>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM session WHERE tenant = $1 AND account = $2 AND id IS DISTINCT FROM $3 RETURNING id";
        let ended = self.rows(sql, &[&account.to_uuid(), &but.map(SessionId::to_uuid)]).await?;
        Ok(ended.len() as u64)
    }

    async fn vouched_sessions(
        &self,
        by: &Vouched,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<(AccountId, u64)>, StoreError> {
        let sql = format!(
            "SELECT account, count(*) FROM session WHERE {VOUCHED} AND expires > $4 AND last_seen > $5 GROUP BY account"
        );
        let rows = self.rows(&sql, &[&by.subject, &by.session, &now.as_micros(), &idle_since.as_micros()]).await?;
        let sessions = |row: &Row| u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
        Ok(rows.iter().map(|row| (AccountId::from_uuid(row.get(0)), sessions(row))).collect())
    }

    async fn end_vouched_sessions(&self, by: &Vouched) -> Result<(), StoreError> {
        self.rows(&format!("DELETE FROM session WHERE {VOUCHED}"), &[&by.subject, &by.session]).await.map(|_| ())
    }

    async fn knows_provider_logout(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM provider_logout WHERE tenant = $1 AND token = $2";
        Ok(self.row(sql, &[&token.as_slice()]).await?.is_some())
    }

    async fn keep_provider_logout(&self, token: &[u8; 32], until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let sql = "WITH over AS (DELETE FROM provider_logout WHERE tenant = $1 AND until <= $4) \
                   INSERT INTO provider_logout (tenant, token, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.rows(sql, &[&token.as_slice(), &until.as_micros(), &now.as_micros()]).await.map(|_| ())
    }

    async fn sweep_sessions(&self, now: Timestamp, idle_since: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM session WHERE tenant = $1 AND (expires <= $2 OR last_seen <= $3)";
        self.rows(sql, &[&now.as_micros(), &idle_since.as_micros()]).await.map(|_| ())
    }

    async fn count_attempt(&self, key: &[u8], now: Timestamp, rules: AttemptRules) -> Result<Option<u32>, StoreError> {
        // One statement, so that a burst of guesses can't slip in between looking and counting.
        let sql = "INSERT INTO login_failure AS f (tenant, login, failures, last) VALUES ($1, $2, 1, $3) \
                   ON CONFLICT (tenant, login) DO UPDATE SET last = $3, \
                       failures = CASE WHEN f.last <= $4 THEN 1 ELSE f.failures + 1 END \
                   WHERE f.last <= $4 OR (f.failures < $5 AND (f.failures < $6 \
                       OR f.last + $7::bigint * (1::bigint << (f.failures - $6)) <= $3)) \
                   RETURNING failures";
        let forget = now.as_micros() - i64::from(rules.forget_s) * MICROS_PER_SECOND;
        let pause = i64::from(rules.pause_s) * MICROS_PER_SECOND;
        let (max, free) = (count(rules.max), count(rules.free));
        let row = self.row(sql, &[&key, &now.as_micros(), &forget, &max, &free, &pause]).await?;
        Ok(row.map(|row| u32::try_from(row.get::<_, i32>(0)).unwrap_or(u32::MAX)))
    }

    async fn attempts(&self, key: &[u8]) -> Result<Attempts, StoreError> {
        let sql = "SELECT failures, last FROM login_failure WHERE tenant = $1 AND login = $2";
        let row = self.row(sql, &[&key]).await?;
        Ok(row.map_or_else(Attempts::default, |row| Attempts {
            failures: u32::try_from(row.get::<_, i32>(0)).unwrap_or(0),
            last: Some(Timestamp::from_micros(row.get(1))),
        }))
    }

    async fn forgive_attempt(&self, key: &[u8]) -> Result<(), StoreError> {
        let sql = "UPDATE login_failure SET failures = failures - 1 WHERE tenant = $1 AND login = $2 AND failures > 0";
        self.rows(sql, &[&key]).await.map(|_| ())
    }

    async fn forgive_attempts(&self, key: &[u8]) -> Result<(), StoreError> {
        self.rows("DELETE FROM login_failure WHERE tenant = $1 AND login = $2", &[&key]).await.map(|_| ())
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn account(row: &Row) -> Result<AccountRow, StoreError> {
    let login = row.get::<_, &[u8]>(1).try_into().map_err(|_| StoreError::Corrupt { what: "login" })?;
    Ok(AccountRow {
        id: AccountId::from_uuid(row.get(0)),
        login,
        login_name: row.get(2),
        profile: row.get(3),
        password: row.get(4),
        role: Role::from_code(row.get(5)).ok_or(StoreError::Corrupt { what: "role" })?,
        must_change: row.get(6),
        enabled: row.get(7),
        locked: row.get(8),
        version: Version(row.get(9)),
        capacity: row.get(10),
        has_factor: row.get(11),
        skills: row.get::<_, &str>(12).split_whitespace().map(str::to_owned).collect(),
    })
}

fn session(row: &Row) -> SessionRow {
    SessionRow {
        id: SessionId::from_uuid(row.get(0)),
        account: AccountId::from_uuid(row.get(1)),
        created: Timestamp::from_micros(row.get(2)),
        last_seen: Timestamp::from_micros(row.get(3)),
        expires: Timestamp::from_micros(row.get(4)),
        device: row.get(5),
        pending: row.get(6),
        factor_at: row.get::<_, Option<i64>>(7).map(Timestamp::from_micros),
        enrolment: row.get(8),
        vouched: Vouched { subject: row.get(9), session: row.get(10) },
    }
}
