//! Every key of the configuration file with its default, unit and meaning: what the reader knows, what a typo is compared
//! with and what is printed as help are one table. It knows no values but defaults.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its full name; the part before the last dot is its section.
    pub key: &'static str,
    /// What holds without it, as it would be written; empty when there is no default.
    pub default: &'static str,
    /// The form or unit of its value.
    pub unit: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

const fn key(key: &'static str, default: &'static str, unit: &'static str, meaning: &'static str) -> Key {
    Key { key, default, unit, meaning }
}

/// Every key, in the order in which help prints them. Relative paths start at the working directory.
pub const KEYS: &[Key] = &[
    key("name", "lww.local", "host name", "First part of every log's origin; never change it once a log exists."),
    key(
        "data_dir",
        "data",
        "path",
        "Where the server keeps its data: ledger tiles, guards, and the private PostgreSQL.",
    ),
    key("keys_dir", "", "path", "Where wrapped keys lie, mode 0700; without it, `keys` in data_dir."),
    key("master_key", "", "path", "The master key's file, mode 0600; without it, `master.key` in keys_dir."),
    key(
        "database_url",
        "",
        "PostgreSQL URL",
        "The bank's own PostgreSQL, without a password; without it, a private one.",
    ),
    key("database_password", "", "secret reference", "The password for database_url; not from secret://keys."),
    key("http.listen", "127.0.0.1:8443", "address:port", "Where HTTPS is served."),
    key(
        "http.trial_listen",
        "127.0.0.1:8080",
        "address:port or off",
        "Where plain HTTP is served for trials; loopback only.",
    ),
    key(
        "http.certificate",
        "",
        "path",
        "Certificate chain in PEM; without it, a development certificate, on loopback only.",
    ),
    key("http.private_key", "", "path", "The certificate's private key in PEM, mode 0600."),
    key("http.certs_dir", "certs", "path", "Where the development certificate authority lies."),
    key("postgresql.bin_dir", "", "path", "Folder of initdb, pg_ctl and postgres; without it, they are searched for."),
    key("log.directory", "", "path", "Where log files go; without it, `logs` in data_dir."),
    key("log.level", "info", "error, warn, info, debug or trace", "The least severe events that are logged."),
    key("tenant.name", "", "a-z, 0-9 and -", "The tenant's name in addresses and in its log's origin."),
    key(
        "tenant.policy",
        "",
        "path",
        "The masking policy that the first start activates; a demo tenant has one built in.",
    ),
    key("tenant.agents_capacity_default", "8", "conversations", "How many conversations a new agent holds at a time."),
    key("tenant.demo", "false", "true or false", "Whether this is a demo tenant, with accounts made at start."),
    key("tenant.channel.channel", "", "channel name", "Which channel."),
    key("tenant.channel.account", "", "a-z, 0-9 and -", "The tenant's own name for its account with the channel."),
    key("tenant.channel.key_id", "", "visible ASCII", "Names the shared secret in signatures."),
    key("tenant.channel.secret", "", "secret reference", "The secret shared with the channel's peer."),
];

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
