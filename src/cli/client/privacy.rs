//! The API's calls about erasures and legal holds: what supervisors, compliance officers and auditors do.

use serde_json::{Value, json};

use super::calls::call;
use super::{Client, ClientError};
use crate::http::erasure_answers::{Erasure, Erasures, Hold, Holds, ShredCertificate};

const ERASURES: &str = "/api/v1/erasures";
const HOLDS: &str = "/api/v1/holds";

impl Client {
    /// Proposals, the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn erasures(&self) -> Result<Erasures, ClientError> {
        self.ask(call("GET", ERASURES, None)).await
    }

    /// Proposes to erase a customer; `new` is the request's body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn propose_erasure(&self, new: &Value) -> Result<Erasure, ClientError> {
        self.ask(call("POST", ERASURES, Some(new))).await
    }

    /// Erases the customer of a proposal.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn approve_erasure(&self, id: &str) -> Result<Erasure, ClientError> {
        self.ask(call("POST", &format!("{ERASURES}/{id}/approve"), Some(&json!({})))).await
    }

    /// Turns a proposal down.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reject_erasure(&self, id: &str) -> Result<(), ClientError> {
        self.done(call("POST", &format!("{ERASURES}/{id}/reject"), Some(&json!({})))).await
    }

    /// The certificate of an erasure.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn shred_certificate(&self, id: &str) -> Result<ShredCertificate, ClientError> {
        self.ask(call("GET", &format!("{ERASURES}/{id}/certificate"), None)).await
    }

    /// Legal holds, the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn holds(&self) -> Result<Holds, ClientError> {
        self.ask(call("GET", HOLDS, None)).await
    }

    /// Places a legal hold.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn place_hold(&self, subject: &str, reason: &str) -> Result<Hold, ClientError> {
        self.ask(call("POST", HOLDS, Some(&json!({"subject": subject, "reason": reason})))).await
    }

    /// Releases a legal hold.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn release_hold(&self, id: &str) -> Result<(), ClientError> {
        self.done(call("DELETE", &format!("{HOLDS}/{id}"), Some(&json!({})))).await
    }
}
