//! Measures routing on one core: the decision table over cases, and the matcher over a long queue, each against the same
//! written by hand for this one table, in the same run.
//!
//! What is written by hand is the limit and the oracle: it names the same row for every case, and the same agent for every
//! conversation, or the benchmark stops. It can't be changed by a bank and says nothing of why.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark stops at the first fault")]

use std::cmp::Reverse;
use std::hint::black_box;
use std::time::Instant;

use liaowaiwai::domain::routing::{Case, Look, Moment, Place, Table, Waiting};
use liaowaiwai::units::{AccountId, MICROS_PER_SECOND, Timestamp};

/// The table that is shipped for a bank to begin with: 9 rows, 7 queues, a calendar.
const TABLE: &str = include_str!("../policies/routing/cn-retail.yaml");
const CASES: u32 = 10_000;
const ROUNDS: u32 = 100;
const AGENTS: u8 = 50;
const EACH_HOLDS: i32 = 8;
/// As many as one look gives, and far more than a bank lets wait.
const QUEUES: [usize; 4] = [32, 320, 1_000, 10_000];
/// A Thursday morning.
const MORNING_S: i64 = 1_795_658_400;

fn main() {
    let table = Table::load(TABLE).unwrap();
    let cases: Vec<Case> = (0..CASES).map(case).collect();
    for case in &cases {
        assert_eq!(table.decide(case).row, by_hand(case), "{case:?}");
    }
    let hand = rate(&cases, by_hand);
    let decide = rate(&cases, |case| table.decide(case));
    let known = rate(&cases, |case| table.decide(&table.known(case.clone()).0));
    println!("{CASES} cases, {} rows, {} queues; one core", table.rows(), table.queues().len());
    println!("match written by hand (limit)      {hand:>12.0} decisions/s");
    println!("decision table                     {decide:>12.0} decisions/s   ratio {:.0} %", 100.0 * decide / hand);
    println!("case of a channel, then the table  {known:>12.0} decisions/s   ratio {:.0} %", 100.0 * known / hand);
    for length in QUEUES {
        matcher(&table, length);
    }
}

/// Cases a second; the best of the rounds, which other work disturbed the least.
fn rate<T>(cases: &[Case], decide: impl Fn(&Case) -> T) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        for case in cases {
            black_box(decide(black_box(case)));
        }
        f64::from(CASES) / began.elapsed().as_secs_f64()
    });
    rounds.fold(0.0, f64::max)
}

/// Numbers that look random and are the same in each run.
fn mixed(seed: u32) -> usize {
    (seed.wrapping_mul(2_654_435_769) >> 7) as usize
}

fn case(number: u32) -> Case {
    let pick = |salt: u32, words: &[&str]| words[mixed(number * 8 + salt) % words.len()].to_owned();
    let some = |word: String| Some(word).filter(|word| !word.is_empty());
    // Three in four say nothing in particular.
    let tags = ["", "", "", "", "", "", "card_loss", "fraud", "complaint", "loan"];
    Case {
        channel: pick(0, &["http", "web"]),
        tier: some(pick(1, &["", "standard", "standard", "standard", "gold", "vip"])),
        language: some(pick(2, &["zh", "zh", "zh", "zh", "en", ""])),
        tags: some(pick(3, &tags)).into_iter().chain(some(pick(4, &tags))).collect(),
        intent: None,
        mood: some(pick(5, &["", "calm", "calm", "upset"])),
        at: Timestamp::from_micros((MORNING_S + i64::from(number) * 61) * MICROS_PER_SECOND),
    }
}

/// The rows of the table, in Rust.
fn by_hand(case: &Case) -> &'static str {
    let has = |tag: &str| case.tags.iter().any(|known| known == tag);
    match (case.tier.as_deref(), case.language.as_deref(), case.mood.as_deref()) {
        _ if has("card_loss") => "card-loss",
        _ if has("fraud") => "fraud",
        (Some("vip"), ..) => "vip",
        _ if has("complaint") => "complaint",
        (Some("gold"), _, Some("upset")) => "upset-gold",
        (_, Some("en"), _) => "english",
        _ if has("loan") => "loan",
        (Some("gold"), ..) => "gold",
        _ => "default",
    }
}

/// Fifty agents with eight places each take what waits, until they are full or nobody waits: by one look, and by hand, who
/// looks for the next one anew each time.
fn matcher(table: &Table, length: usize) {
    let waiting: Vec<Waiting> = (0..length).map(waits).collect();
    let places: Vec<Place> = (0..AGENTS).map(place).collect();
    let moment = table.calendar().moment(Timestamp::from_micros(MORNING_S * MICROS_PER_SECOND));
    let (given, took) = drained(&places, |places| {
        let look = Look::new(table, &waiting, places, moment);
        look.map(|given| (given.position, given.choice.agent)).collect()
    });
    let (same, by_hand) = drained(&places, |places| drain_by_hand(table, &waiting, places, moment));
    assert_eq!(given, same, "the matcher and the one by hand give to others");
    let rate = |took: f64| f64::from(u32::try_from(given.len()).unwrap()) / took;
    println!(
        "matcher, {AGENTS} agents, {length:>6} wait     {:>12.0} assignments/s   by hand, without reasons {:.0} /s   ratio {:.0} %   ({} given)",
        rate(took),
        rate(by_hand),
        100.0 * by_hand / took,
        given.len()
    );
}

/// Which are given to whom, in order, and the least time that it took in seconds.
fn drained(places: &[Place], drain: impl Fn(Vec<Place>) -> Vec<(usize, AccountId)>) -> (Vec<(usize, AccountId)>, f64) {
    let mut best = f64::MAX;
    let mut given = Vec::new();
    for _ in 0..ROUNDS / 20 {
        let places = places.to_vec();
        let began = Instant::now();
        given = black_box(drain(black_box(places)));
        best = best.min(began.elapsed().as_secs_f64());
    }
    (given, best)
}

fn drain_by_hand(
    table: &Table,
    waiting: &[Waiting],
    mut places: Vec<Place>,
    moment: Moment,
) -> Vec<(usize, AccountId)> {
    let mut left: Vec<(usize, &Waiting)> = waiting.iter().enumerate().collect();
    let mut given = Vec::new();
    while let Some((at, agent)) = next_by_hand(table, &left, &places, moment) {
        let (position, taken) = left.remove(at);
        let place = places.iter_mut().find(|place| place.agent == agent).unwrap();
        place.load += taken.weight;
        place.idle_ms = 0;
        given.push((position, agent));
    }
    given
}

fn waits(number: usize) -> Waiting {
    let queues = [("card-loss", 1, "card"), ("english", 4, "english"), ("loan", 5, "loan"), ("general", 5, "")];
    let (queue, priority, _) = queues[mixed(u32::try_from(number).unwrap()) % queues.len()];
    let waited_ms = i64::try_from(mixed(u32::try_from(number).unwrap() + 77) % 20_000).unwrap();
    Waiting { queue: queue.to_owned(), priority, weight: 100, waited_ms, ..Waiting::default() }
}

fn place(number: u8) -> Place {
    let skills: &[&str] = match number % 4 {
        0 => &["card", "fraud"],
        1 => &["english", "card"],
        2 => &["loan"],
        _ => &[],
    };
    Place {
        agent: AccountId::from_random([number; 16]),
        load: 0,
        capacity: EACH_HOLDS,
        online: true,
        idle_ms: i64::from(number) * 100,
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
    }
}

/// The same for these queues only: the first in order whom anybody can take, and whoever has been idle the longest.
fn next_by_hand(
    table: &Table,
    waiting: &[(usize, &Waiting)],
    places: &[Place],
    moment: Moment,
) -> Option<(usize, AccountId)> {
    let office = table.calendar().is_open("office", moment);
    let free = |place: &Place| place.online && place.load + 100 <= i64::from(place.capacity) * 100;
    let free: Vec<&Place> = places.iter().filter(|place| free(place)).collect();
    let longest = |skill: &str| {
        let takes = free.iter().filter(|place| skill.is_empty() || place.skills.iter().any(|has| has == skill));
        takes.min_by_key(|place| (Reverse(place.idle_ms), place.agent)).map(|place| place.agent)
    };
    let [card, english, loan, general] = ["card", "english", "loan", ""].map(longest);
    let agent = |one: &Waiting| match one.queue.as_str() {
        "card-loss" => card,
        "english" => english.filter(|_| office),
        "loan" => loan.filter(|_| office),
        _ => general,
    };
    let found = waiting.iter().enumerate().filter_map(|(at, (_, one))| Some((one.rank(), at, agent(one)?)));
    found.min().map(|(_, at, agent)| (at, agent))
}
