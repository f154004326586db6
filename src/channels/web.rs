//! The web channel: a widget in the bank's page or app that holds a socket, an event stream or a poll open.
//!
//! A visitor shows a short-lived token that only this account can make and read. Who is logged in to the bank's page comes
//! with a proof that the bank's own server has made: then the person is the same by every channel of that set of identities.
//! What a visitor said before is closed and pointed at then, never merged: the machine may be one that others use.

mod frames;
mod token;

use std::sync::Arc;

use ring::{digest, hmac};
use serde::Deserialize;

use self::token::{Token, TokenKey};
use super::{ChannelConfig, ChannelConfigError};
use crate::domain::event::Wish;
use crate::domain::message::{RawBody, RawText};
use crate::domain::routing::is_word;
use crate::limits::{
    CASE_TAGS_MAX, CONTACT_BYTES_MAX, SIGNATURE_SKEW_S_MAX, TEXT_BYTES_MAX, VISITOR_RETURN_S_MAX, VISITOR_TOKEN_S,
};
use crate::ports::{About, Channel, ChannelError, CustomerEvent, CustomerFrame, Person, Proven, Session, Visit};
use crate::units::{ChannelAccount, Id128, MICROS_PER_SECOND, Timestamp};
use crate::wire;

/// The channel's name.
pub const NAME: &str = "web";

/// Makes one account of the channel.
///
/// # Errors
/// [`ChannelConfigError::WeakSecret`] when no key can be derived from the secret.
pub fn open(config: ChannelConfig) -> Result<Channel, ChannelConfigError> {
    let weak = || ChannelConfigError::WeakSecret { account: config.account.clone(), got_bytes: config.secret.len() };
    let tokens = TokenKey::derive(&config.secret, &config.account).ok_or_else(weak)?;
    let proofs = hmac::Key::new(hmac::HMAC_SHA256, &config.secret);
    let account = ChannelAccount { channel: NAME, account: config.account.clone() };
    let ChannelConfig { identities, origins, .. } = config;
    Ok(Channel::Session(Arc::new(Web { account, tokens, proofs, identities, origins })))
}

struct Web {
    account: ChannelAccount,
    tokens: TokenKey,
    proofs: hmac::Key,
    identities: Option<String>,
    origins: Vec<String>,
}

/// How a visit begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewVisit {
    /// The token of a visit that goes on.
    #[serde(default)]
    token: Option<String>,
    /// Who is logged in to the bank's page.
    #[serde(default)]
    identity: Option<Identity>,
    /// What the page says of the conversation.
    #[serde(default)]
    about: Words,
}

/// What a page says of a conversation, for its routing. What makes a customer important counts beside a proof only.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    language: Option<String>,
    tier: Option<String>,
    tags: Vec<String>,
}

impl Words {
    fn checked(self) -> Result<About, ChannelError> {
        let Self { language, tier, mut tags } = self;
        for (field, word) in [("about.language", &language), ("about.tier", &tier)] {
            if word.as_ref().is_some_and(|word| !is_word(word)) {
                let expected = "a word of 1 to 32 of a-z, 0-9, _ and -";
                return Err(ChannelError::BadField { field, expected });
            }
        }
        if tags.len() > CASE_TAGS_MAX || !tags.iter().all(|tag| is_word(tag)) {
            let expected = "at most 8 words of 1 to 32 of a-z, 0-9, _ and -";
            return Err(ChannelError::BadField { field: "about.tags", expected });
        }
        tags.sort_unstable();
        tags.dedup();
        Ok(About { tier, language, tags, ..About::default() })
    }
}

/// An identity that the bank's own server vouches for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    /// The bank's name for the person.
    id: RawText,
    /// When it was signed, in whole seconds since 1970.
    time: i64,
    /// HMAC-SHA256 in hexadecimal under the account's secret.
    proof: String,
}

impl Session for Web {
    fn account(&self) -> &ChannelAccount {
        &self.account
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }

    fn visit(&self, body: &RawBody, now: Timestamp, fresh: [u8; 28]) -> Result<Visit, ChannelError> {
        let NewVisit { token, identity, about } = frames::parse(body)?;
        let about = about.checked()?;
        let known = token.map(|token| self.tokens.open(&token)).transpose()?;
        let age_s = |token: &Token| (now.as_micros() - token.expires.as_micros()) / MICROS_PER_SECOND;
        let back = known.filter(|token| age_s(token) <= VISITOR_RETURN_S_MAX);
        let proven = identity.map(|identity| self.proven(identity, &about, now)).transpose()?;
        // Whoever logged out is another visitor from there on: the machine may be somebody else's by now.
        let goes_on = back.filter(|token| token.proven.is_none());
        let (nonce, visitor) = split(fresh);
        let is_proven = proven.is_some();
        let token = Token {
            expires: Timestamp::from_micros(now.as_micros() + VISITOR_TOKEN_S * MICROS_PER_SECOND),
            visitor: goes_on.map_or(Id128(visitor), |token| token.visitor),
            // Who is important is the bank's to say, and only of somebody whom it knows.
            about: if is_proven { about } else { About { language: about.language, ..About::default() } },
            proven,
        };
        let expires = token.expires;
        let token = self.tokens.seal(&token, nonce).ok_or(ChannelError::BadSignature)?;
        Ok(Visit { token, expires, is_proven })
    }

    fn admit(&self, token: &str, now: Timestamp) -> Result<Person, ChannelError> {
        let Token { expires, visitor, proven, .. } = self.tokens.open(token)?;
        let skew_s = (now.as_micros() - expires.as_micros()) / MICROS_PER_SECOND;
        if now >= expires {
            return Err(ChannelError::Stale { skew_s, max_s: 0 });
        }
        let realm = self.identities.as_ref();
        let proven = proven.zip(realm).map(|(id, realm)| Proven { realm: realm.clone(), id });
        Ok(Person { contact: Some(RawText::new(visitor.to_string())), proven, vouched: false })
    }

    fn about(&self, token: &str) -> About {
        self.tokens.open(token).map(|token| token.about).unwrap_or_default()
    }

    fn frame(&self, frame: &RawBody) -> Result<CustomerFrame, ChannelError> {
        frames::read(frame)
    }

    fn text(&self, event: &CustomerEvent) -> String {
        frames::write(event)
    }
}

impl Web {
    fn proven(&self, identity: Identity, about: &About, now: Timestamp) -> Result<RawText, ChannelError> {
        let Identity { id, time, proof } = identity;
        if self.identities.is_none() {
            let expected = "none: this account has no set of identities";
            return Err(ChannelError::BadField { field: "identity", expected });
        }
        if !(1..=CONTACT_BYTES_MAX).contains(&id.len()) {
            return Err(ChannelError::BadField { field: "identity.id", expected: "1 to 256 bytes" });
        }
        let signed = frames::signed_identity(&self.account.account, &id, time, about);
        let proof = frames::from_hex(&proof)
            .ok_or(ChannelError::BadField { field: "identity.proof", expected: "64 hexadecimal digits" })?;
        hmac::verify(&self.proofs, &signed, &proof).map_err(|_| ChannelError::BadSignature)?;
        let skew_s = now.as_micros() / MICROS_PER_SECOND - time;
        if skew_s.abs() > SIGNATURE_SKEW_S_MAX {
            return Err(ChannelError::Stale { skew_s, max_s: SIGNATURE_SKEW_S_MAX });
        }
        Ok(id)
    }
}

fn split(fresh: [u8; 28]) -> ([u8; 12], [u8; 16]) {
    let (mut nonce, mut visitor) = ([0; 12], [0; 16]);
    nonce.copy_from_slice(&fresh[..12]);
    visitor.copy_from_slice(&fresh[12..]);
    (nonce, visitor)
}

fn send(key: String, text: RawText, bytes: &[u8]) -> Result<CustomerFrame, ChannelError> {
    if !wire::is_key(&key) {
        return Err(ChannelError::BadField { field: "key", expected: wire::KEY_EXPECTED });
    }
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Err(ChannelError::BadField { field: "text", expected: "1 to 16384 bytes" });
    }
    let fingerprint = digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
    Ok(CustomerFrame::Send { key, fingerprint, text })
}

fn wish(key: String, wish: &str) -> Result<CustomerFrame, ChannelError> {
    if !wire::is_key(&key) {
        return Err(ChannelError::BadField { field: "key", expected: wire::KEY_EXPECTED });
    }
    let expected = "message or callback";
    let wish = Wish::from_word(wish).ok_or(ChannelError::BadField { field: "wish", expected })?;
    Ok(CustomerFrame::Wish { key, wish })
}

#[cfg(test)]
mod tests;
