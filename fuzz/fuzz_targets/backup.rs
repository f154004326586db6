//! Feeds the reader of backups: any bytes as a file, and archives made of any pieces.
//!
//! What opens holds each piece as its list says, and written again it is the same backup; whatever a piece of one is
//! changed to, it doesn't open.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use liaowaiwai::app::backup::{About, BACKUP_FORMAT, KEYS_FORMAT, KeysAbout};
use liaowaiwai::storage::backup::{Archive, ArchiveError, ArchiveWriter, sha256};
use liaowaiwai::units::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    let path = place("file");
    std::fs::write(&path, data).expect("a file");
    check::<About>(&path, BACKUP_FORMAT);
    check::<KeysAbout>(&path, KEYS_FORMAT);
    // Checksums of tar's own headers would keep most input at the door: so archives are made of it, too.
    std::fs::write(&path, archive(data)).expect("a file");
    check::<About>(&path, BACKUP_FORMAT);
    check::<KeysAbout>(&path, KEYS_FORMAT);
    check::<serde_json::Value>(&path, "any/1");
});

fn check<T: DeserializeOwned + Serialize>(path: &Path, format: &'static str) {
    let archive = match Archive::<T>::open(path, format, &|_, _| {}) {
        Ok(archive) => archive,
        Err(error) => return drop(error.to_string()),
    };
    let copy = place("copy");
    let _old = std::fs::remove_file(&copy);
    let mut writer = ArchiveWriter::create(&copy, Timestamp::from_micros(0)).expect("a new file");
    let mut longest = None;
    for (number, piece) in archive.pieces.iter().enumerate() {
        let bytes = archive.read(number).expect("a piece of an archive that was read through");
        assert_eq!((bytes.len() as u64, sha256(&bytes).to_string()), (piece.bytes, piece.sha256.to_ascii_lowercase()));
        // A name may be one that no file has; the writer, which makes its own names, says so.
        if writer.add(&piece.name, &bytes).is_err() {
            return;
        }
        longest = longest.max(bytes.first().map(|_| number));
    }
    let list = writer.list(format, &archive.about).expect("a list");
    writer.finish(&list, sha256(&list)).expect("a copy");
    let again = Archive::<T>::open(&copy, format, &|_, _| {}).expect("what was read, written again");
    assert_eq!(again.pieces.len(), archive.pieces.len());
    let Some(number) = longest else { return };
    let mut bytes = std::fs::read(&copy).expect("the copy");
    let piece = again.read(number).expect("a piece");
    let at = bytes.windows(piece.len()).position(|window| window == piece).expect("its bytes");
    bytes[at] ^= 1;
    std::fs::write(&copy, &bytes).expect("a file");
    let changed = Archive::<T>::open(&copy, format, &|_, _| {});
    // The first place with these bytes may be in another piece, or in a header.
    assert!(
        matches!(changed, Err(ArchiveError::Changed { .. } | ArchiveError::Malformed { .. })),
        "a change was not seen"
    );
}

/// A tar of pieces: each a line with its name, then its bytes up to a zero byte.
fn archive(data: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for part in data.split(|byte| *byte == 0).filter(|part| !part.is_empty()) {
        let at = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let (name, bytes) = (String::from_utf8_lossy(&part[..at]), part.get(at + 1..).unwrap_or_default());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // A name that tar can't hold is no piece.
        let _unnamed = tar.append_data(&mut header, name.as_ref(), bytes);
    }
    tar.into_inner().expect("memory")
}

/// A file of this process in memory, where the system has such a place.
fn place(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("lww-fuzz-backup-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    });
    folder.join(name)
}
