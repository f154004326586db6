//! Time-stamping authorities over HTTP (RFC 3161 section 3.4).
//!
//! A stamp is over the SHA-256 of a published checkpoint's text, without its signature lines, and is verified by the auditor's own
//! code before it is taken: what is recorded proves something to whoever trusts the same authorities.

use std::sync::Arc;

use async_trait::async_trait;
use lww_audit::Checkpoint;
use lww_audit::anchor::Form;
use lww_audit::timestamp::{Authorities, Query};

use crate::ports::{Anchor, Post, Posted, Random, Unanchored, random_bytes};

const QUERY: &str = "application/timestamp-query";

/// An authority, and by what it is believed.
pub struct TimeStamping {
    /// Where it is asked, for people.
    pub url: String,
    /// The way there.
    pub post: Arc<dyn Post>,
    /// To whom its stamps must lead.
    pub authorities: Authorities,
    /// The policy that is asked for.
    pub policy: Option<String>,
    /// Randomness, for nonces.
    pub random: Arc<dyn Random>,
}

#[async_trait]
impl Anchor for TimeStamping {
    fn form(&self) -> Form {
        Form::Rfc3161
    }

    fn place(&self) -> String {
        self.url.clone()
    }

    async fn confirm(&self, checkpoint: &Checkpoint) -> Result<Vec<u8>, Unanchored> {
        let refused = |error: lww_audit::Error| Unanchored::Refused { reason: error.to_string() };
        let query = self.query(checkpoint).map_err(refused)?;
        let answer = self.post.post(QUERY, query.to_der().map_err(refused)?).await;
        let Posted { status, body } =
            answer.map_err(|unanswered| Unanchored::Unreachable { reason: unanswered.reason().to_owned() })?;
        match status {
            200 => query.answered(&body, &self.authorities).map(|(token, _)| token).map_err(refused),
            408 | 429 | 500..=599 => {
                Err(Unanchored::Unreachable { reason: format!("it can't answer at present (status {status})") })
            }
            _ => Err(Unanchored::Refused { reason: format!("its answer is no authority's (status {status})") }),
        }
    }
}

impl TimeStamping {
    fn query(&self, checkpoint: &Checkpoint) -> Result<Query, lww_audit::Error> {
        let query = Query::new(checkpoint.imprint(), random_bytes(&*self.random));
        match &self.policy {
            Some(policy) => query.under(policy),
            None => Ok(query),
        }
    }
}
