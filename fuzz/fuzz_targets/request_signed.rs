//! Feeds what lies behind the signature: bodies in JSON, the query and the contact of requests that are signed as RFC 9421
//! says, by code of its own.
//!
//! A good signature is never the reason to refuse; what is taken is in bounds and is what an independent reader sees in it;
//! and the same signature over another body is refused.
#![no_main]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use liaowaiwai::limits::{CONTACT_BYTES_MAX, PAGE_ITEMS_MAX, TEXT_BYTES_MAX};
use liaowaiwai::ports::{ChannelCall, ChannelError};
use liaowaiwai_fuzz::{AUTHORITY, KEYID, NOW_S, Parts, SECRET};
use libfuzzer_sys::fuzz_target;
use ring::{digest, hmac};

fuzz_target!(|data: &[u8]| {
    let mut parts = Parts::read(data);
    sign(&mut parts);
    match parts.clone().send() {
        Ok(ChannelCall::Receive(incoming)) => {
            let fields: BTreeMap<String, String> = serde_json::from_slice(&parts.body).expect("not an object of texts");
            assert!(fields.len() == 2 && fields.contains_key("text"), "a field is missing or unknown");
            assert!((1..=TEXT_BYTES_MAX).contains(&fields["text"].len()));
            let contact = incoming.contact.contact.expect("a contact");
            assert!((1..=CONTACT_BYTES_MAX).contains(&contact.len()));
            assert_eq!(contact.len(), fields["contact"].len());
            assert_eq!(value(&parts, "idempotency-key"), incoming.key);
            assert_eq!(incoming.fingerprint, digest::digest(&digest::SHA256, &parts.body).as_ref());
            parts.body.push(b' ');
            assert!(matches!(parts.send(), Err(ChannelError::BadDigest)), "another body under a signed digest");
        }
        Ok(ChannelCall::Read { contact, limit, .. }) => {
            assert!(parts.body.is_empty());
            let contact = contact.contact.expect("a contact");
            assert!(
                (1..=CONTACT_BYTES_MAX).contains(&contact.len()) && contact.len() <= value(&parts, "lww-contact").len()
            );
            assert!((1..=PAGE_ITEMS_MAX).contains(&limit));
            parts.query.push('&');
            assert!(matches!(parts.send(), Err(ChannelError::BadSignature)), "another query under a signature");
        }
        Err(ChannelError::BadSignature | ChannelError::BadDigest | ChannelError::Stale { .. }) => {
            panic!("a good signature was refused")
        }
        Err(ChannelError::NotCovered { component }) => panic!("{component} is covered"),
        Err(error) => assert!(error.to_string().is_ascii(), "an error repeats the request"),
    }
});

/// Covers what the channel asks for.
fn sign(parts: &mut Parts) {
    let own = ["signature", "signature-input", "content-digest"];
    parts.headers.retain(|(name, _)| !own.contains(&name.as_str()));
    let mut covered = vec!["@method", "@authority", "@path", "@query"];
    if parts.method == "GET" {
        covered.push("lww-contact");
    } else {
        let digest = STANDARD.encode(digest::digest(&digest::SHA256, &parts.body));
        parts.set("content-digest", format!("sha-256=:{digest}:"));
        covered.extend(["content-digest", "idempotency-key"]);
    }
    let mut base = String::new();
    for name in &covered {
        let value = match *name {
            "@method" => parts.method.clone(),
            "@authority" => AUTHORITY.to_owned(),
            "@path" => parts.path.clone(),
            "@query" => format!("?{}", parts.query),
            field => value(parts, field),
        };
        base += &format!("\"{name}\": {value}\n");
    }
    let quoted: Vec<String> = covered.iter().map(|name| format!("\"{name}\"")).collect();
    let parameters = format!("({});created={NOW_S};keyid=\"{KEYID}\"", quoted.join(" "));
    base += &format!("\"@signature-params\": {parameters}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), base.as_bytes());
    parts.set("signature-input", format!("sig1={parameters}"));
    parts.set("signature", format!("sig1=:{}:", STANDARD.encode(tag)));
}

/// All values of a header, each trimmed, joined by a comma and a space (RFC 9421, section 2.1).
fn value(parts: &Parts, name: &str) -> String {
    let values = parts.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim());
    values.collect::<Vec<_>>().join(", ")
}
