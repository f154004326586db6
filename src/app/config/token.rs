//! `[pkcs11]`: the token that holds the keys of logs.

use std::path::Path;
use std::sync::Arc;

use super::check::{Checked, existing_field, path, secret};
use super::read::Section;
use super::{Config, Lines};
use crate::crypto::secrets::SecretRef;
use crate::crypto::{KeyDirectory, KeyError, KeyPlaces, SystemRandom, TokenPlace};

/// Reads `[pkcs11]`; `None` without the section. Whether this build knows tokens is told when keys are opened.
pub(super) fn read(section: &Section<'_>) -> Checked<Option<TokenPlace>> {
    if !section.is_there() {
        return Ok(None);
    }
    let module = existing_field(path(section, "module")?, "file", Path::is_file)?;
    let module = module.ok_or_else(|| section.missing("module"))?.value;
    let mut words = Vec::new();
    for name in ["token", "key_prefix"] {
        let field = section.required(name)?;
        let bytes_max = field.bytes_max();
        let fits = (1..=bytes_max).contains(&field.value.len());
        if !fits || !field.value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(field.expected(format!("1 to {bytes_max} visible ASCII characters")));
        }
        words.push(field.value.to_owned());
    }
    let pin = secret(&section.required("pin")?)?;
    if matches!(pin.value, SecretRef::Keys(_)) {
        return Err(pin.expected("secret://file, secret://env or secret://credential: who sets the token up chooses its PIN"));
    }
    let prefix = words.pop().unwrap_or_default();
    Ok(Some(TokenPlace { module, token: words.pop().unwrap_or_default(), pin: pin.value, prefix }))
}

/// Writes `[pkcs11]`.
pub(super) fn write(token: &TokenPlace, lines: &mut Lines) {
    lines.path("pkcs11.module", Some(&token.module));
    lines.put("pkcs11.token", &token.token);
    lines.put("pkcs11.pin", &token.pin.to_string());
    lines.put("pkcs11.key_prefix", &token.prefix);
}

impl Config {
    /// Refuses a token that can't be used, before anything is started.
    ///
    /// # Errors
    /// [`KeyError::NoTokens`] or [`KeyError::Token`].
    pub fn check_token(&self) -> Result<(), KeyError> {
        self.token.as_ref().map_or(Ok(()), |token| token.look().map(drop))
    }

    /// Opens the keys where they are, those of logs in the token if there is one.
    ///
    /// # Errors
    /// As [`KeyDirectory::open_or_create`] and [`KeyDirectory::with_token`].
    pub fn open_keys(&self, may_create: bool) -> Result<KeyDirectory, KeyError> {
        let places = KeyPlaces { directory: self.keys_dir.clone(), master: self.master_key.clone() };
        KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), may_create)?.with_token(self.token.as_ref())
    }
}
