//! References to secrets, which is all that a configuration file may hold: `secret://file/…`, `secret://env/…`,
//! `secret://credential/…`, `secret://keys/…`. It knows no use of a secret.
//!
//! A credential is a file that systemd passes to the service (systemd.exec, `LoadCredential=`, `$CREDENTIALS_DIRECTORY`).
//! A file's last line feed is not part of the secret. Errors name the reference, never what it led to; text that is no
//! reference is not repeated either, since it may be a secret written in the wrong place.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::keys::{KeyDirectory, NAME_BYTES_MAX};
use super::private_file::{self, Rule};

/// Longest secret in bytes.
pub const SECRET_BYTES_MAX: usize = 4096;
/// Longest path that a reference may name, in bytes.
pub const SECRET_PATH_BYTES_MAX: usize = 4096;
/// Where systemd says that credentials lie.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// A file that only the server's user can reach, by absolute path.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A credential that systemd passed.
    Credential(String),
    /// A secret that the server makes for itself in its key directory.
    Keys(String),
}

/// A secret; wiped on drop, and without any form that could be printed.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text; `None` when it isn't UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl FromStr for SecretRef {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("secret://").ok_or(KeyError::NotAReference)?;
        let (place, name) = rest.split_once('/').ok_or(KeyError::UnknownPlace)?;
        match place {
            "file" => parse_path(name).map(Self::File),
            "env" => {
                parse_name("env", name, "a variable's name of A-Z, 0-9 and _", is_variable_byte).map(Self::Environment)
            }
            "credential" => parse_name("credential", name, CREDENTIAL_NAME, is_file_byte).map(Self::Credential),
            "keys" => parse_name("keys", name, "a name of a-z, 0-9 and -", is_key_byte).map(Self::Keys),
            _ => Err(KeyError::UnknownPlace),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "secret://file{}", path.display()),
            Self::Environment(name) => write!(f, "secret://env/{name}"),
            Self::Credential(name) => write!(f, "secret://credential/{name}"),
            Self::Keys(name) => write!(f, "secret://keys/{name}"),
        }
    }
}

impl SecretRef {
    /// Fetches the secret. One that the server makes for itself is 43 characters of base64url, from 32 random bytes.
    ///
    /// # Errors
    /// [`KeyError`] when nothing is there, others can read it, or it is empty or longer than [`SECRET_BYTES_MAX`].
    pub fn resolve(&self, keys: &KeyDirectory) -> Result<Secret, KeyError> {
        self.resolve_in(Some(keys), &|name| std::env::var_os(name))
    }

    /// Fetches a secret that is needed before the keys are opened; one of the server's own keys is not there yet.
    ///
    /// # Errors
    /// As [`SecretRef::resolve`]; `SecretAbsent` for `secret://keys/`.
    pub fn resolve_without_keys(&self) -> Result<Secret, KeyError> {
        self.resolve_in(None, &|name| std::env::var_os(name))
    }

    fn resolve_in(
        &self,
        keys: Option<&KeyDirectory>,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Secret, KeyError> {
        let bytes = match self {
            Self::File(path) => self.read(path, Rule::OwnerOnly)?,
            Self::Environment(name) => {
                let value = environment(name).ok_or_else(|| self.absent("environment variable"))?;
                Zeroizing::new(value.into_vec())
            }
            Self::Credential(name) => {
                let directory = environment(CREDENTIALS_VARIABLE)
                    .ok_or_else(|| self.absent("credential: $CREDENTIALS_DIRECTORY is not set"))?;
                self.read(&Path::new(&directory).join(name), Rule::Credential)?
            }
            Self::Keys(name) => {
                let keys = keys.ok_or_else(|| self.absent("key: keys are opened later"))?;
                let secret = keys.own_secret(name)?;
                Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret).into_bytes())
            }
        };
        if bytes.is_empty() || bytes.len() > SECRET_BYTES_MAX {
            return Err(KeyError::SecretForm { reference: self.to_string(), expected: "1 to 4096 bytes long" });
        }
        Ok(Secret(bytes))
    }

    fn read(&self, path: &Path, rule: Rule) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut bytes =
            private_file::read(path, SECRET_BYTES_MAX + LINE_END_BYTES, rule)?.ok_or_else(|| self.absent("file"))?;
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        Ok(bytes)
    }

    fn absent(&self, expected: &'static str) -> KeyError {
        KeyError::SecretAbsent { reference: self.to_string(), expected }
    }
}

const LINE_END_BYTES: usize = 2;
const CREDENTIAL_NAME: &str = "a credential's name of A-Z, a-z, 0-9, '.', '_' and '-', not beginning with '.'";

fn parse_path(name: &str) -> Result<PathBuf, KeyError> {
    let refuse = || KeyError::ReferenceName {
        place: "file",
        expected: "an absolute path without '..', such as secret://file/etc/lww/password",
    };
    // The reference's own slash is the path's first, and one written twice is forgiven.
    let path = PathBuf::from(format!("/{}", name.trim_start_matches('/')));
    let plain = path.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_)));
    let is_file = !name.is_empty() && !name.ends_with('/') && path.file_name().is_some();
    if !plain || !is_file || name.len() > SECRET_PATH_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(refuse());
    }
    Ok(path)
}

fn parse_name(
    place: &'static str,
    name: &str,
    expected: &'static str,
    allowed: fn(u8) -> bool,
) -> Result<String, KeyError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with('.') || !name.bytes().all(allowed) {
        return Err(KeyError::ReferenceName { place, expected });
    }
    Ok(name.to_owned())
}

fn is_variable_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

fn is_file_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests;
