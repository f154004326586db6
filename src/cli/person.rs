//! Who asks a server as a person and not as its operator: where it is, login, password, and the code of a second factor.
//!
//! A password comes from a file, from what is piped in, or from a terminal that doesn't show it; never from the command line,
//! which others see.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::client::{Client, ClientError};
use super::{CommandError, Place};
use crate::app::config::HttpConfig;
use crate::limits::PASSWORD_BYTES_MAX;

/// Who asks which server.
#[derive(Args)]
pub struct Person {
    /// Your login.
    #[arg(long)]
    login: String,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    tenant: String,
    /// A file that holds your password [default: asked for, or read from what is piped in].
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A code of your second factor, if you have one.
    #[arg(long)]
    code: Option<String>,
    /// The server, https://NAME:PORT or on this machine http://127.0.0.1:PORT [default: the configuration's].
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The certificate authority to trust, as PEM [default: the development one of the configuration].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Why somebody could not log in.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// The server's address can't be read, or its name not be looked up.
    #[error("{0}: not https://NAME:PORT, nor http:// with a loopback address")]
    Address(String),
    /// It is not known which certificate to trust.
    #[error("the server shows a certificate of its own: name its authority with --ca and the server with --server")]
    NoCa,
    /// A one-time password must be changed first.
    #[error("this is a one-time password: log in to the console and change it first")]
    OneTime,
    /// A second factor is asked for.
    #[error("your second factor is needed: give a code of the moment with --code")]
    NoCode,
    /// The server refused, or can't be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Person {
    /// Logs in.
    ///
    /// # Errors
    /// [`PersonError`]; the system's when the password can't be read.
    pub(super) async fn log_in(&self) -> Result<Client, CommandError> {
        let client = self.client().await?;
        let password = self.password()?;
        let mut session = client.login(&self.tenant, &self.login, &password).await.map_err(PersonError::from)?;
        if session.second_factor_required {
            let code = self.code.as_deref().ok_or(PersonError::NoCode)?;
            session = client.show_factor(code).await.map_err(PersonError::from)?;
        }
        if session.must_change_password { Err(PersonError::OneTime.into()) } else { Ok(client) }
    }

    async fn client(&self) -> Result<Client, CommandError> {
        let config = self.place.load()?;
        let (url, ca) = self.whom(&config.http)?;
        let wrong = || PersonError::Address(url.clone());
        let (scheme, authority) = url.split_once("://").ok_or_else(wrong)?;
        let authority = authority.trim_end_matches('/');
        let (name, _) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let found = tokio::net::lookup_host(authority).await.map_err(|_| wrong())?;
        let address = found.min_by_key(SocketAddr::is_ipv6).ok_or_else(wrong)?;
        match scheme {
            "https" => Ok(Client::named(address, name, &ca.ok_or(PersonError::NoCa)?).map_err(PersonError::from)?),
            "http" if address.ip().is_loopback() => Ok(Client::http(address)),
            _ => Err(wrong().into()),
        }
    }

    /// The server's address and the authority to trust, as they are named or as the configuration has them.
    fn whom(&self, http: &HttpConfig) -> Result<(String, Option<PathBuf>), PersonError> {
        let own = http.tls.is_none().then(|| http.certs_dir.join("ca.pem"));
        let ca = self.ca.clone().or(own);
        let plain = |address: SocketAddr| format!("http://{address}");
        match (&self.server, &ca, http.trial_listen) {
            (Some(server), ..) => Ok((server.clone(), ca)),
            (None, Some(_), _) => Ok((format!("https://localhost:{}", http.listen.port()), ca)),
            (None, None, Some(trial)) => Ok((plain(trial), None)),
            (None, None, None) => Err(PersonError::NoCa),
        }
    }

    fn password(&self) -> Result<Zeroizing<String>, std::io::Error> {
        let text = match &self.password_file {
            Some(file) => first_line(file)?,
            None => asked("password: ", true)?,
        };
        Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// The first line of a file, no longer than a password.
fn first_line(file: &Path) -> Result<Zeroizing<String>, std::io::Error> {
    let file = std::fs::OpenOptions::new().read(true).open(file)?;
    line_of(&mut std::io::BufReader::new(file))
}

fn line_of(from: &mut impl std::io::BufRead) -> Result<Zeroizing<String>, std::io::Error> {
    let mut line = Zeroizing::new(String::new());
    let bytes_max = u64::try_from(PASSWORD_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(2);
    std::io::Read::take(from, bytes_max).read_line(&mut line)?;
    Ok(line)
}

/// Asks on a terminal, without showing what is typed if it is to be hidden; else takes the next line that is piped in.
pub(super) fn asked(prompt: &str, is_hidden: bool) -> Result<Zeroizing<String>, std::io::Error> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return line_of(&mut input.lock());
    }
    let before = tcgetattr(&input)?;
    let mut hidden = before.clone();
    if is_hidden {
        hidden.local_modes.remove(LocalModes::ECHO);
    }
    write!(std::io::stderr(), "{prompt}")?;
    tcsetattr(&input, OptionalActions::Now, &hidden)?;
    let line = line_of(&mut input.lock());
    tcsetattr(&input, OptionalActions::Now, &before)?;
    if is_hidden {
        writeln!(std::io::stderr())?;
    }
    line
}
