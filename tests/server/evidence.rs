//! Evidence packages and reconciliation, by the commands that people type, against a real server: what is taken out is verified by
//! a program that knows only the key, and whatever is changed of it is named.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::people::{ask, code, reset};
use common::{Server, World, chosen_password, files, key, now, until, verified};
use liaowaiwai::cli::client::{Client, Listing};
use lww_audit::entry::Detail;
use serde_json::json;

const ASKED: &str = "我的卡6222021234567890128丢了";
/// How the masked record begins; a token follows.
const SHOWN: &str = "我的卡[bank_card:";
const ANSWERED: &str = "已为您挂失";

/// A conversation that an agent has answered; its id.
async fn conversation(server: &Server, agent: &Client, contact: &str) -> String {
    let asked =
        server.client().send_message(&key("demo"), (contact, ASKED), &format!("{contact}-1"), now()).await.unwrap();
    until("the assignment", async || {
        let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
        mine.conversations.iter().any(|one| one.id == asked.conversation)
    })
    .await;
    agent.reply(&asked.conversation, ANSWERED, &format!("{contact}-r")).await.unwrap();
    asked.conversation
}

async fn agent(server: &Server) -> Client {
    let agent = server.staff("agent").await;
    agent.set_online(true).await.unwrap();
    agent
}

/// Runs a command as somebody who has chosen their password before; the exit code and what it printed.
fn by(world: &World, server: &Server, login: &str, arguments: &[&str]) -> (i32, String) {
    let password = world.path().join(format!("{login}.password"));
    fs::write(&password, chosen_password(login)).unwrap();
    let url = format!("https://localhost:{}", server.https.port());
    let output = Command::new(env!("CARGO_BIN_EXE_lww"))
        .args(arguments)
        .args(["--login", login, "--server", &url, "--password-file"])
        .arg(password)
        .arg("--config")
        .arg(world.config("a"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

/// Exports by command; where the package is.
fn export(world: &World, server: &Server, login: &str, name: &str, what: &[&str]) -> PathBuf {
    let to = world.path().join(name);
    let kept = to.display().to_string();
    let arguments = [&["evidence", "export", "--reason", "投诉 4711", "--to", &kept], what].concat();
    let (status, said) = by(world, server, login, &arguments);
    assert_eq!(status, 0, "{said}");
    to
}

/// What `lww-verify export` says.
fn verify(world: &World, package: &Path) -> (bool, String) {
    world.vkey("a", "demo");
    verified(&["export".as_ref(), "--vkey".as_ref(), &world.path().join("demo.vkey"), package])
}

fn valid(world: &World, package: &Path) -> String {
    let (is_valid, said) = verify(world, package);
    assert!(is_valid && said.contains("VALID"), "{said}");
    said
}

/// The package's files in a folder of their own.
fn unpacked(world: &World, package: &Path, name: &str) -> PathBuf {
    let folder = world.path().join(name);
    fs::create_dir(&folder).unwrap();
    let done = Command::new("tar").arg("-xf").arg(package).arg("-C").arg(&folder).status().unwrap();
    assert!(done.success());
    folder
}

/// Changes the lines of a file of an unpacked package, looks what the verifier says, and puts them back.
fn refused(world: &World, folder: &Path, file: &str, change: impl Fn(&mut Vec<String>), named: &[&str]) {
    let path = folder.join(file);
    let before = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let (is_valid, said) = verify(world, folder);
    assert!(!is_valid && named.iter().all(|word| said.contains(word)), "{named:?}: {said}");
    assert!(!said.contains(SHOWN), "a text of a package that is refused is shown: {said}");
    fs::write(&path, before).unwrap();
}

/// Each part of a package is changed, left out, put in or moved, and each time the part is named.
fn nothing_can_be_changed(world: &World, package: &Path) {
    let folder = unpacked(world, package, "spoilt");
    valid(world, &folder);
    refused(
        world,
        &folder,
        "entries.jsonl",
        |lines| lines[1] = lines[1].replacen("]丢了", "]丢啦", 1),
        &["entries.jsonl", "masked"],
    );
    refused(world, &folder, "entries.jsonl", |lines| drop(lines.remove(2)), &["entries.jsonl"]);
    refused(world, &folder, "entries.jsonl", |lines| lines.swap(1, 2), &["entries.jsonl"]);
    refused(world, &folder, "entries.jsonl", |lines| lines.insert(1, lines[1].clone()), &["entries.jsonl"]);
    refused(world, &folder, "entries.jsonl", |lines| drop(lines.pop()), &["entries.jsonl"]);
    refused(world, &folder, "context.jsonl", |lines| drop(lines.pop()), &["context.jsonl"]);
    refused(
        world,
        &folder,
        "staff.jsonl",
        |lines| lines[0] = lines[0].replacen("\",\"", "\",\"x", 1),
        &["staff.jsonl"],
    );
    let policy = files(&folder.join("policies")).pop().unwrap();
    let policy = format!("policies/{}", policy.file_name().unwrap().to_str().unwrap());
    refused(world, &folder, &policy, |lines| lines[0] = lines[0].replacen("drop", "Drop", 1), &["policies/"]);
    valid(world, &folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_verified_by_whoever_has_the_key_and_whatever_is_changed_is_named() {
    let world = World::private();
    let server = world.start("a");
    let agent = agent(&server).await;
    server.staff("auditor").await;
    let ours = conversation(&server, &agent, "zhang").await;
    conversation(&server, &agent, "li").await;

    let package = export(&world, &server, "auditor", "one.tar", &["--conversation", &ours]);
    let said = valid(&world, &package);
    for line in [SHOWN, ANSWERED, &format!("conversation {ours}"), "export.made/1"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("(text not in the package)"), "the policy's text is in the package: {said}");
    let receipt = world.path().join("one.tar.tlog-proof");
    let (is_valid, told) = verified(&["proof".as_ref(), "--vkey".as_ref(), &world.path().join("demo.vkey"), &receipt]);
    assert!(is_valid && told.contains("投诉 4711"), "{told}");
    assert!(world.entries("a", "demo").iter().all(|entry| !format!("{entry:?}").contains("投诉")));

    nothing_can_be_changed(&world, &package);

    // The first export is an entry of the conversation, and the next package has it.
    let again = export(&world, &server, "auditor", "again.tar", &["--conversation", &ours]);
    let said = valid(&world, &again);
    let entries = world.entries("a", "demo");
    let made: Vec<_> = entries.iter().filter(|entry| entry.kind.as_str() == "export.made/1").collect();
    assert!(made.iter().all(|entry| said.contains(&format!("#{} ", entry.seq))) && made.len() == 2, "{said}");
    let Detail::Object(detail) = &made[0].detail else { panic!("{made:?}") };
    assert_eq!(detail.keys().collect::<Vec<_>>(), ["names", "package", "scope"]);

    assert_eq!(files(&world.data("a").join("packages")), Vec::<PathBuf>::new(), "what was fetched is taken away");
    server.stop();
    let (same, said) = world.verify("a", "demo");
    assert!(same, "{said}");
    world.assert_state("a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_a_time_and_a_case_are_taken_out_whole_and_the_reason_is_in_the_receipt_alone() {
    let world = World::private();
    let server = world.start("a");
    let agent = agent(&server).await;
    server.staff("auditor").await;
    let from = now().to_string();
    let ours = conversation(&server, &agent, "zhang").await;
    conversation(&server, &agent, "li").await;
    export(&world, &server, "auditor", "one.tar", &["--conversation", &ours]);
    let entries = world.entries("a", "demo");
    let subject =
        entries.iter().find(|entry| entry.conversation.is_some_and(|id| id.to_string() == ours)).unwrap().subject;
    let subject = subject.unwrap().to_string();
    let person = valid(&world, &export(&world, &server, "auditor", "person.tar", &["--subject", &subject]));
    assert!(person.contains(SHOWN) && person.contains(&format!("subject {subject}")), "{person}");
    let time = valid(&world, &export(&world, &server, "auditor", "time.tar", &["--range", &from, &now().to_string()]));
    assert_eq!(time.matches(SHOWN).count(), 2, "{time}");
    let case = ["--case", "2026-117", "--conversation", &ours, "--subject", &subject];
    let case = valid(&world, &export(&world, &server, "auditor", "case.tar", &case));
    assert!(case.contains(&format!("conversation {ours}")) && case.contains(&format!("subject {subject}")), "{case}");
    let told = fs::read_to_string(world.path().join("case.tar.tlog-proof")).unwrap();
    assert!(
        lww_audit::Receipt::parse(told.as_bytes()).unwrap().opened()[0].text.as_deref() == Some("2026-117: 投诉 4711")
    );
    let several =
        ["evidence", "export", "--reason", "x", "--to", "x.tar", "--subject", &subject, "--conversation", &ours];
    let (status, said) = by(&world, &server, "auditor", &several);
    assert!(status == 1 && said.contains("--case"), "{said}");
    let there = world.path().join("one.tar").display().to_string();
    let (status, said) =
        by(&world, &server, "auditor", &["evidence", "export", "--reason", "x", "--to", &there, "--subject", &subject]);
    assert!(status == 1 && said.contains("is there already"), "{said}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_opened_for_whoever_may_know_them_and_nothing_for_whoever_may_not() {
    let world = World::private();
    let server = world.start("a");
    let agent = agent(&server).await;
    for login in ["auditor", "compliance", "admin", "supervisor"] {
        server.staff(login).await;
    }
    let ours = conversation(&server, &agent, "zhang").await;
    let named = unpacked(&world, &export(&world, &server, "auditor", "named.tar", &["--conversation", &ours]), "named");
    let bare = unpacked(&world, &export(&world, &server, "compliance", "bare.tar", &["--conversation", &ours]), "bare");
    let staff = fs::read_to_string(named.join("staff.jsonl")).unwrap();
    let accounts = fs::read_to_string(named.join("entries.jsonl")).unwrap();
    for line in staff.lines() {
        let (account, _): (String, String) = serde_json::from_str(line).unwrap();
        assert!(accounts.contains(&account), "somebody is named who does not act in the package: {line}");
    }
    assert!(staff.lines().count() >= 2, "{staff}");
    assert!(!bare.join("staff.jsonl").exists());
    assert!(valid(&world, &bare).contains(SHOWN));

    let order = json!({"conversation": ours, "reason": "x"});
    for login in ["agent", "supervisor", "admin"] {
        let client = server.client();
        client.login("demo", login, &chosen_password(login)).await.unwrap();
        let answer = ask(&client, "POST", "/api/v1/evidence", Some(order.clone())).await;
        assert_eq!(code(&answer), "forbidden", "{login}");
    }
    let stranger = server.staff_with("other", "auditor", &reset(&world, "other", "auditor")).await;
    let answer = ask(&stranger, "POST", "/api/v1/evidence", Some(order)).await;
    assert_eq!(code(&answer), "not_found", "{answer:?}");
    let size = stranger.ledger_head().await.unwrap().size.unwrap();
    let entries = world.entries("a", "other");
    assert!(entries.len() as u64 <= size && entries.iter().all(|entry| entry.kind.as_str() != "export.made/1"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_kept_for_its_owner_alone_in_a_private_folder_and_not_over_a_restart() {
    let world = World::private();
    let server = world.start("a");
    let agent = agent(&server).await;
    let auditor = server.staff("auditor").await;
    let officer = server.staff("compliance").await;
    let ours = conversation(&server, &agent, "zhang").await;
    let order = json!({"conversation": ours, "reason": "投诉"});
    let mut kept = Vec::new();
    for _ in 0..2 {
        let (status, begun) = ask(&auditor, "POST", "/api/v1/evidence", Some(order.clone())).await;
        assert_eq!(status, 201, "{begun}");
        kept.push(begun["id"].as_str().unwrap().to_owned());
    }
    let path = |id: &str| format!("/api/v1/evidence/{id}");
    for id in &kept {
        until("the package", async || ask(&auditor, "GET", &path(id), None).await.1["state"] == "ready").await;
    }
    let folder = world.data("a").join("packages/demo-1");
    assert_eq!(files(&folder).len(), 2);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for file in files(&folder) {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        valid(&world, &file);
    }
    assert_eq!(ask(&auditor, "GET", "/api/v1/evidence", None).await.1["packages"].as_array().unwrap().len(), 2);
    assert_eq!(ask(&officer, "GET", "/api/v1/evidence", None).await.1["packages"], json!([]));
    for target in [path(&kept[0]), format!("{}/package", path(&kept[0]))] {
        assert_eq!(code(&ask(&officer, "GET", &target, None).await), "not_found");
    }
    assert_eq!(code(&ask(&officer, "DELETE", &path(&kept[0]), Some(json!({}))).await), "not_found");
    assert_eq!(ask(&auditor, "DELETE", &path(&kept[0]), Some(json!({}))).await.0, 204);
    assert_eq!(files(&folder).len(), 1);
    server.stop();
    let server = world.start("a");
    assert_eq!(files(&folder), Vec::<PathBuf>::new(), "what an earlier run kept is gone");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_name_nothing_too_much_or_no_reason_are_refused_and_not_recorded() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let id = "0".repeat(32);
    let range = |from: &str, to: &str| json!({"from": from, "to": to});
    let (day, next) = ("2026-01-05T00:00:00+08:00", "2026-01-06T00:00:00+08:00");
    let many: Vec<_> = (0..65).map(|_| json!({"range": range(day, next)})).collect();
    for (order, expect) in [
        (json!({"reason": "x"}), "invalid_field"),
        (json!({"conversation": id, "subject": id, "reason": "x"}), "invalid_field"),
        (json!({"conversation": "x", "reason": "x"}), "invalid_field"),
        (json!({"conversation": id, "reason": "x"}), "not_found"),
        (json!({"subject": id, "reason": "x"}), "not_found"),
        (json!({"range": range(next, day), "reason": "x"}), "invalid_field"),
        (json!({"range": range("yesterday", next), "reason": "x"}), "invalid_field"),
        (json!({"range": range(day, next)}), "malformed_body"),
        (json!({"range": range(day, next), "reason": ""}), "invalid_field"),
        (json!({"range": range(day, next), "reason": "长".repeat(400)}), "invalid_field"),
        (json!({"case": [], "reason": "x"}), "invalid_field"),
        (json!({"case": many, "reason": "x"}), "invalid_field"),
        (json!({"case": [{"range": range(day, next)}, {"range": range(day, next)}], "reason": "x"}), "invalid_field"),
    ] {
        let answer = ask(&auditor, "POST", "/api/v1/evidence", Some(order.clone())).await;
        assert_eq!(code(&answer), expect, "{order}: {answer:?}");
    }
    let order = json!({"range": range(day, next), "reason": "x"});
    for number in 0..=8 {
        let answer = ask(&auditor, "POST", "/api/v1/evidence", Some(order.clone())).await;
        assert_eq!(answer.0, if number < 8 { 201 } else { 422 }, "{number}: {answer:?}");
    }
    server.stop();
    let made = world.entries("a", "demo").iter().filter(|entry| entry.kind.as_str() == "export.made/1").count();
    assert_eq!(made, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_s_list_is_compared_with_the_ledger_both_ways() {
    let world = World::private();
    let server = world.start("a");
    server.staff("auditor").await;
    let app = server.client();
    let from = now().to_string();
    for number in 1..=3 {
        app.send_message(&key("demo"), ("zhang", "你好"), &format!("m-{number}"), now()).await.unwrap();
    }
    let list = world.path().join("list.csv");
    let compare = |text: &str, more: &[&str]| {
        fs::write(&list, text).unwrap();
        let arguments = ["audit", "reconcile", list.to_str().unwrap(), "--channel", "http:app"];
        by(&world, &server, "auditor", &[&arguments, more].concat())
    };
    let (status, said) = compare("time,id\n1,m-1\n2,m-2\n3,m-3\n", &["--from", &from]);
    assert!(status == 0 && said.contains("SAME"), "{said}");
    let (status, said) =
        compare("{\"id\":\"m-1\"}\n{\"id\":\"m-9\"}\n{\"id\":\"m-1\"}\n{\"id\":\"m-3\"}\n", &["--json"]);
    assert_eq!(status, 3, "{said}");
    let found: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let numbers = |name: &str| found[name].as_u64().unwrap();
    assert_eq!(["listed", "recorded", "not_recorded", "twice", "not_listed"].map(numbers), [4, 2, 1, 1, 1], "{found}");
    assert_eq!(found["not_recorded_messages"], json!([{"row": 2, "id": "m-9"}]));
    assert_eq!(found["twice_messages"], json!([{"row": 3, "id": "m-1"}]));
    let entry = found["not_listed_entries"][0]["entry"].as_u64().unwrap();
    let entry = usize::try_from(entry).unwrap();
    until("it to be published", async || world.entries("a", "demo").len() > entry).await;
    assert_eq!(world.entries("a", "demo")[entry].kind.as_str(), "message.received/1");
    // Nothing of that channel account came before, and another account has none of the ids.
    let (status, said) = compare("id\n", &["--before", &from]);
    assert_eq!(status, 0, "{said}");
    fs::write(&list, "id\nm-1\n").unwrap();
    let other = ["audit", "reconcile", list.to_str().unwrap(), "--channel", "http:bank", "--json"];
    let (status, said) = by(&world, &server, "auditor", &other);
    assert!(status == 3 && said.contains("\"not_recorded\":1") && said.contains("\"not_listed\":0"), "{said}");
    let (status, said) = compare("message\nm-1\n", &[]);
    assert!(status == 1 && said.contains("row 1"), "{said}");
    // A list that isn't there, or has no such column, is told before anybody is asked who it is: nobody has this login.
    let nobody = ["audit", "reconcile", list.to_str().unwrap(), "--channel", "http:app"];
    let (status, said) = by(&world, &server, "nobody", &nobody);
    assert!(status == 1 && said.contains("row 1"), "{said}");
    fs::remove_file(&list).unwrap();
    let (status, said) = by(&world, &server, "nobody", &nobody);
    assert!(status == 1 && said.contains("list.csv: "), "{said}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_leaves_a_sheet_of_fingerprints_and_the_running_server_tells_the_same() {
    let world = World::private();
    let server = world.start("a");
    let sheet = fs::read_to_string(world.data("a").join("fingerprints.txt")).unwrap();
    let (told, printed) = world.lww("a", &["ledger", "keys"]);
    assert!(told && printed == sheet, "{printed}");
    let (told, vkeys) = world.lww("a", &["ledger", "keys", "--vkeys"]);
    assert!(told && vkeys.lines().count() == 3, "{vkeys}");
    for vkey in vkeys.lines() {
        assert!(sheet.contains(vkey));
        fs::write(world.path().join("KEY"), vkey).unwrap();
        let by_hand = sheet.lines().find(|line| line.ends_with("| sha256sum")).unwrap();
        let output = Command::new("sh").arg("-c").arg(by_hand).current_dir(world.path()).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
        assert!(sheet.replace([' ', '\n'], "").contains(&digest), "{vkey}: {digest}");
    }
    server.stop();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_package_shows_few_entries_of_others_because_the_chains_are_sealed_before_it_is_gathered() {
        let world = World::private();
        let server = world.start("a");
        let agent = agent(&server).await;
        server.staff("auditor").await;
        let ours = conversation(&server, &agent, "zhang").await;
        let app = server.client();
        for number in 0..300 {
            app.send_message(&key("demo"), ("li", "你好"), &format!("m-{number}"), now()).await.unwrap();
        }
        let package = export(&world, &server, "auditor", "one.tar", &["--conversation", &ours]);
        let said = valid(&world, &package);
        assert!(said.contains("sealed by"), "{said}");
        let context = fs::read_to_string(unpacked(&world, &package, "one").join("context.jsonl")).unwrap();
        assert!(context.lines().count() < 300, "{} entries of others are shown", context.lines().count());
        let next = export(&world, &server, "auditor", "next.tar", &["--conversation", &ours]);
        assert!(valid(&world, &next).contains("sealed by"));
        server.stop();
        let seals = world.entries("a", "demo").iter().filter(|entry| entry.kind.as_str() == "chains.sealed/1").count();
        assert_eq!(seals, 1, "a seal that covers nearly all is not made again");
    }
}
