//! Feeds the web channel visits and tokens.
//!
//! Nobody is proven without the secret, no made-up token is admitted, and a token that is given is admitted.
#![no_main]

use liaowaiwai::domain::message::RawBody;
use liaowaiwai::units::Timestamp;
use liaowaiwai_fuzz::web;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = std::str::from_utf8(data) {
        assert!(web().admit(token, NOW).is_err(), "a made-up token was admitted");
    }
    match web().visit(&RawBody::new(data.to_vec()), NOW, [7; 28]) {
        Ok(visit) => {
            assert!(!visit.is_proven, "somebody was proven without the secret");
            assert!(web().admit(&visit.token, NOW).is_ok(), "a fresh token is not admitted");
        }
        Err(error) => assert!(error.to_string().is_ascii(), "an error repeats the visit"),
    }
});
