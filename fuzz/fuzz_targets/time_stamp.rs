//! Time-stamp tokens, answers of authorities and their certificates (FORMAT.md, "Anchors").
//!
//! Whatever comes, there is an answer in bounded time; without a trusted authority nothing is believed, and what is believed states
//! a time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::error::Class;
use lww_audit::timestamp::{Authorities, Query, verify};
use lww_audit::{Error, Hash};

fuzz_target!(|data: &[u8]| {
    let nobody = Authorities::default();
    let imprint = Hash([0x5a; 32]);
    let refused = verify(data, &imprint, &nobody).expect_err("nobody is trusted");
    assert_eq!(refused.class(), Class::BadAnchor);
    let query = Query::new(imprint, [7; 16]);
    if let Err(error) = query.answered(data, &nobody) {
        assert!(matches!(error, Error::BadAnchor { .. } | Error::TooLong { .. }), "{error}");
    } else {
        panic!("nobody is trusted");
    }
    // Half of the input as authorities, the other half as a token.
    let (authorities, token) = data.split_at(data.len() / 2);
    if let Ok(authorities) = Authorities::parse(authorities)
        && let Ok(stamp) = verify(token, &imprint, &authorities)
    {
        assert!(stamp.not_before() <= stamp.before());
    }
});
