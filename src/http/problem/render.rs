//! Writes a problem down: `application/problem+json`, in the reader's language.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds::{self, Kind};
use super::{Fill, Fills, Problem, phrases};
use crate::http::api::leaving_answers::Held;
use crate::pipeline::Refusal;

/// A problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// `urn:lww:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// What is wrong here, and the way out.
    pub detail: String,
    /// The field, parameter, header or component concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Bytes from the start of the body to where reading stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Index of the entry that a reused key stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_index: Option<i64>,
    /// A message that is held before it leaves, with its way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// The languages that problems are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The one that `Accept-Language` (RFC 9110, section 12.5.4) weighs most; English when it names neither.
    pub(in crate::http) fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let weigh = |language: &str| {
            let ranges = accepted.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let named = parts.next()?.split('-').next()?.eq_ignore_ascii_case(language);
                let weight =
                    parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
                weight.filter(|weight| named && weight.is_finite())
            });
            ranges.fold(0.0, f32::max)
        };
        if weigh("zh") > weigh("en") { Self::Chinese } else { Self::English }
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.told().0)
    }

    /// A bare answer; [`render`] puts the document in, once the reader's language is at hand.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The answer to a request that ended in `problem`.
pub(crate) fn render(problem: &Problem, request: &HttpRequest) -> HttpResponse {
    let (kind, fills) = problem.told();
    let held =
        if let Problem::Refused(Refusal::Leaving(leaving)) = problem { Some(Held::from(&**leaving)) } else { None };
    document(kind, (&fills, held), Language::of(request.headers()))
}

/// The answer in place of one that the framework gave with nothing but a status.
pub(crate) fn replacement(status: StatusCode, request: &HttpRequest) -> HttpResponse {
    let kind = match status {
        StatusCode::NOT_FOUND => &kinds::NO_SUCH_ADDRESS,
        StatusCode::METHOD_NOT_ALLOWED => &kinds::METHOD_NOT_ALLOWED,
        client if client.is_client_error() => &kinds::BAD_REQUEST,
        _ => &kinds::INTERNAL,
    };
    document(kind, (&Vec::new(), None), Language::of(request.headers()))
}

fn document(kind: &Kind, (fills, held): (&Fills, Option<Held>), language: Language) -> HttpResponse {
    let details = ProblemDetails { held, ..details(kind, fills, language) };
    let mut response = HttpResponse::build(status(kind));
    response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    response.insert_header((header::CONTENT_LANGUAGE, language.tag()));
    response.insert_header((header::VARY, "Accept-Language"));
    let given = fills.iter().find_map(|(name, fill)| match (*name, fill) {
        ("retry_after_s", Fill::Number(seconds)) => u64::try_from(*seconds).ok(),
        _ => None,
    });
    if let Some(seconds) = given.or(kind.retry_after_s) {
        response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    if kind.status == 401 {
        // RFC 9110, section 11.6.1 asks for a challenge; neither scheme is one that a browser would prompt for.
        let scheme = if *kind == kinds::BAD_CREDENTIALS { "Session" } else { "Signature" };
        response.insert_header((header::WWW_AUTHENTICATE, scheme));
    }
    match serde_json::to_vec(&details) {
        Ok(body) => response.body(body),
        Err(_) => response.finish(),
    }
}

pub(super) fn details(kind: &Kind, fills: &Fills, language: Language) -> ProblemDetails {
    let (title, template) = match language {
        Language::English => kind.en,
        Language::Chinese => kind.zh,
    };
    let mut detail = template.to_owned();
    for (name, fill) in fills {
        let value = match (fill, language) {
            (Fill::Name(name), _) => (*name).to_owned(),
            (Fill::Phrase(phrase), Language::English) => (*phrase).to_owned(),
            (Fill::Phrase(phrase), Language::Chinese) => phrases::in_chinese(phrase).to_owned(),
            (Fill::Number(number), _) => number.to_string(),
            (Fill::Text(text), _) => text.clone(),
        };
        detail = detail.replace(&format!("{{{name}}}"), &value);
    }
    let word = |wanted: &str| {
        fills.iter().find_map(|(name, fill)| match fill {
            Fill::Name(value) if *name == wanted => Some((*value).to_owned()),
            Fill::Name(_) | Fill::Phrase(_) | Fill::Number(_) | Fill::Text(_) => None,
        })
    };
    let figure = |wanted: &str| {
        fills.iter().find_map(|(name, fill)| match fill {
            Fill::Number(value) if *name == wanted => Some(*value),
            Fill::Name(_) | Fill::Phrase(_) | Fill::Number(_) | Fill::Text(_) => None,
        })
    };
    ProblemDetails {
        kind: format!("urn:lww:problem:{}", kind.code),
        title: title.to_owned(),
        status: kind.status,
        code: kind.code.to_owned(),
        detail,
        field: word("field"),
        offset: figure("offset"),
        first_index: figure("first_index"),
        held: None,
    }
}

/// Every kind's status is a valid one; a test holds them all against the range.
fn status(kind: &Kind) -> StatusCode {
    StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
