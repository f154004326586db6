//! The configuration: one TOML file, every key known, every mistake named with its line.
//!
//! Secrets are references (`secret://…`), never values. Without a file, and in a file that names neither a database nor a
//! tenant, there is one marked demo tenant on a private PostgreSQL. It deliberately opens nothing but the files that it
//! names: keys, database and listeners are the wiring's.

mod check;
mod erasure;
mod error;
mod generation;
mod keys;
mod mirror;
mod national;
mod read;
mod small;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use toml::de::DeTable;

pub use erasure::ErasureConfig;
pub use error::{ConfigError, Problem};
pub use keys::{Bounds, KEYS, Key, Kind, LISTS, OPTIONAL};
pub use mirror::{BucketConfig, MirrorConfig, MirrorPlace};
pub use national::NationalConfig;
pub use small::{LogConfig, PostgresqlConfig, TlsFiles};

use self::check::Checked;
pub use self::check::{AnchorConfig, AnchorFormConfig, WitnessConfig};
use self::read::{Section, Source};
use crate::crypto::KeyError;
use crate::crypto::live_certificate::{ClientAuthority, ClientCertificates};
use crate::crypto::secrets::SecretRef;
use crate::domain::event::Role;
use crate::http::{Rates, TrustedProxies};
use crate::pipeline::Rest;
use crate::storage::database;
use crate::storage::head::LogName;
use crate::units::Hash;
use crate::workers::self_audit::Pace;

/// Longest configuration file in bytes.
pub const CONFIG_BYTES_MAX: usize = 256 * 1024;

const BUILT_IN: &str = "built-in configuration";
/// What holds where neither a database nor a tenant is named.
const DEMO: &str = r#"
[[tenant]]
name = "demo"
demo = true

[[tenant.channel]]
channel = "http"
account = "app"
key_id = "demo-app"
secret = "secret://keys/channel-demo-app"

[[tenant.channel]]
channel = "web"
account = "widget"
key_id = "demo-widget"
secret = "secret://keys/channel-demo-widget"
identities = "customers"
"#;

/// Everything that an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// First part of every log's origin.
    pub name: String,
    /// Where the server keeps its data.
    pub data_dir: PathBuf,
    /// Where wrapped keys lie.
    pub keys_dir: PathBuf,
    /// The master key's file, when it is not in `keys_dir`.
    pub master_key: Option<PathBuf>,
    /// Whether the server restricts itself to its own files.
    pub confine: bool,
    /// Where HTTP is served.
    pub http: HttpConfig,
    /// About the private PostgreSQL.
    pub postgresql: PostgresqlConfig,
    /// Largest file that is taken, in bytes.
    pub file_bytes_max: i32,
    /// Erasing customers.
    pub erasure: ErasureConfig,
    /// National algorithms.
    pub national: NationalConfig,
    /// About log files.
    pub log: LogConfig,
    /// Who cosigns what is published; `None`: nobody.
    pub witness: Option<WitnessConfig>,
    /// Who confirms what is published.
    pub anchors: Vec<AnchorConfig>,
    /// Where a copy of what is published is kept; `None` without one.
    pub mirror: Option<MirrorConfig>,
    /// How fast the server looks through what it keeps.
    pub self_audit: Pace,
    /// The tenants; names are unique.
    pub tenants: Vec<TenantConfig>,
    database: Option<DatabaseConfig>,
}

/// `[http]`.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where HTTPS is served.
    pub listen: SocketAddr,
    /// Where plain HTTP is served for trials, a loopback address; `None` when it is off.
    pub trial_listen: Option<SocketAddr>,
    /// The configured certificate; `None` means a development certificate, on a loopback address.
    pub tls: Option<TlsFiles>,
    /// Where the development certificate authority lies.
    pub certs_dir: PathBuf,
    /// The CA of client certificates; `None` means that nobody is asked for one.
    pub client_ca: Option<PathBuf>,
    /// That CA's lists of revoked certificates; `None` means that none counts as revoked.
    pub client_crl: Option<PathBuf>,
    /// Where machines are served, each with a client certificate.
    pub machine_listen: Option<SocketAddr>,
    /// Where metrics are served, a loopback address.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the token is that whoever reads the metrics must show.
    pub metrics_token: Option<SecretRef>,
    /// Proxies whose word about a client's address is taken.
    pub proxies: TrustedProxies,
    /// What may be asked in a second.
    pub rates: Rates,
}

/// `[[tenant]]`.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    /// The tenant's name.
    pub name: String,
    /// The masking policy's file; `None` is the built-in one of a demo tenant.
    pub policy: Option<PathBuf>,
    /// The text of that policy, which the first start activates.
    pub policy_source: String,
    /// The file of the routing table; `None` for the one that comes with the server.
    pub routing: Option<PathBuf>,
    /// The routing table's text.
    pub routing_source: String,
    /// How many conversations a new agent holds at a time.
    pub agents_capacity_default: i32,
    /// How long an agent may be without the desk's connection that they had, in seconds.
    pub desk_grace_s: i32,
    /// How long conversations may rest.
    pub rest: Rest,
    /// How long a session lasts without being used, in minutes.
    pub session_idle_minutes: i32,
    /// Roles that must have a second factor.
    pub second_factor: Vec<Role>,
    /// The common name of the client certificate that may read the published log.
    pub auditor_name: Option<String>,
    /// Whether this is a demo tenant.
    pub demo: bool,
    /// The bank's own OpenID provider.
    pub oidc: Option<OidcConfig>,
    /// Its channel accounts; unique by channel and account.
    pub channels: Vec<ChannelConfig>,
}

/// `[tenant.oidc]`.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// The provider.
    pub issuer: String,
    /// This server's name with it.
    pub client_id: String,
    /// Where the secret shared with it is.
    pub client_secret: SecretRef,
    /// This server's own address as browsers know it, without a slash at its end.
    pub public_url: String,
    /// Certificates that the provider's is checked against.
    pub ca: Option<PathBuf>,
    /// The claim with the login.
    pub login_claim: String,
    /// The claim with the provider's roles.
    pub role_claim: String,
    /// Which role each of its values gives.
    pub roles: Vec<(String, Role)>,
    /// Whether a first login makes an account.
    pub create_accounts: bool,
}

/// `[[tenant.channel]]`.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// The channel's name, which the table of channels has.
    pub channel: &'static str,
    /// The tenant's own name for its account.
    pub account: String,
    /// Names the shared secret in signatures.
    pub key_id: String,
    /// Where the shared secret is.
    pub secret: SecretRef,
    /// The common name of the client certificate without which its requests are refused.
    pub client_name: Option<String>,
    /// The bank's name for the set of identities that this account's peer vouches for.
    pub identities: Option<String>,
    /// Origins of the pages that may open a socket from a browser.
    pub origins: Vec<String>,
}

#[derive(Clone, Debug)]
struct DatabaseConfig {
    url: String,
    parsed: tokio_postgres::Config,
    password: Option<SecretRef>,
    root_certificate: Option<PathBuf>,
    tls: Option<Arc<ClientConfig>>,
}

impl Config {
    /// Reads a configuration file; `None` is the built-in configuration with its demo tenant.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line, column and key.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = file else { return Self::parse(BUILT_IN, "") };
        let bytes = read(path, CONFIG_BYTES_MAX)
            .map_err(|source| ConfigError::Unreadable { file: path.into(), source })?
            .ok_or_else(|| ConfigError::TooLong { file: path.into(), bytes_max: CONFIG_BYTES_MAX })?;
        let file = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&file, &text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let valid = String::from_utf8_lossy(error.as_bytes().get(..at).unwrap_or_default()).into_owned();
                Err(Source { file: &file, text: &valid }.error(at, Problem::NotUtf8))
            }
        }
    }

    /// Reads the text of a configuration; `file` is its name in errors.
    ///
    /// # Errors
    /// [`ConfigError`], naming line, column and key.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let source = Source { file, text };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(text.len(), |span| span.start);
            // The parser's message is put together from fixed words; its Display would repeat the line.
            source.error(at, Problem::Syntax { reason: error.message().to_owned() })
        })?;
        let root = Section::root(source, &table)?;
        let mut config = check::root(&root)?;
        if config.tenants.is_empty() {
            if config.database.is_some() {
                return Err(root.missing("tenant"));
            }
            config.tenants = demo()?;
        }
        Ok(config)
    }

    /// Moves the data, and with it what lies there by default, to another directory.
    pub fn move_to(&mut self, data_dir: &Path) {
        for (place, name) in [(&mut self.keys_dir, KEYS_FOLDER), (&mut self.log.directory, LOGS_FOLDER)] {
            if *place == self.data_dir.join(name) {
                *place = data_dir.join(name);
            }
        }
        self.mirror.iter_mut().for_each(|mirror| mirror.move_to(&self.data_dir, data_dir));
        data_dir.clone_into(&mut self.data_dir);
    }

    /// Every reference to a secret with the key that it stands at.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let password = self.database.iter().filter_map(|database| database.password.as_ref());
        let channels = self.tenants.iter().flat_map(|tenant| &tenant.channels).map(|channel| &channel.secret);
        let oidc = self.tenants.iter().filter_map(|tenant| tenant.oidc.as_ref()).map(|oidc| &oidc.client_secret);
        let metrics = self.http.metrics_token.iter().map(|secret| ("http.metrics_token", secret));
        password
            .map(|secret| ("database_password", secret))
            .chain(oidc.map(|secret| ("tenant.oidc.client_secret", secret)))
            .chain(metrics)
            .chain(self.mirror.iter().flat_map(MirrorConfig::secrets))
            .chain(channels.map(|secret| ("tenant.channel.secret", secret)))
            .collect()
    }

    /// Where the bank's own PostgreSQL is, with its password fetched; `None` when a private one is to be started. From here
    /// on its root certificate is what PostgreSQL is verified by.
    ///
    /// # Errors
    /// [`KeyError`] when the password is not where its reference says.
    pub fn database(&self) -> Result<Option<tokio_postgres::Config>, KeyError> {
        let Some(database) = &self.database else { return Ok(None) };
        if let Some(tls) = &database.tls {
            database::trust(Arc::clone(tls));
        }
        let mut config = database.parsed.clone();
        if let Some(reference) = &database.password {
            config.password(reference.resolve_without_keys()?.bytes());
        }
        Ok(Some(config))
    }

    /// Whether the bank's own PostgreSQL is used.
    pub fn has_own_database(&self) -> bool {
        self.database.is_some()
    }

    /// Where a demo tenant's proposed masking policy lies.
    pub fn proposed_policy(&self) -> PathBuf {
        self.data_dir.join("proposed-policy.yaml")
    }

    /// Where what a witness called a contradiction is kept.
    pub fn evidence_dir(&self) -> PathBuf {
        self.data_dir.join("evidence")
    }

    /// The folder of a log's tiles.
    pub fn tiles_dir(&self, log: &LogName) -> PathBuf {
        self.data_dir.join("audit").join(format!("{}-{}", log.tenant_name, log.generation))
    }

    /// SHA-256 of everything that was decided, defaults included; of secrets only the references.
    pub fn digest(&self) -> Hash {
        let mut out = [0; 32];
        out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, self.canonical().as_bytes()).as_ref());
        Hash(out)
    }

    /// What was decided, defaults included: one line a value, `key = "escaped value"`, in the order of [`KEYS`]; lists
    /// repeat their keys. Of secrets only the references.
    pub fn canonical(&self) -> String {
        let mut lines = Lines::default();
        lines.put("name", &self.name);
        lines.path("data_dir", Some(&self.data_dir));
        lines.path("keys_dir", Some(&self.keys_dir));
        lines.path("master_key", self.master_key.as_deref());
        if let Some(database) = &self.database {
            lines.put("database_url", &database.url);
            lines.put("database_password", &database.password.as_ref().map(ToString::to_string).unwrap_or_default());
            lines.path("database_root_certificate", database.root_certificate.as_deref());
        }
        lines.put("confine", &self.confine.to_string());
        self.http.write(&mut lines);
        lines.path("postgresql.bin_dir", self.postgresql.bin_dir.as_deref());
        lines.path("log.directory", Some(&self.log.directory));
        lines.put("log.level", self.log.level);
        lines.put("attachments.bytes_max", &self.file_bytes_max.to_string());
        lines.put("erasure.backups_kept_days", &self.erasure.backups_kept_days.to_string());
        lines.put("erasure.at_once", &self.erasure.at_once.to_string());
        self.national.write(&mut lines);
        if let Some(witness) = &self.witness {
            witness.write(&mut lines);
        }
        self.anchors.iter().for_each(|anchor| anchor.write(&mut lines));
        self.mirror.iter().for_each(|mirror| mirror.write(&mut lines));
        mirror::write_pace(self.self_audit, &mut lines);
        for tenant in &self.tenants {
            tenant.write(&mut lines);
        }
        lines.0
    }
}

impl HttpConfig {
    /// Whose certificates `http.listen` takes.
    pub fn clients(&self) -> ClientCertificates {
        self.client_authority().map_or(ClientCertificates::Unasked, ClientCertificates::Asked)
    }

    /// The CA of client certificates, with its lists.
    pub fn client_authority(&self) -> Option<ClientAuthority> {
        Some(ClientAuthority { ca: self.client_ca.clone()?, crl: self.client_crl.clone() })
    }

    /// Where machines are served, and whose certificates they need.
    pub fn machines(&self) -> Option<(SocketAddr, ClientCertificates)> {
        Some((self.machine_listen?, ClientCertificates::Required(self.client_authority()?)))
    }

    fn write(&self, lines: &mut Lines) {
        lines.put("http.listen", &self.listen.to_string());
        lines.put("http.trial_listen", &self.trial_listen.map_or_else(|| "off".to_owned(), |at| at.to_string()));
        lines.path("http.certificate", self.tls.as_ref().map(|files| files.certificate.as_path()));
        lines.path("http.private_key", self.tls.as_ref().map(|files| files.private_key.as_path()));
        let proxies: Vec<String> = self.proxies.0.iter().map(ToString::to_string).collect();
        lines.put("http.trusted_proxies", &proxies.join(", "));
        let Rates { address, staff, visitor, channel, tenant } = self.rates;
        for (key, rate) in [
            ("http.address_requests_per_s", address),
            ("http.staff_requests_per_s", staff),
            ("http.visitor_requests_per_s", visitor),
            ("http.channel_requests_per_s", channel),
            ("http.tenant_requests_per_s", tenant),
        ] {
            lines.put(key, &rate.to_string());
        }
        lines.path("http.client_ca", self.client_ca.as_deref());
        lines.path("http.client_crl", self.client_crl.as_deref());
        lines.put("http.machine_listen", &self.machine_listen.map(|at| at.to_string()).unwrap_or_default());
        lines.put("http.metrics_listen", &self.metrics_listen.map_or_else(|| "off".to_owned(), |at| at.to_string()));
        lines.put("http.metrics_token", &self.metrics_token.as_ref().map(ToString::to_string).unwrap_or_default());
        lines.path("http.certs_dir", Some(&self.certs_dir));
    }
}

impl TenantConfig {
    /// Whether the built-in policy of a demo tenant is its own, rather than a file.
    pub fn has_built_in_policy(&self) -> bool {
        self.demo && self.policy.is_none()
    }

    fn write(&self, lines: &mut Lines) {
        lines.put("tenant.name", &self.name);
        lines.path("tenant.policy", self.policy.as_deref());
        lines.path("tenant.routing", self.routing.as_deref());
        lines.put("tenant.agents_capacity_default", &self.agents_capacity_default.to_string());
        lines.put("tenant.desk_grace_s", &self.desk_grace_s.to_string());
        lines.put("tenant.solve_idle_after_s", &self.rest.idle_s.to_string());
        lines.put("tenant.close_solved_after_s", &self.rest.solved_s.to_string());
        lines.put("tenant.session_idle_minutes", &self.session_idle_minutes.to_string());
        lines.put(
            "tenant.second_factor",
            &self.second_factor.iter().map(|role| role.word()).collect::<Vec<_>>().join(", "),
        );
        lines.put("tenant.auditor_name", self.auditor_name.as_deref().unwrap_or_default());
        lines.put("tenant.demo", &self.demo.to_string());
        if let Some(oidc) = &self.oidc {
            oidc.write(lines);
        }
        for channel in &self.channels {
            lines.put("tenant.channel.channel", channel.channel);
            lines.put("tenant.channel.account", &channel.account);
            lines.put("tenant.channel.key_id", &channel.key_id);
            lines.put("tenant.channel.client_name", channel.client_name.as_deref().unwrap_or_default());
            lines.put("tenant.channel.secret", &channel.secret.to_string());
            lines.put("tenant.channel.identities", channel.identities.as_deref().unwrap_or_default());
            lines.put("tenant.channel.origins", &channel.origins.join(" "));
        }
    }
}

impl OidcConfig {
    fn write(&self, lines: &mut Lines) {
        lines.put("tenant.oidc.issuer", &self.issuer);
        lines.put("tenant.oidc.client_id", &self.client_id);
        lines.put("tenant.oidc.client_secret", &self.client_secret.to_string());
        lines.put("tenant.oidc.public_url", &self.public_url);
        lines.path("tenant.oidc.ca", self.ca.as_deref());
        lines.put("tenant.oidc.login_claim", &self.login_claim);
        lines.put("tenant.oidc.role_claim", &self.role_claim);
        let roles: Vec<String> = self.roles.iter().map(|(value, role)| format!("{value}={}", role.word())).collect();
        lines.put("tenant.oidc.roles", &roles.join(", "));
        lines.put("tenant.oidc.create_accounts", &self.create_accounts.to_string());
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn put(&mut self, key: &str, value: &str) {
        // Writing to a String can't fail.
        let _written = writeln!(self.0, "{key} = {value:?}");
    }

    fn path(&mut self, key: &str, value: Option<&Path>) {
        self.put(key, &value.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default());
    }
}

const KEYS_FOLDER: &str = "keys";
const LOGS_FOLDER: &str = "logs";
const MIRROR_FOLDER: &str = "mirror";

fn demo() -> Checked<Vec<TenantConfig>> {
    let built_in = Config::parse(BUILT_IN, DEMO)?;
    Ok(built_in.tenants)
}

/// A whole file; `None` when it is longer than the bound.
pub(super) fn read(path: &Path, bytes_max: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = (bytes_max as u64).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}
