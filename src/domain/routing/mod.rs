//! Who gets the next conversation: a decision table says which queue it waits in, a matcher which agent it goes to.
//!
//! Pure: both decide on what they are shown, and say why, so that each decision can be read in its entry and made again.
//! Neither knows when it is called nor how the decision is recorded.

mod calendar;
mod compile;
mod digest;
mod document;
mod error;
mod lint;
mod self_test;
mod table;

pub use calendar::{Calendar, Moment};
pub use compile::is_word;
pub use document::CaseDoc;
pub use error::{CaseError, TableError};
pub use table::{Case, Decision, Queue, Table};

use super::event::{Candidate, MatchReason};
use crate::limits::CANDIDATES_MAX;
use crate::units::{AccountId, Timestamp};

/// The one queue of this version.
pub const QUEUE: &str = "default";

/// An agent as seen when the decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Who.
    pub agent: AccountId,
    /// Conversations held.
    pub load: i32,
    /// Conversations allowed.
    pub capacity: i32,
    /// Whether the agent takes conversations.
    pub online: bool,
    /// Since when no conversation was given.
    pub idle_since: Timestamp,
}

/// The agent chosen, the reason, and everybody who was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who gets it.
    pub agent: AccountId,
    /// Why.
    pub reason: MatchReason,
    /// Everybody with a free slot, longest idle first; at most [`CANDIDATES_MAX`].
    pub candidates: Vec<Candidate>,
}

/// Chooses among the agents who are online and have a free slot; ties fall to the smaller pseudonym, so that the same
/// question always has the same answer.
pub fn choose(places: &[Place], now: Timestamp) -> Option<Choice> {
    let mut free: Vec<&Place> = places.iter().filter(|place| place.online && place.load < place.capacity).collect();
    free.sort_by_key(|place| (place.idle_since, place.agent));
    let reason = if free.len() == 1 { MatchReason::OnlyFree } else { MatchReason::LongestIdle };
    let candidates = free.iter().take(CANDIDATES_MAX).map(|place| Candidate {
        agent: place.agent,
        load: place.load,
        capacity: place.capacity,
        idle_ms: (now.as_micros() - place.idle_since.as_micros()).max(0) / 1_000,
    });
    let candidates = candidates.collect();
    free.first().map(|first| Choice { agent: first.agent, reason, candidates })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: u8, load: i32, online: bool, idle_since: i64) -> Place {
        let idle_since = Timestamp::from_micros(idle_since);
        Place { agent: AccountId::from_random([id; 16]), load, capacity: 2, online, idle_since }
    }

    #[test]
    fn the_longest_idle_of_those_with_a_free_slot_is_chosen() {
        let now = Timestamp::from_micros(10_000_000);
        let cases: [(&[Place], Option<u8>); 6] = [
            (&[], None),
            (&[place(1, 0, false, 0)], None),
            (&[place(1, 2, true, 0)], None),
            (&[place(1, 1, true, 5), place(2, 1, true, 4), place(3, 2, true, 1)], Some(2)),
            (&[place(2, 0, true, 5), place(1, 0, true, 5)], Some(1)),
            (&[place(1, 0, true, 9), place(2, 0, false, 1)], Some(1)),
        ];
        for (places, expected) in cases {
            let chosen = choose(places, now).map(|choice| choice.agent);
            assert_eq!(chosen, expected.map(|id| AccountId::from_random([id; 16])));
        }
    }

    #[test]
    fn the_choice_names_everybody_considered_and_why() {
        let now = Timestamp::from_micros(3_000_000);
        let choice = choose(&[place(1, 0, true, 2_000_000), place(2, 1, true, 1_000_000), place(3, 2, true, 0)], now);
        let choice = choice.unwrap();
        assert_eq!(choice.reason, MatchReason::LongestIdle);
        let seen: Vec<_> = choice.candidates.iter().map(|candidate| (candidate.load, candidate.idle_ms)).collect();
        assert_eq!(seen, [(1, 2_000), (0, 1_000)]);
        assert_eq!(choose(&[place(1, 0, true, 0)], now).unwrap().reason, MatchReason::OnlyFree);
    }
}
