//! Channels: how customers' messages come in, one file each, and one table of them.
//!
//! A channel authenticates as its platform prescribes, parses, and hands over what is asked for in our own words;
//! it holds no business rule and knows neither the web framework nor the database. To add one: its file, and two
//! lines here, the module and its row.

use zeroize::Zeroizing;

use crate::limits::{CHANNEL_SECRET_BYTES_MIN, KEYID_BYTES_MAX};
use crate::ports::Channel;

pub mod http_api;
pub mod web;

/// Every channel: its name in addresses, ledger entries and configuration, and how an account of it is made.
pub const CHANNELS: &[(&str, Constructor)] = &[(http_api::NAME, http_api::open), (web::NAME, web::open)];

/// Makes a channel out of the configuration of one account.
pub type Constructor = fn(ChannelConfig) -> Result<Channel, ChannelConfigError>;

/// One account of a channel as the configuration names it.
pub struct ChannelConfig {
    /// The tenant's own name for the account; 1 to 64 lower-case letters, digits and `-`.
    pub account: String,
    /// Names the shared secret in signatures; visible ASCII.
    pub keyid: String,
    /// The secret shared with the peer, at least 32 bytes; wiped on drop.
    pub secret: Zeroizing<Vec<u8>>,
    /// The bank's name for the set of identities that the peer vouches for.
    pub identities: Option<String>,
    /// Origins of the pages that may use the channel from a browser.
    pub origins: Vec<String>,
}

/// A channel account's configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelConfigError {
    /// No channel has this name.
    #[error("no channel is called {name:?}; there are: {known}")]
    UnknownChannel {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The account's name can't stand in an address.
    #[error("the account name {account:?} is not 1 to 64 lower-case letters, digits and '-'")]
    BadAccount {
        /// The name.
        account: String,
    },
    /// The key id can't stand in a signature.
    #[error("the keyid of account {account} is not 1 to {KEYID_BYTES_MAX} visible ASCII characters")]
    BadKeyid {
        /// The account.
        account: String,
    },
    /// The secret is too short to sign with.
    #[error("the secret of account {account} has {got_bytes} bytes, at least {CHANNEL_SECRET_BYTES_MIN} are needed")]
    WeakSecret {
        /// The account.
        account: String,
        /// Its length.
        got_bytes: usize,
    },
}

/// Makes an account of the channel called `name`.
///
/// # Errors
/// [`ChannelConfigError`] when there is no such channel or the configuration can't work.
pub fn open(name: &str, config: ChannelConfig) -> Result<Channel, ChannelConfigError> {
    let Some((_, constructor)) = CHANNELS.iter().find(|(known, _)| *known == name) else {
        let known = CHANNELS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
        return Err(ChannelConfigError::UnknownChannel { name: name.to_owned(), known });
    };
    check(&config)?;
    constructor(config)
}

fn check(config: &ChannelConfig) -> Result<(), ChannelConfigError> {
    let account = config.account.clone();
    let in_address = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&account.len()) || !account.bytes().all(in_address) {
        return Err(ChannelConfigError::BadAccount { account });
    }
    if !(1..=KEYID_BYTES_MAX).contains(&config.keyid.len()) || !config.keyid.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(ChannelConfigError::BadKeyid { account });
    }
    if config.secret.len() < CHANNEL_SECRET_BYTES_MIN {
        return Err(ChannelConfigError::WeakSecret { account, got_bytes: config.secret.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(account: &str, keyid: &str, secret_bytes: usize) -> ChannelConfig {
        ChannelConfig {
            account: account.into(),
            keyid: keyid.into(),
            secret: Zeroizing::new(vec![7; secret_bytes]),
            identities: None,
            origins: Vec::new(),
        }
    }

    #[test]
    fn every_channel_of_the_table_opens_under_its_name() {
        for (name, _) in CHANNELS {
            let channel = open(name, config("app", "key-1", 32)).unwrap();
            assert_eq!((channel.account().channel, channel.account().account.as_str()), (*name, "app"));
        }
    }

    #[test]
    fn a_configuration_that_can_t_work_is_refused_with_its_reason() {
        for (name, config, reason) in [
            ("fax", config("app", "k", 32), "no channel is called \"fax\"; there are: http, web"),
            ("http", config("", "k", 32), "account name"),
            ("http", config("App", "k", 32), "account name"),
            ("http", config(&"a".repeat(65), "k", 32), "account name"),
            ("http", config("app", "", 32), "keyid"),
            ("http", config("app", "a b", 32), "keyid"),
            ("http", config("app", &"k".repeat(KEYID_BYTES_MAX + 1), 32), "keyid"),
            ("http", config("app", "k", 31), "31 bytes"),
        ] {
            let error = open(name, config).err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
