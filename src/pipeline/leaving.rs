//! What staff are about to send and the policy holds: nothing of it is sent or recorded as a message until whoever wrote it
//! decides, and what was decided is an entry.
//!
//! The server keeps nothing of a held text. What comes back with the decision is the text itself and a token that this server
//! made for it: which account, which conversation, which policy, which text and until when stand under a keyed hash. That a
//! token counts once is the guard against duplicates' business, as for everything else that counts once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lww_audit::Entry;
use lww_audit::entry::Detail;
use std::collections::{BTreeMap, BTreeSet};

use super::amendments::field;
use super::ledger::LedgerFilter;
use super::proposals::about;
use super::tails::Learning;
use super::transcript::{TextSpan, explained, keyed};
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{Event, HELD, LeavingEvent, SendAs};
use crate::domain::masking::{Policy, ShownSpan};
use crate::domain::message::{Masked, Message, Outbound, RawText};
use crate::domain::record::{Dedup, Draft, Outcome, Proposal, Step};
use crate::limits::{LEAVING_S_MAX, LEDGER_SCAN_ENTRIES_MAX};
use crate::ports::{ConversationRow, RecordError, random_bytes};
use crate::telemetry::{Occurrence, emit};
use crate::units::{AccountId, ConversationId, EntryIndex, Hash, LeavingId, MICROS_PER_SECOND, Timestamp};

/// Bytes of a token: the hold's id, its end, and the keyed hashes of the text and of all of it.
const TOKEN_BYTES: usize = 16 + 8 + 16 + 16;

/// A message that is held, as its writer is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// What a decision is given with.
    pub token: String,
    /// Until when it can be decided on.
    pub until: Timestamp,
    /// What would leave if it were sent masked.
    pub text: String,
    /// What it is held for, where it stands in `text`.
    pub finds: Vec<LeavingFind>,
    /// Whether its writer may send it as it is.
    pub may_release: bool,
}

/// A value for which a message is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingFind {
    /// Where it stands, what it is and by which rule.
    pub span: TextSpan,
    /// Whether the writer may send it as it is.
    pub may_release: bool,
}

/// What whoever wrote a held message decides.
#[derive(Clone, Debug)]
pub struct Word {
    /// The token that they were given.
    pub token: String,
    /// How it goes.
    pub sent: SendAs,
}

/// How often an agent's messages were held, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldCount {
    /// Held at all.
    pub held: u64,
    /// Sent masked.
    pub masked: u64,
    /// Sent as they were.
    pub released: u64,
    /// Taken back.
    pub withdrawn: u64,
    /// For which entities they were held.
    pub entities: BTreeMap<String, u64>,
}

/// What was held lately, by agent.
#[derive(Clone, Debug)]
pub struct HeldCounts {
    /// Everything from this entry on was counted.
    pub from: EntryIndex,
    /// By agent.
    pub agents: BTreeMap<AccountId, HeldCount>,
}

/// What somebody says, with what makes it count once.
pub(super) struct Said {
    pub(super) dedup: Dedup,
    body: [u8; 16],
    word: Option<(Word, Hold)>,
}

/// What a token tells, before it is believed.
#[derive(Clone, Copy)]
struct Hold {
    id: LeavingId,
    until: Timestamp,
    body: [u8; 16],
    mark: [u8; 16],
}

impl Said {
    /// What a file says, which nobody holds: it leaves whole or as its masked text.
    pub(super) fn by_file(dedup: Dedup) -> Self {
        Self { dedup, body: [0; 16], word: None }
    }

    /// The role that held values are let go for, if that is what was decided.
    pub(super) fn releasing(&self, staff: &Staff) -> Option<&'static str> {
        let sent = self.word.as_ref().map(|(word, _)| word.sent)?;
        matches!(sent, SendAs::AsItIs(_)).then(|| staff.role.word())
    }

    /// Counts what was sent as it was written.
    pub(super) fn emit(&self, tenant: &str) {
        if matches!(&self.word, Some((Word { sent: SendAs::AsItIs(_), .. }, _))) {
            emit(&Occurrence::Released { tenant });
        }
    }

    /// Why it was not recorded: who decides on a held message a second time, and otherwise, comes too late.
    pub(super) fn refusal(&self, error: RecordError) -> Refusal {
        let refusal = Refusal::from(error);
        if self.word.is_some() { of_held(refusal) } else { refusal }
    }

    /// Puts the entry that says how a held message goes before the message.
    pub(super) fn complete(&self, staff: &Staff, held: &ConversationRow, mut proposal: Proposal) -> Proposal {
        if let Some((word, hold)) = &self.word {
            let event = LeavingEvent::Released { held: hold.id, sent: word.sent };
            let draft = about(Draft::of(Event::Leaving(event), staff.actor()), held);
            proposal.steps.insert(0, Step { draft, effects: Vec::new() });
            proposal.primary += 1;
        }
        proposal
    }
}

impl Hold {
    fn token(&self) -> String {
        let Self { id, until, body, mark } = self;
        let bytes = [&id.0.0[..], &until.as_micros().to_be_bytes(), body, mark].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    fn read(token: &str) -> Option<Self> {
        let bytes: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (body, mark) = rest.split_first_chunk::<16>()?;
        let until = Timestamp::from_micros(i64::from_be_bytes(*until));
        Some(Self { id: LeavingId::from_random(*id), until, body: *body, mark: mark.try_into().ok()? })
    }
}

impl Tenant {
    /// Takes what somebody is about to say: of a held message with their word and what its token tells.
    ///
    /// # Errors
    /// [`Refusal::HeldOver`] when the token is none.
    pub(super) fn said(
        &self,
        staff: &Staff,
        (id, text): (ConversationId, &RawText),
        key: &str,
        word: Option<Word>,
    ) -> Result<Said, Refusal> {
        let said = keyed(id, text);
        let body = self.ports.vault.dedup("held", &[], &said).body;
        let Some(word) = word else {
            let dedup = self.ports.vault.dedup(&format!("reply/{}", staff.account), key.as_bytes(), &said);
            return Ok(Said { dedup, body, word: None });
        };
        let hold = Hold::read(&word.token).filter(|hold| hold.body == body).ok_or(Refusal::HeldOver)?;
        let reason = word.sent.reason().map_or("", |reason| reason.word());
        let dedup = self.once(staff, &hold, &format!("{}/{reason}", word.sent.word()));
        Ok(Said { dedup, body, word: Some((word, hold)) })
    }

    /// Lets a masked message leave, or holds it: then it is recorded that it was held, and nothing else.
    ///
    /// # Errors
    /// [`Refusal::Leaving`] when it is held, with the way out; [`Refusal::HeldOver`] when the token is another's, another text's,
    /// or its time or its policy is over; [`Refusal::NotReleasable`] when somebody without the right sends it as it is.
    pub(super) async fn leave(
        &self,
        staff: &Staff,
        held: &ConversationRow,
        (masked, learning): (&Message<Masked, Outbound>, &Learning),
        said: &Said,
    ) -> Result<(), Refusal> {
        let policy = learning.policy();
        let (text, shown) = masked.leaving(policy);
        let rule = |span: &ShownSpan| policy.rules().get(usize::from(span.rule));
        let may =
            |span: &ShownSpan| rule(span).is_some_and(|rule| rule.leaving.may_release(rule.class, staff.role.word()));
        let may_release = shown.iter().all(may);
        if let Some((word, hold)) = &said.word {
            self.believe(staff, held.conversation.public, policy, hold)?;
            let is_let = may_release || word.sent == SendAs::Masked;
            return if is_let { Ok(()) } else { Err(Refusal::NotReleasable) };
        }
        if shown.is_empty() {
            return Ok(());
        }
        let entities: BTreeSet<String> = shown.iter().filter_map(rule).map(|rule| rule.name.to_string()).collect();
        let entities: Vec<String> = entities.into_iter().collect();
        let finds = explained(shown, Some(Hash(policy.digest())), Some(policy)).into_iter();
        let finds = finds.map(|span| LeavingFind { may_release: may(&span.shown), span }).collect();
        let hold = self.keep_from_leaving(staff, held, (masked, policy), said, (entities, may_release)).await?;
        Err(Refusal::Leaving(Box::new(Leaving { token: hold.token(), until: hold.until, text, finds, may_release })))
    }

    /// Records that a message is held. The same message under the same key is held once, however often it is sent.
    async fn keep_from_leaving(
        &self,
        staff: &Staff,
        held: &ConversationRow,
        (masked, policy): (&Message<Masked, Outbound>, &Policy),
        said: &Said,
        (entities, may_release): (Vec<String>, bool),
    ) -> Result<Hold, Refusal> {
        let until = self.ports.clock.now().as_micros() + LEAVING_S_MAX * MICROS_PER_SECOND;
        let until = Timestamp::from_micros(until);
        let id = LeavingId::from_random(random_bytes(&*self.ports.random));
        let event = Event::Leaving(LeavingEvent::Held { held: id, entities, may_release, until });
        let draft = about(Draft::of(event, staff.actor()), held);
        let draft = Draft { policy: Some(masked.policy().clone()), ..draft };
        let proposal = Proposal { dedup: Some(said.dedup), ..Proposal::single(draft, Vec::new()) };
        let (id, until) = match self.record(proposal).await? {
            Outcome::Recorded(..) => {
                emit(&Occurrence::Held { tenant: &self.name.name });
                (id, until)
            }
            Outcome::Duplicate { index } => self.held_at(index).await?.ok_or(Refusal::HeldOver)?,
        };
        let mark = self.mark(staff, held.conversation.public, policy, (id, until, said.body));
        Ok(Hold { id, until, body: said.body, mark })
    }

    /// What an entry says was held; `None` when it says something else.
    pub(super) async fn held_at(&self, index: EntryIndex) -> Result<Option<(LeavingId, Timestamp)>, Refusal> {
        let missing = Refusal::NotFound { what: "entry" };
        let bytes = self.ports.store.entry(index).await?.ok_or(missing.clone())?;
        let entry = Entry::parse(&bytes).map_err(|_| missing)?;
        let text = |name| match field(&entry, name) {
            Some(Detail::String(text)) => Some(text),
            Some(_) | None => None,
        };
        let told = || Some((text("held")?.parse().ok()?, text("until")?.parse().ok()?));
        Ok(if entry.kind.as_str() == HELD { told() } else { None })
    }

    /// Takes back a message that is held.
    ///
    /// # Errors
    /// [`Refusal::HeldOver`] when there is nothing to take back; [`Refusal::Forbidden`] as for [`Tenant::reply`].
    pub async fn withdraw_held(&self, staff: &Staff, id: ConversationId, token: &str) -> Result<(), Refusal> {
        staff.may(Action::Converse)?;
        let row = self.held(staff, id).await?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let hold = Hold::read(token).ok_or(Refusal::HeldOver)?;
        self.believe(staff, id, &policy, &hold)?;
        let event = Event::Leaving(LeavingEvent::Withdrawn { held: hold.id });
        let draft = about(Draft::of(event, staff.actor()), &row);
        let dedup = Some(self.once(staff, &hold, "withdrawn"));
        let recorded = self.record(Proposal { dedup, ..Proposal::single(draft, Vec::new()) }).await;
        recorded.map(drop).map_err(|error| of_held(error.into()))
    }

    /// How often messages of each agent were held lately: among the newest entries of the log.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for whoever leads nobody; as for [`Tenant::ledger_page`].
    pub async fn held_counts(&self, staff: &Staff) -> Result<HeldCounts, Refusal> {
        staff.may(Action::Supervise)?;
        let filter = LedgerFilter { kind: Some("leaving".to_owned()), ..LedgerFilter::default() };
        let all = usize::try_from(LEDGER_SCAN_ENTRIES_MAX).unwrap_or(usize::MAX);
        let page = self.newest_first(self.readable()?, None, &filter, all).await?;
        let mut agents: BTreeMap<AccountId, HeldCount> = BTreeMap::new();
        for entry in page.entries {
            let Ok(entry) = Entry::parse(entry.text.as_bytes()) else { return Err(self.differs(entry.index)) };
            agents.entry(AccountId(entry.actor.id)).or_default().take(&entry);
        }
        Ok(HeldCounts { from: page.next.unwrap_or(EntryIndex(0)), agents })
    }

    /// What makes a decision on a held message count once.
    fn once(&self, staff: &Staff, hold: &Hold, word: &str) -> Dedup {
        self.ports.vault.dedup(&format!("held/{}", staff.account), &hold.id.0.0, word.as_bytes())
    }

    /// The keyed hash under which a token stands.
    fn mark(
        &self,
        staff: &Staff,
        conversation: ConversationId,
        policy: &Policy,
        (id, until, body): (LeavingId, Timestamp, [u8; 16]),
    ) -> [u8; 16] {
        let scope = format!("held/{}/{conversation}/{}", staff.account, Hash(policy.digest()));
        let until = until.as_micros().to_be_bytes();
        self.ports.vault.dedup(&scope, &[&id.0.0[..], &until].concat(), &body).body
    }

    /// Whether this server made a token for this account, conversation and policy, and its time is not over.
    fn believe(&self, staff: &Staff, id: ConversationId, policy: &Policy, hold: &Hold) -> Result<(), Refusal> {
        let mark = self.mark(staff, id, policy, (hold.id, hold.until, hold.body));
        // Every byte is looked at: how long it takes tells nothing.
        let differs = mark.iter().zip(hold.mark).fold(0, |differs, (one, other)| differs | (one ^ other));
        if differs != 0 || hold.is_over(self.ports.clock.now()) { Err(Refusal::HeldOver) } else { Ok(()) }
    }
}

fn of_held(refusal: Refusal) -> Refusal {
    if matches!(refusal, Refusal::KeyReused { .. }) { Refusal::HeldOver } else { refusal }
}

impl HeldCount {
    fn take(&mut self, entry: &Entry) {
        match (entry.kind.as_str(), field(entry, "sent"), field(entry, "entities")) {
            (HELD, _, Some(Detail::Array(entities))) => {
                self.held += 1;
                for entity in entities {
                    if let Detail::String(entity) = entity {
                        *self.entities.entry(entity.clone()).or_default() += 1;
                    }
                }
            }
            ("leaving.released/1", Some(Detail::String(sent)), _) if sent == SendAs::Masked.word() => self.masked += 1,
            ("leaving.released/1", _, _) => self.released += 1,
            ("leaving.withdrawn/1", _, _) => self.withdrawn += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_was_written_and_ends_at_its_time() {
        let until = Timestamp::from_micros(1_700_000_000_000_000);
        let hold = Hold { id: LeavingId::from_random([1; 16]), until, body: [2; 16], mark: [3; 16] };
        let read = Hold::read(&hold.token()).unwrap();
        assert_eq!((read.id, read.until, read.body, read.mark), (hold.id, until, [2; 16], [3; 16]));
        assert!(!read.is_over(Timestamp::from_micros(until.as_micros() - 1)));
        assert!(read.is_over(until) && read.is_over(Timestamp::from_micros(until.as_micros() + 1)));
        for none in ["", "AAAA", &hold.token()[1..], &format!("{}A", hold.token()), "no token at all"] {
            assert!(Hold::read(none).is_none(), "{none}");
        }
    }
}
