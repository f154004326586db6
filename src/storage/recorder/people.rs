//! What a batch writes about staff accounts: statements that are rare enough to go one by one.
//!
//! Each returns how many rows of the account it reached: one, or none when the account is at another version.

use tokio_postgres::Error;

use super::super::database::Database;
use super::super::head::LogName;
use crate::domain::event::Role;
use crate::domain::record::{AccountChange, Alteration, NewAccount, PasswordChange};
use crate::units::{AccountId, Timestamp, Version};

/// A new account, with its desk when it has one.
pub(super) async fn insert(
    database: &Database,
    log: &LogName,
    new: &NewAccount,
    time: Timestamp,
) -> Result<u64, Error> {
    let id = new.id.to_uuid();
    if new.role == Role::Agent {
        desk(database, log, new.id, (new.capacity, &new.skills), time).await?;
    }
    let sql = "INSERT INTO account (tenant, id, login, login_name, profile, password, role, must_change, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (login, version) = (new.login.as_slice(), Version::FIRST.0);
    let (role, must_change) = (new.role.code(), new.must_change);
    let statement = database.prepared(sql).await?;
    database
        .client
        .execute(
            &statement,
            &[&log.tenant.0, &id, &login, &new.login_name, &new.profile, &new.password, &role, &must_change, &version],
        )
        .await
}

/// A new password.
pub(super) async fn set_password(database: &Database, log: &LogName, change: &PasswordChange) -> Result<u64, Error> {
    let sql = "UPDATE account SET password = $3, must_change = $4, version = version + 1 \
               WHERE tenant = $1 AND id = $2 AND version = $5";
    let (id, expected) = (change.account.to_uuid(), change.expected.0);
    database.client.execute(sql, &[&log.tenant.0, &id, &change.password, &change.must_change, &expected]).await
}

/// Any other change. The account's row goes first: when it is at another version, the rest is rolled back with it.
pub(super) async fn change(database: &Database, log: &LogName, change: &AccountChange) -> Result<u64, Error> {
    let (tenant, id, expected) = (&log.tenant.0, change.account.to_uuid(), change.expected.0);
    let client = &database.client;
    let own = "version = version + 1 WHERE tenant = $1 AND id = $2 AND version = $3";
    let place = format!("UPDATE account SET role = $4, enabled = $5, {own}");
    let locked = format!("UPDATE account SET locked = $4, {own}");
    let reached = match &change.change {
        Alteration::Place { role, enabled, .. } => {
            client.execute(&place, &[tenant, &id, &expected, &role.code(), enabled]).await?
        }
        Alteration::Locked(is) => client.execute(&locked, &[tenant, &id, &expected, is]).await?,
        Alteration::FactorEnrolled { .. }
        | Alteration::CodeUsed { .. }
        | Alteration::RecoveryUsed(_)
        | Alteration::FactorRemoved
        | Alteration::Linked(_)
        | Alteration::Unlinked => {
            client.execute(&format!("UPDATE account SET {own}"), &[tenant, &id, &expected]).await?
        }
    };
    beside(database, log, change.account, &change.change).await?;
    Ok(reached)
}

/// What changes in the tables beside the account's.
async fn beside(database: &Database, log: &LogName, account: AccountId, change: &Alteration) -> Result<(), Error> {
    let (tenant, id, client) = (&log.tenant.0, account.to_uuid(), &database.client);
    match change {
        Alteration::Place { role, capacity, enabled, skills } => {
            if *role == Role::Agent {
                desk(database, log, account, (*capacity, skills), Timestamp::from_micros(0)).await?;
            }
            // The desk's version stays: it counts loads, and the matcher may be deciding on it.
            let sql = "UPDATE agent SET capacity = $3, online = online AND $4 AND $3 > 0 WHERE tenant = $1 AND id = $2";
            client.execute(sql, &[tenant, &id, capacity, enabled]).await?;
        }
        Alteration::Locked(_) => {}
        Alteration::FactorEnrolled { secret, step, recovery } => {
            forget_factor(database, log, account).await?;
            let sql = "INSERT INTO second_factor (tenant, account, secret, last_step) VALUES ($1, $2, $3, $4)";
            client.execute(sql, &[tenant, &id, secret, step]).await?;
            let sql = "INSERT INTO recovery_code (tenant, account, code) SELECT $1, $2, unnest($3::bytea[])";
            let codes: Vec<&[u8]> = recovery.iter().map(<[u8; 32]>::as_slice).collect();
            client.execute(sql, &[tenant, &id, &codes]).await?;
        }
        Alteration::CodeUsed { step } => {
            let sql = "UPDATE second_factor SET last_step = $3 WHERE tenant = $1 AND account = $2";
            client.execute(sql, &[tenant, &id, step]).await?;
        }
        Alteration::RecoveryUsed(code) => {
            let sql = "DELETE FROM recovery_code WHERE tenant = $1 AND account = $2 AND code = $3";
            client.execute(sql, &[tenant, &id, &code.as_slice()]).await?;
        }
        Alteration::FactorRemoved => forget_factor(database, log, account).await?,
        Alteration::Linked(lookup) => {
            let sql = "INSERT INTO external_identity (tenant, lookup, account) VALUES ($1, $2, $3)";
            client.execute(sql, &[tenant, &lookup.as_slice(), &id]).await?;
        }
        Alteration::Unlinked => {
            let sql = "DELETE FROM external_identity WHERE tenant = $1 AND account = $2";
            client.execute(sql, &[tenant, &id]).await?;
        }
    }
    Ok(())
}

async fn forget_factor(database: &Database, log: &LogName, account: AccountId) -> Result<(), Error> {
    for sql in [
        "DELETE FROM recovery_code WHERE tenant = $1 AND account = $2",
        "DELETE FROM second_factor WHERE tenant = $1 AND account = $2",
    ] {
        database.client.execute(sql, &[&log.tenant.0, &account.to_uuid()]).await?;
    }
    Ok(())
}

/// Makes an agent's place at the desk, unless there is one.
async fn desk(
    database: &Database,
    log: &LogName,
    account: AccountId,
    (capacity, skills): (i32, &[String]),
    idle_since: Timestamp,
) -> Result<u64, Error> {
    let sql = "INSERT INTO agent (tenant, id, capacity, load, online, idle_since, version, skills) \
               VALUES ($1, $2, $3, 0, false, $4, $5, $6) ON CONFLICT DO NOTHING";
    let statement = database.prepared(sql).await?;
    let (id, idle, first) = (account.to_uuid(), idle_since.as_micros(), Version::FIRST.0);
    let skills = skills.join(" ");
    database.client.execute(&statement, &[&log.tenant.0, &id, &capacity, &idle, &first, &skills]).await
}
