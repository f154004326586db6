//! Who was erased, kept outside the database: what a restored database does not know, the server replays before it serves.
//!
//! A line a person: the random pseudonym, the index of the entry that erased it, and a code that only who has the master key
//! can write, so that nobody has somebody erased by adding a line. The same lines lie beside the keys and beside the rollback
//! guard, because either may be what is left. A line that was torn by a crash counts as not written: the database, which has
//! the entry, writes it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{KeyDirectory, check_name};
use crate::crypto::derive::MacKey;
use crate::crypto::error::KeyError;
use crate::crypto::private_file::{self, Rule};
use crate::limits::ERASED_FILE_BYTES_MAX;
use crate::ports::{ErasedPersons, JournalError};
use crate::units::{EntryIndex, Hash, SubjectId};

/// What the names of these files begin with.
pub(super) const ERASED_PREFIX: &str = "erased-";
const DOMAIN: &str = "lww/1 erased";
const LINE_EXPECTED: &str = "a line that this server wrote: a pseudonym, an index and their code";

/// One tenant's erased customers.
pub struct ErasedJournal {
    files: [PathBuf; 2],
    tenant: String,
    code: MacKey,
}

impl KeyDirectory {
    /// A tenant's list of erased customers, beside the keys and in a second folder.
    ///
    /// # Errors
    /// [`KeyError::Name`] when the tenant's name can't be part of a file's.
    pub fn erased_journal(&self, tenant: &str, second: &Path) -> Result<ErasedJournal, KeyError> {
        check_name(tenant)?;
        let name = format!("{ERASED_PREFIX}{tenant}");
        let files = [self.files.directory.join(&name), second.join(&name)];
        Ok(ErasedJournal { files, tenant: tenant.to_owned(), code: self.files.master.subkey(DOMAIN)?.mac() })
    }
}

/// What one file holds: who, and how many of its bytes are whole lines.
struct Kept {
    erased: BTreeMap<SubjectId, EntryIndex>,
    whole: u64,
}

impl ErasedJournal {
    fn line(&self, subject: SubjectId, index: EntryIndex) -> String {
        let code = self.code.tag(DOMAIN, &[self.tenant.as_bytes(), &subject.0.0, &index.0.to_be_bytes()]);
        let mut line = String::new();
        // Writing into a string fails never.
        let _written = writeln!(line, "{subject} {index} {}", Hash(code));
        line
    }

    fn kept(&self, path: &Path) -> Result<Kept, KeyError> {
        let mut kept = Kept { erased: BTreeMap::new(), whole: 0 };
        let Some(bytes) = private_file::read(path, ERASED_FILE_BYTES_MAX, Rule::OwnerOnly)? else { return Ok(kept) };
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                break;
            }
            let malformed = || KeyError::Malformed { path: path.to_owned(), line: number + 1, expected: LINE_EXPECTED };
            let (subject, index) = self.parse(line).ok_or_else(malformed)?;
            kept.erased.insert(subject, index);
            kept.whole += line.len() as u64;
        }
        Ok(kept)
    }

    fn parse(&self, line: &[u8]) -> Option<(SubjectId, EntryIndex)> {
        let mut words = std::str::from_utf8(line).ok()?.trim_end().split(' ');
        let (subject, index) = (words.next()?.parse().ok()?, EntryIndex(words.next()?.parse().ok()?));
        // The whole line is compared: it has one form.
        (self.line(subject, index).as_bytes() == line).then_some((subject, index))
    }

    fn append(&self, path: &Path, erased: &[(SubjectId, EntryIndex)]) -> Result<(), KeyError> {
        let kept = self.kept(path)?;
        let missing = erased.iter().filter(|(subject, _)| !kept.erased.contains_key(subject));
        let lines: String = missing.map(|(subject, index)| self.line(*subject, *index)).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = file.map_err(KeyError::io("open", path))?;
        let written = file
            .set_len(kept.whole)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .and_then(|_| file.write_all(lines.as_bytes()))
            .and_then(|()| file.sync_all());
        written.map_err(KeyError::io("write", path))
    }
}

impl ErasedPersons for ErasedJournal {
    fn all(&self) -> Result<Vec<(SubjectId, EntryIndex)>, JournalError> {
        let mut erased = BTreeMap::new();
        for path in &self.files {
            erased.extend(self.kept(path).map_err(|error| refused(&error))?.erased);
        }
        Ok(erased.into_iter().collect())
    }

    fn note(&self, erased: &[(SubjectId, EntryIndex)]) -> Result<(), JournalError> {
        self.files.iter().try_for_each(|path| self.append(path, erased)).map_err(|error| refused(&error))
    }
}

fn refused(error: &KeyError) -> JournalError {
    JournalError { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::crypto::SystemRandom;
    use crate::crypto::keys::KeyPlaces;

    const ONE: (SubjectId, EntryIndex) = (SubjectId::from_random([1; 16]), EntryIndex(7));
    const TWO: (SubjectId, EntryIndex) = (SubjectId::from_random([2; 16]), EntryIndex(9));

    struct Place {
        folder: tempfile::TempDir,
        keys: KeyDirectory,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let places = KeyPlaces { directory: folder.path().join("keys"), master: None };
            let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), true).unwrap();
            Self { folder, keys }
        }

        fn journal(&self, tenant: &str) -> ErasedJournal {
            self.keys.erased_journal(tenant, self.folder.path()).unwrap()
        }

        fn files(&self) -> [PathBuf; 2] {
            self.journal("demo").files
        }
    }

    #[test]
    fn whoever_was_noted_is_known_from_either_file_and_stands_there_once() {
        let place = Place::new();
        let journal = place.journal("demo");
        assert_eq!(journal.all().unwrap(), []);
        journal.note(&[ONE]).unwrap();
        journal.note(&[ONE, TWO]).unwrap();
        assert_eq!(journal.all().unwrap(), [ONE, TWO]);
        for gone in place.files() {
            fs::remove_file(&gone).unwrap();
            assert_eq!(journal.all().unwrap(), [ONE, TWO], "from the other file");
            journal.note(&[ONE, TWO]).unwrap();
            assert_eq!(fs::read_to_string(&gone).unwrap().lines().count(), 2);
        }
        assert_eq!(place.journal("other").all().unwrap(), [], "another tenant");
    }

    #[test]
    fn a_torn_line_counts_as_not_written_and_is_written_again() {
        let place = Place::new();
        let journal = place.journal("demo");
        journal.note(&[ONE, TWO]).unwrap();
        for path in place.files() {
            let length = fs::metadata(&path).unwrap().len();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 5).unwrap();
        }
        assert_eq!(journal.all().unwrap(), [ONE]);
        journal.note(&[TWO]).unwrap();
        assert_eq!(journal.all().unwrap(), [ONE, TWO]);
    }

    #[test]
    fn a_line_that_somebody_else_wrote_or_changed_is_refused_by_its_number() {
        let place = Place::new();
        let journal = place.journal("demo");
        journal.note(&[ONE, TWO]).unwrap();
        let genuine = fs::read_to_string(&journal.files[0]).unwrap();
        let other = place.journal("other").line(ONE.0, ONE.1);
        for forged in [genuine.replace(" 9 ", " 8 "), genuine.replacen('0', "1", 1), genuine + &other] {
            fs::write(&journal.files[0], &forged).unwrap();
            let error = journal.all().unwrap_err().to_string();
            assert!(error.contains("line "), "{error}");
            assert!(journal.note(&[ONE]).is_err(), "nor is anything added to it");
        }
    }
}
