//! What several targets share: the shipped policy, tokens without keys, and requests written as HTTP writes them.
//!
//! A request is a text so that a crash can be read and mended by hand: a request line, header lines, an empty line, a body.

use std::sync::OnceLock;

use liaowaiwai::channels::{self, ChannelConfig};
use liaowaiwai::domain::masking::{Policy, Span, Tokens, token_letters};
use liaowaiwai::domain::message::RawBody;
use liaowaiwai::ports::{Channel, ChannelCall, ChannelError, Session, Webhook, WebhookRequest};
use liaowaiwai::units::{MICROS_PER_SECOND, MessageId, Timestamp};
use zeroize::Zeroizing;

/// The secret of the channel account that every request goes to.
pub const SECRET: &[u8] = b"a shared secret of at least 32 bytes";
/// Its key id.
pub const KEYID: &str = "key-1";
/// The server's time, in seconds since 1970.
pub const NOW_S: i64 = 1_618_884_473;

/// The policy that is shipped, loaded once.
pub fn shipped_policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        Policy::load(include_str!("../../policies/masking/cn-retail.yaml"))
            .expect("the shipped policy passes its tests")
    })
}

/// Tokens of 4 to 20 letters that depend on the value only.
pub struct Letters;

impl Tokens for Letters {
    fn token(&self, _key: &str, _entity: &str, canonical: &str) -> String {
        token_letters(canonical.as_bytes()).chars().rev().take(16).collect::<String>() + "abcd"
    }
}

/// Spans come in order, don't overlap, lie on characters of the text, and name a rule of the policy.
pub fn check_spans(policy: &Policy, text: &str, spans: &[Span]) {
    let mut end = 0;
    for span in spans {
        assert!(span.bytes.start >= end && span.bytes.start < span.bytes.end, "spans overlap or are empty");
        assert!(text.get(span.bytes.clone()).is_some(), "a span lies outside the text");
        assert!(span.confidence <= 100 && usize::from(span.rule) < policy.rules().len(), "a span without a rule");
        end = span.bytes.end;
    }
}

/// A request in parts; [`WebhookRequest`] can't be cloned, because its body can't.
#[derive(Clone, Default)]
pub struct Parts {
    /// As in [`WebhookRequest`].
    pub method: String,
    /// As in [`WebhookRequest`].
    pub path: String,
    /// As in [`WebhookRequest`].
    pub query: String,
    /// As in [`WebhookRequest`].
    pub headers: Vec<(String, String)>,
    /// As in [`WebhookRequest`].
    pub body: Vec<u8>,
}

/// The host that every request names.
pub const AUTHORITY: &str = "localhost:8443";

impl Parts {
    /// Reads a request out of any bytes. As the server does before a channel sees it, names become lower case and headers
    /// that are not visible ASCII are left out.
    pub fn read(data: &[u8]) -> Self {
        let at = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
        let (head, body) = data.split_at(at);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split('\n');
        let (method, target) = lines.next().unwrap_or_default().split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let visible = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let headers =
            lines.filter_map(|line| line.split_once(": ")).filter(|(name, value)| visible(name) && visible(value));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: body.get(2..).unwrap_or_default().to_vec(),
        }
    }

    /// Puts one value in the place of all that a header has.
    pub fn set(&mut self, name: &str, value: String) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value));
    }

    /// Sends the request to the channel.
    ///
    /// # Errors
    /// The channel's.
    pub fn send(self) -> Result<ChannelCall, ChannelError> {
        let Self { method, path, query, headers, body } = self;
        let body = RawBody::new(body);
        let request = WebhookRequest { method, authority: AUTHORITY.to_owned(), path, query, headers, body };
        let now = Timestamp::from_micros(NOW_S * MICROS_PER_SECOND);
        channel().call(request, now, MessageId::from_random([1; 16]))
    }
}

fn channel() -> &'static dyn Webhook {
    static CHANNEL: OnceLock<std::sync::Arc<dyn Webhook>> = OnceLock::new();
    let open = || {
        let secret = Zeroizing::new(SECRET.to_vec());
        let config = ChannelConfig {
            account: "app".to_owned(),
            keyid: KEYID.to_owned(),
            secret,
            identities: None,
            origins: Vec::new(),
        };
        match channels::open("http", config).expect("the configuration is good") {
            Channel::Webhook(webhook) => webhook,
            Channel::Session(_) => unreachable!("the channel is a webhook"),
        }
    };
    CHANNEL.get_or_init(open).as_ref()
}

/// The web channel's account.
pub fn web() -> &'static dyn Session {
    static CHANNEL: OnceLock<std::sync::Arc<dyn Session>> = OnceLock::new();
    let open = || {
        let config = ChannelConfig {
            account: "widget".to_owned(),
            keyid: KEYID.to_owned(),
            secret: Zeroizing::new(SECRET.to_vec()),
            identities: Some("customers".to_owned()),
            origins: Vec::new(),
        };
        match channels::open("web", config).expect("the configuration is good") {
            Channel::Session(session) => session,
            Channel::Webhook(_) => unreachable!("the channel is a session"),
        }
    };
    CHANNEL.get_or_init(open).as_ref()
}
