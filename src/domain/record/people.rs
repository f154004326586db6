//! Changes that make a customer known.

use crate::units::SubjectId;

/// A customer who is seen for the first time.
#[derive(Clone)]
pub struct NewSubject {
    /// The random pseudonym.
    pub id: SubjectId,
    /// HMAC of the identity under the epoch's index key, 32 bytes.
    pub identity: [u8; 32],
    /// The epoch whose keys wrap and index.
    pub epoch: i32,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The person's contact identity, sealed under the data key: delivery needs it.
    pub contact: Vec<u8>,
    /// The identity as it is indexed, sealed under the data key: another epoch's index is made from it.
    pub sealed_identity: Vec<u8>,
}

/// One more identity of a customer.
#[derive(Clone)]
pub struct NewIdentity {
    /// HMAC of the identity under the epoch's index key, 32 bytes.
    pub lookup: [u8; 32],
    /// The epoch whose key indexes.
    pub epoch: i32,
    /// Whose it is.
    pub subject: SubjectId,
    /// The identity itself, sealed under the person's data key.
    pub sealed: Vec<u8>,
}
