//! Power cuts: the server, its PostgreSQL, or both are killed under load again and again. Whatever was acknowledged is in the
//! log, exactly once, and the log holds.
//!
//! `LWW_CRASH_CYCLES` says how often (50), `LWW_CRASH_SEED` repeats the instants of a run that failed. Needs PostgreSQL on the
//! machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::load::Customers;
use common::{Server, World, children, is_alive, wait_until};

const CYCLES: u64 = 50;
const CUSTOMERS: usize = 8;
/// Latest instant of a kill after the server was seen to work, in milliseconds.
const KILL_AFTER_MS_MAX: u64 = 500;

/// Numbers that are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Server,
    /// PostgreSQL's main process only; the others notice and end.
    Postmaster,
    /// Every process of PostgreSQL.
    Postgres,
    /// The server and every process of PostgreSQL, as in a power cut.
    Everything,
}

const VICTIMS: [Victim; 4] = [Victim::Server, Victim::Postmaster, Victim::Postgres, Victim::Everything];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Kills processes at once; those that ended by themselves meanwhile are no matter.
fn kill(pids: &[u32]) {
    let _some_gone = Command::new("kill").arg("-KILL").args(pids.iter().map(u32::to_string)).output().unwrap();
}

/// Kills, and returns the server if it lives.
fn strike(world: &World, server: Server, victim: Victim) -> Option<Server> {
    // It may be starting again after the kill before.
    wait_until("PostgreSQL to run", || world.postmaster("node").is_some_and(is_alive));
    let postmaster = world.postmaster("node").unwrap();
    let postgres = || [vec![postmaster], children(postmaster)].concat();
    match victim {
        Victim::Server => {}
        Victim::Postmaster => {
            kill(&[postmaster]);
            return Some(server);
        }
        Victim::Postgres => {
            kill(&postgres());
            return Some(server);
        }
        Victim::Everything => kill(&[vec![server.pid()], postgres()].concat()),
    }
    server.kill();
    None
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_acknowledged_is_lost_or_doubled_by_kills_under_load() {
        let cycles = number("LWW_CRASH_CYCLES", CYCLES);
        let seed = number("LWW_CRASH_SEED", u64::from(std::process::id()));
        eprintln!("{cycles} cycles; the same instants again: LWW_CRASH_SEED={seed}");
        let mut dice = Dice(seed);
        let world = World::private();
        let mut customers = Customers::start(CUSTOMERS);
        let mut server = world.start("node");
        customers.know(&[server.http]);
        for (cycle, victim) in (0..cycles).zip(VICTIMS.into_iter().cycle()) {
            // Twice as many as may have been under way at the kill before.
            customers.progress(2 * CUSTOMERS).await;
            tokio::time::sleep(Duration::from_millis(dice.below(KILL_AFTER_MS_MAX))).await;
            let struck = Instant::now();
            let acknowledged = customers.acknowledged();
            server = match strike(&world, server, victim) {
                Some(alive) => alive,
                None => world.start("node"),
            };
            customers.know(&[server.http]);
            eprintln!("{cycle}: {victim:?} killed after {acknowledged} messages, {:?} until up", struck.elapsed());
        }
        customers.progress(CUSTOMERS).await;
        let told = customers.finish().await;
        server.stop();
        eprintln!("{} messages acknowledged", told.count());
        told.check(&world, "node");
    }
}
