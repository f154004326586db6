//! Ids, times and sizes: the words that every floor shares.
//!
//! Ledger types come from `lww_audit` and are re-exported, so that the server and the auditor's verifier speak of the
//! same things. It knows no I/O, no clock and no randomness: ids are made from bytes that a caller drew.

use std::fmt;

pub use lww_audit::{EntryIndex, Hash, Id128, Origin, Timestamp, TreeSize};
use uuid::Uuid;

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// A tenant's number in the database; its name stands in the tenant's log origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub i32);

impl TenantId {
    /// The system log's number: events that belong to no tenant are recorded there.
    pub const SYSTEM: Self = Self(0);
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Id128);

        impl $name {
            /// Makes the id from 16 random bytes.
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(Id128(bytes))
            }

            /// The same 16 bytes in the form that the database stores.
            pub const fn to_uuid(self) -> Uuid {
                Uuid::from_bytes(self.0.0)
            }

            /// The id behind a database value.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(Id128(uuid.into_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = <Id128 as std::str::FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

public_id! {
    /// A conversation's public id: random, it tells nothing of order or number.
    ConversationId
}
public_id! {
    /// A proposal to erase somebody.
    ErasureId
}
public_id! {
    /// A proposed change of the masking policy.
    AmendmentId
}
public_id! {
    /// A policy that runs for a while: over what was said before, or beside the one in force.
    RunId
}
public_id! {
    /// A policy that somebody is writing.
    DraftId
}
public_id! {
    /// A message of staff that is held before it leaves.
    LeavingId
}
public_id! {
    /// A report that something was masked wrongly, or wasn't.
    ReportId
}
public_id! {
    /// A legal hold.
    HoldId
}
public_id! {
    /// A request to open a masked value.
    UnmaskingId
}
public_id! {
    /// A message's public id; it is bound into what the message is sealed with.
    MessageId
}
public_id! {
    /// A person's random pseudonym: the only name of a customer that the ledger knows.
    SubjectId
}
public_id! {
    /// A staff account's random pseudonym.
    AccountId
}

public_id! {
    /// A session's public id: it names the session in lists and opens nothing.
    SessionId
}

public_id! {
    /// An evidence package's id: random, it names the package while it is kept, and ties the entries that tell of it.
    PackageId
}

/// The pseudonym of the server itself, the actor of what no person did.
pub const SERVER_ACTOR: AccountId = AccountId::from_random([0; 16]);

/// Counts the changes of one aggregate (conversation, agent, account, tenant settings); starts at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub i64);

impl Version {
    /// The version that a newly made aggregate has.
    pub const FIRST: Self = Self(1);

    /// The version after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A message's place in its conversation, counted from 1 without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageSeq(pub i32);

/// Names an account of a channel: which channel, and which of the tenant's accounts with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelAccount {
    /// The channel's registered name, such as `http`.
    pub channel: &'static str,
    /// The tenant's own name for the account; lower-case letters, digits and `-`.
    pub account: String,
}

impl fmt::Display for ChannelAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.account)
    }
}

/// A conversation's inner key: UUIDv7, so that rows of one time lie together; never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationKey(pub Uuid);

impl ConversationKey {
    /// Makes the key from the instant of opening and ten random bytes (RFC 9562, section 5.7).
    pub fn new(time: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(time.as_micros() / 1_000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// A conversation's two names together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConversationRef {
    /// The inner key.
    pub key: ConversationKey,
    /// The public id, which stands in ledger entries and addresses.
    pub public: ConversationId,
}

/// Every channel's name; `channels/mod.rs` has a constructor for each, which a test there holds.
pub const CHANNEL_NAMES: [&str; 2] = ["http", "web"];
