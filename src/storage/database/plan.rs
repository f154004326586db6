//! What a migration would do, as SQL for a database administrator who runs it by `psql` instead.
//!
//! The history table that it writes is refinery's own: version, name and checksum of each migration, so that
//! `lww db migrate` and the server's check take the database afterwards as if they had migrated it themselves.

use std::fmt::Write as _;

use refinery::Migration;
use tokio_postgres::Config;

use super::{Database, DatabaseError, migrations};

/// Form in which the history table keeps times (RFC 3339).
const APPLIED_ON: &str = r#"to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;
const OWNER: &str = "lww_owner";
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), \
                       applied_on varchar(255), checksum varchar(255));";

/// SQL that brings a database to this version's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The migrations that it runs, such as `V1__core`.
    pub pending: Vec<String>,
    /// The text for `psql`.
    pub sql: String,
}

/// Writes the plan: for the database that `owner` reaches what it lacks, without one everything, beginning with the roles
/// and the database `name`. Nothing is changed.
///
/// # Errors
/// [`DatabaseError`] when the database can't be read, or its history is not this server's.
pub async fn plan(owner: Option<&Config>, name: &str) -> Result<Plan, DatabaseError> {
    let known = known();
    let pending = match owner {
        Some(owner) => pending(&known, &applied(owner).await?)?,
        None => known.iter().collect(),
    };
    // The bank may call the owner otherwise; the server's role has its name in the grants.
    let role = owner.and_then(Config::get_user).unwrap_or(OWNER);
    let mut sql = head(&pending, owner.is_some());
    roles(&mut sql, role);
    if owner.is_none() {
        database(&mut sql, name);
    }
    schema(&mut sql, role, &pending);
    Ok(Plan { pending: pending.iter().map(ToString::to_string).collect(), sql })
}

/// Every migration of this version, in order.
fn known() -> Vec<Migration> {
    let mut known = migrations::migrations::runner().get_migrations().clone();
    known.sort();
    known
}

/// Version, name and checksum of each migration that the database has.
type Applied = (i32, String, String);

async fn applied(owner: &Config) -> Result<Vec<Applied>, DatabaseError> {
    let client = Database::connect(owner, None).await?.client;
    let there = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    if !client.query_one(there, &[]).await?.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows =
        client.query("SELECT version, name, checksum FROM refinery_schema_history ORDER BY version", &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// What the database lacks; refused as `lww db migrate` refuses it when what it has is not the beginning of what is known.
fn pending<'a>(known: &'a [Migration], applied: &[Applied]) -> Result<Vec<&'a Migration>, DatabaseError> {
    let row = |migration: &Migration| {
        (i64::from(migration.version()), migration.name().to_owned(), migration.checksum().to_string())
    };
    for (number, (version, name, checksum)) in applied.iter().enumerate() {
        let found = (i64::from(*version), name.clone(), checksum.clone());
        if known.get(number).map(row) != Some(found) {
            return Err(DatabaseError::Migration(format!(
                "the database has V{version}__{name}, which is not in this server or differs from its own: use the server \
                 version that made it, or a newer one"
            )));
        }
    }
    Ok(known.iter().skip(applied.len()).collect())
}

fn head(pending: &[&Migration], by_url: bool) -> String {
    let what = match (pending, by_url) {
        ([], _) => "Nothing is pending: this database has the schema of this version.".to_owned(),
        (some, true) => format!("Pending on this database: {} migration(s).", some.len()),
        (some, false) => format!("Everything for a new database: {} migration(s).", some.len()),
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "-- Liaowaiwai {version}: what `lww db migrate` does, for psql. {what}\n\
         -- Run it as a role that may create roles and databases and act as the schema's owner, such as a superuser:\n\
         --   psql -X -f THIS_FILE -d DATABASE\n\
         \\set ON_ERROR_STOP on\n"
    )
}

fn roles(sql: &mut String, owner: &str) {
    sql.push_str(
        "\n-- Roles: the first owns the schema, lww_app is the server's: no superuser, no BYPASSRLS, owns nothing.\n\
         -- Give each a password with \\password, so that it stands in no file and no log.\n",
    );
    for role in [owner, "lww_app"] {
        // Writing to a String can't fail.
        let _written = writeln!(
            sql,
            "SELECT 'CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS'\n  \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) \\gexec",
            identifier(role).replace('\'', "''"),
            literal(role),
        );
    }
}

/// The database, made when it isn't there, and entered.
fn database(sql: &mut String, name: &str) {
    let identifier = identifier(name);
    let _written = write!(
        sql,
        "\n-- The database.\n\
         SELECT 'CREATE DATABASE {} OWNER lww_owner'\n  \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {}) \\gexec\n\
         \\connect {identifier}\n",
        identifier.replace('\'', "''"),
        literal(name),
    );
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The migrations, each in a transaction of its own together with its row in the history, and what lww_app needs to enter.
fn schema(sql: &mut String, owner: &str, pending: &[&Migration]) {
    let _written = write!(
        sql,
        "\n-- The schema, as the role that owns it.\nSET ROLE {};\nSET search_path = public;\n",
        identifier(owner)
    );
    sql.push_str(
        "SELECT format('GRANT CONNECT ON DATABASE %I TO lww_app', current_database()) \\gexec\n\
         GRANT USAGE ON SCHEMA public TO lww_app;\n",
    );
    if !pending.is_empty() {
        sql.push_str(HISTORY);
        sql.push('\n');
    }
    for migration in pending {
        let (version, name, checksum) = (migration.version(), migration.name(), migration.checksum());
        let _written = write!(
            sql,
            "\n-- {migration}\nBEGIN;\n{}\nINSERT INTO refinery_schema_history (version, name, applied_on, checksum)\n  \
             VALUES ({version}, '{name}', {APPLIED_ON}, '{checksum}');\nCOMMIT;\n",
            migration.sql().unwrap_or_default().trim_end(),
        );
    }
    sql.push_str("\nRESET search_path;\nRESET ROLE;\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_is_not_the_beginning_of_ours_is_refused() {
        let known = known();
        let first = known.first().unwrap();
        let row = |name: &str, checksum: String| vec![(first.version(), name.to_owned(), checksum)];
        let all: Vec<Applied> = known
            .iter()
            .map(|migration| (migration.version(), migration.name().to_owned(), migration.checksum().to_string()))
            .collect();
        assert_eq!(pending(&known, &[]).unwrap().len(), known.len());
        assert_eq!(pending(&known, &all).unwrap().len(), 0);
        let mut newer = all.clone();
        newer.push((9_999, "future".to_owned(), "1".to_owned()));
        for bad in [row(first.name(), "1".to_owned()), row("other", first.checksum().to_string()), newer] {
            assert!(matches!(pending(&known, &bad), Err(DatabaseError::Migration(_))), "{bad:?}");
        }
    }

    #[test]
    fn the_name_of_a_database_can_t_leave_its_quotes() {
        let mut sql = String::new();
        database(&mut sql, "a'b\"c");
        assert!(sql.contains(r#"CREATE DATABASE "a''b""c" OWNER"#), "{sql}");
        assert!(sql.contains("datname = 'a''b\"c'") && sql.contains("\\connect \"a'b\"\"c\""), "{sql}");
    }
}
