//! The outside peer of the live figures: ejabberd as Debian packages it, persisting and delivering the same stream of messages.
//!
//! 400 customers send to 50 agents on schedule, whatever the server does; the time from a message's scheduled instant to its
//! arrival at the agent's socket is measured. `mod_mam` writes each message into a private PostgreSQL with our own settings.
//!
//! **Equal on both sides.** The same texts at the same rates from as many customers to as many agents. A message's row is
//! committed (`fsync` and `synchronous_commit` on) before it is delivered: the sender's session waits for the `INSERT` and
//! routes afterwards. Each message is stored once: the archives of agents are switched off, which spares ejabberd the
//! recipient's copy that it would write by default. Plain TCP on loopback without TLS, clients in this process, everybody
//! logged in and warm before the clock starts.
//!
//! **Not equal.** For ejabberd: it neither masks, seals nor proves anything, it acknowledges nothing to the sender, and its
//! clients name their agent themselves, so nothing is queued or matched. An `INSERT` that fails or takes five seconds does not
//! keep it from delivering what it has not stored; a run in which that happened is an error here. Against it: one `INSERT` and
//! one commit a message into four indexes over ten connections (its default), where we commit in groups; its driver reaches
//! PostgreSQL over TCP on loopback, where we use a socket file; it reads and writes XML, where we have JSON.
//!
//! It knows just enough XMPP for that: stream, SASL PLAIN, resource binding, presence, chat (RFC 6120, RFC 6121, XEP-0313).
//! The configuration, data and service of an ejabberd that the machine has are left alone: this one has its own temporary
//! folder and ports, and its node is unnamed, so that it needs no port mapper and no cookie.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and shares of a benchmark"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{AGENTS, PER_AGENT, TEXTS};

/// Debian's start script; the folder of ejabberd's own code stands in it.
const CONTROL: &str = "/usr/sbin/ejabberdctl";
const SCHEMA: &str = "/usr/share/ejabberd/sql/pg.sql";
const ERLANG: &str = "/usr/bin/erl";
const ERLANG_LIBRARIES: &str = "/usr/lib/erlang/lib";
const DRIVER: &str = "p1_pgsql-";
const LOG: &str = "ejabberd.log";

const CUSTOMERS: usize = AGENTS * PER_AGENT;
/// Clients that log in at the same time.
const GROUP: usize = 25;
const WARM_UP_SECONDS: u64 = 3;
/// How long starting, logging in and the last arrival may take.
const PATIENCE: Duration = Duration::from_secs(60);
const STRAGGLERS: Duration = Duration::from_secs(10);

const PASSWORD: &str = "of-a-benchmark";

/// What was measured.
pub struct Figures {
    /// Messages that arrived per second, from the first scheduled instant to the last arrival.
    pub rate: f64,
    /// Median of the time from the scheduled instant to arrival; lost messages don't count.
    pub p50_ms: f64,
    /// The time that 99 of 100 arrivals stay within.
    pub p99_ms: f64,
    /// Messages that had not arrived ten seconds after the last was due.
    pub lost: u64,
}

/// Whether ejabberd and its PostgreSQL driver are installed; the error says how to get them.
pub fn available() -> Result<(), String> {
    let folders = std::fs::read_dir(ERLANG_LIBRARIES).into_iter().flatten().flatten();
    let driver = folders.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(DRIVER));
    if driver && Path::new(SCHEMA).exists() && Path::new(ERLANG).exists() && libraries().is_ok() {
        return Ok(());
    }
    Err("ejabberd is not installed: run tools/ejabberd.sh as root, or apt-get install ejabberd erlang-p1-pgsql"
        .to_owned())
}

/// Measures a private ejabberd at this many messages per second, and stops everything that it started.
///
/// # Errors
/// What could not be started, or that ejabberd delivered what it did not store.
pub async fn measure(rate: f64, seconds: u64) -> Result<Figures, String> {
    available()?;
    let permissions = std::fs::Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new()
        .prefix("lww-peer-")
        .permissions(permissions)
        .tempdir_in("/tmp")
        .map_err(said("a temporary folder"))?;
    let database = start_database(folder.path()).await?;
    let outcome = measure_with(&database, folder.path(), rate, seconds).await;
    let stopped = database.stop().await.map_err(said("stopping PostgreSQL"));
    outcome.and_then(|figures| stopped.map(|()| figures))
}

async fn measure_with(database: &EmbeddedPostgres, folder: &Path, rate: f64, seconds: u64) -> Result<Figures, String> {
    let (archive, connection) =
        database.owner_config().connect(tokio_postgres::NoTls).await.map_err(said("PostgreSQL"))?;
    tokio::spawn(connection);
    fill_database(&archive).await?;
    let (mut server, port) = start_server(database, folder).await?;
    let outcome = async {
        let clients = tokio::time::timeout(PATIENCE, log_in_all(port)).await.map_err(said("logging in"))??;
        let schedule = Schedule::new(rate, seconds);
        let arrivals = run(clients, schedule).await?;
        let stored = archive.query_one("SELECT count(*) FROM archive", &[]).await.map_err(said("the archive"))?;
        schedule.figures(arrivals, stored.get(0))
    };
    let outcome = outcome.await.map_err(|error| format!("{error}\n{}", log_of(folder)));
    server.kill().await.map_err(said("stopping ejabberd"))?;
    outcome
}

/// When each message is due; those of the warm-up come first.
#[derive(Clone, Copy)]
struct Schedule {
    began: Instant,
    rate: f64,
    warm_up: usize,
    total: usize,
}

impl Schedule {
    fn new(rate: f64, seconds: u64) -> Self {
        let messages = |seconds: u64| (rate * seconds as f64) as usize;
        // The senders take a moment to start.
        let began = Instant::now() + Duration::from_millis(200);
        Self { began, rate, warm_up: messages(WARM_UP_SECONDS), total: messages(WARM_UP_SECONDS + seconds) }
    }

    fn due(&self, turn: usize) -> Instant {
        self.began + Duration::from_secs_f64(turn as f64 / self.rate)
    }

    fn figures(&self, arrivals: Vec<Option<Instant>>, stored: i64) -> Result<Figures, String> {
        let arrived = arrivals.iter().flatten().count();
        if usize::try_from(stored).is_ok_and(|stored| stored < arrived) {
            return Err(format!("ejabberd delivered {arrived} messages but stored only {stored}"));
        }
        let measured = self.total - self.warm_up;
        let numbered = arrivals.into_iter().enumerate().skip(self.warm_up);
        let arrivals: Vec<_> = numbered.filter_map(|(turn, at)| Some((turn, at?))).collect();
        let mut waits: Vec<_> = arrivals.iter().map(|(turn, at)| *at - self.due(*turn)).collect();
        waits.sort_unstable();
        let at = |share: f64| waits.get((waits.len().saturating_sub(1) as f64 * share) as usize);
        let (Some(p50), Some(p99), Some(last)) = (at(0.5), at(0.99), arrivals.iter().map(|(_, at)| *at).max()) else {
            return Err("ejabberd delivered nothing".to_owned());
        };
        Ok(Figures {
            rate: arrivals.len() as f64 / (last - self.due(self.warm_up)).as_secs_f64(),
            p50_ms: p50.as_secs_f64() * 1e3,
            p99_ms: p99.as_secs_f64() * 1e3,
            lost: (measured - arrivals.len()) as u64,
        })
    }
}

/// Sends everything on schedule and tells when each message arrived first.
async fn run(clients: Clients, schedule: Schedule) -> Result<Vec<Option<Instant>>, String> {
    let mut tasks = JoinSet::new();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for agent in clients.agents {
        let sender = sender.clone();
        tasks.spawn(async move { listen(agent, &sender).await });
    }
    // Each agent's task holds its own; the channel closes when all of them have ended.
    drop(sender);
    for (number, customer) in clients.customers.into_iter().enumerate() {
        let (mut reading, writing) = customer.socket.into_split();
        tasks.spawn(async move { talk(writing, number, schedule).await });
        tasks.spawn(async move { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await.map(|_| ()) });
    }
    let until = schedule.due(schedule.total) + STRAGGLERS;
    let mut arrivals = vec![None; schedule.total];
    let mut missing = schedule.total;
    while missing > 0 {
        let Ok(Some((turn, at))) = tokio::time::timeout_at(until.into(), receiver.recv()).await else { break };
        let Some(arrival) = arrivals.get_mut(turn) else { return Err(format!("message {turn} was never sent")) };
        if arrival.is_none() {
            *arrival = Some(at);
            missing -= 1;
        }
    }
    Ok(arrivals)
}

/// Sends this customer's share of the messages, all to the same agent.
async fn talk(mut socket: OwnedWriteHalf, customer: usize, schedule: Schedule) -> std::io::Result<()> {
    let agent = customer % AGENTS;
    for turn in (customer..schedule.total).step_by(CUSTOMERS) {
        tokio::time::sleep_until(schedule.due(turn).into()).await;
        let text = TEXTS.get(turn % TEXTS.len()).copied().unwrap_or_default();
        let stanza = format!(
            "<message to='agent{agent}@localhost' type='chat' id='m{turn}'><body>{turn} {text}</body></message>"
        );
        socket.write_all(stanza.as_bytes()).await?;
    }
    Ok(())
}

/// Reads the numbers of the messages that an agent gets.
async fn listen(mut agent: Stream, arrived: &mpsc::UnboundedSender<(usize, Instant)>) -> std::io::Result<()> {
    loop {
        while let Some(turn) = agent.next_number() {
            // The measurement is over when nobody receives.
            let _over = arrived.send((turn, Instant::now()));
        }
        agent.read().await?;
    }
}

/// One client's connection with what was read but not looked at.
struct Stream {
    socket: TcpStream,
    unread: Vec<u8>,
}

struct Clients {
    customers: Vec<Stream>,
    agents: Vec<Stream>,
}

async fn log_in_all(port: u16) -> Result<Clients, String> {
    let customers = log_in(port, "customer", CUSTOMERS).await?;
    let agents = log_in(port, "agent", AGENTS).await?;
    Ok(Clients { customers, agents })
}

async fn log_in(port: u16, role: &str, count: usize) -> Result<Vec<Stream>, String> {
    let names: Vec<_> = (0..count).map(|number| format!("{role}{number}")).collect();
    let mut clients = Vec::new();
    for group in names.chunks(GROUP) {
        let logins: JoinSet<_> = group.iter().map(|name| Stream::log_in(port, name.clone())).collect();
        for client in logins.join_all().await {
            clients.push(client?);
        }
    }
    Ok(clients)
}

impl Stream {
    async fn log_in(port: u16, name: String) -> Result<Self, String> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.map_err(said("connecting"))?;
        socket.set_nodelay(true).map_err(said("connecting"))?;
        let mut stream = Self { socket, unread: Vec::new() };
        let open = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams'>";
        let proof = STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        let login = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{proof}</auth>");
        let bind = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        for (words, answer) in [
            (open, "</stream:features>"),
            (&login, "<success"),
            (open, "</stream:features>"),
            (bind, "</jid>"),
            // A session that has announced itself gets its own announcement back.
            ("<presence/>", "<presence"),
        ] {
            stream.say(words, answer).await.map_err(|error| format!("{name}, waiting for {answer}: {error}"))?;
        }
        Ok(stream)
    }

    /// Says something and reads on behind the answer.
    async fn say(&mut self, words: &str, answer: &str) -> std::io::Result<()> {
        self.socket.write_all(words.as_bytes()).await?;
        loop {
            if let Some(at) = find(&self.unread, answer.as_bytes()) {
                self.unread.drain(..at + answer.len());
                return Ok(());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> std::io::Result<()> {
        match self.socket.read_buf(&mut self.unread).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The number at the beginning of the next body that has been read whole.
    fn next_number(&mut self) -> Option<usize> {
        let begins = find(&self.unread, b"<body>")? + b"<body>".len();
        let length = find(self.unread.get(begins..)?, b"</body>")?;
        let body = String::from_utf8_lossy(self.unread.get(begins..begins + length)?).into_owned();
        self.unread.drain(..begins + length);
        body.split(' ').next()?.parse().ok()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Starts a PostgreSQL with our settings that also listens on a loopback address of this process alone: ejabberd's driver
/// knows no socket files, and 127.0.0.1 may be taken.
async fn start_database(folder: &Path) -> Result<EmbeddedPostgres, String> {
    let options = EmbeddedOptions { data_dir: folder.join("data"), bin_dir: None, secrets_dir: folder.join("secrets") };
    let failed = said("PostgreSQL");
    let created = EmbeddedPostgres::start(&options, &|_| {}).await.map_err(&failed)?;
    let data = created.data_directory().to_owned();
    created.stop().await.map_err(&failed)?;
    listen_on_loopback(&data).map_err(said("PostgreSQL"))?;
    EmbeddedPostgres::start(&options, &|_| {}).await.map_err(failed)
}

/// PostgreSQL reads the first of these files after its own and so hears of the address.
fn listen_on_loopback(data: &Path) -> std::io::Result<()> {
    append(&data.join("postgresql.auto.conf"), &format!("listen_addresses = '{}'\n", address()))?;
    append(&data.join("pg_hba.conf"), "host all all 127.0.0.0/8 scram-sha-256\n")
}

fn address() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 83, high, low)
}

/// ejabberd's own tables, the accounts, and no archive for agents: a message is stored once, by its sender's session.
async fn fill_database(database: &tokio_postgres::Client) -> Result<(), String> {
    let schema = std::fs::read_to_string(SCHEMA).map_err(said(SCHEMA))?;
    let people = format!(
        "INSERT INTO users (username, password) SELECT 'customer' || n, '{PASSWORD}' FROM generate_series(0, {CUSTOMERS} - 1) n;
         INSERT INTO users (username, password) SELECT 'agent' || n, '{PASSWORD}' FROM generate_series(0, {AGENTS} - 1) n;
         INSERT INTO archive_prefs (username, def, always, never)
         SELECT 'agent' || n, 'never', '[]', '[]' FROM generate_series(0, {AGENTS} - 1) n;"
    );
    database.batch_execute(&schema).await.map_err(said(SCHEMA))?;
    database.batch_execute(&people).await.map_err(said("the accounts"))
}

/// Starts ejabberd and waits until it listens, under the account of its database where this process is root.
async fn start_server(database: &EmbeddedPostgres, folder: &Path) -> Result<(Child, u16), String> {
    let own = folder.join("ejabberd");
    let failed = said("ejabberd");
    let port = free_port().map_err(&failed)?;
    let account = std::fs::metadata(database.data_directory()).map_err(&failed)?;
    std::fs::create_dir(&own).map_err(&failed)?;
    append(&own.join("ejabberd.yml"), &configuration(database, port)).map_err(&failed)?;
    let mut command = Command::new(ERLANG);
    if std::fs::metadata(&own).map_err(&failed)?.uid() != account.uid() {
        for path in [own.join("ejabberd.yml"), own.clone()] {
            std::os::unix::fs::chown(path, Some(account.uid()), Some(account.gid())).map_err(&failed)?;
        }
        command.uid(account.uid()).gid(account.gid());
    }
    // As Debian's script starts it, but without a node name.
    command
        .args(["+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir"])
        .arg(format!("{:?}", own.join("spool").display().to_string()))
        .args(["-s", "ejabberd"])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("ERL_MAX_PORTS", "32000"), ("ERL_MAX_ETS_TABLES", "1400")])
        .env("HOME", &own)
        .env("ERL_LIBS", libraries().map_err(&failed)?)
        .env("ERL_CRASH_DUMP", own.join("crash.dump"))
        .env("EJABBERD_CONFIG_PATH", own.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", own.join(LOG))
        .current_dir(&own)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut server = command.spawn().map_err(&failed)?;
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if server.try_wait().map_err(&failed)?.is_some() || Instant::now() > until {
            return Err(format!("ejabberd does not listen\n{}", log_of(folder)));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((server, port))
}

/// A client port, an SQL account and the archive; no other module, no limit of rates.
fn configuration(database: &EmbeddedPostgres, port: u16) -> String {
    let config = database.owner_config();
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    format!(
        "hosts: [localhost]
loglevel: error
listen:
  - port: {port}
    ip: 127.0.0.1
    module: ejabberd_c2s
    backlog: {CUSTOMERS}
auth_method: sql
auth_password_format: plain
default_db: sql
sql_type: pgsql
sql_server: {}
sql_port: {}
sql_database: {}
sql_username: {}
sql_password: {password:?}
modules:
  mod_mam:
    default: always
",
        address(),
        config.get_ports().first().copied().unwrap_or_default(),
        config.get_dbname().unwrap_or_default(),
        config.get_user().unwrap_or_default(),
    )
}

/// The folder in which Erlang finds ejabberd, as Debian's script sets it.
fn libraries() -> std::io::Result<String> {
    let script = std::fs::read_to_string(CONTROL)?;
    let line = script.lines().find_map(|line| line.strip_prefix("ERL_LIBS="));
    line.map(|value| value.trim_matches(['\'', '"']).to_owned()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// The last lines of ejabberd's log, which hold texts of this benchmark at most.
fn log_of(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("ejabberd").join(LOG)).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn said<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}
