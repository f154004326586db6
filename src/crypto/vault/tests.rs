//! Everything that a seal, a wrapped key, a lookup, a guard and a token must be bound to, each taken away in turn.

use std::collections::HashSet;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::crypto::keys::KeyPlaces;
use crate::crypto::random::SystemRandom;
use crate::domain::message::{Part, Sealed, Sealer};
use crate::units::MessageId;

const TENANT: TenantId = TenantId(1);
const SUBJECT: SubjectId = SubjectId::from_random([1; 16]);
const MESSAGE: MessageId = MessageId::from_random([2; 16]);

fn places(home: &TempDir) -> KeyPlaces {
    KeyPlaces { directory: home.path().join("keys"), master: None }
}

fn keys() -> (TempDir, KeyDirectory) {
    let home = TempDir::new().unwrap();
    let places = KeyPlaces { directory: home.path().join("keys"), master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), true).unwrap();
    (home, keys)
}

fn vault() -> TenantVault {
    TenantVault::new(&keys().1, TENANT).unwrap()
}

fn raw(text: &str) -> RawText {
    RawText::new(text.to_owned())
}

fn account(name: &str) -> ChannelAccount {
    ChannelAccount { channel: "http", account: name.to_owned() }
}

fn found_by(vault: &TenantVault, channel: &ChannelAccount, identity: &RawText) -> IdentityLookup {
    vault.lookups(IdentityName::Channel(channel, identity))[0]
}

fn key_of(subject: &NewSubject) -> WrappedKey {
    WrappedKey { generation: FIRST_GENERATION, epoch: subject.epoch, wrapped: subject.wrapped_key.clone() }
}

fn new_subject(vault: &TenantVault, id: SubjectId) -> (NewSubject, SharedSealer) {
    let identity = raw("13800138000");
    vault.new_subject(id, IdentityName::Channel(&account("app"), &identity)).unwrap()
}

fn sealer(tenant: i32, subject: u8, generation: i32, key: u8) -> SubjectSealer {
    let key = SecretKey::from_slice(&[key; 32]).unwrap();
    let subject = SubjectId::from_random([subject; 16]);
    SubjectSealer::new(TenantId(tenant), subject, generation, key, (Suite::default(), Arc::new(SystemRandom::new())))
}

#[test]
fn a_message_opens_only_with_everything_that_it_was_sealed_with() {
    let base = sealer(1, 1, 1, 1);
    let sealed = base.seal(Part::Original, MESSAGE, b"text").unwrap();
    assert_eq!(base.open(Part::Original, MESSAGE, &sealed).unwrap().as_slice(), b"text");
    assert!(base.open(Part::Masked, MESSAGE, &sealed).is_err(), "another part");
    assert!(base.open(Part::Original, MessageId::from_random([3; 16]), &sealed).is_err(), "another message");
    for (what, other) in [
        ("another tenant", sealer(2, 1, 1, 1)),
        ("another subject", sealer(1, 2, 1, 1)),
        ("another generation", sealer(1, 1, 2, 1)),
        ("another key", sealer(1, 1, 1, 2)),
    ] {
        assert!(other.open(Part::Original, MESSAGE, &sealed).is_err(), "{what}");
    }
}

#[test]
fn a_generation_written_over_does_not_make_the_bytes_open() {
    let sealed = sealer(1, 1, 1, 1).seal(Part::Original, MESSAGE, b"text").unwrap();
    let mut bytes = sealed.0;
    bytes[1..5].copy_from_slice(&2_i32.to_be_bytes());
    assert!(sealer(1, 1, 2, 1).open(Part::Original, MESSAGE, &Sealed(bytes)).is_err());
}

#[test]
fn no_flipped_or_missing_byte_of_a_message_opens() {
    let subject = sealer(1, 1, 1, 1);
    let sealed = subject.seal(Part::Masked, MESSAGE, b"text").unwrap().0;
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x80;
        assert!(subject.open(Part::Masked, MESSAGE, &Sealed(changed)).is_err(), "flipped {at}");
        assert!(subject.open(Part::Masked, MESSAGE, &Sealed(sealed[..at].to_vec())).is_err(), "cut to {at}");
    }
}

#[test]
fn a_contact_and_a_message_are_no_substitutes_for_each_other() {
    let sealer = sealer(1, 1, 1, 1);
    let contact = sealer.seal_contact(&raw("13800138000")).unwrap();
    assert!(sealer.open(Part::Original, MESSAGE, &Sealed(contact.clone())).is_err());
    assert_eq!(sealer.open_contact(&contact).unwrap().as_slice(), b"13800138000");
    let message = sealer.seal(Part::Original, MESSAGE, b"text").unwrap();
    assert!(sealer.open_contact(&message.0).is_err());
}

#[test]
fn a_subject_s_row_opens_what_its_first_sealer_sealed() {
    let vault = vault();
    let (row, first) = new_subject(&vault, SUBJECT);
    let sealed = first.seal(Part::Original, MESSAGE, b"text").unwrap();
    let again = vault.sealer(SUBJECT, &key_of(&row)).unwrap();
    assert_eq!(again.open(Part::Original, MESSAGE, &sealed).unwrap().as_slice(), b"text");
    assert_eq!(&**vault.open_contact(SUBJECT, &key_of(&row), &row.contact).unwrap(), "13800138000");
}

#[test]
fn a_wrapped_key_opens_only_for_its_tenant_subject_generation_and_epoch() {
    let (_home, keys) = keys();
    let vault = TenantVault::new(&keys, TENANT).unwrap();
    let (row, _) = new_subject(&vault, SUBJECT);
    let refused = |what: &str, vault: &TenantVault, subject, key: &WrappedKey| match vault.sealer(subject, key) {
        Err(VaultError::Unwrap) => {}
        Err(error) => panic!("{what}: {error}"),
        Ok(_) => panic!("{what}: opened"),
    };
    let key = key_of(&row);
    refused("another tenant", &TenantVault::new(&keys, TenantId(2)).unwrap(), SUBJECT, &key);
    refused("another subject", &vault, SubjectId::from_random([9; 16]), &key);
    refused("another generation", &vault, SUBJECT, &WrappedKey { generation: 2, ..key.clone() });
    for at in 0..key.wrapped.len() {
        let mut changed = key.clone();
        changed.wrapped[at] ^= 1;
        refused("a flipped byte", &vault, SUBJECT, &changed);
    }
    let gone = vault.sealer(SUBJECT, &WrappedKey { epoch: 2, ..key });
    assert!(matches!(gone.err(), Some(VaultError::NoEpoch { epoch: 2 })));
}

#[test]
fn a_destroyed_epoch_takes_its_subjects_along() {
    let (home, keys) = keys();
    let (row, _) = new_subject(&TenantVault::new(&keys, TENANT).unwrap(), SUBJECT);
    let directory = home.path().join("keys");
    std::fs::remove_file(directory.join("epoch-1.key")).unwrap();
    let places = KeyPlaces { directory, master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), true).unwrap();
    let vault = TenantVault::new(&keys, TENANT).unwrap();
    assert!(matches!(vault.sealer(SUBJECT, &key_of(&row)).err(), Some(VaultError::Unwrap)));
}

#[test]
fn two_subjects_share_no_key() {
    let vault = vault();
    let (first, second) = (new_subject(&vault, SUBJECT), new_subject(&vault, SUBJECT));
    assert_ne!(first.0.wrapped_key, second.0.wrapped_key);
    let sealed = first.1.seal(Part::Original, MESSAGE, b"text").unwrap();
    assert!(second.1.open(Part::Original, MESSAGE, &sealed).is_err());
}

#[test]
fn lookups_are_stable_and_hang_on_every_field() {
    let (_home, keys) = keys();
    let (vault, other) = (TenantVault::new(&keys, TENANT).unwrap(), TenantVault::new(&keys, TenantId(2)).unwrap());
    let hash = |vault: &TenantVault, name: &str, identity: &str| found_by(vault, &account(name), &raw(identity)).hash;
    assert_eq!(hash(&vault, "app", "a"), hash(&vault, "app", "a"));
    let distinct = [
        hash(&vault, "app", "a"),
        hash(&vault, "app", "b"),
        hash(&vault, "ap", "pa"),
        hash(&vault, "appa", ""),
        hash(&other, "app", "a"),
        vault.login_lookup(&raw("a")),
        vault.login_lookup(&raw("b")),
        other.login_lookup(&raw("a")),
        vault.session_lookup("a"),
        vault.session_lookup("b"),
        other.session_lookup("a"),
    ];
    assert_eq!(distinct.iter().collect::<HashSet<_>>().len(), distinct.len());
    let elsewhere = self::vault();
    assert_ne!(hash(&elsewhere, "app", "a"), hash(&vault, "app", "a"), "another installation");
}

#[test]
fn guards_against_duplicates_hang_on_scope_key_and_body() {
    let vault = vault();
    let base = vault.dedup("http:app", b"k1", b"body");
    assert_eq!(vault.dedup("http:app", b"k1", b"body"), base);
    let other_body = vault.dedup("http:app", b"k1", b"BODY");
    assert!(other_body.key == base.key && other_body.body != base.body);
    for (scope, key) in [("http:app", "k2"), ("http:ap", "pk1"), ("http:appk1", ""), ("http:other", "k1")] {
        let other = vault.dedup(scope, key.as_bytes(), b"body");
        assert!(other.key != base.key && other.body != base.body, "{scope} {key}");
    }
    assert_ne!(base.key, base.body);
}

#[test]
fn a_sender_is_the_same_after_a_new_epoch_and_no_two_are_alike() {
    let (_home, keys) = keys();
    let person = |contact: &str| Person::of_channel(raw(contact));
    let proven = |contact: Option<&str>, realm: &str, id: &str| Person {
        contact: contact.map(raw),
        proven: Some(Proven { realm: realm.to_owned(), id: raw(id) }),
        vouched: false,
    };
    let after = TenantVault::new(&keys, TENANT).unwrap();
    let people = [person("a"), proven(None, "customers", "a")];
    let senders = || people.iter().map(|person| after.sender(&account("app"), person)).collect::<Vec<_>>();
    let (lookup, before) = (found_by(&after, &account("app"), &raw("a")), senders());
    keys.epoch_keeper().begin().unwrap();
    assert_ne!(found_by(&after, &account("app"), &raw("a")), lookup, "the index is another");
    assert_eq!(senders(), before);
    let other = TenantVault::new(&keys, TenantId(2)).unwrap();
    let distinct = [
        after.sender(&account("app"), &person("a")),
        after.sender(&account("app"), &person("b")),
        after.sender(&account("appa"), &person("")),
        after.sender(&account("app"), &proven(None, "customers", "a")),
        after.sender(&account("app"), &proven(None, "customer", "sa")),
        other.sender(&account("app"), &person("a")),
        None,
    ];
    assert_eq!(distinct.iter().collect::<HashSet<_>>().len(), distinct.len());
    let by_visit = after.sender(&account("widget"), &proven(Some("visit-1"), "customers", "a"));
    assert_eq!(by_visit, distinct[3], "who is proven is the same by another visit");
    assert_eq!(after.sender(&account("app"), &Person { contact: None, proven: None, vouched: false }), None);
}

#[test]
fn under_a_new_epoch_a_person_is_found_and_opened_as_before_and_the_old_one_opens_nothing_once_it_is_destroyed() {
    let (_home, keys) = keys();
    let vault = TenantVault::new(&keys, TENANT).unwrap();
    let (row, sealer) = new_subject(&vault, SUBJECT);
    let (old, sealed) = (key_of(&row), sealer.seal(Part::Original, MESSAGE, b"text").unwrap());
    let proven = Proven { realm: "customers".to_owned(), id: raw("c-1") };
    let linked = vault.linked(SUBJECT, &old, IdentityName::Proven(&proven)).unwrap();
    let epochs = keys.epoch_keeper();
    assert!(matches!(epochs.destroy(1), Err(KeyError::InUse { epoch: 1 })), "the only one");
    epochs.begin().unwrap();
    let new = vault.rewrap(SUBJECT, &old).unwrap();
    assert_eq!((new.epoch, new.generation), (2, old.generation));
    for key in [&old, &new] {
        let sealer = vault.sealer(SUBJECT, key).unwrap();
        assert_eq!(sealer.open(Part::Original, MESSAGE, &sealed).unwrap().as_slice(), b"text");
    }
    let (app, identity) = (account("app"), raw("13800138000"));
    for (name, old_lookup, sealed) in [
        (IdentityName::Channel(&app, &identity), row.identity, &row.sealed_identity),
        (IdentityName::Proven(&proven), linked.lookup, &linked.sealed),
    ] {
        let lookups = vault.lookups(name);
        assert_eq!(lookups.iter().map(|lookup| lookup.epoch).collect::<Vec<_>>(), [2, 1], "the newest first");
        assert_eq!(lookups[1].hash, old_lookup);
        assert_eq!(vault.reindex(SUBJECT, &new, sealed).unwrap(), lookups[0]);
        assert!(vault.reindex(SubjectId::from_random([9; 16]), &new, sealed).is_err(), "another person's");
        assert!(vault.reindex(SUBJECT, &new, &sealed[..sealed.len() - 1]).is_err());
    }
    assert!(epochs.destroy(1).unwrap() && !epochs.destroy(1).unwrap(), "once");
    assert!(matches!(vault.sealer(SUBJECT, &old).err(), Some(VaultError::NoEpoch { epoch: 1 })));
    assert_eq!(vault.lookups(IdentityName::Proven(&proven)).len(), 1);
    assert!(vault.sealer(SUBJECT, &new).is_ok());
    assert!(matches!(epochs.destroy(2), Err(KeyError::InUse { epoch: 2 })));
}

#[test]
fn an_epoch_that_another_server_began_or_destroyed_is_seen_by_a_look() {
    let (home, keys) = keys();
    let vault = TenantVault::new(&keys, TENANT).unwrap();
    let own = keys.epoch_keeper();
    let other = KeyDirectory::open_or_create(&places(&home), Arc::new(SystemRandom::new()), false).unwrap();
    let other = other.epoch_keeper();
    assert!(!own.look().unwrap());
    let begun = other.begin().unwrap();
    assert_eq!(vault.newest_epoch(), 1);
    assert!(own.look().unwrap() && own.present().contains(&begun));
    assert_eq!(vault.newest_epoch(), 2);
    other.destroy(1).unwrap();
    assert!(own.look().unwrap());
    assert_eq!(own.present(), [begun]);
}

#[test]
fn profiles_open_only_for_their_account_and_tenant() {
    let (_home, keys) = keys();
    let (vault, other) = (TenantVault::new(&keys, TENANT).unwrap(), TenantVault::new(&keys, TenantId(2)).unwrap());
    let (me, you) = (AccountId::from_random([4; 16]), AccountId::from_random([5; 16]));
    let sealed = vault.seal_profile(me, &raw("{\"login\":\"li\"}")).unwrap();
    assert_eq!(&**vault.open_profile(me, &sealed).unwrap(), "{\"login\":\"li\"}");
    assert!(vault.open_profile(you, &sealed).is_err());
    assert!(other.open_profile(me, &sealed).is_err());
    assert!(vault.open_profile(me, &sealed[..sealed.len() - 1]).is_err());
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", vault()), "TenantVault { tenant: TenantId(1), .. }");
}

#[test]
fn a_sealing_of_a_message_is_cheap() {
    const ROUNDS: u32 = 2_000;
    let vault = vault();
    let (row, _) = new_subject(&vault, SUBJECT);
    let (key, text) = (key_of(&row), vec![b'a'; 256]);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let sealer = vault.sealer(SUBJECT, &key).unwrap();
        for part in [Part::Original, Part::Masked] {
            sealer.seal(part, MESSAGE, &text).unwrap();
        }
    }
    let per_message = start.elapsed() / ROUNDS;
    println!("unwrap and two seals of 256 bytes: {} ns", per_message.as_nanos());
    // An unoptimised build is slow; what must never happen is a key stretched or a file read for each message.
    assert!(per_message.as_millis() < 5, "{per_message:?}");
}

#[test]
fn tokens_are_letters_stable_within_a_tenant_and_hang_on_every_field() {
    let (_home, keys) = keys();
    let (vault, other) = (TenantVault::new(&keys, TENANT).unwrap(), TenantVault::new(&keys, TenantId(2)).unwrap());
    let token = |key: &str, entity: &str, value: &str| vault.tokens().token(key, entity, value);
    let base = token("tok-1", "card", "4111111111111111");
    assert_eq!(token("tok-1", "card", "4111111111111111"), base);
    assert!(
        base.len() == 35 && base.starts_with("tok") && base.bytes().all(|byte| byte.is_ascii_lowercase()),
        "{base}"
    );
    for distinct in [
        token("tok-2", "card", "4111111111111111"),
        token("tok-1", "phone", "4111111111111111"),
        token("tok-1", "card", "4111111111111112"),
        token("tok-1card", "", "4111111111111111"),
        other.tokens().token("tok-1", "card", "4111111111111111"),
    ] {
        assert_ne!(distinct, base);
    }
}

#[test]
fn what_is_sealed_of_staff_opens_only_as_what_it_is_and_for_its_account() {
    let (_home, keys) = keys();
    let vault = TenantVault::new(&keys, TENANT).unwrap();
    let (own, other) = (AccountId::from_random([1; 16]), AccountId::from_random([2; 16]));
    let parts = [StaffPart::Login, StaffPart::Device, StaffPart::Factor];
    for part in parts {
        let sealed = vault.seal_staff(part, own, &raw("text")).unwrap();
        assert_eq!(vault.open_staff(part, own, &sealed).unwrap().as_str(), "text");
        for another in parts.into_iter().filter(|another| *another != part) {
            assert!(vault.open_staff(another, own, &sealed).is_err(), "{part:?} as {another:?}");
        }
        assert!(vault.open_staff(part, other, &sealed).is_err(), "another account");
        assert!(
            TenantVault::new(&keys, TenantId(2)).unwrap().open_staff(part, own, &sealed).is_err(),
            "another tenant"
        );
        assert!(vault.open_profile(own, &sealed).is_err(), "as a name");
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(vault.open_staff(part, own, &flipped).is_err(), "byte {at}");
        }
    }
}

#[test]
fn recovery_codes_and_outside_identities_are_looked_up_under_their_own_names() {
    let (_home, keys) = keys();
    let (vault, elsewhere) = (TenantVault::new(&keys, TENANT).unwrap(), TenantVault::new(&keys, TenantId(2)).unwrap());
    let (own, other) = (AccountId::from_random([1; 16]), AccountId::from_random([2; 16]));
    let lookups: HashSet<[u8; 32]> = [
        vault.recovery_lookup(own, "code"),
        vault.recovery_lookup(own, "Code"),
        vault.recovery_lookup(other, "code"),
        elsewhere.recovery_lookup(own, "code"),
        vault.external_lookup(External::Person, "https://a", "b"),
        vault.external_lookup(External::Person, "https://ab", ""),
        vault.external_lookup(External::Session, "https://a", "b"),
        vault.external_lookup(External::Logout, "https://a", "b"),
        elsewhere.external_lookup(External::Person, "https://a", "b"),
        vault.login_lookup(&raw("code")),
    ]
    .into();
    assert_eq!(lookups.len(), 10);
    let secret = vault.new_factor_secret();
    assert_eq!(secret.len(), 32);
    assert_ne!(*secret, *vault.new_factor_secret());
    assert_eq!(vault.factor_code(&secret, 7).unwrap().len(), 6);
    assert!(vault.factor_code("not a secret", 7).is_err());
}
