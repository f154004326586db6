//! Limits of an account and of a tenant, against a real server: who is over one hears how long to wait, others are served
//! meanwhile, and what was refused and is sent again is recorded once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::net::SocketAddr;
use std::time::Duration;

use common::World;
use common::raw::{Came, Request, ask};
use liaowaiwai::http::ProblemDetails;
use serde_json::{Value, json};

/// More than a bucket of one request a second holds, however slow the machine is.
const REQUESTS_MAX: usize = 200;

/// A message of a tenant's app, or of its bank.
async fn send(address: SocketAddr, (tenant, account): (&str, &str), key: &str) -> Came {
    let contact = json!({"contact": format!("{account}-customer"), "text": format!("this is {key}")});
    let mut request = Request::new(&address.to_string(), tenant, key, contact.to_string());
    account.clone_into(&mut request.account);
    request.keyid = format!("{tenant}-{account}");
    tokio::task::spawn_blocking(move || ask(address, &request.bytes())).await.unwrap()
}

/// Sends until a limit is reached; the keys that were taken and the one that was not, with the seconds to wait.
async fn until_refused(address: SocketAddr, account: (&str, &str)) -> (Vec<String>, String, u64) {
    let mut taken = Vec::new();
    for number in 0..REQUESTS_MAX {
        let key = format!("{}-{number}", account.1);
        let came = send(address, account, &key).await;
        if came.status == 429 {
            let problem: ProblemDetails = serde_json::from_str(&came.body).unwrap();
            assert_eq!(problem.code, "rate_limited");
            assert!(came.head.contains("content-type: application/problem+json"), "{}", came.head);
            let wait = came.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
            return (taken, key, wait.trim().parse().unwrap());
        }
        assert_eq!(came.status, 201, "{}", came.body);
        taken.push(key);
    }
    panic!("no limit was reached")
}

/// Sends again what was refused, as often as it is told to wait; whether it counted once.
async fn again(address: SocketAddr, account: (&str, &str), key: &str, mut wait_s: u64) {
    loop {
        assert!((1..=60).contains(&wait_s), "{wait_s}");
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        let came = send(address, account, key).await;
        if came.status != 429 {
            let accepted: Value = serde_json::from_str(&came.body).unwrap();
            assert_eq!((came.status, &accepted["duplicate"]), (201, &json!(false)), "{accepted}");
            return;
        }
        wait_s = came.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap().trim().parse().unwrap();
    }
}

/// Fills a limit with the app's messages; `shared` says whether the tenant's other account is then refused, too.
async fn check(limit: &str, shared: bool) {
    let world = World::private();
    let text = std::fs::read_to_string(world.configure("a")).unwrap();
    let server = world.launch_with("a", &text.replace("[http]\n", &format!("[http]\n{limit} = 1\n"))).unwrap();
    let (app, bank, other) = (("demo", "app"), ("demo", "bank"), ("other", "app"));
    let (taken, refused, wait_s) = until_refused(server.http, app).await;
    let mut recorded = taken.len();
    if shared {
        // Its other account finds the tenant's share used up; only what came back to it with time is left.
        let (more, refused, wait_s) = until_refused(server.http, bank).await;
        assert!(more.len() < taken.len(), "{limit}: {} and {}", more.len(), taken.len());
        again(server.http, bank, &refused, wait_s).await;
        recorded += more.len() + 1;
    } else {
        assert_eq!(send(server.http, bank, "bank-first").await.status, 201, "{limit}");
        recorded += 1;
    }
    assert_eq!(send(server.http, other, "other-first").await.status, 201, "{limit}: another tenant is served");
    again(server.http, app, &refused, wait_s).await;
    server.stop();
    let entries = world.entries("a", "demo");
    let count = entries.iter().filter(|entry| entry.kind.as_str() == "message.received/1").count();
    assert_eq!(count, recorded + 1, "{limit}: each once, and nothing of what was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_over_its_limit_waits_and_the_tenant_s_other_account_does_not() {
    check("channel_requests_per_s", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_over_its_limit_waits_and_another_tenant_does_not() {
    check("tenant_requests_per_s", true).await;
}
