//! The API's calls with their types: what a customer's app does, and what members of staff do.

use serde_json::json;
use zeroize::Zeroizing;

use super::sign::{Content, Signed};
use super::{Answer, Call, ChannelKey, Client, ClientError};
use crate::http::Readiness;
use crate::http::answers::{
    Accepted, Conversations, CustomerMessages, LedgerHead, Queues, SessionInfo, State, Transcript,
};
use crate::http::evidence_answers::{EvidencePackage, RecordedMessages};
use crate::http::reading::{LedgerEntries, LedgerEntry};
use crate::limits::PAGE_ITEMS_MAX;
use crate::units::Timestamp;
use crate::wire;

/// Which part of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Resume after this index.
    pub after: Option<u64>,
    /// At most this many; 50 when not given.
    pub limit: Option<u32>,
}

/// Which conversations to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those that one holds.
    pub mine: bool,
    /// Which part.
    pub page: Page,
}

impl Page {
    fn pairs(self) -> Vec<(&'static str, String)> {
        let after = self.after.map(|after| ("after", after.to_string()));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        after.into_iter().chain(limit).collect()
    }
}

/// What customers' apps do.
impl Client {
    /// Sends a customer's message.
    ///
    /// # Errors
    /// [`ClientError`]; repeat with the same `key` when it is not known what became of it.
    pub async fn send_message(
        &self,
        channel: &ChannelKey,
        (contact, text): (&str, &str),
        key: &str,
        now: Timestamp,
    ) -> Result<Accepted, ClientError> {
        self.ask(self.signed_message(channel, (contact, text), key, now)).await
    }

    /// The signed request that [`Client::send_message`] sends, for tests that alter it.
    pub fn signed_message(
        &self,
        channel: &ChannelKey,
        (contact, text): (&str, &str),
        key: &str,
        now: Timestamp,
    ) -> Call {
        self.signed_body(channel, &json!({"contact": contact, "text": text}), key, now)
    }

    /// Sends a customer's message with what is known of the conversation: `{"tier": …, "language": …, "tags": […]}`.
    ///
    /// # Errors
    /// [`ClientError`]; repeat with the same `key` when it is not known what became of it.
    pub async fn send_message_about(
        &self,
        channel: &ChannelKey,
        (contact, text): (&str, &str),
        about: serde_json::Value,
        key: &str,
        now: Timestamp,
    ) -> Result<Accepted, ClientError> {
        let body = json!({"contact": contact, "text": text, "about": about});
        self.ask(self.signed_body(channel, &body, key, now)).await
    }

    fn signed_body(&self, channel: &ChannelKey, body: &serde_json::Value, key: &str, now: Timestamp) -> Call {
        let body = Zeroizing::new(body.to_string().into_bytes());
        let path = channel.path();
        let signed = Signed {
            method: "POST",
            authority: &self.authority,
            path: &path,
            query: "",
            content: Content::Message(&body, key),
        };
        let headers = channel.headers(&signed, now);
        Call { method: "POST", target: path, headers, body: Some(body) }
    }

    /// Reads what was said to and by a contact.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn messages(
        &self,
        channel: &ChannelKey,
        contact: &str,
        page: Page,
        now: Timestamp,
    ) -> Result<CustomerMessages, ClientError> {
        let query = query(&page.pairs());
        let path = channel.path();
        let contact = wire::percent_encoded(contact);
        let content = Content::Contact(&contact);
        let signed = Signed { method: "GET", authority: &self.authority, path: &path, query: &query, content };
        let headers = channel.headers(&signed, now);
        self.ask(Call { method: "GET", target: format!("{path}?{query}"), headers, body: None }).await
    }
}

/// What members of staff do.
impl Client {
    /// Logs in; the session is kept for the calls that follow.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn login(&self, tenant: &str, login: &str, password: &str) -> Result<SessionInfo, ClientError> {
        let body = json!({"tenant": tenant, "login": login, "password": password});
        self.ask(call("POST", "/api/v1/session", Some(&body))).await
    }

    /// Shows the second factor that a login waits for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn show_factor(&self, code: &str) -> Result<SessionInfo, ClientError> {
        self.ask(call("POST", "/api/v1/session/second-factor", Some(&json!({"code": code})))).await
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn session(&self) -> Result<SessionInfo, ClientError> {
        self.ask(call("GET", "/api/v1/session", None)).await
    }

    /// Logs out.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.done(call("DELETE", "/api/v1/session", Some(&json!({})))).await
    }

    /// Changes one's own password; log in again then.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), ClientError> {
        self.done(call("POST", "/api/v1/session/password", Some(&json!({"old": old, "new": new})))).await
    }

    /// Says whether one takes conversations.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_online(&self, online: bool) -> Result<(), ClientError> {
        self.done(call("PUT", "/api/v1/agent/presence", Some(&json!({"online": online})))).await
    }

    /// Lists conversations.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn conversations(&self, listing: Listing) -> Result<Conversations, ClientError> {
        let mut pairs = listing.page.pairs();
        if listing.mine {
            pairs.push(("mine", "true".to_owned()));
        }
        if let Some(state) = listing.state {
            let word = match state {
                State::Waiting => "waiting",
                State::Assigned => "assigned",
                State::Closed => "closed",
                State::Solved => "solved",
            };
            pairs.push(("state", word.to_owned()));
        }
        self.ask(call("GET", &format!("/api/v1/agent/conversations?{}", query(&pairs)), None)).await
    }

    /// How many wait in each queue.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn queues(&self) -> Result<Queues, ClientError> {
        self.ask(call("GET", "/api/v1/agent/queues", None)).await
    }

    /// Opens a conversation.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn open(&self, conversation: &str, page: Page) -> Result<Transcript, ClientError> {
        let target = format!("/api/v1/agent/conversations/{conversation}?{}", query(&page.pairs()));
        self.ask(call("GET", &target, None)).await
    }

    /// Answers the customer.
    ///
    /// # Errors
    /// [`ClientError`]; repeat with the same `key` when it is not known what became of it.
    pub async fn reply(&self, conversation: &str, text: &str, key: &str) -> Result<Accepted, ClientError> {
        self.say(conversation, &json!({"text": text}), key).await
    }

    /// Answers the customer; what the policy holds goes masked.
    ///
    /// # Errors
    /// As [`Client::reply`].
    pub async fn reply_masked(&self, conversation: &str, text: &str, key: &str) -> Result<Accepted, ClientError> {
        let held = match self.reply(conversation, text, key).await {
            Err(ClientError::Problem(problem)) if problem.held.is_some() => problem.held,
            other => return other,
        };
        let token = held.map(|held| held.token);
        let body = json!({"text": text, "held": {"token": token, "send": "masked"}});
        self.say(conversation, &body, key).await
    }

    async fn say(&self, conversation: &str, body: &serde_json::Value, key: &str) -> Result<Accepted, ClientError> {
        let target = format!("/api/v1/agent/conversations/{conversation}/messages");
        let mut call = call("POST", &target, Some(body));
        call.headers.push(("idempotency-key", key.to_owned()));
        self.ask(call).await
    }

    /// Ends a conversation unless the customer writes again in time.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn solve(&self, conversation: &str) -> Result<(), ClientError> {
        self.done(call("POST", &format!("/api/v1/agent/conversations/{conversation}/solve"), Some(&json!({})))).await
    }

    /// Ends a conversation for good.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn close(&self, conversation: &str) -> Result<(), ClientError> {
        self.done(call("POST", &format!("/api/v1/agent/conversations/{conversation}/close"), Some(&json!({})))).await
    }

    /// The ledger's head.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ledger_head(&self) -> Result<LedgerHead, ClientError> {
        self.ask(call("GET", "/api/v1/ledger/head", None)).await
    }

    /// One entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ledger_entry(&self, index: u64) -> Result<LedgerEntry, ClientError> {
        self.ask(call("GET", &format!("/api/v1/ledger/entries/{index}"), None)).await
    }

    /// Oldest entries of a kind after one, with where to go on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ledger_entries(&self, after: u64, kind: &str) -> Result<LedgerEntries, ClientError> {
        let pairs = [("after", after.to_string()), ("kind", kind.to_owned()), ("limit", PAGE_ITEMS_MAX.to_string())];
        self.ask(call("GET", &format!("/api/v1/ledger/entries?{}", query(&pairs)), None)).await
    }

    /// The entries of messages by the ids under which their channel's sender sent them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn recorded_messages(&self, channel: &str, ids: &[String]) -> Result<Vec<Option<u64>>, ClientError> {
        let body = json!({"channel": channel, "ids": ids});
        let found: RecordedMessages = self.ask(call("POST", "/api/v1/ledger/messages", Some(&body))).await?;
        Ok(found.entries)
    }

    /// Takes evidence out, of what the order names.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn export_evidence(&self, order: &serde_json::Value) -> Result<EvidencePackage, ClientError> {
        self.ask(call("POST", "/api/v1/evidence", Some(order))).await
    }

    /// How far a package is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evidence(&self, id: &str) -> Result<EvidencePackage, ClientError> {
        self.ask(call("GET", &format!("/api/v1/evidence/{id}"), None)).await
    }

    /// Takes a package away.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn end_evidence(&self, id: &str) -> Result<(), ClientError> {
        self.done(call("DELETE", &format!("/api/v1/evidence/{id}"), Some(&json!({})))).await
    }

    /// Whether the server is ready.
    ///
    /// # Errors
    /// [`ClientError`] when it doesn't say.
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        let Answer { status, body, .. } = self.send(call("GET", "/readyz", None)).await?;
        wire::json(&body).map_err(|error| ClientError::Unexpected { status, error })
    }

    /// Sends one request whose answer has nothing to say but that it was done.
    pub(super) async fn done(&self, call: Call) -> Result<(), ClientError> {
        let Answer { status, body, .. } = self.send(call).await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let details = wire::json(&body).map_err(|error| ClientError::Unexpected { status, error })?;
        Err(ClientError::Problem(Box::new(details)))
    }
}

/// A request without more headers; the body may hold a password, so its bytes are wiped.
pub(super) fn call(method: &'static str, target: &str, body: Option<&serde_json::Value>) -> Call {
    let body = body.map(|body| Zeroizing::new(body.to_string().into_bytes()));
    Call { method, target: target.trim_end_matches('?').to_owned(), headers: Vec::new(), body }
}

/// Pairs as a query.
fn query(pairs: &[(&str, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", wire::percent_encoded(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_encodes_the_server_reads_back() {
        for contact in ["a", "+86 138", "你好&x=1", "100%", "?#/"] {
            assert_eq!(wire::percent_decoded(&wire::percent_encoded(contact)).unwrap().as_str(), contact);
            let query = query(&[("state", contact.to_owned()), ("after", "7".to_owned())]);
            let mut read = wire::Query::parse(&query, &["state", "after"]).unwrap();
            assert_eq!(read.take("state").unwrap().as_str(), contact);
            assert_eq!(read.take("after").unwrap().as_str(), "7");
        }
    }
}
