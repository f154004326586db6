//! Samples that nobody could choose: entries drawn by the hash of a signed checkpoint and a number that the auditor brings.
//!
//! The log's owner has signed before knowing the number, and the auditor can't try many without their being seen in the protocol;
//! everybody can draw the same again. It draws and proves nothing. Source: `FORMAT.md`, "Samples".

use crate::checkpoint::Checkpoint;
use crate::types::EntryIndex;
use ring::digest::{Context, SHA256, digest};
use std::collections::BTreeSet;

/// Most entries of one sample.
pub const SAMPLE_MAX: u64 = 65_536;
/// Longest nonce in bytes.
pub const NONCE_BYTES_MAX: usize = 256;
const TAG: &[u8] = b"lww/sample/1\0";

/// Draws `count` different entries of the checkpoint's log, all of them if it has no more; sorted.
pub fn draw(checkpoint: &Checkpoint, nonce: &str, count: u64) -> BTreeSet<EntryIndex> {
    let size = checkpoint.size.0;
    let seed = digest(&SHA256, checkpoint.to_string().as_bytes());
    let wanted = count.min(size).min(SAMPLE_MAX);
    // Numbers of the last, incomplete round of the size are drawn again: otherwise its first entries would be likelier.
    let fair = u64::MAX - (u64::MAX % size.max(1) + 1) % size.max(1);
    let mut drawn = BTreeSet::new();
    for turn in 0_u64.. {
        if drawn.len() as u64 >= wanted {
            break;
        }
        let mut context = Context::new(&SHA256);
        for part in [TAG, seed.as_ref(), &turn.to_be_bytes(), nonce.as_bytes()] {
            context.update(part);
        }
        let number = context.finish().as_ref().first_chunk().copied().map_or(0, u64::from_be_bytes);
        if number <= fair {
            drawn.insert(EntryIndex(number % size.max(1)));
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Hash, TreeSize};

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "lww.example/acme/1".parse().unwrap(), size: TreeSize(size), root: Hash([7; 32]) }
    }

    #[test]
    fn a_sample_is_the_same_again_and_another_for_every_other_input() {
        let base = draw(&checkpoint(1000), "2026-01-05/4711", 20);
        assert_eq!(base.len(), 20);
        assert!(base.iter().all(|index| index.0 < 1000));
        assert_eq!(base, draw(&checkpoint(1000), "2026-01-05/4711", 20));
        assert!(base.is_superset(&draw(&checkpoint(1000), "2026-01-05/4711", 10)));
        for other in [
            draw(&checkpoint(1001), "2026-01-05/4711", 20),
            draw(&Checkpoint { root: Hash([8; 32]), ..checkpoint(1000) }, "2026-01-05/4711", 20),
            draw(&checkpoint(1000), "2026-01-05/4712", 20),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn small_logs_are_drawn_whole_and_large_samples_end() {
        assert!(draw(&checkpoint(0), "", 5).is_empty());
        assert_eq!(draw(&checkpoint(7), "", 100).len(), 7);
        assert_eq!(draw(&checkpoint(1 << 40), "", u64::MAX).len() as u64, SAMPLE_MAX);
    }

    #[test]
    fn every_entry_is_about_equally_likely() {
        let mut counts = [0_u32; 10];
        for nonce in 0..2000 {
            for index in draw(&checkpoint(10), &nonce.to_string(), 3) {
                counts[usize::try_from(index.0).unwrap()] += 1;
            }
        }
        assert!(counts.iter().all(|count| (500..=700).contains(count)), "{counts:?}");
    }
}
