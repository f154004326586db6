//! The HTTP API channel: a bank's own app or back end posts its customers' messages and polls for answers.
//!
//! `POST …/messages` takes a message in, `GET …/messages` reads what was said; `…/attachments` does the same with files. All
//! are signed (RFC 9421). It knows neither the
//! web framework nor what becomes of a message.

mod body;
mod signature;

use std::sync::Arc;

use self::signature::Verifier;
use super::{ChannelConfig, ChannelConfigError};
use crate::domain::message::{Message, RawText};
use crate::limits::{CONTACT_BYTES_MAX, PAGE_ITEMS_DEFAULT};
use crate::ports::{
    Channel, ChannelCall, ChannelError, FILE_NAME, Incoming, KeyScope, Person, Proven, Upload, Webhook, WebhookRequest,
    file_name,
};
use crate::units::{ChannelAccount, EntryIndex, MessageId, Timestamp};
use crate::wire::{self, Query};

/// The channel's name.
pub const NAME: &str = "http";

/// Components that every request's signature must cover.
const COVERED_ALWAYS: [&str; 4] = ["@method", "@authority", "@path", "@query"];
/// Components that the signature of a request with a body must cover beside those.
const COVERED_WITH_BODY: [&str; 2] = ["content-digest", "idempotency-key"];
/// Names whose messages are read. A header field, because addresses end up in the logs of proxies.
const CONTACT: &str = "lww-contact";
/// Ends the addresses of files.
const FILES: &str = "/attachments";

/// Makes one account of the channel.
///
/// # Errors
/// None beyond what the table checks before it calls.
pub fn open(config: ChannelConfig) -> Result<Channel, ChannelConfigError> {
    let verifier = Verifier::new(config.keyid, &config.secret);
    let account = ChannelAccount { channel: NAME, account: config.account };
    Ok(Channel::Webhook(Arc::new(HttpApi { account, verifier, identities: config.identities })))
}

struct HttpApi {
    account: ChannelAccount,
    verifier: Verifier,
    identities: Option<String>,
}

impl Webhook for HttpApi {
    fn account(&self) -> &ChannelAccount {
        &self.account
    }

    fn call(&self, request: WebhookRequest, now: Timestamp, id: MessageId) -> Result<ChannelCall, ChannelError> {
        let is_file = request.path.ends_with(FILES);
        match (request.method.as_str(), is_file) {
            ("POST", false) => self.receive(&request, now, id),
            ("POST", true) => self.upload(request, now),
            ("GET", false) => self.read(&request, now),
            ("GET", true) => self.fetch(&request, now),
            _ => Err(ChannelError::NotFound { expected: "POST and GET" }),
        }
    }
}

impl HttpApi {
    fn receive(&self, request: &WebhookRequest, now: Timestamp, id: MessageId) -> Result<ChannelCall, ChannelError> {
        let key = idempotency_key(request)?;
        let required = COVERED_ALWAYS.iter().chain(&COVERED_WITH_BODY);
        let digest = self.verifier.verify(request, required, now)?;
        let body::NewMessage { contact, text, about } = body::parse(&request.body)?;
        Ok(ChannelCall::Receive(Incoming {
            channel: self.account.clone(),
            contact: self.person(contact),
            key,
            key_scope: KeyScope::Account,
            fingerprint: digest.as_ref().to_vec(),
            about: Box::new(about.into()),
            message: Message::new(id, now, text),
            file: None,
        }))
    }

    fn upload(&self, request: WebhookRequest, now: Timestamp) -> Result<ChannelCall, ChannelError> {
        let (key, contact) = (idempotency_key(&request)?, contact(&request)?);
        let name = one_file_name(&request)?;
        let required = COVERED_ALWAYS.iter().chain(&COVERED_WITH_BODY).chain(&[CONTACT, FILE_NAME]);
        self.verifier.verify(&request, required, now)?;
        Ok(ChannelCall::Upload(Upload {
            channel: self.account.clone(),
            contact: self.person(contact),
            key,
            key_scope: KeyScope::Account,
            about: Box::default(),
            name,
            file: request.body,
        }))
    }

    fn fetch(&self, request: &WebhookRequest, now: Timestamp) -> Result<ChannelCall, ChannelError> {
        if !request.body.is_empty() {
            return Err(ChannelError::MalformedBody { expected: "no body", offset: 0 });
        }
        let contact = contact(request)?;
        self.verifier.verify(request, COVERED_ALWAYS.iter().chain(&[CONTACT]), now)?;
        let wrong = ChannelError::BadField { field: "message", expected: "32 lower-case hexadecimal digits" };
        let query = Query::parse(&request.query, &["message"]).map_err(|_| wrong.clone());
        let message = query?.take("message").and_then(|id| id.parse().ok()).ok_or(wrong)?;
        Ok(ChannelCall::Fetch { contact: self.person(contact), message })
    }

    /// Who signs for a contact vouches for it: where the peer's identities have a name, it is proven. The channel's own
    /// identity stays beside it, for people who came before they had one.
    fn person(&self, contact: RawText) -> Person {
        let proven = self.identities.as_ref().map(|realm| Proven { realm: realm.clone(), id: contact.twin() });
        Person { contact: Some(contact), proven, vouched: true }
    }

    fn read(&self, request: &WebhookRequest, now: Timestamp) -> Result<ChannelCall, ChannelError> {
        if !request.body.is_empty() {
            return Err(ChannelError::MalformedBody { expected: "no body", offset: 0 });
        }
        let contact = contact(request)?;
        self.verifier.verify(request, COVERED_ALWAYS.iter().chain(&[CONTACT]), now)?;
        let mut query = Query::parse(&request.query, &["after", "limit"]).map_err(|error| ChannelError::BadField {
            field: error.field.unwrap_or("query"),
            expected: error.expected,
        })?;
        Ok(ChannelCall::Read {
            contact: self.person(contact),
            after: query.take("after").map(|text| cursor(&text)).transpose()?,
            limit: query.take("limit").map_or(Ok(PAGE_ITEMS_DEFAULT), |text| page_items(&text))?,
        })
    }
}

fn contact(request: &WebhookRequest) -> Result<RawText, ChannelError> {
    let mut given = request.headers.iter().filter(|(name, _)| name == CONTACT).map(|(_, value)| value);
    let value = given.next().ok_or(ChannelError::MissingHeader { name: CONTACT })?;
    // The signature covers the value without spaces around it, so one that was put there would go unnoticed.
    let is_encoded = value.bytes().all(|byte| byte.is_ascii_graphic());
    let decoded =
        wire::percent_decoded(value).filter(|text| is_encoded && (1..=CONTACT_BYTES_MAX).contains(&text.len()));
    match (decoded, given.next()) {
        (Some(mut text), None) => Ok(RawText::new(std::mem::take(&mut *text))),
        (_, Some(_)) | (None, None) => Err(ChannelError::MalformedHeader {
            name: CONTACT,
            expected: "one value: 1 to 256 bytes of UTF-8 in percent-encoding; %20 for a space, %2B for a plus",
        }),
    }
}

fn one_file_name(request: &WebhookRequest) -> Result<RawText, ChannelError> {
    let mut given = request.headers.iter().filter(|(name, _)| name == FILE_NAME).map(|(_, value)| value);
    let value = given.next().ok_or(ChannelError::MissingHeader { name: FILE_NAME })?;
    let name = file_name(value).filter(|_| given.next().is_none());
    name.ok_or(ChannelError::MalformedHeader {
        name: FILE_NAME,
        expected: "one value: 1 to 1024 bytes of UTF-8 in percent-encoding; %20 for a space, %2B for a plus",
    })
}

fn idempotency_key(request: &WebhookRequest) -> Result<String, ChannelError> {
    const NAME: &str = "idempotency-key";
    let mut given = request.headers.iter().filter(|(name, _)| name == NAME).map(|(_, value)| value);
    let key = given.next().ok_or(ChannelError::MissingHeader { name: NAME })?;
    if !wire::is_key(key) || given.next().is_some() {
        return Err(ChannelError::MalformedHeader {
            name: NAME,
            expected: "one value of 1 to 128 visible ASCII characters",
        });
    }
    Ok(key.clone())
}

fn cursor(text: &str) -> Result<EntryIndex, ChannelError> {
    wire::entry_index(text).ok_or(ChannelError::BadField { field: "after", expected: wire::ENTRY_INDEX_EXPECTED })
}

fn page_items(text: &str) -> Result<u32, ChannelError> {
    wire::page_items(text).ok_or(ChannelError::BadField { field: "limit", expected: wire::PAGE_ITEMS_EXPECTED })
}

#[cfg(test)]
mod tests;
