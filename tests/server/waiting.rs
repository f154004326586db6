//! Customers who wait, by their sockets: their place goes down as agents take those before them, and how long it will still
//! take is told once there is a pace to tell it by.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::time::Instant;

use common::people::{create, create_agent};
use common::socket::{Socket, visit};
use common::{World, until};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::http::answers::{Conversation, State};
use serde_json::json;

const TABLE: &str = "\
apiVersion: route/v1
id: test
version: 1
words: {}
channels: {web: {weight: 100}}
calendar: {zone: '+08:00', hours: {always: [{days: mon-sun, open: ['00:00-24:00']}]}}
queues: [{name: general, hours: always, priority: 5, closed: x}]
rules: [{id: rest, queue: general}]
tests: [{case: {channel: web, at: 2026-11-26 10:00}, row: rest}]
";
const CUSTOMERS: usize = 6;
/// Assignments before a wait is told.
const PACE_MIN: usize = 3;

/// Somebody who waits.
struct Customer {
    socket: Socket,
    conversation: String,
    /// Each place and wait that was told.
    told: Vec<(u64, Option<u64>)>,
}

impl Customer {
    async fn come(server: &common::Server, number: usize) -> Self {
        let token = visit(server.http, "demo", None, None).await;
        let mut socket = Socket::customer(server.http, "demo", &token, None).await.unwrap();
        socket.send(&json!({"type": "send", "key": "k", "text": format!("I am number {number}")})).await;
        let accepted = socket.wait_for("accepted").await;
        let conversation = accepted["conversation"].as_str().unwrap().to_owned();
        Self { socket, conversation, told: Vec::new() }
    }

    /// Listens until it is told this place; `None`: until it is assigned.
    async fn until(&mut self, place: Option<u64>) {
        while self.told.last().map(|(place, _)| *place) != place || place.is_none() {
            let line = self.socket.next().await.unwrap();
            if line["type"] == "queue" {
                assert_eq!(line["conversation"], self.conversation.as_str());
                assert!(line["wait_s"].is_null() || line["wait_s"].is_u64(), "{line}");
                self.told.push((line["position"].as_u64().unwrap(), line["wait_s"].as_u64()));
            } else if place.is_none() && line["type"] == "conversation" && line["state"] == "assigned" {
                return;
            }
        }
    }
}

/// What the agent has at present.
async fn holds(agent: &Client) -> Option<Conversation> {
    let mine = Listing { mine: true, state: Some(State::Assigned), ..Listing::default() };
    agent.conversations(mine).await.unwrap().conversations.pop()
}

/// Makes the table the active one.
fn activate(world: &World) {
    let file = world.path().join("routing.yaml");
    std::fs::write(&file, TABLE).unwrap();
    let (done, said) = world.lww("a", &["route", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_s_place_goes_down_and_the_wait_is_told_as_soon_as_there_is_a_pace() {
    let world = World::private();
    let server = world.start("a");
    activate(&world);
    let agent = server.trial_staff_with("one", &create_agent(&world, "one", "1")).await;
    let leader = server.trial_staff_with("chief", &create(&world, "demo", "chief", "supervisor")).await;

    // Nobody is there: each stands behind those who came before, and nothing is known of how long it takes.
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        customers.push(Customer::come(&server, number).await);
    }
    for (place, customer) in (1..).zip(&mut customers) {
        customer.until(Some(place)).await;
        assert_eq!(customer.told.iter().filter(|(_, wait)| wait.is_some()).count(), 0, "{:?}", customer.told);
    }
    let seen = leader.conversations(Listing { state: Some(State::Waiting), ..Listing::default() }).await.unwrap();
    let mut places: Vec<_> = seen.conversations.iter().map(|one| (one.position, one.wait_s)).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=CUSTOMERS).map(|place| (u64::try_from(place).ok(), None)).collect::<Vec<_>>());

    // One is taken after the other, in order: everybody behind moves up by one.
    let begun = Instant::now();
    agent.set_online(true).await.unwrap();
    for taken in 0..CUSTOMERS {
        customers[taken].until(None).await;
        let held = holds(&agent).await.unwrap();
        assert_eq!(held.id, customers[taken].conversation, "whoever came first");
        for (place, customer) in (1..).zip(&mut customers[taken + 1..]) {
            customer.until(Some(place)).await;
        }
        // Once a look has told those who still wait by what was taken last.
        agent.close(&held.id).await.unwrap();
        until("the agent to be free", async || holds(&agent).await.is_none_or(|next| next.id != held.id)).await;
    }
    let elapsed_s = begun.elapsed().as_secs();
    for (number, customer) in customers.iter().enumerate() {
        let places: Vec<u64> = customer.told.iter().map(|(place, _)| *place).collect();
        assert!(places.is_sorted_by(|one, next| one >= next), "{number} moved back: {places:?}");
        assert_eq!(places.last(), Some(&1), "{number}: {places:?}");
        for (place, wait_s) in &customer.told {
            // So many were taken before, and no more time has passed since the first of them.
            let taken = number + 1 - usize::try_from(*place).unwrap();
            let most = place * (elapsed_s + 1) / u64::try_from(taken.max(1)).unwrap();
            let told = wait_s.is_some_and(|wait_s| taken >= PACE_MIN && wait_s <= most);
            assert!(told || (wait_s.is_none() && taken <= PACE_MIN), "{number}: {:?}", customer.told);
        }
    }
    let last = &customers[CUSTOMERS - 1].told;
    assert!(last.iter().any(|(_, wait)| wait.is_some()), "the last one was never told: {last:?}");
    assert_eq!(last.first(), Some(&(u64::try_from(CUSTOMERS).unwrap(), None)));
    server.stop();
}
