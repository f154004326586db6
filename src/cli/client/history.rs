//! The API's calls about policies that run over what was said before, or in shadow, and about drafts.

use serde_json::{Value, json};

use super::calls::call;
use super::{Client, ClientError};
use crate::http::history_answers::{NewestRun, PolicyPreview, PolicyRun, SavedDraft, SavedDrafts};

const PREVIEWS: &str = "/api/v1/policies/masking/previews";
const DRAFTS: &str = "/api/v1/policies/masking/drafts";

impl Client {
    /// Begins a preview; `wish` is the request's body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn preview_policy(&self, wish: &Value) -> Result<PolicyPreview, ClientError> {
        self.ask(call("POST", PREVIEWS, Some(wish))).await
    }

    /// How far a preview is, and what came of it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn preview(&self, id: &str) -> Result<PolicyPreview, ClientError> {
        self.ask(call("GET", &format!("{PREVIEWS}/{id}"), None)).await
    }

    /// Ends a preview.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn end_preview(&self, id: &str) -> Result<(), ClientError> {
        self.done(call("DELETE", &format!("{PREVIEWS}/{id}"), Some(&json!({})))).await
    }

    /// Begins what is named `remasking` or `shadow`; `wish` is the request's body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn begin_run(&self, name: &str, wish: &Value) -> Result<PolicyRun, ClientError> {
        self.ask(call("POST", &run(name), Some(wish))).await
    }

    /// The newest run of what is named `remasking` or `shadow`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn newest_run(&self, name: &str) -> Result<NewestRun, ClientError> {
        self.ask(call("GET", &run(name), None)).await
    }

    /// Ends what is named `remasking` or `shadow`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn end_run(&self, name: &str) -> Result<(), ClientError> {
        self.done(call("DELETE", &run(name), Some(&json!({})))).await
    }

    /// The drafts that officers keep.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn policy_drafts(&self) -> Result<SavedDrafts, ClientError> {
        self.ask(call("GET", DRAFTS, None)).await
    }

    /// One draft.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn policy_draft(&self, id: &str) -> Result<SavedDraft, ClientError> {
        self.ask(call("GET", &format!("{DRAFTS}/{id}"), None)).await
    }
}

fn run(name: &str) -> String {
    format!("/api/v1/policies/masking/{name}")
}
