//! The development certificate authority is made once, renewed in time, and never shown to anybody but loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const LOOPBACK: &str = "127.0.0.1:8443";
/// 2026-01-01T00:00:00Z
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600 * MICROS_PER_SECOND);

fn made_at(dir: &Path, now: Timestamp) -> DevCertificate {
    dev_certificate(dir, LOOPBACK.parse().unwrap(), now).unwrap()
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn accepts(roots: &Path, made: &DevCertificate, name: &str, days: i64) -> bool {
    let mut store = RootCertStore::empty();
    for ca in certificates(roots).unwrap() {
        store.add(ca).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build().unwrap();
    let chain = certificates(&made.certificate).unwrap();
    let seconds = plus_days(NOW, days).as_micros() / MICROS_PER_SECOND;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&chain[0], &[], &name, &[], time).is_ok()
}

#[test]
fn a_client_that_trusts_the_ca_accepts_the_server_for_its_names_and_its_days_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = made_at(dir.path(), NOW);
    for (name, days, accepted) in [
        ("localhost", 0, true),
        ("127.0.0.1", 89, true),
        ("::1", 0, true),
        ("localhost", 91, false),
        ("localhost", -2, false),
        ("example.com", 0, false),
        ("127.0.0.2", 0, false),
    ] {
        assert_eq!(accepts(&made.ca, &made, name, days), accepted, "{name} {days}");
    }
    let other = tempfile::tempdir().unwrap();
    assert!(!accepts(&made_at(other.path(), NOW).ca, &made, "localhost", 0));
}

#[test]
fn the_ca_can_t_vouch_for_other_names() {
    let dir = tempfile::tempdir().unwrap();
    let made = made_at(dir.path(), NOW);
    let ca = stored_ca(&made.ca, &dir.path().join("ca.key")).unwrap();
    let mut params = leaf_params(NOW).unwrap();
    params.subject_alt_names = vec![rcgen::SanType::DnsName("bank.example".try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    fs::write(&made.certificate, params.signed_by(&key, &ca).unwrap().pem()).unwrap();
    assert!(!accepts(&made.ca, &made, "bank.example", 0));
}

#[test]
fn a_second_start_changes_nothing_until_the_certificate_nears_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let made = made_at(dir.path(), NOW);
    let (ca, leaf) = (bytes(&made.ca), bytes(&made.certificate));
    made_at(dir.path(), plus_days(NOW, 59));
    assert_eq!((bytes(&made.ca), bytes(&made.certificate)), (ca.clone(), leaf.clone()));
    for days in [61, 400] {
        made_at(dir.path(), plus_days(NOW, days));
        assert_eq!(bytes(&made.ca), ca);
        assert_ne!(bytes(&made.certificate), leaf);
        assert!(accepts(&made.ca, &made, "localhost", days));
    }
}

#[test]
fn lost_or_foreign_files_are_made_anew() {
    let foreign = tempfile::tempdir().unwrap();
    let other = made_at(foreign.path(), NOW);
    for file in ["ca.pem", "ca.key", "server.pem", "server.key"] {
        for spoil in [0, 1, 2] {
            let dir = tempfile::tempdir().unwrap();
            let made = made_at(dir.path(), NOW);
            let path = dir.path().join(file);
            match spoil {
                0 => fs::remove_file(&path).unwrap(),
                1 => fs::write(&path, "-----BEGIN NOTHING-----\n").unwrap(),
                _ => fs::write(&path, bytes(&foreign.path().join(file))).unwrap(),
            }
            assert_eq!(made_at(dir.path(), NOW), made);
            assert!(server_config(&made.certificate, &made.key, OldestTls::V13).is_ok(), "{file} {spoil}");
            assert!(accepts(&made.ca, &made, "localhost", 0), "{file} {spoil}");
        }
    }
    assert!(accepts(&other.ca, &other, "localhost", 0));
}

#[test]
fn every_file_is_private() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("certs");
    made_at(&dir, NOW);
    for entry in fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_address_that_others_reach_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:8443", "[::]:8443", "192.0.2.1:443"] {
        let error = dev_certificate(dir.path(), address.parse().unwrap(), NOW).unwrap_err().to_string();
        assert!(error.contains(address) && error.contains("[http] certificate"), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_configured_pair_is_refused_when_open_to_others_or_not_a_pair() {
    let dir = tempfile::tempdir().unwrap();
    let made = made_at(dir.path(), NOW);
    let config = server_config(&made.certificate, &made.key, OldestTls::V12).unwrap();
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    let ca_key = dir.path().join("ca.key");
    let foreign = server_config(&made.certificate, &ca_key, OldestTls::V13);
    assert!(matches!(foreign, Err(TlsError::Refused(_))));
    let no_key = server_config(&made.certificate, &made.certificate, OldestTls::V13);
    assert!(matches!(no_key, Err(TlsError::NotPem { expected: "private key", .. })));
    let no_certificate = server_config(&made.key, &made.key, OldestTls::V13);
    assert!(matches!(no_certificate, Err(TlsError::NotPem { expected: "certificate", .. })));
    let absent = server_config(&dir.path().join("absent"), &made.key, OldestTls::V13);
    assert!(matches!(absent, Err(TlsError::Certificate { .. })));
    fs::set_permissions(&made.key, fs::Permissions::from_mode(0o640)).unwrap();
    let open = server_config(&made.certificate, &made.key, OldestTls::V13);
    assert!(matches!(open, Err(TlsError::Key(KeyError::Mode { found: 0o640, .. }))));
}
