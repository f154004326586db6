//! Makes the recogniser's data, trains it, and measures it.
//!
//! ```text
//! lww-recogniser-training train MODEL             learns from generated sentences and writes the model
//! lww-recogniser-training evaluate MODEL FILE…    names and addresses of texts that it never saw, one JSON object a line
//! ```

#![expect(clippy::print_stdout, reason = "a tool prints what it measured")]
#![expect(clippy::indexing_slicing, reason = "a tool for developers stops at the first fault")]

mod dictionary;
mod evaluate;
mod file;
mod generate;
mod perceptron;
mod random;

use std::process::ExitCode;

use dictionary::Dictionary;
use generate::Generator;
use lww_recogniser::model::{Malformed, Model, WEIGHT_SLOTS};
use perceptron::Perceptron;
use random::Random;

/// Sentences that are learnt from.
const SENTENCES: usize = 600_000;
/// What they are drawn from.
const SEED: u64 = 20_260_101;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["train", model] => train(SENTENCES)
            .map_err(|_malformed| "the dictionary is too large".to_owned())
            .and_then(|file| std::fs::write(model, file).map_err(|error| format!("{model}: {error}"))),
        ["evaluate", model, files @ ..] => evaluate::all(model, files),
        _ => Err("lww-recogniser-training train MODEL | evaluate MODEL FILE…".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the model: the same bytes on every machine.
fn train(sentences: usize) -> Result<Vec<u8>, Malformed> {
    let dictionary = Dictionary::read();
    let builder = dictionary.builder()?;
    let model = Model::read(&builder.file(&vec![0; WEIGHT_SLOTS]))?;
    let generator = Generator::new(&dictionary);
    let mut perceptron = Perceptron::new();
    let mut random = Random::seeded(SEED);
    for tenth in 1..=10 {
        perceptron.wrong = 0;
        perceptron.learn(&model, &generator, sentences / 10, &mut random);
        println!("{tenth} of 10: {} of {} sentences read wrong", perceptron.wrong, sentences / 10);
    }
    Ok(builder.file(&perceptron.weights()))
}

#[cfg(test)]
mod slow {
    use lww_recogniser::WEIGHTS;

    use super::{SENTENCES, train};

    #[test]
    fn the_weights_are_what_the_code_makes() {
        assert!(train(SENTENCES).is_ok_and(|made| made == WEIGHTS), "run ./x recogniser and commit what it wrote");
    }
}
