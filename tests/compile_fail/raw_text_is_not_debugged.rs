//! E0277: raw text has no Debug, so it can reach no panic.

use liaowaiwai::domain::message::RawText;

pub fn log(text: &RawText) -> String {
    format!("{text:?}") //~ allowed:     format!("{:?}", text.is_empty())
}
