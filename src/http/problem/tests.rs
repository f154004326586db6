//! Problems as they are written down: each refusal with its code, status, headers and words.

use actix_web::body::to_bytes_limited;
use actix_web::http::header;
use actix_web::test::TestRequest;

use super::*;
use crate::units::EntryIndex;
use crate::wire::JsonFault;

async fn answered(problem: impl Into<Problem>, language: &str) -> (actix_web::HttpResponse<()>, ProblemDetails) {
    let request = TestRequest::default().insert_header((header::ACCEPT_LANGUAGE, language)).to_http_request();
    let (head, body) = render(&problem.into(), &request).into_parts();
    let body = to_bytes_limited(body, 4_096).await.unwrap().unwrap();
    (head, crate::wire::json(&body).unwrap())
}

#[actix_web::test]
async fn every_refusal_has_its_code_status_and_way_out() {
    let index = EntryIndex(7);
    for (refusal, status, code, retry_after, told) in [
        (Refusal::NotFound { what: "conversation" }, 404, "not_found", None, "no such conversation"),
        (Refusal::Forbidden, 403, "forbidden", None, "role"),
        (Refusal::BadCredentials, 401, "bad_credentials", None, "POST /api/v1/session"),
        (Refusal::Throttled { retry_after_s: 42 }, 429, "throttled", Some("42"), "42 seconds"),
        (Refusal::TooOften { retry_after_s: 42 }, 429, "too_often", Some("42"), "42 seconds"),
        (Refusal::NotReversible, 403, "not_reversible", None, "stored nowhere"),
        (Refusal::Lapsed, 410, "lapsed", None, "ask again"),
        (Refusal::MustChangePassword, 403, "must_change_password", None, "/api/v1/session/password"),
        (
            Refusal::Invalid { field: "text", expected: "1 to 16384 bytes" },
            422,
            "invalid_field",
            None,
            "text: expected 1",
        ),
        (Refusal::Conflict, 409, "conflict", None, "repeat"),
        (Refusal::KeyReused { first: index }, 422, "key_reused", None, "index 7"),
        (Refusal::Overloaded, 503, "overloaded", Some("1"), "same key"),
        (Refusal::Unavailable, 503, "unavailable", Some("5"), "same key"),
        (Refusal::Unknown, 503, "outcome_unknown", Some("1"), "same key"),
        (Refusal::Stopped, 503, "ledger_stopped", Some("60"), "operator"),
        (Refusal::NoPolicy, 503, "no_policy", Some("60"), "lww policy activate"),
    ] {
        let (head, details) = answered(refusal, "en").await;
        assert_eq!((head.status().as_u16(), details.code.as_str()), (status, code));
        assert_eq!((details.status, details.kind.as_str()), (status, format!("urn:lww:problem:{code}").as_str()));
        assert!(details.detail.contains(told), "{}", details.detail);
        assert!(!details.detail.contains(['{', '}']), "{}", details.detail);
        let header = |name| head.headers().get(name).map(|value: &header::HeaderValue| value.to_str().unwrap());
        assert_eq!(header(header::RETRY_AFTER), retry_after);
        assert_eq!(header(header::CONTENT_TYPE), Some("application/problem+json"));
        assert_eq!(header(header::WWW_AUTHENTICATE).is_some(), status == 401);
    }
}

#[actix_web::test]
async fn every_channel_error_has_its_code_and_place() {
    let expected = "no body";
    for (error, status, code, field) in [
        (ChannelError::MissingHeader { name: "signature" }, 401, "not_signed", Some("signature")),
        (ChannelError::MissingHeader { name: "idempotency-key" }, 400, "missing_header", Some("idempotency-key")),
        (ChannelError::MalformedHeader { name: "signature", expected }, 400, "malformed_header", Some("signature")),
        (ChannelError::NotCovered { component: "@path" }, 401, "not_covered", Some("@path")),
        (ChannelError::BadSignature, 401, "bad_signature", None),
        (ChannelError::BadDigest, 400, "bad_digest", None),
        (ChannelError::Stale { skew_s: -400, max_s: 300 }, 401, "stale_signature", None),
        (ChannelError::MalformedBody { expected, offset: 9 }, 400, "malformed_body", None),
        (ChannelError::BadField { field: "text", expected }, 422, "invalid_field", Some("text")),
        (ChannelError::NotFound { expected: "POST and GET" }, 404, "wrong_address", None),
    ] {
        let (_, details) = answered(error, "en").await;
        assert_eq!((details.status, details.code.as_str(), details.field.as_deref()), (status, code, field));
    }
    let (_, details) = answered(ChannelError::Stale { skew_s: -400, max_s: 300 }, "en").await;
    assert_eq!(details.detail, "Signed -400 seconds away from the server's clock, at most 300 are allowed.");
    let (_, details) = answered(JsonError { fault: JsonFault::CutOff, offset: 9 }, "en").await;
    assert_eq!((details.detail.as_str(), details.offset), ("At byte 9: expected a whole JSON value.", Some(9)));
}

#[actix_web::test]
async fn the_reader_s_language_decides_the_words_and_never_the_code() {
    for (accepted, chinese) in [
        ("", false),
        ("en", false),
        ("fr", false),
        ("zh", true),
        ("zh-CN,zh;q=0.9,en;q=0.8", true),
        ("en-GB,zh;q=0.9", false),
        ("zh;q=0", false),
        ("zh;q=nan, en;q=0.1", false),
        ("ZH-hant", true),
    ] {
        let (head, details) = answered(Refusal::NotFound { what: "conversation" }, accepted).await;
        assert_eq!(details.code, "not_found");
        assert_eq!(details.title == "未找到", chinese, "{accepted}");
        let language = head.headers().get(header::CONTENT_LANGUAGE).unwrap();
        assert_eq!(language, if chinese { "zh-CN" } else { "en" });
        assert_eq!(details.detail.contains("会话"), chinese);
    }
}
