//! Writes the file that [`lww_recogniser::model`] reads.

use lww_recogniser::model::{
    Character, MAGIC, Malformed, STEP_BITS, WORD_COST_MIN, WORD_COST_STEP, WORD_SLOTS, place_of,
};

/// What the file is made of, the weights aside.
#[derive(Default)]
pub struct Builder {
    characters: Vec<u8>,
    words: Vec<u16>,
}

impl Builder {
    /// Adds an ideograph.
    pub fn character(&mut self, ideograph: u16, is: &Character) {
        self.characters.extend(ideograph.to_be_bytes());
        self.characters.extend(is.simplified.to_be_bytes());
        self.characters.extend([is.surname, is.given_first, is.given_last, is.given_only, is.sound, is.alone]);
    }

    /// Adds a word by its hash and cost; of two words that look the same the first counts.
    ///
    /// # Errors
    /// Refuses more words than there are slots for.
    pub fn word(&mut self, hash: u32, cost: i32) -> Result<(), Malformed> {
        self.words.resize(WORD_SLOTS, 0);
        let step = ((cost - WORD_COST_MIN) / WORD_COST_STEP).clamp(0, (1 << STEP_BITS) - 1);
        let step = u16::try_from(step).map_err(|_out_of_range| Malformed)?;
        let (first, mark) = place_of(hash);
        for slot in (0..WORD_SLOTS).map(|distance| (first + distance) & (WORD_SLOTS - 1)) {
            let entry = self.words.get_mut(slot).ok_or(Malformed)?;
            if *entry == 0 {
                *entry = mark << STEP_BITS | step;
                return Ok(());
            }
            if *entry >> STEP_BITS == mark {
                return Ok(());
            }
        }
        Err(Malformed)
    }

    /// Returns the file with these weights.
    pub fn file(&self, weights: &[i8]) -> Vec<u8> {
        let words: Vec<u8> = self.words.iter().flat_map(|entry| entry.to_be_bytes()).collect();
        let weights: Vec<u8> = weights.iter().map(|weight| weight.cast_unsigned()).collect();
        let mut file = MAGIC.to_vec();
        for section in [&self.characters, &words, &weights] {
            file.extend(u32::try_from(section.len()).unwrap_or(u32::MAX).to_be_bytes());
            file.extend(section);
        }
        file
    }
}
