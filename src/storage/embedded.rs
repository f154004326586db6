//! A private PostgreSQL of the server's own, for when no `database_url` is configured.
//!
//! It is created at the first start, listens on a private socket only, and is stopped with the
//! server. A server that was killed leaves it running; the next start takes it over. It knows
//! nothing of tables: migrations and queries use the two connection configurations that it hands
//! out and run the same on a bank's own cluster. Source: PostgreSQL 15 manual, part III.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::{Config, NoTls};

mod account;
mod binaries;
mod creation;
mod error;
mod passwords;
mod place;
mod programs;
mod running;
mod settings;

pub use error::{EmbeddedError, FolderState, Searched};

use binaries::Binaries;
use passwords::Passwords;
use place::Place;
use running::Occupant;

const DATABASE: &str = "lww";
const ROLE_OWNER: &str = "lww_owner";
const ROLE_APP: &str = "lww_app";

const CONNECT_TIMEOUT_S: u64 = 10;

/// File whose lock says that a server uses the data directory.
const LOCK_FILE: &str = "server.lock";
const LOCK_FILE_BYTES_MAX: u64 = 16;

/// Where the embedded database and its secrets are, and which programs run it.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// The server's data directory. It is made if it is missing; a server that runs as root makes it
    /// so that PostgreSQL's account can pass through it.
    pub data_dir: PathBuf,
    /// Folder with `initdb`, `pg_ctl` and `postgres`; `None` searches the usual places.
    pub bin_dir: Option<PathBuf>,
    /// Folder for the roles' password files, which are made with mode 0600.
    pub secrets_dir: PathBuf,
}

/// The running embedded PostgreSQL.
///
/// Dropping it leaves PostgreSQL running, as a killed server does; [`stop`](Self::stop) ends it.
pub struct EmbeddedPostgres {
    place: Place,
    binaries: Binaries,
    passwords: Passwords,
    pid: AtomicU32,
    /// When that process began, in the kernel's ticks.
    began: AtomicU64,
    /// One restart at a time.
    restart: Mutex<()>,
    /// Held, not read: the operating system drops the lock with the process, however it ends.
    _lock: File,
}

impl EmbeddedPostgres {
    /// Starts the database of a data directory, creates it first if there is none, or takes over
    /// the one that a killed server left running. `progress` gets a sentence before each step that
    /// may take more than a second.
    ///
    /// # Errors
    /// [`EmbeddedError`] names the path, what was found there and the way out.
    pub async fn start(options: &EmbeddedOptions, progress: &dyn Fn(&str)) -> Result<Self, EmbeddedError> {
        let data_dir = make_data_dir(&options.data_dir)?;
        let lock = lock(&data_dir)?;
        let place = Place::locate(&data_dir)?;
        let configuration = settings::render(&place.socket_dir, machine_memory_mib());

        let data_major = read_major(&place.data)?;
        let data = data_major.map(|major| (place.data.as_path(), major));
        let binaries = Binaries::find(options.bin_dir.as_deref(), data, &place.account).await?;
        let passwords = if data_major.is_some() {
            Passwords::load(&options.secrets_dir, &place.data)?
        } else {
            progress(&format!(
                "Creating a private PostgreSQL {} database in {} (a few seconds)",
                binaries.major,
                place.data.display()
            ));
            let passwords = Passwords::create(&options.secrets_dir)?;
            creation::create(&place, &binaries, &passwords, &configuration).await?;
            passwords
        };

        let (pid, began, restart) = (AtomicU32::new(0), AtomicU64::new(0), Mutex::new(()));
        let postgres = Self { place, binaries, passwords, pid, began, restart, _lock: lock };
        postgres.take_over_or_launch(&configuration, progress).await?;
        Ok(postgres)
    }

    /// How to reach the database that a server of this data directory keeps running, as `lww_app`; `None` when no server
    /// uses the directory.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the directory or its passwords can't be read.
    pub fn attach(options: &EmbeddedOptions) -> Result<Option<Config>, EmbeddedError> {
        let data_dir = make_data_dir(&options.data_dir)?;
        match lock(&data_dir) {
            Ok(_unused) => return Ok(None),
            Err(EmbeddedError::DirectoryBusy { .. }) => {}
            Err(error) => return Err(error),
        }
        let place = Place::locate(&data_dir)?;
        let passwords = Passwords::load(&options.secrets_dir, &place.data)?;
        Ok(Some(configuration(&place.socket_dir, ROLE_APP, &passwords.app)))
    }

    /// Makes sure that PostgreSQL runs, and starts it again if it was killed. Returns whether it had
    /// to. Concurrent calls wait for each other.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn ensure_running(&self) -> Result<bool, EmbeddedError> {
        let _one_at_a_time = self.restart.lock().await;
        if running::began(self.pid()).is_some_and(|began| began == self.began.load(Ordering::Acquire)) {
            return Ok(false);
        }
        if running::occupant(&self.place).await? == Occupant::Server(self.pid()) {
            return Ok(false);
        }
        self.launch().await?;
        Ok(true)
    }

    /// Stops PostgreSQL; open transactions are rolled back. One that does not stop cleanly within a
    /// minute is stopped at once and recovers at its next start.
    ///
    /// # Errors
    /// [`EmbeddedError::ProgramFailed`] or [`EmbeddedError::ProgramTimedOut`] if it does not stop.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        running::stop(&self.place, &self.binaries).await?;
        // Tidiness only: the next start makes the folder again or uses the one that is left.
        let _ = fs::remove_dir(&self.place.socket_dir);
        Ok(())
    }

    /// Connection configuration of the role `lww_owner`, which owns the database and runs migrations.
    pub fn owner_config(&self) -> Config {
        self.config(ROLE_OWNER, &self.passwords.owner)
    }

    /// Connection configuration of the role `lww_app`, which owns nothing and cannot bypass
    /// row-level security.
    pub fn app_config(&self) -> Config {
        self.config(ROLE_APP, &self.passwords.app)
    }

    /// Process id of PostgreSQL's main process.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Acquire)
    }

    /// PostgreSQL's data directory: `<data_dir>/pg`, or a folder that its account can reach.
    pub fn data_directory(&self) -> &Path {
        &self.place.data
    }

    async fn take_over_or_launch(&self, configuration: &str, progress: &dyn Fn(&str)) -> Result<(), EmbeddedError> {
        let path = self.place.data.join("postgresql.conf");
        let same = fs::read_to_string(&path).is_ok_and(|found| found == configuration);
        if let Occupant::Server(pid) = running::occupant(&self.place).await? {
            if same && self.verify().await.is_ok() {
                progress("Taking over the PostgreSQL that an earlier server left running");
                self.remember(pid);
                return Ok(());
            }
            progress("Stopping the PostgreSQL that an earlier server left running");
            running::stop(&self.place, &self.binaries).await?;
        }
        if !same {
            creation::write_setting(&self.place, &self.place.data, "postgresql.conf", configuration)?;
        }
        progress(&format!("Starting PostgreSQL {}", self.binaries.major));
        self.launch().await
    }

    async fn launch(&self) -> Result<(), EmbeddedError> {
        let pid = running::start(&self.place, &self.binaries).await?;
        self.remember(pid);
        self.verify().await
    }

    fn remember(&self, pid: u32) {
        self.pid.store(pid, Ordering::Release);
        self.began.store(running::began(pid).unwrap_or(0), Ordering::Release);
    }

    /// Connects and asks which data directory answers: a socket of the same name may be another's.
    async fn verify(&self) -> Result<(), EmbeddedError> {
        let failed = |source| EmbeddedError::Connection { path: self.place.data.clone(), source };
        let (client, connection) = self.owner_config().connect(NoTls).await.map_err(failed)?;
        // Ends by itself when the client is dropped; the query reports what goes wrong.
        tokio::spawn(connection);
        let row = client.query_one("SHOW data_directory", &[]).await.map_err(failed)?;
        let got: String = row.try_get(0).map_err(failed)?;
        if Path::new(&got) == self.place.data {
            return Ok(());
        }
        Err(EmbeddedError::WrongDatabase { expected: self.place.data.clone(), got })
    }

    fn config(&self, role: &str, password: &str) -> Config {
        configuration(&self.place.socket_dir, role, password)
    }
}

fn configuration(socket_dir: &Path, role: &str, password: &str) -> Config {
    let mut config = Config::new();
    config
        .host_path(socket_dir)
        .port(settings::SOCKET_PORT)
        .user(role)
        .password(password)
        .dbname(DATABASE)
        .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S));
    config
}

/// Makes the data directory and returns its canonical path.
///
/// # Errors
/// [`EmbeddedError::Io`].
pub fn make_data_dir(path: &Path) -> Result<PathBuf, EmbeddedError> {
    // As root, PostgreSQL's account must pass through; it still cannot list or read anything.
    let mode = if account::Account::own()?.is_root() { 0o711 } else { 0o700 };
    place::make_folder(path, mode)?;
    path.canonicalize().map_err(EmbeddedError::io("find", path))
}

/// Takes the lock of the data directory and writes this process's id into it.
fn lock(data_dir: &Path) -> Result<File, EmbeddedError> {
    let path = data_dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(EmbeddedError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.take(LOCK_FILE_BYTES_MAX).read_to_string(&mut holder);
            let known = read.is_ok() && holder.trim_end().parse::<u32>().is_ok();
            let holder = if known { holder.trim_end().to_owned() } else { "unknown".to_owned() };
            return Err(EmbeddedError::DirectoryBusy { path, holder });
        }
        Err(TryLockError::Error(source)) => return Err(EmbeddedError::io("lock", path)(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(EmbeddedError::io("write", path))?;
    Ok(file)
}

/// Major version that wrote a data directory; `None` if there is no database yet.
fn read_major(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    if !place::exists(data)? {
        return Ok(None);
    }
    let path = data.join("PG_VERSION");
    let text = fs::read_to_string(&path).map_err(EmbeddedError::io("read", &path))?;
    let damaged = EmbeddedError::FileDamaged { path, expected: "a version of PostgreSQL" };
    text.trim_end().parse().map(Some).map_err(|_| damaged)
}

fn machine_memory_mib() -> u64 {
    settings::memory_mib(&fs::read_to_string("/proc/meminfo").unwrap_or_default())
}
