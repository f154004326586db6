//! Unique secrets go through every path of the server, error paths and malformed requests included; afterwards they are
//! searched for in everything that it left on disk: logs at their most talkative level, PostgreSQL's files and its
//! write-ahead log, tiles, guards, stderr; as they are, folded, and in the encodings that a program might write them in.
//! What is stored nowhere (class C3) is searched for in everything decrypted, too. That a panic doesn't tell what it was
//! about is a test of its own, in `src/app/logging.rs`: there is no way to provoke one from outside.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;
use crate::common::files as made;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use common::raw::{Request, ask, wire};
use common::socket::{Socket, post, visit, widget};
use common::{Server, World, chosen_password, key, now, until};
use liaowaiwai::cli::client::{Call, Client, Listing, Page};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom, TenantVault};
use liaowaiwai::domain::file;
use liaowaiwai::domain::message::{OpenedPart, Part, Sealed};
use liaowaiwai::ports::{SharedSealer, Vault as _, WrappedKey};
use liaowaiwai::storage::database::Database;
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use liaowaiwai::units::{AccountId, MessageId, SubjectId, TenantId};
use regex::bytes::Regex;
use serde_json::json;

/// What is sealed and may be read again by whoever has the keys.
const CARD: &str = "6222024417790036620";
const ID_CARD: &str = "110105198709142719";
const MOBILE: &str = "13974628051";
const MAIL: &str = "quokka.zebra77@vexillology.example";
const WORDS: &str = "紫罗兰企鹅骑着独轮车";
const CONTACT: &str = "contact-okapi-8842917";
/// What is stored nowhere, not even sealed.
const PASSWORD: &str = "Tulip9Zq7Walrus";
const ONE_TIME: &str = "83619274";
const PIN: &str = "90417263";
/// Typed before anybody says what it is.
const NAMED: &str = "50281937";
/// Too short to be searched for in binary files on its own; there it stands with the words before it.
const CVV: &str = "7394";
const CVV_IN_WORDS: &str = "安全码是7394";
/// What staff type at the door.
const LOGIN: &str = "login-narwhal-55817";
const LOGIN_PASSWORD: &str = "door-Pangolin-90112";
/// A second one of what is sealed, for places where nothing may be taken in.
const REFUSED_WORDS: &str = "refused-axolotl-73301";
/// What an agent writes.
const AGENT_WORDS: &str = "客服说青蛙弹钢琴";
/// What staff write among themselves.
const NOTE_WORDS: &str = "备注说水獭吹长笛";
/// What supervisors keep for everybody.
const REPLY_WORDS: &str = "范本说刺猬敲大鼓";

/// Stored nowhere, sealed or not; long enough to be found nowhere by chance.
const NEVER: [&str; 7] = [PASSWORD, ONE_TIME, PIN, NAMED, CVV_IN_WORDS, LOGIN_PASSWORD, REFUSED_WORDS];
/// Stored sealed only.
const SEALED: [&str; 10] = [CARD, ID_CARD, MOBILE, MAIL, WORDS, CONTACT, LOGIN, AGENT_WORDS, NOTE_WORDS, REPLY_WORDS];

/// Longest needle in bytes in any of its forms.
const OVERLAP_BYTES: usize = 256;
const BLOCK_BYTES: usize = 1 << 20;

/// Full-width characters become ASCII, capitals small, separators vanish; everything else stays byte by byte.
fn fold(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let wide = match bytes.get(at..at + 3) {
            // U+FF01 to U+FF5E in UTF-8 stand for 0x21 to 0x7E.
            Some(&[0xEF, 0xBC, last @ 0x81..=0xBF]) => Some(last - 0x60),
            Some(&[0xEF, 0xBD, last @ 0x80..=0x9E]) => Some(last - 0x20),
            _ => None,
        };
        let blank = matches!(bytes.get(at..at + 3), Some([0xE3, 0x80, 0x80]))
            || matches!(bytes.get(at..at + 2), Some([0xC2, 0xB7 | 0xA0]));
        let (read, width) = match (wide, blank) {
            (Some(ascii), _) => (ascii, 3),
            (None, true) => (b' ', if byte == 0xC2 { 2 } else { 3 }),
            (None, false) => (byte, 1),
        };
        if !matches!(read, b' ' | b'-' | b'.' | b'_' | b'/' | b'\t') {
            out.push(read.to_ascii_lowercase());
        }
        at += width;
    }
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The part of a text's Base64 that is the same whatever stands around it, for each of the three places where it can begin.
fn base64(text: &str) -> impl Iterator<Item = String> {
    [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].into_iter().flat_map(move |alphabet| {
        (0..3).map(move |before| {
            let bytes = [&[0; 2][..before], text.as_bytes()].concat();
            let (first, whole) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
            alphabet.encode(&bytes)[first..whole].to_owned()
        })
    })
}

/// As in an address: every byte but letters and digits by its number, and in the other usual way, every byte.
fn percent_encoded(text: &str, all: bool) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() && !all;
    let one = |byte: u8| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// UTF-16 in both orders of bytes, as PostgreSQL's and Windows' tools may write it.
fn utf16(text: &str) -> [Vec<u8>; 2] {
    [text.encode_utf16().flat_map(u16::to_le_bytes).collect(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()]
}

/// As a JSON text or Rust's debugging would have it: every character beyond ASCII by its number.
fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(ascii) if ascii.is_ascii() => char::from(ascii).to_string(),
            Ok(_) | Err(_) => format!("\\u{unit:04x}"),
        })
        .collect()
}

/// What is looked for in bytes as they are, and what in folded ones.
fn forms(needle: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let exact = std::iter::once(needle.as_bytes().to_vec()).chain(base64(needle).map(String::into_bytes));
    let percent = [false, true].map(|all| percent_encoded(needle, all));
    let texts = [needle.to_owned(), hexadecimal(needle.as_bytes()), escaped(needle)].into_iter().chain(percent);
    (exact.chain(utf16(needle)).collect(), texts.map(|text| fold(text.as_bytes())).collect())
}

/// Looks for needles in all their forms.
struct Searcher {
    raw: Regex,
    folded: Regex,
}

impl Searcher {
    fn new(needles: &[&str]) -> Self {
        let byte = |byte: &u8| format!(r"\x{byte:02x}");
        let any = |forms: Vec<Vec<u8>>| {
            let each: Vec<String> = forms.iter().map(|form| form.iter().map(byte).collect()).collect();
            Regex::new(&format!("(?-u){}", each.join("|"))).unwrap()
        };
        let (raw, folded): (Vec<_>, Vec<_>) = needles.iter().map(|needle| forms(needle)).unzip();
        Self { raw: any(raw.concat()), folded: any(folded.concat()) }
    }

    /// The first needle in some bytes, in the form in which it was met.
    fn find(&self, bytes: &[u8]) -> Option<String> {
        let text = |found: regex::bytes::Match<'_>| String::from_utf8_lossy(found.as_bytes()).into_owned();
        self.raw.find(bytes).map(text).or_else(|| self.folded.find(&fold(bytes)).map(text))
    }

    /// What is found in all files of a folder, by file; and how many bytes were looked at.
    fn search(&self, folder: &Path) -> (Vec<String>, usize) {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        for file in common::files(folder) {
            // A socket is no file; neither is what vanished meanwhile.
            let Ok(bytes) = std::fs::read(&file) else { continue };
            looked_at += bytes.len();
            let mut at = 0;
            while at < bytes.len() {
                let end = bytes.len().min(at + BLOCK_BYTES + OVERLAP_BYTES);
                if let Some(needle) = self.find(&bytes[at..end]) {
                    found.push(format!("{needle} in {} from byte {at}", file.display()));
                }
                at += BLOCK_BYTES;
            }
        }
        (found, looked_at)
    }
}

fn full_width(text: &str) -> String {
    let wide = |character: char| char::from_u32(u32::from(character) + 0xFEE0).filter(|_| character.is_ascii_graphic());
    text.chars().map(|character| wide(character).unwrap_or(character)).collect()
}

fn spaced(text: &str) -> String {
    text.chars()
        .collect::<Vec<_>>()
        .chunks(4)
        .map(|four| four.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" - ")
}

#[test]
fn the_searcher_finds_what_is_planted_in_every_guise() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<&'static str> = [NEVER.as_slice(), &SEALED].concat();
    let searcher = Searcher::new(&all);
    let noise: Vec<u8> = (0..3 * BLOCK_BYTES).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let file = folder.path().join("deep").join("file");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &noise).unwrap();
    assert_eq!(searcher.search(folder.path()), (Vec::new(), noise.len()));
    for needle in all {
        let wrapped = |before: &str| STANDARD.encode(format!("{before}{needle} and more"));
        let written = [
            needle.to_owned(),
            needle.to_uppercase(),
            full_width(needle),
            spaced(needle),
            full_width(&spaced(needle)),
            hexadecimal(needle.as_bytes()),
            hexadecimal(needle.as_bytes()).to_uppercase(),
            wrapped(""),
            wrapped("a"),
            wrapped("an"),
            wrapped("any"),
            URL_SAFE_NO_PAD.encode(needle),
            percent_encoded(needle, false),
            percent_encoded(needle, true).to_lowercase(),
            escaped(needle),
        ];
        for guise in written.map(String::into_bytes).into_iter().chain(utf16(needle)) {
            let planted = [&noise[..1_000], &guise, &noise[1_000..2_000]].concat();
            let shown = String::from_utf8_lossy(&guise);
            let found = searcher.find(&planted).unwrap_or_else(|| panic!("{needle} was missed as {shown}"));
            let (raw, folded) = forms(needle);
            let known = raw.iter().chain(&folded).any(|form| String::from_utf8_lossy(form) == found);
            assert!(known, "{shown}: {found}");
        }
    }
    // Across the border of two blocks, and at the very end.
    for at in [BLOCK_BYTES - 5, noise.len()] {
        std::fs::write(&file, [&noise[..at], full_width(CARD).as_bytes(), &noise[at..]].concat()).unwrap();
        let (found, _) = searcher.search(folder.path());
        assert!(found.iter().any(|one| one.starts_with(CARD)), "{at}: {found:?}");
    }
}

/// A call of the desk's API, put together by hand so that anything can stand in it.
fn call(method: &'static str, target: &str, body: &str) -> Call {
    let headers = vec![("idempotency-key", REFUSED_WORDS.to_owned())];
    let body = (!body.is_empty()).then(|| body.as_bytes().to_vec().into());
    Call { method, target: target.to_owned(), headers, body }
}

async fn refused(client: &Client, call: Call) {
    let answer = client.send(call).await.unwrap();
    assert!(answer.status >= 400, "{} {:?}", answer.status, answer.body);
    let searcher = Searcher::new(&[NEVER.as_slice(), &SEALED].concat());
    assert_eq!(searcher.find(&answer.body), None);
}

/// The customer's side: what is taken in, in many disguises, and what is refused.
async fn customers(server: &Server) -> String {
    let app = server.client();
    let texts = [
        format!("{WORDS}，卡号{}，{CVV_IN_WORDS}", full_width(&spaced(CARD))),
        format!("身份证{ID_CARD}，手机{}，邮箱{MAIL}", spaced(MOBILE)),
        format!("登录密码是{PASSWORD}，验证码{ONE_TIME}，取款密码是{PIN}"),
        format!("password: {PASSWORD}, card {CARD}, cvv {CVV}"),
        format!("密碼{}", full_width(PASSWORD)),
        "您好，请问验证码是多少？".to_owned(),
        ONE_TIME.to_owned(),
        NAMED.to_owned(),
        "刚才那个是验证码".to_owned(),
    ];
    let mut conversation = String::new();
    for (number, text) in texts.iter().enumerate() {
        let sent = format!("{REFUSED_WORDS}-{number}");
        let accepted = app.send_message(&key("demo"), (CONTACT, text), &sent, now()).await.unwrap();
        let never = Searcher::new(&[PASSWORD, ONE_TIME, PIN, CVV_IN_WORDS]);
        assert_eq!(never.find(accepted.text.as_bytes()), None, "{}", accepted.text);
        assert_eq!(never.find(accepted.receipt.unwrap().as_bytes()), None);
        conversation = accepted.conversation;
        let again = app.send_message(&key("demo"), (CONTACT, text), &sent, now()).await.unwrap();
        assert!(again.duplicate);
        let other = (CONTACT, REFUSED_WORDS);
        assert_eq!(app.send_message(&key("demo"), other, &sent, now()).await.unwrap_err().code(), Some("key_reused"));
    }
    files(&app).await;
    app.messages(&key("demo"), CONTACT, Page::default(), now()).await.unwrap();
    refusals(server).await;
    sockets(server, &texts).await;
    conversation
}

/// The same in files, by their names and in what they hold.
async fn files(app: &Client) {
    let rows = ["卡号", "密码", "证件号码"];
    let values = [CARD, PASSWORD, ID_CARD];
    let lines = [format!("card {CARD}"), format!("mobile {MOBILE}"), format!("{MAIL} and password: {PASSWORD}")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let never = Searcher::new(&[PASSWORD, ONE_TIME, PIN, CVV_IN_WORDS]);
    for (number, file) in [
        made::docx(&[&format!("{WORDS}，卡号{}", full_width(&spaced(CARD))), &format!("验证码{ONE_TIME}")]),
        made::xlsx(&[&rows, &values]),
        format!("{}\n{}\n", rows.join(","), values.join(",")).into_bytes(),
        made::pdf(&lines),
        json!({"password": PASSWORD, "card": CARD}).to_string().into_bytes(),
        made::pptx(&[&format!("{WORDS} {}", spaced(MOBILE))]),
        made::png(),
        made::program(),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{WORDS} {ID_CARD} 密码是{PASSWORD}.jpg");
        let sent =
            app.send_file(&key("demo"), (CONTACT, &name, &file), &format!("file-{number}"), now()).await.unwrap();
        assert_eq!(never.find(sent.text.as_bytes()), None, "{}", sent.text);
    }
    let refused = app.send_file(&key("demo"), (CONTACT, &REFUSED_WORDS.repeat(60), b"a"), "refused", now()).await;
    assert_eq!(refused.unwrap_err().code(), Some("malformed_header"));
}

/// The same by sockets, for somebody whom the bank vouches for: frames that are taken, and frames that are not.
async fn sockets(server: &Server, texts: &[String]) {
    let token = visit(server.http, "demo", Some(CONTACT), None).await;
    let mut socket = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let never = Searcher::new(&[PASSWORD, ONE_TIME, PIN, CVV_IN_WORDS]);
    for (number, text) in texts.iter().enumerate() {
        socket.send(&json!({"type": "send", "key": format!("socket-{number}"), "text": text})).await;
        let accepted = socket.wait_for("accepted").await.to_string();
        assert_eq!(never.find(accepted.as_bytes()), None, "{accepted}");
    }
    let all = [NEVER.as_slice(), &SEALED].concat().join(" ");
    let everything = Searcher::new(&[NEVER.as_slice(), &SEALED].concat());
    for frame in [
        format!(r#"{{"type":"send","key":"{REFUSED_WORDS}","text":"{all}""#),
        format!(r#"{{"type":"{all}"}}"#),
        format!(r#"{{"type":"send","key":"k","text":"{all}","{LOGIN}":1}}"#),
        format!(r#"{{"type":"send","key":"k","text":"{}"}}"#, all.repeat(150)),
        all.clone(),
    ] {
        socket.text(frame).await;
        let refused = socket.wait_for("refused").await.to_string();
        assert_eq!(everything.find(refused.as_bytes()), None, "{refused}");
    }
    let forged = json!({"identity": {"id": CONTACT, "time": 1, "proof": LOGIN_PASSWORD}, "token": REFUSED_WORDS});
    assert!(post(server.http, &format!("{}/visits", widget("demo")), &forged, None).await.is_err());
}

/// Requests that carry all canaries and are refused: bodies, headers, addresses, queries.
async fn refusals(server: &Server) {
    let all = [NEVER.as_slice(), &SEALED].concat().join(" ");
    let ascii: String = all.chars().filter(char::is_ascii).collect();
    let authority = server.http.to_string();
    let message = |more: &str| format!(r#"{{"contact":"{CONTACT}","text":"{all}"{more}"#);
    let good = |body: String| Request::new(&authority, "demo", REFUSED_WORDS, body);
    let broken = [
        message(""),
        message(r#","more":1}"#),
        message(r#","text":"again"}"#),
        format!("{} {all}", message("}")),
        format!(r#"{{"contact":"{CONTACT}","text":"{all}\ud800"}}"#),
        format!(r#"{{"contact":["{all}"],"text":{{"{all}":1}}}}"#),
        format!(r#"{{"{all}":"{all}"}}"#),
        format!(r#"{{"contact":"{CONTACT}","text":"{}"}}"#, all.repeat(200)),
        all.clone(),
    ];
    let mut requests: Vec<Vec<u8>> = broken.into_iter().map(|body| good(body).bytes()).collect();
    let not_utf8 = [message("").as_bytes(), b"\xff\"}"].concat();
    requests.push(Request { body: not_utf8, ..good(String::new()) }.bytes());
    requests.push(Request { secret: vec![9; 32], ..good(message("}")) }.bytes());
    requests.push(Request { keyid: LOGIN.to_owned(), ..good(message("}")) }.bytes());
    requests.push(Request { tenant: LOGIN.to_owned(), ..good(message("}")) }.bytes());
    let host = ("host".to_owned(), authority.clone());
    let close = ("connection".to_owned(), "close".to_owned());
    let query = ascii.replace(' ', "%20");
    for line in [
        format!("GET /{query}?{query}"),
        format!("GET /api/v1/channels/http/demo/app/messages?after={query}&{query}"),
        format!("GET /api/v1/agent/conversations/{LOGIN_PASSWORD}?after={query}"),
        format!("{PASSWORD} /healthz"),
    ] {
        let headers = [host.clone(), close.clone(), ("x-secret".to_owned(), ascii.clone())];
        let cookie = ("cookie".to_owned(), format!("lww_session=demo.{LOGIN_PASSWORD}"));
        requests.push(wire(&line, &[headers.as_slice(), &[cookie]].concat(), b""));
    }
    let searcher = Searcher::new(&[NEVER.as_slice(), &SEALED].concat());
    for request in requests {
        let address = server.http;
        let came = tokio::task::spawn_blocking(move || ask(address, &request)).await.unwrap();
        assert!(came.status >= 400, "{} {}", came.status, came.body);
        assert_eq!(searcher.find(came.body.as_bytes()), None, "{}", came.body);
    }
}

/// The desk: logins, passwords, answers, each also where it goes wrong.
async fn staff(server: &Server, conversation: &str) {
    let door = server.client();
    let login = |login: &str, password: &str, more: &str| {
        format!(r#"{{"tenant":"demo","login":"{login}","password":"{password}"{more}"#)
    };
    for body in [
        login(LOGIN, LOGIN_PASSWORD, "}"),
        login("agent", LOGIN_PASSWORD, "}"),
        login(LOGIN, &"x".repeat(300), "}"),
        login(LOGIN, LOGIN_PASSWORD, ""),
        login(LOGIN, LOGIN_PASSWORD, &format!(r#","{REFUSED_WORDS}":"{LOGIN_PASSWORD}"}}"#)),
        format!(r#"{{"tenant":"{LOGIN}","login":"{LOGIN}","password":"{LOGIN_PASSWORD}"}}"#),
    ] {
        refused(&door, call("POST", "/api/v1/session", &body)).await;
    }
    let desk = server.staff("agent").await;
    let change = |old: &str, new: &str| format!(r#"{{"old":"{old}","new":"{new}"}}"#);
    let own = chosen_password("agent");
    for body in [change(LOGIN_PASSWORD, PASSWORD), change(&own, "short"), change(&own, LOGIN_PASSWORD)[..40].to_owned()]
    {
        refused(&desk, call("POST", "/api/v1/session/password", &body)).await;
    }
    desk.change_password(&own, LOGIN_PASSWORD).await.unwrap();
    desk.login("demo", "agent", LOGIN_PASSWORD).await.unwrap();
    desk.set_online(true).await.unwrap();
    until("the assignment", async || {
        let held = Listing { mine: true, ..Listing::default() };
        desk.conversations(held).await.unwrap().conversations.iter().any(|one| one.id == conversation)
    })
    .await;
    let opened = desk.open(conversation, Page::default()).await.unwrap();
    let shown = serde_json::to_string(&opened).unwrap();
    assert_eq!(
        Searcher::new(&[PASSWORD, ONE_TIME, PIN, CVV_IN_WORDS, CARD, ID_CARD, MOBILE, MAIL]).find(shown.as_bytes()),
        None
    );
    let answer = format!("{AGENT_WORDS}，您的卡{CARD}，密码是{PASSWORD}，验证码{ONE_TIME}");
    desk.reply_masked(conversation, &answer, REFUSED_WORDS).await.unwrap();
    let target = format!("/api/v1/agent/conversations/{conversation}/messages");
    let too_long = format!(r#"{{"text":"{}"}}"#, REFUSED_WORDS.repeat(1_000));
    let again = format!(r#"{{"text":"{REFUSED_WORDS}"}}"#);
    for body in [too_long, again.clone(), again[..20].to_owned(), format!(r#"{{"text":"t","{LOGIN}":1}}"#)] {
        refused(&desk, call("POST", &target, &body)).await;
    }
    refused(&desk, call("POST", &target.replace(conversation, REFUSED_WORDS), &again)).await;
    let target = format!("/api/v1/agent/conversations/{conversation}/notes");
    let text = format!("{NOTE_WORDS}，卡{CARD}，密码是{PASSWORD}，验证码{ONE_TIME}");
    let note = |key: &str, body: String| {
        let headers = vec![("idempotency-key", key.to_owned())];
        Call { method: "POST", target: target.clone(), headers, body: Some(body.into_bytes().into()) }
    };
    let written = desk.send(note("note-1", json!({"text": text}).to_string())).await.unwrap();
    assert_eq!(written.status, 201);
    assert_eq!(Searcher::new(&[PASSWORD, ONE_TIME, CARD]).find(&written.body), None);
    refused(&desk, note("note-1", again.clone())).await;
    refused(&desk, note(REFUSED_WORDS, again[..20].to_owned())).await;
    refused(&desk, note("note-2", format!(r#"{{"text":"{}"}}"#, REFUSED_WORDS.repeat(1_000)))).await;
    let hand = format!("/api/v1/agent/conversations/{conversation}/transfer");
    refused(&desk, call("POST", &hand, &format!(r#"{{"queue":"{LOGIN}","note":"{REFUSED_WORDS}"}}"#))).await;
    desk.close(conversation).await.unwrap();
    desk.logout().await.unwrap();
}

/// Canned replies, also where they go wrong.
async fn replies(server: &Server) {
    let lead = server.staff("supervisor").await;
    let target = "/api/v1/agent/replies";
    let text = format!("{REPLY_WORDS}，卡{CARD}，密码是{PASSWORD}，验证码{ONE_TIME}");
    let body = json!({"title": "canary", "text": text}).to_string();
    let made = lead.send(call("POST", target, &body)).await.unwrap();
    assert_eq!(made.status, 201);
    assert_eq!(Searcher::new(&[PASSWORD, ONE_TIME, CARD]).find(&made.body), None);
    for body in [
        json!({"title": format!("{REFUSED_WORDS} {CARD}"), "text": "t"}).to_string(),
        json!({"title": "t", "text": format!("{{agent}} {{{}}}", "refused_axolotl")}).to_string(),
        json!({"title": "t", "text": REFUSED_WORDS.repeat(1_000)}).to_string(),
        json!({"title": "t", "text": "t", "shortcut": PASSWORD}).to_string(),
        format!(r#"{{"title":"{REFUSED_WORDS}","text":"{PASSWORD}""#),
    ] {
        refused(&lead, call("POST", target, &body)).await;
    }
    lead.logout().await.unwrap();
}

/// Everything that a stopped server's tenant holds sealed, opened with its keys.
async fn opened(world: &World) -> Vec<String> {
    let data = world.data("a");
    let options = EmbeddedOptions { bin_dir: None, secrets_dir: data.join("database-secrets"), data_dir: data };
    let database = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
    let finder = Database::connect(&database.app_config(), None).await.unwrap();
    let row = finder.client.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap();
    let tenant = TenantId(row.get(0));
    let places = KeyPlaces { directory: world.path().join("keys"), master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), false).unwrap();
    let vault = TenantVault::new(&keys, tenant).unwrap();
    let connection = Database::connect(&database.app_config(), Some(tenant)).await.unwrap();
    let sql = "SELECT s.id, s.contact, k.generation, k.epoch, k.wrapped, m.id, m.original, m.masked FROM message m \
               JOIN conversation c ON c.id = m.conversation JOIN subject s ON s.id = c.subject \
               JOIN data_key k ON k.subject = s.id ORDER BY m.entry_seq";
    let mut all = Vec::new();
    for row in connection.client.query(sql, &[]).await.unwrap() {
        let subject = SubjectId::from_uuid(row.get(0));
        let key = WrappedKey { generation: row.get(2), epoch: row.get(3), wrapped: row.get(4) };
        all.push(vault.open_contact(subject, &key, row.get(1)).unwrap().to_string());
        let sealer = vault.sealer(subject, &key).unwrap();
        all.extend(parts(&sealer, MessageId::from_uuid(row.get(5)), [row.get(6), row.get(7)]));
    }
    let sql = "SELECT s.id, k.generation, k.epoch, k.wrapped, n.id, n.original, n.masked FROM note n \
               JOIN conversation c ON c.id = n.conversation JOIN subject s ON s.id = c.subject \
               JOIN data_key k ON k.subject = s.id";
    for row in connection.client.query(sql, &[]).await.unwrap() {
        let key = WrappedKey { generation: row.get(1), epoch: row.get(2), wrapped: row.get(3) };
        let sealer = vault.sealer(SubjectId::from_uuid(row.get(0)), &key).unwrap();
        all.extend(parts(&sealer, MessageId::from_uuid(row.get(4)), [row.get(5), row.get(6)]));
    }
    let sql = "SELECT s.id, k.generation, k.epoch, k.wrapped, f.message, \
               array_agg(p.sealed ORDER BY p.number) FROM attachment f JOIN attachment_piece p USING (tenant, message) \
               JOIN message m ON m.id = f.message JOIN conversation c ON c.id = m.conversation \
               JOIN subject s ON s.id = c.subject JOIN data_key k ON k.subject = s.id GROUP BY 1, 2, 3, 4, 5";
    for row in connection.client.query(sql, &[]).await.unwrap() {
        let key = WrappedKey { generation: row.get(1), epoch: row.get(2), wrapped: row.get(3) };
        let sealer = vault.sealer(SubjectId::from_uuid(row.get(0)), &key).unwrap();
        let pieces: Vec<Sealed> = row.get::<_, Vec<Vec<u8>>>(5).into_iter().map(Sealed).collect();
        let file = file::open(&pieces, MessageId::from_uuid(row.get(4)), &*sealer).unwrap();
        all.push(String::from_utf8_lossy(&file.plaintext).into_owned());
    }
    for row in connection.client.query("SELECT id, original, masked FROM canned_reply", &[]).await.unwrap() {
        all.extend(parts(&vault.house_sealer(), MessageId::from_uuid(row.get(0)), [row.get(1), row.get(2)]));
    }
    for row in connection.client.query("SELECT id, profile FROM account", &[]).await.unwrap() {
        let account = AccountId::from_uuid(row.get(0));
        all.push(vault.open_profile(account, row.get(1)).unwrap().to_string());
    }
    drop((connection, finder));
    database.stop().await.unwrap();
    all
}

/// Both sealed parts of a text, opened.
fn parts(sealer: &SharedSealer, id: MessageId, [original, masked]: [Vec<u8>; 2]) -> Vec<String> {
    let open = |(part, sealed)| {
        let bytes = sealer.open(part, id, &Sealed(sealed)).unwrap();
        let plain = OpenedPart::split(part, &bytes).unwrap().plaintext;
        String::from_utf8_lossy(&plain).into_owned()
    };
    [(Part::Original, original), (Part::Masked, masked)].map(open).into()
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn secrets_are_found_nowhere_on_disk_and_the_worst_not_even_decrypted() {
        let world = World::private();
        let server = world.start("a");
        let conversation = customers(&server).await;
        staff(&server, &conversation).await;
        replies(&server).await;
        server.stop();

        let logs: Vec<PathBuf> = common::files(&world.data("a").join("logs"));
        let told = logs.iter().any(|log| std::fs::read_to_string(log).unwrap().contains("\"event\":\"request\""));
        assert!(told, "the log says nothing of the requests: there is nothing to be searched");
        let searcher = Searcher::new(&[NEVER.as_slice(), &SEALED].concat());
        let (found, looked_at) = searcher.search(world.path());
        assert!(looked_at > 30 << 20, "{looked_at} bytes are less than a database has");
        assert_eq!(found, Vec::<String>::new());

        let opened = opened(&world).await;
        let never = Searcher::new(&[PASSWORD, ONE_TIME, PIN, CVV, LOGIN_PASSWORD, REFUSED_WORDS]);
        for text in &opened {
            assert_eq!(never.find(text.as_bytes()), None, "stored: {text}");
        }
        for canary in [CARD, ID_CARD, MOBILE, MAIL, WORDS, CONTACT, AGENT_WORDS, NOTE_WORDS, REPLY_WORDS] {
            let one = Searcher::new(&[canary]);
            assert!(opened.iter().any(|text| one.find(text.as_bytes()).is_some()), "{canary} was not even sealed");
        }
    }
}
