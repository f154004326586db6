//! Identities as an epoch indexes them, and in the form in which they are sealed for their person: an index under another
//! epoch is made from that form, without the person.
//!
//! The form: one byte for the kind, then its fields, each behind its length in two bytes. It knows no keys but the index's.

use zeroize::Zeroizing;

use crate::crypto::derive::MacKey;
use crate::ports::{IdentityLookup, IdentityName};
use crate::units::TenantId;

/// The domain of each kind's lookup; the kind's number is the place here.
const DOMAINS: [&str; 2] = ["lww/1 identity", "lww/1 proven identity"];
const CHANNEL: u8 = 0;
const PROVEN: u8 = 1;

/// The lookup of an identity under an epoch.
pub(super) fn lookup(tenant: TenantId, (epoch, index): (i32, &MacKey), identity: IdentityName<'_>) -> IdentityLookup {
    let (kind, fields) = parts(identity);
    IdentityLookup { epoch, hash: tag(tenant, index, kind, &fields) }
}

/// The form that is sealed.
pub(super) fn to_bytes(identity: IdentityName<'_>) -> Zeroizing<Vec<u8>> {
    let (kind, fields) = parts(identity);
    let mut bytes = Zeroizing::new(vec![kind]);
    for field in fields {
        // Identities are bounded far below by whoever takes them in.
        let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field.get(..usize::from(length)).unwrap_or(field));
    }
    bytes
}

/// The lookup of an identity in its sealed form; `None` when the bytes are none.
pub(super) fn lookup_of_bytes(
    tenant: TenantId,
    (epoch, index): (i32, &MacKey),
    bytes: &[u8],
) -> Option<IdentityLookup> {
    let (kind, mut rest) = bytes.split_first()?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (field, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        fields.push(field);
        rest = after;
    }
    DOMAINS.get(usize::from(*kind))?;
    Some(IdentityLookup { epoch, hash: tag(tenant, index, *kind, &fields) })
}

fn parts(identity: IdentityName<'_>) -> (u8, Vec<&[u8]>) {
    match identity {
        IdentityName::Channel(channel, text) => {
            (CHANNEL, vec![channel.channel.as_bytes(), channel.account.as_bytes(), text.expose().as_bytes()])
        }
        IdentityName::Proven(proven) => (PROVEN, vec![proven.realm.as_bytes(), proven.id.expose().as_bytes()]),
    }
}

fn tag(tenant: TenantId, index: &MacKey, kind: u8, fields: &[&[u8]]) -> [u8; 32] {
    let tenant = tenant.0.to_be_bytes();
    let all: Vec<&[u8]> = std::iter::once(tenant.as_slice()).chain(fields.iter().copied()).collect();
    index.tag(DOMAINS.get(usize::from(kind)).copied().unwrap_or_default(), &all)
}
