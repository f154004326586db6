//! Every key of the configuration file with its type, default, bounds and meaning: what the reader knows, what a typo is
//! compared with and what `lww config --explain` prints are one table. It knows no values but defaults and examples.

use crate::limits::{FILE_BYTES_MAX, KEYID_BYTES_MAX};

/// Longest host-like name in bytes, as in DNS labels joined.
const HOST_BYTES_MAX: usize = 100;
/// Longest name of a tenant or account in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest path in bytes.
const PATH_BYTES_MAX: usize = 4096;
/// Most conversations that an agent may hold by default.
const CAPACITY_MAX: i32 = 1_000;
/// Longest that a conversation may rest, in seconds: ten years.
const REST_S_MAX: i32 = 315_360_000;
/// Longest list of origins in bytes.
const ORIGINS_BYTES_MAX: usize = 4_096;
/// Longest common name of a certificate in bytes (RFC 5280, appendix A.1: 64 characters).
const CLIENT_NAME_BYTES_MAX: usize = 256;
/// Most requests a second that a limit may be set to.
const RATE_MAX: i32 = 1_000_000;
/// Longest that backups may be kept, in days: ten years.
const BACKUPS_DAYS_MAX: i32 = 3_650;
/// Longest pause between two receipts of an anchor, in seconds: a month.
const ANCHOR_S_MAX: i32 = 2_678_400;
/// Longest object identifier in bytes.
const OID_BYTES_MAX: usize = 128;
const ANCHOR_FORMS: &[&str] = &["rfc3161"];
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its full name; the part before the last dot is its section.
    pub key: &'static str,
    /// The TOML type of its value.
    pub kind: Kind,
    /// What holds without it, as it would be written; empty when there is no default.
    pub default: &'static str,
    /// Whether its section can't do without it.
    pub required: bool,
    /// The form or unit of its value.
    pub unit: &'static str,
    /// How large or which the value may be.
    pub bounds: Bounds,
    /// What it is for.
    pub meaning: &'static str,
    /// What stands in the example file; the default when empty.
    pub example: &'static str,
}

/// The TOML type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    /// Its name in TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}

/// How large a value may be, or which it may be. The checks take their bounds from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// What the form in `unit` allows.
    Form,
    /// At most so many bytes.
    Bytes(usize),
    /// From the first to the second, both included.
    Numbers(i32, i32),
    /// One of these words.
    Words(&'static [&'static str]),
}

impl Key {
    const fn new(key: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Self {
        let (default, required, bounds, example) = ("", false, Bounds::Form, "");
        Self { key, kind, default, required, unit, bounds, meaning, example }
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The section that it belongs to, empty for the root, and its name there.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.key.rsplit_once('.').unwrap_or(("", self.key))
    }

    /// Most bytes that its value may have, where bytes bound it.
    pub(super) const fn bytes_max(&self) -> usize {
        match self.bounds {
            Bounds::Bytes(bytes_max) => bytes_max,
            Bounds::Form | Bounds::Numbers(..) | Bounds::Words(_) => usize::MAX,
        }
    }
}

const fn text(key: &'static str, unit: &'static str, meaning: &'static str) -> Key {
    Key::new(key, Kind::Text, unit, meaning)
}

const fn path(key: &'static str, meaning: &'static str) -> Key {
    Key::new(key, Kind::Text, "path", meaning).bounds(Bounds::Bytes(PATH_BYTES_MAX))
}

const fn rate(key: &'static str, meaning: &'static str) -> Key {
    Key::new(key, Kind::Integer, "requests a second", meaning).bounds(Bounds::Numbers(1, RATE_MAX))
}

const fn name(key: &'static str, meaning: &'static str) -> Key {
    Key::new(key, Kind::Text, "a-z, 0-9 and -", meaning).bounds(Bounds::Bytes(NAME_BYTES_MAX)).required()
}

/// Every key, in the order of the file. Relative paths start at the working directory.
pub const KEYS: &[Key] = &[
    text("name", "host name", "First part of every log's origin; never change it once a log exists.")
        .bounds(Bounds::Bytes(HOST_BYTES_MAX))
        .default("lww.local"),
    path("data_dir", "Where the server keeps its data: ledger tiles, guards, and the private PostgreSQL.")
        .default("data"),
    path("keys_dir", "Where wrapped keys lie, mode 0700; without it, `keys` in data_dir.").example("/etc/lww/keys"),
    path("master_key", "The master key's file, mode 0600; without it, `master.key` in keys_dir.")
        .example("/run/lww/master.key"),
    text("database_url", "PostgreSQL URL", "The bank's own PostgreSQL, without a password; without it, a private one.")
        .example("postgresql://lww_app@db.bank.example/lww?sslmode=verify-full"),
    text("database_password", "secret reference", "The password for database_url; not from secret://keys.")
        .example("secret://file/etc/lww/db.password"),
    path("database_root_certificate", "Root certificate of database_url's server in PEM, for sslmode=verify-full.")
        .example("/etc/lww/tls/database-ca.pem"),
    Key::new(
        "confine",
        Kind::Boolean,
        "true or false",
        "With database_url: whether the server takes its own right to other files away, where the kernel has Landlock.",
    )
    .default("true"),
    text("http.listen", "address:port", "Where HTTPS is served.").default("127.0.0.1:8443"),
    text("http.trial_listen", "address:port or off", "Where plain HTTP is served for trials; loopback only.")
        .default("127.0.0.1:8080"),
    path("http.certificate", "Certificate chain in PEM; without it, a development certificate, on loopback only.")
        .example("/etc/lww/tls/chain.pem"),
    path("http.private_key", "The certificate's private key in PEM, mode 0600.").example("/etc/lww/tls/key.pem"),
    text(
        "http.trusted_proxies",
        "networks, comma-separated",
        "Proxies whose X-Forwarded-For is believed; nobody's without it.",
    )
    .example("10.20.0.0/16, 10.30.0.5/32"),
    rate("http.address_requests_per_s", "Requests of one address (IPv6: /64) that prove nobody; more are refused.")
        .default("50"),
    rate("http.staff_requests_per_s", "Requests of one member of staff; more are refused.").default("50"),
    rate("http.visitor_requests_per_s", "Requests of one visitor of a web channel; more are refused.").default("10"),
    rate("http.channel_requests_per_s", "Requests of one channel account; more are refused.").default("20000"),
    rate("http.tenant_requests_per_s", "Requests of one tenant's staff and channels together; more are refused.")
        .default("50000"),
    path(
        "http.client_ca",
        "CA of client certificates, in PEM; whoever shows one on http.listen must have it from here.",
    )
    .example("/etc/lww/tls/clients.pem"),
    path(
        "http.client_crl",
        "Lists of revoked client certificates, in PEM; one that is over, or missing for a CA, lets nobody in.",
    )
    .example("/etc/lww/tls/clients.crl"),
    text(
        "http.machine_listen",
        "address:port",
        "Where machines are served, by HTTPS that demands a client certificate; needs http.client_ca.",
    )
    .example("0.0.0.0:8444"),
    text(
        "http.metrics_listen",
        "address:port or off",
        "Where /metrics is served for Prometheus, plain; loopback only.",
    )
    .default("off"),
    text("http.metrics_token", "secret reference", "What Prometheus must show as a bearer token; without it, nothing.")
        .example("secret://file/etc/lww/metrics.token"),
    path("http.certs_dir", "Where the development certificate authority lies.").default("certs"),
    path("postgresql.bin_dir", "Folder of initdb, pg_ctl and postgres; without it, they are searched for.")
        .example("/usr/lib/postgresql/15/bin"),
    path("log.directory", "Where log files go; without it, `logs` in data_dir.").example("/var/log/lww"),
    text("log.level", "error, warn, info, debug or trace", "The least severe events that are logged.")
        .bounds(Bounds::Words(LEVELS))
        .default("info"),
    Key::new(
        "attachments.bytes_max",
        Kind::Integer,
        "bytes",
        "Largest file that a customer or an agent may send; larger ones are refused.",
    )
    .bounds(Bounds::Numbers(1_024, FILE_BYTES_MAX))
    .default("10485760"),
    Key::new(
        "erasure.backups_kept_days",
        Kind::Integer,
        "days",
        "How long backups of the database are kept: so long the key that opens erased customers' rows in them is kept, too.",
    )
    .bounds(Bounds::Numbers(0, BACKUPS_DAYS_MAX))
    .default("30"),
    Key::new(
        "erasure.at_once",
        Kind::Boolean,
        "true or false",
        "Whether two people may have that key destroyed at once; no backup of any tenant from before can be read then.",
    )
    .default("true"),
    text("national.sealing", "aes-256-gcm or sm4-gcm", "What seals customers' data and wraps keys from here on; what either sealed opens for ever.")
        .bounds(Bounds::Words(super::national::SEALING))
        .default("aes-256-gcm"),
    text("national.cosignature", "none or sm2", "Whether what is published is signed by SM2, too, over the SM3 root of the same entries.")
        .bounds(Bounds::Words(super::national::COSIGNATURE))
        .default("none"),
    path("witness.policy", "Who must cosign what is published, and where they are asked (C2SP tlog-policy); read at start.")
        .required()
        .example("/etc/lww/witness.policy"),
    path("witness.ca", "Certificates in PEM that those of witnesses are checked against; needed for https.")
        .example("/etc/lww/tls/audit-ca.pem"),
    name("anchor.name", "The anchor's name in entries, metrics and the console; each [[anchor]] has its own.").example("tsa-one"),
    text("anchor.form", "rfc3161", "What it is: rfc3161 is a time-stamping authority.")
        .bounds(Bounds::Words(ANCHOR_FORMS))
        .default("rfc3161"),
    text("anchor.url", "URL", "Where it is asked; plain http serves, because what it gives is signed.")
        .required()
        .example("http://timestamp.example/tsa"),
    path("anchor.authorities", "Certificates in PEM of the authorities that its time stamps must lead to.")
        .required()
        .example("/etc/lww/tsa-one.pem"),
    path("anchor.ca", "Certificates in PEM that the address's own is checked against; needed for https.")
        .example("/etc/lww/tls/tsa-ca.pem"),
    text("anchor.policy", "object identifier", "The authority's policy that is asked for; without it, its own choice.")
        .bounds(Bounds::Bytes(OID_BYTES_MAX))
        .example("1.2.3.4.1"),
    Key::new("anchor.every_s", Kind::Integer, "seconds", "Pause between two receipts; nothing is asked while nothing is new.")
        .bounds(Bounds::Numbers(1, ANCHOR_S_MAX))
        .default("3600"),
    Key::new("anchor.wait_ms", Kind::Integer, "milliseconds", "Longest that it may take to answer.")
        .bounds(Bounds::Numbers(100, 120_000))
        .default("10000"),
    path("mirror.folder", "Where the copy of what is published lies, if not in a store; without it, `mirror` in data_dir.")
        .example("/mnt/audit/lww"),
    Key::new("mirror.every_s", Kind::Integer, "seconds", "Pause between two looks at what is new to be copied.")
        .bounds(Bounds::Numbers(1, 3_600))
        .default("60"),
    text("mirror.s3.endpoint", "URL", "The S3-compatible store that the copy is put into; https, or http on loopback for trials.")
        .required()
        .example("http://127.0.0.1:9000"),
    text("mirror.s3.bucket", "a-z, 0-9, . and -", "The bucket, which must be there.")
        .bounds(Bounds::Bytes(NAME_BYTES_MAX))
        .required()
        .example("lww-audit"),
    text("mirror.s3.region", "a-z, 0-9, . and -", "The region that the store's signatures name.")
        .bounds(Bounds::Bytes(NAME_BYTES_MAX))
        .default("us-east-1"),
    text("mirror.s3.access_key", "secret reference", "The id of an access key that may get, put and, if it shall tidy up, delete.")
        .required()
        .example("secret://file/etc/lww/mirror.id"),
    text("mirror.s3.secret_key", "secret reference", "The access key's secret.")
        .required()
        .example("secret://file/etc/lww/mirror.secret"),
    path("mirror.s3.ca", "Certificates in PEM that the store's certificate is checked against; needed for https.")
        .example("/etc/lww/tls/store-ca.pem"),
    Key::new("self_audit.newest_every_s", Kind::Integer, "seconds", "Pause between two looks at the newest 4,096 entries.")
        .bounds(Bounds::Numbers(1, 3_600))
        .default("60"),
    Key::new("self_audit.round_hours", Kind::Integer, "hours", "Within this time the whole log is looked through once.")
        .bounds(Bounds::Numbers(1, 720))
        .default("24"),
    Key::new("self_audit.entries_per_s", Kind::Integer, "entries", "Most entries of a round that are looked at in a second.")
        .bounds(Bounds::Numbers(1, RATE_MAX))
        .default("2000"),
    name("tenant.name", "The tenant's name in addresses and in its log's origin.").example("demo"),
    path("tenant.policy", "The masking policy that the first start activates; a demo tenant has one built in.")
        .example("/etc/lww/cn-retail.yaml"),
    path("tenant.routing", "The routing table that the first start activates; without it, one queue that is always open.")
        .example("/etc/lww/routing.yaml"),
    Key::new(
        "tenant.agents_capacity_default",
        Kind::Integer,
        "conversations",
        "How many conversations a new agent holds at a time.",
    )
    .bounds(Bounds::Numbers(1, CAPACITY_MAX))
    .default("8"),
    Key::new(
        "tenant.desk_grace_s",
        Kind::Integer,
        "seconds",
        "An agent whose desk lost its connection takes no more conversations after this long without a new one.",
    )
    .bounds(Bounds::Numbers(1, 3_600))
    .default("30"),
    Key::new(
        "tenant.solve_idle_after_s",
        Kind::Integer,
        "seconds",
        "A conversation that an agent holds is solved after this long without a word.",
    )
    .bounds(Bounds::Numbers(1, REST_S_MAX))
    .default("86400"),
    Key::new(
        "tenant.close_solved_after_s",
        Kind::Integer,
        "seconds",
        "A solved conversation is reopened by a message within this time, then it is closed for good.",
    )
    .bounds(Bounds::Numbers(1, REST_S_MAX))
    .default("172800"),
    Key::new(
        "tenant.session_idle_minutes",
        Kind::Integer,
        "minutes",
        "How long a session lasts without being used; at most eight hours in any case.",
    )
    .bounds(Bounds::Numbers(1, 480))
    .default("15"),
    text("tenant.second_factor", "roles", "Roles that must have a second factor, separated by commas.")
        .example("compliance, admin"),
    text(
        "tenant.auditor_name",
        "common name",
        "Whoever shows a client certificate of this name reads the published log, without a session; needs http.client_ca.",
    )
    .bounds(Bounds::Bytes(CLIENT_NAME_BYTES_MAX))
    .example("audit-department"),
    Key::new(
        "tenant.demo",
        Kind::Boolean,
        "true or false",
        "Whether this is a demo tenant, with accounts made at start; not beside database_url.",
    )
    .default("false")
    .example("true"),
    text("tenant.oidc.issuer", "URL", "The bank's own OpenID provider; https, or http on loopback for trials.")
        .required()
        .example("http://127.0.0.1:3000"),
    text("tenant.oidc.client_id", "visible ASCII", "This server's name with the provider.")
        .bounds(Bounds::Bytes(KEYID_BYTES_MAX))
        .required()
        .example("lww"),
    text("tenant.oidc.client_secret", "secret reference", "The secret shared with the provider.")
        .required()
        .example("secret://file/etc/lww/oidc.secret"),
    text("tenant.oidc.public_url", "URL", "This server's own address as browsers know it; the provider sends them back there.")
        .required()
        .example("https://127.0.0.1:8443"),
    path("tenant.oidc.ca", "Certificates in PEM that the provider's certificate is checked against; needed for https.")
        .example("/etc/lww/tls/bank-ca.pem"),
    text("tenant.oidc.login_claim", "claim name", "Which claim holds the login.")
        .bounds(Bounds::Bytes(NAME_BYTES_MAX))
        .default("preferred_username"),
    text("tenant.oidc.role_claim", "claim name", "Which claim holds the provider's roles or groups, as a text or a list.")
        .bounds(Bounds::Bytes(NAME_BYTES_MAX))
        .default("groups"),
    text("tenant.oidc.roles", "value=role, …", "Which role each value of that claim gives; the first that fits counts.")
        .example("lww-admins=admin, lww-agents=agent"),
    Key::new(
        "tenant.oidc.create_accounts",
        Kind::Boolean,
        "true or false",
        "Whether a first login makes an account, with its role by the provider at each login; else accounts are linked only.",
    )
    .default("false"),
    text("tenant.channel.channel", "channel name", "Which channel.").required().example("http"),
    name("tenant.channel.account", "The tenant's own name for its account with the channel.").example("app"),
    text("tenant.channel.key_id", "visible ASCII", "Names the shared secret in signatures.")
        .bounds(Bounds::Bytes(KEYID_BYTES_MAX))
        .required()
        .example("key-1"),
    text(
        "tenant.channel.client_name",
        "common name",
        "Only requests with a client certificate of this name are taken; needs http.client_ca.",
    )
    .bounds(Bounds::Bytes(CLIENT_NAME_BYTES_MAX))
    .example("core-banking"),
    text("tenant.channel.secret", "secret reference", "The secret shared with the channel's peer, at least 32 bytes.")
        .required()
        .example("secret://keys/channel-demo-app"),
    text(
        "tenant.channel.identities",
        "a-z, 0-9 and -",
        "Name of the set of customer identities that the peer vouches for: one person by every channel that names the same.",
    )
    .bounds(Bounds::Bytes(NAME_BYTES_MAX))
    .example("customers"),
    text(
        "tenant.channel.origins",
        "origins, separated by spaces",
        "Pages that may use the channel from a browser, such as https://www.bank.example; for the web channel.",
    )
    .bounds(Bounds::Bytes(ORIGINS_BYTES_MAX))
    .example("https://www.bank.example"),
];

/// Sections that may stand several times, as `[[section]]`.
pub const LISTS: &[&str] = &["anchor", "tenant", "tenant.channel"];

/// Sections that a file may leave out although some of their keys have no default.
pub const OPTIONAL: &[&str] = &["anchor", "mirror", "mirror.s3", "tenant.oidc", "witness"];

/// What a key of a section leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// A single value.
    Value,
    /// A table, or a list of tables.
    Section,
}

/// Direct members of a section by their short names; the root section is the empty string.
pub(super) fn members(section: &str) -> Vec<(&'static str, Member)> {
    let mut members: Vec<(&'static str, Member)> = Vec::new();
    for known in KEYS {
        let Some(rest) = below(known.key, section) else { continue };
        match rest.split_once('.') {
            None => members.push((rest, Member::Value)),
            Some((sub, _)) if members.iter().all(|(name, _)| *name != sub) => members.push((sub, Member::Section)),
            Some(_) => {}
        }
    }
    members
}

fn below(key: &'static str, section: &str) -> Option<&'static str> {
    if section.is_empty() { Some(key) } else { key.strip_prefix(section)?.strip_prefix('.') }
}
