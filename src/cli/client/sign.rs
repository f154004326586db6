//! Signs requests of a channel account (RFC 9421, hmac-sha256; RFC 9530, sha-256), from the specification alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::ports::FILE_NAME;
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// A channel account with the secret that it shares with the server.
pub struct ChannelKey {
    /// The tenant's name.
    pub tenant: String,
    /// The account's name.
    pub account: String,
    /// Names the secret.
    pub keyid: String,
    /// The secret; wiped on drop.
    pub secret: Zeroizing<Vec<u8>>,
}

/// What is signed of a request.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    /// Without its `?`.
    pub(super) query: &'a str,
    /// What else is covered.
    pub(super) content: Content<'a>,
}

/// What a request says or asks.
pub(super) enum Content<'a> {
    /// A message: body and idempotency key.
    Message(&'a [u8], &'a str),
    /// A contact's file: names percent-encoded.
    File {
        /// The body.
        file: &'a [u8],
        /// The idempotency key.
        key: &'a str,
        /// Whose.
        contact: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A contact's messages are asked for; percent-encoded.
    Contact(&'a str),
}

impl ChannelKey {
    /// The address of this account's messages.
    pub fn path(&self) -> String {
        format!("/api/v1/channels/http/{}/{}/messages", self.tenant, self.account)
    }

    /// The address of this account's files.
    pub fn files_path(&self) -> String {
        format!("/api/v1/channels/http/{}/{}/attachments", self.tenant, self.account)
    }

    /// The headers that sign a request at `now`.
    pub(super) fn headers(&self, signed: &Signed<'_>, now: Timestamp) -> Vec<(&'static str, String)> {
        let query = format!("?{}", signed.query);
        let mut components = vec![
            ("@method", signed.method),
            ("@authority", signed.authority),
            ("@path", signed.path),
            ("@query", &query),
        ];
        let mut headers = match signed.content {
            Content::Message(body, key) => {
                vec![("content-digest", content_digest(body)), ("idempotency-key", key.to_owned())]
            }
            Content::File { file, key, contact, name } => vec![
                ("content-digest", content_digest(file)),
                ("idempotency-key", key.to_owned()),
                ("lww-contact", contact.to_owned()),
                (FILE_NAME, name.to_owned()),
            ],
            Content::Contact(contact) => vec![("lww-contact", contact.to_owned())],
        };
        components.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let created_s = now.as_micros().div_euclid(MICROS_PER_SECOND);
        let (input, base) = input_and_base(&components, &format!(";created={created_s};keyid=\"{}\"", self.keyid));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret), base.as_bytes());
        headers.push(("signature-input", format!("sig={input}")));
        headers.push(("signature", format!("sig=:{}:", STANDARD.encode(tag))));
        headers
    }
}

fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest::digest(&digest::SHA256, body)))
}

/// The value of `Signature-Input` and the signature base (RFC 9421, section 2.5).
fn input_and_base(components: &[(&str, &str)], parameters: &str) -> (String, String) {
    let names: Vec<String> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let input = format!("({}){parameters}", names.join(" "));
    let lines = components.iter().map(|(name, value)| format!("\"{name}\": {value}\n"));
    let base = lines.chain([format!("\"@signature-params\": {input}")]).collect();
    (input, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421, appendix B.2.5: signing a request using hmac-sha256.
    #[test]
    fn the_example_of_rfc_9421_appendix_b_2_5_is_signed_the_same() {
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
        ];
        let (input, base) = input_and_base(&components, ";created=1618884473;keyid=\"test-shared-secret\"");
        assert_eq!(input, "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"");
        let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
        let tag = STANDARD.encode(hmac::sign(&key, base.as_bytes()));
        assert_eq!(tag, "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
    }

    /// RFC 9530, appendix D: the digest of an example body.
    #[test]
    fn the_digest_is_written_as_in_rfc_9530() {
        let expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(b"{\"hello\": \"world\"}\n"), expected);
    }
}
