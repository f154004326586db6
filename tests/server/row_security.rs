//! The walls inside the database: a connection of one tenant reaches no row of another, the server's role can't rewrite
//! the ledger, and a server refuses a database on which either would not hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeSet;

use common::{World, key, now};
use liaowaiwai::cli::client::{Listing, Page};
use liaowaiwai::storage::database::{self, Database, DatabaseError};
use liaowaiwai::units::TenantId;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

const OURS: i32 = 1;
const THEIRS: i32 = 2;

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
}

/// What PostgreSQL says no with; `None` when it did what it was told.
async fn refusal(client: &Client, sql: &str) -> Option<SqlState> {
    client.execute(sql, &[]).await.err().map(|error| error.code().cloned().unwrap_or_else(|| panic!("{sql}: {error}")))
}

/// Every table that belongs to tenants, as the catalogue knows them.
async fn tables(client: &Client) -> Vec<String> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' \
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// A shared database in which two tenants have rows in every table.
async fn filled() -> World {
    let world = World::shared().await;
    let server = world.start("a");
    for tenant in ["demo", "other"] {
        let message = ("somebody", "卡号6222021234567890128");
        server.client().send_message(&key(tenant), message, "k", now()).await.unwrap();
        let (done, told) = world.lww("a", &["admin", "reset", "--tenant", tenant]);
        assert!(done, "{told}");
        let password = told.lines().find_map(|line| line.strip_prefix("one-time password of admin: ")).unwrap();
        server.client().login(tenant, "admin", password).await.unwrap();
    }
    server.stop();
    for tenant in [OURS, THEIRS] {
        // No command makes agents yet; the row is what the recorder would write.
        let own = Database::connect(&world.database().app_config(), Some(TenantId(tenant))).await.unwrap();
        let sql = "INSERT INTO agent (tenant, id, capacity, load, online, idle_since, version) \
                   SELECT $1, id, 1, 0, false, 0, 1 FROM account LIMIT 1";
        own.client.execute(sql, &[&tenant]).await.unwrap();
        for sql in [
            "INSERT INTO login_failure VALUES ($1, 'x', 1, 0)",
            "INSERT INTO second_factor SELECT $1, id, 'x', 0 FROM account LIMIT 1",
            "INSERT INTO recovery_code SELECT $1, id, 'x' FROM account LIMIT 1",
            "INSERT INTO external_identity SELECT $1, 'x', id FROM account LIMIT 1",
            "INSERT INTO provider_logout VALUES ($1, 'x', 0)",
            "INSERT INTO note SELECT $1, id, 0, id, 0, id, 'x', 'x' FROM conversation LIMIT 1",
            "INSERT INTO attachment SELECT $1, id, 0, 1, 0, 0, true FROM account LIMIT 1",
            "INSERT INTO attachment_piece SELECT $1, id, 0, 'x' FROM account LIMIT 1",
            "INSERT INTO erasure SELECT $1, id, id, 0, 0, false, 1, id, 0, 0 FROM account LIMIT 1",
            "INSERT INTO amendment SELECT $1, id, 0, 'x', 'x', false, NULL, 1, id, 0, 0 FROM account LIMIT 1",
            "INSERT INTO mask_report SELECT $1, id, 1, 0, id, 0, 0, id, 0, 0, NULL, NULL FROM account LIMIT 1",
            "INSERT INTO amendment_consent SELECT $1, id, id, 0, 0 FROM account LIMIT 1",
            "INSERT INTO unmasking SELECT $1, id, 0, 1, id, id, id, 0, 0, NULL, id, 0, 0 FROM account LIMIT 1",
            "INSERT INTO policy_run SELECT $1, id, 1, 0, 'x', NULL, id, 0, 0, NULL, 0, 0 FROM account LIMIT 1",
            "INSERT INTO policy_draft SELECT $1, id, 1, id, 0, 0, 'x' FROM account LIMIT 1",
            "INSERT INTO legal_hold SELECT $1, id, id, 0, 1, id, 0, 0 FROM account LIMIT 1",
            "INSERT INTO retired_epoch VALUES ($1, 99, 'x', 0, 0)",
            "INSERT INTO canned_reply SELECT $1, id, 1, 0, 0, id, false, 'x', 'x' FROM account LIMIT 1",
        ] {
            own.client.execute(sql, &[&tenant]).await.unwrap();
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_one_tenant_neither_sees_nor_writes_another_s_rows() {
    let world = filled().await;
    let app = world.database().app_config();
    let theirs = Database::connect(&app, Some(TenantId(THEIRS))).await.unwrap().client;
    let ours = Database::connect(&app, Some(TenantId(OURS))).await.unwrap().client;
    let nobody = Database::connect(&app, None).await.unwrap().client;
    let owner = connect(&world.database().owner_config()).await;
    let tables = tables(&nobody).await;
    assert!(tables.len() > 14, "{tables:?}");
    for table in tables {
        let of = |tenant| format!("SELECT count(*) FROM {table} WHERE tenant = {tenant}");
        assert!(number(&ours, &of(OURS)).await > 0, "{table} has nothing to see");
        assert!(number(&theirs, &of(THEIRS)).await > 0, "{table} has nothing to see");
        for (who, client, tenant) in [
            ("the other tenant", &theirs, OURS),
            ("we", &ours, THEIRS),
            ("nobody", &nobody, OURS),
            ("nobody", &nobody, THEIRS),
            ("the owner", &owner, OURS),
        ] {
            assert_eq!(number(client, &of(tenant)).await, 0, "{who}: {table}");
        }
        check_writes(&theirs, &table).await;
    }
    drop((theirs, ours, nobody, owner));
    world.end().await;
}

/// Tenant 2's connection tries to write rows of tenant 1: by a new row, by changing, moving and deleting.
async fn check_writes(theirs: &Client, table: &str) {
    let sql = "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute \
               WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant'";
    let columns: String = theirs.query_one(sql, &[&table]).await.unwrap().get(0);
    let denied = Some(SqlState::INSUFFICIENT_PRIVILEGE);
    let copy = format!("INSERT INTO {table} (tenant, {columns}) SELECT {OURS}, {columns} FROM {table} LIMIT 1");
    assert_eq!(refusal(theirs, &copy).await, denied, "{copy}");
    let moved = format!("UPDATE {table} SET tenant = {OURS}");
    assert_eq!(refusal(theirs, &moved).await, denied, "{moved}");
    for sql in [
        format!("UPDATE {table} SET tenant = tenant WHERE tenant = {OURS}"),
        format!("DELETE FROM {table} WHERE tenant = {OURS}"),
    ] {
        match theirs.execute(&sql, &[]).await {
            Ok(reached) => assert_eq!(reached, 0, "{sql}"),
            Err(error) => assert_eq!(error.code().cloned(), denied, "{sql}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_role_can_append_to_the_ledger_and_do_nothing_else_to_it() {
    let world = filled().await;
    let own = Database::connect(&world.database().app_config(), Some(TenantId(OURS))).await.unwrap().client;
    let sql = "SELECT relname::text FROM pg_class WHERE relname LIKE 'ledger_entry%' AND relkind IN ('r', 'p')";
    let parts: BTreeSet<String> = own.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(parts.contains("ledger_entry") && parts.len() >= 5, "{parts:?}");
    let denied = Some(SqlState::INSUFFICIENT_PRIVILEGE);
    for part in parts {
        for sql in [
            format!("UPDATE {part} SET body = body"),
            format!("DELETE FROM {part}"),
            format!("TRUNCATE {part}"),
            format!("DROP TABLE {part}"),
            format!("ALTER TABLE {part} DISABLE ROW LEVEL SECURITY"),
        ] {
            assert_eq!(refusal(&own, &sql).await, denied, "{sql}");
        }
        // The parts have no policy of their own, so nobody but the owner may read them directly.
        if part != "ledger_entry" {
            assert_eq!(refusal(&own, &format!("SELECT FROM {part}")).await, denied, "{part}");
        }
    }
    for sql in [
        "DELETE FROM dedup",
        "UPDATE message SET time = time",
        "UPDATE message SET entry_seq = entry_seq",
        "DELETE FROM message",
        "UPDATE note SET author = author",
        "DELETE FROM note",
        "DELETE FROM attachment",
        "DELETE FROM attachment_piece",
        "UPDATE attachment SET fate = fate",
        "DELETE FROM canned_reply",
        "DELETE FROM log_head",
        "CREATE TABLE own (a integer)",
        "SET ROLE lww_owner",
        "SELECT ensure_partition(2, 1, 0)",
    ] {
        let refused = refusal(&own, sql).await;
        assert!(refused.is_some(), "{sql}");
    }
    drop(own);
    world.end().await;
}

/// Messages of one conversation; to read each of them by all of them is told apart from anything else that reads.
const MANY: i64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn behind_row_security_a_conversation_s_entries_are_sought_by_their_index() {
    let world = World::shared().await;
    let server = world.start("a");
    let app = server.client();
    for number in 0..MANY {
        let (text, of) = (format!("message {number}"), format!("key-{number}"));
        app.send_message(&key("demo"), ("somebody", &text), &of, now()).await.unwrap();
    }
    let one_time = common::people::create(&world, "demo", "reader", "agent");
    let desk = server.staff_with("demo", "reader", &one_time).await;
    desk.set_online(true).await.unwrap();
    let mine = async || desk.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations;
    common::until("the conversation", async || !mine().await.is_empty()).await;
    let read = desk.open(&mine().await[0].id, Page { limit: Some(100), ..Page::default() }).await.unwrap();
    assert_eq!(i64::try_from(read.messages.len()).unwrap(), MANY);
    // PostgreSQL's processes write down what they did when they end.
    server.stop();
    let admin = connect(&world.superuser()).await;
    let read =
        "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_all_tables WHERE relname ~ '^ledger_entry_'";
    let read = number(&admin, read).await;
    assert!(read < MANY * MANY, "{read} entries were read: all of them for each of {MANY} messages");
    drop(admin);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_powerful_roles_and_settings_that_lose_entries() {
    let world = World::shared().await;
    let app = world.database().app_config();
    let owner = world.database().owner_config();
    let superuser = world.superuser();
    database::check(&app).await.unwrap();
    let power = async |config: &Config| match database::check(config).await {
        Err(DatabaseError::PowerfulRole { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(power(&owner).await, "the owner of the tables");
    assert_eq!(power(&superuser).await, "a superuser");
    let admin = connect(&superuser).await;
    admin.batch_execute("ALTER ROLE lww_app BYPASSRLS").await.unwrap();
    assert_eq!(power(&app).await, "allowed to bypass row level security");
    admin.batch_execute("ALTER ROLE lww_app NOBYPASSRLS; GRANT lww_owner TO lww_app").await.unwrap();
    assert_eq!(power(&app).await, "the owner of the tables", "by membership");
    admin.batch_execute("ALTER ROLE lww_app NOINHERIT").await.unwrap();
    assert_eq!(power(&app).await, "the owner of the tables", "by SET ROLE");
    admin.batch_execute("REVOKE lww_owner FROM lww_app; ALTER ROLE lww_app INHERIT").await.unwrap();
    for (give, take, what) in [
        ("ALTER ROLE lww_app CREATEROLE", "ALTER ROLE lww_app NOCREATEROLE", "allowed to make and change roles"),
        (
            "GRANT pg_write_all_data TO lww_app",
            "REVOKE pg_write_all_data FROM lww_app",
            "allowed to write every table, or to files and programs of the database's machine",
        ),
        (
            "GRANT UPDATE ON ledger_entry TO lww_app",
            "REVOKE UPDATE ON ledger_entry FROM lww_app",
            "allowed to change the ledger",
        ),
    ] {
        admin.batch_execute(give).await.unwrap();
        assert_eq!(power(&app).await, what);
        let told = world.try_start("a", &[]).err().unwrap();
        assert!(told.contains(what), "{told}");
        admin.batch_execute(take).await.unwrap();
    }
    database::check(&app).await.unwrap();
    for name in ["fsync", "full_page_writes"] {
        set(&admin, name, "off").await;
        match database::check(&app).await {
            Err(DatabaseError::UnsafeSetting { setting, got, expected }) => {
                assert_eq!((setting, got.as_str(), expected), (name, "off", "on"));
            }
            other => panic!("{other:?}"),
        }
        let told = world.try_start("a", &[]).err().unwrap();
        assert!(told.contains(&format!("{name} = off")), "{told}");
        set(&admin, name, "on").await;
    }
    admin.batch_execute("DELETE FROM refinery_schema_history").await.unwrap();
    let old = database::check(&app).await.unwrap_err();
    assert!(matches!(old, DatabaseError::Schema { got: 0, expected } if expected > 0), "{old}");
    assert!(old.to_string().contains("lww db migrate"), "{old}");
    admin.batch_execute("INSERT INTO refinery_schema_history VALUES (9999, 'later', '', '1')").await.unwrap();
    let newer = database::check(&app).await.unwrap_err();
    assert!(matches!(newer, DatabaseError::NewerSchema { got: 9999, .. }), "{newer}");
    drop(admin);
    world.end().await;
}

/// Changes a setting of the whole cluster and waits until new connections have it.
async fn set(admin: &Client, name: &str, value: &str) {
    admin.batch_execute(&format!("ALTER SYSTEM SET {name} = {value}")).await.unwrap();
    admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    common::until("the setting", async || {
        let present: String = admin.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0);
        present == value
    })
    .await;
}
