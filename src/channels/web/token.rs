//! Visitor tokens: sealed by the account's own key (AES-256-GCM), so that whoever holds one learns nothing from it and can
//! make no other. A token is `base64url(nonce ‖ sealed)` of version, expiry, visitor, what the page says of the conversation
//! (its bytes' number before it) and, if proven, the identity. The first version says nothing of the conversation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use crate::domain::message::RawText;
use crate::limits::VISITOR_TOKEN_BYTES_MAX;
use crate::ports::{About, ChannelError};
use crate::units::{Id128, Timestamp};

const VERSION: u8 = 2;
/// The first one, of which tokens are still out there.
const VERSION_BARE: u8 = 1;

/// What a token says.
pub(super) struct Token {
    /// Until when it is good.
    pub(super) expires: Timestamp,
    /// Who comes, by a random id.
    pub(super) visitor: Id128,
    /// What the page says of the conversation.
    pub(super) about: About,
    /// Who it is, by the bank's proof.
    pub(super) proven: Option<RawText>,
}

/// The key of one account's tokens.
pub(super) struct TokenKey {
    key: LessSafeKey,
    account: String,
}

impl TokenKey {
    /// Derives the key from the account's secret.
    pub(super) fn derive(secret: &[u8], account: &str) -> Option<Self> {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"lww/1 visitor tokens");
        let key = UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok()?;
        Some(Self { key: LessSafeKey::new(key), account: account.to_owned() })
    }

    /// Seals a token; `nonce` is random and never used again.
    pub(super) fn seal(&self, token: &Token, nonce: [u8; NONCE_LEN]) -> Option<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(VISITOR_TOKEN_BYTES_MAX));
        bytes.push(VERSION);
        bytes.extend_from_slice(&token.expires.as_micros().to_be_bytes());
        bytes.extend_from_slice(&token.visitor.0);
        let about = words(&token.about);
        bytes.extend_from_slice(&u16::try_from(about.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(about.as_bytes());
        if let Some(proven) = &token.proven {
            bytes.extend_from_slice(proven.expose().as_bytes());
        }
        let aad = Aad::from(self.account.as_bytes());
        let tag = self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).ok()?;
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&bytes);
        sealed.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a token; whether it is over is for the caller to say.
    pub(super) fn open(&self, token: &str) -> Result<Token, ChannelError> {
        self.opened(token).ok_or(ChannelError::BadSignature)
    }

    fn opened(&self, token: &str) -> Option<Token> {
        if token.len() > VISITOR_TOKEN_BYTES_MAX {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(self.account.as_bytes());
        let opened = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut bytes).ok()?;
        let (version, rest) = opened.split_first()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        let (visitor, rest) = rest.split_first_chunk::<16>()?;
        let (about, proven) = match *version {
            VERSION_BARE => (About::default(), rest),
            VERSION => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let (about, proven) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                (from_words(std::str::from_utf8(about).ok()?), proven)
            }
            _ => return None,
        };
        let proven = std::str::from_utf8(proven).ok().filter(|id| !id.is_empty());
        Some(Token {
            expires: Timestamp::from_micros(i64::from_be_bytes(*expires)),
            visitor: Id128(*visitor),
            about,
            proven: proven.map(|id| RawText::new(id.to_owned())),
        })
    }
}

/// Words have no slash and no space.
fn words(about: &About) -> String {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    format!("{}/{}/{}", word(&about.language), word(&about.tier), about.tags.join(" "))
}

fn from_words(text: &str) -> About {
    let mut parts = text.split('/');
    let mut word = || parts.next().filter(|word| !word.is_empty()).map(str::to_owned);
    let (language, tier, tags) = (word(), word(), word());
    let tags = tags.iter().flat_map(|tags| tags.split(' ')).map(str::to_owned).collect();
    About { tier, language, tags, ..About::default() }
}
