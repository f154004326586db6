//! Feeds the readers of signed notes, of verifier keys of both kinds, of SM2 signature lines, of statements that a log's key changed,
//! and of declarations of a gap.
//!
//! What parses is written back unchanged, and no signature line is believed for a key that signed nothing.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::national::{demand, unverified_roots};
use lww_audit::{
    Note, NoteSigner, SignedCheckpoint, SignedDeclaration, SignedRotation, Sm2Key, Sm2Signer, VerifierKey,
};

fn silent_key() -> &'static VerifierKey {
    static KEY: OnceLock<VerifierKey> = OnceLock::new();
    KEY.get_or_init(|| NoteSigner::from_seed("silent", &[7; 32]).expect("a good name").verifier_key().clone())
}

/// The SM2 key of one log, whose lines in the corpus are all forged.
fn silent_sm2_key() -> &'static Sm2Key {
    static KEY: OnceLock<Sm2Key> = OnceLock::new();
    KEY.get_or_init(|| Sm2Signer::from_bytes("lww.example/acme/1", &[9; 32]).expect("a good key").key().clone())
}

fuzz_target!(|data: &[u8]| {
    if let Ok(signed) = SignedCheckpoint::parse(data) {
        assert!(unverified_roots(&signed).count() <= signed.note().signatures().len());
        let found = demand(&signed, std::slice::from_ref(silent_sm2_key()));
        assert!(!matches!(found, Ok(Some(_))), "a forged SM2 signature was believed");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = text.parse::<Sm2Key>()
    {
        assert_eq!(key.to_string(), text, "two forms of one SM2 key");
        assert!(text.parse::<VerifierKey>().is_err() && Sm2Key::is_one(text), "a key of two kinds");
    }

    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data, "two forms of one note");
        assert!(!note.signatures().is_empty() && note.text().ends_with('\n'));
        assert!(note.verify(std::slice::from_ref(silent_key()), "silent").is_err(), "a forged signature was believed");
    }
    if let Ok(rotation) = SignedRotation::parse(data) {
        assert_eq!(rotation.note().to_string().as_bytes(), data, "two forms of one statement");
        assert!(rotation.verify(std::slice::from_ref(silent_key())).is_err(), "a stranger named a successor");
    }
    if let Ok(declared) = SignedDeclaration::parse(data) {
        assert_eq!(declared.note().to_string().as_bytes(), data, "two forms of one declaration");
        assert!(declared.verify(std::slice::from_ref(silent_key())).is_err(), "a stranger declared a gap");
        let told = declared.unverified();
        assert!(told.kept.0 < told.lost.0 && told.by[0] != told.by[1], "a declaration that can't be true");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = text.parse::<VerifierKey>()
    {
        assert_eq!(key.to_string(), text, "two forms of one key");
    }
});
