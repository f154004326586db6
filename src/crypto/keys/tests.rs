//! Key files under every kind of mishap: missing, open to others, changed, exchanged, wrapped under another master.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::crypto::random::SystemRandom;

fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom::new())
}

fn place() -> (TempDir, KeyPlaces) {
    let home = TempDir::new().unwrap();
    let places = KeyPlaces { directory: home.path().join("keys"), master: None };
    (home, places)
}

fn open(places: &KeyPlaces, may_create: bool) -> Result<KeyDirectory, KeyError> {
    KeyDirectory::open_or_create(places, random(), may_create)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn origin() -> Origin {
    Origin::new("lww.local", "acme", 1).unwrap()
}

const FILES: [&str; 6] = ["dedup.key", "epoch-1.key", "master.key", "sessions.key", "staff.key", "tokens.key"];

#[test]
fn a_first_start_makes_every_key_and_a_second_finds_the_same() {
    let (_home, places) = place();
    let first = open(&places, true).unwrap();
    assert_eq!(mode(&places.directory), 0o700);
    assert_eq!(key_files(&places.directory).unwrap(), FILES);
    for name in FILES {
        assert_eq!(mode(&places.directory.join(name)), 0o600, "{name}");
    }
    let second = open(&places, false).unwrap();
    assert_eq!(first.identities(), second.identities());
    let purposes: Vec<&str> = first.identities().iter().map(|identity| identity.purpose).collect();
    assert_eq!(purposes, ["master", "tokens", "dedup", "sessions", "staff", "epoch"]);
    let fingerprints: std::collections::HashSet<Hash> = first.identities().iter().map(|key| key.fingerprint).collect();
    assert_eq!(fingerprints.len(), FILES.len());
    assert_eq!(fs::read_dir(&places.directory).unwrap().count(), FILES.len(), "a temporary file was left behind");
}

#[test]
fn a_missing_key_is_refused_by_name_when_it_may_not_be_made() {
    for name in FILES {
        let (_home, places) = place();
        open(&places, true).unwrap();
        fs::remove_file(places.directory.join(name)).unwrap();
        let error = open(&places, false).unwrap_err();
        assert!(matches!(error, KeyError::Missing { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(!places.directory.join(name).exists(), "{name} was made again");
    }
    let (_home, places) = place();
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Missing { .. }));
    assert!(!places.directory.exists());
}

#[test]
fn a_master_key_is_never_made_beside_keys_that_another_one_wraps() {
    let (_home, places) = place();
    open(&places, true).unwrap();
    fs::remove_file(places.master()).unwrap();
    assert!(matches!(open(&places, true).unwrap_err(), KeyError::Missing { label, .. } if label == "master"));
}

#[test]
fn a_first_start_that_was_cut_short_is_completed_by_the_next() {
    let (_home, places) = place();
    let first = open(&places, true).unwrap();
    fs::remove_file(places.directory.join("epoch-1.key")).unwrap();
    fs::write(places.directory.join(".epoch-1.key.new"), "torn").unwrap();
    let second = open(&places, true).unwrap();
    assert_eq!(first.identities()[..5], second.identities()[..5]);
    assert_ne!(first.identities()[5], second.identities()[5]);
    assert_eq!(fs::read_dir(&places.directory).unwrap().count(), FILES.len());
}

#[test]
fn modes_that_let_others_in_are_named_with_the_command_that_mends_them() {
    for name in FILES {
        for bad in [0o640, 0o604, 0o660, 0o777] {
            let (_home, places) = place();
            open(&places, true).unwrap();
            let path = places.directory.join(name);
            set_mode(&path, bad);
            let text = open(&places, false).unwrap_err().to_string();
            let command = format!("chmod 600 {}", path.display());
            assert!(text.contains(&command) && text.contains(&format!("{bad:04o}")), "{text}");
            set_mode(&path, 0o600);
            open(&places, false).unwrap();
        }
    }
    let (_home, places) = place();
    open(&places, true).unwrap();
    set_mode(&places.directory, 0o755);
    let text = open(&places, false).unwrap_err().to_string();
    assert!(text.contains(&format!("chmod 700 {}", places.directory.display())), "{text}");
}

#[test]
fn files_that_are_not_used_at_start_are_checked_too() {
    let (_home, places) = place();
    open(&places, true).unwrap().log_signer(&origin(), true).unwrap();
    set_mode(&places.directory.join("log-acme-1.key"), 0o644);
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Mode { found: 0o644, .. }));
}

#[test]
fn a_file_of_another_user_is_refused() {
    let (_home, places) = place();
    open(&places, true).unwrap();
    let path = places.directory.join("tokens.key");
    // Only root can give a file away; for anybody else the check is that /etc/passwd, root's, is refused as a master key.
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
        let text = open(&places, false).unwrap_err().to_string();
        assert!(text.contains("belongs to user 65534") && text.contains("chown 0 "), "{text}");
    } else {
        let foreign = KeyPlaces { master: Some("/etc/passwd".into()), ..places };
        assert!(matches!(open(&foreign, false).unwrap_err(), KeyError::Owner { found: 0, .. }));
    }
}

#[test]
fn the_wrong_master_key_is_told_from_damage() {
    let (_one, first) = place();
    let (_two, second) = place();
    open(&first, true).unwrap();
    open(&second, true).unwrap();
    fs::copy(second.master(), first.master()).unwrap();
    let error = open(&first, false).unwrap_err();
    assert!(matches!(&error, KeyError::WrongMaster { expected, got, .. } if expected != got), "{error}");
}

#[test]
fn no_changed_byte_of_any_key_file_passes() {
    for name in FILES {
        let (_home, places) = place();
        open(&places, true).unwrap();
        let path = places.directory.join(name);
        let text = fs::read(&path).unwrap();
        for at in (0..text.len()).step_by(3) {
            let mut changed = text.clone();
            changed[at] ^= 0x01;
            fs::write(&path, &changed).unwrap();
            assert!(open(&places, false).is_err(), "{name} byte {at}");
        }
        for cut in [0, 1, text.len() / 2, text.len() - 1] {
            fs::write(&path, &text[..cut]).unwrap();
            assert!(open(&places, false).is_err(), "{name} cut to {cut}");
        }
        fs::write(&path, &text).unwrap();
        open(&places, false).unwrap();
    }
}

#[test]
fn one_key_file_can_not_stand_in_for_another() {
    let (_home, places) = place();
    open(&places, true).unwrap();
    let (from, to) = (places.directory.join("tokens.key"), places.directory.join("dedup.key"));
    fs::copy(&from, &to).unwrap();
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Label { .. }));
    let relabelled = fs::read_to_string(&from).unwrap().replace("label: tokens", "label: dedup");
    fs::write(&to, relabelled).unwrap();
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Damaged { .. }));
}

#[test]
fn files_beyond_the_bound_are_not_read() {
    let (_home, places) = place();
    open(&places, true).unwrap();
    fs::write(places.directory.join("tokens.key"), vec![b'a'; FILE_BYTES_MAX + 1]).unwrap();
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::TooLong { .. }));
}

#[test]
fn directories_and_pipes_are_no_key_files() {
    let (_home, places) = place();
    open(&places, true).unwrap();
    let path = places.directory.join("tokens.key");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    set_mode(&path, 0o700);
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Kind { expected: "regular file", .. }));
}

#[test]
fn the_master_key_may_lie_on_a_path_of_its_own() {
    let (home, places) = place();
    let apart = home.path().join("apart.key");
    let places = KeyPlaces { master: Some(apart.clone()), ..places };
    let first = open(&places, true).unwrap();
    assert!(!places.directory.join("master.key").exists());
    assert_eq!(mode(&apart), 0o600);
    assert_eq!(first.identities(), open(&places, false).unwrap().identities());
    set_mode(&apart, 0o640);
    assert!(matches!(open(&places, false).unwrap_err(), KeyError::Mode { .. }));
}

#[test]
fn a_log_signs_with_the_same_key_after_a_restart_and_never_with_a_new_one() {
    let (_home, places) = place();
    let keys = open(&places, true).unwrap();
    assert!(matches!(keys.log_signer(&origin(), false).unwrap_err(), KeyError::Missing { .. }));
    let first = keys.log_signer(&origin(), true).unwrap();
    let again = open(&places, false).unwrap().log_signer(&origin(), false).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    let second_generation = Origin::new("lww.local", "acme", 2).unwrap();
    assert_ne!(keys.log_signer(&second_generation, true).unwrap().fingerprint(), first.fingerprint());
    fs::remove_file(places.directory.join("log-acme-1.key")).unwrap();
    assert!(matches!(keys.log_signer(&origin(), false).unwrap_err(), KeyError::Missing { .. }));
}

#[test]
fn several_servers_that_start_at_once_agree_on_the_keys() {
    let (_home, places) = place();
    let opened: Vec<Vec<KeyIdentity>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| open(&places, true).unwrap().identities().to_vec())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(opened.iter().all(|identities| *identities == opened[0]));
}

#[test]
fn the_newest_epoch_leads_and_older_ones_stay() {
    let (_home, places) = place();
    let keys = open(&places, true).unwrap();
    let files = Arc::clone(&keys.files);
    files.load_or_create::<EPOCH_KEY_BYTES>("epoch-2", true).unwrap();
    files.load_or_create::<EPOCH_KEY_BYTES>("epoch-10", true).unwrap();
    let keys = open(&places, false).unwrap();
    assert_eq!(keys.epochs().present().newest(), 10);
    fs::remove_file(places.directory.join("epoch-1.key")).unwrap();
    let keys = open(&places, false).unwrap();
    let epochs = keys.epochs().present();
    assert!(epochs.wrap(1).is_none() && epochs.wrap(2).is_some());
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    let (_home, places) = place();
    let keys = open(&places, true).unwrap();
    for name in ["", ".", "..", "../a", "a/b", "a b", "ä", &"a".repeat(NAME_BYTES_MAX + 1)] {
        assert!(matches!(keys.own_secret(name).unwrap_err(), KeyError::Name { .. }), "{name}");
    }
}

#[test]
fn neither_debug_nor_key_files_show_a_key() {
    let (_home, places) = place();
    let keys = open(&places, true).unwrap();
    let shown = format!("{keys:?}");
    assert!(shown.starts_with("KeyDirectory { directory: ") && shown.ends_with(", .. }"), "{shown}");
    let secret = keys.own_secret("demo").unwrap();
    let file = fs::read(places.directory.join("secret-demo.key")).unwrap();
    assert!(!file.windows(secret.len()).any(|window| window == secret.as_slice()));
}
