//! What runs, since when, and what the doctor says of it, for those who ask the server instead of the machine.
//!
//! The doctor reads files, asks PostgreSQL and starts a program: it works on a thread of its own, one at a time, and what it
//! found is good for a minute. Whoever asks while it hangs hears so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::config::Config;
use super::doctor::{self, Check, Said, State};
use crate::crypto::SystemClock;
use crate::http::{Finding, Level, Machine, Sentence};
use crate::limits::{EXAMINATION_MS_MAX, EXAMINED_FOR_S};
use crate::ports::Clock as _;
use crate::storage::database::Database;
use crate::units::{Hash, Timestamp};

/// What this process is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    /// SHA-256 of the running binary; zeros when the system doesn't say which file it is.
    pub(super) binary: Hash,
    /// When it started.
    pub(super) started_at: Timestamp,
}

/// Examines the machine when somebody asks and the last examination is old.
pub struct Examiner {
    pub(super) config: Config,
    pub(super) file: Option<PathBuf>,
    pub(super) database: tokio_postgres::Config,
    pub(super) identity: Identity,
    /// The one that outlives every request.
    pub(super) runtime: Handle,
    pub(super) last: Arc<Mutex<Option<(Instant, Arc<Machine>)>>>,
}

impl Examiner {
    /// What runs, and what was found within the last minute.
    pub async fn machine(self: Arc<Self>) -> Arc<Machine> {
        let wait = Duration::from_millis(EXAMINATION_MS_MAX);
        let examined = tokio::time::timeout(wait, Arc::clone(&self).examined()).await;
        examined.ok().flatten().unwrap_or_else(|| Arc::new(self.told(None, vec![late()])))
    }

    /// `None` when the thread was lost.
    async fn examined(self: Arc<Self>) -> Option<Arc<Machine>> {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((at, machine)) = &*last
            && at.elapsed() < Duration::from_secs(EXAMINED_FOR_S)
        {
            return Some(Arc::clone(machine));
        }
        let runtime = self.runtime.clone();
        let thread = runtime.clone();
        // The turn goes along: as long as one examination hangs, no other begins, whoever is gone meanwhile.
        let look = move || {
            let machine = Arc::new(runtime.block_on(self.examine()));
            *last = Some((Instant::now(), Arc::clone(&machine)));
            machine
        };
        thread.spawn_blocking(look).await.ok()
    }

    async fn examine(&self) -> Machine {
        let checks = doctor::examine(&Ok(self.config.clone()), self.file.as_deref(), SystemClock.now()).await;
        self.told(self.postgres().await, checks.into_iter().map(finding).collect())
    }

    /// PostgreSQL's version.
    async fn postgres(&self) -> Option<String> {
        let database = Database::connect(&self.database, None).await.ok()?;
        let row = database.client.query_one("SELECT current_setting('server_version')", &[]).await.ok()?;
        Some(row.get(0))
    }

    fn told(&self, database: Option<String>, findings: Vec<Finding>) -> Machine {
        Machine {
            version: env!("CARGO_PKG_VERSION"),
            binary: self.identity.binary,
            configuration: self.config.digest(),
            started_at: self.identity.started_at,
            database,
            examined_at: SystemClock.now(),
            findings,
        }
    }
}

fn finding(check: Check) -> Finding {
    let sentence = |said: Said| Sentence { en: said.en, zh: said.zh };
    let level = match check.state {
        State::Ok => Level::Ok,
        State::Warn => Level::Warn,
        State::Fail => Level::Fail,
        State::Skipped => Level::Skipped,
    };
    Finding { check: check.code, level, found: sentence(check.found), advice: check.change.map(sentence) }
}

/// What is said while an examination hangs.
fn late() -> Finding {
    let seconds = EXAMINATION_MS_MAX / 1_000;
    Finding {
        check: "doctor.time",
        level: Level::Warn,
        found: Sentence {
            en: format!("the checks did not end within {seconds} s"),
            zh: format!("检查未能在 {seconds} 秒内完成"),
        },
        advice: Some(Sentence {
            en: "run `lww doctor` at the machine: a disk, a name server or PostgreSQL may hang".to_owned(),
            zh: "请在服务器上执行 `lww doctor`：磁盘、域名解析或 PostgreSQL 可能无响应".to_owned(),
        }),
    }
}
