//! What the next message of a conversation must know of the ones before it.
//!
//! Digits that ended the last messages, because numbers are told in pieces, and keywords that they ended with, because
//! `CVV?` and `123` are two messages. It is bounded in time and length, never printed, and wiped on drop. It does not
//! know clocks: time is a parameter.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{digits::NUMBER_LEN_MAX, lexicon::Cues};
use crate::units::MessageId;

/// How long a tail lasts by default, in microseconds: messages older than this tell the next one nothing.
pub const TAIL_US: i64 = 60_000_000;
/// How long ago the first message of a number may be that each next one continued in time, in microseconds: it has
/// at most 19 digits.
pub const TAIL_REACH_US: i64 = TAIL_US * 19;
/// Most fragments kept.
const FRAGMENTS_MAX: usize = NUMBER_LEN_MAX;

/// The digits that one message ended with.
#[derive(Clone)]
struct Fragment {
    message: MessageId,
    digits: Zeroizing<Vec<u8>>,
    /// Hardly anything else is in the message, so that a keyword of a later one may name them.
    bare: bool,
}

/// The end of a conversation so far, as far as masking needs it.
#[derive(Clone)]
pub struct Tail {
    fragments: Vec<Fragment>,
    digits_at_us: i64,
    cues: Cues,
    cues_at_us: i64,
    window_us: i64,
}

impl Tail {
    /// Begins a conversation; fragments and keywords last 60 seconds.
    pub fn empty() -> Self {
        Self::lasting(TAIL_US)
    }

    /// Begins a conversation whose fragments and keywords last `window_us` microseconds.
    pub fn lasting(window_us: i64) -> Self {
        Self { fragments: Vec::new(), digits_at_us: 0, cues: Cues::NONE, cues_at_us: 0, window_us }
    }

    /// Forgets what is too old at `now_us`.
    pub(super) fn expire(&mut self, now_us: i64) {
        if now_us.saturating_sub(self.digits_at_us) > self.window_us {
            self.fragments.clear();
        }
        if now_us.saturating_sub(self.cues_at_us) > self.window_us {
            self.cues = Cues::NONE;
        }
    }

    /// Says whether a message with digits must be looked at because of it.
    pub(super) fn is_live(&self) -> bool {
        !self.fragments.is_empty() || self.cues != Cues::NONE
    }

    /// Returns the digits of earlier messages, one fragment a message.
    pub(super) fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        self.fragments.iter().map(|fragment| fragment.digits.as_slice())
    }

    /// Returns the messages that the last `count` digits are in, each with the places that it has among them.
    pub(super) fn parts(&self, count: usize) -> Vec<(MessageId, Range<usize>)> {
        let (mut parts, mut end) = (Vec::new(), count);
        for fragment in self.fragments.iter().rev().take_while(|_| count > 0) {
            let start = end.saturating_sub(fragment.digits.len());
            if start < end {
                parts.push((fragment.message, start..end));
            }
            end = start;
        }
        parts.reverse();
        parts
    }

    /// Returns the digits of the last messages that said hardly anything else: of the last one, of the last two, and so on.
    pub(super) fn bare(&self) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
        let bare = self.fragments.iter().rev().take_while(|fragment| fragment.bare).count();
        (1..=bare).map(|count| {
            let last = self.fragments.len().saturating_sub(count);
            let digits = self.fragments.iter().skip(last).flat_map(|fragment| fragment.digits.iter().copied());
            Zeroizing::new(digits.collect())
        })
    }

    /// Returns the keywords that an earlier message ended with.
    pub(super) fn cues(&self) -> Cues {
        self.cues
    }

    /// Forgets the digits.
    pub(super) fn forget_digits(&mut self) {
        self.fragments.clear();
    }

    /// Forgets what was named by now: its digits, and the keyword that named them.
    pub(super) fn answered(&mut self) {
        self.fragments.clear();
        self.cues = Cues::NONE;
    }

    /// Adds the digits that a message ended with; the oldest fragments go when a number cannot reach back to them.
    pub(super) fn remember_digits(&mut self, message: MessageId, digits: &[u8], bare: bool, now_us: i64) {
        if digits.len() >= NUMBER_LEN_MAX {
            self.fragments.clear();
            return;
        }
        self.fragments.push(Fragment { message, digits: Zeroizing::new(digits.to_vec()), bare });
        let total = |fragments: &[Fragment]| fragments.iter().map(|fragment| fragment.digits.len()).sum::<usize>();
        while total(&self.fragments) >= NUMBER_LEN_MAX || self.fragments.len() > FRAGMENTS_MAX {
            self.fragments.remove(0);
        }
        self.digits_at_us = now_us;
    }

    /// Replaces the keywords that the last message ended with.
    pub(super) fn remember_cues(&mut self, cues: Cues, now_us: i64) {
        self.cues = cues;
        self.cues_at_us = now_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: MessageId = MessageId::from_random([0; 16]);

    #[test]
    fn digits_and_keywords_expire() {
        let mut tail = Tail::empty();
        tail.remember_digits(ANY, b"138", true, 0);
        tail.remember_cues(Cues::SECRETS, 0);
        tail.expire(TAIL_US);
        assert!(tail.is_live());
        tail.expire(TAIL_US + 1);
        assert!(!tail.is_live());
    }

    #[test]
    fn length_is_bounded() {
        let mut tail = Tail::empty();
        for _ in 0..1000 {
            tail.remember_digits(ANY, b"12", true, 0);
        }
        assert!(tail.fragments().map(<[u8]>::len).sum::<usize>() < NUMBER_LEN_MAX);
        tail.remember_digits(ANY, &[b'1'; 100], true, 0);
        assert_eq!(tail.fragments().count(), 0);
    }

    #[test]
    fn a_clock_that_steps_back_forgets_nothing() {
        let mut tail = Tail::empty();
        tail.remember_digits(ANY, b"138", true, i64::MAX);
        tail.expire(i64::MIN);
        assert!(tail.is_live());
    }
}
