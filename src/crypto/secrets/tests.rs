//! References that parse and that don't, and every place that a secret can come from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::crypto::keys::KeyPlaces;
use crate::crypto::random::SystemRandom;

const CANARY: &str = "hunter2-canary";

fn keys() -> (TempDir, KeyDirectory) {
    let home = TempDir::new().unwrap();
    let places = KeyPlaces { directory: home.path().join("keys"), master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), true).unwrap();
    (home, keys)
}

fn file(home: &TempDir, name: &str, content: &[u8], mode: u32) -> PathBuf {
    let path = home.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn nothing(_: &str) -> Option<OsString> {
    None
}

#[test]
fn references_read_their_own_text() {
    for text in [
        "secret://file/etc/lww/password",
        "secret://env/LWW_DB_PASSWORD",
        "secret://credential/db.password",
        "secret://keys/channel-demo-app",
    ] {
        assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
    }
    let doubled: SecretRef = "secret://file//etc/lww/password".parse().unwrap();
    assert_eq!(doubled, SecretRef::File("/etc/lww/password".into()));
}

#[test]
fn plain_values_and_malformed_references_are_refused_and_not_repeated() {
    for text in [
        "hunter2-canary",
        "",
        "SECRET://env/A",
        "secret://",
        "secret://hunter2-canary",
        "secret://vault/hunter2-canary",
        "secret://file/",
        "secret://file/../hunter2-canary",
        "secret://file/etc/hunter2-canary/",
        "secret://env/",
        "secret://env/hunter2-canary",
        "secret://credential/.hunter2-canary",
        "secret://credential/a/hunter2-canary",
        "secret://keys/HUNTER2",
        "secret://keys/../master",
        "secret://file/a\nhunter2-canary",
    ] {
        let error = text.parse::<SecretRef>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error:?}");
        assert!(error.to_string().contains("secret://") && error.to_string().contains("expected"), "{error}");
    }
    let long = format!("secret://env/{}", "A".repeat(NAME_BYTES_MAX + 1));
    assert!(long.parse::<SecretRef>().is_err());
}

#[test]
fn files_give_their_content_without_the_last_line_end() {
    let (home, keys) = keys();
    for (content, expect) in
        [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), ("abc\n\n", "abc\n"), (" abc ", " abc ")]
    {
        let path = file(&home, "secret", content.as_bytes(), 0o600);
        let secret = SecretRef::File(path).resolve_in(Some(&keys), &nothing).unwrap();
        assert_eq!(secret.text(), Some(expect), "{content:?}");
    }
    let path = file(&home, "bytes", &[0xff, 0xfe], 0o400);
    let secret = SecretRef::File(path).resolve_in(Some(&keys), &nothing).unwrap();
    assert_eq!((secret.bytes(), secret.text()), ([0xff, 0xfe].as_slice(), None));
}

#[test]
fn files_that_others_can_read_are_refused_without_their_content() {
    let (home, keys) = keys();
    for mode in [0o640, 0o604, 0o666] {
        let path = file(&home, "secret", CANARY.as_bytes(), mode);
        let error = SecretRef::File(path).resolve_in(Some(&keys), &nothing).unwrap_err();
        assert!(matches!(error, KeyError::Mode { .. }) && !format!("{error:?}").contains(CANARY), "{error:?}");
    }
}

#[test]
fn absent_empty_and_endless_secrets_are_refused() {
    let (home, keys) = keys();
    let resolve = |reference: SecretRef| reference.resolve_in(Some(&keys), &nothing).unwrap_err();
    let absent = resolve(SecretRef::File(home.path().join("absent")));
    assert!(matches!(absent, KeyError::SecretAbsent { .. }), "{absent}");
    assert!(matches!(resolve(SecretRef::Environment("ABSENT".into())), KeyError::SecretAbsent { .. }));
    assert!(matches!(resolve(SecretRef::Credential("absent".into())), KeyError::SecretAbsent { .. }));
    let empty = resolve(SecretRef::File(file(&home, "empty", b"\n", 0o600)));
    assert!(matches!(empty, KeyError::SecretForm { .. }), "{empty}");
    let long = resolve(SecretRef::File(file(&home, "long", &[b'a'; SECRET_BYTES_MAX + 1], 0o600)));
    assert!(matches!(long, KeyError::SecretForm { .. }), "{long}");
    let endless = resolve(SecretRef::File(file(&home, "endless", &[b'a'; 2 * SECRET_BYTES_MAX], 0o600)));
    assert!(matches!(endless, KeyError::TooLong { .. }), "{endless}");
    let device = resolve(SecretRef::File("/dev/zero".into()));
    assert!(matches!(device, KeyError::Kind { .. }), "{device}");
}

#[test]
fn the_environment_and_credentials_are_read() {
    let (home, keys) = keys();
    file(&home, "db-password", b"from systemd\n", 0o440);
    let directory = home.path().as_os_str().to_owned();
    let environment = |name: &str| match name {
        "LWW_PASSWORD" => Some(OsString::from("from the environment")),
        CREDENTIALS_VARIABLE => Some(directory.clone()),
        _ => None,
    };
    for (text, expect) in
        [("secret://env/LWW_PASSWORD", "from the environment"), ("secret://credential/db-password", "from systemd")]
    {
        let reference: SecretRef = text.parse().unwrap();
        assert_eq!(reference.resolve_in(Some(&keys), &environment).unwrap().text(), Some(expect));
    }
    file(&home, "open", b"x", 0o444);
    let open = SecretRef::Credential("open".into()).resolve_in(Some(&keys), &environment);
    assert!(matches!(open.unwrap_err(), KeyError::Mode { .. }));
}

#[test]
fn own_secrets_are_made_once_and_differ_by_name() {
    let (_home, keys) = keys();
    let resolve = |name: &str| {
        let reference: SecretRef = format!("secret://keys/{name}").parse().unwrap();
        reference.resolve(&keys).unwrap().text().unwrap().to_owned()
    };
    let first = resolve("channel-demo-app");
    assert_eq!(first.len(), 43);
    assert_eq!(resolve("channel-demo-app"), first);
    assert_ne!(resolve("other"), first);
    let early = SecretRef::Keys("channel-demo-app".into()).resolve_without_keys().unwrap_err();
    assert!(matches!(early, KeyError::SecretAbsent { .. }), "{early}");
}

#[test]
fn a_secret_has_no_form_that_shows_it() {
    let (home, keys) = keys();
    let path = file(&home, "secret", CANARY.as_bytes(), 0o600);
    let secret = SecretRef::File(path).resolve_in(Some(&keys), &nothing).unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(..)");
}
