//! Staff and their accounts against a real server: administrators' work, lock-out, sessions, second factors, import.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::fmt::Write as _;

use common::people::{Phone, ask, call, code, create, reset};
use common::{World, chosen_password, files};
use liaowaiwai::cli::client::Client;
use liaowaiwai::storage::database::Database;
use liaowaiwai::units::TenantId;
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::{Value, json};

const ACCOUNTS: &str = "/api/v1/admin/accounts";
const FACTOR: &str = "/api/v1/session/second-factor";
const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";

fn of_kind<'a>(entries: &'a [Entry], kind: &str) -> Vec<&'a Entry> {
    entries.iter().filter(|entry| entry.kind.as_str() == kind).collect()
}

fn detail<'a>(entry: &'a Entry, name: &str) -> &'a Detail {
    let Detail::Object(fields) = &entry.detail else { panic!("no object") };
    &fields[name]
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

async fn login(client: &Client, login: &str, password: &str) -> (u16, Value) {
    ask(client, "POST", "/api/v1/session", Some(json!({"tenant": "demo", "login": login, "password": password}))).await
}

async fn listed(admin: &Client, login: &str) -> Value {
    let (_, page) = ask(admin, "GET", ACCOUNTS, None).await;
    page["accounts"].as_array().unwrap().iter().find(|one| one["login"] == login).unwrap().clone()
}

/// Sets up a second factor; the phone that has it and the recovery codes.
async fn enrol(client: &Client) -> (Phone, Vec<String>) {
    let (status, drawn) = ask(client, "POST", ENROLMENT, Some(json!({}))).await;
    assert_eq!(status, 201, "{drawn}");
    let uri = word(&drawn["uri"]);
    assert!(uri.starts_with("otpauth://totp/demo%3A") && uri.contains(&word(&drawn["secret"])), "{uri}");
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    let (status, confirmed) = ask(client, "PUT", ENROLMENT, Some(json!({"code": phone.code().await}))).await;
    assert_eq!(status, 200, "{confirmed}");
    (phone, confirmed["recovery_codes"].as_array().unwrap().iter().map(word).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_changes_disables_and_resets_accounts_and_each_is_recorded() {
    let world = World::private();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let new = json!({"login": "lin", "name": "小林", "role": "agent", "capacity": 3});
    let (status, made) = ask(&admin, "POST", ACCOUNTS, Some(new.clone())).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(code(&ask(&admin, "POST", ACCOUNTS, Some(new)).await), "conflict");
    let (id, password) = (word(&made["account"]), word(&made["password"]));
    let one = format!("{ACCOUNTS}/{id}");
    let lin = server.staff_with("demo", "lin", &password).await;
    let seen = listed(&admin, "lin").await;
    assert_eq!((&seen["name"], &seen["role"], &seen["capacity"]), (&json!("小林"), &json!("agent"), &json!(3)));
    assert_eq!(
        (&seen["enabled"], &seen["locked"], &seen["second_factor"]),
        (&json!(true), &json!(false), &json!(false))
    );

    let (status, changed) = ask(&admin, "PATCH", &one, Some(json!({"role": "auditor"}))).await;
    assert_eq!((status, &changed["role"], &changed["capacity"]), (200, &json!("auditor"), &json!(0)));
    assert_eq!(lin.session().await.unwrap_err().code(), Some("bad_credentials"), "another role, another session");
    lin.login("demo", "lin", &chosen_password("lin")).await.unwrap();
    lin.ledger_head().await.unwrap();

    ask(&admin, "PATCH", &one, Some(json!({"enabled": false}))).await;
    assert_eq!(lin.session().await.unwrap_err().code(), Some("bad_credentials"));
    assert_eq!(code(&login(&lin, "lin", &chosen_password("lin")).await), "bad_credentials");
    ask(&admin, "PATCH", &one, Some(json!({"enabled": true}))).await;
    lin.login("demo", "lin", &chosen_password("lin")).await.unwrap();

    let (status, told) = ask(&admin, "POST", &format!("{one}/reset"), Some(json!({}))).await;
    assert_eq!(status, 200);
    assert_eq!(lin.session().await.unwrap_err().code(), Some("bad_credentials"));
    assert!(lin.login("demo", "lin", told["password"].as_str().unwrap()).await.unwrap().must_change_password);

    for bad in [
        json!({"login": "x", "name": "x", "role": "boss"}),
        json!({"login": "x", "name": "=cmd", "role": "agent"}),
        json!({"login": " x", "name": "x", "role": "agent"}),
        json!({"login": "x", "name": "x", "role": "agent", "capacity": 1001}),
        json!({"login": "x", "name": "x", "role": "admin", "capacity": 1}),
    ] {
        assert_eq!(code(&ask(&admin, "POST", ACCOUNTS, Some(bad.clone())).await), "invalid_field", "{bad}");
    }
    world.assert_state("a");
    server.stop();
    let entries = world.entries("a", "demo");
    let changes = of_kind(&entries, "account.changed/1");
    assert_eq!(changes.len(), 3);
    assert!(
        changes.iter().all(
            |entry| entry.actor.role.as_str() == "admin" && *detail(entry, "account") == Detail::String(id.clone())
        )
    );
    assert_eq!(*detail(changes[1], "enabled"), Detail::Bool(false));
    assert_eq!(of_kind(&entries, "account.reset/1").len(), 1);
    for entry in &entries {
        let bytes = String::from_utf8(entry.to_bytes().unwrap()).unwrap();
        assert!(!bytes.contains("lin") && !bytes.contains(&password), "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_can_neither_leave_nor_be_sent_away() {
    let world = World::private();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let own = format!("{ACCOUNTS}/{}", word(&listed(&admin, "admin").await["id"]));
    for away in [json!({"enabled": false}), json!({"role": "agent"})] {
        assert_eq!(code(&ask(&admin, "PATCH", &own, Some(away)).await), "last_admin");
    }
    let (_, made) = ask(&admin, "POST", ACCOUNTS, Some(json!({"login": "second", "name": "b", "role": "admin"}))).await;
    let second = server.staff_with("demo", "second", made["password"].as_str().unwrap()).await;
    let other = format!("{ACCOUNTS}/{}", word(&made["account"]));
    // Each sends the other away at the same time: one of them stays.
    let gone = || Some(json!({"enabled": false}));
    let (one, two) = tokio::join!(ask(&admin, "PATCH", &other, gone()), ask(&second, "PATCH", &own, gone()));
    let mut codes = [code(&one), code(&two)];
    codes.sort_unstable();
    assert!(codes == ["", "last_admin"] || codes == ["", "bad_credentials"], "{one:?} {two:?}");
    world.assert_state("a");
    server.stop();
}

/// Makes the last attempts of every login look an hour older, so that no pause holds.
async fn an_hour_later(world: &World) {
    let own = Database::connect(&world.database().app_config(), Some(TenantId(1))).await.unwrap();
    own.client.execute("UPDATE login_failure SET last = last - 3600000000", &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_lock_an_account_over_a_restart_until_somebody_unlocks_it() {
    let world = World::shared().await;
    let server = world.start("a");
    let own = server.staff_with("demo", "ann", &create(&world, "demo", "ann", "agent")).await;
    let admin = server.staff_with("demo", "admin", &reset(&world, "demo", "admin")).await;
    let stranger = server.client();
    for attempt in 1..=10 {
        // A login that nobody has is answered alike.
        for login_name in ["ann", "nobody"] {
            let wrong = login(&stranger, login_name, "a wrong password").await;
            assert_eq!(code(&wrong), "bad_credentials", "{login_name}, attempt {attempt}: {wrong:?}");
            if attempt >= 5 {
                let expected = if attempt < 10 { "throttled" } else { "account_locked" };
                let at_once = login(&stranger, login_name, "a wrong password").await;
                assert_eq!(code(&at_once), expected, "{login_name}, after attempt {attempt}");
            }
        }
        an_hour_later(&world).await;
    }
    let right = chosen_password("ann");
    assert_eq!(code(&login(&stranger, "ann", &right).await), "account_locked", "the right password tells nothing");
    assert!(own.session().await.is_ok(), "whoever is in already stays");
    assert!(admin.session().await.is_ok());
    world.assert_state("a");
    server.stop();

    let server = world.start("a");
    let stranger = server.client();
    assert_eq!(code(&login(&stranger, "ann", &right).await), "account_locked", "a restart forgets nothing");
    let admin = server.client();
    admin.login("demo", "admin", &chosen_password("admin")).await.unwrap();
    let id = word(&listed(&admin, "ann").await["id"]);
    assert_eq!(listed(&admin, "ann").await["locked"], true);
    assert_eq!(ask(&admin, "POST", &format!("{ACCOUNTS}/{id}/unlock"), Some(json!({}))).await.0, 204);
    stranger.login("demo", "ann", &right).await.unwrap();
    let (done, told) = world.lww("a", &["admin", "unlock", "--login", "ann"]);
    assert!(done && told.contains("recorded"), "{told}");
    let (done, told) = world.lww("a", &["admin", "unlock", "--login", "nobody"]);
    assert!(!done, "{told}");
    world.assert_state("a");
    server.stop();

    let entries = world.entries("a", "demo");
    let locked = of_kind(&entries, "account.locked/1");
    assert_eq!(locked.len(), 1);
    assert_eq!((detail(locked[0], "account"), detail(locked[0], "failures")), (&Detail::String(id), &Detail::Int(10)));
    let roles: Vec<&str> =
        of_kind(&entries, "account.unlocked/1").iter().map(|entry| entry.actor.role.as_str()).collect();
    assert_eq!(roles, ["admin", "operator"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_ledger_is_no_attempt_and_locks_nobody_out() {
    let world = World::shared().await;
    let server = world.start("a");
    let own = server.staff_with("demo", "ann", &create(&world, "demo", "ann", "agent")).await;
    own.logout().await.unwrap();
    let right = chosen_password("ann");
    let owner = Database::connect(&world.database().owner_config(), None).await.unwrap();
    // What PostgreSQL says when its disk is full (class 53): the server tries again later and goes on.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ \
                BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$; \
                CREATE TRIGGER full_disk BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION full_disk()";
    owner.client.batch_execute(full).await.unwrap();
    // More than would lock the account, and all of them right.
    for attempt in 0..12 {
        let refused = login(&own, "ann", &right).await;
        assert_eq!((refused.0, code(&refused)), (503, "unavailable"), "attempt {attempt}: {refused:?}");
    }
    // A wrong one counts, outage or not.
    for _ in 0..4 {
        assert_eq!(code(&login(&own, "ann", "a wrong password").await), "bad_credentials");
    }
    owner.client.batch_execute("DROP TRIGGER full_disk ON ledger_entry").await.unwrap();
    assert_eq!(code(&login(&own, "ann", "a wrong password").await), "bad_credentials");
    assert_eq!(code(&login(&own, "ann", &right).await), "throttled", "five wrong ones are five");
    let tenant = Database::connect(&world.database().app_config(), Some(TenantId(1))).await.unwrap();
    let counted: i32 = tenant.client.query_one("SELECT max(failures) FROM login_failure", &[]).await.unwrap().get(0);
    assert_eq!(counted, 5, "an outage was counted");
    an_hour_later(&world).await;
    own.login("demo", "ann", &right).await.unwrap();
    world.assert_state("a");
    server.stop();
    assert!(of_kind(&world.entries("a", "demo"), "account.locked/1").is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_come_at_once_are_counted_one_after_the_other() {
    let world = World::private();
    let server = world.start("a");
    let guess = async |number: u32| {
        let client = server.client();
        code(&login(&client, "agent", &format!("guess number {number}")).await).to_owned()
    };
    let answers = futures_util::future::join_all((0..40).map(guess)).await;
    let tried = answers.iter().filter(|answer| *answer == "bad_credentials").count();
    assert_eq!(tried, 5, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == "throttled").count(), 35);
    world.assert_state("a");
    server.stop();
}

async fn sessions(client: &Client) -> Vec<Value> {
    ask(client, "GET", "/api/v1/sessions", None).await.1["sessions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_end_their_own_sessions_and_administrators_everybody_s() {
    let world = World::private();
    let server = world.start("a");
    let first = server.staff("agent").await;
    let (second, third) = (server.client(), server.client());
    let body = json!({"tenant": "demo", "login": "agent", "password": chosen_password("agent")}).to_string();
    let firefox = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0 secret-agent";
    for client in [&second, &third] {
        call(client, "POST", "/api/v1/session", &[("user-agent", firefox)], Some(&body)).await;
    }
    let seen = sessions(&second).await;
    assert_eq!(seen.len(), 3);
    let devices: Vec<&str> = seen.iter().map(|one| one["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["Firefox, Windows", "Firefox, Windows", "unknown"], "newest first");
    assert_eq!(seen.iter().filter(|one| one["current"] == true).count(), 1);
    let third_s = word(&sessions(&third).await.iter().find(|one| one["current"] == true).unwrap()["id"]);

    let admin = server.staff("admin").await;
    let foreign = format!("/api/v1/sessions/{}", word(&sessions(&admin).await[0]["id"]));
    assert_eq!(code(&ask(&first, "DELETE", &foreign, Some(json!({}))).await), "not_found", "not one's own");
    assert_eq!(ask(&first, "DELETE", &format!("/api/v1/sessions/{third_s}"), Some(json!({}))).await.0, 204);
    assert_eq!(third.session().await.unwrap_err().code(), Some("bad_credentials"));
    assert_eq!(ask(&first, "DELETE", "/api/v1/sessions", Some(json!({}))).await, (200, json!({"ended": 1})));
    assert_eq!(second.session().await.unwrap_err().code(), Some("bad_credentials"));
    assert!(first.session().await.is_ok());

    let id = word(&listed(&admin, "agent").await["id"]);
    let all = format!("{ACCOUNTS}/{id}/sessions");
    assert_eq!(ask(&admin, "DELETE", &all, Some(json!({}))).await, (200, json!({"ended": 1})));
    assert_eq!(first.session().await.unwrap_err().code(), Some("bad_credentials"));
    world.assert_state("a");
    server.stop();
    let entries = world.entries("a", "demo");
    let revoked = of_kind(&entries, "session.revoked/1");
    assert_eq!(revoked.iter().map(|entry| entry.actor.role.as_str()).collect::<Vec<_>>(), ["agent", "agent", "admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_uses_ends_after_the_tenant_s_time() {
    let mut world = World::shared().await;
    world.tenant_keys = "session_idle_minutes = 5".to_owned();
    let server = world.start("a");
    let ann = server.staff_with("demo", "ann", &create(&world, "demo", "ann", "agent")).await;
    let own = Database::connect(&world.database().app_config(), Some(TenantId(1))).await.unwrap();
    let idle = async |minutes: i64| {
        own.client
            .execute("UPDATE session SET last_seen = last_seen - $1::bigint * 60000000", &[&minutes])
            .await
            .unwrap();
    };
    idle(4).await;
    assert!(ann.session().await.is_ok(), "used within the time");
    idle(4).await;
    assert!(ann.session().await.is_ok(), "using it begins the time anew");
    idle(5).await;
    assert_eq!(ann.session().await.unwrap_err().code(), Some("bad_credentials"));
    ann.login("demo", "ann", &chosen_password("ann")).await.unwrap();
    let kept: i64 = own.client.query_one("SELECT count(*) FROM session", &[]).await.unwrap().get(0);
    assert_eq!(kept, 1, "what is over is swept away");
    world.assert_state("a");
    server.stop();
    drop(own);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_second_factor_can_do_nothing_until_its_code_came() {
    let world = World::private();
    let server = world.start("a");
    let ann = server.staff("compliance").await;
    assert_eq!(code(&ask(&ann, "POST", FACTOR, Some(json!({"code": "123456"}))).await), "not_found");
    assert_eq!(
        code(&ask(&ann, "PUT", ENROLMENT, Some(json!({"code": "123456"}))).await),
        "not_found",
        "none was drawn"
    );
    let (mut phone, recovery) = enrol(&ann).await;
    assert_eq!(recovery.iter().collect::<std::collections::HashSet<_>>().len(), 10);
    ann.ledger_head().await.unwrap();

    let half = server.client();
    let began = half.login("demo", "compliance", &chosen_password("compliance")).await.unwrap();
    assert!(began.second_factor_required);
    for (method, target, body) in [
        ("GET", "/api/v1/ledger/head", None),
        ("GET", "/api/v1/sessions", None),
        ("POST", ENROLMENT, Some(json!({}))),
        (
            "POST",
            "/api/v1/session/password",
            Some(json!({"old": chosen_password("compliance"), "new": "quite another password"})),
        ),
    ] {
        assert_eq!(code(&ask(&half, method, target, body).await), "second_factor_required", "{method} {target}");
    }
    for wrong in ["", "000000x", "abcd-efgh-jkmn-pqrs", &"9".repeat(1_000)] {
        assert_eq!(code(&ask(&half, "POST", FACTOR, Some(json!({"code": wrong}))).await), "bad_code");
    }
    let right = phone.code().await;
    let (status, info) = ask(&half, "POST", FACTOR, Some(json!({"code": right}))).await;
    assert_eq!((status, &info["second_factor_required"]), (200, &json!(false)), "{info}");
    half.ledger_head().await.unwrap();
    assert_eq!(code(&ask(&half, "POST", FACTOR, Some(json!({"code": right}))).await), "bad_code", "a code counts once");

    // A recovery code counts once, however it is written.
    let paper = server.client();
    paper.login("demo", "compliance", &chosen_password("compliance")).await.unwrap();
    let written = recovery[3].to_ascii_uppercase();
    assert_eq!(ask(&paper, "POST", FACTOR, Some(json!({"code": written}))).await.0, 200);
    paper.ledger_head().await.unwrap();
    assert_eq!(code(&ask(&paper, "POST", FACTOR, Some(json!({"code": recovery[3]}))).await), "bad_code");
    world.assert_state("a");
    server.stop();

    let entries = world.entries("a", "demo");
    assert_eq!(of_kind(&entries, "second_factor.enrolled/1").len(), 1);
    let by: Vec<&Detail> =
        of_kind(&entries, "second_factor.passed/1").iter().map(|entry| detail(entry, "by")).collect();
    assert_eq!(by, [&Detail::String("code".into()), &Detail::String("recovery".into())]);
    // Twice for changing the password, then once a factor: a password alone is no login.
    assert_eq!(of_kind(&entries, "login.succeeded/1").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_counted_and_a_new_login_does_not_forgive_them() {
    let world = World::private();
    let server = world.start("a");
    enrol(&server.staff("auditor").await).await;
    let half = server.client();
    for _ in 0..5 {
        let began = login(&half, "auditor", &chosen_password("auditor")).await;
        assert_eq!(began.0, 201, "{began:?}");
        assert_eq!(code(&ask(&half, "POST", FACTOR, Some(json!({"code": "0"}))).await), "bad_code");
    }
    assert_eq!(code(&ask(&half, "POST", FACTOR, Some(json!({"code": "0"}))).await), "throttled");
    assert_eq!(code(&login(&half, "auditor", &chosen_password("auditor")).await), "throttled");
    world.assert_state("a");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_must_have_a_second_factor_can_do_nothing_else_before() {
    let mut world = World::private();
    world.tenant_keys = "second_factor = \"auditor, admin\"".to_owned();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    assert!(auditor.session().await.unwrap().must_enrol_second_factor);
    assert_eq!(auditor.ledger_head().await.unwrap_err().code(), Some("must_enrol_second_factor"));
    let (mut phone, _) = enrol(&auditor).await;
    auditor.ledger_head().await.unwrap();
    let admin = server.staff("admin").await;
    assert_eq!(code(&ask(&admin, "GET", ACCOUNTS, None).await), "must_enrol_second_factor");
    enrol(&admin).await;

    let id = word(&listed(&admin, "auditor").await["id"]);
    let own = word(&listed(&admin, "admin").await["id"]);
    let remove = |id: &str| format!("{ACCOUNTS}/{id}/second-factor");
    assert_eq!(code(&ask(&admin, "DELETE", &remove(&own), Some(json!({}))).await), "forbidden", "not one's own");
    assert_eq!(ask(&admin, "DELETE", &remove(&id), Some(json!({}))).await.0, 204);
    assert_eq!(auditor.session().await.unwrap_err().code(), Some("bad_credentials"));
    let again = auditor.login("demo", "auditor", &chosen_password("auditor")).await.unwrap();
    assert!(again.must_enrol_second_factor && !again.second_factor_required);
    assert_eq!(code(&ask(&auditor, "POST", FACTOR, Some(json!({"code": phone.code().await}))).await), "not_found");
    let (done, told) = world.lww("a", &["admin", "remove-second-factor", "--login", "admin"]);
    assert!(done, "{told}");
    world.assert_state("a");
    server.stop();
    let entries = world.entries("a", "demo");
    let removed = of_kind(&entries, "second_factor.removed/1");
    assert_eq!(removed.iter().map(|entry| entry.actor.role.as_str()).collect::<Vec<_>>(), ["admin", "operator"]);
}

async fn import(admin: &Client, file: &str) -> (u16, Value) {
    call(admin, "POST", "/api/v1/admin/accounts/import", &[("content-type", "text/csv; charset=utf-8")], Some(file))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_come_out_of_one_file_by_one_entry_and_can_log_in() {
    let world = World::private();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let mut file = "\u{feff}login,name,role,capacity\r\n".to_owned();
    for number in 0..48 {
        writeln!(file, "agent-{number},客服{number}号,agent,4\r").unwrap();
    }
    file.push_str("quoted,\"O'Neil, \"\"Ann\"\"\",agent,\r\n主管,\"张三（二部）\",supervisor,\r\n");
    let (status, made) = import(&admin, &file).await;
    assert_eq!(status, 201, "{made}");
    let made = made["accounts"].as_array().unwrap().clone();
    assert_eq!(made.len(), 50);
    for (login, name, role) in [
        ("agent-7", "客服7号", "agent"),
        ("quoted", "O'Neil, \"Ann\"", "agent"),
        ("主管", "张三（二部）", "supervisor"),
    ] {
        let one = made.iter().find(|one| one["login"] == login).unwrap();
        let client = server.staff_with("demo", login, one["password"].as_str().unwrap()).await;
        let session = client.session().await.unwrap();
        assert_eq!((session.name.as_str(), session.role.as_str()), (name, role));
    }
    let (_, page) = ask(&admin, "GET", &format!("{ACCOUNTS}?limit=200"), None).await;
    assert_eq!(page["accounts"].as_array().unwrap().len(), 55);
    let (_, first) = ask(&admin, "GET", &format!("{ACCOUNTS}?limit=50"), None).await;
    let (_, rest) = ask(&admin, "GET", &format!("{ACCOUNTS}?after={}", word(&first["next"])), None).await;
    assert_eq!((rest["accounts"].as_array().unwrap().len(), &rest["next"]), (5, &Value::Null));

    let csv = world.path().join("more.csv");
    std::fs::write(&csv, "login,role,name\nbob,agent,Bob\n").unwrap();
    let passwords = world.path().join("passwords.csv");
    let arguments = ["admin", "import", "--file", csv.to_str().unwrap(), "--passwords", passwords.to_str().unwrap()];
    let (done, told) = world.lww("a", &arguments);
    assert!(done && told.contains("1 accounts made"), "{told}");
    let text = std::fs::read_to_string(&passwords).unwrap();
    let (login, password) = text.lines().nth(1).unwrap().split_once(',').unwrap();
    server.staff_with("demo", login, password).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&passwords).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (done, told) = world.lww("a", &arguments);
    assert!(!done && told.contains("passwords.csv"), "a file that is there is not written over: {told}");
    world.assert_state("a");
    server.stop();
    let entries = world.entries("a", "demo");
    let imported = of_kind(&entries, "accounts.imported/1");
    assert_eq!(imported.iter().map(|entry| entry.actor.role.as_str()).collect::<Vec<_>>(), ["admin", "operator"]);
    let Detail::Object(roles) = detail(imported[0], "accounts") else { panic!("no roles") };
    let Detail::Array(agents) = &roles["agent"] else { panic!("no agents") };
    assert_eq!(agents.len(), 49);
}

async fn refused(admin: &Client, file: &str, line: u64, column: &str) {
    let answer = import(admin, file).await;
    let detail = answer.1["detail"].as_str().unwrap_or("");
    assert!(code(&answer) == "invalid_line" && answer.1["field"] == column, "{file:?}: {answer:?}");
    assert!(detail.starts_with(&format!("Line {line}, ")), "{file:?}: {detail}");
    assert!(!detail.contains("6222021234567890128"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_line_and_no_account_of_the_file_is_made() {
    let world = World::private();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let good = "good,Good,agent,1\n";
    for (rest, line, column) in [
        ("x,=SUM(A1),agent,1\n", 3, "name"),
        ("@x,name,agent,1\n", 3, "login"),
        ("6222021234567890128,name,boss,1\n", 3, "role"),
        ("x,name,customer,1\n", 3, "role"),
        ("x,name,agent,many\n", 3, "capacity"),
        ("x,name,agent,1001\n", 3, "capacity"),
        ("x,name,admin,1\n", 3, "capacity"),
        ("good,Again,agent,1\n", 3, "login"),
        ("agent,There already,agent,1\n", 3, "login"),
        ("x,name,agent\n", 3, "file"),
        ("x,\"name\nof two lines\",agent,1\n", 3, "name"),
        ("x,,agent,1\n", 3, "name"),
        ("\"two\r\nlines\",a,agent,1\ny,name,boss,1\n", 3, "login"),
    ] {
        refused(&admin, &format!("login,name,role,capacity\n{good}{rest}"), line, column).await;
    }
    refused(&admin, "", 1, "file").await;
    refused(&admin, "login;name;role\n", 1, "file").await;
    refused(&admin, "login,name,role\n", 2, "file").await;
    let many = (0..257).map(|number| format!("n{number},n,agent,1\n")).collect::<Vec<_>>().concat();
    refused(&admin, &format!("login,name,role,capacity\n{many}"), 258, "file").await;
    let gbk = [b"login,name,role\nlin,".as_slice(), &[0xd0, 0xa1, 0xc1, 0xd6], b",agent\n"].concat();
    let headers = vec![("content-type", "text/csv".to_owned())];
    let target = format!("{ACCOUNTS}/import");
    let call = liaowaiwai::cli::client::Call { method: "POST", target, headers, body: Some(gbk.into()) };
    assert_eq!(admin.send(call).await.unwrap().status, 415, "another encoding is named, not guessed");
    let (_, page) = ask(&admin, "GET", ACCOUNTS, None).await;
    assert_eq!(page["accounts"].as_array().unwrap().len(), 5);

    let csv = world.path().join("bad.csv");
    std::fs::write(&csv, format!("login,name,role\n{}", "x,y,boss\n")).unwrap();
    let passwords = world.path().join("passwords.csv");
    let (done, told) = world
        .lww("a", &["admin", "import", "--file", csv.to_str().unwrap(), "--passwords", passwords.to_str().unwrap()]);
    assert!(!done && told.contains("line 2, role"), "{told}");
    assert!(!passwords.exists());
    world.assert_state("a");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_type_and_are_told_is_found_nowhere_on_disk() {
    let world = World::private();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let (mut phone, recovery) = enrol(&admin).await;
    let (_, drawn) = ask(&admin, "POST", ENROLMENT, Some(json!({}))).await;
    let (_, made) = import(&admin, "login,name,role\nlogin-dugong-40177,姓名章鱼骑车,auditor\n").await;
    let password = word(&made["accounts"][0]["password"]);
    let body = json!({"tenant": "demo", "login": "login-dugong-40177", "password": password}).to_string();
    let client = server.client();
    call(&client, "POST", "/api/v1/session", &[("user-agent", "Firefox/1 agent-tapir-90311")], Some(&body)).await;
    let half = server.client();
    login(&half, "admin", &chosen_password("admin")).await;
    assert_eq!(code(&ask(&half, "POST", FACTOR, Some(json!({"code": "code-wombat-77120"}))).await), "bad_code");
    assert_eq!(ask(&half, "POST", FACTOR, Some(json!({"code": phone.code().await}))).await.0, 200);
    assert_eq!(code(&import(&admin, "login,name,role\nlogin-numbat-66312,x,boss\n").await), "invalid_line");
    world.assert_state("a");
    server.stop();
    let told = [password, word(&drawn["secret"]), recovery[0].clone(), recovery[9].clone(), chosen_password("admin")];
    let typed = ["login-dugong-40177", "姓名章鱼骑车", "agent-tapir-90311", "code-wombat-77120", "login-numbat-66312"];
    let needles = told.iter().map(String::as_str).chain(typed).map(regex::escape).collect::<Vec<_>>();
    let needles = regex::bytes::Regex::new(&needles.join("|")).unwrap();
    let mut bytes = 0;
    for file in files(world.path()) {
        let content = std::fs::read(&file).unwrap();
        bytes += content.len();
        let found = needles.find(&content).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
        assert_eq!(found, None, "{}", file.display());
    }
    assert!(bytes > 1 << 24, "{bytes} bytes are not a database with its log");
}
