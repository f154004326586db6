//! The sheet of key fingerprints: what is printed, compared by two people at the server, signed by hand, and from then on the
//! only place where an auditor's keys come from. Public keys only; in Chinese and English, for any printer.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lww_audit::VerifierKey;
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

/// Writes the sheet of these keys.
pub(super) fn text(keys: &[VerifierKey]) -> String {
    let part = |(number, key): (usize, &VerifierKey)| {
        let (about, fingerprint) = (about(key.name()), fingerprint(key).join("\n   "));
        format!("\n{number}. {about}\n   公钥 vkey\n   {key}\n   指纹 SHA-256\n   {fingerprint}\n")
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
fn fingerprint(key: &VerifierKey) -> Vec<String> {
    let (bytes, groups) = GROUP;
    let whole = [key.name().as_bytes(), b"\n", &[ED25519], key.public()].concat();
    let digest = digest(&SHA256, &whole);
    let grouped: Vec<String> = digest.as_ref().chunks(bytes).map(|group| HEXLOWER.encode(group)).collect();
    grouped.chunks(groups).map(|line| line.join(" ")).collect()
}

/// Reads keys as the server tells them.
///
/// # Errors
/// Those of the first that is none.
pub(super) fn keys<'a>(vkeys: impl Iterator<Item = &'a str>) -> Result<Vec<VerifierKey>, lww_audit::Error> {
    vkeys.map(str::parse).collect()
}

/// Puts the sheet into the data directory, unless the one that is there has all of these keys; where it is.
///
/// # Errors
/// The system's.
pub(super) fn write(data_dir: &Path, keys: &[VerifierKey]) -> io::Result<PathBuf> {
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
    use lww_audit::NoteSigner;

    fn key(tenant: &str, seed: u8) -> VerifierKey {
        NoteSigner::from_seed(&format!("lww.test/{tenant}/1"), &[seed; 32]).unwrap().verifier_key().clone()
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
            let id = HEXLOWER.encode(&key.id());
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
