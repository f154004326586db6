//! `[postgresql]`, `[log]`, and the files of a certificate: where programs are found and what is logged.

use std::path::PathBuf;

/// `[postgresql]`.
#[derive(Clone, Debug)]
pub struct PostgresqlConfig {
    /// Folder of the programs; `None` means that they are searched for.
    pub bin_dir: Option<PathBuf>,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Where log files go.
    pub directory: PathBuf,
    /// The least severe events that are logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain in PEM.
    pub certificate: PathBuf,
    /// Private key in PEM.
    pub private_key: PathBuf,
}
