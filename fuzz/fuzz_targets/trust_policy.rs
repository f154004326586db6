//! Feeds the reader of trust policies.
//!
//! The same bytes are the same policy, an error's place lies in them, and more witnesses never make a policy less content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::{Error, TrustPolicy};

fuzz_target!(|data: &[u8]| {
    match TrustPolicy::parse(data) {
        Ok(policy) => {
            let again = TrustPolicy::parse(data).expect("what can be read can be read again");
            assert_eq!(policy.logs().len(), again.logs().len());
            assert_eq!(policy.witnesses().len(), again.witnesses().len());
            let mut content = policy.is_content_with(|_| false);
            for enough in 1..=policy.witnesses().len() {
                let more = policy.is_content_with(|at| at < enough);
                assert!(more || !content, "one more witness was one too many");
                content = more;
            }
        }
        Err(Error::Malformed { offset, .. }) => {
            assert!(offset <= data.len() as u64, "byte {offset} is not in the text")
        }
        Err(_) => {}
    }
});
