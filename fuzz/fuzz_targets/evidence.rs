//! Evidence files (FORMAT.md, "Evidence"): whatever is parsed is written in the same bytes and parsed the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::Evidence;

fuzz_target!(|data: &[u8]| {
    if let Ok(evidence) = Evidence::parse(data) {
        let text = evidence.to_string();
        assert_eq!(Evidence::parse(text.as_bytes()).unwrap(), evidence);
        assert!(evidence.verify(&[]).is_err(), "without a key nothing is true");
    }
});
