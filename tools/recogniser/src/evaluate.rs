//! Measures the recogniser on texts that it never saw: `{"text": "…", "names": [[start, end], …], "addresses": […]}`, in characters.
//!
//! A name counts when it is exactly the one that was marked, an address when it overlaps it. With `SHOW` in the environment what
//! went wrong is printed.

use std::ops::Range;

use lww_recogniser::{Found, Kind, Recogniser};
use serde_json::Value;

/// Confidences from which on a find counts.
const LEAST: [u8; 4] = [50, 55, 60, 70];
/// The one at which mistakes are shown.
const SHOWN: u8 = 60;

/// Counts of one measurement.
#[derive(Default)]
struct Score {
    right: usize,
    found: usize,
    all: usize,
    overlapped: usize,
    addresses: usize,
    texts: usize,
    marked: usize,
}

/// Measures a model on each file.
///
/// # Errors
/// Says what can't be read.
pub fn all(model: &str, files: &[&str]) -> Result<(), String> {
    let bytes = std::fs::read(model).map_err(|error| format!("{model}: {error}"))?;
    let recogniser = Recogniser::new(&bytes).ok_or_else(|| format!("{model} is no model"))?;
    for file in files {
        let lines = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let texts: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
        let texts = texts.map_err(|error| format!("{file}: {error}"))?;
        for least in LEAST {
            let mut score = Score::default();
            for text in &texts {
                one(&recogniser, text, least, &mut score);
            }
            print(file, least, &score);
        }
    }
    Ok(())
}

fn print(file: &str, least: u8, score: &Score) {
    let share = |part: usize, whole: usize| {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        number(part) / number(whole.max(1))
    };
    let (precision, recall) = (share(score.right, score.found), share(score.right, score.all));
    let f1 = share(2 * score.right, score.found + score.all);
    println!(
        "{file} from confidence {least}: names {} of {}, {} found: precision {precision:.3} recall {recall:.3} F1 {f1:.3}; \
         addresses {} of {}; {} of {} texts marked",
        score.right, score.all, score.found, score.overlapped, score.addresses, score.marked, score.texts
    );
}

fn one(recogniser: &Recogniser, object: &Value, least: u8, score: &mut Score) {
    let text = object["text"].as_str().unwrap_or_default();
    let (names, addresses) = (ranges(text, &object["names"]), ranges(text, &object["addresses"]));
    let (mut found, mut places) = (Vec::new(), Vec::new());
    recogniser.find(text, &[], &mut |Found { bytes, kind, confidence }| {
        if confidence >= least {
            if kind == Kind::Name { found.push(bytes) } else { places.push(bytes) }
        }
    });
    // An address covers the names in it.
    found.retain(|name| !places.iter().any(|place| place.start <= name.start && name.end <= place.end));
    let right = found.iter().filter(|name| names.contains(name)).count();
    let overlaps = |address: &&Range<usize>| places.iter().any(|p| p.start < address.end && address.start < p.end);
    let overlapped = addresses.iter().filter(overlaps).count();
    let mistaken = right < found.len() || right < names.len() || overlapped < addresses.len();
    if least == SHOWN && mistaken && std::env::var_os("SHOW").is_some() {
        let words = |ranges: &[Range<usize>]| -> Vec<String> {
            ranges.iter().map(|range| text[range.clone()].to_owned()).collect()
        };
        println!("{text}\n    true {:?}\n    found {:?}, places {:?}", words(&names), words(&found), words(&places));
    }
    score.texts += 1;
    score.marked += usize::from(!found.is_empty() || !places.is_empty());
    score.all += names.len();
    score.found += found.len();
    score.right += right;
    score.addresses += addresses.len();
    score.overlapped += overlapped;
}

/// Returns ranges of bytes for pairs of positions in characters.
fn ranges(text: &str, pairs: &Value) -> Vec<Range<usize>> {
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let range = |pair: &Value| {
        let at = |place: usize| offsets.get(usize::try_from(pair[place].as_u64()?).ok()?).copied();
        Some(at(0)?..at(1)?)
    };
    pairs.as_array().into_iter().flatten().filter_map(range).collect()
}
