//! `lww mask eval`: what it counts, what it prints, and what of a gold file it refuses by line and field.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use std::io::Write;
use std::path::Path;

use clap::Parser;
use liaowaiwai::cli::mask::eval::{EvalArgs, EvalError, run};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: EvalArgs,
}

const GOLD: &str = r#"{"text": "打我手机一三八1234 5678", "spans": [{"start": 4, "end": 16, "entity": "cn.mobile", "disguised": true}], "id": 1}
{"text": "手机13812345678，车牌京A12345", "spans": [{"start": 2, "end": 13, "entity": "cn.mobile"}, {"start": 16, "end": 23, "entity": "cn.plate"}]}

{"text": "你好", "spans": []}
{"text": "打13987654321", "spans": []}
{"text": "生日1990-03-07", "spans": [{"start": 2, "end": 12, "entity": "birth_date"}]}
"#;

fn eval(gold: &str, options: &[&str]) -> (String, Result<(), EvalError>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(gold.as_bytes()).unwrap();
    eval_file(file.path(), options)
}

fn eval_file(path: &Path, options: &[&str]) -> (String, Result<(), EvalError>) {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
    let gold = path.to_str().unwrap();
    let args = Command::try_parse_from([&["eval", "--policy", policy, "--gold", gold], options].concat()).unwrap().args;
    let mut output = Vec::new();
    let result = run(&args, &mut output);
    (String::from_utf8(output).unwrap(), result)
}

#[test]
fn recall_precision_and_faults_are_told_for_each_entity() {
    let (told, result) = eval(GOLD, &[]);
    assert!(result.is_ok());
    let line =
        |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        line("cn.mobile"),
        ["cn.mobile", "100.00", "%", "1/1", "100.00", "%", "1/1", "66.67", "%", "2/3", "80.00", "%"]
    );
    assert_eq!(line("birth_date")[1..4], ["0.00", "%", "0/1"]);
    assert!(told.contains("messages without values: 2, of these masked: 1"), "{told}");
    assert!(told.contains("not found: line 6, characters 2 to 12, birth_date\n"), "{told}");
    assert!(told.contains("masked without need: line 5, characters 1 to 12, cn.mobile\n"), "{told}");
    assert!(!told.contains("139") && !told.contains("1990"), "what values are is told only when asked: {told}");
    assert!(eval(GOLD, &["--show-text"]).0.contains("cn.mobile: \"13987654321\""));
    assert!(!eval(GOLD, &["--show", "0"]).0.contains("not found"));
}

#[test]
fn the_same_is_told_as_json() {
    let (told, result) = eval(GOLD, &["--json"]);
    assert!(result.is_ok());
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&report["messages"], &report["clean"], &report["clean_masked"]), (&5.into(), &2.into(), &1.into()));
    let mobile = report["entities"].as_array().unwrap().iter().find(|row| row["entity"] == "cn.mobile").unwrap();
    assert_eq!((&mobile["disguised"]["found"], &mobile["masks"], &mobile["right"]), (&1.into(), &3.into(), &2.into()));
    assert_eq!(report["misses"][0]["entity"], "birth_date");
}

#[test]
fn too_small_a_share_is_a_failure_after_the_result() {
    let (told, result) = eval(GOLD, &["--recall-min", "0.9"]);
    assert!(!told.is_empty());
    assert_eq!(result.err().unwrap().to_string(), "recall is 75.00 %, at least 90.00 % was asked for");
    assert!(matches!(eval(GOLD, &["--precision-min", "1"]).1, Err(EvalError::Missed { what: "precision", .. })));
    assert!(eval(GOLD, &["--recall-min", "0.75", "--precision-min", "0.7"]).1.is_ok());
}

#[test]
fn bad_gold_is_refused_by_line_and_field_and_without_its_content() {
    let span = |span: &str| format!("{{\"text\": \"打13987654321\", \"spans\": [{span}]}}");
    for (line, expected) in [
        ("13987654321x".to_owned(), "line 1: expected {\"text\""),
        ("[]".to_owned(), "line 1: expected {\"text\""),
        ("{\"text\": \"\\ud800\", \"spans\": []}".to_owned(), "line 1: expected {\"text\""),
        ("{\"spans\": []}".to_owned(), "line 1: text: expected a text"),
        ("{\"text\": \"13987654321\"}".to_owned(), "line 1: spans: expected a list"),
        (span("1"), "spans[0].start: expected a number of characters"),
        (
            span("{\"start\": 1, \"end\": 13, \"entity\": \"email\"}"),
            "spans[0].end: expected a number of characters within",
        ),
        (span("{\"start\": 5, \"end\": 5, \"entity\": \"email\"}"), "spans[0].end: expected more than start"),
        (span("{\"start\": 1, \"end\": 5}"), "spans[0].entity: expected the name of an entity"),
        (span("{\"start\": 1, \"end\": 5, \"entity\": \"phone\"}"), "spans[0].entity: no entity is called \"phone\""),
        (
            span("{\"start\": 1, \"end\": 5, \"entity\": \"email\", \"disguised\": 1}"),
            "spans[0].disguised: expected true or false",
        ),
        (
            span(
                "{\"start\": 1, \"end\": 5, \"entity\": \"email\"}, {\"start\": 4, \"end\": 6, \"entity\": \"email\"}",
            ),
            "spans[1]: expected spans that do not overlap",
        ),
    ] {
        let told = eval(&line, &[]).1.err().unwrap().to_string();
        assert!(told.contains(expected) && !told.contains("139"), "{line}: {told}");
    }
    assert!(matches!(eval("\n\n", &[]).1, Err(EvalError::Empty { .. })));
    assert!(matches!(eval_file(Path::new("/nowhere/gold.jsonl"), &[]).1, Err(EvalError::File { .. })));
}
