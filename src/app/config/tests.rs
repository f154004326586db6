//! Every mistake that a configuration can hold, each with its line, and what a right one gives.

use std::collections::BTreeSet;
use std::fs;

use super::keys::{Member, members};
use super::*;
use crate::units::TenantId;

const CANARY: &str = "hunter2-canary";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("lww.toml", text)
}

/// A tenant whose policy is there wherever the tests run.
fn tenant(home: &tempfile::TempDir, name: &str, further: &str) -> String {
    let policy = home.path().join("policy.yaml");
    fs::write(&policy, "policy text").unwrap();
    format!("[[tenant]]\nname = \"{name}\"\npolicy = {policy:?}\n{further}\n")
}

const CHANNEL: &str =
    "[[tenant.channel]]\nchannel = \"http\"\naccount = \"app\"\nkey_id = \"k1\"\nsecret = \"secret://env/A\"\n";

#[test]
fn without_a_file_there_is_one_marked_demo_tenant_on_loopback() {
    let config = Config::load(None).unwrap();
    let [demo] = config.tenants.as_slice() else { panic!("{:?}", config.tenants) };
    assert!(demo.demo && demo.name == "demo" && demo.policy.is_none() && !demo.policy_source.is_empty());
    let [channel, widget] = demo.channels.as_slice() else { panic!("{:?}", demo.channels) };
    assert_eq!((channel.channel, channel.account.as_str()), ("http", "app"));
    assert_eq!((widget.channel, widget.account.as_str()), ("web", "widget"));
    assert_eq!(channel.secret.to_string(), "secret://keys/channel-demo-app");
    assert!(config.http.listen.ip().is_loopback() && config.http.trial_listen.unwrap().ip().is_loopback());
    assert_eq!((config.name.as_str(), config.keys_dir.as_path()), ("lww.local", Path::new("data/keys")));
    assert!(config.database().unwrap().is_none());
}

#[test]
fn a_whole_file_is_read() {
    let home = tempfile::TempDir::new().unwrap();
    let folder = home.path().to_str().unwrap();
    for name in ["cert.pem", "key.pem"] {
        fs::write(home.path().join(name), "").unwrap();
    }
    let tenants = tenant(&home, "acme", &format!("agents_capacity_default = 3\n{CHANNEL}"));
    let text = format!(
        "name = \"chat.bank.example\"\ndata_dir = \"/var/lib/lww\"\nkeys_dir = \"/etc/lww/keys\"\n\
         master_key = \"/run/lww/master.key\"\ndatabase_url = \"postgresql://lww@db.bank.example/lww?sslmode=disable\"\n\
         [http]\nlisten = \"0.0.0.0:8443\"\ntrial_listen = \"off\"\ncertificate = \"{folder}/cert.pem\"\n\
         private_key = \"{folder}/key.pem\"\ncerts_dir = \"/etc/lww/certs\"\n[postgresql]\nbin_dir = \"{folder}\"\n\
         [log]\ndirectory = \"/var/log/lww\"\nlevel = \"debug\"\n{tenants}"
    );
    let config = parse(&text).unwrap();
    let tenant = &config.tenants[0];
    assert_eq!((tenant.name.as_str(), tenant.agents_capacity_default, tenant.demo), ("acme", 3, false));
    assert_eq!(tenant.policy_source, "policy text");
    assert_eq!(config.http.trial_listen, None);
    assert_eq!(config.http.tls.as_ref().unwrap().private_key, home.path().join("key.pem"));
    assert_eq!((config.log.level, config.log.directory.as_path()), ("debug", Path::new("/var/log/lww")));
    assert_eq!(config.master_key.as_deref(), Some(Path::new("/run/lww/master.key")));
    assert_eq!(config.database().unwrap().unwrap().get_dbname(), Some("lww"));
}

/// What is wrong, its line and column, and words that the error must have.
#[test]
fn every_mistake_names_its_place_and_what_was_expected() {
    let home = tempfile::TempDir::new().unwrap();
    let acme = tenant(&home, "acme", "");
    let twice = format!("{acme}{acme}");
    let same_account = format!("{acme}{CHANNEL}{CHANNEL}");
    let with_url = |rest: &str| format!("database_url = \"postgresql://lww@db/lww?sslmode=disable\"\n{rest}");
    let channel = |from: &str, to: &str| acme.clone() + &CHANNEL.replace(from, to);
    for (text, place, words) in [
        ("nmae = \"a\"".to_owned(), "1:1", ["unknown key nmae", "did you mean name?"]),
        ("\n[http]\nlistn = \"a\"".to_owned(), "3:1", ["unknown key http.listn", "did you mean http.listen?"]),
        ("[htpp]\n".to_owned(), "1:2", ["unknown key htpp", "did you mean http?"]),
        ("zzzzzzzz = 1".to_owned(), "1:1", ["unknown key zzzzzzzz", "known here: name, data_dir"]),
        ("[[tenant]]\nname = \"a\"\nqueue = \"q\"".to_owned(), "3:1", ["unknown key tenant.queue", "known here: name"]),
        ("name = 5".to_owned(), "1:8", ["name: expected a string", "integer"]),
        ("name = \"客户\"".to_owned(), "1:8", ["name: expected", "host name"]),
        ("name = \"a..b\"".to_owned(), "1:8", ["name: expected", "host name"]),
        ("http = 5".to_owned(), "1:8", ["http: expected a table", "integer"]),
        ("tenant = 5".to_owned(), "1:10", ["tenant: expected a list of tables", "integer"]),
        ("tenant = [5]".to_owned(), "1:11", ["tenant: expected a list of tables", "integer"]),
        ("name = \"a\"\nname = \"b\"".to_owned(), "2:1", ["not TOML", "duplicate key"]),
        ("name = \n".to_owned(), "1:8", ["not TOML", ""]),
        ("data_dir = \"\"".to_owned(), "1:12", ["data_dir: expected", "path"]),
        ("[http]\nlisten = \"localhost\"".to_owned(), "2:10", ["http.listen: expected", "address and port"]),
        ("[http]\nlisten = \"0.0.0.0:8443\"".to_owned(), "2:10", ["http.listen: expected", "http.certificate"]),
        ("[http]\ntrial_listen = \"0.0.0.0:80\"".to_owned(), "2:16", ["http.trial_listen: expected", "loopback"]),
        ("[http]\ntrial_listen = \"127.0.0.1:8443\"".to_owned(), "2:16", ["another address", "http.listen"]),
        ("[http]\ncertificate = \"/absent\"".to_owned(), "2:15", ["http.certificate", "file that exists"]),
        ("[http]\ncertificate = \"/etc/passwd\"".to_owned(), "2:15", ["http.certificate", "private_key beside it"]),
        ("[http]\nprivate_key = \"/etc/passwd\"".to_owned(), "2:15", ["http.private_key", "certificate beside it"]),
        ("[postgresql]\nbin_dir = \"/absent\"".to_owned(), "2:11", ["postgresql.bin_dir", "folder that exists"]),
        ("[log]\nlevel = \"loud\"".to_owned(), "2:9", ["log.level: expected one of", "error, warn, info"]),
        ("database_password = \"secret://env/A\"".to_owned(), "1:21", ["database_password", "without database_url"]),
        ("database_url = \"nonsense\"".to_owned(), "1:16", ["database_url: expected", "PostgreSQL URL"]),
        (with_url("database_password = \"secret://keys/a\""), "2:21", ["database_password", "secret://file"]),
        (with_url(""), "1:1", ["tenant is missing", "expected"]),
        (with_url("[[tenant]]\nname = \"a\"\ndemo = true"), "4:8", ["tenant.demo: expected false", "database_url"]),
        ("[[tenant]]\n".to_owned(), "1:1", ["tenant.name is missing", "a-z"]),
        ("[[tenant]]\nname = \"a\"".to_owned(), "1:1", ["tenant.policy is missing", "path"]),
        ("[[tenant]]\nname = \"a\"\npolicy = \"/absent\"".to_owned(), "3:10", ["tenant.policy", "file that exists"]),
        ("[[tenant]]\nname = \"Acme\"".to_owned(), "2:8", ["tenant.name: expected", "lower-case"]),
        ("[[tenant]]\nname = \"a/b\"".to_owned(), "2:8", ["tenant.name: expected", "lower-case"]),
        ("[[tenant]]\nname = \"system\"".to_owned(), "2:8", ["tenant.name: expected another name", "system"]),
        (format!("{acme}agents_capacity_default = 0"), "5:27", ["agents_capacity_default", "1 to 1000"]),
        (format!("{acme}agents_capacity_default = \"3\""), "5:27", ["expected an integer", "string"]),
        (format!("{acme}demo = \"yes\""), "5:8", ["tenant.demo: expected true or false", "string"]),
        (twice, "6:8", ["tenant.name: expected another value", "line 2"]),
        (same_account, "12:11", ["tenant.channel.account: expected another value", "line 7"]),
        (channel("\"http\"", "\"fax\""), "6:11", ["tenant.channel.channel: expected one of", "http"]),
        (channel("\"app\"", "\"App\""), "7:11", ["tenant.channel.account: expected", "lower-case"]),
        (channel("\"k1\"", "\"k 1\""), "8:10", ["tenant.channel.key_id: expected", "visible ASCII"]),
        (channel("secret = \"secret://env/A\"", ""), "5:1", ["tenant.channel.secret is missing", "secret reference"]),
        (channel("env/A", "cloud/a"), "9:10", ["tenant.channel.secret: expected", "secret://file/"]),
    ] {
        check_mistake(&text, place, words);
    }
}

fn check_mistake(text: &str, place: &str, words: [&str; 2]) {
    let shown = parse(text).unwrap_err().to_string();
    assert!(shown.starts_with(&format!("lww.toml:{place}: ")), "expected place {place}\n{text}\n{shown}");
    for word in words {
        assert!(shown.contains(word), "expected {word:?}\n{text}\n{shown}");
    }
}

#[test]
fn mistakes_that_would_leave_a_connection_open_to_others_are_refused() {
    for (text, place, words) in [
        (
            "database_url = \"postgresql://lww@db/lww\"",
            "1:16",
            ["database_url: expected sslmode=verify-full", "sslmode=disable"],
        ),
        (
            "database_url = \"postgresql://lww@db/lww?sslmode=verify-full\"",
            "1:16",
            ["database_url: expected database_root_certificate", "verified"],
        ),
        ("database_root_certificate = \"ca.pem\"", "1:29", ["database_root_certificate", "without database_url"]),
        ("[http]\nmachine_listen = \"127.0.0.1:1\"", "2:18", ["http.machine_listen", "http.client_ca beside it"]),
        ("[http]\nmetrics_token = \"hunter2\"", "2:17", ["http.metrics_token", "secret://"]),
        ("[http]\nmetrics_token = \"secret://keys/metrics\"", "2:17", ["http.metrics_token", "Prometheus"]),
        ("[http]\nmetrics_listen = \"0.0.0.0:9464\"", "2:18", ["http.metrics_listen", "loopback"]),
        ("[http]\ntrusted_proxies = \"10.0.0.0/8, proxy\"", "2:19", ["http.trusted_proxies", "networks such as"]),
        ("[http]\nstaff_requests_per_s = 0", "2:24", ["http.staff_requests_per_s", "from 1 to"]),
    ] {
        check_mistake(text, place, words);
    }
}

#[test]
fn no_error_repeats_a_value_that_could_be_a_secret() {
    let home = tempfile::TempDir::new().unwrap();
    let acme = tenant(&home, "acme", "");
    for text in [
        format!("database_url = \"postgresql://lww:{CANARY}@db/lww\""),
        format!("database_url = \"postgresql://lww@db/lww?password={CANARY}\""),
        format!("database_url = \"host=db user=lww password={CANARY}\""),
        format!("database_url = \"postgresql://lww:{CANARY}@db:port/lww\""),
        format!("database_password = \"{CANARY}\""),
        format!("database_password = [\"{CANARY}\"]"),
        format!("database_password = {CANARY}"),
        format!("database_password = \"{CANARY}"),
        format!("name = \"{CANARY} {CANARY}\""),
        format!("http = \"{CANARY}\""),
        format!("[log]\nlevel = \"{CANARY}\""),
        acme.clone() + &CHANNEL.replace("secret://env/A", CANARY),
        acme.clone() + &CHANNEL.replace("secret://env/A", &format!("secret://{CANARY}")),
        acme + &CHANNEL.replace("\"secret://env/A\"", &format!("{{ value = \"{CANARY}\" }}")),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(CANARY), "{text}\n{error:?}");
    }
}

#[test]
fn files_that_are_absent_too_long_or_not_text_are_refused() {
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("lww.toml");
    let load = || Config::load(Some(&path)).unwrap_err();
    assert!(matches!(load(), ConfigError::Unreadable { .. }));
    fs::write(&path, "#".repeat(CONFIG_BYTES_MAX + 1)).unwrap();
    assert!(matches!(load(), ConfigError::TooLong { .. }));
    fs::write(&path, b"# fine\nname = \"\xff\"").unwrap();
    assert!(load().to_string().ends_with("lww.toml:2:9: the file must be UTF-8"), "{}", load());
    fs::write(&path, "#".repeat(CONFIG_BYTES_MAX)).unwrap();
    Config::load(Some(&path)).unwrap();
}

#[test]
fn the_digest_hangs_on_what_is_decided_and_not_on_how_it_is_written() {
    let base = parse("").unwrap().digest();
    assert_eq!(
        parse("# a comment\nname = 'lww.local'\n[http]\ntrial_listen = \"127.0.0.1:8080\"").unwrap().digest(),
        base
    );
    let others: BTreeSet<Hash> = [
        "name = \"b\"",
        "data_dir = \"d\"",
        "keys_dir = \"k\"",
        "master_key = \"m\"",
        "[http]\nlisten = \"127.0.0.1:1\"",
        "[http]\ntrial_listen = \"off\"",
        "[log]\nlevel = \"warn\"",
    ]
    .iter()
    .map(|text| parse(text).unwrap().digest())
    .collect();
    assert!(others.len() == 7 && !others.contains(&base));
}

const OIDC: &str = "[tenant.oidc]\nissuer = \"http://127.0.0.1:3000\"\nclient_id = \"lww\"\n\
    client_secret = \"secret://file/s\"\npublic_url = \"https://lww.bank.example/\"\nroles = \"staff = agent, a=b=admin\"\n";

#[test]
fn an_identity_provider_is_read_and_each_mistake_named() {
    let home = tempfile::TempDir::new().unwrap();
    let acme = tenant(&home, "acme", "");
    let config = parse(&format!("{acme}{OIDC}")).unwrap();
    let oidc = config.tenants[0].oidc.as_ref().unwrap();
    assert_eq!(oidc.roles, [("staff".to_owned(), Role::Agent), ("a=b".to_owned(), Role::Admin)]);
    assert_eq!((oidc.public_url.as_str(), oidc.role_claim.as_str()), ("https://lww.bank.example", "groups"));
    assert!(parse(&acme).unwrap().tenants[0].oidc.is_none());
    for (from, to, words) in [
        ("issuer = \"http://127.0.0.1:3000\"", "", "tenant.oidc.issuer is missing"),
        ("http://127.0.0.1:3000", "http://login.bank.example", "loopback"),
        ("http://127.0.0.1:3000", "http://localhost.evil.example", "loopback"),
        ("http://127.0.0.1:3000", "https://login.bank.example", "tenant.oidc.ca is missing"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/?a=b", "without query"),
        ("http://127.0.0.1:3000", "http://user@127.0.0.1:3000", "loopback"),
        ("https://lww.bank.example/", "http://lww.bank.example", "loopback"),
        ("staff = agent", "staff = boss", "lww-agents=agent"),
        ("staff = agent", "staff", "lww-agents=agent"),
        ("roles = \"staff = agent, a=b=admin\"", "create_accounts = true", "an account needs a role"),
        ("secret://file/s", "hunter2", "tenant.oidc.client_secret"),
    ] {
        let told = parse(&format!("{acme}{}", OIDC.replace(from, to))).unwrap_err().to_string();
        assert!(told.contains(words) && !told.contains("hunter2"), "{to}: {told}");
    }
}

/// The section of a policy that is there wherever the tests run.
fn witness(home: &tempfile::TempDir, policy: &str) -> String {
    let path = home.path().join("witness.policy");
    fs::write(&path, policy).unwrap();
    format!("[witness]\npolicy = {path:?}\n")
}

#[test]
fn witnesses_are_read_and_each_mistake_named() {
    let home = tempfile::TempDir::new().unwrap();
    let key = |seed: u8| lww_audit::Cosigner::from_seed("w.example/w", &[seed; 32]).unwrap().key().to_string();
    let policy = |first: &str, second: &str| {
        let (one, two) = (key(1), key(2));
        format!("witness w1 {one}{first}\nwitness w2 {two}{second}\ngroup g 2 w1 w2\nquorum g\n")
    };
    let acme = tenant(&home, "acme", "");
    let loopback = " http://127.0.0.1:7100";
    let good = format!("{}{acme}", witness(&home, &policy(loopback, loopback)));
    let read = parse(&good).unwrap().witness.unwrap();
    assert_eq!((read.trust.quorum().as_deref(), read.trust.witnesses().len()), (Some("2 of (w1, w2)"), 2));
    assert!(parse(&acme).unwrap().witness.is_none());
    for (text, words) in [
        (policy(loopback, ""), "the addresses of enough witnesses"),
        (policy(loopback, " http://witness.example"), "loopback"),
        (policy(loopback, " https://witness.example"), "witness.ca is missing"),
        (policy(loopback, loopback).replace("quorum g", "quorum h"), "a tlog-policy"),
        ("x".repeat(70_000), "a file of at most"),
    ] {
        let told = parse(&format!("{}{acme}", witness(&home, &text))).unwrap_err().to_string();
        assert!(told.contains(words) && told.contains("witness."), "{told}");
    }
    fs::remove_file(home.path().join("witness.policy")).unwrap();
    assert!(parse(&good).unwrap_err().to_string().contains("witness.policy"));
    assert!(parse(&format!("[witness]\n{acme}")).unwrap_err().to_string().contains("witness.policy is missing"));
}

#[test]
fn the_digest_covers_every_key() {
    let home = tempfile::TempDir::new().unwrap();
    let text = format!(
        "database_url = \"postgresql://lww@db/lww?sslmode=disable\"\n{}{}{OIDC}{CHANNEL}[mirror]\n",
        witness(&home, "quorum none\n"),
        tenant(&home, "acme", "")
    );
    let canonical = parse(&text).unwrap().canonical();
    let covered: Vec<&str> = canonical.lines().filter_map(|line| line.split(" = ").next()).collect();
    let known: Vec<&str> = KEYS.iter().map(|key| key.key).collect();
    assert_eq!(covered, known);
}

#[test]
fn every_key_is_documented_and_every_default_is_taken() {
    for key in KEYS {
        assert!(!key.unit.is_empty() && key.meaning.ends_with('.'), "{}", key.key);
    }
    let names: BTreeSet<&str> = KEYS.iter().map(|key| key.key).collect();
    assert_eq!(names.len(), KEYS.len());
    let canonical = Config::load(None).unwrap().canonical();
    for key in KEYS
        .iter()
        .filter(|key| !key.default.is_empty() && key.key != "tenant.demo" && !OPTIONAL.contains(&key.parts().0))
    {
        let line = format!("{} = {:?}\n", key.key, key.default);
        assert!(canonical.contains(&line), "{line}{canonical}");
    }
}

#[test]
fn sections_know_their_direct_members() {
    let names = |section: &str| members(section).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("log"), ["directory", "level"]);
    assert_eq!(
        names("tenant.channel"),
        ["channel", "account", "key_id", "client_name", "secret", "identities", "origins"]
    );
    assert!(names("").contains(&"tenant") && names("tenant").contains(&"channel"));
    assert_eq!(members("").into_iter().find(|(name, _)| *name == "http").map(|(_, kind)| kind), Some(Member::Section));
}

#[test]
fn moving_the_data_moves_what_lies_there_by_default() {
    let mut config = parse("").unwrap();
    config.move_to(Path::new("/tmp/elsewhere"));
    assert_eq!(config.keys_dir, Path::new("/tmp/elsewhere/keys"));
    assert_eq!(config.log.directory, Path::new("/tmp/elsewhere/logs"));
    let mut config = parse("keys_dir = \"/etc/lww/keys\"").unwrap();
    config.move_to(Path::new("/tmp/elsewhere"));
    assert_eq!(config.keys_dir, Path::new("/etc/lww/keys"));
    let log = LogName { tenant: TenantId(1), name: "a".into(), tenant_name: "acme".into(), generation: 1 };
    assert_eq!(config.tiles_dir(&log), Path::new("/tmp/elsewhere/audit/acme-1"));
}

#[test]
fn the_database_password_is_fetched_from_where_it_lies() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("password");
    fs::write(&path, format!("{CANARY}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let reference = format!("secret://file{}", path.display());
    let text = format!(
        "database_url = \"postgresql://lww@db/lww?sslmode=disable\"\ndatabase_password = {reference:?}\n{}",
        tenant(&home, "acme", "")
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.database().unwrap().unwrap().get_password(), Some(CANARY.as_bytes()));
    assert!(!format!("{config:?}").contains(CANARY) && !config.canonical().contains(CANARY));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(config.database().unwrap_err(), KeyError::Mode { .. }));
}

#[test]
fn a_copy_is_in_one_place_and_what_is_not_checked_is_not_written_to() {
    let home = tempfile::TempDir::new().unwrap();
    let ca = home.path().join("ca.pem");
    fs::write(&ca, "").unwrap();
    let store = format!(
        "[mirror.s3]\nendpoint = \"https://s3.bank.example\"\nbucket = \"lww\"\naccess_key = \"secret://file/a\"\n\
         secret_key = \"secret://file/b\"\nca = {ca:?}\n"
    );
    assert!(parse("").unwrap().mirror.is_none());
    let folder = |text: &str| parse(text).unwrap().mirror.unwrap().folder().map(Path::to_owned);
    assert_eq!(folder("[mirror]\n"), Some(Path::new("data/mirror").to_owned()));
    assert_eq!(folder("[mirror]\nfolder = \"/mnt/audit\"\n"), Some(Path::new("/mnt/audit").to_owned()));
    assert_eq!(folder(&store), None);
    assert_eq!(parse(&store).unwrap().secrets().iter().filter(|(key, _)| key.starts_with("mirror.s3.")).count(), 2);
    for (from, to, words) in [
        ("https://s3.bank.example", "http://s3.bank.example", "http on loopback for trials"),
        ("https://s3.bank.example", "http://localhost.evil.example", "http on loopback for trials"),
        ("https://s3.bank.example", "https://s3.bank.example/bucket", "without a path"),
        ("https://s3.bank.example", "https://user:hunter2@s3.bank.example", "without a path"),
        ("ca = ", "# ca = ", "mirror.s3.ca beside it"),
        ("secret://file/b", "hunter2", "mirror.s3.secret_key"),
        ("bucket = \"lww\"", "bucket = \"Lww/..\"", "lower-case letters"),
        ("[mirror.s3]", "[mirror]\nfolder = \"/mnt/audit\"\n[mirror.s3]", "the copy is in one place"),
    ] {
        let told = parse(&store.replace(from, to)).unwrap_err().to_string();
        assert!(told.contains(words) && !told.contains("hunter2"), "{to}: {told}");
    }
}
