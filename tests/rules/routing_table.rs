//! What a routing table may say: each mistake is refused with its place, rows that no case reaches are found, and the
//! digest follows the meaning alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first fault")]

use liaowaiwai::domain::routing::{Case, Table, TableError};
use liaowaiwai::domain::yaml::YamlError;
use proptest::prelude::*;

const GOOD: &str = "\
apiVersion: route/v1
id: small
version: 1
words: {tiers: [vip, gold], languages: [zh, en], tags: [loss, loan, fraud], skills: [card, english]}
channels: {http: {weight: 100}, web: {weight: 50}}
groups: {vip: {reserved: true}}
calendar:
  zone: '+08:00'
  hours:
    office: [{days: mon-fri, open: ['09:00-18:00']}]
queues:
  - {name: vip, hours: office, priority: 2, group: vip, overflow: {after_s: 60, to: general}, closed: 明天见}
  - {name: general, hours: office, priority: 5, skills: [card], closed: 明天见}
rules:
  - {id: vip, when: {tier: vip}, queue: vip}
  - {id: rest, queue: general}
tests:
  - {case: {channel: http, tier: vip, at: 2026-11-26 10:00}, row: vip, queue: vip, priority: 2, open: true}
  - {case: {channel: web, tier: gold, at: 2026-11-26 08:00}, row: rest, open: false}
";

fn shipped() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/routing");
    std::fs::read_to_string(folder.join("cn-retail.yaml")).unwrap()
}

fn error(yaml: &str) -> String {
    Table::load(yaml).err().map_or_else(|| panic!("accepted: {yaml}"), |error| error.to_string())
}

#[test]
fn a_small_table_is_enough() {
    let table = Table::load(GOOD).unwrap();
    assert_eq!((table.id(), table.version(), table.rows(), table.queues().len()), ("small", 1, 2, 2));
    assert_eq!((table.weight("http"), table.weight("web"), table.weight("fax")), (100, 50, 100));
}

/// What to change in [`GOOD`], into what, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("route/v1", "route/v2", "line 1"),
    ("id: small", "id: Small", "line 2: id: expected a word"),
    ("version: 1", "version: 1\ncolour: red", "line 4"),
    ("tiers: [vip, gold]", "tiers: [vip, vip]", "line 4: words.tiers vip is there already"),
    ("skills: [card, english]", "skills: [Card]", "line 4: words.skills: expected a word"),
    ("web: {weight: 50}", "web: {weight: 0}", "line 5: channels.weight"),
    ("web: {weight: 50}", "web: {wait: 50}", "line 5"),
    ("vip: {reserved: true}", "vip: {reserved: true}, gold: {}", "line 6: no row and no overflow leads to group gold"),
    ("'+08:00'", "Asia/Shanghai", "line 8: calendar.zone: expected a fixed offset"),
    (
        "hours:\n    office",
        "holidays: [2026-02-29]\n  hours:\n    office",
        "line 9: calendar.holidays: expected a date",
    ),
    (
        "hours:\n    office",
        "holidays: [2026-10-01]\n  workdays: [2026-10-01]\n  hours:\n    office",
        "line 10: calendar.workdays: expected days that are no holidays",
    ),
    ("'09:00-18:00'", "'18:00-09:00'", "line 10: calendar.hours.open: expected times such as"),
    (
        "'09:00-18:00'",
        "'09:00-12:00', '11:30-18:00'",
        "line 10: calendar.hours.open: expected times that don't overlap",
    ),
    ("days: mon-fri", "days: monday", "line 10: calendar.hours.days"),
    ("open: ['09:00-18:00']", "open: []", "line 10: calendar.hours: expected hours that are open at some time"),
    (
        "{name: vip, hours: office",
        "{name: vip, hours: night",
        "line 12: queues.hours: expected one of: office, got night",
    ),
    ("group: vip,", "group: gold,", "line 12: queues.group: expected one of: vip, got gold"),
    ("priority: 2,", "priority: 0,", "line 12: queues.priority"),
    ("to: general}", "to: vip}", "line 12: queues.overflow.to: expected another queue, one of: general, got vip"),
    ("to: general}", "to: nowhere}", "line 12: queues.overflow.to"),
    ("after_s: 60", "after_s: 0", "line 12: queues.overflow.after_s"),
    ("{name: general", "{name: vip", "line 13: queue vip is there already"),
    (
        "skills: [card], closed",
        "skills: [cards], closed",
        "line 13: queues.skills: expected one of: card, english, got cards",
    ),
    ("skills: [card], closed: 明天见", "skills: [card], closed: ' '", "line 13: queues.closed"),
    ("when: {tier: vip}", "when: {tier: platinum}", "line 15: when.tier: expected one of: vip, gold, got platinum"),
    ("when: {tier: vip}", "when: {mood: calm}", "line 15: when.mood: expected nothing: the table's list is empty"),
    ("when: {tier: vip}", "when: {tier: vip, open: night}", "line 15: when.open: expected one of: office"),
    ("when: {tier: vip}", "when: {tier: vip, time: 22:00-06:00}", "line 15: when.time"),
    (
        "when: {tier: vip}",
        "when: {tier: vip, open: office, closed: office}",
        "line 15: row vip is never reached: its conditions exclude",
    ),
    (
        "when: {tier: vip}, queue: vip",
        "when: {tier: vip}, queue: vips",
        "line 15: rules.queue: expected one of: vip, general",
    ),
    ("{id: rest,", "{id: vip,", "line 16: row vip is there already"),
    ("{id: rest,", "{id: rest, when: {tier: gold},", "line 16: row rest: the last row must have no conditions"),
    ("row: rest, open: false", "row: vip", "test 2 (line 19), row: expected vip, got rest"),
    ("open: true", "open: false", "test 1 (line 18), open: expected false, got true"),
    ("channel: web, tier: gold", "channel: web, tier: vip", "test 2 (line 19), row: expected rest, got vip"),
    ("channel: web", "channel: fax", "line 19: channel: expected one of: http, web"),
    ("08:00}, row: rest", "8 o'clock}, row: rest", "line 19: at: expected a time such as"),
];

#[test]
fn every_mistake_in_a_table_is_refused_with_its_line() {
    for (from, to, expected) in MISTAKES {
        let changed = GOOD.replacen(from, to, 1);
        assert_ne!(changed, GOOD, "{from} is not there");
        let told = error(&changed);
        assert!(told.contains(expected), "{to}: {told}");
    }
    let untested = GOOD.lines().filter(|line| !line.contains("row: rest, open")).collect::<Vec<_>>().join("\n");
    assert_eq!(error(&untested), "row rest has no test: write one case that it takes");
    assert!(matches!(Table::load(&" ".repeat(2 << 20)), Err(TableError::Yaml(YamlError::TooLong { .. }))));
}

#[test]
fn a_row_that_earlier_rows_leave_nothing_to_is_named_with_them() {
    let with = |rows: &str| GOOD.replace("  - {id: vip, when: {tier: vip}, queue: vip}\n", rows);
    for (rows, expected) in [
        // The same, wider, and wider by a list.
        (
            "  - {id: vip, when: {tier: vip}, queue: vip}\n  - {id: two, when: {tier: vip}, queue: vip}\n",
            Some("two is never reached: every case that it would take goes to vip"),
        ),
        (
            "  - {id: vip, when: {tier: vip}, queue: vip}\n  - {id: two, when: {tier: vip, tag: loss}, queue: vip}\n",
            Some("goes to vip"),
        ),
        (
            "  - {id: vip, when: {tier: [vip, gold]}, queue: vip}\n  - {id: two, when: {tier: gold}, queue: vip}\n",
            Some("goes to vip"),
        ),
        // Several rows together.
        (
            "  - {id: vip, when: {tier: vip, open: office}, queue: vip}\n  - {id: out, when: {tier: vip, closed: office}, queue: vip}\n  - {id: two, when: {tier: vip}, queue: vip}\n",
            Some("goes to vip and out"),
        ),
        (
            "  - {id: vip, when: {tag: loss}, queue: vip}\n  - {id: b, when: {tag: loan}, queue: vip}\n  - {id: two, when: {tag: [loan, loss]}, queue: vip}\n",
            Some("goes to vip and b"),
        ),
        (
            "  - {id: vip, when: {time: 00:00-12:00}, queue: vip}\n  - {id: b, when: {time: [12:00-20:00]}, queue: vip}\n  - {id: two, when: {time: 10:00-14:00}, queue: vip}\n",
            Some("goes to vip and b"),
        ),
        // A row may have something left.
        (
            "  - {id: vip, when: {tier: vip, tag: loss}, queue: vip}\n  - {id: two, when: {tier: vip}, queue: vip}\n",
            None,
        ),
        ("  - {id: vip, when: {tag: loss}, queue: vip}\n  - {id: two, when: {tag: [loss, fraud]}, queue: vip}\n", None),
        (
            "  - {id: vip, when: {tier: vip, open: office}, queue: vip}\n  - {id: two, when: {tier: vip}, queue: vip}\n",
            None,
        ),
        (
            "  - {id: vip, when: {tier: [vip, gold]}, queue: vip}\n  - {id: two, when: {language: en}, queue: vip}\n",
            None,
        ),
    ] {
        let told = error(&with(rows));
        match expected {
            Some(expected) => assert!(told.contains(expected), "{rows}{told}"),
            None => assert!(told.contains("has no test") || told.contains("test "), "{rows}{told}"),
        }
    }
    // Without tiers beside the named ones there is still the customer of whom none is known.
    assert!(
        !error(&GOOD.replacen("tier: vip}, queue: vip}", "tier: [vip, gold]}, queue: vip}", 1))
            .contains("never reached")
    );
    let all = GOOD.replacen("when: {tier: vip}", "when: {time: 00:00-24:00}", 1);
    assert!(
        error(&all).contains("row rest is never reached: every case that it would take goes to vip"),
        "{}",
        error(&all)
    );
}

#[test]
fn a_queue_that_nothing_leads_to_is_found() {
    let queue = "  - {name: dead, hours: office, priority: 5, closed: x}\nrules:";
    assert!(error(&GOOD.replace("rules:", queue)).contains("line 14: no row and no overflow leads to queue dead"));
}

#[test]
fn the_digest_of_a_table_follows_its_meaning_alone() {
    let digest = |yaml: &str| Table::load(yaml).unwrap().digest();
    let same = GOOD.replace("id: small", "id: small # a comment").replace("row: rest, open: false", "row: rest");
    assert_eq!(digest(&same), digest(GOOD));
    let mut digests = vec![digest(GOOD)];
    for (from, to) in [
        ("id: small", "id: other"),
        ("version: 1", "version: 2"),
        ("weight: 50", "weight: 51"),
        ("reserved: true", "reserved: false"),
        ("'+08:00'", "'+08:30'"),
        ("09:00-18:00", "09:00-18:30"),
        ("  hours:\n", "  holidays: [2027-10-01]\n  hours:\n"),
        ("priority: 5", "priority: 6"),
        ("skills: [card], closed", "skills: [card], relax_s: 5, closed"),
        ("after_s: 60", "after_s: 61"),
        ("skills: [card], closed", "skills: [card], no_answer_s: 5, closed"),
        ("skills: [card], closed", "skills: [card], offline_s: 5, closed"),
        ("closed: 明天见", "closed: 再见"),
        ("{id: rest,", "{id: rest, sticky: true,"),
        ("{id: rest,", "{id: rest, sla_s: 7,"),
        ("{id: rest,", "{id: rest, skills: [english],"),
        ("when: {tier: vip}", "when: {tier: vip, open: office}"),
        ("when: {tier: vip}", "when: {tier: vip, time: 09:00-11:00}"),
    ] {
        let changed = GOOD.replacen(from, to, 1);
        assert_ne!(changed, GOOD, "{from}");
        digests.push(digest(&changed));
    }
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn the_shipped_routing_table_loads_and_agrees_with_its_schema() {
    let table = Table::load(&shipped()).unwrap();
    assert_eq!((table.id(), table.rows()), ("cn-retail", 9));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/routing");
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("schema.json")).unwrap()).unwrap();
    let document: serde_json::Value = serde_saphyr::from_str(&shipped()).unwrap();
    check_object(&document, &schema, &schema);
    let queue = &document["queues"][2];
    let broken = serde_json::json!({"name": queue["name"], "hours": "x", "priority": 10, "closed": "x"});
    assert!(mismatch(&broken, &schema["$defs"]["queue"], &schema).is_some());
}

/// Holds a value against the parts of JSON Schema that ours uses.
fn check_object(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) {
    if let Some(told) = mismatch(value, schema, root) {
        panic!("{told}");
    }
}

fn mismatch(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    if let Some(reference) = schema["$ref"].as_str() {
        return mismatch(value, root.pointer(reference.trim_start_matches('#')).unwrap(), root);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().filter(|choice| mismatch(value, choice, root).is_none()).count();
        return (fits != 1).then(|| format!("{value} fits {fits} choices"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Some(format!("{value} is not {}", schema["const"]));
    }
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    if schema["type"].as_str().is_some_and(|wanted| wanted != kind) {
        return Some(format!("{value} is no {}", schema["type"]));
    }
    match value {
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten();
            if let Some(missing) = required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name)) {
                return Some(format!("{missing} is missing in {value}"));
            }
            fields.iter().find_map(|(name, field)| {
                let known = schema["properties"]
                    .get(name)
                    .or_else(|| schema["additionalProperties"].as_object().map(|_| &schema["additionalProperties"]));
                known.map_or_else(|| Some(format!("{name} is unknown")), |known| mismatch(field, known, root))
            })
        }
        Value::Array(items) => items.iter().find_map(|item| mismatch(item, &schema["items"], root)),
        Value::String(text) => {
            let pattern = schema["pattern"].as_str()?;
            (!regex::Regex::new(pattern).unwrap().is_match(text)).then(|| format!("{text} is not {pattern}"))
        }
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            let under = schema["minimum"].as_i64().is_some_and(|least| number < least);
            let over = schema["maximum"].as_i64().is_some_and(|most| number > most);
            (under || over).then(|| format!("{number} is out of bounds"))
        }
        Value::Bool(_) | Value::Null => None,
    }
}

fn case_of(table: &Table, picks: (usize, usize, usize, u8, usize, i64)) -> Case {
    let (channel, tier, language, tags, mood, minutes) = picks;
    let pick = |words: &[&str], at: usize| words.get(at).map(|word| (*word).to_owned());
    let all = ["card_loss", "fraud", "complaint", "loan"];
    Case {
        channel: pick(&["http", "fax"], channel).unwrap_or_default(),
        tier: pick(&["standard", "gold", "vip"], tier),
        language: pick(&["zh", "en"], language),
        tags: all
            .iter()
            .enumerate()
            .filter(|(bit, _)| tags & (1 << bit) != 0)
            .map(|(_, tag)| (*tag).to_owned())
            .collect(),
        intent: None,
        mood: pick(&["calm", "upset"], mood),
        at: liaowaiwai::units::Timestamp::from_micros(
            table.calendar().read("2026-01-01 00:00").unwrap().as_micros() + minutes * 60_000_000,
        ),
    }
}

proptest! {
    #[test]
    fn every_case_reaches_a_row_and_the_same_case_the_same_row(
        picks in (0_usize..2, 0_usize..4, 0_usize..3, 0_u8..16, 0_usize..3, 0_i64..525_600)
    ) {
        let table = Table::load(&shipped()).unwrap();
        let case = case_of(&table, picks);
        let decision = table.decide(&case);
        prop_assert!(table.queues().iter().any(|queue| queue.name == decision.queue));
        prop_assert_eq!(&decision, &Table::load(&shipped()).unwrap().decide(&case));
        let expected = if case.tags.iter().any(|tag| tag == "card_loss") { "card-loss" }
            else if case.tags.iter().any(|tag| tag == "fraud") { "fraud" }
            else if case.tier.as_deref() == Some("vip") { "vip" }
            else if case.tags.iter().any(|tag| tag == "complaint") { "complaint" }
            else if case.tier.as_deref() == Some("gold") && case.mood.as_deref() == Some("upset") { "upset-gold" }
            else if case.language.as_deref() == Some("en") { "english" }
            else if case.tags.iter().any(|tag| tag == "loan") { "loan" }
            else if case.tier.as_deref() == Some("gold") { "gold" }
            else { "default" };
        prop_assert_eq!(decision.row, expected);
        prop_assert!(!table.reason(&case).is_empty());
    }

    #[test]
    fn no_text_makes_the_loader_panic(text in ".{0,400}", at in 0_usize..1_000, cut in 0_usize..40) {
        let _refused = Table::load(&text);
        let mut broken: Vec<char> = GOOD.chars().collect();
        let at = at.min(broken.len());
        let end = (at + cut).min(broken.len());
        broken.splice(at..end, text.chars().take(20));
        let _refused = Table::load(&broken.into_iter().collect::<String>());
    }
}
