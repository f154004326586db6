//! Failover by socket: from the kill of the server that writes to the first message that is acknowledged at the other one,
//! through a socket that resumed there by cursor.
//!
//! The customer knows both addresses, as a widget behind a load balancer does, and tries one after the other. What the socket
//! had heard before is not told again, and every message stands in the ledger once; a run in which that isn't so fails.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use liaowaiwai::storage::head::LEASE_S;
use serde_json::json;

use crate::common::socket::{Socket, visit};
use crate::common::{World, wait_until};

const ROUNDS: usize = 5;
/// Pause before the next address is tried.
const BREATH: Duration = Duration::from_millis(20);

/// Prints the median and the worst of the rounds.
pub async fn measure() {
    let world = World::shared().await;
    let mut owner = ("a", world.start("a"));
    let mut standby = ("b", world.launch("b", &["--adopt-head"]).expect("a standby"));
    let token = visit(owner.1.http, "demo", None, None).await;
    let mut customer = Customer { token, cursor: None, said: 0 };
    customer.say(&[owner.1.http]).await;
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        wait_until("the standby", || standby.1.ready().is_some());
        let (name, addresses) = (owner.0, [owner.1.http, standby.1.http]);
        let killed = Instant::now();
        owner.1.kill();
        customer.say(&addresses).await;
        waits.push(killed.elapsed().as_secs_f64());
        owner = std::mem::replace(&mut standby, (name, world.launch(name, &[]).expect("a standby")));
    }
    owner.1.stop();
    let entries = world.entries(owner.0, "demo");
    let recorded = entries.iter().filter(|entry| entry.kind.as_str() == "message.received/1").count();
    assert_eq!(recorded, customer.said, "a message was lost or recorded twice");
    waits.sort_by(f64::total_cmp);
    println!(
        "failover after a kill              acknowledges through the resumed socket after {:.1} s, at worst {:.1} s of {ROUNDS}   \
         goal 10 s   (a lease of {LEASE_S} s included)",
        waits[ROUNDS / 2],
        waits[ROUNDS - 1],
    );
    drop(standby);
    world.end().await;
}

struct Customer {
    token: String,
    cursor: Option<u64>,
    said: usize,
}

impl Customer {
    /// Says something new until one of the servers acknowledges it.
    async fn say(&mut self, addresses: &[SocketAddr]) {
        self.said += 1;
        for address in addresses.iter().cycle() {
            if let Ok(mut socket) = Socket::customer(*address, "demo", &self.token, self.cursor).await
                && self.is_acknowledged(&mut socket).await
            {
                return;
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Says it on this socket, and hears it; `false`: try again, under the same key.
    async fn is_acknowledged(&mut self, socket: &mut Socket) -> bool {
        let key = self.said.to_string();
        socket.send(&json!({"type": "send", "key": key, "text": format!("number {key}")})).await;
        let mut is_acknowledged = false;
        while let Some(line) = socket.next().await {
            if line["type"] == "message" {
                let index = line["index"].as_u64();
                assert!(self.cursor < index, "{line} was heard before");
                self.cursor = index;
            }
            is_acknowledged |= line["type"] == "accepted";
            if line["type"] == "refused" || (is_acknowledged && self.cursor.is_some()) {
                break;
            }
        }
        is_acknowledged
    }
}
