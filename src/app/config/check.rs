//! What each value must mean, section by section: names, addresses, paths, references, and what fits together.

mod anchors;
mod oidc;
mod witness;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use tokio_postgres::config::SslMode;

pub use self::anchors::{AnchorConfig, AnchorFormConfig};
pub use self::witness::WitnessConfig;
use super::error::{ConfigError, Problem};
use super::read::{Field, Section};
use super::{
    ChannelConfig, Config, DatabaseConfig, ErasureConfig, HttpConfig, KEYS_FOLDER, LOGS_FOLDER, LogConfig,
    NationalConfig, PostgresqlConfig, TenantConfig, TlsFiles, mirror, read,
};
use crate::channels::CHANNELS;
use crate::crypto::database_tls;
use crate::crypto::secrets::SecretRef;
use crate::domain::event::Role;
use crate::http::{Rates, TrustedProxies};
use crate::pipeline::Rest;
use crate::storage::database::{is_undecided, parse_url};

/// What a check gives.
pub(super) type Checked<T> = Result<T, ConfigError>;

/// Longest policy file in bytes.
const POLICY_BYTES_MAX: usize = 1024 * 1024;
/// The log of events without a tenant has this name.
const RESERVED_NAME: &str = "system";
const BUILT_IN_TABLE: &str = include_str!("../../../policies/routing/built-in.yaml");
const DEMO_POLICY: &str = include_str!("../../../policies/masking/cn-retail.yaml");

const FILE: &str = "file";
const FOLDER: &str = "folder";

/// Reads the whole file.
pub(super) fn root(root: &Section<'_>) -> Checked<Config> {
    let data_dir = required_path(root, "data_dir")?;
    let database = database(root)?;
    let postgresql = root.section("postgresql")?;
    let log = root.section("log")?;
    let erasure = root.section("erasure")?;
    Ok(Config {
        name: host(&root.required("name")?)?,
        keys_dir: path(root, "keys_dir")?.map_or_else(|| data_dir.join(KEYS_FOLDER), |field| field.value),
        master_key: path(root, "master_key")?.map(|field| field.value),
        confine: root.boolean("confine")?.value,
        http: http(&root.section("http")?)?,
        postgresql: PostgresqlConfig { bin_dir: existing(path(&postgresql, "bin_dir")?, FOLDER, Path::is_dir)? },
        log: LogConfig {
            directory: path(&log, "directory")?.map_or_else(|| data_dir.join(LOGS_FOLDER), |field| field.value),
            level: level(&log.required("level")?)?,
        },
        file_bytes_max: root.section("attachments")?.integer("bytes_max")?,
        erasure: ErasureConfig {
            backups_kept_days: erasure.integer("backups_kept_days")?,
            at_once: erasure.boolean("at_once")?.value,
        },
        national: NationalConfig::read(&root.section("national")?)?,
        witness: witness::read_section(&root.section("witness")?)?,
        anchors: anchors::read(root)?,
        mirror: mirror::read(&root.section("mirror")?, &data_dir)?,
        self_audit: mirror::pace(&root.section("self_audit")?)?,
        tenants: tenants(root, database.is_some())?,
        data_dir,
        database,
    })
}

fn database(root: &Section<'_>) -> Checked<Option<DatabaseConfig>> {
    let password = root.text("database_password")?.map(|field| secret(&field)).transpose()?;
    let certificate = path(root, "database_root_certificate")?;
    let Some(url) = root.text("database_url")? else {
        return match (password, certificate) {
            (Some(password), _) => Err(password.expected("no password without database_url")),
            (None, Some(certificate)) => Err(certificate.expected("no certificate without database_url")),
            (None, None) => Ok(None),
        };
    };
    let expected = "a PostgreSQL URL such as postgresql://lww@db.bank.example/lww";
    // The parser's own error could name parts of the URL, and a URL can hold a password.
    let parsed = parse_url(url.value).map_err(|_| url.expected(expected))?;
    if parsed.get_password().is_some() {
        return Err(url.expected("a URL without a password; put it into a file and name that as database_password"));
    }
    if parsed.get_hosts().is_empty() {
        return Err(url.expected(expected));
    }
    if is_undecided(&parsed) {
        let expected = "sslmode=verify-full in it, beside database_root_certificate; or in words sslmode=disable";
        return Err(url.expected(expected));
    }
    let certificate = existing_field(certificate, FILE, Path::is_file)?;
    if parsed.get_ssl_mode() == SslMode::Require && certificate.is_none() {
        return Err(url.expected("database_root_certificate beside it: an encrypted connection is a verified one"));
    }
    let tls = certificate
        .as_ref()
        .map(|field| database_tls(&field.value).map_err(|_| field.expected("a file with root certificates in PEM")));
    if let Some(field) = password.as_ref().filter(|field| matches!(field.value, SecretRef::Keys(_))) {
        return Err(
            field.expected("secret://file, secret://env or secret://credential: keys are opened after the database")
        );
    }
    Ok(Some(DatabaseConfig {
        url: url.value.to_owned(),
        parsed,
        password: password.map(|field| field.value),
        root_certificate: certificate.map(|field| field.value),
        tls: tls.transpose()?,
    }))
}

fn http(http: &Section<'_>) -> Checked<HttpConfig> {
    let listen = address(&http.required("listen")?)?;
    let trial = http.required("trial_listen")?;
    let trial_listen = if trial.value == "off" { None } else { Some(address(&trial)?.value) };
    if trial_listen.is_some_and(|at| !at.ip().is_loopback()) {
        return Err(
            trial.expected("a loopback address such as 127.0.0.1:8080, or off: plain HTTP never leaves the machine")
        );
    }
    if trial_listen == Some(listen.value) && listen.value.port() != 0 {
        return Err(trial.expected("another address than http.listen"));
    }
    let client_ca = existing(path(http, "client_ca")?, FILE, Path::is_file)?;
    let client_crl = existing_field(path(http, "client_crl")?, FILE, Path::is_file)?;
    if let Some(alone) = client_crl.as_ref().filter(|_| client_ca.is_none()) {
        return Err(alone.expected("http.client_ca beside it: a list is of its CA's certificates"));
    }
    let machine_listen = machine_listen(http, client_ca.is_some())?;
    let certificate = existing_field(path(http, "certificate")?, FILE, Path::is_file)?;
    let private_key = existing_field(path(http, "private_key")?, FILE, Path::is_file)?;
    let tls = match (certificate, private_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.value, private_key: key.value }),
        (None, None) => None,
        (Some(alone), None) => return Err(alone.expected("http.private_key beside it")),
        (None, Some(alone)) => return Err(alone.expected("http.certificate beside it")),
    };
    let beyond = [Some(&listen), machine_listen.as_ref()].into_iter().flatten().find(|at| !at.value.ip().is_loopback());
    if let Some(listen) = beyond.filter(|_| tls.is_none()) {
        let expected = "a loopback address, or http.certificate and http.private_key: the development certificate is for this machine only";
        return Err(listen.expected(expected));
    }
    Ok(HttpConfig {
        listen: listen.value,
        trial_listen,
        tls,
        certs_dir: required_path(http, "certs_dir")?,
        client_ca,
        client_crl: client_crl.map(|field| field.value),
        machine_listen: machine_listen.map(|field| field.value),
        metrics_listen: metrics_listen(http)?,
        metrics_token: metrics_token(http)?,
        proxies: proxies(http)?,
        rates: Rates {
            address: rate(http.integer("address_requests_per_s")?),
            staff: rate(http.integer("staff_requests_per_s")?),
            visitor: rate(http.integer("visitor_requests_per_s")?),
            channel: rate(http.integer("channel_requests_per_s")?),
            tenant: rate(http.integer("tenant_requests_per_s")?),
        },
    })
}

fn machine_listen<'a>(http: &Section<'a>, has_ca: bool) -> Checked<Option<Field<'a, SocketAddr>>> {
    let Some(field) = http.text("machine_listen")? else { return Ok(None) };
    if !has_ca {
        return Err(field.expected("http.client_ca beside it: machines show certificates"));
    }
    address(&field).map(Some)
}

fn metrics_listen(http: &Section<'_>) -> Checked<Option<SocketAddr>> {
    let field = http.required("metrics_listen")?;
    if field.value == "off" {
        return Ok(None);
    }
    let found = address(&field)?.value;
    if found.ip().is_loopback() {
        Ok(Some(found))
    } else {
        Err(field
            .expected("a loopback address such as 127.0.0.1:9464, or off: an agent on the machine collects from there"))
    }
}

fn metrics_token(http: &Section<'_>) -> Checked<Option<SecretRef>> {
    let Some(field) = http.text("metrics_token")? else { return Ok(None) };
    match secret(&field)?.value {
        SecretRef::Keys(_) => {
            Err(field.expected("a secret that Prometheus has, too: nobody is shown those of secret://keys"))
        }
        reference @ (SecretRef::File(_) | SecretRef::Environment(_) | SecretRef::Credential(_)) => Ok(Some(reference)),
    }
}

fn proxies(http: &Section<'_>) -> Checked<TrustedProxies> {
    let Some(field) = http.text("trusted_proxies")? else { return Ok(TrustedProxies::default()) };
    let networks = field.value.split(',').map(|network| network.trim().parse()).collect::<Result<Vec<IpNet>, _>>();
    let expected = "networks such as 10.20.0.0/16, 2001:db8::/32, one address as 10.30.0.5/32";
    networks.map(TrustedProxies).map_err(|_| field.expected(expected))
}

fn rate(per_second: i32) -> u32 {
    // The table of keys has no negative bounds.
    u32::try_from(per_second).unwrap_or(1)
}

fn tenants(root: &Section<'_>, has_database: bool) -> Checked<Vec<TenantConfig>> {
    let (mut names, mut auditors) = (Unique::default(), Unique::default());
    root.sections("tenant")?
        .iter()
        .map(|section| {
            let name = section.required("name")?;
            check_name(&name)?;
            if name.value == RESERVED_NAME {
                return Err(name.expected("another name: the log of events without a tenant is called system"));
            }
            names.check(&name, name.value)?;
            // A certificate says whose log is read: it can't be two.
            section.text("auditor_name")?.map_or(Ok(()), |field| auditors.check(&field, field.value))?;
            tenant(section, name.value, has_database)
        })
        .collect()
}

fn tenant(section: &Section<'_>, name: &str, has_database: bool) -> Checked<TenantConfig> {
    let demo = section.boolean("demo")?;
    if demo.value && has_database {
        return Err(demo.expected("false: a demo tenant has no place beside database_url"));
    }
    let (policy, masking_source) = match path(section, "policy")? {
        Some(field) => (Some(field.value.clone()), policy_source(&field)?),
        None if demo.value => (None, DEMO_POLICY.to_owned()),
        None => return Err(section.missing("policy")),
    };
    let routing = path(section, "routing")?;
    let routing_source = routing.as_ref().map_or_else(|| Ok(BUILT_IN_TABLE.to_owned()), policy_source)?;
    Ok(TenantConfig {
        name: name.to_owned(),
        policy,
        policy_source: masking_source,
        routing: routing.map(|field| field.value),
        routing_source,
        agents_capacity_default: section.integer("agents_capacity_default")?,
        desk_grace_s: section.integer("desk_grace_s")?,
        rest: Rest {
            idle_s: section.integer("solve_idle_after_s")?.unsigned_abs(),
            solved_s: section.integer("close_solved_after_s")?.unsigned_abs(),
        },
        session_idle_minutes: section.integer("session_idle_minutes")?,
        second_factor: section.text("second_factor")?.map_or(Ok(Vec::new()), |field| second_factor(&field))?,
        auditor_name: section.text("auditor_name")?.map(|field| common_name(&field)).transpose()?,
        demo: demo.value,
        oidc: oidc::read(&section.section("oidc")?)?,
        channels: channels(section)?,
    })
}

fn policy_source(field: &Field<'_, PathBuf>) -> Checked<String> {
    let bytes = read(&field.value, POLICY_BYTES_MAX)
        .map_err(|_| field.error(Problem::Absent { key: field.key, expected: FILE }))?
        .ok_or_else(|| field.expected(format!("a file of at most {POLICY_BYTES_MAX} bytes")))?;
    String::from_utf8(bytes).map_err(|_| field.expected("a file in UTF-8"))
}

fn channels(tenant: &Section<'_>) -> Checked<Vec<ChannelConfig>> {
    let mut accounts = Unique::default();
    tenant
        .sections("channel")?
        .iter()
        .map(|section| {
            let channel = channel_name(&section.required("channel")?)?;
            let account = section.required("account")?;
            check_name(&account)?;
            accounts.check(&account, (channel, account.value))?;
            Ok(ChannelConfig {
                channel,
                account: account.value.to_owned(),
                key_id: key_id(&section.required("key_id")?)?,
                secret: secret(&section.required("secret")?)?.value,
                client_name: section.text("client_name")?.map(|field| common_name(&field)).transpose()?,
                identities: identities(section)?,
                origins: section.text("origins")?.map_or(Ok(Vec::new()), |field| origins(&field))?,
            })
        })
        .collect()
}

fn identities(section: &Section<'_>) -> Checked<Option<String>> {
    let Some(field) = section.text("identities")? else { return Ok(None) };
    check_name(&field)?;
    Ok(Some(field.value.to_owned()))
}

/// Origins as browsers write them: scheme, host and, where it is not the scheme's own, port.
fn origins(field: &Field<'_, &str>) -> Checked<Vec<String>> {
    let is_origin = |origin: &str| {
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(host))
    };
    let all: Vec<String> = field.value.split_ascii_whitespace().map(str::to_owned).collect();
    let bytes_max = field.bytes_max();
    if field.value.len() > bytes_max || !all.iter().all(|origin| is_origin(origin)) {
        return Err(field.expected(format!("origins such as https://www.bank.example, at most {bytes_max} bytes")));
    }
    Ok(all)
}

fn common_name(field: &Field<'_, &str>) -> Checked<String> {
    let bytes_max = field.bytes_max();
    if (1..=bytes_max).contains(&field.value.len()) {
        Ok(field.value.to_owned())
    } else {
        Err(field.expected(format!("a common name of 1 to {bytes_max} bytes")))
    }
}

/// Roles by their words, separated by commas.
fn second_factor(field: &Field<'_, &str>) -> Checked<Vec<Role>> {
    let words = field.value.split(',').map(str::trim).filter(|word| !word.is_empty());
    let role = |word| Role::from_word(word).filter(|role| role.is_staff());
    words.map(role).collect::<Option<_>>().ok_or_else(|| {
        field.expected("roles separated by commas: agent, supervisor, compliance, auditor or admin; or nothing")
    })
}

fn channel_name(field: &Field<'_, &str>) -> Checked<&'static str> {
    let known = CHANNELS.iter().map(|(name, _)| *name);
    known
        .clone()
        .find(|name| *name == field.value)
        .ok_or_else(|| field.expected(format!("one of: {}", known.collect::<Vec<_>>().join(", "))))
}

fn key_id(field: &Field<'_, &str>) -> Checked<String> {
    let bytes_max = field.bytes_max();
    let fits = (1..=bytes_max).contains(&field.value.len());
    if !fits || !field.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(field.expected(format!("1 to {bytes_max} visible ASCII characters")));
    }
    Ok(field.value.to_owned())
}

pub(super) fn secret<'a>(field: &Field<'a, &str>) -> Checked<Field<'a, SecretRef>> {
    match field.value.parse() {
        Ok(reference) => Ok(field.with(reference)),
        Err(reason) => Err(field.error(Problem::Secret { key: field.key, reason })),
    }
}

fn host(field: &Field<'_, &str>) -> Checked<String> {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(allowed)
    };
    let bytes_max = field.bytes_max();
    if field.value.len() > bytes_max || !field.value.split('.').all(label) {
        return Err(field.expected(format!("a lower-case host name of at most {bytes_max} bytes")));
    }
    Ok(field.value.to_owned())
}

fn check_name(field: &Field<'_, &str>) -> Checked<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes_max = field.bytes_max();
    let fits = (1..=bytes_max).contains(&field.value.len());
    if !fits || field.value.starts_with('-') || !field.value.bytes().all(allowed) {
        let expected = format!("1 to {bytes_max} lower-case letters, digits and '-', not beginning with '-'");
        return Err(field.expected(expected));
    }
    Ok(())
}

fn level(field: &Field<'_, &str>) -> Checked<&'static str> {
    let known = field.words();
    let found = known.iter().copied().find(|level| *level == field.value);
    found.ok_or_else(|| field.expected(format!("one of: {}", known.join(", "))))
}

fn address<'a>(field: &Field<'a, &str>) -> Checked<Field<'a, SocketAddr>> {
    match field.value.parse() {
        Ok(address) => Ok(field.with(address)),
        Err(_) => Err(field.expected("an address and port such as 127.0.0.1:8443")),
    }
}

pub(super) fn path<'a>(section: &Section<'a>, name: &'static str) -> Checked<Option<Field<'a, PathBuf>>> {
    let Some(field) = section.text(name)? else { return Ok(None) };
    let bytes_max = field.bytes_max();
    if field.value.is_empty() || field.value.len() > bytes_max || field.value.contains('\0') {
        return Err(field.expected(format!("a path of 1 to {bytes_max} bytes")));
    }
    Ok(Some(field.with(PathBuf::from(field.value))))
}

fn required_path(section: &Section<'_>, name: &'static str) -> Checked<PathBuf> {
    path(section, name)?.map(|field| field.value).ok_or_else(|| section.missing(name))
}

fn existing(field: Option<Field<'_, PathBuf>>, kind: &'static str, is: fn(&Path) -> bool) -> Checked<Option<PathBuf>> {
    Ok(existing_field(field, kind, is)?.map(|field| field.value))
}

pub(super) fn existing_field<'a>(
    field: Option<Field<'a, PathBuf>>,
    kind: &'static str,
    is: fn(&Path) -> bool,
) -> Checked<Option<Field<'a, PathBuf>>> {
    match field {
        Some(field) if !is(&field.value) => Err(field.error(Problem::Absent { key: field.key, expected: kind })),
        found => Ok(found),
    }
}

/// Values that must not come twice, with the line of each.
struct Unique<V>(HashMap<V, usize>);

impl<V> Default for Unique<V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<V: Eq + Hash> Unique<V> {
    fn check<T>(&mut self, field: &Field<'_, T>, value: V) -> Checked<()> {
        match self.0.insert(value, field.line()) {
            None => Ok(()),
            Some(first_line) => Err(field.error(Problem::Duplicate { key: field.key, first_line })),
        }
    }
}
