//! Staff passwords: argon2id hashes in PHC form, and one-time passwords that people can type.
//!
//! Parameters are OWASP's for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. It knows no
//! accounts and no throttling. Hashing takes tens of milliseconds and its memory: callers run it where blocking is fine
//! and bound how many run at a time.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use zeroize::Zeroizing;

use crate::domain::message::RawText;
use crate::limits::PASSWORD_BYTES_MAX;
use crate::ports::{Passwords, Random, VaultError, random_bytes};

/// Memory of one hash, in KiB.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSES: u32 = 2;
/// Lanes.
pub const LANES: u32 = 1;
/// Most memory that a stored hash may ask for, in KiB: a changed row must not exhaust the machine.
pub const STORED_MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Most passes that a stored hash may ask for.
pub const STORED_PASSES_MAX: u32 = 16;

/// 32 characters that can't be mistaken for one another: no `0`, `1`, `l`, `o`, and no capitals.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 4;
/// What a password is held against where there is no hash: one of today's cost, of the word `nobody`.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bHd3IHVua25vd24gbmFtZQ$Na9hsBXw3XVT8JyxBqyDb3h0wgjIAadA03TBvF4d61g";

/// Argon2id.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argon2Passwords;

impl Passwords for Argon2Passwords {
    fn hash(&self, password: &RawText, salt: [u8; 16]) -> Result<String, VaultError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(VaultError::Cipher);
        }
        hash(password, &salt)
    }

    fn one_time(&self, random: &dyn Random) -> RawText {
        one_time_password(random)
    }

    /// The longest password is a public bound, so refusing a longer one early tells nothing about names.
    fn verify(&self, password: &RawText, phc: Option<&str>) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let (matches, is_somebody) = compare(password, phc);
        matches & is_somebody
    }
}

/// Whether the password matches the hash that it was held against, and whether that is somebody's. An unknown name must
/// take as long as a wrong password, so there is always one to compute.
fn compare(password: &RawText, phc: Option<&str>) -> (bool, bool) {
    let stored = phc.and_then(|text| PasswordHash::new(text).ok()).filter(affordable);
    let is_somebody = stored.is_some();
    let held_against = stored.or_else(|| PasswordHash::new(NOBODY).ok());
    let matches =
        held_against.is_some_and(|held| Argon2::default().verify_password(password.expose().as_bytes(), &held).is_ok());
    (matches, is_somebody)
}

/// Draws a one-time password of 80 random bits: four groups of four, as in `k7mq-2xfa-93vb-ttne`.
pub fn one_time_password(random: &dyn Random) -> RawText {
    let bytes = Zeroizing::new(random_bytes::<{ GROUPS * GROUP_CHARS }>(random));
    let mut text = String::with_capacity(bytes.len() + GROUPS);
    for group in bytes.chunks(GROUP_CHARS) {
        if !text.is_empty() {
            text.push('-');
        }
        // 256 is a multiple of the alphabet's 32, so every character is equally likely.
        text.extend(group.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).copied().map(char::from));
    }
    RawText::new(text)
}

fn hash(password: &RawText, salt: &[u8]) -> Result<String, VaultError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| VaultError::Cipher)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.expose().as_bytes(), salt)
        .map(|phc| phc.to_string())
        .map_err(|_| VaultError::Cipher)
}

fn affordable(stored: &PasswordHash) -> bool {
    Params::try_from(stored)
        .is_ok_and(|params| params.m_cost() <= STORED_MEMORY_KIB_MAX && params.t_cost() <= STORED_PASSES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemRandom;

    fn text(value: &str) -> RawText {
        RawText::new(value.to_owned())
    }

    #[test]
    fn a_hash_matches_its_password_and_no_other() {
        let phc = Argon2Passwords.hash(&text("correct horse battery"), [7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(Argon2Passwords.verify(&text("correct horse battery"), Some(&phc)));
        for wrong in ["correct horse batterz", "", "Correct horse battery", "correct horse battery\0"] {
            assert!(!Argon2Passwords.verify(&text(wrong), Some(&phc)), "{wrong:?}");
        }
    }

    #[test]
    fn hashes_that_are_damaged_or_ask_for_too_much_match_nothing() {
        let phc = Argon2Passwords.hash(&text("a"), [7; 16]).unwrap();
        for stored in [
            "",
            "a",
            "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
            &phc.replace("m=19456", "m=4000000"),
            &phc.replace("t=2", "t=17"),
            &phc.replace("argon2id", "argon2x"),
            &phc[..phc.len() - 2],
        ] {
            assert!(!Argon2Passwords.verify(&text("a"), Some(stored)), "{stored}");
        }
    }

    #[test]
    fn an_unknown_name_costs_what_a_wrong_password_costs() {
        // That the word matches shows that the hash was computed; it lets nobody in all the same.
        for unknown in [None, Some(""), Some("$argon2id$v=19$m=4000000,t=2,p=1$AAAA")] {
            assert_eq!(compare(&text("nobody"), unknown), (true, false), "{unknown:?}");
            assert!(!Argon2Passwords.verify(&text("nobody"), unknown), "{unknown:?}");
            assert_eq!(compare(&text("b"), unknown), (false, false), "{unknown:?}");
        }
        let phc = Argon2Passwords.hash(&text("a"), [7; 16]).unwrap();
        assert_eq!(compare(&text("b"), Some(&phc)), (false, true));
        let cost = |phc: &str| phc.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!((cost(NOBODY), NOBODY.len()), (cost(&phc), phc.len()));
    }

    #[test]
    fn passwords_beyond_the_bound_are_neither_hashed_nor_verified() {
        let long = text(&"a".repeat(PASSWORD_BYTES_MAX + 1));
        assert!(Argon2Passwords.hash(&long, [7; 16]).is_err());
        assert!(!Argon2Passwords.verify(&long, None));
        let longest = text(&"a".repeat(PASSWORD_BYTES_MAX));
        let phc = Argon2Passwords.hash(&longest, [7; 16]).unwrap();
        assert!(Argon2Passwords.verify(&longest, Some(&phc)));
    }

    #[test]
    fn one_time_passwords_can_be_typed_and_differ() {
        let random = SystemRandom::new();
        let drawn: std::collections::BTreeSet<String> =
            (0..500).map(|_| one_time_password(&random).expose().to_owned()).collect();
        assert_eq!(drawn.len(), 500);
        for password in &drawn {
            let groups: Vec<&str> = password.split('-').collect();
            assert!(groups.len() == GROUPS && groups.iter().all(|group| group.len() == GROUP_CHARS), "{password}");
            assert!(!password.contains(['0', 'O', '1', 'l', 'o', 'I']), "{password}");
        }
        let used: std::collections::BTreeSet<char> = drawn.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(used.len(), ALPHABET.len() + 1);
    }
}
