//! The account's key: a file that nobody else may read, and signatures over hashes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use k256::ecdsa::SigningKey;
use lww_audit::evm::{Address, keccak256};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::{Zeroize as _, Zeroizing};

const OTHERS_BITS: u32 = 0o077;
const TEXT_BYTES_MAX: u64 = 80;

/// The key can't be used. Nothing of the file's content is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or made.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others may read the file.
    #[error("{path} has mode {mode:o}, and its owner alone may reach it: chmod 600 {path}")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds no key.
    #[error("{path} holds no key: 64 hexadecimal digits (0x before them or not), a number below the curve's order")]
    Content {
        /// The file.
        path: PathBuf,
    },
}

/// The key of one account. It has no `Debug`.
pub struct AccountKey {
    key: SigningKey,
    address: Address,
}

/// A signature with what recovers the signer's key: r and s (s in the lower half), and y's parity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// 32 bytes.
    pub r: [u8; 32],
    /// 32 bytes.
    pub s: [u8; 32],
    /// Whether y is odd.
    pub odd: bool,
}

impl AccountKey {
    /// Reads a key from a file of mode 0600 or stricter.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let io = |error| KeyError::Io { path: path.into(), error };
        let file = File::open(path).map_err(io)?;
        let mode = file.metadata().map_err(io)?.mode() & 0o7777;
        if mode & OTHERS_BITS != 0 {
            return Err(KeyError::Mode { path: path.into(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(io)?;
        Self::read(&text).ok_or_else(|| KeyError::Content { path: path.into() })
    }

    /// Makes a new key in a file of mode 0600 that isn't there yet.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let io = |error| KeyError::Io { path: path.into(), error };
        let mut seed = Zeroizing::new([0_u8; 32]);
        let drawn = SystemRandom::new().fill(seed.as_mut_slice());
        drawn.map_err(|_| io(io::Error::other("no randomness")))?;
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        let digits = seed.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        let text = Zeroizing::new(digits.collect::<String>());
        let key = Self::read(&text).ok_or_else(|| KeyError::Content { path: path.into() })?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(io)?;
        file.sync_all().map_err(io)?;
        Ok(key)
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.trim_end().trim_start_matches("0x");
        if digits.len() != 64 {
            return None;
        }
        let mut seed = [0; 32];
        for (byte, pair) in seed.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
            let digit = |at: u8| char::from(at).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let [high, low] = *pair;
            *byte = digit(high)? << 4 | digit(low)?;
        }
        let key = SigningKey::from_slice(&seed).ok();
        seed.zeroize();
        let key = key?;
        let point = key.verifying_key().to_sec1_point(false);
        let hash = keccak256(&[point.as_bytes().get(1..)?]);
        let address = Address(hash.get(12..)?.try_into().ok()?);
        Some(Self { key, address })
    }

    /// The account.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a hash, the same each time (RFC 6979).
    pub fn sign(&self, hash: &[u8; 32]) -> Signed {
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash);
        let (r, s) = signature.split_bytes();
        Signed { r: r.into(), s: s.into(), odd: recovery.is_y_odd() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The first account of anvil and hardhat, which everybody knows.
    const KNOWN: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn a_key_gives_the_address_that_others_give_it() {
        for text in [KNOWN.to_owned(), format!("0x{KNOWN}\n")] {
            let address = AccountKey::read(&text).unwrap().address().to_string();
            assert_eq!(address, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_that_holds_no_key_is_refused_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let made = AccountKey::create(&path).unwrap();
        assert_eq!(AccountKey::open(&path).unwrap().address(), made.address());
        assert!(AccountKey::create(&path).is_err(), "a key was written over");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(AccountKey::open(&path), Err(KeyError::Mode { mode: 0o640, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for bad in ["", "secret words", &KNOWN[1..], &"0".repeat(64), &"f".repeat(64), &format!("{KNOWN}00")] {
            std::fs::write(&path, bad).unwrap();
            let error = AccountKey::open(&path).err().unwrap();
            assert!(matches!(error, KeyError::Content { .. }), "{bad}");
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
    }

    #[test]
    fn signatures_have_the_lower_s_and_are_the_same_each_time() {
        let key = AccountKey::read(KNOWN).unwrap();
        for byte in 0..32 {
            let signed = key.sign(&[byte; 32]);
            assert!(signed.s[0] < 0x80);
            assert_eq!(signed, key.sign(&[byte; 32]));
        }
    }
}
