//! PostgreSQL: whether it can be reached, its settings, the server's role, and the newest entry's time. It reads settings and
//! heads only, and starts no private PostgreSQL: when no server runs, it says so. Source: PostgreSQL 15 manual, chapter 20.

use std::collections::BTreeMap;
use std::path::Path;

use tokio_postgres::Client;

use super::{Check, Said, said};
use crate::app::AppError;
use crate::app::config::Config;
use crate::storage::database::{self, Database, DatabaseError};
use crate::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use crate::units::{MICROS_PER_SECOND, TenantId, Timestamp};

/// What the newest entry may be ahead of the clock, in seconds: two machines never agree quite.
const AHEAD_S_MAX: i64 = 5;
/// The oldest PostgreSQL that is supported, as `server_version_num` has it.
const VERSION_MIN: i64 = 150_000;
/// Connections that a server opens for each log.
const CONNECTIONS_PER_LOG: usize = 8;
const NAMES: &[&str] = &[
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_level",
    "max_connections",
    "superuser_reserved_connections",
    "server_version_num",
    "server_version",
    "synchronous_standby_names",
];

/// What `pg_settings` says of sessions that set nothing themselves.
pub(super) type Settings = BTreeMap<String, String>;

/// All checks of the database.
pub(super) async fn examine(config: &Config, now: Timestamp) -> Vec<Check> {
    if let Some(check) = not_ours(config) {
        return vec![check];
    }
    let unreachable = |error: &AppError| {
        Check::fail(
            "postgres.reach",
            if let AppError::Database(error) = error {
                in_both(error)
            } else {
                said(error.to_string(), format!("无法使用 PostgreSQL：{error}"))
            },
            said(
                "check database_url, database_password, pg_hba.conf and the way there; for a private one, XDG_RUNTIME_DIR \
                 must be the server's",
                "检查 database_url、database_password、pg_hba.conf 以及网络连通性；内置数据库须使用与服务相同的 XDG_RUNTIME_DIR",
            ),
        )
    };
    let (reached, own) = match reach(config) {
        Ok(Some(found)) => found,
        Ok(None) => return vec![not_running()],
        Err(error) => return vec![unreachable(&error)],
    };
    let connection = match Database::connect(&reached, None).await {
        Ok(connection) => connection,
        Err(error) => return vec![unreachable(&AppError::from(error))],
    };
    let client = &connection.client;
    let mut checks = vec![Check::ok("postgres.reach", said("reached", "可以连接"))];
    match read(client).await {
        Ok(settings) => checks.extend(judge(&settings, own, config.tenants.len() + 1)),
        Err(error) => checks.push(unreachable(&AppError::from(error))),
    }
    checks.push(told("postgres.role", database::check_role(client).await, role()));
    checks.push(told("postgres.pooler", database::check_pooler(&reached, client).await, pooler()));
    let schema = database::check_schema(client).await;
    let migrated = schema.is_ok();
    let change = if matches!(schema, Err(DatabaseError::NewerSchema { .. })) { newer() } else { migrate() };
    checks.push(told(
        "postgres.schema",
        schema,
        (said("the schema is this version's", "数据库结构与本版本一致"), change),
    ));
    if migrated {
        checks.push(match newest(client).await {
            Ok(newest) => ahead(newest, now),
            Err(error) => Check::skipped("clock.entries", said(error.to_string(), format!("无法读取账本：{error}"))),
        });
    }
    checks
}

/// Where the database is, and whether it is the bank's own; `None` when it is a private one that nobody runs.
fn reach(config: &Config) -> Result<Option<(tokio_postgres::Config, bool)>, AppError> {
    if let Some(database) = config.database()? {
        return Ok(Some((database, true)));
    }
    // Attaching makes the data directory and its lock where they are missing; a look must not.
    if !config.data_dir.join("server.lock").exists() {
        return Ok(None);
    }
    let options = EmbeddedOptions {
        data_dir: config.data_dir.clone(),
        bin_dir: config.postgresql.bin_dir.clone(),
        secrets_dir: config.data_dir.join("database-secrets"),
    };
    Ok(EmbeddedPostgres::attach(&options)?.map(|database| (database, false)))
}

/// A private PostgreSQL talks to the account that it belongs to; another's look would leave folders of the wrong owner.
fn not_ours(config: &Config) -> Option<Check> {
    let private = config.database().is_ok_and(|found| found.is_none());
    let owner = super::files::owner(&config.data_dir).filter(|_| private)?;
    if Some(owner) == super::files::owner(Path::new("/proc/self")) {
        return None;
    }
    let why = said(
        format!("the private PostgreSQL belongs to user {owner}: ask again as that account"),
        format!("内置 PostgreSQL 属于用户 {owner}：请以该账户重新运行"),
    );
    Some(Check::skipped("postgres.reach", why))
}

fn not_running() -> Check {
    let why = said(
        "no server runs on this data directory, so its private PostgreSQL is not looked at; start it and ask again",
        "该数据目录上没有运行中的服务，未检查内置 PostgreSQL；请启动服务后重试",
    );
    Check::skipped("postgres.reach", why)
}

async fn read(client: &Client) -> Result<Settings, DatabaseError> {
    // The session's own `SET` shows in `setting`; what the server was configured with is in `reset_val`.
    let sql = "SELECT name, coalesce(reset_val, '') FROM pg_settings WHERE name = ANY($1)";
    let rows = client.query(sql, &[&NAMES]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Judges the settings for a server with so many logs; `own` says that the bank runs this PostgreSQL itself.
pub(super) fn judge(settings: &Settings, own: bool, logs: usize) -> Vec<Check> {
    let value = |name: &str| settings.get(name).map_or("", String::as_str);
    let mut checks = vec![version(value("server_version_num"), value("server_version"))];
    for (code, name) in [("postgres.fsync", "fsync"), ("postgres.full_page_writes", "full_page_writes")] {
        let found = shown(name, value(name));
        checks.push(if value(name) == "on" {
            Check::ok(code, found)
        } else {
            Check::fail(code, found, set(name, "on"))
        });
    }
    let (name, got) = ("synchronous_commit", value("synchronous_commit"));
    checks.push(match got {
        "off" | "local" => Check::warn("postgres.synchronous_commit", shown(name, got), set(name, "on")),
        _ => Check::ok("postgres.synchronous_commit", shown(name, got)),
    });
    let (name, got) = ("wal_level", value("wal_level"));
    checks.push(match (got, own) {
        ("minimal", true) => Check::warn("postgres.wal_level", shown(name, got), set(name, "replica")),
        _ => Check::ok("postgres.wal_level", shown(name, got)),
    });
    checks.push(connections(value("max_connections"), value("superuser_reserved_connections"), own, logs));
    if own {
        checks.push(standby(value("synchronous_standby_names")));
    }
    checks
}

fn version(number: &str, shown: &str) -> Check {
    let code = "postgres.version";
    let found = said(format!("PostgreSQL {shown}"), format!("PostgreSQL {shown}"));
    if number.parse::<i64>().is_ok_and(|number| number >= VERSION_MIN) {
        return Check::ok(code, found);
    }
    Check::fail(code, found, said("use PostgreSQL 15 or newer", "使用 PostgreSQL 15 或更高版本"))
}

fn connections(maximum: &str, reserved: &str, own: bool, logs: usize) -> Check {
    let code = "postgres.max_connections";
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    let free = number(maximum).saturating_sub(number(reserved));
    let one = logs.saturating_mul(CONNECTIONS_PER_LOG);
    // A second node stands by with connections of its own.
    let wanted = if own { one.saturating_mul(2) } else { one };
    let found = said(
        format!(
            "max_connections = {maximum}, {free} of them for use; {logs} logs take {one}, with a second node {}",
            one * 2
        ),
        format!("max_connections = {maximum}，可用 {free}；{logs} 个账本需要 {one}，含备用节点需要 {}", one * 2),
    );
    let change = set("max_connections", &(wanted + number(reserved) + CONNECTIONS_PER_LOG).to_string());
    if free < one {
        Check::fail(code, found, change)
    } else if free < wanted {
        Check::warn(code, found, change)
    } else {
        Check::ok(code, found)
    }
}

fn standby(names: &str) -> Check {
    let code = "postgres.synchronous_standby_names";
    if !names.is_empty() {
        return Check::ok(code, shown("synchronous_standby_names", names));
    }
    Check::warn(
        code,
        said(
            "synchronous_standby_names is empty: an entry is acknowledged when one machine has it",
            "synchronous_standby_names 为空：记录只写入一台机器即被确认",
        ),
        said(
            "add a synchronous replica and name it, so that no acknowledged entry is lost with a machine",
            "增加同步副本并写入该参数，避免整机损坏时丢失已确认的记录",
        ),
    )
}

/// Turns a refusal of the server's own checks into a finding.
fn told(code: &'static str, result: Result<(), DatabaseError>, (good, change): (Said, Said)) -> Check {
    match result {
        Ok(()) => Check::ok(code, good),
        Err(error) => Check::fail(code, in_both(&error), change),
    }
}

/// What a refusal means, in both languages.
fn in_both(error: &DatabaseError) -> Said {
    let zh = match error {
        DatabaseError::Refused { sqlstate: Some(code), .. } => {
            format!("PostgreSQL 拒绝了连接或请求（SQLSTATE {code}）")
        }
        DatabaseError::Refused { sqlstate: None, kind } => format!("无法访问 PostgreSQL（{}）", chinese(kind)),
        DatabaseError::UnsafeSetting { setting, got, expected } => format!("{setting} = {got}，账本要求 {expected}"),
        DatabaseError::PowerfulRole { what } => format!("服务使用的数据库角色权限过大（{}）", chinese(what)),
        DatabaseError::TransactionPooler => "数据库前有事务模式的连接池（PgBouncer）".to_owned(),
        DatabaseError::Schema { got, expected } => format!("数据库结构版本为 {got}，本服务需要 {expected}"),
        DatabaseError::NewerSchema { got, expected } => {
            format!("数据库结构版本为 {got}，本服务最高支持 {expected}：已由更新版本的服务升级")
        }
        DatabaseError::Migration(reason) => format!("迁移失败：{reason}"),
    };
    said(error.to_string(), zh)
}

fn role() -> (Said, Said) {
    (
        said(
            "the role owns nothing, can't bypass row level security and can't change the ledger",
            "角色不拥有任何表，不能绕过行级安全，也不能改动账本",
        ),
        said(
            "make lww_app as `lww db plan` prints it, with no other power or role, and connect as it",
            "按 `lww db plan` 的输出创建 lww_app，不授予其他权限或角色，并使用它连接",
        ),
    )
}

fn pooler() -> (Said, Said) {
    (
        said("direct, or a pooler in session mode", "直连，或会话模式的连接池"),
        said("set the pooler to session mode, or connect directly", "将连接池改为会话模式，或改为直连"),
    )
}

fn migrate() -> Said {
    said(
        "`lww db migrate`, or let the DBA run what `lww db plan --url-from NAME` prints",
        "执行 `lww db migrate`，或由 DBA 执行 `lww db plan --url-from NAME` 输出的 SQL",
    )
}

fn newer() -> Said {
    said(
        "start the newer version, or restore a backup from before the upgrade",
        "启动较新版本的服务，或从升级前的备份恢复",
    )
}

/// What the database's room says in words of its own, in Chinese; what is not known here stays as it is.
pub(super) fn chinese(words: &str) -> &str {
    let known = [
        ("nobody listens there", "该地址无服务监听"),
        ("there is no such socket", "套接字不存在"),
        ("the system doesn't allow it", "系统不允许访问"),
        ("no answer in time", "超时未应答"),
        ("there is no way to that machine", "网络不可达"),
        ("connection closed", "连接已关闭"),
        ("request failed", "请求失败"),
        ("no root certificate", "缺少根证书"),
        ("a superuser", "超级用户"),
        ("allowed to bypass row level security", "可绕过行级安全"),
        ("allowed to make and change roles", "可创建和修改角色"),
        ("the owner of the tables", "数据表的属主"),
        (
            "allowed to write every table, or to files and programs of the database's machine",
            "可写入所有表，或可访问数据库主机的文件与程序",
        ),
        ("allowed to change the ledger", "可改动账本"),
    ];
    known.into_iter().find(|(en, _)| *en == words).map_or(words, |(_, zh)| zh)
}

/// The newest entry's time over all logs, in microseconds; `None` when there is no entry.
async fn newest(client: &Client) -> Result<Option<i64>, DatabaseError> {
    let mut newest = None;
    for row in client.query("SELECT id FROM tenant ORDER BY id", &[]).await? {
        let tenant = TenantId(row.get(0));
        client.batch_execute(&format!("SET app.tenant = '{tenant}'")).await?;
        let found = client.query_opt("SELECT last_time FROM log_head WHERE size > 0", &[]).await?;
        newest = newest.max(found.map(|row| row.get::<_, i64>(0)));
    }
    Ok(newest)
}

/// Judges the newest entry's time against the clock.
pub(super) fn ahead(newest: Option<i64>, now: Timestamp) -> Check {
    let code = "clock.entries";
    let Some(newest) = newest else {
        return Check::skipped(code, said("there is no entry yet", "账本中尚无记录"));
    };
    let ahead_s = newest.saturating_sub(now.as_micros()) / MICROS_PER_SECOND;
    if ahead_s <= AHEAD_S_MAX {
        return Check::ok(code, said("no entry lies in the future", "没有时间在未来的记录"));
    }
    Check::fail(
        code,
        said(
            format!("the newest entry is {ahead_s} s in the future: this clock is behind, or was ahead"),
            format!("最新记录的时间超前 {ahead_s} 秒：系统时钟偏慢，或曾经偏快"),
        ),
        said("set the clock by a time service before you start the server", "先通过时间服务校准时钟，再启动服务"),
    )
}

fn shown(name: &str, value: &str) -> Said {
    said(format!("{name} = {value}"), format!("{name} = {value}"))
}

fn set(name: &str, value: &str) -> Said {
    let sql = format!("ALTER SYSTEM SET {name} = '{value}'");
    let (en, zh) = match name {
        "max_connections" | "wal_level" => ("; then restart PostgreSQL", "；然后重启 PostgreSQL"),
        _ => ("; SELECT pg_reload_conf()", "; SELECT pg_reload_conf()"),
    };
    said(format!("{sql}{en}"), format!("{sql}{zh}"))
}
