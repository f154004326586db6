//! What integration tests share: a world of their own (folder, configuration, perhaps the bank's own PostgreSQL), servers
//! as real processes in it, and the people who talk to them.

#![expect(clippy::unnecessary_debug_formatting, reason = "paths are quoted for TOML")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a broken test world fails the test"
)]

pub mod files;
pub mod listening;
pub mod load;
pub mod people;
pub mod postgres;
pub mod raw;
pub mod socket;
pub mod witness;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use liaowaiwai::cli::client::{ChannelKey, Client};
use liaowaiwai::crypto::SystemClock;
use liaowaiwai::ports::Clock;
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lww_audit::fsck::{self, Finding, Summary};
use lww_audit::tile::{Part, TilePath, WIDTH};

/// The secret of every test channel, 32 bytes.
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// The masking policy that comes with the server.
pub const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
/// How long a test waits for what a server does by itself.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a configuration for one server or several.
pub struct World {
    folder: tempfile::TempDir,
    database: Option<EmbeddedPostgres>,
    database_url: Option<String>,
    /// Lines that every tenant's section gets besides.
    pub tenant_keys: String,
    /// Sections that the file gets besides.
    pub sections: String,
}

impl World {
    /// A world whose servers have a private PostgreSQL of their own.
    pub fn private() -> Self {
        let folder = postgres::folder();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        std::fs::set_permissions(folder.path().join("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::copy(POLICY, folder.path().join("policy.yaml")).unwrap();
        Self { folder, database: None, database_url: None, tenant_keys: String::new(), sections: String::new() }
    }

    /// A world with a PostgreSQL that several servers share, migrated by its owner.
    pub async fn shared() -> Self {
        let mut world = Self::private();
        let options = EmbeddedOptions {
            data_dir: world.path().join("bank"),
            bin_dir: None,
            secrets_dir: world.path().join("bank-secrets"),
        };
        postgres::place(&options.data_dir, &options.secrets_dir);
        let database = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
        let config = database.app_config();
        let host = match config.get_hosts().first().unwrap() {
            tokio_postgres::config::Host::Unix(path) => path.display().to_string().replace('/', "%2F"),
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
        };
        let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let port = config.get_ports().first().copied().unwrap_or(5432);
        std::fs::write(world.path().join("database-password"), config.get_password().unwrap()).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(world.path().join("database-password"), private).unwrap();
        world.database_url = Some(format!("postgres://{user}@{host}:{port}/{name}"));
        world.database = Some(database);
        world
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The shared PostgreSQL.
    pub fn database(&self) -> &EmbeddedPostgres {
        self.database.as_ref().unwrap()
    }

    /// Ends the shared PostgreSQL.
    pub async fn end(mut self) {
        if let Some(database) = self.database.take() {
            database.stop().await.unwrap();
        }
    }

    /// The data directory of a node.
    pub fn data(&self, node: &str) -> PathBuf {
        self.path().join(node)
    }

    /// The folder of a tenant's tiles.
    pub fn tiles(&self, node: &str, tenant: &str) -> PathBuf {
        self.data(node).join("audit").join(format!("{tenant}-1"))
    }

    /// The policy file of both tenants, a copy that a test may change.
    pub fn policy(&self) -> PathBuf {
        self.path().join("policy.yaml")
    }

    /// The configuration file of a node.
    pub fn config(&self, node: &str) -> PathBuf {
        self.path().join(format!("{node}.toml"))
    }

    /// Writes a node's configuration with two tenants, `demo` and `other`, each with the channel account `app`.
    pub fn configure(&self, node: &str) -> PathBuf {
        let data = self.data(node);
        let secret = self.path().join("secret");
        let keys = self.path().join("keys");
        let database = self.database_url.as_ref().map_or_else(String::new, |url| {
            let password = self.path().join("database-password");
            format!("database_url = {url:?}\ndatabase_password = \"secret://file{}\"\n", password.display())
        });
        let demo = self.database_url.is_none();
        let tenant = |name: &str| {
            let policy = self.policy();
            format!(
                "\n[[tenant]]\nname = {name:?}\ndemo = {demo}\npolicy = {policy:?}\n{1}\n\n[[tenant.channel]]\nchannel = \"http\"\n\
                 account = \"app\"\nkey_id = \"{name}-app\"\nsecret = \"secret://file{0}\"\n\n[[tenant.channel]]\n\
                 channel = \"http\"\naccount = \"bank\"\nkey_id = \"{name}-bank\"\nsecret = \"secret://file{0}\"\n\
                 identities = \"customers\"\n\n[[tenant.channel]]\nchannel = \"web\"\naccount = \"widget\"\n\
                 key_id = \"{name}-widget\"\nsecret = \"secret://file{0}\"\nidentities = \"customers\"\n\
                 origins = \"https://www.bank.example\"\n",
                secret.display(),
                self.tenant_keys,
            )
        };
        let text = format!(
            "name = \"lww.test\"\ndata_dir = {data:?}\nkeys_dir = {keys:?}\n{database}\n[http]\nlisten = \"127.0.0.1:0\"\n\
             trial_listen = \"127.0.0.1:0\"\ncerts_dir = {:?}\n\n[log]\nlevel = \"trace\"\n{}\n{}{}",
            data.join("certs"),
            self.sections,
            tenant("demo"),
            tenant("other"),
        );
        let path = self.config(node);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts a node and waits until it says where it listens.
    pub fn start(&self, node: &str) -> Server {
        self.try_start(node, &[]).unwrap_or_else(|error| panic!("the server did not start: {error}"))
    }

    /// Starts a node and waits until it is ready, if it is the one that writes; the error is what it printed.
    pub fn try_start(&self, node: &str, arguments: &[&str]) -> Result<Server, String> {
        let server = self.launch(node, arguments)?;
        if server.role == "active" {
            server.wait_ready();
        }
        Ok(server)
    }

    /// Starts a node that may never become ready; the error is what it printed.
    pub fn launch(&self, node: &str, arguments: &[&str]) -> Result<Server, String> {
        let config = self.configure(node);
        if self.database_url.is_none() {
            postgres::place(&self.data(node), &self.data(node).join("database-secrets"));
        }
        Server::launch(&config, &self.data(node), arguments)
    }

    /// Starts a node with this configuration and waits until it is ready.
    pub fn launch_with(&self, node: &str, config: &str) -> Result<Server, String> {
        let path = self.configure(node);
        std::fs::write(&path, config).unwrap();
        if self.database_url.is_none() {
            postgres::place(&self.data(node), &self.data(node).join("database-secrets"));
        }
        let server = Server::launch(&path, &self.data(node), &[])?;
        server.wait_ready();
        Ok(server)
    }

    /// Starts a node on another configuration than its own, and waits until it is ready.
    pub fn start_on(&self, config: &Path, node: &str, arguments: &[&str]) -> Result<Server, String> {
        let server = Server::launch(config, &self.data(node), arguments)?;
        server.wait_ready();
        Ok(server)
    }

    /// Runs `lww` on a node's configuration; output and whether it succeeded.
    pub fn lww(&self, node: &str, arguments: &[&str]) -> (bool, String) {
        let config = self.config(node).display().to_string();
        lww(&[arguments, &["--config", &config]].concat())
    }

    /// Runs `lww ledger verify --against-db` for a tenant: whether all is well, and what it printed.
    pub fn verify(&self, node: &str, tenant: &str) -> (bool, String) {
        self.lww(node, &["ledger", "verify", "--against-db", "--tenant", tenant])
    }

    /// Sees that the rows of both tenants are what their entries leave, while a server runs.
    pub fn assert_state(&self, node: &str) {
        for tenant in ["demo", "other"] {
            let (same, said) = self.lww(node, &["ledger", "rebuild", "--check", "--tenant", tenant]);
            assert!(same, "{said}");
        }
    }

    /// Checks a node's published files as an auditor does.
    pub fn fsck(&self, node: &str, tenant: &str) -> Result<Summary, Box<Finding>> {
        let tiles = lww_audit::TileDir::open(self.tiles(node, tenant));
        fsck::check(&tiles, &[self.vkey(node, tenant)], &mut |_| {})
    }

    /// The process id of a node's private PostgreSQL, if its file names one.
    pub fn postmaster(&self, node: &str) -> Option<u32> {
        postmaster(&self.data(node))
    }

    /// The public key of a tenant's log as the server tells it, left in `<tenant>.vkey` for `lww-verify`.
    pub fn vkey(&self, node: &str, tenant: &str) -> lww_audit::VerifierKey {
        let (told, vkey) = self.lww(node, &["ledger", "vkey", "--tenant", tenant]);
        assert!(told, "{vkey}");
        std::fs::write(self.path().join(format!("{tenant}.vkey")), &vkey).unwrap();
        vkey.trim().parse().unwrap()
    }

    /// The entries that a node has published for a tenant.
    pub fn entries(&self, node: &str, tenant: &str) -> Vec<lww_audit::Entry> {
        let tiles = lww_audit::TileDir::open(self.tiles(node, tenant));
        let size = tiles.checkpoint().unwrap().unwrap().unverified().size;
        let bundles = (0..size.0.div_ceil(WIDTH)).map(|bundle| TilePath::in_tree(Part::Entries, bundle, size).unwrap());
        let read = bundles.flat_map(|path| {
            let bundle = tiles.bundle(path).unwrap();
            bundle.entries().map(|entry| lww_audit::Entry::parse(entry.bytes).unwrap()).collect::<Vec<_>>()
        });
        read.collect()
    }

    /// A node's own PostgreSQL without the server, for the owner of its tables, who sees the tenant `demo`.
    pub async fn owner_of(&self, node: &str) -> (EmbeddedPostgres, tokio_postgres::Client) {
        let data_dir = self.data(node);
        let secrets_dir = data_dir.join("database-secrets");
        let options = EmbeddedOptions { data_dir, bin_dir: None, secrets_dir };
        let postgres = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
        let (client, connection) = postgres.owner_config().connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let tenant: i32 = client.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap().get(0);
        client.batch_execute(&format!("SET app.tenant = '{tenant}'")).await.unwrap();
        (postgres, client)
    }

    /// The superuser of the shared PostgreSQL, who can't log in until this lets them.
    pub fn superuser(&self) -> tokio_postgres::Config {
        superuser_of(self.database())
    }
}

/// The superuser of a PostgreSQL, who can't log in until this lets them.
pub fn superuser_of(database: &EmbeddedPostgres) -> tokio_postgres::Config {
    let rules = database.data_directory().join("pg_hba.conf");
    let present = std::fs::read_to_string(&rules).unwrap();
    if !present.starts_with("local all postgres trust") {
        std::fs::write(&rules, format!("local all postgres trust\n{present}")).unwrap();
        signal("-HUP", database.pid());
    }
    let mut config = database.owner_config();
    config.user("postgres");
    config
}

/// A server process.
pub struct Server {
    child: Child,
    /// Where HTTPS is served.
    pub https: SocketAddr,
    /// Where plain HTTP is served.
    pub http: SocketAddr,
    machines: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    /// `active` or `standby`.
    pub role: String,
    /// Its data directory.
    pub data: PathBuf,
    accounts: Vec<(String, String)>,
    errors: PathBuf,
}

impl Server {
    pub fn launch(config: &Path, data: &Path, arguments: &[&str]) -> Result<Self, String> {
        let errors = data.with_extension("stderr");
        let sink = std::fs::OpenOptions::new().create(true).append(true).open(&errors).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lww"))
            .args(["run", "--json", "--config"])
            .arg(config)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(sink)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(said) = serde_json::from_str::<serde_json::Value>(&line) else {
            child.wait().unwrap();
            return Err(std::fs::read_to_string(&errors).unwrap());
        };
        let port = |key: &str| said[key].as_str().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap();
        let address = |key: &str| SocketAddr::from(([127, 0, 0, 1], port(key)));
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let accounts = said["accounts"].as_array().unwrap().iter();
        Ok(Self {
            https: address("https"),
            http: address("http"),
            machines: said["machines"].is_string().then(|| address("machines")),
            metrics: said["metrics"].as_str().map(|url| {
                let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
                address.parse().unwrap()
            }),
            role: word(&said["role"]),
            data: data.to_owned(),
            accounts: accounts.map(|one| (word(&one["login"]), word(&one["password"]))).collect(),
            errors,
            child,
        })
    }

    /// Where machines are served.
    pub fn machines(&self) -> SocketAddr {
        self.machines.unwrap()
    }

    /// Where metrics are served.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics.unwrap()
    }

    /// The certificate to trust.
    pub fn ca(&self) -> PathBuf {
        self.data.join("certs").join("ca.pem")
    }

    /// A client over HTTPS, without a session.
    pub fn client(&self) -> Client {
        Client::https(self.https, &self.ca()).unwrap()
    }

    /// The one-time password of the first account with this login: the demo tenant's.
    pub fn password(&self, login: &str) -> String {
        let found = self.accounts.iter().find(|(known, _)| known == login);
        found.unwrap_or_else(|| panic!("no account {login}")).1.clone()
    }

    /// A member of the demo tenant's staff who has changed the one-time password and logged in.
    pub async fn staff(&self, login: &str) -> Client {
        self.staff_with("demo", login, &self.password(login)).await
    }

    /// The same with a one-time password that came from elsewhere.
    pub async fn staff_with(&self, tenant: &str, login: &str, password: &str) -> Client {
        first_login(self.client(), tenant, login, password).await
    }

    /// A member of the demo tenant's staff over the trial listener, where sockets are.
    pub async fn trial_staff(&self, login: &str) -> Client {
        self.trial_staff_with(login, &self.password(login)).await
    }

    /// The same with a one-time password that came from elsewhere.
    pub async fn trial_staff_with(&self, login: &str, password: &str) -> Client {
        first_login(Client::http(self.http), "demo", login, password).await
    }

    /// The demo tenant's agent over the trial listener, who takes conversations.
    pub async fn trial_agent(&self) -> Client {
        let agent = self.trial_staff("agent").await;
        agent.set_online(true).await.unwrap();
        agent
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `-STOP`.
    pub fn signal(&self, name: &str) {
        signal(name, self.pid());
    }

    /// Kills it. Its private PostgreSQL runs on, until the next start takes it over or the world ends.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it in order and waits for its end.
    pub fn stop(self) {
        self.signal("-TERM");
        self.ended();
    }

    /// Waits for the end of one that was told to stop.
    pub fn ended(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(&self.errors).unwrap());
    }

    /// What it printed to stderr.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }

    /// The answer of `/readyz`: status and body.
    pub fn ready(&self) -> Option<(u16, String)> {
        get(self.http, "/readyz")
    }

    /// Waits until it serves.
    pub fn wait_ready(&self) {
        wait_until("the server to be ready", || self.ready().is_some_and(|(status, _)| status == 200));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process would not see SIGTERM; one that has ended is no matter.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A killed server leaves its PostgreSQL running, and so does a test that fails.
        let listed = std::fs::read_dir(self.path()).into_iter().flatten().flatten();
        for pid in listed.filter_map(|entry| postmaster(&entry.path())).filter(|pid| is_alive(*pid)) {
            let _gone = Command::new("kill").args(["-QUIT", &pid.to_string()]).status();
            wait_until("PostgreSQL to end", || !is_alive(pid));
        }
    }
}

/// The process id that a data directory's `postmaster.pid` names.
fn postmaster(data: &Path) -> Option<u32> {
    let located = std::fs::read_to_string(data.join("pg.location")).map(|text| PathBuf::from(text.trim()));
    let folder = located.unwrap_or_else(|_| data.join("pg"));
    let text = std::fs::read_to_string(folder.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// State and parent of a process; `None` when there is none.
fn process(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything but ends at the last parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process runs; one that only waits to be reaped does not.
pub fn is_alive(pid: u32) -> bool {
    process(pid).is_some_and(|(state, _)| state != 'Z')
}

/// The processes that a process started.
pub fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| process(*child).is_some_and(|(_, parent)| parent == pid)).collect()
}

/// The key of a tenant's app.
pub fn key(tenant: &str) -> ChannelKey {
    ChannelKey {
        tenant: tenant.to_owned(),
        account: "app".to_owned(),
        keyid: format!("{tenant}-app"),
        secret: SECRET.to_vec().into(),
    }
}

/// The time, for signatures.
pub fn now() -> liaowaiwai::units::Timestamp {
    SystemClock.now()
}

/// Logs in with a one-time password, chooses another, and logs in with that.
async fn first_login(desk: Client, tenant: &str, login: &str, password: &str) -> Client {
    let chosen = chosen_password(login);
    desk.login(tenant, login, password).await.unwrap();
    desk.change_password(password, &chosen).await.unwrap();
    desk.login(tenant, login, &chosen).await.unwrap();
    desk
}

/// The password that a member of staff chooses.
pub fn chosen_password(login: &str) -> String {
    format!("a longer password of {login}")
}

/// Sends a signal.
pub fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").arg(name).arg(pid.to_string()).status().unwrap().success());
}

/// Waits until something holds that has to be asked for, as long as [`PATIENCE`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until something holds, as long as [`PATIENCE`].
#[expect(clippy::disallowed_methods, reason = "the test has nothing else to do meanwhile")]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A plain GET over the trial listener; `None` when nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Raw bytes over the trial listener, and the answer's status and body.
pub fn send(address: SocketAddr, request: &[u8]) -> Option<(u16, String)> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    // A server that refuses early closes while we still write; its answer is what counts.
    let _early = stream.write_all(request);
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// Runs `lww` with arguments; output and whether it succeeded.
pub fn lww(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lww")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// Runs `lww-verify`: its exit code and what it printed.
pub fn lww_verify(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(verifier()).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

/// The verifier of its own crate: beside the server's binary, built when it is not there.
fn verifier() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_lww")).with_file_name("lww-verify");
    if !path.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "lww-audit", "--bins"]).status();
        assert!(built.unwrap().success());
    }
    path
}

/// Whether `lww-verify` says that all is valid, and what it prints.
pub fn verified(arguments: &[&Path]) -> (bool, String) {
    let output = Command::new(verifier()).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

/// Says that a test can't be run here, and why; where `LWW_SKIP_NONE` is set, that is a failure.
pub fn skipped(test: &str, why: &str) {
    eprintln!("SKIPPED {test}: {why}");
    assert!(std::env::var_os("LWW_SKIP_NONE").is_none(), "{test} may not be skipped here: {why}");
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(listed) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = listed.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
