//! Feeds the strict reader of JSON bodies, `wire::json`, with types of the API and with one of its own.
//!
//! An error points into the body and has none of its words; what is read can be written and read again, and is the same.
#![no_main]

use liaowaiwai::app::Order;
use liaowaiwai::http::answers::{Accepted, CustomerMessages};
use liaowaiwai::wire::{self, JsonFault};
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    contact: String,
    text: String,
}

fuzz_target!(|data: &[u8]| {
    check::<NewMessage>(data);
    check::<Accepted>(data);
    check::<CustomerMessages>(data);
    check::<Order>(data);
});

fn check<T: DeserializeOwned + Serialize>(body: &[u8]) {
    match wire::json::<T>(body) {
        Ok(value) => {
            let written = serde_json::to_string(&value).expect("what was read can be written");
            let again = wire::json::<T>(written.as_bytes()).ok().expect("what was written can be read");
            assert_eq!(serde_json::to_string(&again).expect("and written again"), written);
        }
        Err(error) => {
            assert!(error.offset <= body.len(), "an offset beyond the body");
            assert_eq!(error.fault == JsonFault::NotUtf8, std::str::from_utf8(body).is_err());
            assert_eq!(error.to_string(), format!("{} (at byte {})", error.fault.expected(), error.offset));
        }
    }
}
