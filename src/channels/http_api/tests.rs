//! Signatures are checked as RFC 9421 says, by examples of the RFC, by altered requests and by properties.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::*;
use crate::domain::message::RawBody;
use crate::units::MICROS_PER_SECOND;

const SECRET: &[u8] = b"a shared secret of at least 32 bytes";
const CREATED_S: i64 = 1_618_884_473;
const POST_COVERED: &str = r#""@method" "@authority" "@path" "@query" "content-digest" "idempotency-key""#;
const GET_COVERED: &str = r#""@method" "@authority" "@path" "@query" "lww-contact""#;
const GOOD: &str = r#"{"contact": "u-1", "text": "我的卡丢了"}"#;

fn channel() -> Arc<dyn Webhook> {
    let config = ChannelConfig {
        account: "app".into(),
        keyid: "key-1".into(),
        secret: Zeroizing::new(SECRET.to_vec()),
        identities: None,
        origins: Vec::new(),
    };
    match super::super::open(NAME, config).unwrap() {
        Channel::Webhook(webhook) => webhook,
        Channel::Session(_) => panic!("not a webhook"),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * MICROS_PER_SECOND)
}

fn call(request: WebhookRequest) -> Result<ChannelCall, ChannelError> {
    channel().call(request, at(CREATED_S), MessageId::from_random([1; 16]))
}

/// A request in parts that tests may change between signing and sending.
#[derive(Clone)]
struct Sent {
    method: String,
    authority: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn post(body: &str) -> Self {
        let mut sent = Self {
            method: "POST".into(),
            authority: "localhost:8443".into(),
            path: "/api/v1/channels/http/demo/app/messages".into(),
            query: String::new(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        let digest = digest::digest(&digest::SHA256, &sent.body);
        sent.set("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest)));
        sent.set("idempotency-key", "k-1".into());
        sent
    }

    fn read(contact: &str, query: &str) -> Self {
        let mut sent = Self::post("");
        sent.method = "GET".into();
        sent.query = query.into();
        sent.headers.clear();
        sent.set("lww-contact", contact.into());
        sent
    }

    fn set(&mut self, name: &str, value: String) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value));
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// Signs by hand: quoted names taken literally, values looked up without the verifier's code.
    fn signed(mut self, covered: &str, parameters: &str) -> Self {
        let mut base = String::new();
        for quoted in covered.split_whitespace() {
            let value = match quoted.trim_matches('"') {
                "@method" => self.method.clone(),
                "@authority" => self.authority.clone(),
                "@path" => self.path.clone(),
                "@query" => format!("?{}", self.query),
                field => self
                    .headers
                    .iter()
                    .find(|(name, _)| name == field)
                    .map(|(_, value)| value.clone())
                    .unwrap_or_default(),
            };
            base.extend([quoted, ": ", &value, "\n"]);
        }
        base.extend(["\"@signature-params\": (", covered, ")", parameters]);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), base.as_bytes());
        self.set("signature-input", format!("sig1=({covered}){parameters}"));
        self.set("signature", format!("sig1=:{}:", STANDARD.encode(tag)));
        self
    }

    fn request(self) -> WebhookRequest {
        let Self { method, authority, path, query, headers, body } = self;
        WebhookRequest { method, authority, path, query, headers, body: RawBody::new(body) }
    }
}

fn parameters() -> String {
    format!(";created={CREATED_S};keyid=\"key-1\"")
}

fn good_post() -> Sent {
    Sent::post(GOOD).signed(POST_COVERED, &parameters())
}

fn refusal(sent: Sent) -> ChannelError {
    call(sent.request()).err().expect("the request was taken")
}

#[test]
fn a_signed_message_is_taken_in() {
    let Ok(ChannelCall::Receive(incoming)) = call(good_post().request()) else { panic!("refused") };
    assert_eq!(incoming.contact.contact.unwrap().expose(), "u-1");
    assert_eq!(incoming.key, "k-1");
    assert_eq!(incoming.channel.to_string(), "http:app");
    assert_eq!(incoming.fingerprint, digest::digest(&digest::SHA256, GOOD.as_bytes()).as_ref());
    assert_eq!(incoming.message.id(), MessageId::from_random([1; 16]));
}

#[test]
fn a_signed_poll_is_read() {
    let sent = Sent::read("%2B86%20138", "after=7&limit=200").signed(GET_COVERED, &parameters());
    let Ok(ChannelCall::Read { contact, after, limit }) = call(sent.request()) else { panic!("refused") };
    let contact = contact.contact.unwrap();
    assert_eq!((contact.expose(), after, limit), ("+86 138", Some(EntryIndex(7)), 200));
    let sent = Sent::read("a", "").signed(GET_COVERED, &parameters());
    assert!(matches!(call(sent.request()), Ok(ChannelCall::Read { after: None, limit: PAGE_ITEMS_DEFAULT, .. })));
}

/// RFC 9421, appendix B.2.5: signing a request using hmac-sha256.
#[test]
fn the_example_of_rfc_9421_appendix_b_2_5_verifies() {
    let secret = STANDARD
        .decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        .unwrap();
    let verifier = Verifier::new("test-shared-secret".into(), &secret);
    let request = |date: &str| {
        let mut sent = Sent::read("a", "param=Value&Pet=dog");
        sent.method = "POST".into();
        sent.authority = "example.com".into();
        sent.path = "/foo".into();
        sent.set("date", date.into());
        sent.set("content-type", "application/json".into());
        let input = r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
        sent.set("signature-input", input.into());
        sent.set("signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:".into());
        sent.request()
    };
    let required = ["@authority"];
    assert!(verifier.verify(&request("Tue, 20 Apr 2021 02:07:55 GMT"), &required, at(CREATED_S)).is_ok());
    let forged = verifier.verify(&request("Tue, 20 Apr 2021 02:07:56 GMT"), &required, at(CREATED_S));
    assert_eq!(forged.err(), Some(ChannelError::BadSignature));
}

#[test]
fn clocks_may_differ_by_five_minutes_and_no_more() {
    for (skew_s, fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (86_400, false)] {
        let result = channel().call(good_post().request(), at(CREATED_S + skew_s), MessageId::from_random([1; 16]));
        match result {
            Ok(_) => assert!(fresh, "{skew_s}"),
            Err(error) => {
                assert!(!fresh, "{skew_s}");
                assert_eq!(error, ChannelError::Stale { skew_s, max_s: 300 });
            }
        }
    }
    let expired = Sent::post(GOOD).signed(POST_COVERED, &format!("{};expires={}", parameters(), CREATED_S - 1));
    assert_eq!(refusal(expired), ChannelError::Stale { skew_s: 1, max_s: 0 });
}

#[test]
fn a_signature_must_cover_every_component_that_the_channel_names() {
    for (whole, sent) in [(POST_COVERED, Sent::post(GOOD)), (GET_COVERED, Sent::read("a", ""))] {
        let all: Vec<&str> = whole.split(' ').collect();
        for missing in &all {
            let covered = all.iter().copied().filter(|name| name != missing).collect::<Vec<_>>().join(" ");
            let error = refusal(sent.clone().signed(&covered, &parameters()));
            assert!(matches!(error, ChannelError::NotCovered { component } if component == missing.trim_matches('"')));
        }
    }
}

#[test]
fn parameters_out_of_form_are_refused() {
    let components = vec!["\"@method\""; SIGNATURE_COMPONENTS_OVER].join(" ");
    for (covered, parameters) in [
        (POST_COVERED, format!(";keyid=\"key-1\";created={CREATED_S};alg=\"rsa-pss-sha512\"")),
        (POST_COVERED, format!(";keyid=\"key-1\";created={CREATED_S};alg=hmac-sha256")),
        (POST_COVERED, ";keyid=\"key-1\"".to_owned()),
        (POST_COVERED, ";keyid=\"key-1\";created=\"1618884473\"".to_owned()),
        (POST_COVERED, format!("{};expires=soon", parameters())),
        (&format!("{POST_COVERED} \"@method\""), parameters()),
        (&format!("{POST_COVERED} \"@status\""), parameters()),
        (&format!("{POST_COVERED} \"x-absent\""), parameters()),
        (&format!("{POST_COVERED} \"date\";sf"), parameters()),
        (&format!("{POST_COVERED} date"), parameters()),
        (&components, parameters()),
    ] {
        let error = refusal(Sent::post(GOOD).signed(covered, &parameters));
        assert!(
            matches!(error, ChannelError::MalformedHeader { name: "signature-input", .. }),
            "{covered}{parameters}: {error}"
        );
    }
    let with_alg = Sent::post(GOOD).signed(POST_COVERED, &format!("{};alg=\"hmac-sha256\";nonce=\"n\"", parameters()));
    assert!(call(with_alg.request()).is_ok());
}

const SIGNATURE_COMPONENTS_OVER: usize = crate::limits::SIGNATURE_COMPONENTS_MAX + 1;

#[test]
fn another_keyid_is_answered_like_a_wrong_signature() {
    let other = format!(";created={CREATED_S};keyid=\"key-2\"");
    assert_eq!(refusal(Sent::post(GOOD).signed(POST_COVERED, &other)), ChannelError::BadSignature);
    let none = format!(";created={CREATED_S}");
    assert_eq!(refusal(Sent::post(GOOD).signed(POST_COVERED, &none)), ChannelError::BadSignature);
}

#[test]
fn spaces_around_a_signed_contact_are_refused() {
    for contact in [" u-1", "u-1 ", "\tu-1", "u 1"] {
        let mut sent = Sent::read("u-1", "").signed(GET_COVERED, &parameters());
        sent.set("lww-contact", contact.into());
        let error = refusal(sent);
        assert!(matches!(error, ChannelError::MalformedHeader { name: CONTACT, .. }), "{contact:?}: {error}");
    }
}

#[test]
fn two_signatures_by_one_key_are_refused_and_a_foreign_one_beside_ours_is_passed_over() {
    for (keyid, taken) in [("key-1", false), ("proxy", true)] {
        let mut sent = good_post();
        let input = sent.headers.iter().find(|(name, _)| name == "signature-input").unwrap().1.clone();
        let signature = sent.headers.iter().find(|(name, _)| name == "signature").unwrap().1.clone();
        sent.set("signature-input", format!("sig0=(\"@method\");created=1;keyid=\"{keyid}\", {input}"));
        sent.set("signature", format!("sig0=:AAAA:, {signature}"));
        assert_eq!(call(sent.request()).is_ok(), taken, "{keyid}");
    }
}

#[test]
fn an_old_signature_under_a_new_key_is_refused() {
    let mut sent = good_post();
    sent.set("idempotency-key", "k-2".into());
    assert_eq!(refusal(sent), ChannelError::BadSignature);
}

#[test]
fn another_body_under_a_signed_digest_is_refused() {
    let mut sent = good_post();
    sent.body = GOOD.replace("丢", "在").into_bytes();
    assert_eq!(refusal(sent), ChannelError::BadDigest);
}

#[test]
fn missing_and_malformed_headers_are_named() {
    for name in ["signature-input", "signature", "idempotency-key"] {
        let mut sent = good_post();
        sent.remove(name);
        assert_eq!(refusal(sent), ChannelError::MissingHeader { name });
    }
    for (name, value) in [
        ("signature-input", "sig1=(\"@method\""),
        ("signature", "sig1=AAAA"),
        ("signature", "other=:AAAA:"),
        ("idempotency-key", ""),
        ("idempotency-key", "a b"),
        ("idempotency-key", &"k".repeat(129)),
    ] {
        let mut sent = good_post();
        sent.set(name, value.into());
        let error = refusal(sent);
        assert!(matches!(error, ChannelError::MalformedHeader { name: named, .. } if named == name), "{name}: {value}");
    }
    let mut twice = good_post();
    twice.headers.push(("idempotency-key".into(), "k-1".into()));
    assert!(matches!(refusal(twice), ChannelError::MalformedHeader { name: "idempotency-key", .. }));
    let mut sha512 = Sent::post(GOOD);
    sha512.set("content-digest", "sha-512=:AAAA:".into());
    let sha512 = sha512.signed(POST_COVERED, &parameters());
    assert!(matches!(refusal(sha512), ChannelError::MalformedHeader { name: "content-digest", .. }));
}

#[test]
fn bodies_out_of_form_are_refused_by_place_and_never_repeated() {
    let long_text = format!(r#"{{"contact": "u", "text": "{}"}}"#, "a".repeat(crate::limits::TEXT_BYTES_MAX + 1));
    let long_contact = format!(r#"{{"contact": "{}", "text": "t"}}"#, "a".repeat(CONTACT_BYTES_MAX + 1));
    for (body, field) in [
        (r#"{"contact": "", "text": "t"}"#, "contact"),
        (r#"{"contact": "u", "text": ""}"#, "text"),
        (&long_text, "text"),
        (&long_contact, "contact"),
        (r#"{"contact": "u", "text": "t", "about": {"tier": "V.I.P."}}"#, "about.tier"),
        (r#"{"contact": "u", "text": "t", "about": {"language": ""}}"#, "about.language"),
        (r#"{"contact": "u", "text": "t", "about": {"intent": "my card 6222"}}"#, "about.intent"),
        (r#"{"contact": "u", "text": "t", "about": {"mood": "怒"}}"#, "about.mood"),
        (r#"{"contact": "u", "text": "t", "about": {"tags": ["loan", "a b"]}}"#, "about.tags"),
        (r#"{"contact": "u", "text": "t", "about": {"tags": ["1","2","3","4","5","6","7","8","9"]}}"#, "about.tags"),
    ] {
        let error = refusal(Sent::post(body).signed(POST_COVERED, &parameters()));
        assert!(matches!(error, ChannelError::BadField { field: named, .. } if named == field), "{error}");
    }
    for body in [
        "",
        "6222021234567890",
        r#"{"contact": "u", "text": "t", "6222021234567890": 1}"#,
        r#"{"contact": "u", "text": "t", "text": "6222021234567890"}"#,
        r#"{"contact": "u", "text": "\ud83d6222021234567890"}"#,
        r#"{"contact": "u", "text": "t"} 6222021234567890"#,
        r#"{"contact": "u", "text": "t", "about": {"card": "6222021234567890"}}"#,
        r#"{"contact": "u", "text": "t", "about": {"tags": "6222021234567890"}}"#,
        &"[".repeat(60_000),
    ] {
        let error = refusal(Sent::post(body).signed(POST_COVERED, &parameters()));
        assert!(matches!(error, ChannelError::MalformedBody { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("6222"));
    }
    let mut latin = Sent::post("");
    latin.body = b"{\"contact\": \"u\", \"text\": \"\xe9\"}".to_vec();
    latin.set("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest::digest(&digest::SHA256, &latin.body))));
    let expected = ChannelError::MalformedBody { expected: "JSON in UTF-8", offset: 26 };
    assert_eq!(refusal(latin.signed(POST_COVERED, &parameters())), expected);
}

#[test]
fn polls_out_of_form_are_refused_by_field() {
    for (query, field) in [
        ("after=-1", "after"),
        ("after=9007199254740992", "after"),
        ("after=1&after=2", "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("contact=a", "query"),
    ] {
        let error = refusal(Sent::read("a", query).signed(GET_COVERED, &parameters()));
        assert!(matches!(error, ChannelError::BadField { field: named, .. } if named == field), "{query}: {error}");
    }
    let long = "a".repeat(CONTACT_BYTES_MAX + 1);
    for contact in ["", "+86", "%", "%2", "%zz", "%FF", &long] {
        let error = refusal(Sent::read(contact, "").signed(GET_COVERED, &parameters()));
        assert!(matches!(error, ChannelError::MalformedHeader { name: CONTACT, .. }), "{contact}: {error}");
    }
    let mut twice = Sent::read("a", "");
    twice.headers.push((CONTACT.into(), "b".into()));
    assert!(matches!(refusal(twice), ChannelError::MalformedHeader { name: CONTACT, .. }));
    let mut nobody = Sent::read("a", "");
    nobody.remove(CONTACT);
    assert!(matches!(refusal(nobody), ChannelError::MissingHeader { name: CONTACT }));
    let mut with_body = Sent::read("a", "").signed(GET_COVERED, &parameters());
    with_body.body = b"{}".to_vec();
    assert!(matches!(refusal(with_body), ChannelError::MalformedBody { .. }));
    let mut put = good_post();
    put.method = "PUT".into();
    assert!(matches!(refusal(put), ChannelError::NotFound { .. }));
}

/// Puts another printable ASCII character in the place of one; the case of letters and every separator count.
fn altered(text: &str, place: prop::sample::Index, by: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = place.index(bytes.len());
    bytes[at] = (bytes[at] - b' ' + 1 + by % 94) % 95 + b' ';
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn altering_any_byte_of_any_covered_component_is_caught(
        which in 0..9usize, place in any::<prop::sample::Index>(), by in any::<u8>()
    ) {
        let mut sent = Sent::post(GOOD);
        sent.query = "a=1&b=2".into();
        let mut sent = sent.signed(POST_COVERED, &parameters());
        let header = |sent: &Sent, name: &str| {
            sent.headers.iter().find(|(known, _)| known == name).unwrap().1.clone()
        };
        match which {
            0 => sent.method = altered(&sent.method, place, by),
            1 => sent.authority = altered(&sent.authority, place, by),
            2 => sent.path = altered(&sent.path, place, by),
            3 => sent.query = altered(&sent.query, place, by),
            4 => {
                let at = place.index(sent.body.len());
                sent.body[at] = sent.body[at].wrapping_add(1 + by % 255);
            }
            5..=7 => {
                let name = ["content-digest", "idempotency-key", "signature-input"][which - 5];
                let value = altered(&header(&sent, name), place, by);
                sent.set(name, value);
            }
            _ => {
                let value = header(&sent, "signature");
                let inner = value.trim_start_matches("sig1=:").trim_end_matches(':');
                let mut tag = STANDARD.decode(inner).unwrap();
                let at = place.index(tag.len());
                tag[at] = tag[at].wrapping_add(1 + by % 255);
                sent.set("signature", format!("sig1=:{}:", STANDARD.encode(tag)));
            }
        }
        prop_assert!(call(sent.request()).is_err());
    }

    #[test]
    fn no_header_makes_the_verifier_panic(input in "[ -~]{0,200}", signature in "[ -~]{0,100}", digest in "[ -~]{0,60}") {
        let mut sent = good_post();
        sent.set("signature-input", input);
        sent.set("signature", signature);
        sent.set("content-digest", digest);
        prop_assert!(call(sent.request()).is_err());
    }
}

#[test]
fn what_is_known_of_the_conversation_comes_along_in_one_order() {
    let body = r#"{"contact": "u", "text": "t", "about": {"tier": "vip", "tags": ["loan", "card_loss", "loan"]}}"#;
    let Ok(ChannelCall::Receive(incoming)) = call(Sent::post(body).signed(POST_COVERED, &parameters()).request())
    else {
        panic!("refused")
    };
    let tags = vec!["card_loss".to_owned(), "loan".to_owned()];
    let expected = crate::ports::About { tier: Some("vip".to_owned()), tags, ..crate::ports::About::default() };
    assert_eq!(*incoming.about, expected);
    let Ok(ChannelCall::Receive(plain)) = call(Sent::post(GOOD).signed(POST_COVERED, &parameters()).request()) else {
        panic!("refused")
    };
    assert_eq!(*plain.about, crate::ports::About::default());
}
