//! E0277: raw text has no Display, so it can reach no log line.

use liaowaiwai::domain::message::RawText;

pub fn log(text: &RawText) -> String {
    format!("{text}") //~ allowed:     format!("{}", text.len())
}
