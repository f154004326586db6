//! A socket whose peer takes nothing: its bounded queue overflows, the server lets it go, and the peer resumes by cursor without
//! a gap, while everybody else is served as ever.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::socket::{Socket, get, visit, widget};
use common::{World, key, now};
use liaowaiwai::cli::client::{ChannelKey, Client};
use liaowaiwai::limits::FEED_NOTICES_MAX;

const PERSON: &str = "cust-slow";
const WRITERS: usize = 8;
/// Messages that fill what the kernel keeps for a connection (Linux: 4 MiB to send, and the little that the peer takes).
const LARGE: usize = 400;
const LARGE_CHARACTERS: usize = 5_000;
/// Messages that then don't fit into the queue, with some to spare.
const SMALL: usize = FEED_NOTICES_MAX + 64;

/// The bank's app writes messages of the person's, a few at a time.
async fn write(address: SocketAddr, name: &str, count: usize, text: String) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (next, name, text) = (Arc::clone(&next), name.to_owned(), text.clone());
        writers.spawn(async move {
            let bank = ChannelKey { account: "bank".to_owned(), keyid: "demo-bank".to_owned(), ..key("demo") };
            let client = Client::http(address);
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= count {
                    return;
                }
                let id = format!("{name}-{number}");
                client.send_message(&bank, (PERSON, &text), &id, now()).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

/// Takes in messages until the socket ends, or the number that there must be.
async fn hear(socket: &mut Socket, heard: &mut Vec<u64>, all: usize) {
    while heard.len() < all {
        let Some(line) = socket.next().await else { return };
        if line["type"] == "message" {
            heard.push(line["index"].as_u64().unwrap());
        }
    }
}

/// The places of all the person's messages.
async fn all(address: SocketAddr, token: &str) -> Vec<u64> {
    let mut all: Vec<u64> = Vec::new();
    loop {
        let after = all.last().map(|index| format!("&after={index}")).unwrap_or_default();
        let page = get(address, &format!("{}/updates?wait_s=0{after}", widget("demo")), token).await.unwrap();
        let lines = page["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message");
        let before = all.len();
        all.extend(lines.map(|line| line["index"].as_u64().unwrap()));
        if all.len() == before {
            return all;
        }
    }
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_socket_that_reads_nothing_is_let_go_and_resumes_without_a_gap() {
        let world = World::private();
        let server = world.start("a");
        let token = visit(server.http, "demo", Some(PERSON), None).await;
        write(server.http, "first", 1, "你好".to_owned()).await;
        let mut lazy = Socket::reading_little(server.http, "demo", &token).await;
        let mut heard = Vec::new();
        hear(&mut lazy, &mut heard, 1).await;
        lazy.wait_for("live").await;

        write(server.http, "large", LARGE, "长".repeat(LARGE_CHARACTERS)).await;
        write(server.http, "small", SMALL, "短".to_owned()).await;
        let all = all(server.http, &token).await;
        assert_eq!(all.len(), 1 + LARGE + SMALL, "nobody waited for the one who reads nothing");
        // What the kernel and the queue kept is a beginning, and then the socket ends.
        hear(&mut lazy, &mut heard, all.len()).await;
        assert!(heard.len() < all.len(), "the queue kept all {}", all.len());
        assert_eq!(heard, all[..heard.len()]);
        let mut again = Socket::customer(server.http, "demo", &token, heard.last().copied()).await.unwrap();
        hear(&mut again, &mut heard, all.len()).await;
        assert_eq!(heard, all);
        server.stop();
    }
}
