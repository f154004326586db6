//! Files that come with messages: read apart, masked like any text, sealed, recorded; and what is refused, put aside, or given
//! to nobody.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;
use crate::common::files as made;

use common::people::{ask, code};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::http::answers::Accepted;
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::json;

const NODE: &str = "a";
const ANNA: &str = "anna";
const BORIS: &str = "boris";
const ID_CARD: &str = "110105198709142719";
const CARD: &str = "6222024417790036620";

async fn sent(server: &Server, name: &str, file: &[u8], idempotency: &str) -> Accepted {
    server.client().send_file(&key("demo"), (ANNA, name, file), idempotency, now()).await.unwrap()
}

/// What became of a file: format, fate and reason, and whether it is kept.
fn told(accepted: &Accepted) -> (&str, &str, Option<&str>, bool) {
    let file = accepted.file.as_ref().unwrap();
    (&file.format, &file.fate, file.reason.as_deref(), file.kept)
}

/// The agent, once a conversation is theirs.
async fn holder(server: &Server) -> Client {
    let agent = server.trial_agent().await;
    until("the conversation to be given", async || {
        let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
        !mine.conversations.is_empty()
    })
    .await;
    agent
}

fn detail<'e>(entry: &'e Entry, name: &str) -> Option<&'e Detail> {
    match &entry.detail {
        Detail::Object(fields) => fields.get(name),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_masked_sealed_and_recorded_before_its_message_and_the_desk_shows_the_masked_text() {
    let world = World::private();
    let server = world.start(NODE);
    let name = format!("身份证{ID_CARD}.docx");
    let document = made::docx(&[&format!("客户身份证{ID_CARD}"), &format!("卡号{CARD}")]);
    let first = sent(&server, &name, &document, "file-1").await;
    assert_eq!(told(&first), ("docx", "shown", None, true));
    let again = sent(&server, &name, &document, "file-1").await;
    assert!(again.duplicate && again.index == first.index && told(&again) == told(&first));
    let other = server.client().send_file(&key("demo"), (ANNA, "other", &document), "file-1", now()).await;
    assert_eq!(other.unwrap_err().code(), Some("key_reused"));
    let sheet = sent(&server, "表.xlsx", &made::xlsx(&[&["姓名", "cvv"], &["张三", "737"]]), "file-2").await;
    assert_eq!(told(&sheet), ("xlsx", "shown", None, false), "what holds a CVV is not kept");
    let csv = sent(&server, "a.txt", format!("证件号码,手机号\n{ID_CARD},13974628051\n").as_bytes(), "file-3").await;
    assert_eq!(told(&csv), ("csv", "shown", None, true));
    let slides = sent(&server, "a.pptx", &made::pptx(&[&format!("卡号{CARD}")]), "file-5").await;
    assert_eq!(told(&slides), ("pptx", "shown", None, true));
    let pdf = sent(&server, "a.pdf", &made::pdf(&[&format!("card {CARD}")]), "file-4").await;
    assert_eq!(told(&pdf), ("pdf", "shown", None, true));
    for (number, (file, expected)) in [
        (made::png(), ("image", "sealed", None, true)),
        (made::program(), ("program", "quarantined", Some("program"), true)),
        (made::pdf_with(&["text"], "/Encrypt 9 0 R"), ("pdf", "quarantined", Some("encrypted"), true)),
        (
            made::docx_with(&["t"], &[("word/media/z.bin", &vec![0; 70 << 20])]),
            ("docx", "quarantined", Some("too_long"), true),
        ),
        (vec![0; 9], ("other", "quarantined", Some("unknown"), true)),
    ]
    .into_iter()
    .enumerate()
    {
        // Whatever its name says.
        let accepted = sent(&server, &format!("{ID_CARD}.jpg"), &file, &format!("more-{number}")).await;
        assert_eq!(told(&accepted), expected);
        assert!(!accepted.text.contains(ID_CARD) && !accepted.text.contains('\n'), "{}", accepted.text);
    }
    let agent = holder(&server).await;
    let seen = agent.open(&first.conversation, Page::default()).await.unwrap().messages;
    assert_eq!(seen.iter().filter(|message| message.file.is_some()).count(), 10);
    let text: String = seen.iter().map(|message| message.text.as_str()).collect();
    for value in [ID_CARD, CARD, "737", "13974628051"] {
        assert!(!text.contains(value), "{value} is shown: {text}");
    }
    assert!(text.contains("客户身份证") && text.contains("姓名\tcvv"), "{text}");
    recorded(&world, &first, &sheet).await;
    in_evidence(&world, &server, &first.conversation).await;
    until("everything to be published", async || world.verify(NODE, "demo").0).await;
    world.assert_state(NODE);
    server.stop();
}

/// Each file has an entry of its own, right before its message's.
async fn recorded(world: &World, document: &Accepted, sheet: &Accepted) {
    let entries = || world.entries(NODE, "demo");
    until("the entries to be published", async || entries().len() as u64 > sheet.index).await;
    let entries = entries();
    for (accepted, is_kept) in [(document, true), (sheet, false)] {
        let at = usize::try_from(accepted.index).unwrap();
        let (own, message) = (&entries[at - 1], &entries[at]);
        assert_eq!((own.kind.as_str(), message.kind.as_str()), ("attachment.kept/1", "message.received/1"));
        assert_eq!(detail(own, "message"), Some(&Detail::String(accepted.message.clone())));
        assert_eq!(detail(own, "bytes"), Some(&Detail::Int(accepted.file.as_ref().unwrap().bytes.try_into().unwrap())));
        assert_eq!(matches!(detail(own, "commit_file"), Some(Detail::String(_))), is_kept);
        assert_eq!((own.policy.is_some(), own.content.is_some()), (true, false));
        assert_eq!(own.policy, message.policy);
    }
}

/// Evidence of the conversation holds each file's entry and masked text, and says so to whoever verifies it.
async fn in_evidence(world: &World, server: &Server, conversation: &str) {
    server.staff("auditor").await;
    let (password, package) = (world.path().join("auditor.password"), world.path().join("files.tar"));
    std::fs::write(&password, common::chosen_password("auditor")).unwrap();
    let (url, to) = (format!("https://localhost:{}", server.https.port()), package.display().to_string());
    let login = ["--login", "auditor", "--server", &url, "--password-file", password.to_str().unwrap()];
    let order = ["evidence", "export", "--reason", "files", "--to", &to, "--conversation", conversation];
    let (done, said) = world.lww(NODE, &[&order[..], &login].concat());
    assert!(done, "{said}");
    world.vkey(NODE, "demo");
    let vkey = world.path().join("demo.vkey");
    let (is_valid, said) = common::verified(&["export".as_ref(), "--vkey".as_ref(), &vkey, &package]);
    assert!(is_valid, "{said}");
    for line in ["[attachment: docx, ", "shown]", "shown, not kept]", "[attachment: image, ", "quarantined, encrypted]"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("客户身份证") && !said.contains(ID_CARD) && !said.contains(CARD), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_send_must_be_readable_and_the_file_is_the_customer_s_own_and_nobody_else_s() {
    let world = World::private();
    let server = world.start(NODE);
    let app = server.client();
    let hers = app.send_message(&key("demo"), (ANNA, "你好"), "anna-1", now()).await.unwrap();
    app.send_message(&key("demo"), (BORIS, "你好"), "boris-1", now()).await.unwrap();
    let agent = holder(&server).await;
    let contract = made::pdf(&["Terms of the account"]);
    let clean = agent.reply_file(&hers.conversation, ("terms.pdf", &contract), "reply-1").await.unwrap();
    assert_eq!(told(&clean), ("pdf", "shown", None, true));
    let got = app.fetch_file(&key("demo"), (ANNA, &clean.message), now()).await.unwrap();
    assert_eq!((got.status, &got.body[..]), (200, &contract[..]));
    assert_eq!(got.headers.get("content-disposition").unwrap(), "attachment");
    // Nothing of it goes to anybody else, nor does what a customer sent come back.
    let own = sent(&server, "mine.pdf", &contract, "mine").await;
    for (tenant, contact, message) in [
        ("demo", BORIS, &clean.message),
        ("other", ANNA, &clean.message),
        ("demo", ANNA, &own.message),
        ("demo", ANNA, &"0".repeat(32)),
    ] {
        let refused = app.fetch_file(&key(tenant), (contact, message), now()).await.unwrap();
        assert_eq!(refused.status, 404, "{tenant} {contact}");
    }
    // What is masked on its way out leaves as its masked text only.
    let masked = made::pdf(&[&format!("card {CARD}")]);
    let masked = agent.reply_file(&hers.conversation, ("card.pdf", &masked), "reply-2").await.unwrap();
    assert_eq!(app.fetch_file(&key("demo"), (ANNA, &masked.message), now()).await.unwrap().status, 404);
    let said = app.messages(&key("demo"), ANNA, Page::default(), now()).await.unwrap().messages;
    let leaves = said.iter().find(|message| message.message == masked.message).unwrap();
    assert!(leaves.file.is_some() && !leaves.text.contains(CARD), "{}", leaves.text);
    // What nobody can read leaves in no form.
    for (number, file) in
        [made::png(), made::program(), made::pdf_with(&["t"], "/Encrypt 9 0 R")].into_iter().enumerate()
    {
        let refused = agent.reply_file(&hers.conversation, ("a", &file), &format!("refused-{number}")).await;
        assert_eq!(refused.unwrap_err().code(), Some("file_not_sendable"));
    }
    let elsewhere = agent.reply_file(&"0".repeat(32), ("a", &contract), "reply-3").await;
    assert_eq!(elsewhere.unwrap_err().code(), Some("not_found"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_or_lacks_its_headers_is_refused_and_nothing_is_kept() {
    let mut world = World::private();
    world.sections = "[attachments]\nbytes_max = 4096\n".to_owned();
    let server = world.start(NODE);
    let app = server.client();
    let large = vec![b'a'; 4097];
    let refused = app.send_file(&key("demo"), (ANNA, "a", &large), "large", now()).await;
    assert_eq!(refused.unwrap_err().code(), Some("body_too_large"));
    let fits = app.send_file(&key("demo"), (ANNA, "a", &large[1..]), "fits", now()).await.unwrap();
    assert_eq!(told(&fits), ("text", "shown", None, true));
    let long = app.send_file(&key("demo"), (ANNA, &"n".repeat(1025), b"a"), "name", now()).await;
    assert_eq!(long.unwrap_err().code(), Some("malformed_header"));
    let bare = ask(&app, "POST", &key("demo").files_path(), Some(json!({}))).await;
    assert_eq!(code(&bare), "missing_header");
    let said = app.messages(&key("demo"), ANNA, Page::default(), now()).await.unwrap();
    assert_eq!(said.messages.len(), 1);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_later_message_tells_a_secret_of_is_kept_no_longer_and_altered_ones_are_named() {
    let world = World::private();
    let server = world.start(NODE);
    let app = server.client();
    let code = sent(&server, "code.txt", b"83619274", "file-1").await;
    assert_eq!(told(&code), ("text", "shown", None, true));
    app.send_message(&key("demo"), (ANNA, "刚才那个是验证码"), "names-it", now()).await.unwrap();
    let other = sent(&server, "other.txt", b"nothing much", "file-2").await;
    let said = app.messages(&key("demo"), ANNA, Page::default(), now()).await.unwrap().messages;
    let file = |message: &str| said.iter().find(|said| said.message == message).unwrap().file.clone().unwrap();
    assert!(!file(&code.message).kept && file(&other.message).kept);
    assert!(said.iter().all(|message| !message.text.contains("83619274")));
    until("everything to be published", async || world.verify(NODE, "demo").0).await;
    server.stop();

    let (postgres, owner) = world.owner_of(NODE).await;
    let left = "SELECT count(*) FROM attachment_piece p JOIN attachment f USING (tenant, message) WHERE NOT f.kept AND p.sealed <> ''";
    assert_eq!(owner.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    let of = other.index;
    let changes = [
        ("UPDATE attachment SET bytes = 1 WHERE kept", "its format or size is another"),
        ("UPDATE attachment SET fate = 1 WHERE kept", "what became of it is another"),
        ("UPDATE attachment SET kept = false WHERE kept", "it is not kept and its entry says that it is"),
        ("UPDATE attachment_piece SET sealed = substr(sealed, 2) WHERE sealed <> ''", "it does not open"),
        ("DELETE FROM attachment WHERE kept", "it is missing"),
    ];
    owner.batch_execute("CREATE TABLE kept_file AS SELECT * FROM attachment; CREATE TABLE kept_piece AS SELECT * FROM attachment_piece").await.unwrap();
    for (change, expected) in changes {
        owner.batch_execute(change).await.unwrap();
        let (same, told) = world.verify(NODE, "demo");
        assert!(!same && told.contains(expected) && told.contains(&format!("entry {}", of - 1)), "{change}: {told}");
        let back = "DELETE FROM attachment; INSERT INTO attachment SELECT * FROM kept_file; \
                    DELETE FROM attachment_piece; INSERT INTO attachment_piece SELECT * FROM kept_piece";
        owner.batch_execute(back).await.unwrap();
    }
    assert!(world.verify(NODE, "demo").0);
    drop(owner);
    postgres.stop().await.unwrap();
}
