//! Checks a message signature (RFC 9421, hmac-sha256) and the body's digest (RFC 9530, sha-256).
//!
//! One key, and exactly one signature by it is considered. The caller says which components must be covered; more may be,
//! plain header fields among them. It knows nothing of what the request asks for.

use ring::{digest, hmac};
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parameters, Parser};

use crate::limits::{SIGNATURE_COMPONENTS_MAX, SIGNATURE_SKEW_S_MAX};
use crate::ports::{ChannelError, WebhookRequest};
use crate::units::{MICROS_PER_SECOND, Timestamp};

const SIGNATURE: &str = "signature";
const SIGNATURE_INPUT: &str = "signature-input";
const CONTENT_DIGEST: &str = "content-digest";

/// A peer's key with the name that its signatures carry.
pub(super) struct Verifier {
    keyid: String,
    key: hmac::Key,
}

impl Verifier {
    pub(super) fn new(keyid: String, secret: &[u8]) -> Self {
        Self { keyid, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// Checks signature, time and digest; returns the SHA-256 of the body.
    pub(super) fn verify<'a>(
        &self,
        request: &WebhookRequest,
        required: impl IntoIterator<Item = &'a &'static str>,
        now: Timestamp,
    ) -> Result<digest::Digest, ChannelError> {
        let (label, input) = self.own_input(request)?;
        check_parameters(&input.params, now)?;
        for component in required {
            if !input.items.iter().any(|item| component_name(item) == Some(component)) {
                return Err(ChannelError::NotCovered { component });
            }
        }
        let signature = signature_by(request, &label)?;
        let base = signature_base(request, &input)?;
        // `hmac::verify` compares in constant time; any other comparison would tell a forger how far they got.
        hmac::verify(&self.key, base.as_bytes(), &signature).map_err(|_| ChannelError::BadSignature)?;
        check_digest(request)
    }

    /// The label and the covered components of the one signature by this key.
    fn own_input(&self, request: &WebhookRequest) -> Result<(String, InnerList), ChannelError> {
        let expected = "one list of components by this keyid, with its parameters";
        let wrong = ChannelError::MalformedHeader { name: SIGNATURE_INPUT, expected };
        let mut own = dictionary(request, SIGNATURE_INPUT)?.into_iter().filter_map(|(label, entry)| match entry {
            ListEntry::InnerList(list) if text(&list.params, "keyid") == Some(&self.keyid) => Some((label, list)),
            ListEntry::InnerList(_) | ListEntry::Item(_) => None,
        });
        // A key id that isn't this account's is answered like a wrong signature: there is nothing to learn from it.
        let (label, list) = own.next().ok_or(ChannelError::BadSignature)?;
        if own.next().is_some() || list.items.len() > SIGNATURE_COMPONENTS_MAX {
            return Err(wrong);
        }
        Ok((label.as_str().to_owned(), list))
    }
}

fn check_parameters(parameters: &Parameters, now: Timestamp) -> Result<(), ChannelError> {
    let malformed = |expected| ChannelError::MalformedHeader { name: SIGNATURE_INPUT, expected };
    let now_s = now.as_micros().div_euclid(MICROS_PER_SECOND);
    if parameters.contains_key("alg") && text(parameters, "alg") != Some("hmac-sha256") {
        return Err(malformed("alg hmac-sha256, or none"));
    }
    let created_s = seconds(parameters, "created").ok_or(malformed("created, in whole seconds since 1970"))?;
    let skew_s = now_s - created_s;
    if skew_s.abs() > SIGNATURE_SKEW_S_MAX {
        return Err(ChannelError::Stale { skew_s, max_s: SIGNATURE_SKEW_S_MAX });
    }
    if parameters.contains_key("expires") {
        let expires_s = seconds(parameters, "expires").ok_or(malformed("expires, in whole seconds since 1970"))?;
        if now_s > expires_s {
            return Err(ChannelError::Stale { skew_s: now_s - expires_s, max_s: 0 });
        }
    }
    Ok(())
}

/// RFC 9421, section 2.5: one line a component, then the parameters in strict serialisation.
fn signature_base(request: &WebhookRequest, input: &InnerList) -> Result<String, ChannelError> {
    let malformed = |expected| ChannelError::MalformedHeader { name: SIGNATURE_INPUT, expected };
    let mut base = String::new();
    let mut seen: Vec<&str> = Vec::with_capacity(input.items.len());
    for item in &input.items {
        let name = component_name(item).ok_or(malformed("components that are strings without parameters"))?;
        if seen.contains(&name) {
            return Err(malformed("each component once"));
        }
        seen.push(name);
        let value = component_value(request, name)?;
        base.extend(["\"", name, "\": ", &value, "\n"]);
    }
    let mut parameters = sfv::ListSerializer::new();
    parameters.members([&ListEntry::InnerList(input.clone())]);
    let parameters = parameters.finish().ok_or(malformed("components with their parameters"))?;
    base.extend(["\"@signature-params\": ", &parameters]);
    Ok(base)
}

/// The value of a component: RFC 9421, section 2.2 for names with `@`, section 2.1 for header fields.
fn component_value(request: &WebhookRequest, name: &str) -> Result<String, ChannelError> {
    let missing = |expected| ChannelError::MalformedHeader { name: SIGNATURE_INPUT, expected };
    match name {
        "@method" => Ok(request.method.clone()),
        "@authority" => Ok(request.authority.clone()),
        "@path" => Ok(request.path.clone()),
        "@query" => Ok(format!("?{}", request.query)),
        derived if derived.starts_with('@') => Err(missing("@method, @authority, @path, @query and header fields")),
        field => header_value(request, field).ok_or(missing("components that the request has")),
    }
}

/// All values of a header field, each trimmed, joined by a comma and a space; `None` when the field is not there.
fn header_value(request: &WebhookRequest, name: &str) -> Option<String> {
    let values: Vec<&str> =
        request.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn signature_by(request: &WebhookRequest, label: &str) -> Result<Vec<u8>, ChannelError> {
    byte_sequence(&dictionary(request, SIGNATURE)?, label).ok_or(ChannelError::MalformedHeader {
        name: SIGNATURE,
        expected: "a byte sequence under the label of signature-input",
    })
}

/// A signed digest only binds the body once the body is held against it.
fn check_digest(request: &WebhookRequest) -> Result<digest::Digest, ChannelError> {
    let actual = digest::digest(&digest::SHA256, request.body.bytes());
    if request.header(CONTENT_DIGEST).is_none() && request.body.is_empty() {
        return Ok(actual);
    }
    let claimed = byte_sequence(&dictionary(request, CONTENT_DIGEST)?, "sha-256")
        .ok_or(ChannelError::MalformedHeader { name: CONTENT_DIGEST, expected: "sha-256=:base64:" })?;
    if claimed == actual.as_ref() { Ok(actual) } else { Err(ChannelError::BadDigest) }
}

fn dictionary(request: &WebhookRequest, name: &'static str) -> Result<Dictionary, ChannelError> {
    let value = header_value(request, name).ok_or(ChannelError::MissingHeader { name })?;
    Parser::new(&value)
        .parse()
        .map_err(|_| ChannelError::MalformedHeader { name, expected: "a dictionary as in RFC 9651, section 3.2" })
}

fn byte_sequence(dictionary: &Dictionary, key: &str) -> Option<Vec<u8>> {
    match dictionary.get(key) {
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => Some(bytes.clone()),
        Some(ListEntry::Item(_) | ListEntry::InnerList(_)) | None => None,
    }
}

fn component_name(item: &Item) -> Option<&str> {
    item.bare_item.as_string().filter(|_| item.params.is_empty()).map(sfv::StringRef::as_str)
}

fn text<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.get(name)?.as_string().map(sfv::StringRef::as_str)
}

fn seconds(parameters: &Parameters, name: &str) -> Option<i64> {
    parameters.get(name)?.as_integer().map(i64::from)
}
