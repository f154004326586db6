//! A witness's own key, in a file like the master key's: plain, mode 0600. Nothing wraps it, because a witness has no other
//! key; whoever can read the file can cosign in its name.
//!
//! ```text
//! lww-witness-key/1
//! name: audit.bank.example/w1
//! seed: <base64 of 32 bytes>
//! ```

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lww_audit::Cosigner;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::private_file::{self, Rule};
use crate::ports::{Random, random_bytes};

const VERSION_LINE: &str = "lww-witness-key/1";
const FILE_BYTES_MAX: usize = 1024;
/// What errors call it.
const LABEL: &str = "witness";

/// Makes the private folder of a witness and its key; there must be none yet.
///
/// # Errors
/// [`KeyError`] when the folder is open to others, the name can't stand on a signature line, or there is a key.
pub fn create(folder: &Path, path: &Path, name: &str, random: &dyn Random) -> Result<Cosigner, KeyError> {
    if !private_file::check_directory(folder)? {
        private_file::create_directory(folder)?;
        private_file::check_directory(folder)?;
    }
    let _lock = private_file::lock_directory(folder)?;
    let seed = Zeroizing::new(random_bytes::<32>(random));
    let cosigner =
        Cosigner::from_seed(name, &seed).map_err(|_| malformed(path, 2, "a name without spaces and plus signs"))?;
    if private_file::read(path, FILE_BYTES_MAX, Rule::OwnerOnly)?.is_some() {
        return Err(malformed(path, 1, "no file: this witness has its key, and a new one would be another witness"));
    }
    let encoded = Zeroizing::new(STANDARD.encode(*seed));
    let text = Zeroizing::new(format!("{VERSION_LINE}\nname: {name}\nseed: {}\n", encoded.as_str()));
    private_file::create(path, text.as_bytes())?;
    Ok(cosigner)
}

/// Opens a witness's key.
///
/// # Errors
/// [`KeyError`]: no file, a mode or owner that lets others in, damage.
pub fn open(folder: &Path, path: &Path) -> Result<Cosigner, KeyError> {
    let missing = || KeyError::Missing { label: LABEL.to_owned(), path: path.into() };
    if !private_file::check_directory(folder)? {
        return Err(missing());
    }
    let text = private_file::read(path, FILE_BYTES_MAX, Rule::OwnerOnly)?.ok_or_else(missing)?;
    let text = std::str::from_utf8(&text).map_err(|_| malformed(path, 1, "UTF-8"))?;
    let mut lines = text.split('\n');
    if lines.next() != Some(VERSION_LINE) {
        return Err(malformed(path, 1, VERSION_LINE));
    }
    let name =
        lines.next().and_then(|line| line.strip_prefix("name: ")).ok_or_else(|| malformed(path, 2, "name: NAME"))?;
    let seed = lines.next().and_then(|line| line.strip_prefix("seed: "));
    let seed = seed.ok_or_else(|| malformed(path, 3, "seed: BASE64"))?;
    let seed = Zeroizing::new(STANDARD.decode(seed).map_err(|_| malformed(path, 3, "base64"))?);
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| malformed(path, 3, "32 bytes"))?;
    if lines.next() != Some("") || lines.next().is_some() {
        return Err(malformed(path, 4, "the end of the file"));
    }
    Cosigner::from_seed(name, seed).map_err(|_| malformed(path, 2, "a name without spaces and plus signs"))
}

fn malformed(path: &Path, line: usize, expected: &'static str) -> KeyError {
    KeyError::Malformed { path: path.into(), line, expected }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::crypto::SystemRandom;

    #[test]
    fn a_witness_keeps_its_key_alone_and_is_never_given_a_second_one() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("w1");
        let path = folder.join("witness.key");
        assert!(matches!(open(&folder, &path), Err(KeyError::Missing { .. })));
        assert!(create(&folder, &path, "a name", &SystemRandom::new()).is_err());
        let made = create(&folder, &path, "audit.example/w1", &SystemRandom::new()).unwrap();
        assert_eq!(open(&folder, &path).unwrap().key(), made.key());
        assert!(create(&folder, &path, "audit.example/w1", &SystemRandom::new()).is_err());
        assert_eq!(open(&folder, &path).unwrap().key(), made.key());
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            good.replace("/1", "/2"),
            good.replace("name: ", "nom: "),
            good.replace("seed: ", "seed: AAAA"),
            good.trim_end().to_owned(),
            format!("{good}more\n"),
        ] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(open(&folder, &path), Err(KeyError::Malformed { .. })));
        }
        fs::write(&path, good).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(&folder, &path), Err(KeyError::Mode { .. })));
    }
}
