//! Identities: what somebody is known by, and how that is looked up without naming them.

use super::Proven;
use crate::domain::message::RawText;
use crate::units::ChannelAccount;

/// Finds a person without naming them: a keyed hash of the identity under an epoch's index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityLookup {
    /// The epoch.
    pub epoch: i32,
    /// 32 bytes.
    pub hash: [u8; 32],
}

/// An identity that somebody is known by.
#[derive(Clone, Copy)]
pub enum IdentityName<'a> {
    /// What a channel account knows them by.
    Channel(&'a ChannelAccount, &'a RawText),
    /// What the bank vouches for, whatever channel it comes by.
    Proven(&'a Proven),
}

impl<'a> IdentityName<'a> {
    /// What was shown, without where.
    pub fn text(&self) -> &'a RawText {
        match self {
            Self::Channel(_, identity) => identity,
            Self::Proven(proven) => &proven.id,
        }
    }
}
