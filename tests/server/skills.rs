//! What agents can do, as administrators set it: at making, by change, and for a whole team out of a file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::World;
use common::people::{ask, call, code};
use liaowaiwai::cli::client::Client;
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::{Value, json};

const ACCOUNTS: &str = "/api/v1/admin/accounts";
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/routing/cn-retail.yaml");

/// A world whose routing table knows the group vip and the skills card, fraud, complaint, english and loan.
fn world() -> World {
    let mut world = World::private();
    world.tenant_keys = format!("routing = \"{TABLE}\"");
    world
}

async fn import(admin: &Client, file: &str) -> (u16, Value) {
    call(admin, "POST", "/api/v1/admin/accounts/import", &[("content-type", "text/csv")], Some(file)).await
}

/// Every account, read page by page.
async fn listed(admin: &Client) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = ask(admin, "GET", &format!("{ACCOUNTS}?limit=40{after}"), None).await;
        all.extend(page["accounts"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        after = format!("&after={next}");
    }
}

fn skills_of(account: &Value) -> (Value, Value) {
    (account["skills"].clone(), account["groups"].clone())
}

/// Whose skills entries set, and to what, in their order.
fn recorded(entries: &[Entry]) -> Vec<(String, Vec<String>)> {
    let of_kind = entries.iter().filter(|entry| entry.kind.as_str() == "agent.skills_set/1");
    let text = |detail: &Detail| match detail {
        Detail::String(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let told = of_kind.map(|entry| {
        let Detail::Object(fields) = &entry.detail else { panic!("{:?}", entry.detail) };
        let Detail::Array(skills) = &fields["skills"] else { panic!("{fields:?}") };
        (text(&fields["account"]), skills.iter().map(text).collect())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_come_out_of_a_file_with_their_skills_all_or_none() {
    let world = world();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let clerk = |number: usize| {
        let group = if number.is_multiple_of(2) { "vip" } else { "" };
        format!("clerk{number:02},客服{number},agent,card; fraud;english,{group}\n")
    };
    let file = "login,name,role,skills,groups\n".to_owned() + &(0..50).map(clerk).collect::<Vec<_>>().concat();
    // One word that the table doesn't have, and nobody comes to be.
    for (line, column) in [
        ("odd,Odd,agent,cooking,\n", "skills"),
        ("odd,Odd,agent,vip,\n", "skills"),
        ("odd,Odd,agent,card;card,\n", "skills"),
        ("odd,Odd,agent,card,loan\n", "groups"),
        ("odd,Odd,auditor,card,\n", "skills"),
        ("odd,Odd,admin,,vip\n", "groups"),
    ] {
        let refused = import(&admin, &(file.clone() + line)).await;
        let detail = refused.1["detail"].as_str().unwrap();
        assert_eq!((code(&refused), refused.1["field"].as_str()), ("invalid_line", Some(column)), "{line}");
        assert!(detail.contains("52") && !detail.contains("cooking"), "{detail}");
    }
    let before = listed(&admin).await.len();
    let (status, made) = import(&admin, &file).await;
    assert_eq!(status, 201, "{made}");
    let made = made["accounts"].as_array().unwrap().clone();
    let all = listed(&admin).await;
    assert_eq!((made.len(), all.len()), (50, before + 50));
    for account in &all {
        let login = account["login"].as_str().unwrap();
        let expected = match login.strip_prefix("clerk").map(|number| number.parse::<u32>().unwrap() % 2) {
            Some(0) => (json!(["card", "fraud", "english"]), json!(["vip"])),
            Some(_) => (json!(["card", "fraud", "english"]), json!([])),
            None => (json!([]), json!([])),
        };
        assert_eq!(skills_of(account), expected, "{login}");
    }
    server.stop();
    // One entry for the file, and beside it one for each agent.
    let entries = world.entries("a", "demo");
    let at = entries.iter().position(|entry| entry.kind.as_str() == "accounts.imported/1").unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "accounts.imported/1").count(), 1);
    let beside = recorded(&entries[at + 1..=at + 50]);
    assert_eq!(beside.len(), 50);
    for ((account, skills), made) in beside.iter().zip(&made) {
        assert_eq!(account, made["account"].as_str().unwrap());
        assert_eq!(skills[..3], ["card", "fraud", "english"]);
    }
    assert!(world.verify("a", "demo").0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_skills_at_making_and_by_change_and_each_is_an_entry() {
    let world = world();
    let server = world.start("a");
    let admin = server.staff("admin").await;
    let new = json!({"login": "zhou", "name": "小周", "role": "agent", "skills": ["card"], "groups": ["vip"]});
    let (status, made) = ask(&admin, "POST", ACCOUNTS, Some(new)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["account"].as_str().unwrap().to_owned();
    let own = format!("{ACCOUNTS}/{id}");
    // What is not given stays.
    for (change, expected) in [
        (json!({"skills": ["fraud", "loan"]}), (json!(["fraud", "loan"]), json!(["vip"]))),
        (json!({"groups": []}), (json!(["fraud", "loan"]), json!([]))),
        (json!({"capacity": 3}), (json!(["fraud", "loan"]), json!([]))),
        (json!({"skills": ["fraud", "loan"]}), (json!(["fraud", "loan"]), json!([]))),
        (json!({"capacity": 0, "skills": ["english"], "groups": ["vip"]}), (json!(["english"]), json!(["vip"]))),
        (json!({"capacity": 4}), (json!(["english"]), json!(["vip"]))),
    ] {
        let (status, changed) = ask(&admin, "PATCH", &own, Some(change.clone())).await;
        assert_eq!((status, skills_of(&changed)), (200, expected), "{change}");
    }
    for (change, field) in [
        (json!({"skills": ["cooking"]}), "skills"),
        (json!({"skills": ["card", "card"]}), "skills"),
        (json!({"skills": ["vip"]}), "skills"),
        (json!({"groups": ["card"]}), "groups"),
        (json!({"skills": vec!["card"; 17]}), "skills"),
        (json!({"role": "auditor", "skills": ["card"]}), "skills"),
        (json!({"capacity": 9, "groups": ["nobody"]}), "groups"),
        (json!({"capacity": 1001, "skills": ["card"]}), "capacity"),
    ] {
        let refused = ask(&admin, "PATCH", &own, Some(change.clone())).await;
        assert_eq!((code(&refused), refused.1["field"].as_str()), ("invalid_field", Some(field)), "{change}");
    }
    let unchanged = listed(&admin).await.into_iter().find(|account| account["id"] == id.as_str()).unwrap();
    assert_eq!(
        (unchanged["capacity"].as_i64(), skills_of(&unchanged)),
        (Some(4), (json!(["english"]), json!(["vip"])))
    );
    let refused =
        ask(&admin, "POST", ACCOUNTS, Some(json!({"login": "x", "name": "x", "role": "admin", "skills": ["card"]})))
            .await;
    assert_eq!((code(&refused), refused.1["field"].as_str()), ("invalid_field", Some("skills")));
    changes_of_role(&world, &admin, &own).await;
    for role in ["supervisor", "auditor"] {
        let client = server.staff(role).await;
        assert_eq!(code(&ask(&client, "PATCH", &own, Some(json!({"skills": ["card"]}))).await), "forbidden");
    }
    server.stop();
    let entries = world.entries("a", "demo");
    // What is asked for together is recorded together, also when the desk comes with it.
    let together = entries.windows(2).filter(|pair| {
        let [changed, skilled] = pair else { panic!("{pair:?}") };
        changed.kind.as_str() == "account.changed/1" && skilled.kind.as_str() == "agent.skills_set/1"
    });
    assert_eq!(together.count(), 2);
    let set = recorded(&entries);
    let own: Vec<&[String]> =
        set.iter().filter(|(account, _)| *account == id).map(|(_, skills)| skills.as_slice()).collect();
    assert_eq!(
        own,
        [&["card", "vip"][..], &["fraud", "loan", "vip"], &["fraud", "loan"], &["english", "vip"]]
            .map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    );
}

async fn changes_of_role(world: &World, admin: &Client, own: &str) {
    // Whoever has no desk has no skills to show, and gets those of before back with the desk.
    let (_, away) = ask(admin, "PATCH", own, Some(json!({"role": "auditor"}))).await;
    assert_eq!(skills_of(&away), (json!([]), json!([])));
    // An auditor who becomes an agent can get skills in the same step.
    let (_, made) = ask(admin, "POST", ACCOUNTS, Some(json!({"login": "wu", "name": "小吴", "role": "auditor"}))).await;
    let other = format!("{ACCOUNTS}/{}", made["account"].as_str().unwrap());
    let (status, changed) = ask(admin, "PATCH", &other, Some(json!({"role": "agent", "skills": ["loan"]}))).await;
    assert_eq!((status, skills_of(&changed)), (200, (json!(["loan"]), json!([]))), "{changed}");
    // The operator's command sets the same, with groups and skills in one list.
    let (done, told) = world.lww("a", &["admin", "skills", "--login", "wu", "--skills", "vip,card"]);
    assert!(done, "{told}");
    let (done, told) = world.lww("a", &["admin", "skills", "--login", "wu", "--skills", "cooking"]);
    assert!(!done && told.contains("skills"), "{told}");
    let wu = listed(admin).await.into_iter().find(|account| account["login"] == "wu").unwrap();
    assert_eq!(skills_of(&wu), (json!(["card"]), json!(["vip"])));
}
