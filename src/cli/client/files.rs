//! Files: a customer's app sends one and fetches what staff sent, staff send one.

use zeroize::Zeroizing;

use super::sign::{Content, Signed};
use super::{Answer, Call, ChannelKey, Client, ClientError};
use crate::http::answers::Accepted;
use crate::ports::FILE_NAME;
use crate::units::Timestamp;
use crate::wire;

impl Client {
    /// Sends a customer's file.
    ///
    /// # Errors
    /// [`ClientError`]; repeat with the same `key` when it is not known what became of it.
    pub async fn send_file(
        &self,
        channel: &ChannelKey,
        (contact, name, file): (&str, &str, &[u8]),
        key: &str,
        now: Timestamp,
    ) -> Result<Accepted, ClientError> {
        let path = channel.files_path();
        let (contact, name) = (wire::percent_encoded(contact), wire::percent_encoded(name));
        let content = Content::File { file, key, contact: &contact, name: &name };
        let signed = Signed { method: "POST", authority: &self.authority, path: &path, query: "", content };
        let headers = channel.headers(&signed, now);
        let headers = headers.into_iter().chain([octets()]).collect();
        self.ask(Call { method: "POST", target: path, headers, body: Some(Zeroizing::new(file.to_vec())) }).await
    }

    /// Asks for the file that staff sent a contact with a message; the answer as it is.
    ///
    /// # Errors
    /// [`ClientError`] when there is no answer.
    pub async fn fetch_file(
        &self,
        channel: &ChannelKey,
        (contact, message): (&str, &str),
        now: Timestamp,
    ) -> Result<Answer, ClientError> {
        let (path, query) = (channel.files_path(), format!("message={message}"));
        let contact = wire::percent_encoded(contact);
        let content = Content::Contact(&contact);
        let signed = Signed { method: "GET", authority: &self.authority, path: &path, query: &query, content };
        let headers = channel.headers(&signed, now);
        self.send(Call { method: "GET", target: format!("{path}?{query}"), headers, body: None }).await
    }

    /// Sends the customer of a conversation a file.
    ///
    /// # Errors
    /// As [`Client::send_file`].
    pub async fn reply_file(
        &self,
        conversation: &str,
        (name, file): (&str, &[u8]),
        key: &str,
    ) -> Result<Accepted, ClientError> {
        let target = format!("/api/v1/agent/conversations/{conversation}/attachments");
        let named = (FILE_NAME, wire::percent_encoded(name));
        let headers = vec![("idempotency-key", key.to_owned()), named, octets()];
        self.ask(Call { method: "POST", target, headers, body: Some(Zeroizing::new(file.to_vec())) }).await
    }
}

fn octets() -> (&'static str, String) {
    ("content-type", "application/octet-stream".to_owned())
}
