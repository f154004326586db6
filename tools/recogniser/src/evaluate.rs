//! Measures the recogniser on texts that it never saw: `{"text": "…", "names": [[start, end], …]}`, in characters.

use std::ops::Range;

use lww_recogniser::{chinese, model::Model};

/// Counts of one measurement.
#[derive(Default)]
struct Score {
    right: usize,
    found: usize,
    all: usize,
    texts: usize,
    marked: usize,
}

/// Measures on each file.
///
/// # Errors
/// Says which file can't be read.
pub fn all(model: &str, files: &[&str]) -> Result<(), String> {
    let bytes = std::fs::read(model).map_err(|error| format!("{model}: {error}"))?;
    let model = Model::read(&bytes).map_err(|_malformed| format!("{model} is no model"))?;
    for file in files {
        let lines = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        for least in [-400, 0, 16, 32, 48, 64] {
            let mut score = Score::default();
            for line in lines.lines() {
                one(&model, line, least, &mut score)?;
            }
            let share = |part: usize, whole: usize| part * 1000 / whole.max(1);
            let (precision, recall) = (share(score.right, score.found), share(score.right, score.all));
            let f1 = share(2 * score.right, score.found + score.all);
            println!(
                "{file} from margin {least}: precision 0.{precision:03} recall 0.{recall:03} F1 0.{f1:03}; {} names, {} found, \
                 {} of {} texts marked",
                score.all, score.found, score.marked, score.texts
            );
        }
    }
    Ok(())
}

fn one(model: &Model, line: &str, least: i32, score: &mut Score) -> Result<(), String> {
    let object: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = object["text"].as_str().unwrap_or_default();
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let truth: Vec<Range<usize>> = object["names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pair| {
            let at = |place: usize| offsets.get(usize::try_from(pair[place].as_u64()?).ok()?).copied();
            Some(at(0)?..at(1)?)
        })
        .collect();
    let mut found = Vec::new();
    chinese::find(model, text, &[], |name| {
        if name.margin >= least {
            found.push(name.bytes);
        }
    });
    let right = found.iter().filter(|range| truth.contains(range)).count();
    if least == 0 && std::env::var_os("SHOW").is_some() && (right < found.len() || right < truth.len()) {
        let words =
            |ranges: &[Range<usize>]| ranges.iter().map(|range| text[range.clone()].to_owned()).collect::<Vec<_>>();
        println!("{text}\n    true {:?}\n    found {:?}", words(&truth), words(&found));
    }
    score.texts += 1;
    score.marked += usize::from(!found.is_empty());
    score.all += truth.len();
    score.found += found.len();
    score.right += right;
    Ok(())
}

/// Measures how fast names are found in the texts of a file.
///
/// # Errors
/// Says what can't be read.
pub fn speed(model: &str, file: &str) -> Result<(), String> {
    let bytes = std::fs::read(model).map_err(|error| format!("{model}: {error}"))?;
    let model = Model::read(&bytes).map_err(|_malformed| format!("{model} is no model"))?;
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let texts: Vec<&str> = text.lines().collect();
    let mut best = f64::MAX;
    for _ in 0..10 {
        let start = std::time::Instant::now();
        let mut count = 0;
        for text in &texts {
            chinese::find(&model, text, &[], |_| count += 1);
        }
        best = best.min(start.elapsed().as_secs_f64());
        std::hint::black_box(count);
    }
    println!("{:.0} messages of 135 bytes a second", text.len() as f64 / 135.0 / best);
    Ok(())
}
