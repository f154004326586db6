//! `lww ledger recover`, rehearsed: a database is put back to an older copy, the server refuses, two people have its entries put
//! back out of the published files or the copy, and everything goes on; and whatever must not be put back, or not by these
//! people, is refused with nothing changed. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::people::{Phone, ask, create};
use common::{Server, World, chosen_password, key, now, until, wait_until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use lww_audit::entry::Detail;
use lww_audit::merkle::leaf_hash;
use lww_audit::{Entry, Receipt};
use serde_json::{Value, json};

/// The name that the helpers for people expect.
const NODE: &str = "a";
const AMENDMENTS: &str = "/api/v1/policies/masking/amendments";
const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";
/// Parts of a server that are put back together.
const PARTS: [&str; 3] = ["pg", "guard", "audit"];
const REASON: [&str; 2] = ["--reason", "put_back"];

/// A server whose database was put back: what it knew at A, and what was said until B.
struct Case {
    world: World,
    config: PathBuf,
    /// Who may approve; and their phones as they were at A.
    phones: Vec<(&'static str, Phone)>,
    before: Vec<(&'static str, Phone)>,
    /// Entries of the demo tenant's log at A and at B.
    sizes: [usize; 2],
    /// What was acknowledged between A and B.
    receipts: Vec<String>,
    /// Where the customer had read to at B.
    cursor: u64,
    /// The customer's conversation.
    held: String,
}

async fn enrolled(client: &Client) -> Phone {
    let (status, drawn) = ask(client, "POST", ENROLMENT, Some(json!({}))).await;
    assert_eq!(status, 201, "{drawn}");
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    let (status, confirmed) = ask(client, "PUT", ENROLMENT, Some(json!({"code": phone.code().await}))).await;
    assert_eq!(status, 200, "{confirmed}");
    phone
}

async fn send(server: &Server, contact: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    let app = Client::http(server.http);
    let mut receipts = Vec::new();
    for number in numbers {
        let (text, of) = (format!("message {number}"), format!("{contact}-{number}"));
        receipts.extend(app.send_message(&key("demo"), (contact, &text), &of, now()).await.unwrap().receipt);
    }
    receipts
}

async fn said(server: &Server, contact: &str, after: Option<u64>) -> Vec<(String, u64)> {
    let page = Page { after, ..Page::default() };
    let said = Client::http(server.http).messages(&key("demo"), contact, page, now()).await.unwrap();
    said.messages.into_iter().map(|message| (message.text, message.index)).collect()
}

fn copy(from: &Path, to: &Path) {
    let _gone = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// The configuration of one tenant with a copy of its log.
fn configure(world: &World) -> PathBuf {
    let text = std::fs::read_to_string(world.configure(NODE)).unwrap();
    let end = text.match_indices("[[tenant]]").nth(1).unwrap().0;
    let mirror = format!("[mirror]\nfolder = \"{}\"\nevery_s = 1\n\n[[tenant]]", world.path().join("mirror").display());
    let path = world.config(NODE);
    std::fs::write(&path, text[..end].replacen("[[tenant]]", &mirror, 1)).unwrap();
    path
}

impl Case {
    async fn begin() -> Self {
        let world = World::private();
        let config = configure(&world);
        let server = world.start_on(&config, NODE, &[]).unwrap();
        let agent = server.trial_agent().await;
        let mut phones = Vec::new();
        for login in ["supervisor", "compliance"] {
            phones.push((login, enrolled(&server.staff(login).await).await));
        }
        let late = create(&world, "demo", "late", "compliance");
        phones.push(("late", enrolled(&server.staff_with("demo", "late", &late).await).await));
        server.staff("auditor").await;
        send(&server, "zhang", 0..3).await;
        let held = held(&agent).await;
        agent.reply(&held, "an answer", "answer-1").await.unwrap();
        server.stop();
        let before = phones.clone();
        let mut case = Self { world, config, phones, before, sizes: [0, 0], receipts: Vec::new(), cursor: 0, held };
        copy(&case.part("pg"), &case.kept("pg-a"));
        let backups = case.world.path().display().to_string();
        let (kept, told) = case.world.lww(NODE, &["backup", "--to", &backups]);
        assert!(kept, "{told}");
        case.sizes[0] = case.world.entries(NODE, "demo").len();
        let server = case.start();
        let held = case.held.clone();
        case.go_on(&server, &held).await;
        let size = |folder: PathBuf| lww_audit::TileDir::open(folder).checkpoint().unwrap().unwrap().unverified().size;
        let copied = world_copy(&case.world);
        until("the copy to be up to date", async || size(copied.clone()) == size(case.tiles())).await;
        server.stop();
        for part in PARTS.iter().chain(&["../mirror"]) {
            copy(&case.part(part), &case.kept(&format!("{}-b", part.trim_start_matches("../"))));
        }
        case.sizes[1] = case.world.entries(NODE, "demo").len();
        case
    }

    /// What the copy of A will not know.
    async fn go_on(&mut self, server: &Server, held: &str) {
        let agent = Client::http(server.http);
        agent.login("demo", "agent", &chosen_password("agent")).await.unwrap();
        agent.set_online(true).await.unwrap();
        self.receipts = send(server, "zhang", 3..6).await;
        // A report of the desk, whose row nobody keeps.
        let (_, index) = said(server, "zhang", None).await[0].clone();
        let place = json!({"conversation": held, "index": index, "misread": "missed", "start": 0, "end": 7});
        let (status, made) = ask(&agent, "POST", "/api/v1/agent/reports", Some(place)).await;
        assert_eq!(status, 201, "{made}");
        agent.reply(held, "another answer", "answer-2").await.unwrap();
        // Somebody whom the copy has never heard of, and an account that it doesn't know.
        self.receipts.extend(send(server, "li", 0..2).await);
        create(&self.world, "demo", "newcomer", "agent");
        // An epoch of keys that ends meanwhile.
        let (rotated, told) = self.world.lww(NODE, &["keys", "rotate"]);
        assert!(rotated, "{told}");
        // Whose password is another since.
        let late = server.client();
        late.login("demo", "late", &chosen_password("late")).await.unwrap();
        let code = self.phones[2].1.code().await;
        late.show_factor(&code).await.unwrap();
        // A policy that somebody proposed, whose text nobody keeps.
        let first = std::fs::read_to_string(self.world.policy()).unwrap();
        let other = first.replacen("customer: {keep: {first: 3, last: 4}}", "customer: {keep: {first: 2, last: 4}}", 1);
        let source = other.replacen("version: 1", "version: 2", 1);
        let (status, proposed) = ask(&late, "POST", AMENDMENTS, Some(json!({"source": source}))).await;
        assert_eq!(status, 201, "{proposed}");
        late.change_password(&chosen_password("late"), "quite another password").await.unwrap();
        self.cursor = said(server, "zhang", None).await.last().unwrap().1;
    }

    fn start(&self) -> Server {
        self.world.start_on(&self.config, NODE, &[]).unwrap()
    }

    fn part(&self, part: &str) -> PathBuf {
        self.world.data(NODE).join(part)
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.world.path().join(format!("kept-{name}"))
    }

    /// The database is that of A, everything else that of B. No code that was shown since is used up.
    fn put_back(&mut self) {
        self.phones = self.before.clone();
        copy(&self.kept("pg-a"), &self.part("pg"));
        for part in ["guard", "audit", "mirror"] {
            let to = if part == "mirror" { self.world.path().join(part) } else { self.part(part) };
            copy(&self.kept(&format!("{part}-b")), &to);
        }
    }

    /// Nothing was published, so that what was signed lies beside the guard alone.
    fn is_kept_in_the_tail_alone(&self) {
        for gone in [self.part("audit"), self.world.path().join("mirror")] {
            std::fs::remove_dir_all(gone).unwrap();
        }
    }

    /// What is kept beside the guard is gone.
    fn forget_the_tail(&self) {
        for tail in ["demo-1.tail", "demo-1.tail.before"] {
            std::fs::remove_file(self.part("guard").join(tail)).unwrap();
        }
    }

    /// Of what lies outside the database, only the hashes of what was published are left.
    fn lose_for_good(&self) {
        std::fs::remove_dir_all(self.world.path().join("mirror")).unwrap();
        std::fs::remove_dir_all(self.tiles().join("tile/entries")).unwrap();
        self.forget_the_tail();
    }

    /// The published files of the second generation.
    fn second(&self) -> PathBuf {
        self.part("audit").join("demo-2")
    }

    /// What `lww-verify` says to holders of the first generation's key and of what was declared: exit code and text.
    fn judged(&self, command: &str, arguments: &[&str]) -> (i32, String) {
        let (old, gap) = (self.world.path().join("old.vkey"), self.world.path().join("declared/demo-2.generation"));
        let (old, gap) = (old.display().to_string(), gap.display().to_string());
        common::lww_verify(&[&[command, "--vkey", &old, "--generation", &gap], arguments].concat())
    }

    /// Opens the second generation, and looks at what was planned and done.
    async fn open_a_generation(&mut self) {
        let [kept, lost] = self.sizes.map(|size| size as u64);
        let refused = self.recover(&["--plan"], &[]).1;
        assert!(refused.contains("are nowhere whole") && refused.contains("--new-generation"), "{refused}");
        let first = self.person(0).await;
        self.refused(&["--new-generation"], &first, "person 2 does not approve");
        let twice = [self.person(0).await, self.person(0).await].concat();
        self.refused(&["--new-generation"], &twice, "one person approved twice");
        let (planned, told) = self.recover(&["--plan", "--new-generation"], &[]);
        let range = format!("entries {kept} to {}: ", lost - 1);
        assert!(planned && told.contains(&range) && told.contains("tile/entries"), "{told}");
        assert!(told.contains("goes on       as lww.test/demo/2") && told.contains("Nothing was changed"), "{told}");
        assert!(!self.part("guard").join("demo-2").exists() && !self.second().exists());
        let people = self.two().await;
        let (done, told) = self.recover(&["--json", "--new-generation"], &people);
        assert!(done, "{told}");
        let gap = &plan(&told)["gap"];
        assert_eq!((&gap["lost"], &gap["proven"], &gap["old_key"]), (&json!(lost), &json!(kept), &json!(true)));
        let people = self.two().await;
        let (done, said) = self.recover(&["--tenant", "system"], &people);
        assert!(done && said.contains("RECOVERED"), "{said}");
    }

    /// The server writes the second generation, and nobody misses anything that is not lost.
    async fn goes_on_behind_the_gap(&self, server: &Server) {
        send(server, "zhang", 100..102).await;
        let new = said(server, "zhang", Some(self.cursor)).await;
        let texts: Vec<&str> = new.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["message 100", "message 101"], "a cursor from before the loss gets what is new");
        let all: Vec<String> = said(server, "zhang", None).await.into_iter().map(|(text, _)| text).collect();
        assert_eq!(all, ["message 0", "message 1", "message 2", "an answer", "message 100", "message 101"]);
        // Nobody knows whose password changed in what is lost, but the two who showed theirs.
        for login in ["agent", "late", "auditor"] {
            let refused = server.client().login("demo", login, &chosen_password(login)).await;
            assert!(refused.is_err(), "{login}");
        }
        server.client().login("demo", "supervisor", &chosen_password("supervisor")).await.unwrap();
        let again = common::people::reset(&self.world, "demo", "auditor");
        server.client().login("demo", "auditor", &again).await.unwrap();
        let head = said(server, "zhang", None).await.last().unwrap().1;
        let tiles = lww_audit::TileDir::open(self.second());
        until("the second generation to be published", async || {
            tiles.checkpoint().unwrap().is_some_and(|signed| signed.unverified().size.0 > head)
        })
        .await;
    }

    /// What an auditor finds out with nothing but the old key and what was declared.
    fn is_told_to_auditors(&self) {
        let (tiles, to) = (self.second().display().to_string(), self.world.path().join("declared"));
        let (written, told) = self.world.lww(NODE, &["ledger", "generations", "--to", &to.display().to_string()]);
        assert!(written && told.contains("demo-2.generation"), "{told}");
        let [kept, lost] = self.sizes.map(|size| size as u64);
        let (code, told) = self.judged("fsck", &[&tiles]);
        let gap = format!("declared gap: entries {kept}-{} of lww.test/demo/1 were lost (put_back)", lost - 1);
        assert!(code == 22 && told.contains(&gap) && told.contains(&format!("all {kept} entries")), "{code}: {told}");
        // What was left of the first generation bears it out; were its entries there, it would not.
        let earlier = self.tiles().display().to_string();
        let (code, told) = self.judged("fsck", &["--earlier", &earlier, &tiles]);
        assert!(code == 22 && told.contains("nothing that is declared lost is in it"), "{code}: {told}");
        let whole = self.kept("audit-b").join("demo-1").display().to_string();
        let (code, told) = self.judged("fsck", &["--earlier", &whole, &tiles]);
        assert!(code == 23 && told.contains("FALSE DECLARATION"), "{code}: {told}");
        // The newest checkpoint that anybody held reaches into the gap.
        let (held, now) = (format!("{whole}/checkpoint"), format!("{tiles}/checkpoint"));
        let (code, told) = self.judged("consistency", &["--tiles", &tiles, &held, &now]);
        assert!(code == 22 && told.contains(&gap), "{code}: {told}");
        for (number, receipt) in self.receipts.iter().enumerate() {
            let path = self.world.path().join(format!("{number}.tlog-proof"));
            std::fs::write(&path, receipt).unwrap();
            let (code, told) = self.judged("proof", &[&path.display().to_string()]);
            assert!(code == 22 && told.contains("DECLARED GAP"), "{code}: {told}");
        }
        let (valid, told) = self.world.verify(NODE, "demo");
        assert!(valid, "{told}");
        let (same, told) = self.world.lww(NODE, &["ledger", "rebuild", "--check"]);
        assert!(same, "{told}");
    }

    fn tiles(&self) -> PathBuf {
        self.world.tiles(NODE, "demo")
    }

    fn spawn(&self, arguments: &[&str], lines: &[String]) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lww"))
            .args(["ledger", "recover"])
            .args(arguments)
            .args(REASON)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let typed = lines.join("\n") + "\n";
        // One that refuses before it asks doesn't read.
        let _unread = child.stdin.take().unwrap().write_all(typed.as_bytes());
        child
    }

    fn recover(&self, arguments: &[&str], lines: &[String]) -> (bool, String) {
        let output = self.spawn(arguments, lines).wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// What a person types, with a code that was not shown before.
    async fn person(&mut self, number: usize) -> Vec<String> {
        let (login, phone) = &mut self.phones[number];
        vec![(*login).to_owned(), chosen_password(login), phone.code().await]
    }

    async fn two(&mut self) -> Vec<String> {
        [self.person(0).await, self.person(1).await].concat()
    }

    /// Refused for this reason, with nothing changed: the server still refuses as before.
    fn refused(&self, arguments: &[&str], lines: &[String], reason: &str) {
        let (done, said) = self.recover(arguments, lines);
        assert!(!done && said.contains("nothing was recovered") && said.contains(reason), "{reason}: {said}");
        let (planned, said) = self.recover(&["--plan", "--json"], &[]);
        // Whatever can't be planned any more was not put back either.
        assert!(!planned || plan(&said)["database"] == self.sizes[0], "{reason}: {said}");
    }

    /// Recovers every log.
    async fn recover_all(&mut self, more: &[&str]) -> Value {
        let people = self.two().await;
        let (done, told) = self.recover(&[&["--json"], more].concat(), &people);
        assert!(done, "{told}");
        let people = self.two().await;
        let (done, said) = self.recover(&[&["--tenant", "system"], more].concat(), &people);
        assert!(done && said.contains("RECOVERED"), "{said}");
        plan(&told)
    }

    /// Everything goes on where B stood, as far as there is anything left of it.
    async fn goes_on(&self) {
        let server = self.start();
        assert_eq!(server.role, "active");
        let tiles = lww_audit::TileDir::open(self.tiles());
        until("what was put back to be published", async || {
            let signed = tiles.checkpoint().unwrap();
            signed.is_some_and(|signed| signed.unverified().size.0 > self.sizes[1] as u64)
        })
        .await;
        let before = self.world.entries(NODE, "demo");
        let keys = [self.world.vkey(NODE, "demo")];
        for receipt in &self.receipts {
            let receipt = Receipt::parse(receipt.as_bytes()).unwrap();
            let entry = receipt.verify(&keys).unwrap().entry;
            assert_eq!(before[usize::try_from(entry.seq.0).unwrap()], entry, "what was acknowledged is in the log");
        }
        // The customer's cursor from before the loss gets what is new, once, and nothing else.
        send(&server, "zhang", 100..102).await;
        let new = said(&server, "zhang", Some(self.cursor)).await;
        let texts: Vec<&str> = new.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["message 100", "message 101"]);
        assert!(new.iter().all(|(_, index)| *index > self.cursor));
        let all: Vec<String> = said(&server, "zhang", None).await.into_iter().map(|(text, _)| text).collect();
        assert_eq!(all, ["message 0", "message 1", "message 2", "an answer", "message 100", "message 101"]);
        // Whoever was first heard of in what is lost is somebody new.
        send(&server, "li", 100..101).await;
        assert_eq!(said(&server, "li", None).await.len(), 1);
        self.staff_is_as_recorded(&server).await;
        let (same, told) = self.world.lww(NODE, &["ledger", "rebuild", "--check"]);
        assert!(same, "{told}");
        self.evidence_is_whole(&server);
        server.stop();
        self.world.fsck(NODE, "demo").unwrap();
        let (valid, told) = self.world.verify(NODE, "demo");
        assert!(valid && told.contains("6 texts are lost"), "{told}");
        let entries = self.world.entries(NODE, "demo");
        assert_eq!(entries[..self.sizes[1]], before[..self.sizes[1]], "what was published stays");
        self.is_declared(&entries[self.sizes[1]]);
    }

    /// A conversation of which texts are lost is proven whole, from sealed ends that rows tell of; what is there is shown.
    fn evidence_is_whole(&self, server: &Server) {
        let (package, password) = (self.world.path().join("package.tar"), self.world.path().join("auditor.password"));
        std::fs::write(&password, chosen_password("auditor")).unwrap();
        let (to, file) = (package.display().to_string(), password.display().to_string());
        let address = format!("http://{}", server.http);
        let what = ["evidence", "export", "--reason", "x", "--to", &to, "--conversation", &self.held];
        let who = ["--login", "auditor", "--password-file", &file, "--server", &address];
        let (done, told) = self.world.lww(NODE, &[&what[..], &who[..]].concat());
        assert!(done, "{told}");
        self.world.vkey(NODE, "demo");
        let vkey = self.world.path().join("demo.vkey");
        let (valid, told) = common::verified(&["export".as_ref(), "--vkey".as_ref(), &vkey, &package]);
        assert!(
            valid && told.contains("message 2") && told.contains("message 101") && !told.contains("message 4"),
            "{told}"
        );
    }

    async fn staff_is_as_recorded(&self, server: &Server) {
        let agent = server.client();
        agent.login("demo", "agent", &chosen_password("agent")).await.unwrap();
        agent.set_online(true).await.unwrap();
        let held = held(&agent).await;
        agent.reply(&held, "we are back", "answer-3").await.unwrap();
        for (login, password) in [
            ("late", chosen_password("late").as_str()),
            ("late", "quite another password"),
            ("newcomer", chosen_password("newcomer").as_str()),
        ] {
            assert!(server.client().login("demo", login, password).await.is_err(), "{login}");
        }
        let again = common::people::reset(&self.world, "demo", "late");
        server.client().login("demo", "late", &again).await.unwrap();
    }

    /// The entry behind the last that was put back says what, why, by whom, and what is lost.
    fn is_declared(&self, entry: &Entry) {
        assert_eq!(entry.kind.as_str(), "log.recovered/1");
        let Detail::Object(fields) = &entry.detail else { panic!("it has no details") };
        let number = |name: &str| fields[name].clone();
        let int = |value: usize| Detail::Int(i64::try_from(value).unwrap());
        assert_eq!((number("from"), number("upto")), (int(self.sizes[0]), int(self.sizes[1])));
        assert_eq!((number("texts"), number("people")), (int(6), int(1)));
        assert_eq!((number("accounts"), number("credentials")), (int(1), int(1)));
        assert_eq!(number("reason"), Detail::String("put_back".to_owned()));
        let Detail::Array(by) = number("approved_by") else { panic!("it names nobody") };
        assert!(by.len() == 2 && by[0] != by[1]);
    }
}

/// The demo tenant's log in the copy.
fn world_copy(world: &World) -> PathBuf {
    world.path().join("mirror/lww.test/demo/1")
}

/// The conversation that an agent holds.
async fn held(agent: &Client) -> String {
    until("a conversation to be given", async || {
        let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
        !mine.conversations.is_empty()
    })
    .await;
    let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
    mine.conversations[0].id.clone()
}

fn plan(told: &str) -> Value {
    let line = told.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{told}"));
    serde_json::from_str::<Value>(line).unwrap()["plan"].clone()
}

/// Each puts a whole server back: minutes, together.
mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_was_put_back_gets_its_entries_back_and_everything_goes_on() {
        let mut case = Case::begin().await;
        case.put_back();
        let [from, upto] = case.sizes;
        let missing = format!("entries {from} to {}:", upto - 1);
        let refused = case.world.start_on(&case.config, NODE, &[]).err().unwrap();
        assert!(refused.contains("behind the rollback guard"), "{refused}");
        let (planned, told) = case.recover(&["--plan"], &[]);
        assert!(planned && told.contains(&missing) && told.contains("Nothing was changed"), "{told}");
        assert!(
            told.contains("6 texts; the keys of 1 customers; 1 accounts; passwords or factors of 1 more"),
            "{told}"
        );
        let (again, same) = case.recover(&["--plan"], &[]);
        assert!(again && same == told, "a plan changes nothing");
        let done = case.recover_all(&[]).await;
        assert_eq!((&done["database"], &done["upto"]), (&json!(from), &json!(upto)));
        assert_eq!((&done["taken"]["tiles"], &done["taken"]["mirror"]), (&json!(upto - from), &json!(0)));
        let (whole, told) = case.recover(&[], &[]);
        assert!(whole && told.contains("nothing of demo is missing"), "{told}");
        case.goes_on().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_gone_or_damaged_here_comes_out_of_the_copy() {
        let mut case = Case::begin().await;
        case.put_back();
        // Damaged in one place, which the tile beside it shows.
        let bundle = common::files(&case.tiles().join("tile/entries")).remove(0);
        let mut bytes = std::fs::read(&bundle).unwrap();
        let at = bytes.len() - 40;
        bytes[at] ^= 1;
        std::fs::write(&bundle, bytes).unwrap();
        let (planned, told) = case.recover(&["--plan", "--json"], &[]);
        let taken = &plan(&told)["taken"];
        let all = case.sizes[1] - case.sizes[0];
        let counted = |name: &str| usize::try_from(taken[name].as_u64().unwrap()).unwrap();
        // What was published last had not been copied yet; it is kept beside the guard.
        assert!(planned && counted("tiles") == 0 && counted("mirror") > 0, "{told}");
        assert_eq!(counted("mirror") + counted("tail"), all, "{told}");
        // A bundle and its tile that somebody made fit each other: only the signed root tells.
        doctor(&case.tiles());
        let (planned, told) = case.recover(&["--plan", "--json"], &[]);
        assert!(planned && plan(&told)["taken"]["tiles"] == 0, "{told}");
        // All of it is gone.
        for log in ["demo-1", "system-1"] {
            std::fs::remove_dir_all(case.part("audit").join(log)).unwrap();
        }
        case.recover_all(&[]).await;
        case.goes_on().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_signed_and_published_nowhere_is_kept_beside_the_guard() {
        let mut case = Case::begin().await;
        case.put_back();
        case.is_kept_in_the_tail_alone();
        let done = case.recover_all(&[]).await;
        assert_eq!(done["taken"], json!({"tiles": 0, "mirror": 0, "tail": case.sizes[1] - case.sizes[0]}));
        case.goes_on().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_old_backup_and_the_guard_and_files_of_the_lost_server_are_enough() {
        let mut case = Case::begin().await;
        let world = case.world.path();
        let is_backup = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tar");
        let backup = std::fs::read_dir(world).unwrap().map(|file| file.unwrap().path()).find(is_backup).unwrap();
        let (new, lost) = (world.join("new"), world.join("lost"));
        let [from, to] = [&backup, &new].map(|path| path.display().to_string());
        let (restored, told) = case.world.lww(NODE, &["restore", "--from", &from, "--data-dir", &to]);
        assert!(restored, "{told}");
        // The old data directory without its database, in the new one's place.
        std::fs::rename(case.world.data(NODE), &lost).unwrap();
        for part in ["guard", "audit"] {
            copy(&lost.join(part), &new.join(part));
        }
        std::fs::rename(&new, case.world.data(NODE)).unwrap();
        case.phones = case.before.clone();
        case.recover_all(&[]).await;
        case.goes_on().await;
    }

    /// Changes an entry of the last bundle, with its tile and without a signature.
    fn doctor(tiles: &Path) {
        let bundle = common::files(&tiles.join("tile/entries")).remove(0);
        let mut bytes = std::fs::read(&bundle).unwrap();
        let at = bytes.windows(9).rposition(|window| window == b"\"time\":\"2").unwrap() + 8;
        bytes[at + 3] = if bytes[at + 3] == b'9' { b'8' } else { b'9' };
        std::fs::write(&bundle, &bytes).unwrap();
        let name = bundle.strip_prefix(tiles.join("tile/entries")).unwrap();
        // It is a partial one, whose name is its width.
        let width = bundle.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let entries = lww_audit::tile::Bundle::parse(bytes, width).unwrap();
        let leaves: Vec<u8> = entries.entries().flat_map(|entry| leaf_hash(entry.bytes).0).collect();
        std::fs::write(tiles.join("tile/0").join(name), leaves).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_not_under_a_signed_root_is_put_back_by_nobody() {
        let mut case = Case::begin().await;
        case.put_back();
        std::fs::remove_dir_all(case.world.path().join("mirror")).unwrap();
        case.forget_the_tail();
        doctor(&case.tiles());
        let people = case.two().await;
        case.refused(&[], &people, "lead to root");
        // Damaged without a copy: by the name of the file.
        case.put_back();
        std::fs::remove_dir_all(case.world.path().join("mirror")).unwrap();
        case.forget_the_tail();
        let tile = common::files(&case.tiles().join("tile/0")).remove(0);
        let mut bytes = std::fs::read(&tile).unwrap();
        let at = bytes.len() - 1;
        bytes[at] ^= 1;
        std::fs::write(&tile, bytes).unwrap();
        let bundle = common::files(&case.tiles().join("tile/entries")).remove(0);
        case.refused(&[], &[], &format!("{} is not what its tile says", bundle.display()));
        std::fs::remove_file(&bundle).unwrap();
        case.refused(&[], &[], &format!("{} is missing", bundle.display()));
        // A checkpoint that nobody of this log signed, and another log's.
        case.put_back();
        let checkpoint = case.tiles().join("checkpoint");
        std::fs::copy(case.part("audit").join("system-1/checkpoint"), &checkpoint).unwrap();
        case.refused(&[], &[], "what was published can't be used");
        // The guard knows more than lies anywhere.
        case.put_back();
        case.is_kept_in_the_tail_alone();
        case.forget_the_tail();
        case.refused(&[], &[], "were signed and are nowhere");
        // A database that went on otherwise is no older copy of this log.
        case.put_back();
        for gone in ["guard", "audit"] {
            std::fs::remove_dir_all(case.part(gone)).unwrap();
        }
        std::fs::remove_dir_all(case.world.path().join("mirror")).unwrap();
        case.world.start_on(&case.config, NODE, &["--adopt-head"]).unwrap().stop();
        copy(&case.part("pg"), &case.kept("pg-a"));
        case.put_back();
        let (done, said) = case.recover(&["--plan"], &[]);
        assert!(!done && said.contains("lead to root"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_person_alone_a_wrong_code_and_whoever_may_not_put_nothing_back() {
        let mut case = Case::begin().await;
        let server = case.start();
        let (done, told) = case.recover(&["--plan"], &[]);
        assert!(!done && told.contains("is in use by another server"), "{told}");
        server.stop();
        case.put_back();
        let first = case.person(0).await;
        case.refused(&[], &first, "person 2 does not approve");
        case.put_back();
        let twice = [case.person(0).await, case.person(0).await].concat();
        case.refused(&[], &twice, "one person approved twice");
        case.put_back();
        let mut wrong = case.two().await;
        wrong[5] = "000000".to_owned();
        case.refused(&[], &wrong, "person 2 does not approve: the code is not valid");
        // A code counts once, also for an act that came to nothing.
        let used = wrong[..3].to_vec();
        case.refused(&[], &used, "person 1 does not approve: the code is not valid");
        case.put_back();
        let mut wrong = case.person(0).await;
        wrong[1] = "some other password".to_owned();
        case.refused(&[], &wrong, "person 1 does not approve");
        let agent = ["agent".to_owned(), chosen_password("agent"), "000000".to_owned()];
        case.refused(&[], &agent, "person 1 does not approve: set up a second factor first");
        // The copy still has the password that was changed since.
        let late = case.person(2).await;
        case.refused(&[], &late, "person 1 can't approve");
        case.refused(&["--approvers-of", "system"], &[], "is for the system log alone");
        case.refused(&["--tenant", "system"], &[], "the log of demo is behind as well");
        case.put_back();
        case.recover_all(&[]).await;
        case.goes_on().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bank_s_own_database_is_recovered_by_its_owner_and_under_no_server() {
        let world = World::shared().await;
        let server = world.start(NODE);
        let config = world.config(NODE);
        let owner = world.database().owner_config();
        let tokio_postgres::config::Host::Unix(host) = owner.get_hosts().first().unwrap() else {
            panic!("not a socket")
        };
        let host = host.display().to_string().replace('/', "%2F");
        let (user, port) = (owner.get_user().unwrap(), owner.get_ports().first().unwrap());
        let password = std::str::from_utf8(owner.get_password().unwrap()).unwrap();
        let url = format!("postgres://{user}:{password}@{host}:{port}/{}", owner.get_dbname().unwrap());
        let plan = |url: Option<&str>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lww"));
            command.args(["ledger", "recover", "--plan"]).args(REASON).arg("--config").arg(&config);
            if let Some(url) = url {
                command.env("LWW_OWNER_URL", url);
            }
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (output.status.success(), text)
        };
        let (done, told) = plan(None);
        assert!(!done && told.contains("LWW_OWNER_URL"), "{told}");
        let (done, told) = plan(Some(&url));
        assert!(!done && told.contains("a server holds this log"), "{told}");
        server.stop();
        let (done, told) = plan(Some(&url));
        assert!(done && told.contains("nothing of demo is missing"), "{told}");
        world.end().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_nowhere_is_declared_lost_by_two_people_and_the_log_goes_on_as_its_next_generation() {
        let mut case = Case::begin().await;
        case.put_back();
        let (done, told) = case.recover(&["--plan", "--new-generation"], &[]);
        assert!(!done && told.contains("everything that was signed can be had back"), "{told}");
        case.world.vkey(NODE, "demo");
        std::fs::rename(case.world.path().join("demo.vkey"), case.world.path().join("old.vkey")).unwrap();
        case.lose_for_good();
        case.open_a_generation().await;
        // A machine that failed between the commit and the new guard.
        let guard = case.part("guard").join("demo-2");
        std::fs::remove_file(&guard).unwrap();
        let refused = case.world.start_on(&case.config, NODE, &[]).err().unwrap();
        assert!(refused.contains("rollback guard for the log is missing"), "{refused}");
        let (whole, told) = case.recover(&[], &[]);
        assert!(whole && told.contains("nothing of demo is missing") && guard.exists(), "{told}");
        let server = case.start();
        assert_eq!(server.role, "active");
        case.goes_on_behind_the_gap(&server).await;
        server.stop();
        case.is_told_to_auditors();
        let backups = case.world.path().display().to_string();
        let (kept, told) = case.world.lww(NODE, &["backup", "--to", &backups]);
        assert!(kept, "{told}");
        let server = case.start();
        send(&server, "zhang", 200..201).await;
        server.stop();
        // The old copy once more: what the second generation has published is put back behind it.
        copy(&case.kept("pg-a"), &case.part("pg"));
        copy(&case.kept("guard-b").join("system-1"), &case.part("guard").join("system-1"));
        let refused = case.world.start_on(&case.config, NODE, &[]).err().unwrap();
        assert!(refused.contains("knows generation 2"), "{refused}");
        case.phones = case.before.clone();
        let people = case.two().await;
        let (done, told) = case.recover(&[], &people);
        assert!(done && told.contains("RECOVERED demo"), "{told}");
        let (code, told) = case.judged("fsck", &[&case.second().display().to_string()]);
        assert_eq!(code, 22, "{told}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_log_that_was_published_nowhere_the_guard_s_head_is_declared() {
        let mut case = Case::begin().await;
        case.put_back();
        case.world.vkey(NODE, "demo");
        std::fs::rename(case.world.path().join("demo.vkey"), case.world.path().join("old.vkey")).unwrap();
        case.is_kept_in_the_tail_alone();
        case.forget_the_tail();
        let people = case.two().await;
        let (done, told) = case.recover(&["--json", "--new-generation"], &people);
        assert!(done, "{told}");
        let (plan, [kept, lost]) = (plan(&told), case.sizes.map(|size| size as u64));
        assert_eq!(
            (&plan["upto"], &plan["gap"]["lost"], &plan["gap"]["proven"]),
            (&json!(kept), &json!(lost), &json!(0))
        );
        let people = case.two().await;
        let (done, told) = case.recover(&["--tenant", "system"], &people);
        assert!(done && told.contains("RECOVERED"), "{told}");
        let server = case.start();
        case.goes_on_behind_the_gap(&server).await;
        server.stop();
        let to = case.world.path().join("declared").display().to_string();
        assert!(case.world.lww(NODE, &["ledger", "generations", "--to", &to]).0);
        let (code, told) = case.judged("fsck", &[&case.second().display().to_string()]);
        assert!(code == 22 && told.contains(&format!("0 of {kept} entries")), "{code}: {told}");
    }

    /// Instants of kills, in milliseconds after the start.
    const KILLS_MS: [u64; 8] = [40, 200, 500, 900, 1_300, 1_700, 2_200, 2_800];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_recovery_that_is_killed_at_any_instant_changed_nothing_or_everything() {
        let mut case = Case::begin().await;
        for after in KILLS_MS {
            case.put_back();
            let people = case.two().await;
            let mut child = case.spawn(&[], &people);
            tokio::time::sleep(Duration::from_millis(after)).await;
            // One that is through already is no matter.
            let _ended = child.kill();
            child.wait().unwrap();
            let mut told = String::new();
            // A PostgreSQL that was just being started is waited for.
            wait_until("a plan after the kill", || {
                let (planned, said) = case.recover(&["--plan", "--json"], &[]);
                told = said;
                planned
            });
            let plan = plan(&told);
            assert!(plan.is_null() || plan["database"] == case.sizes[0], "{told}");
        }
        let people = case.two().await;
        let (done, said) = case.recover(&[], &people);
        assert!(done && (said.contains("RECOVERED") || said.contains("WHOLE")), "{said}");
        let people = case.two().await;
        let (done, said) = case.recover(&["--tenant", "system"], &people);
        assert!(done, "{said}");
        case.goes_on().await;
    }
}
