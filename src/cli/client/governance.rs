//! The API's calls about changes of the masking policy and about values behind masks: what compliance officers and those who
//! approve do.

use serde_json::{Value, json};

use super::calls::call;
use super::{Client, ClientError};
use crate::http::amendment_answers::{Amendment, AmendmentInFull, Amendments};
use crate::http::report_answers::{ReportInFull, Reports};
use crate::http::unmasking_answers::{Unmasking, Unmaskings};

const AMENDMENTS: &str = "/api/v1/policies/masking/amendments";
const REPORTS: &str = "/api/v1/policies/masking/reports";
const UNMASKINGS: &str = "/api/v1/unmaskings";

impl Client {
    /// Proposed changes, those proposed last first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn amendments(&self) -> Result<Amendments, ClientError> {
        self.ask(call("GET", AMENDMENTS, None)).await
    }

    /// One proposed change in full.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn amendment(&self, id: &str) -> Result<AmendmentInFull, ClientError> {
        self.ask(call("GET", &format!("{AMENDMENTS}/{id}"), None)).await
    }

    /// Proposes a policy; `new` is the request's body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn propose_policy(&self, new: &Value) -> Result<Amendment, ClientError> {
        self.ask(call("POST", AMENDMENTS, Some(new))).await
    }

    /// Consents to a proposed policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn approve_policy(&self, id: &str) -> Result<Amendment, ClientError> {
        self.ask(call("POST", &format!("{AMENDMENTS}/{id}/approve"), Some(&json!({})))).await
    }

    /// Reports of the desk, the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reports(&self) -> Result<Reports, ClientError> {
        self.ask(call("GET", REPORTS, None)).await
    }

    /// One report with its sentence.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn report(&self, id: &str) -> Result<ReportInFull, ClientError> {
        self.ask(call("GET", &format!("{REPORTS}/{id}"), None)).await
    }

    /// Decides that nothing changes for a report.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn decline_report(&self, id: &str, reason: &str) -> Result<(), ClientError> {
        self.done(call("POST", &format!("{REPORTS}/{id}/decline"), Some(&json!({"reason": reason})))).await
    }

    /// Turns a proposed policy down (`reject`), takes one's own back (`withdraw`), or says that one has looked at what somebody
    /// brought into force alone (`review`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn decide_policy(&self, id: &str, how: &str) -> Result<(), ClientError> {
        self.done(call("POST", &format!("{AMENDMENTS}/{id}/{how}"), Some(&json!({})))).await
    }

    /// Requests to open masked values, those made last first; with `subject`, of one customer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unmaskings(&self, subject: Option<&str>) -> Result<Unmaskings, ClientError> {
        let query = subject.map(|subject| format!("?subject={subject}")).unwrap_or_default();
        self.ask(call("GET", &format!("{UNMASKINGS}{query}"), None)).await
    }

    /// Grants a request (`approve`) or turns it down (`reject`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn decide_unmasking(&self, id: &str, how: &str) -> Result<Unmasking, ClientError> {
        self.ask(call("POST", &format!("{UNMASKINGS}/{id}/{how}"), Some(&json!({})))).await
    }
}
