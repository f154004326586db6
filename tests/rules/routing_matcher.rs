//! The matcher: who gets what, in which order, and that the same is decided again from what an entry holds.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use liaowaiwai::domain::event::{Event, MatchReason, RequeueReason};
use liaowaiwai::domain::routing::{
    Assigned, Case, Given, Held, Look, Moment, Place, ReplayError, Routed, Table, Waiting, choose, due, estimate_ms,
    position, replay,
};
use liaowaiwai::units::{AccountId, EntryIndex, Hash, Timestamp};
use lww_audit::Entry;
use lww_audit::entry::{Actor, Detail, Kind, Role};
use proptest::prelude::*;

const TABLE: &str = "\
apiVersion: route/v1
id: small
version: 1
words: {tiers: [vip], tags: [loss], languages: [zh, en], skills: [card, english, loan]}
channels: {http: {weight: 100}}
groups: {vip: {reserved: true}, night: {}}
calendar:
  zone: '+08:00'
  hours:
    always: [{days: mon-sun, open: ['00:00-24:00']}]
    office: [{days: mon-fri, open: ['09:00-18:00']}]
queues:
  - {name: vip, hours: always, priority: 2, group: vip, overflow: {after_s: 60, to: general}, offline_s: 0, closed: x}
  - {name: card, hours: always, priority: 1, skills: [card, loan], relax_s: 30, no_answer_s: 60, offline_s: 20, closed: x}
  - {name: english, hours: office, priority: 4, skills: [english], closed: x}
  - {name: night, hours: always, priority: 5, group: night, closed: x}
  - {name: general, hours: always, priority: 5, closed: x}
rules:
  - {id: loss, when: {tag: loss}, queue: card}
  - {id: vip, when: {tier: vip}, queue: vip, sticky: true}
  - {id: english, when: {language: en}, queue: english}
  - {id: night, when: {closed: office}, queue: night}
  - {id: rest, queue: general, sla_s: 300}
tests:
  - {case: {channel: http, tags: [loss], at: 2026-11-26 10:00}, row: loss}
  - {case: {channel: http, tier: vip, at: 2026-11-26 10:00}, row: vip}
  - {case: {channel: http, language: en, at: 2026-11-26 10:00}, row: english}
  - {case: {channel: http, at: 2026-11-26 20:00}, row: night}
  - {case: {channel: http, at: 2026-11-26 10:00}, row: rest}
";

fn table() -> Table {
    Table::load(TABLE).unwrap()
}

fn agent(id: u8) -> AccountId {
    AccountId::from_random([id; 16])
}

/// An agent with two places, online, idle for `idle_ms`.
fn place(id: u8, idle_ms: i64, skills: &[&str]) -> Place {
    let skills = skills.iter().map(|skill| (*skill).to_owned()).collect();
    Place { agent: agent(id), load: 0, capacity: 2, online: true, idle_ms, skills }
}

fn waits(queue: &str, waited_ms: i64) -> Waiting {
    let priority = table().queue(queue).unwrap().priority;
    Waiting { queue: queue.to_owned(), priority, weight: 100, waited_ms, ..Waiting::default() }
}

/// Who gets one conversation, and why.
fn given(waiting: &Waiting, places: &[Place]) -> Option<(AccountId, MatchReason)> {
    choose(&table(), waiting, places).map(|choice| (choice.agent, choice.reason))
}

/// The first that a new look gives.
fn next(table: &Table, waiting: &[Waiting], places: &[Place], moment: Moment) -> Option<Given> {
    Look::new(table, waiting, places.to_vec(), moment).next()
}

fn at(text: &str) -> Timestamp {
    table().calendar().read(text).unwrap()
}

#[test]
fn the_longest_idle_of_those_who_fit_as_well_is_chosen() {
    let general = waits("general", 0);
    let full = Place { load: 101, ..place(3, 900, &[]) };
    let gone = Place { online: false, ..place(4, 900, &[]) };
    for (places, expected) in [
        (vec![], None),
        (vec![gone.clone(), full.clone()], None),
        (vec![place(1, 5, &[]), full, gone], Some((agent(1), MatchReason::OnlyFree))),
        (vec![place(1, 4, &[]), place(2, 5, &[])], Some((agent(2), MatchReason::LongestIdle))),
        (vec![place(2, 5, &[]), place(1, 5, &[])], Some((agent(1), MatchReason::LongestIdle))),
        // A reserved group serves its own queues only.
        (vec![place(1, 9, &["vip"]), place(2, 5, &[])], Some((agent(2), MatchReason::OnlyFree))),
        (vec![place(1, 9, &["night"]), place(2, 5, &[])], Some((agent(1), MatchReason::LongestIdle))),
    ] {
        assert_eq!(given(&general, &places), expected, "{places:?}");
    }
}

#[test]
fn skills_are_asked_for_less_and_less_the_least_important_first() {
    let both = place(1, 1, &["card", "loan"]);
    let card = place(2, 2, &["card"]);
    let none = place(3, 3, &[]);
    let all = [both.clone(), card.clone(), none.clone()];
    for (waited_ms, places, expected) in [
        (29_999, &all[..], Some((agent(1), MatchReason::OnlyFree))),
        (29_999, &all[1..], None),
        (30_000, &all[1..], Some((agent(2), MatchReason::OnlyFree))),
        (59_999, &all[2..], None),
        (60_000, &all[2..], Some((agent(3), MatchReason::OnlyFree))),
        // Whoever has more of what was asked for at first is still the better one.
        (60_000, &all[..], Some((agent(1), MatchReason::BestFit))),
        (9_000_000, &all[1..], Some((agent(2), MatchReason::BestFit))),
    ] {
        assert_eq!(given(&waits("card", waited_ms), places), expected, "{waited_ms} {places:?}");
    }
    // English is never relaxed.
    assert_eq!(given(&waits("english", 9_000_000), &[place(1, 1, &["card"])]), None);
}

#[test]
fn a_vip_waits_for_the_own_group_until_others_help_out() {
    let own = place(1, 1, &["vip"]);
    let other = place(2, 9, &[]);
    assert_eq!(given(&waits("vip", 0), &[own.clone(), other.clone()]), Some((agent(1), MatchReason::OnlyFree)));
    assert_eq!(given(&waits("vip", 59_999), std::slice::from_ref(&other)), None);
    assert_eq!(given(&waits("vip", 60_000), std::slice::from_ref(&other)), Some((agent(2), MatchReason::Overflow)));
    assert_eq!(given(&waits("vip", 60_000), &[own, other]), Some((agent(1), MatchReason::BestFit)));
    // A group without an overflow is never left.
    assert_eq!(given(&waits("night", 9_000_000), &[place(1, 1, &[])]), None);
}

#[test]
fn the_agent_before_is_asked_first_and_whoever_let_go_last() {
    let first = |id| Waiting { first: Some(agent(id)), ..waits("general", 0) };
    let last = |id| Waiting { last: Some(agent(id)), ..waits("general", 0) };
    let (a, b) = (place(1, 1, &[]), place(2, 9, &[]));
    let offline = Place { online: false, ..a.clone() };
    let full = Place { load: 200, ..a.clone() };
    assert_eq!(given(&first(1), &[a.clone(), b.clone()]), Some((agent(1), MatchReason::Sticky)));
    assert_eq!(given(&first(1), &[offline, b.clone()]), Some((agent(2), MatchReason::OnlyFree)));
    assert_eq!(given(&first(1), &[full, b.clone()]), Some((agent(2), MatchReason::OnlyFree)));
    assert_eq!(given(&last(2), &[a.clone(), b.clone()]), Some((agent(1), MatchReason::BestFit)));
    assert_eq!(given(&last(2), std::slice::from_ref(&b)), Some((agent(2), MatchReason::OnlyFree)));
    // Neither an old hand without the group, nor one of a reserved group, gets in by being the one before.
    let night = Waiting { first: Some(agent(1)), ..waits("night", 0) };
    assert_eq!(given(&night, &[a, b]), None);
    let held_before = Waiting { first: Some(agent(1)), ..waits("card", 0) };
    assert_eq!(given(&held_before, &[place(1, 1, &[])]), Some((agent(1), MatchReason::Sticky)));
}

#[test]
fn urgent_ones_first_then_who_waited_longest_and_nobody_is_served_out_of_hours() {
    let table = table();
    let open = table.calendar().moment(at("2026-11-26 10:00"));
    let night = table.calendar().moment(at("2026-11-26 20:00"));
    let one = [place(1, 1, &["english", "card", "loan"])];
    let pick = |waiting: &[Waiting], places: &[Place], moment| {
        next(&table, waiting, places, moment).map(|given| (given.position, given.passed_over))
    };
    let waiting = [waits("general", 50), waits("general", 60), waits("card", 1)];
    assert_eq!(pick(&waiting, &one, open), Some((2, 0)));
    assert_eq!(pick(&waiting[..2], &one, open), Some((1, 0)));
    // What nobody present can take is passed over, and counted.
    assert_eq!(pick(&waiting, &[place(1, 1, &[])], open), Some((1, 1)));
    // English has office hours.
    let english = [waits("english", 9_000), waits("general", 5)];
    assert_eq!(pick(&english, &one, open), Some((0, 0)));
    assert_eq!(pick(&english, &one, night), Some((1, 0)));
    assert_eq!(pick(&english[..1], &one, night), None);
    // A queue that a newer table has left out is served as the last row's.
    let old = Waiting { queue: "gone".to_owned(), ..waits("general", 5) };
    assert_eq!(pick(&[old], &one, night), Some((0, 0)));
}

#[test]
fn an_sla_that_passes_counts_as_a_higher_priority() {
    let aged = |waited_s: i64| Waiting { sla_s: Some(300), ..waits("general", waited_s * 1_000) };
    for (waited_s, priority) in [(0, 5), (299, 5), (300, 4), (1_200, 1), (90_000, 1)] {
        assert_eq!(aged(waited_s).rank().0, priority, "{waited_s}");
    }
    assert!(aged(1_200).rank() < waits("card", 1_199_999).rank());
}

#[test]
fn a_place_in_the_queue_counts_those_before_and_the_pace_tells_the_wait() {
    let all = [waits("general", 10), waits("general", 30), waits("general", 20)];
    let mut ranks: Vec<_> = all.iter().map(Waiting::rank).collect();
    ranks.sort_unstable();
    let places: Vec<u64> = all.iter().map(|one| position(&ranks, one)).collect();
    assert_eq!((places, position(&[], &all[0])), (vec![3, 1, 2], 1));
    assert_eq!(estimate_ms(2, &[1_000, 20_000]), None);
    assert_eq!(estimate_ms(2, &[1_000, 20_000, 60_000]), Some(40_000));
    assert_eq!(estimate_ms(u64::MAX, &[1_000, 20_000, 60_000]), Some(i64::MAX));
}

#[test]
fn a_conversation_goes_back_when_its_agent_is_gone_or_silent_for_too_long() {
    let table = table();
    let back = |queue: &str, gone_ms, unanswered_ms| {
        due(table.queue(queue).unwrap(), Held { gone_ms, unanswered_ms, no_desk: false })
    };
    assert_eq!(back("card", None, None), None);
    assert_eq!(back("card", Some(19_999), Some(59_999)), None);
    assert_eq!(back("card", Some(20_000), None), Some((RequeueReason::Offline, 20)));
    assert_eq!(back("card", None, Some(60_000)), Some((RequeueReason::NoAnswer, 60)));
    assert_eq!(back("card", Some(20_000), Some(60_000)), Some((RequeueReason::Offline, 20)));
    assert_eq!(back("vip", Some(0), Some(9_999_999)), Some((RequeueReason::Offline, 0)));
    assert_eq!(back("general", Some(9_999_999), Some(9_999_999)), None);
}

/// An entry as the recorder would write it.
fn entry(event: &Event) -> Entry {
    Entry {
        log: "lww.test/demo/1".parse().unwrap(),
        seq: EntryIndex(7),
        time: at("2026-11-26 10:00"),
        kind: Kind::new(event.kind()).unwrap(),
        actor: Actor { id: agent(0).0, role: Role::new("server").unwrap() },
        tenant: "demo".to_owned(),
        conversation: None,
        channel: None,
        subject: None,
        policy: None,
        content: None,
        chains: Vec::new(),
        detail: event.detail(),
        prev: Hash([7; 32]),
    }
}

fn opened(table: &Table) -> Event {
    let case = Case {
        channel: "http".to_owned(),
        tier: Some("vip".to_owned()),
        language: None,
        tags: vec!["loss".to_owned()],
        intent: None,
        mood: None,
        at: at("2026-11-26 10:00"),
    };
    let decision = table.decide(&case);
    Event::ConversationOpened(Box::new(Routed { table: table.digest(), case, unknown: 0, decision }))
}

/// Replaces a text wherever it stands in an entry's detail.
fn altered(entry: &Entry, from: &str, to: &str) -> Entry {
    let text = String::from_utf8(entry.to_bytes().unwrap()).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from} is not in {text}");
    Entry::parse(changed.as_bytes()).unwrap()
}

#[test]
fn a_recorded_routing_is_made_again_and_a_changed_one_is_noticed() {
    let table = table();
    let opened = entry(&opened(&table));
    let replayed = replay(&opened, &table).unwrap();
    assert!(replayed.is_same() && replayed.again.starts_with("row loss, queue card"), "{replayed:?}");
    for (from, to) in [
        ("\"row\":\"loss\"", "\"row\":\"rest\""),
        ("\"queue\":\"card\"", "\"queue\":\"general\""),
        ("\"priority\":1", "\"priority\":2"),
        ("\"tags\":[\"loss\"]", "\"tags\":[]"),
        ("\"sticky\":false", "\"sticky\":true"),
        ("\"sla_s\":null", "\"sla_s\":5"),
    ] {
        assert!(!replay(&altered(&opened, from, to), &table).unwrap().is_same(), "{to}");
    }
    let other = Table::load(&TABLE.replacen("version: 1", "version: 2", 1)).unwrap();
    assert!(matches!(replay(&opened, &other), Err(ReplayError::OtherTable { .. })));
    let broken = altered(&opened, "\"priority\":1", "\"priority\":\"1\"");
    assert_eq!(replay(&broken, &table), Err(ReplayError::Malformed { field: "priority" }));
    let viewed = entry(&Event::TranscriptViewed { until: None });
    assert!(matches!(replay(&viewed, &table), Err(ReplayError::NoDecision { .. })));
}

fn assigned(table: &Table, waiting: Waiting, places: &[Place]) -> Option<Entry> {
    let choice = choose(table, &waiting, places)?;
    let (digest, at) = (table.digest(), at("2026-11-26 10:00"));
    let assigned = Assigned { table: digest, at, waiting, choice, passed_over: 0 };
    Some(entry(&Event::ConversationAssigned(Box::new(assigned))))
}

#[test]
fn a_recorded_assignment_is_made_again_and_a_changed_one_is_noticed() {
    let table = table();
    let places = [place(1, 10, &["card", "loan"]), place(2, 20, &["card", "loan", "english"])];
    let made = assigned(&table, waits("card", 1_000), &places).unwrap();
    assert!(replay(&made, &table).unwrap().is_same());
    let Detail::Object(fields) = &made.detail else { panic!("no detail") };
    assert!(!format!("{fields:?}").contains("english"), "a skill that nobody asked for stands in the entry");
    let chosen = format!("\"agent\":\"{}\",\"at\"", agent(2));
    for (from, to) in [
        (chosen.as_str(), format!("\"agent\":\"{}\",\"at\"", agent(1)).as_str()),
        ("\"idle_ms\":20", "\"idle_ms\":2"),
        ("\"capacity\":2,\"idle_ms\":20", "\"capacity\":0,\"idle_ms\":20"),
        ("longest_idle", "only_free"),
        ("\"queue\":\"card\"", "\"queue\":\"vip\""),
        ("\"first\":null", &format!("\"first\":\"{}\"", agent(1))),
    ] {
        assert!(!replay(&altered(&made, from, to), &table).unwrap().is_same(), "{to}");
    }
}

#[test]
fn many_candidates_with_many_skills_fit_into_an_entry() {
    let words: Vec<String> = (0..6).map(|n| format!("a-skill-with-a-very-long-name-{n}{n}")).collect();
    let list = words.join(", ");
    let yaml = TABLE.replace("skills: [card, english, loan]", &format!("skills: [card, english, loan, {list}]"));
    let yaml = yaml.replace("skills: [card, loan], relax_s", &format!("skills: [{list}], relax_s"));
    let table = Table::load(&yaml).unwrap();
    let skills: Vec<&str> = words.iter().map(String::as_str).collect();
    let places: Vec<Place> = (0..200).map(|id| place(id, i64::from(id), &skills)).collect();
    let made = assigned(&table, waits("card", 1_000), &places).unwrap();
    assert!(made.to_bytes().unwrap().len() < 12 * 1024);
    assert!(replay(&made, &table).unwrap().is_same());
}

fn any_place() -> impl Strategy<Value = Place> {
    let skills = proptest::sample::subsequence(vec!["card", "english", "loan", "vip", "night"], 0..5);
    (0_u8..12, 0_i64..400, 0_i32..4, any::<bool>(), 0_i64..5_000, skills).prop_map(
        |(id, load, capacity, online, idle_ms, skills)| Place { load, capacity, online, ..place(id, idle_ms, &skills) },
    )
}

fn any_waiting() -> impl Strategy<Value = Waiting> {
    let queue = proptest::sample::select(vec!["vip", "card", "english", "night", "general", "gone"]);
    let sla = proptest::option::of(1_u32..400);
    let one = proptest::option::of(0_u8..12);
    (queue, 1_u8..10, sla, 50_i64..300, 0_i64..200_000, one.clone(), one).prop_map(
        |(queue, priority, sla_s, weight, waited_ms, first, last)| Waiting {
            queue: queue.to_owned(),
            priority,
            sla_s,
            weight,
            waited_ms,
            first: first.map(agent),
            last: last.map(agent),
            ..Waiting::default()
        },
    )
}

fn distinct(places: Vec<Place>) -> Vec<Place> {
    let mut seen = std::collections::BTreeSet::new();
    places.into_iter().filter(|place| seen.insert(place.agent)).collect()
}

proptest! {
    #[test]
    fn nobody_is_given_more_than_they_can_hold_or_anything_while_away(
        waiting in proptest::collection::vec(any_waiting(), 0..12), places in proptest::collection::vec(any_place(), 0..12)
    ) {
        let (table, places) = (table(), distinct(places));
        let moment = table.calendar().moment(at("2026-11-26 10:00"));
        let found = next(&table, &waiting, &places, moment);
        prop_assert_eq!(&found, &next(&table, &waiting, &places, moment));
        if let Some(Given { position, choice, .. }) = found {
            let place = places.iter().find(|place| place.agent == choice.agent).unwrap();
            prop_assert!(place.online && place.load + waiting[position].weight <= i64::from(place.capacity) * 100);
            let is_first = waiting[position].first == Some(choice.agent);
            prop_assert!(choice.reason != MatchReason::Sticky || is_first);
            prop_assert_eq!(choice.candidates[0].agent, choice.agent);
        }
    }

    #[test]
    fn nobody_overtakes_who_stands_before_and_could_have_been_served(
        waiting in proptest::collection::vec(any_waiting(), 1..12), places in proptest::collection::vec(any_place(), 1..12)
    ) {
        let (table, places) = (table(), distinct(places));
        let moment = table.calendar().moment(at("2026-11-26 10:00"));
        let served = next(&table, &waiting, &places, moment);
        for (position, one) in waiting.iter().enumerate() {
            let at = served.as_ref().map(|given| given.position);
            let before = at.is_none_or(|at| (one.rank(), position) < (waiting[at].rank(), at));
            prop_assert!(!before || choose(&table, one, &places).is_none());
        }
    }

    #[test]
    fn one_look_gives_what_a_new_look_after_each_would_give(
        waiting in proptest::collection::vec(any_waiting(), 0..30), places in proptest::collection::vec(any_place(), 0..12)
    ) {
        let (table, mut places) = (table(), distinct(places));
        let moment = table.calendar().moment(at("2026-11-26 10:00"));
        let mut left: Vec<usize> = (0..waiting.len()).collect();
        for given in Look::new(&table, &waiting, places.clone(), moment) {
            let those: Vec<Waiting> = left.iter().map(|position| waiting[*position].clone()).collect();
            let anew = next(&table, &those, &places, moment).unwrap();
            prop_assert_eq!(left.remove(anew.position), given.position);
            prop_assert_eq!((&anew.choice, anew.passed_over), (&given.choice, given.passed_over));
            let place = places.iter_mut().find(|place| place.agent == given.choice.agent).unwrap();
            place.load += waiting[given.position].weight;
            place.idle_ms = 0;
        }
        let those: Vec<Waiting> = left.iter().map(|position| waiting[*position].clone()).collect();
        prop_assert_eq!(next(&table, &those, &places, moment), None);
    }

    #[test]
    fn waiting_longer_never_costs_an_agent_who_could_have_taken_it(
        waiting in any_waiting(), places in proptest::collection::vec(any_place(), 1..12), longer_ms in 0_i64..400_000
    ) {
        let (table, places) = (table(), distinct(places));
        let candidates = |waiting: &Waiting| {
            let choice = choose(&table, waiting, &places);
            choice.map(|choice| choice.candidates.into_iter().map(|one| one.agent).collect::<Vec<_>>()).unwrap_or_default()
        };
        let later = Waiting { waited_ms: waiting.waited_ms + longer_ms, ..waiting.clone() };
        let (early, late) = (candidates(&waiting), candidates(&later));
        prop_assert!(early.iter().all(|agent| late.contains(agent)));
        prop_assert!(later.rank() <= waiting.rank());
    }

    #[test]
    fn everybody_is_served_in_the_end_however_urgent_those_are_who_come_after(
        first in any_waiting(), urgent in proptest::collection::vec(1_u8..10, 1..6)
    ) {
        // One agent who fits all, one slot, a service of 60 s; somebody more urgent comes each time.
        let table = table();
        let moment = table.calendar().moment(at("2026-11-26 10:00"));
        let all = [place(1, 1, &["card", "english", "loan", "night"]), place(2, 1, &["vip"])];
        let mut waiting = vec![Waiting { sla_s: Some(120), weight: 100, first: None, last: None, ..first }];
        for round in 0..200 {
            let Given { position, .. } = next(&table, &waiting, &all, moment).unwrap();
            waiting.remove(position);
            if position == 0 {
                return Ok(());
            }
            for one in &mut waiting {
                one.waited_ms += 60_000;
            }
            let priority = urgent[round % urgent.len()];
            waiting.push(Waiting { priority, sla_s: Some(120), ..waits("general", 0) });
            waiting.truncate(3);
        }
        prop_assert!(false, "never served");
    }

    #[test]
    fn the_entry_of_any_assignment_replays(
        waiting in any_waiting(), places in proptest::collection::vec(any_place(), 1..40)
    ) {
        let (table, places) = (table(), distinct(places));
        if let Some(made) = assigned(&table, waiting, &places) {
            let made = Entry::parse(&made.to_bytes().unwrap()).unwrap();
            let replayed = replay(&made, &table).unwrap();
            prop_assert!(replayed.is_same(), "{:?}", replayed);
        }
    }
}
