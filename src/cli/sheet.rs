//! The sheet of key fingerprints: what is printed, compared by two people at the server, signed by hand, and from then on the
//! only place where an auditor's keys come from. Public keys only; in Chinese and English, for any printer.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lww_audit::{Sm2Key, VerifierKey};
use ring::digest::{SHA256, digest};

/// The sheet's file in the data directory.
const FILE: &str = "fingerprints.txt";
/// Everybody who may look into the data directory may read it: it holds nothing secret.
const MODE: u32 = 0o644;
/// Bytes of a group, and groups of a line.
const GROUP: (usize, usize) = (2, 8);
/// The type of an Ed25519 key in a vkey.
const ED25519: u8 = 1;

const HEAD: &str = "\
聊歪歪 Liaowaiwai
存证账本公钥指纹单  Sheet of the ledgers' key fingerprints
==========================================================================

请两人在服务器前核对下列公钥，手写签字，交审计部门保存。审计时只信此纸上的公钥。
Two people compare these keys at the server, sign by hand, and give the sheet
to the auditors, who trust the keys on this paper and no others.
";
const FOOT: &str = "\
--------------------------------------------------------------------------
核对  To compare, at the server:
  lww ledger keys
与控制台、verify.html 显示的指纹相同。自行计算（文件 KEY 中为上面的 vkey）：
The console and verify.html show the same. By hand, of a vkey in the file KEY:
  { cut -d+ -f1 KEY; cut -d+ -f3- KEY | base64 -d; } | sha256sum

日期 Date       ______________________


姓名 Name       ______________________    签字 Signature  __________________


姓名 Name       ______________________    签字 Signature  __________________
";

/// A key that stands on the sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SheetKey {
    /// The log's own.
    Log(VerifierKey),
    /// The one that signs what is published by national algorithms, too.
    Sm2(Sm2Key),
}

impl SheetKey {
    fn name(&self) -> &str {
        match self {
            Self::Log(key) => key.name(),
            Self::Sm2(key) => key.name(),
        }
    }

    /// What the text form encodes: type and key.
    fn typed(&self) -> Vec<u8> {
        match self {
            Self::Log(key) => [&[ED25519], key.public().as_slice()].concat(),
            Self::Sm2(key) => key.typed(),
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Log(_) => "",
            Self::Sm2(_) => "   SM2",
        }
    }
}

impl fmt::Display for SheetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(key) => key.fmt(f),
            Self::Sm2(key) => key.fmt(f),
        }
    }
}

/// Writes the sheet of these keys.
pub(super) fn text(keys: &[SheetKey]) -> String {
    let part = |(number, key): (usize, &SheetKey)| {
        let (about, fingerprint) = (about(key.name()), fingerprint(key).join("\n   "));
        let algorithm = key.algorithm();
        format!("\n{number}. {about}{algorithm}\n   公钥 vkey\n   {key}\n   指纹 SHA-256\n   {fingerprint}\n")
    };
    let parts: Vec<String> = (1..).zip(keys).map(part).collect();
    format!("{HEAD}{}\n{FOOT}", parts.concat())
}

/// Names what a log is of.
fn about(origin: &str) -> String {
    match origin.rsplit('/').nth(1) {
        Some("system") => format!("{origin}   系统账本 the system's log"),
        Some(tenant) => format!("{origin}   租户 tenant {tenant}"),
        None => origin.to_owned(),
    }
}

/// SHA-256 over name, line break, type and key, in groups that can be read aloud; its first four bytes are the key's id.
/// Source: C2SP `signed-note`.
fn fingerprint(key: &SheetKey) -> Vec<String> {
    let (bytes, groups) = GROUP;
    let whole = [key.name().as_bytes(), b"\n", &key.typed()].concat();
    let digest = digest(&SHA256, &whole);
    let grouped: Vec<String> = digest.as_ref().chunks(bytes).map(|group| HEXLOWER.encode(group)).collect();
    grouped.chunks(groups).map(|line| line.join(" ")).collect()
}

/// Reads keys as the server tells them.
///
/// # Errors
/// Those of the first that is none.
pub(super) fn keys<'a>(vkeys: impl Iterator<Item = &'a str>) -> Result<Vec<SheetKey>, lww_audit::Error> {
    let read = |text: &str| {
        if Sm2Key::is_one(text) { text.parse().map(SheetKey::Sm2) } else { text.parse().map(SheetKey::Log) }
    };
    vkeys.map(read).collect()
}

/// Puts the sheet into the data directory, unless the one that is there has all of these keys; where it is.
///
/// # Errors
/// The system's.
pub(super) fn write(data_dir: &Path, keys: &[SheetKey]) -> io::Result<PathBuf> {
    let path = data_dir.join(FILE);
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    if !keys.iter().all(|key| present.lines().any(|line| line.trim() == key.to_string())) {
        let part = data_dir.join(format!("{FILE}.part"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&part)?;
        file.write_all(text(keys).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, &path)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lww_audit::{NoteSigner, Sm2Signer};

    fn log_key(tenant: &str, seed: u8) -> VerifierKey {
        NoteSigner::from_seed(&format!("lww.test/{tenant}/1"), &[seed; 32]).unwrap().verifier_key().clone()
    }

    fn key(tenant: &str, seed: u8) -> SheetKey {
        SheetKey::Log(log_key(tenant, seed))
    }

    #[test]
    fn an_sm2_key_stands_on_the_sheet_with_its_own_fingerprint_and_is_read_again() {
        let sm2 = Sm2Signer::from_bytes("lww.test/demo/1", &[3; 32]).unwrap().key().clone();
        let keys = [key("demo", 1), SheetKey::Sm2(sm2.clone())];
        let sheet = text(&keys);
        assert!(sheet.contains("2. lww.test/demo/1   租户 tenant demo   SM2\n"), "{sheet}");
        assert!(sheet.lines().any(|line| line.trim() == sm2.to_string()));
        let printed: String = fingerprint(&keys[1]).join("").replace(' ', "");
        assert!(printed.starts_with(&HEXLOWER.encode(&sm2.id())), "{printed}");
        let told = keys.each_ref().map(ToString::to_string);
        assert_eq!(super::keys(told.iter().map(String::as_str)).unwrap(), keys);
        assert!(super::keys(std::iter::once("lww.test/demo/1+00000000+/2xpYW93YWl3YWk=")).is_err());
    }

    #[test]
    fn a_sheet_fits_on_paper_and_names_each_key_with_its_fingerprint_in_groups() {
        let sheet = text(&[key("system", 1), key("demo", 2)]);
        let columns = |line: &str| line.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum::<usize>();
        for line in sheet.lines() {
            assert!(columns(line) <= 92, "{line}");
        }
        for key in [key("system", 1), key("demo", 2)] {
            assert!(sheet.lines().any(|line| line.trim() == key.to_string()));
            let printed: String = fingerprint(&key).join("").replace(' ', "");
            let SheetKey::Log(own) = &key else { continue };
            let id = HEXLOWER.encode(&own.id());
            assert!(printed.len() == 64 && printed.starts_with(&id), "{printed}: {id}");
            assert!(fingerprint(&key).iter().all(|line| sheet.contains(line)));
        }
    }

    #[test]
    fn a_sheet_stays_until_there_is_a_key_that_it_does_not_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &[key("demo", 1)]).unwrap();
        std::fs::write(&path, format!("copied by hand\n{}\n", key("demo", 1))).unwrap();
        write(folder.path(), &[key("demo", 1)]).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("copied"));
        write(folder.path(), &[key("demo", 1), key("other", 2)]).unwrap();
        let anew = std::fs::read_to_string(&path).unwrap();
        assert!(anew.contains(&key("other", 2).to_string()) && !anew.contains("copied"));
    }
}
