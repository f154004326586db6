//! What an authority is asked, and its answer.
//!
//! The nonce binds the answer to the question, so that nobody can give an old stamp for a new one. Source: RFC 3161 section 2.4.

use super::asn1::{MessageImprint, TimeStampReq, TimeStampResp};
use super::authorities::{Authorities, SHA256};
use super::{TimeStamp, verify};
use crate::anchor::RECEIPT_BYTES_MAX;
use crate::error::{AnchorFault, Error, Format, malformed};
use crate::types::Hash;
use der::Encode as _;
use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::spki::AlgorithmIdentifierRef;

/// A question: what is to be stamped, and how the answer is told from others.
#[derive(Clone, Debug)]
pub struct Query {
    imprint: Hash,
    nonce: [u8; 16],
    policy: Option<ObjectIdentifier>,
}

impl Query {
    /// Asks for a stamp over a SHA-256; the nonce is random.
    pub fn new(imprint: Hash, mut nonce: [u8; 16]) -> Self {
        // A positive number of exactly 16 bytes: what it is written as is what comes back, whoever writes it.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        Self { imprint, nonce, policy: None }
    }

    /// Asks for a policy of the authority's, an object identifier in dotted form.
    ///
    /// # Errors
    /// `Malformed` if it is none.
    pub fn under(mut self, policy: &str) -> Result<Self, Error> {
        let parsed = ObjectIdentifier::new(policy);
        self.policy = Some(parsed.map_err(|_| malformed(Format::Anchor, 0, "the policy is no object identifier"))?);
        Ok(self)
    }

    /// Writes the question: `application/timestamp-query`.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let write = || {
            let algorithm = AlgorithmIdentifierRef { oid: SHA256, parameters: None };
            TimeStampReq {
                version: 1,
                imprint: MessageImprint { algorithm, digest: OctetStringRef::new(self.imprint.as_bytes())? },
                policy: self.policy,
                nonce: Some(UintRef::new(&self.nonce)?),
                certificates_wanted: true,
            }
            .to_der()
        };
        write().map_err(|_: der::Error| malformed(Format::Anchor, 0, "the question can't be written"))
    }

    /// Takes the token out of an answer (`application/timestamp-reply`), verified and known to answer this question.
    ///
    /// # Errors
    /// `BadAnchor`; `TooLong` for a token that has no room in an entry.
    pub fn answered(&self, answer: &[u8], authorities: &Authorities) -> Result<(Vec<u8>, TimeStamp), Error> {
        let answer =
            TimeStampResp::parse(answer).map_err(|_| AnchorFault::Malformed("the answer is no TimeStampResp"))?;
        let token = match (answer.status.status, answer.token) {
            (0 | 1, Some(token)) => token,
            (0 | 1, None) => return Err(AnchorFault::Malformed("it is granted and not there").into()),
            _ => return Err(AnchorFault::Status(failure(answer.status.failure)).into()),
        };
        let (max, got) = (RECEIPT_BYTES_MAX as u64, token.len() as u64);
        if got > max {
            return Err(Error::TooLong { what: Format::Anchor, max, got });
        }
        let stamp = verify(token, &self.imprint, authorities)?;
        if stamp.nonce.as_deref() != Some(&self.nonce) {
            return Err(AnchorFault::Nonce.into());
        }
        if self.policy.is_some_and(|policy| policy.to_string() != stamp.policy) {
            return Err(AnchorFault::Policy.into());
        }
        Ok((token.to_vec(), stamp))
    }
}

/// The first failure that is named (RFC 3161 section 2.4.2), in words for an operator.
fn failure(info: Option<BitStringRef<'_>>) -> &'static str {
    const KNOWN: [(usize, &str); 8] = [
        (0, "it doesn't know the algorithm (badAlg)"),
        (2, "it doesn't allow the request (badRequest)"),
        (5, "it calls the request malformed (badDataFormat)"),
        (14, "its own clock is not available (timeNotAvailable)"),
        (15, "it doesn't give the policy that is asked for (unacceptedPolicy)"),
        (16, "it doesn't know an extension (unacceptedExtension)"),
        (17, "it can't give what was asked besides (addInfoNotAvailable)"),
        (25, "it can't at present (systemFailure)"),
    ];
    let is_set = |wanted: usize| info.is_some_and(|info| info.bits().nth(wanted) == Some(true));
    KNOWN.iter().find(|(bit, _)| is_set(*bit)).map_or("it doesn't say why", |(_, words)| words)
}
