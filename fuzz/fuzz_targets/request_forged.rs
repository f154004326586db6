//! Feeds the HTTP channel requests as they arrive: any signature, digest, headers, query and body.
//!
//! Whoever doesn't know the secret is refused, whatever they write, and the error repeats nothing that would not be a name
//! or a number of ours.
#![no_main]

use liaowaiwai_fuzz::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let error = Parts::read(data).send().err().expect("a request without a signature by our key was taken");
    assert!(error.to_string().is_ascii(), "an error repeats the request");
});
