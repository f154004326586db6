//! The queues at work: conversations are sent to one by the active table, given to agents, taken back, and told about
//! closed hours. Each is an entry with what it was decided on.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use super::feed::Reopens;
use super::proposals::{about, requeued, told, unchanged};
use super::tails::said_in;
use super::{Notice, Refusal, Staff, Tenant};
use crate::domain::access::{Action, allows};
use crate::domain::event::{Event, Role};
use crate::domain::message::{Message, Outbound, Raw, RawText};
use crate::domain::record::{
    Actor, AgentChange, ConversationChange, ConversationState, Draft, Effect, Proposal, Route, RouteChange,
};
use crate::domain::routing::{
    Assigned, Case, Choice, Given, Held, Look, Place, Queue, Rank, Routed, Table, Waiting, due, estimate_ms, position,
    rank,
};
use crate::limits::{
    ASSIGNMENTS_AT_ONCE_MAX, HELD_CONSIDERED_MAX, NOTICES_AT_ONCE_MAX, PACE_ASSIGNMENTS_MAX, QUEUE_CONSIDERED_MAX,
    QUEUE_TOLD_MAX,
};
use crate::ports::{About, AgentRow, ConversationFilter, ConversationRow, HeldRow, RecordError, random_bytes};
use crate::units::{ChannelAccount, ConversationKey, MessageId, SERVER_ACTOR, Timestamp};

/// Assignments longer ago than this tell nothing of the present pace, in microseconds.
const PACE_US: i64 = 3_600 * 1_000_000;
/// How long somebody is taken as told when a queue never opens again, in microseconds.
const TOLD_US: i64 = 24 * 3_600 * 1_000_000;

/// When the newest assignments out of each queue were.
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<String, VecDeque<Timestamp>>>);

impl Pace {
    fn note(&self, queue: &str, at: Timestamp) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = map.entry(queue.to_owned()).or_default();
        times.push_front(at);
        times.truncate(PACE_ASSIGNMENTS_MAX);
    }

    /// How long ago they were, in milliseconds.
    fn ago_ms(&self, queue: &str, now: Timestamp) -> Vec<i64> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = map.get(queue).into_iter().flatten();
        let ago = times.map(|at| now.as_micros() - at.as_micros()).filter(|ago| *ago <= PACE_US);
        ago.map(|ago| ago.max(0) / 1_000).collect()
    }
}

/// Where a waiting conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// 1 is next in its queue.
    pub position: u64,
    /// About how long it will still wait, in milliseconds, if that can be told.
    pub wait_ms: Option<i64>,
}

/// A queue as supervisors see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its name.
    pub queue: String,
    /// Whether it is served at present.
    pub open: bool,
    /// When it opens next, if it is closed.
    pub opens: Option<Timestamp>,
    /// How many wait.
    pub waiting: u64,
    /// How long the first of them has waited, in milliseconds.
    pub longest_ms: i64,
}

impl Tenant {
    /// Sends a conversation that begins, or begins again, to a queue.
    pub(super) fn routed(
        &self,
        table: &Table,
        channel: &ChannelAccount,
        about: &About,
        language: Option<&str>,
    ) -> Routed {
        let About { tier, language: said, tags, intent, mood } = about.clone();
        let case = Case {
            channel: channel.channel.to_owned(),
            tier,
            language: said,
            tags,
            intent,
            mood,
            at: self.ports.clock.now(),
        };
        let (mut case, unknown) = table.known(case);
        if case.language.is_none() {
            // What is only guessed is no word of the channel's: unknown, it is not counted.
            let guessed = Case { language: language.map(str::to_owned), ..case };
            (case, _) = table.known(guessed);
        }
        Routed { table: table.digest(), decision: table.decide(&case), case, unknown }
    }

    /// Gives the conversations that are next in order to agents, each agent at most one: who gets a second depends on how long
    /// they have had the first, which the next look sees. `false`: nobody waits whom anybody present could take.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read or recorded at present.
    pub async fn match_waiting(&self) -> Result<bool, Refusal> {
        let Some(table) = self.table() else { return Ok(false) };
        if !self.ports.store.agents().await?.iter().any(|agent| agent.online) {
            return Ok(false);
        }
        let rows = self.ports.queues.waiting().await?;
        if rows.is_empty() {
            return Ok(false);
        }
        // After those who wait: nobody is given a conversation that came when they had left already.
        let agents = self.ports.store.agents().await?;
        let now = self.ports.clock.now();
        let seen: Vec<Waiting> = rows.iter().map(|row| waiting(row, now)).collect();
        let places = agents.iter().map(|agent| place(agent, now)).collect();
        let look = Look::new(&table, &seen, places, table.calendar().moment(now));
        let mut served = HashSet::new();
        let once = look.take_while(|given| served.insert(given.choice.agent)).take(ASSIGNMENTS_AT_ONCE_MAX as usize);
        let assigned = once.filter_map(|Given { position, choice, passed_over }| {
            let agent = agents.iter().find(|agent| agent.id == choice.agent)?;
            let waiting = seen.get(position)?.clone();
            let assigned = Assigned { table: table.digest(), at: now, waiting, choice, passed_over };
            Some(self.assign(rows.get(position)?, agent, assigned))
        });
        // Different conversations and different agents: none waits for another, and one commit takes them all.
        let recorded = join_all(assigned).await;
        let given = !recorded.is_empty();
        recorded.into_iter().collect::<Result<(), Refusal>>().map(|()| given)
    }

    async fn assign(&self, row: &ConversationRow, agent: &AgentRow, assigned: Assigned) -> Result<(), Refusal> {
        let at = assigned.at;
        match self.record(assignment(row, agent, assigned)).await {
            Ok(_) => self.pace.note(&row.route.queue, at),
            // It changed hands, or its agent's places did, meanwhile: the next look decides anew.
            Err(RecordError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Takes back what agents who are gone, or don't answer, hold. Returns how many conversations that were.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read or recorded at present.
    pub async fn requeue_due(&self) -> Result<usize, Refusal> {
        let Some(table) = self.table() else { return Ok(0) };
        let held = self.ports.queues.held(HELD_CONSIDERED_MAX).await?;
        let mut agents = if held.is_empty() { Vec::new() } else { self.ports.store.agents().await? };
        let mut count = 0;
        for held in held {
            let Some(holder) = held.conversation.agent else { continue };
            let mut agent = agents.iter_mut().find(|agent| agent.id == holder);
            let Some(queue) = table.queue(&held.conversation.route.queue) else { continue };
            let now = self.ports.clock.now();
            let seen = seen(&held, agent.as_deref(), self.missed_since(holder, now), now);
            let Some((reason, after_s)) = due(queue, seen) else { continue };
            let whose = (holder, agent.as_deref());
            match self.record(requeued(&held.conversation, whose, (reason, after_s, seen))).await {
                Ok(_) => {
                    count += 1;
                    if let Some(agent) = &mut agent {
                        agent.version = agent.version.next();
                        agent.load = (agent.load - held.conversation.route.weight).max(0);
                    }
                }
                // Somebody answered, came back or ended it meanwhile.
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    /// Tells customers who wait in a closed queue that nobody is there, once until it opens. Returns how many were told.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read or recorded at present.
    pub async fn tell_closed(&self) -> Result<usize, Refusal> {
        let Some(table) = self.table() else { return Ok(0) };
        let now = self.ports.clock.now();
        let moment = table.calendar().moment(now);
        let closed = table.queues().iter().filter(|queue| !table.calendar().is_open(&queue.hours, moment));
        let closed: Vec<&str> = closed.map(|queue| queue.name.as_str()).collect();
        if closed.is_empty() {
            return Ok(0);
        }
        let rows = self.ports.queues.untold(&closed, now, NOTICES_AT_ONCE_MAX).await?;
        let mut count = 0;
        for row in rows {
            let Some(queue) = table.queue(&row.route.queue) else { continue };
            count += usize::from(self.tell_one(&table, queue, row, now).await?);
        }
        Ok(count)
    }

    async fn tell_one(
        &self,
        table: &Table,
        queue: &Queue,
        row: ConversationRow,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let opens = table.calendar().opens(&queue.hours, now);
        let until = opens.unwrap_or(Timestamp::from_micros(now.as_micros() + TOLD_US));
        let text = queue.closed.replace("{opens}", &opens.map(|at| table.calendar().written(at)).unwrap_or_default());
        let contact = self.known_contact(row.subject).await?;
        let id = MessageId::from_random(random_bytes(&*self.ports.random));
        let message = Message::<Raw, Outbound>::new(id, now, RawText::new(text));
        let (masked, mut tail) = self.mask(message, &contact, said_in(&row)).await?;
        let scope = format!("closed/{}", row.conversation.public);
        let dedup = self.ports.vault.dedup(&scope, until.to_string().as_bytes(), b"");
        let recorded = self.record(tail.complete(told(&row, &masked, dedup, until))).await;
        tail.learn(&recorded);
        match recorded {
            Ok(_) => Ok(true),
            // They said something meanwhile: the next look tells them.
            Err(RecordError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells waiting customers their place in the queue, all staff how many wait, and who has stopped typing.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be read at present.
    pub async fn tell_queue(&self) -> Result<(), Refusal> {
        self.feed.typing_over(self.ports.clock.now());
        let state = Some(ConversationState::Waiting);
        let (agent, queue, after, limit) = (None, None, None, QUEUE_TOLD_MAX);
        let filter = ConversationFilter { state, agent, queue, newest_first: false, after, limit };
        let rows = self.ports.store.conversations(filter).await?;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        self.feed.tell_all_staff(&Notice::Waiting { count });
        let places = self.queue_places(&rows).await?;
        let now = self.ports.clock.now();
        for row in rows.into_iter().filter(|row| row.route.wish.is_none()) {
            let Some(QueuePlace { position, wait_ms }) = places.get(&row.conversation.key) else { continue };
            let position = u32::try_from(*position).unwrap_or(u32::MAX);
            let wait_s = wait_ms.and_then(|wait_ms| u64::try_from(wait_ms / 1_000).ok());
            let closed = self.closed(&row.route.queue, now);
            let notice = Notice::Queue { conversation: row.conversation, position, wait_s, closed };
            self.feed.tell_customer(row.subject, &notice);
        }
        Ok(())
    }

    /// When a queue that is closed opens again; `None` when it is served.
    fn closed(&self, queue: &str, now: Timestamp) -> Option<Reopens> {
        let table = self.table()?;
        let hours = &table.queue(queue)?.hours;
        let is_open = table.calendar().is_open(hours, table.calendar().moment(now));
        (!is_open).then(|| table.calendar().opens(hours, now))
    }

    /// Where those of some conversations that wait stand in their queues.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read at present.
    pub async fn queue_places(
        &self,
        rows: &[ConversationRow],
    ) -> Result<HashMap<ConversationKey, QueuePlace>, Refusal> {
        let now = self.ports.clock.now();
        let mut places = HashMap::new();
        let mut queues: HashMap<&str, Vec<Rank>> = HashMap::new();
        for row in rows.iter().filter(|row| row.state == ConversationState::Waiting) {
            let queue = row.route.queue.as_str();
            if !queues.contains_key(queue) {
                let others = self.ports.queues.waits(queue, QUEUE_CONSIDERED_MAX).await?;
                let ranks = others.iter().map(|other| rank(other.priority, other.sla_s, elapsed_ms(other.since, now)));
                let mut ranks: Vec<Rank> = ranks.collect();
                ranks.sort_unstable();
                queues.insert(queue, ranks);
            }
            let position = position(queues.get(queue).map_or(&[], Vec::as_slice), &waiting(row, now));
            let wait_ms = estimate_ms(position, &self.pace.ago_ms(queue, now));
            places.insert(row.conversation.key, QueuePlace { position, wait_ms });
        }
        Ok(places)
    }

    /// Every queue of the active table, and those of older ones in which somebody waits.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role doesn't lead agents.
    pub async fn queue_states(&self, staff: &Staff) -> Result<Vec<QueueState>, Refusal> {
        staff.may(Action::Supervise)?;
        let Some(table) = self.table() else { return Ok(Vec::new()) };
        let lengths = self.ports.queues.lengths().await?;
        let now = self.ports.clock.now();
        let known = table.queues().iter().map(|queue| queue.name.as_str());
        let old = lengths.iter().map(|row| row.queue.as_str());
        let old = old.filter(|name| !table.queues().iter().any(|queue| queue.name == *name));
        let state = |name: &str| {
            let closed = self.closed(name, now);
            let row = lengths.iter().find(|row| row.queue == name);
            QueueState {
                queue: name.to_owned(),
                open: closed.is_none(),
                opens: closed.flatten(),
                waiting: row.map_or(0, |row| row.waiting),
                longest_ms: row.map_or(0, |row| elapsed_ms(row.since, now)),
            }
        };
        Ok(known.chain(old).map(state).collect())
    }

    /// The queues that a conversation can be given to, in the table's order: of each, when it opens again if it is closed.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub fn transfer_targets(&self, staff: &Staff) -> Result<Vec<(String, Option<Reopens>)>, Refusal> {
        staff.may(Action::Converse)?;
        let Some(table) = self.table() else { return Ok(Vec::new()) };
        let now = self.ports.clock.now();
        let queues = table.queues().iter();
        Ok(queues.map(|queue| (queue.name.clone(), self.closed(&queue.name, now))).collect())
    }

    /// The active table; without one, which the log at start tells, nothing is taken in.
    pub(super) fn active_table(&self) -> Result<Arc<Table>, Refusal> {
        self.table().ok_or(Refusal::Unavailable)
    }
}

fn elapsed_ms(since: Timestamp, now: Timestamp) -> i64 {
    (now.as_micros() - since.as_micros()).max(0) / 1_000
}

fn place(agent: &AgentRow, now: Timestamp) -> Place {
    Place {
        agent: agent.id,
        load: i64::from(agent.load),
        capacity: agent.capacity,
        online: agent.online,
        idle_ms: elapsed_ms(agent.idle_since, now),
        skills: agent.skills.clone(),
    }
}

fn waiting(row: &ConversationRow, now: Timestamp) -> Waiting {
    let route = &row.route;
    Waiting {
        queue: route.queue.clone(),
        priority: route.priority,
        skills: route.skills.clone(),
        sla_s: route.sla_s,
        weight: i64::from(route.weight),
        waited_ms: elapsed_ms(route.waits_since, now),
        first: row.last_agent.filter(|_| route.sticky && !route.let_go),
        last: row.last_agent.filter(|_| route.let_go),
    }
}

fn seen(held: &HeldRow, agent: Option<&AgentRow>, missed: Option<Timestamp>, now: Timestamp) -> Held {
    let since = held.conversation.route.held_since;
    let gone = match (held.holder, agent) {
        // Whoever leads agents takes conversations without a place of their own: they are there while they are logged in, and
        // while their desk is connected if it ever was.
        (Some(holder), _) if allows(holder.role, Action::Supervise) => match missed.filter(|_| holder.attached) {
            Some(missed) => Some(since.map_or(missed, |since| since.max(missed))),
            None => since.filter(|_| !holder.here),
        },
        // Of whom it is not known since when they are gone, nobody has heard since they got it.
        (_, Some(agent)) => agent.offline_since.or(since).filter(|_| !agent.online),
        (_, None) => since,
    };
    // The clock of an answer begins when the agent has it; what was said before is older than their time with it.
    let unanswered = held.unanswered_since.map(|at| since.map_or(at, |since| at.max(since)));
    Held {
        gone_ms: gone.map(|at| elapsed_ms(at, now)),
        unanswered_ms: unanswered.map(|at| elapsed_ms(at, now)),
        no_desk: held.holder.is_none_or(|holder| !holder.enabled || !allows(holder.role, Action::Converse)),
    }
}

fn assignment(row: &ConversationRow, agent: &AgentRow, assigned: Assigned) -> Proposal {
    let now = assigned.at;
    let Choice { agent: chosen, .. } = assigned.choice;
    let change = ConversationChange { state: ConversationState::Assigned, agent: Some(chosen), ..unchanged(row) };
    let load = agent.load + row.route.weight;
    let taken = AgentChange { agent: agent.id, expected: agent.version, load, idle_since: now, skills: None };
    let route = Route { waiting: false, held_since: Some(now), ..(*row.route).clone() };
    let given = RouteChange { conversation: row.conversation.key, route };
    let server = Actor { id: SERVER_ACTOR, role: Role::Server };
    let draft = about(Draft::of(Event::ConversationAssigned(Box::new(assigned)), server), row);
    Proposal::single(draft, vec![Effect::Conversation(change), Effect::Agent(taken), Effect::Route(given)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn second(number: i64) -> Timestamp {
        Timestamp::from_micros(number * 1_000_000)
    }

    #[test]
    fn a_queue_s_pace_is_that_of_its_own_newest_assignments_within_an_hour() {
        let pace = Pace::default();
        assert_eq!(pace.ago_ms("cards", second(HOUR)), [0; 0]);
        for at in [10, 20, 40] {
            pace.note("cards", second(at));
        }
        pace.note("loans", second(30));
        assert_eq!(pace.ago_ms("cards", second(70)), [30_000, 50_000, 60_000]);
        assert_eq!(pace.ago_ms("loans", second(70)), [40_000]);
        assert_eq!(pace.ago_ms("cards", second(HOUR + 20)), [3_580_000, 3_600_000], "what is older tells nothing");
        assert_eq!(pace.ago_ms("cards", second(30)), [0, 10_000, 20_000], "a clock that was put back");
    }

    #[test]
    fn a_queue_s_pace_remembers_a_bounded_number_of_assignments() {
        let pace = Pace::default();
        let count = i64::try_from(PACE_ASSIGNMENTS_MAX).unwrap();
        for at in 0..count * 3 {
            pace.note("cards", second(at));
        }
        let ago = pace.ago_ms("cards", second(count * 3));
        assert_eq!(ago, (1..=count).map(|ago| ago * 1_000).collect::<Vec<_>>(), "the newest ones");
        assert_eq!(estimate_ms(5, &ago), Some(5_000), "one a second: the fifth waits five");
    }
}
