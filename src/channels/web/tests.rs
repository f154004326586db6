//! Visits, tokens, proofs and frames of the web channel.

use super::*;
use crate::domain::record::{ConversationState, Marks};
use crate::ports::{Author, CustomerMessage, Standing};
use crate::units::{ConversationId, EntryIndex, MessageId};
use zeroize::Zeroizing;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn web(identities: Option<&str>) -> Arc<dyn Session> {
    let config = ChannelConfig {
        account: "widget".into(),
        keyid: "key-1".into(),
        secret: Zeroizing::new(vec![7; 32]),
        identities: identities.map(str::to_owned),
        origins: vec!["https://www.bank.example".into()],
    };
    match open(config).unwrap() {
        Channel::Session(session) => session,
        Channel::Webhook(_) => panic!("not a session"),
    }
}

fn body(text: &str) -> RawBody {
    RawBody::new(text.as_bytes().to_vec())
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + seconds * MICROS_PER_SECOND)
}

fn contact(session: &dyn Session, token: &str, now: Timestamp) -> String {
    session.admit(token, now).unwrap().contact.unwrap().expose().to_owned()
}

#[test]
fn a_visitor_is_the_same_while_the_token_is_renewed_and_another_without_it() {
    let web = web(None);
    let first = web.visit(&body("{}"), NOW, [1; 28]).unwrap();
    let who = contact(&*web, &first.token, NOW);
    let renewed = web.visit(&body(&format!("{{\"token\":\"{}\"}}", first.token)), later(7_200), [2; 28]).unwrap();
    assert_eq!(contact(&*web, &renewed.token, later(7_200)), who);
    assert!(!renewed.is_proven && renewed.token != first.token);
    let other = web.visit(&body("{}"), NOW, [3; 28]).unwrap();
    assert_ne!(contact(&*web, &other.token, NOW), who);
    let long_after = later(VISITOR_TOKEN_S + VISITOR_RETURN_S_MAX + 1);
    let late = web.visit(&body(&format!("{{\"token\":\"{}\"}}", first.token)), long_after, [4; 28]).unwrap();
    assert_ne!(contact(&*web, &late.token, long_after), who);
}

#[test]
fn a_token_is_good_for_its_time_and_its_account_only() {
    let web = web(None);
    let visit = web.visit(&body("{}"), NOW, [1; 28]).unwrap();
    assert!(web.admit(&visit.token, later(VISITOR_TOKEN_S - 1)).is_ok());
    let over = web.admit(&visit.token, later(VISITOR_TOKEN_S)).err();
    assert!(matches!(over, Some(ChannelError::Stale { .. })), "{over:?}");
    let elsewhere = TokenKey::derive(&[7; 32], "other").unwrap();
    assert!(elsewhere.open(&visit.token).is_err());
    for at in 0..visit.token.len() {
        let mut bytes = visit.token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        assert!(web.admit(&altered, NOW).is_err() || altered == visit.token, "byte {at}");
    }
}

#[test]
fn a_proof_names_the_person_and_logging_out_makes_another_visitor() {
    let web = web(Some("customers"));
    let time = NOW.as_micros() / MICROS_PER_SECOND;
    let signed = frames::signed_identity("widget", &RawText::new("cust-1".into()), time, &About::default());
    let proof = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), &signed);
    let proof = proof.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
    let login = format!("{{\"identity\":{{\"id\":\"cust-1\",\"time\":{time},\"proof\":\"{proof}\"}}}}");
    let visit = web.visit(&body(&login), NOW, [1; 28]).unwrap();
    assert!(visit.is_proven);
    let person = web.admit(&visit.token, NOW).unwrap();
    let proven = person.proven.unwrap();
    assert_eq!((proven.realm.as_str(), proven.id.expose(), person.vouched), ("customers", "cust-1", false));
    let out = web.visit(&body(&format!("{{\"token\":\"{}\"}}", visit.token)), NOW, [2; 28]).unwrap();
    assert_ne!(contact(&*web, &out.token, NOW), contact(&*web, &visit.token, NOW));
    assert!(web.admit(&out.token, NOW).unwrap().proven.is_none());
    let refused = self::web(None).visit(&body(&login), NOW, [3; 28]).err();
    assert!(matches!(refused, Some(ChannelError::BadField { field: "identity", .. })), "{refused:?}");
}

#[test]
fn frames_are_read_strictly() {
    let web = web(None);
    let Ok(CustomerFrame::Send { key, text, .. }) = web.frame(&body(r#"{"type":"send","key":"k","text":"好"}"#))
    else {
        panic!("refused")
    };
    assert_eq!((key.as_str(), text.expose()), ("k", "好"));
    let Ok(CustomerFrame::Seen(marks)) = web.frame(&body(r#"{"type":"seen","read":7}"#)) else { panic!("refused") };
    assert_eq!(marks, Marks { delivered: None, read: Some(EntryIndex(7)) });
    assert!(matches!(web.frame(&body(r#"{"type":"typing"}"#)), Ok(CustomerFrame::Typing)));
    for refused in [
        "",
        "[]",
        r#"{"type":"send"}"#,
        r#"{"type":"typing","x":1}"#,
        r#"{"type":"seen","read":-1}"#,
        r#"{"type":"send","key":"k k","text":"t"}"#,
        r#"{"type":"send","key":"k","text":""}"#,
    ] {
        assert!(web.frame(&body(refused)).is_err(), "{refused}");
    }
}

#[test]
fn events_are_written_as_described() {
    let web = web(None);
    let conversation = ConversationId::from_random([1; 16]);
    let id = conversation.to_string();
    let message = CustomerMessage {
        id: MessageId::from_random([2; 16]),
        conversation,
        index: EntryIndex(9),
        again: None,
        time: NOW,
        from_bank: true,
        by: Author::Server,
        masked: true,
        text: "a \"quote\"\n".into(),
        file: None,
    };
    let written: serde_json::Value = serde_json::from_str(&web.text(&CustomerEvent::Said(message))).unwrap();
    assert_eq!(written["type"], "message");
    assert_eq!((&written["by"], &written["masked"]), (&"server".into(), &true.into()));
    assert_eq!(
        (&written["index"], &written["text"], &written["conversation"]),
        (&9.into(), &"a \"quote\"\n".into(), &id.clone().into())
    );
    for (state, word) in [
        (ConversationState::Waiting, "waiting"),
        (ConversationState::Assigned, "assigned"),
        (ConversationState::Solved, "solved"),
        (ConversationState::Closed, "closed"),
    ] {
        let text = web.text(&CustomerEvent::Stands(Standing { conversation, state, marks: None, wish: None }));
        assert_eq!(
            text,
            format!(r#"{{"conversation":"{id}","marks":null,"state":"{word}","type":"conversation","wish":null}}"#)
        );
    }
}
