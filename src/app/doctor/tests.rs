//! Each judgement at its edges, and each kind of file in the negative.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::files::{Rule, group, present};
use super::machine::{Space, allowed_files, confined, space, synchronised};
use super::postgres::{Settings, ahead, chinese, judge};
use super::tls::{WARN_DAYS, development, valid};
use super::*;
use crate::app::config::{HttpConfig, TlsFiles};
use crate::crypto::certificate::Chain;
use crate::storage::database::{CLOSED, FAILED, TOO_MUCH, UNREACHABLE};
use crate::telemetry::Confinement;
use crate::units::MICROS_PER_SECOND;

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600 * MICROS_PER_SECOND);
const DAY: i64 = 86_400 * MICROS_PER_SECOND;

fn days(days: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + days * DAY)
}

/// What was found wrong says what to change, in both languages.
fn complete(check: &Check) {
    let texts = std::iter::once(&check.found).chain(&check.change);
    assert!(texts.clone().all(|said| !said.en.is_empty() && !said.zh.is_empty()), "{check:?}");
    assert_eq!(check.change.is_some(), matches!(check.state, State::Warn | State::Fail), "{check:?}");
}

fn state_of(check: &Check) -> State {
    complete(check);
    check.state
}

#[test]
fn too_little_space_warns_and_then_fails() {
    let limits = Space { fail_bytes: 10, warn_bytes: 50, warn_percent: 20 };
    for (free, total, expect) in [
        (9, 100, State::Fail),
        (10, 20, State::Warn),
        (49, 60, State::Warn),
        (50, 251, State::Warn),
        (50, 250, State::Ok),
        (0, 0, State::Fail),
    ] {
        assert_eq!(state_of(&space(Path::new("/data"), free, total, limits)), expect, "{free} of {total}");
    }
}

#[test]
fn clock_and_open_files_are_judged_by_what_the_system_says() {
    for (answer, expect) in
        [(Some("yes"), State::Ok), (Some("no"), State::Warn), (Some(""), State::Skipped), (None, State::Skipped)]
    {
        assert_eq!(state_of(&synchronised(answer)), expect, "{answer:?}");
    }
    for (maximum, expect) in
        [(Some(1_023), State::Fail), (Some(1_024), State::Warn), (Some(8_192), State::Ok), (None, State::Ok)]
    {
        assert_eq!(state_of(&allowed_files(maximum)), expect, "{maximum:?}");
    }
}

#[test]
fn a_kernel_that_confines_nobody_is_told_unless_nobody_asks_it() {
    for (how, expect) in [
        (Confinement::Full, State::Ok),
        (Confinement::Partial, State::Ok),
        (Confinement::Unsupported, State::Warn),
        (Confinement::Refused, State::Warn),
        (Confinement::PrivateDatabase, State::Skipped),
        (Confinement::NotWanted, State::Skipped),
    ] {
        assert_eq!(state_of(&confined(how)), expect, "{how:?}");
    }
}

#[test]
fn whatever_the_database_s_room_says_is_said_in_chinese_too() {
    let unreachable = UNREACHABLE.iter().map(|(_, words)| *words);
    for words in unreachable.chain(TOO_MUCH).chain([CLOSED, FAILED]) {
        assert!(!chinese(words).is_ascii(), "{words}");
    }
    assert_eq!(chinese("something else"), "something else");
}

#[test]
fn an_entry_of_the_future_fails() {
    for (ahead_s, expect) in [(-100, State::Ok), (5, State::Ok), (6, State::Fail)] {
        let newest = NOW.as_micros() + ahead_s * MICROS_PER_SECOND;
        assert_eq!(state_of(&ahead(Some(newest), NOW)), expect, "{ahead_s}");
    }
    assert_eq!(state_of(&ahead(None, NOW)), State::Skipped);
}

fn settings(changes: &[(&str, &str)]) -> Settings {
    let good = [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("wal_level", "replica"),
        ("max_connections", "100"),
        ("superuser_reserved_connections", "3"),
        ("server_version_num", "150018"),
        ("server_version", "15.18"),
        ("synchronous_standby_names", "one"),
    ];
    good.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn each_unsafe_setting_is_told_by_its_code() {
    for check in judge(&settings(&[]), true, 2) {
        assert_eq!(state_of(&check), State::Ok, "{check:?}");
    }
    for (name, value, code, expect) in [
        ("fsync", "off", "postgres.fsync", State::Fail),
        ("full_page_writes", "off", "postgres.full_page_writes", State::Fail),
        ("synchronous_commit", "off", "postgres.synchronous_commit", State::Warn),
        ("wal_level", "minimal", "postgres.wal_level", State::Warn),
        ("max_connections", "18", "postgres.max_connections", State::Fail),
        ("max_connections", "34", "postgres.max_connections", State::Warn),
        ("server_version_num", "140009", "postgres.version", State::Fail),
        ("synchronous_standby_names", "", "postgres.synchronous_standby_names", State::Warn),
    ] {
        let checks = judge(&settings(&[(name, value)]), true, 2);
        let wrong: Vec<_> = checks.iter().filter(|check| state_of(check) != State::Ok).collect();
        let [one] = wrong.as_slice() else { panic!("{name}: {wrong:?}") };
        assert_eq!((one.code, one.state), (code, expect), "{name} = {value}");
    }
    let private = judge(&settings(&[("synchronous_standby_names", ""), ("wal_level", "minimal")]), false, 2);
    assert!(private.iter().all(|check| check.state == State::Ok), "{private:?}");
}

#[test]
fn a_certificate_is_judged_by_its_days_and_the_development_one_by_its_address() {
    let chain = |from, until| Chain { from: days(from), until: days(until), development: false };
    for (from, until, expect) in [
        (-10, 365, State::Ok),
        (-10, WARN_DAYS, State::Ok),
        (-10, WARN_DAYS - 1, State::Warn),
        (-10, -1, State::Fail),
        (1, 365, State::Fail),
    ] {
        assert_eq!(state_of(&valid(&chain(from, until), NOW)), expect, "{from} {until}");
    }
    for (listen, demo, expect) in [
        ("127.0.0.1:8443", true, State::Ok),
        ("127.0.0.1:8443", false, State::Warn),
        ("0.0.0.0:8443", true, State::Fail),
    ] {
        assert_eq!(state_of(&development(listen.parse().unwrap(), demo)), expect, "{listen}");
    }
}

/// Writes a certificate with its key and says what `lww doctor` makes of it.
fn built_in() -> HttpConfig {
    Config::load(None).unwrap().http
}

fn examined(listen: &str, until: i64, other_key: bool, mode: u32) -> Vec<(&'static str, State)> {
    let home = tempfile::TempDir::new().unwrap();
    let place = |name: &str| home.path().join(name);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
    let instant = |time: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_micros(time.as_micros().try_into().unwrap())
    };
    (params.not_before, params.not_after) = (instant(days(-100)), instant(days(until)));
    fs::write(place("chain.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let shown = if other_key { rcgen::KeyPair::generate().unwrap() } else { key };
    fs::write(place("key.pem"), shown.serialize_pem()).unwrap();
    fs::set_permissions(place("key.pem"), fs::Permissions::from_mode(mode)).unwrap();
    let files = TlsFiles { certificate: place("chain.pem"), private_key: place("key.pem") };
    let http = HttpConfig { listen: listen.parse().unwrap(), trial_listen: None, tls: Some(files), ..built_in() };
    tls::examine(&http, false, NOW).iter().map(|check| (check.code, state_of(check))).collect()
}

#[test]
fn an_expired_certificate_and_a_key_that_does_not_fit_are_found() {
    let listen = "0.0.0.0:8443";
    assert_eq!(examined(listen, 100, false, 0o600), [("tls.certificate", State::Ok), ("tls.key", State::Ok)]);
    assert_eq!(examined(listen, 10, false, 0o600), [("tls.certificate", State::Warn), ("tls.key", State::Ok)]);
    assert_eq!(examined(listen, -1, false, 0o600), [("tls.certificate", State::Fail), ("tls.key", State::Ok)]);
    assert_eq!(examined(listen, 100, true, 0o600), [("tls.certificate", State::Ok), ("tls.key", State::Fail)]);
    // A key that others can reach is the business of files.tls_key.
    assert_eq!(examined(listen, 100, false, 0o644), [("tls.certificate", State::Ok), ("tls.key", State::Skipped)]);
}

#[test]
fn a_development_certificate_that_was_configured_is_known_by_its_issuer() {
    let home = tempfile::TempDir::new().unwrap();
    let made = crate::crypto::dev_ca::dev_certificate(home.path(), "127.0.0.1:1".parse().unwrap(), NOW).unwrap();
    let http = HttpConfig {
        listen: "0.0.0.0:8443".parse().unwrap(),
        trial_listen: None,
        tls: Some(TlsFiles { certificate: made.certificate, private_key: made.key }),
        ..built_in()
    };
    let checks = tls::examine(&http, true, NOW);
    let found = checks.iter().find(|check| check.code == "tls.development").unwrap();
    assert_eq!(state_of(found), State::Fail);
}

#[test]
fn a_file_that_others_reach_or_own_is_named_with_its_command() {
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("a.key");
    fs::write(&path, "").unwrap();
    let uid = fs::metadata(&path).unwrap().uid();
    for (mode, rule, uid, expect, command) in [
        (0o600, Rule::Private, uid, State::Ok, ""),
        (0o644, Rule::Private, uid, State::Fail, "chmod 600 "),
        (0o640, Rule::Private, uid, State::Fail, "chmod 600 "),
        (0o644, Rule::Unchanged, uid, State::Ok, ""),
        (0o664, Rule::Unchanged, uid, State::Fail, "chmod go-w "),
        (0o600, Rule::Private, uid + 1, State::Fail, "chown "),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let check = group("files.keys", std::iter::once(path.clone()), rule, uid);
        assert_eq!(state_of(&check), expect, "{mode:o} {rule:?}");
        let told = check.change.map(|change| change.en).unwrap_or_default();
        assert!(told.starts_with(command), "{told}");
    }
    let absent = home.path().join("absent");
    assert_eq!(state_of(&present([&path].into_iter())), State::Ok);
    let missing = present([&path, &absent].into_iter());
    assert_eq!(state_of(&missing), State::Fail);
    assert_eq!(missing.found.en, format!("not there: {}", absent.display()));
    let nothing = group("files.keys", std::iter::once(absent), Rule::Private, uid);
    assert_eq!(state_of(&nothing), State::Skipped);
}
