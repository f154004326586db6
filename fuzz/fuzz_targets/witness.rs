//! Requests to a witness, and its answers (C2SP tlog-witness): whatever is parsed is written in the same bytes, and nothing is
//! cosigned that no key of the log has signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::NoteSigner;
use lww_audit::note::Note;
use lww_audit::witness::{AddCheckpoint, Refusal, judge, parse_cosignatures};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(data) {
        let again = AddCheckpoint::parse(request.to_string().as_bytes()).unwrap();
        assert_eq!(again, request);
        let origin = request.checkpoint.unverified().origin.as_str().to_owned();
        // Nobody outside of this target has the key, and no input can sign with it.
        let key = NoteSigner::from_seed(&origin, &[42; 32]).unwrap().verifier_key().clone();
        assert_eq!(judge(&request, &[], None), Err(Refusal::UnknownLog));
        if let Ok(checkpoint) = judge(&request, std::slice::from_ref(&key), None) {
            assert!(request.checkpoint.verify(&[key]).is_ok() && checkpoint == request.checkpoint.unverified());
        }
    }
    if let Ok(lines) = parse_cosignatures(data) {
        assert!(!lines.is_empty());
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(parse_cosignatures(text.as_bytes()).unwrap(), lines);
        assert!(Note::new("text\n".to_owned(), lines).is_ok());
    }
});
