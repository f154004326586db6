//! Keyed tokens that stand for masked values: the same value gives the same token within a tenant, so that analysts can
//! join on it, and no value can be guessed from it without the key. It knows no entities and no policies.

use crate::crypto::derive::MacKey;
use crate::domain::masking::token_letters;
use crate::ports::Tokens;

/// Marks a token; letters only, like the rest, so that masking a masked text finds nothing in it.
const PREFIX: &str = "tok";

/// One tenant's tokens: `tok` and 32 letters `a` to `p`, the first 16 bytes of an HMAC-SHA256.
pub(super) struct TenantTokens(MacKey);

impl TenantTokens {
    pub(super) fn new(key: MacKey) -> Self {
        Self(key)
    }
}

impl Tokens for TenantTokens {
    fn token(&self, key: &str, entity: &str, canonical: &str) -> String {
        let fields = [key.as_bytes(), entity.as_bytes(), canonical.as_bytes()];
        PREFIX.to_owned() + &token_letters(&self.0.short_tag("lww/1 token", &fields))
    }
}
