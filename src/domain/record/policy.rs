//! What is in force: a masking policy, or a routing table.

use crate::units::{Hash, Version};

/// What a text that becomes active decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// What is masked.
    Masking,
    /// Where conversations go.
    Routing,
}

/// See [`super::Effect::Policy`].
#[derive(Clone)]
pub struct PolicyChange {
    /// Which of them.
    pub kind: PolicyKind,
    /// Version of the tenant's settings that this was decided on.
    pub expected: Version,
    /// Digest of the resolved policy.
    pub digest: Hash,
    /// The file's text, so that what is active can be read back.
    pub source: String,
}
