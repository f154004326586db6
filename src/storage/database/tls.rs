//! Encrypted connections to PostgreSQL, and what the words of `sslmode` mean here.
//!
//! Whether to encrypt stands in the URL. With `require` or `verify-full` the certificate's chain and host name are verified,
//! always: an encrypted connection to whoever answers first would protect from nobody who sits between. Whom this process
//! trusts is one thing for all of its connections, like its log. Source: PostgreSQL 15 manual, section 34.19.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

static TRUST: RwLock<Option<Arc<ClientConfig>>> = RwLock::new(None);

/// Verifies PostgreSQL by these settings from here on, wherever a URL asks for it.
pub fn trust(config: Arc<ClientConfig>) {
    *TRUST.write().unwrap_or_else(PoisonError::into_inner) = Some(config);
}

/// What connects with TLS; `None` while nobody is trusted.
pub(super) fn connector() -> Option<MakeRustlsConnect> {
    let trusted = TRUST.read().unwrap_or_else(PoisonError::into_inner).clone();
    trusted.map(|config| MakeRustlsConnect::new((*config).clone()))
}

/// Reads a PostgreSQL URL; `verify-full`, which the library doesn't know, means what `require` means here.
///
/// # Errors
/// The library's own, which may name parts of the URL: it is not for showing.
pub fn parse_url(url: &str) -> Result<Config, tokio_postgres::Error> {
    url.replace("sslmode=verify-full", "sslmode=require").parse()
}

/// Whether the connection leaves the machine, and nothing says whether it is to be encrypted.
pub fn is_undecided(config: &Config) -> bool {
    config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().any(|host| !is_local(host))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_decided_in_words_as_soon_as_the_machine_is_left() {
        for (url, mode, undecided) in [
            ("postgresql://lww@db.bank.example/lww", SslMode::Prefer, true),
            ("postgresql://lww@localhost,db.bank.example/lww", SslMode::Prefer, true),
            ("postgresql://lww@10.0.0.5/lww?sslmode=disable", SslMode::Disable, false),
            ("postgresql://lww@db/lww?sslmode=require", SslMode::Require, false),
            ("postgresql://lww@db/lww?application_name=a&sslmode=verify-full", SslMode::Require, false),
            ("host=db user=lww sslmode=verify-full", SslMode::Require, false),
            ("postgresql://lww@localhost/lww", SslMode::Prefer, false),
            ("postgresql://lww@127.0.0.1/lww", SslMode::Prefer, false),
            ("postgresql://lww@[::1]/lww", SslMode::Prefer, false),
            ("postgresql://lww@%2Frun%2Fpostgresql/lww", SslMode::Prefer, false),
        ] {
            let config = parse_url(url).unwrap();
            assert_eq!((config.get_ssl_mode(), is_undecided(&config)), (mode, undecided), "{url}");
        }
        assert!(parse_url("postgresql://lww@db/lww?sslmode=verify-ca").is_err(), "half a verification is none");
    }
}
