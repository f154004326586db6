//! Certificates in both directions: the server's, which changes while it runs, and those that machines show.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken helper fails the test")]

use crate::common;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::listening::Listening;
use common::raw::Request;
use common::{Server, World, until};
use liaowaiwai::crypto::SystemClock;
use liaowaiwai::crypto::dev_ca::{OldestTls, dev_certificate, provider};
use liaowaiwai::crypto::live_authority::LiveAuthority;
use liaowaiwai::crypto::live_certificate::{ClientAuthority, ClientCertificates, LiveCertificate, listener_config};
use liaowaiwai::http::{Addresses, Https};
use liaowaiwai::ports::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A CA of machines.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A client certificate with its key.
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "machines of the test");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("clients.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }

    fn client(&self, name: &str, last_year: i32) -> Pair {
        self.numbered(1, name, last_year)
    }

    fn numbered(&self, number: u64, name: &str, last_year: i32) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(number));
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

impl Ca {
    /// A list of revoked certificates that holds to the beginning of a year, in PEM.
    fn crl(&self, revoked: &[u64], last_year: i32) -> String {
        let revoked = revoked.iter().map(|number| RevokedCertParams {
            serial_number: SerialNumber::from(*number),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(last_year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// The TLS of a client that trusts `ca` and may show a certificate.
fn client(ca: &Path, pair: Option<Pair>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match pair {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

/// Sends a request over TLS; the status of the answer, or `None` when the handshake was refused.
async fn status(tls: &TlsConnector, address: SocketAddr, request: &[u8]) -> Option<u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()?;
    // In TLS 1.3 the client hears of a refusal only after its own part of the handshake.
    stream.write_all(request).await.ok()?;
    let mut came = Vec::new();
    let _refused_or_over = stream.read_to_end(&mut came).await;
    let text = String::from_utf8_lossy(&came);
    text.split(' ').nth(1)?.parse().ok()
}

/// Copies a file to where the server looks for it.
fn put(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Puts a certificate that ends in so many days, with its key, where the server looks; gives its end in seconds since 1970.
fn put_ending(certificate: &Path, private_key: &Path, days: u64) -> u64 {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let now = u64::try_from(SystemClock.now().as_micros()).unwrap() / 1_000_000;
    let end = now + days * 86_400;
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
    std::fs::write(private_key, key.serialize_pem()).unwrap();
    std::fs::set_permissions(private_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    end
}

/// A node's configuration with these lines in its section `http`.
fn configured(world: &World, lines: &str) -> String {
    let text = std::fs::read_to_string(world.configure("node")).unwrap();
    text.replace("[http]\n", &format!("[http]\n{lines}"))
}

/// A number of the server's metrics.
fn metric(server: &Server, name: &str) -> u64 {
    let (_, all) = common::get(server.metrics(), "/metrics").unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse().unwrap()
}

/// How the doctor judges one thing: its state, and whether it says what to change.
fn judged(world: &World, code: &str) -> (String, bool) {
    let (_, said) = world.lww("node", &["doctor", "--json"]);
    let said: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let check = said["checks"].as_array().unwrap().iter().find(|check| check["code"] == code);
    let check = check.unwrap_or_else(|| panic!("no {code}: {said}"));
    (check["state"].as_str().unwrap().to_owned(), check["change"].is_string())
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_need_a_valid_certificate_of_the_right_ca_and_get_the_channels_only() {
    let folder = tempfile::tempdir().unwrap();
    let made = dev_certificate(folder.path(), ANY, SystemClock.now()).unwrap();
    let live = LiveCertificate::open(&made.certificate, &made.key).unwrap();
    let (ca, stranger) = (Ca::new(), Ca::new());
    let file = ClientAuthority { ca: ca.write(folder.path()), crl: None };
    let https = |clients: &ClientCertificates| Https {
        address: ANY,
        config: listener_config(Arc::clone(&live), OldestTls::V13, clients.open().unwrap()).unwrap(),
        strict_transport: false,
    };
    let listening = Listening::start(Addresses {
        https: Some(https(&ClientCertificates::Asked(file.clone()))),
        machines: Some(https(&ClientCertificates::Required(file))),
        ..Addresses::default()
    });
    let (people, machines) = (listening.https(), listening.machines());
    for (what, pair, on_machines, on_people) in [
        ("none", None, None, Some(200)),
        ("of another CA", Some(stranger.client("m", 2100)), None, None),
        ("expired", Some(ca.client("m", 2021)), None, None),
        ("good", Some(ca.client("m", 2100)), Some(200), Some(200)),
    ] {
        let tls = client(&made.ca, pair);
        assert_eq!(status(&tls, machines, &get("/healthz")).await, on_machines, "{what}, for machines");
        assert_eq!(status(&tls, people, &get("/healthz")).await, on_people, "{what}, for people");
    }
    let good = client(&made.ca, Some(ca.client("m", 2100)));
    for path in ["/api/v1/session", "/api/v1/agent/conversations", "/api/v1/openapi.json", "/metrics"] {
        assert_eq!(status(&good, machines, &get(path)).await, Some(404), "{path}");
    }
    assert_eq!(status(&good, machines, &get("/api/v1/channels/http/t/a/messages")).await, Some(404), "no such account");
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_and_a_list_that_is_over_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let made = dev_certificate(folder.path(), ANY, SystemClock.now()).unwrap();
    let live = LiveCertificate::open(&made.certificate, &made.key).unwrap();
    let (ca, stranger, list) = (Ca::new(), Ca::new(), folder.path().join("clients.crl"));
    let files = ClientAuthority { ca: ca.write(folder.path()), crl: Some(list.clone()) };
    assert!(LiveAuthority::open(&files, true).is_err(), "no list where one is configured");
    std::fs::write(&list, ca.crl(&[], 2100)).unwrap();
    let authority = LiveAuthority::open(&files, true).unwrap();
    let config = listener_config(Arc::clone(&live), OldestTls::V13, Some(Arc::clone(&authority))).unwrap();
    let machines = Https { address: ANY, config, strict_transport: false };
    let listening = Listening::start(Addresses { https: Some(machines), ..Addresses::default() });
    let address = listening.https();
    let pairs = [7, 8].map(|number| ca.numbered(number, "m", 2100));
    let both = async || {
        let mut got = Vec::new();
        for (certificate, key) in &pairs {
            let tls = client(&made.ca, Some((certificate.clone(), key.clone_key())));
            got.push(status(&tls, address, &get("/healthz")).await);
        }
        got
    };
    assert_eq!(both().await, [Some(200), Some(200)]);
    for (what, text, taken, expected) in [
        ("one is revoked", ca.crl(&[7], 2100), true, [None, Some(200)]),
        ("what is no list leaves the one so far", "-----BEGIN X509 CRL-----".to_owned(), false, [None, Some(200)]),
        ("an empty file does, too", String::new(), false, [None, Some(200)]),
        ("another CA's list says nothing of ours", stranger.crl(&[], 2100), true, [None, None]),
        ("with ours beside it", ca.crl(&[8], 2100) + &stranger.crl(&[], 2100), true, [Some(200), None]),
        ("one that is over", ca.crl(&[], 2021), true, [None, None]),
        ("a new one", ca.crl(&[], 2100), true, [Some(200), Some(200)]),
    ] {
        std::fs::write(&list, text).unwrap();
        assert!(authority.has_changed(), "{what}");
        assert_eq!(authority.reload().is_ok(), taken, "{what}");
        assert_eq!(both().await, expected, "{what}");
    }
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_takes_its_machine_s_requests_only_and_the_server_takes_a_new_certificate_while_it_runs() {
    let world = World::private();
    let ca = Ca::new();
    let file = ca.write(world.path());
    let certs = dev_certificate(&world.path().join("made"), ANY, SystemClock.now()).unwrap();
    let (certificate, key) = (world.path().join("chain.pem"), world.path().join("key.pem"));
    put(&certs.certificate, &certificate);
    put(&certs.key, &key);
    let text = std::fs::read_to_string(world.configure("node")).unwrap();
    let http = format!(
        "[http]\ncertificate = {certificate:?}\nprivate_key = {key:?}\nclient_ca = {file:?}\nmachine_listen = \"127.0.0.1:0\"\n"
    );
    let text = text
        .replace("[http]\n", &http)
        .replace("key_id = \"demo-app\"", "key_id = \"demo-app\"\nclient_name = \"core\"");
    let server = world.launch_with("node", &text).unwrap();
    let good = client(&certs.ca, Some(ca.client("core", 2100)));
    let other = client(&certs.ca, Some(ca.client("other", 2100)));
    let none = client(&certs.ca, None);
    for (what, tls, address, tenant, expect) in [
        ("its machine", &good, server.machines(), "demo", Some(201)),
        ("its machine, where people are served", &good, server.https, "demo", Some(201)),
        ("another machine", &other, server.machines(), "demo", Some(403)),
        ("nobody's", &none, server.https, "demo", Some(403)),
        ("nobody's, an account without a name", &none, server.https, "other", Some(201)),
    ] {
        let body = format!(r#"{{"contact": "c", "text": "{what}"}}"#);
        let authority = format!("localhost:{}", address.port());
        let request = Request::new(&authority, tenant, &what.replace(' ', "-"), body);
        assert_eq!(status(tls, address, &request.bytes()).await, expect, "{what}");
    }

    // A CA of clients that is broken, then another one: whose certificates counted are strangers from then on.
    std::fs::write(&file, "broken").unwrap();
    server.signal("-HUP");
    until("the alarm", async || server.errors().contains("certificate_refused")).await;
    assert_eq!(status(&good, server.machines(), &get("/healthz")).await, Some(200), "the old CA stays");
    let next = Ca::new();
    assert_eq!(next.write(world.path()), file);
    let renewed = client(&certs.ca, Some(next.client("core", 2100)));
    server.signal("-HUP");
    until("the new CA", async || status(&renewed, server.machines(), &get("/healthz")).await == Some(200)).await;
    assert_eq!(status(&good, server.machines(), &get("/healthz")).await, None, "the old CA counts no more");
    assert_eq!(status(&good, server.https, &get("/healthz")).await, None);

    // A pair that is broken, then one of another CA.
    std::fs::write(&certificate, "broken").unwrap();
    server.signal("-HUP");
    until("the alarm", async || server.errors().matches("certificate_refused").count() > 2).await;
    assert_eq!(status(&none, server.https, &get("/healthz")).await, Some(200), "the old one is shown on");
    let newer = dev_certificate(&world.path().join("newer"), ANY, SystemClock.now()).unwrap();
    put(&newer.certificate, &certificate);
    put(&newer.key, &key);
    server.signal("-HUP");
    let trusting = client(&newer.ca, None);
    until("the new certificate", async || status(&trusting, server.https, &get("/healthz")).await == Some(200)).await;
    // One without a session to resume, which would show no certificate at all.
    let fresh = client(&certs.ca, None);
    assert_eq!(status(&fresh, server.https, &get("/healthz")).await, None, "the old one is shown no more");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_near_its_end_is_an_event_a_metric_and_a_finding_until_a_new_one_comes() {
    const END: &str = "lww_certificate_end_seconds";
    let world = World::private();
    let (certificate, key) = (world.path().join("chain.pem"), world.path().join("key.pem"));
    let soon = put_ending(&certificate, &key, 10);
    let lines = format!("certificate = {certificate:?}\nprivate_key = {key:?}\nmetrics_listen = \"127.0.0.1:0\"\n");
    let server = world.launch_with("node", &configured(&world, &lines)).unwrap();
    until("the alarm", async || server.errors().contains("certificate_ending")).await;
    assert!(server.errors().contains("days=9"), "{}", server.errors());
    assert_eq!((metric(&server, END), judged(&world, "tls.certificate")), (soon, ("warn".to_owned(), true)));

    let late = put_ending(&certificate, &key, 365);
    server.signal("-HUP");
    until("the new certificate", async || metric(&server, END) == late).await;
    assert_eq!(judged(&world, "tls.certificate"), ("ok".to_owned(), false));

    // The next alarm is a new certificate's own; the first one's was raised once.
    put_ending(&certificate, &key, 5);
    server.signal("-HUP");
    until("the next alarm", async || server.errors().contains("days=4")).await;
    assert_eq!(server.errors().matches("certificate_ending").count(), 2, "{}", server.errors());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_over_or_broken_is_an_event_a_metric_and_a_finding_until_a_new_one_comes() {
    const END: &str = "lww_client_crl_end_seconds";
    const YEAR_2021: u64 = 1_609_459_200;
    const YEAR_2100: u64 = 4_102_444_800;
    let world = World::private();
    let (ca, list) = (Ca::new(), world.path().join("clients.crl"));
    let certs = dev_certificate(&world.path().join("made"), ANY, SystemClock.now()).unwrap();
    let (certificate, key) = (certs.certificate, certs.key);
    std::fs::write(&list, ca.crl(&[7], 2100)).unwrap();
    let lines = format!(
        "certificate = {certificate:?}\nprivate_key = {key:?}\nclient_ca = {:?}\nclient_crl = {list:?}\n\
         machine_listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n",
        ca.write(world.path()),
    );
    let server = world.launch_with("node", &configured(&world, &lines)).unwrap();
    let pairs = [7, 8].map(|number| ca.numbered(number, "core", 2100));
    let both = async || {
        let [seven, eight] =
            pairs.each_ref().map(|(shown, key)| client(&certs.ca, Some((shown.clone(), key.clone_key()))));
        let address = server.machines();
        [status(&seven, address, &get("/healthz")).await, status(&eight, address, &get("/healthz")).await]
    };
    let good = ("ok".to_owned(), false);
    let bad = ("fail".to_owned(), true);
    assert_eq!(both().await, [None, Some(200)], "the first is revoked");
    assert_eq!((metric(&server, END), judged(&world, "tls.client_crl")), (YEAR_2100, good.clone()));
    assert!(!server.errors().contains("client_crl_over"));

    std::fs::write(&list, ca.crl(&[], 2021)).unwrap();
    server.signal("-HUP");
    until("the alarm", async || server.errors().contains("client_crl_over")).await;
    assert_eq!(both().await, [None, None], "nobody gets in");
    assert_eq!((metric(&server, END), judged(&world, "tls.client_crl")), (YEAR_2021, bad.clone()));

    std::fs::write(&list, "-----BEGIN X509 CRL-----").unwrap();
    server.signal("-HUP");
    until("the refusal", async || server.errors().contains("certificate_refused")).await;
    assert_eq!(judged(&world, "tls.client_crl"), bad);
    std::fs::remove_file(&list).unwrap();
    assert_eq!(judged(&world, "config.load"), bad);

    std::fs::write(&list, ca.crl(&[8], 2100)).unwrap();
    server.signal("-HUP");
    until("the new list", async || metric(&server, END) == YEAR_2100).await;
    assert_eq!(both().await, [Some(200), None], "the second is revoked");
    assert_eq!(judged(&world, "tls.client_crl"), good);
    assert_eq!(server.errors().matches("client_crl_over").count(), 1, "once for each list");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_log_opens_to_the_machine_that_its_tenant_names_and_to_no_other() {
    let world = World::private();
    let ca = Ca::new();
    let file = ca.write(world.path());
    let certs = dev_certificate(&world.path().join("made"), ANY, SystemClock.now()).unwrap();
    let (certificate, key) = (world.path().join("chain.pem"), world.path().join("key.pem"));
    put(&certs.certificate, &certificate);
    put(&certs.key, &key);
    let http = format!(
        "[http]\ncertificate = {certificate:?}\nprivate_key = {key:?}\nclient_ca = {file:?}\nmachine_listen = \"127.0.0.1:0\"\n"
    );
    let text = std::fs::read_to_string(world.configure("node")).unwrap();
    let text =
        text.replace("[http]\n", &http).replace("name = \"demo\"\n", "name = \"demo\"\nauditor_name = \"audit\"\n");
    let server = world.launch_with("node", &text).unwrap();
    let machine = |name: &str| client(&certs.ca, Some(ca.client(name, 2100)));
    let (audit, other, none) = (machine("audit"), machine("core"), client(&certs.ca, None));
    let (checkpoint, tile) = ("/api/v1/ledger/tlog/checkpoint", "/api/v1/ledger/tlog/tile/0/000.p/1");
    until("a checkpoint", async || status(&audit, server.machines(), &get(checkpoint)).await == Some(200)).await;
    for (what, tls, address, path, expect) in [
        ("where machines are served", &audit, server.machines(), tile, Some(200)),
        ("where people are served", &audit, server.https, tile, Some(200)),
        ("another name", &other, server.machines(), checkpoint, Some(401)),
        ("no certificate", &none, server.https, checkpoint, Some(401)),
        ("the rest of the ledger", &audit, server.https, "/api/v1/ledger/entries", Some(401)),
        ("who goes on to other files", &audit, server.machines(), "/api/v1/ledger/tlog/tile/../checkpoint", Some(404)),
    ] {
        assert_eq!(status(tls, address, &get(path)).await, expect, "{what}");
    }
    let twice = text.replace("name = \"other\"\n", "name = \"other\"\nauditor_name = \"audit\"\n");
    server.stop();
    let refused = world.launch_with("node", &twice).err().unwrap();
    assert!(refused.contains("auditor_name"), "a certificate can't be of two tenants: {refused}");
}
