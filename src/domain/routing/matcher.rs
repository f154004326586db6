//! The matcher: which waiting conversation is next, and which agent gets it.
//!
//! Conversations wait in order: priority first, then how long they have waited; each time that a conversation's SLA passes
//! it counts as one priority higher, so that nobody waits for ever behind more urgent ones. An agent is considered when
//! online, with room for the conversation's weight, in the queue's group and with the skills still asked for. Of those the
//! one with the fewest skills lacking is chosen, then the one idle the longest, then the smaller pseudonym: the same
//! question always has the same answer.

use std::cmp::Reverse;

use super::calendar::Moment;
use super::table::{Queue, Table};
use crate::domain::event::{Candidate, MatchReason, RequeueReason};
use crate::limits::{CANDIDATES_BYTES_MAX, CANDIDATES_MAX, PLACE_WEIGHT};
use crate::units::AccountId;

/// Assignments from which on a pace can be told.
const PACE_MIN: usize = 3;

/// Bytes that a candidate without skills takes in an entry, its numbers at their longest.
const CANDIDATE_BYTES: usize = 160;

/// An agent as seen when the decision is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who.
    pub agent: AccountId,
    /// Weight of the conversations held, in hundredths of a place.
    pub load: i64,
    /// Conversations of the usual weight allowed.
    pub capacity: i32,
    /// Whether the agent takes conversations.
    pub online: bool,
    /// Milliseconds since a conversation was given.
    pub idle_ms: i64,
    /// Skills and groups.
    pub skills: Vec<String>,
}

/// A conversation that waits, as seen when the decision is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The queue that it waits in.
    pub queue: String,
    /// 1 is served first.
    pub priority: u8,
    /// Skills asked for beside the queue's.
    pub skills: Vec<String>,
    /// Seconds within which somebody should have it.
    pub sla_s: Option<u32>,
    /// Hundredths of a place that it takes.
    pub weight: i64,
    /// Milliseconds since it began to wait.
    pub waited_ms: i64,
    /// The agent who is asked first: who had it before.
    pub first: Option<AccountId>,
    /// The agent who is asked last: who let it go unanswered.
    pub last: Option<AccountId>,
}

impl Waiting {
    /// Where it stands among others.
    pub fn rank(&self) -> Rank {
        rank(self.priority, self.sla_s, self.waited_ms)
    }
}

/// The agent chosen, the reason, and everybody who was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who gets it.
    pub agent: AccountId,
    /// Why.
    pub reason: MatchReason,
    /// Those who could have got it, the best first: at most [`CANDIDATES_MAX`], and as many as an entry has room for.
    pub candidates: Vec<Candidate>,
}

/// One of the waiting and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its position among those shown.
    pub position: usize,
    /// Who gets it, and why.
    pub choice: Choice,
    /// How many that stand before it in the order were passed over because nobody present could take them.
    pub passed_over: u64,
}

/// One look at who waits and who is there: gives one conversation after the other, the next in order that anybody can take,
/// until nobody can take any that are left.
///
/// What is given fills agents and nothing empties them: what nobody can take at its turn, nobody can take later in the same
/// look. So the order is gone through once, however much is given, and each decision is the one that a new look would make.
#[derive(Debug)]
pub struct Look<'a> {
    table: &'a Table,
    waiting: &'a [Waiting],
    /// Those whose queues are open and who have had no turn yet, in order.
    order: std::vec::IntoIter<usize>,
    places: Vec<Place>,
    passed_over: u64,
}

impl<'a> Look<'a> {
    /// Looks at who waits and who is there at an instant.
    pub fn new(table: &'a Table, waiting: &'a [Waiting], places: Vec<Place>, at: Moment) -> Self {
        let open =
            |one: &Waiting| table.queue(&one.queue).is_some_and(|queue| table.calendar().is_open(&queue.hours, at));
        let order =
            waiting.iter().enumerate().filter(|(_, one)| open(one)).map(|(position, one)| (one.rank(), position));
        let mut order: Vec<(Rank, usize)> = order.collect();
        order.sort_unstable();
        let order: Vec<usize> = order.into_iter().map(|(_, position)| position).collect();
        Self { table, waiting, order: order.into_iter(), places, passed_over: 0 }
    }
}

impl Iterator for Look<'_> {
    type Item = Given;

    fn next(&mut self) -> Option<Given> {
        for position in self.order.by_ref() {
            let one = self.waiting.get(position)?;
            if let Some(choice) = choose(self.table, one, &self.places) {
                if let Some(place) = self.places.iter_mut().find(|place| place.agent == choice.agent) {
                    place.load += one.weight;
                    place.idle_ms = 0;
                }
                return Some(Given { position, choice, passed_over: self.passed_over });
            }
            self.passed_over += 1;
        }
        None
    }
}

/// How well an agent fits; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Whether this is the agent who is not asked first.
    not_first: bool,
    /// Whether this is the agent who let it go.
    let_go: bool,
    /// Whether this is an agent of the queue that helps out.
    helps_out: bool,
    /// How many of the skills are lacking that were asked for at first.
    lacking: usize,
}

/// Chooses the agent for one conversation.
pub fn choose(table: &Table, waiting: &Waiting, places: &[Place]) -> Option<Choice> {
    let need = Need::of(table, waiting)?;
    let mut fitting: Vec<(Fit, &Place)> = places.iter().filter_map(|place| Some((need.fit(place)?, place))).collect();
    fitting.sort_by_key(|(fit, place)| (*fit, Reverse(place.idle_ms), place.agent));
    let (best, chosen) = fitting.first()?;
    let relevant = need.relevant();
    let candidates = fitting.iter().take(CANDIDATES_MAX).map(|(_, place)| Candidate {
        agent: place.agent,
        load: place.load,
        capacity: place.capacity,
        idle_ms: place.idle_ms,
        skills: place.skills.iter().filter(|skill| relevant.contains(&skill.as_str())).cloned().collect(),
    });
    let mut room = CANDIDATES_BYTES_MAX;
    let candidates = candidates.take_while(|candidate| {
        let bytes = CANDIDATE_BYTES + candidate.skills.iter().map(|skill| skill.len() + 3).sum::<usize>();
        room.checked_sub(bytes).map(|left| room = left).is_some()
    });
    let candidates = candidates.collect();
    let reason = match fitting.get(1) {
        _ if !best.not_first => MatchReason::Sticky,
        _ if best.helps_out => MatchReason::Overflow,
        None => MatchReason::OnlyFree,
        Some((second, _)) if second > best => MatchReason::BestFit,
        Some(_) => MatchReason::LongestIdle,
    };
    Some(Choice { agent: chosen.agent, reason, candidates })
}

/// Where a conversation stands among others; smaller is served first.
pub type Rank = (i64, Reverse<i64>);

/// Ranks by priority with what a passed SLA adds, then by how long somebody has waited.
pub fn rank(priority: u8, sla_s: Option<u32>, waited_ms: i64) -> Rank {
    let passed = sla_s.map_or(0, |sla| waited_ms / 1_000 / i64::from(sla.max(1)));
    ((i64::from(priority) - passed).max(1), Reverse(waited_ms))
}

/// The place of one of the waiting, counted from 1, among the sorted ranks of its queue.
pub fn position(sorted: &[Rank], of: &Waiting) -> u64 {
    let own = of.rank();
    sorted.partition_point(|rank| *rank < own) as u64 + 1
}

/// How long somebody at a place will wait about, in milliseconds, from how long ago the queue's latest assignments were;
/// `None` when they are too few to tell.
pub fn estimate_ms(place: u64, ago_ms: &[i64]) -> Option<i64> {
    let oldest = ago_ms.iter().copied().max().filter(|_| ago_ms.len() >= PACE_MIN)?;
    let each = oldest / i64::try_from(ago_ms.len()).unwrap_or(i64::MAX);
    Some(each.saturating_mul(i64::try_from(place).unwrap_or(i64::MAX)))
}

/// A conversation that an agent holds, as seen when it may go back to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Milliseconds since its agent went away; `None` when present.
    pub gone_ms: Option<i64>,
    /// Milliseconds that a message of the customer's has been unanswered by its agent.
    pub unanswered_ms: Option<i64>,
    /// Whether whoever has it may not hold conversations any more.
    pub no_desk: bool,
}

/// Whether a conversation goes back to its queue, why, and after how many seconds that was due.
pub fn due(queue: &Queue, held: Held) -> Option<(RequeueReason, u32)> {
    if held.no_desk {
        return Some((RequeueReason::NoDesk, 0));
    }
    let over = |elapsed: Option<i64>, limit: Option<u32>| {
        let (elapsed, limit) = (elapsed?, limit?);
        (elapsed >= i64::from(limit) * 1_000).then_some(limit)
    };
    let gone = over(held.gone_ms, queue.offline_s).map(|limit| (RequeueReason::Offline, limit));
    gone.or_else(|| Some((RequeueReason::NoAnswer, over(held.unanswered_ms, queue.no_answer_s)?)))
}

fn has_room(place: &Place, weight: i64) -> bool {
    place.load + weight.max(1) <= i64::from(place.capacity) * i64::from(PLACE_WEIGHT)
}

/// What a conversation asks of agents, worked out once for all of them.
struct Need<'a> {
    table: &'a Table,
    queue: &'a Queue,
    waiting: &'a Waiting,
    /// Every skill asked for at first, the most important first.
    asked: Vec<&'a str>,
    /// How many of them are still asked for.
    still: usize,
    /// The queue whose agents help out by now, and how many of its skills are still asked of them.
    help: Option<(&'a Queue, usize)>,
}

impl<'a> Need<'a> {
    fn of(table: &'a Table, waiting: &'a Waiting) -> Option<Self> {
        let queue = table.queue(&waiting.queue)?;
        let asked: Vec<&str> = queue.skills.iter().chain(&waiting.skills).map(String::as_str).collect();
        let still = asked.len().saturating_sub(steps(queue.relax_s, waiting.waited_ms));
        let help = queue.overflow.as_ref().and_then(|(after_s, to)| {
            let over_ms = waiting.waited_ms - i64::from(*after_s) * 1_000;
            let other = table.queue(to).filter(|_| over_ms >= 0)?;
            Some((other, other.skills.len().saturating_sub(steps(other.relax_s, over_ms))))
        });
        Some(Self { table, queue, waiting, asked, still, help })
    }

    /// How well an agent fits; `None`: not at all.
    fn fit(&self, place: &Place) -> Option<Fit> {
        if !place.online || !has_room(place, self.waiting.weight) {
            return None;
        }
        let has = |skill: &str| place.skills.iter().any(|known| known == skill);
        let own = belongs(self.table, self.queue, place);
        let is_first = own && self.waiting.first == Some(place.agent);
        let takes = own && self.asked.iter().take(self.still).all(|skill| has(skill));
        let helps_out = |(other, still): (&Queue, usize)| {
            belongs(self.table, other, place) && other.skills.iter().take(still).all(|skill| has(skill))
        };
        if !is_first && !takes && !self.help.is_some_and(helps_out) {
            return None;
        }
        Some(Fit {
            not_first: !is_first,
            let_go: self.waiting.last == Some(place.agent),
            helps_out: !is_first && !takes,
            lacking: self.asked.iter().filter(|skill| !has(skill)).count(),
        })
    }

    /// The skills and groups that the decision looks at: no others need stand in its entry.
    fn relevant(&self) -> Vec<&'a str> {
        let other = self.queue.overflow.as_ref().and_then(|(_, to)| self.table.queue(to));
        let reserved = self.table.groups.iter().filter(|(_, reserved)| **reserved).map(|(group, _)| group.as_str());
        let groups = [Some(self.queue), other].into_iter().flatten().filter_map(|queue| queue.group.as_deref());
        let skills = other.into_iter().flat_map(|queue| queue.skills.iter().map(String::as_str));
        self.asked.iter().copied().chain(reserved).chain(groups).chain(skills).collect()
    }
}

/// Whether an agent serves a queue at all: is in its group, if it has one, and in no group that is reserved for others.
fn belongs(table: &Table, queue: &Queue, place: &Place) -> bool {
    let has = |group: &String| place.skills.contains(group);
    let reserved = table.groups.iter().filter(|(group, reserved)| **reserved && has(group)).map(|(group, _)| group);
    let mut reserved = reserved.peekable();
    let is_member = queue.group.as_ref().is_none_or(has);
    is_member && (reserved.peek().is_none() || reserved.any(|group| queue.group.as_ref() == Some(group)))
}

/// How many skills are no longer asked for.
fn steps(relax_s: Option<u32>, waited_ms: i64) -> usize {
    relax_s.map_or(0, |each| usize::try_from(waited_ms / 1_000 / i64::from(each.max(1))).unwrap_or(0))
}
