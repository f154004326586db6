//! The one story: a message comes in, is masked, recorded, routed and answered; nothing else happens to it.
//!
//! ```text
//! channel in -> MASK -> RECORD -> route -> reply -> MASK -> RECORD -> channel out
//! ```
//!
//! [`Tenant::receive`] and [`Tenant::reply`] tell it; `desk` is what agents do besides, `staff` how they come in, `policies`
//! which rules mask, `tails` and `memory` what is remembered between two messages, `feed` who hears of it at once, and
//! `lifecycle` what time does to conversations. It speaks to ports only.

mod accounts;
mod amendments;
mod attempts;
mod behind;
mod colleagues;
mod comparing;
mod consent;
mod custody;
mod desk;
mod desk_live;
mod drafts;
mod erasure;
mod evidence;
mod factor;
mod federation;
mod feed;
mod files;
mod findings;
mod handover;
mod health;
mod history;
mod import;
mod in_force;
mod keys;
mod keys_of;
mod leaving;
mod ledger;
mod lifecycle;
mod live;
mod matching;
mod memory;
mod notes;
mod on_record;
mod policies;
mod presence;
mod proposals;
mod reconcile;
mod refusal;
mod replies;
mod reports;
mod seals;
mod sessions;
mod shredded;
mod skills;
mod staff;
mod tables;
mod tails;
mod texts;
mod tlog;
mod transcript;
mod unmasking;

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use lww_audit::Opened;
use lww_audit::entry::Tag;
use tokio::sync::{Notify, Semaphore};

pub use accounts::{AccountUpdate, AccountView, Manager, NewStaff};
pub use amendments::{Amendment, AmendmentInFull, Assessment};
pub use colleagues::{Colleague, DeskPlace};
pub use consent::{Consent, Consents};
pub use custody::LedgerCustody;
pub use desk::Transcript;
pub use desk_live::{DeskEvent, DeskStream};
pub use drafts::PolicyDraft;
pub use evidence::{Evidence, EvidenceState};
pub use factor::{Confirmed, Enrolment};
pub use federation::{FederatedLogout, Identity};
pub use feed::{Notice, Subscription, Viewer};
pub use files::SentFile;
pub use handover::Target;
pub use health::{Health, PolicyName};
pub use history::{Counts, MaskingReport, NewPreview, Preview, PreviewState, RunView, Sample};
pub use import::{Imported, account_lines};
pub use in_force::{FileDrift, InForce, Tried, TriedSpan};
pub use keys::{KeyChange, RotationRecord};
pub use leaving::{HeldCount, HeldCounts, Leaving, LeavingFind, Word};
pub use ledger::{LedgerCursor, LedgerEntry, LedgerFilter, LedgerPage};
pub use lifecycle::Rest;
pub use live::{CustomerStream, Since};
pub use matching::{QueuePlace, QueueState};
pub use notes::Note;
pub use on_record::Altered;
pub use policies::{Activation, Drift};
pub use refusal::Refusal;
pub use replies::{CannedReply, NewReply};
pub use reports::{NewReport, Report, ReportInFull, TestCase};
pub use sessions::SessionView;
pub use shredded::{CERTIFICATE_FORMAT, Certificate, Proven, ShreddedEpoch};
pub use staff::{NewSession, Staff, StaffRules};
pub use tables::TableActivation;
pub use tlog::TlogFile;
pub use transcript::{TextSpan, TranscriptMessage};
pub use unmasking::{OpenedValue, Unmasking};

pub use crate::ports::CustomerMessage;

use crate::domain::access::Action;
use crate::domain::file::FileInfo;
use crate::domain::masking::{Policy, View};
use crate::domain::message::{Direction, Masked, Message, Outbound, Raw, RawText, Recorded, Salt};
use crate::domain::record::{Outcome, Receipt};
use crate::domain::routing::Table;
use crate::limits::{DECISIONS_MAX, FILES_AT_ONCE_MAX};
use crate::ports::{
    Amendments, Attached, Clock, CustodyCell, Entries, ErasedPersons, Erasures, FilePorts, History, Incoming, KeyScope,
    LogKeys, Packages, Passwords, People, Proofs, Queues, Random, RecordError, Recorder, Reports, SignedHead, Signer,
    Store, TenantName, Unmaskings, Vault, random_bytes,
};
use crate::telemetry::{Occurrence, emit};
use crate::units::{AccountId, ConversationId, EntryIndex, Hash, MessageId};
use feed::Feed;
use files::with;
use leaving::Said;
use memory::{Known, Memory};
use proposals::Taken;
use tails::Tails;
use tails::said_in;

/// What a tenant's pipeline speaks to.
pub struct Ports {
    /// Writes the log.
    pub recorder: Arc<dyn Recorder>,
    /// Reads what is committed.
    pub store: Arc<dyn Store>,
    /// Reads about staff, keeps sessions and counted attempts.
    pub people: Arc<dyn People>,
    /// Reads who waits where.
    pub queues: Arc<dyn Queues>,
    /// Reads the log's entries.
    pub entries: Arc<dyn Entries>,
    /// Holds the keys.
    pub vault: Arc<dyn Vault>,
    /// Hashes passwords.
    pub passwords: Arc<dyn Passwords>,
    /// Proves entries from published tiles.
    pub proofs: Arc<dyn Proofs>,
    /// Makes and keeps evidence packages.
    pub packages: Arc<dyn Packages>,
    /// Reads about proposed changes of the masking policy.
    pub amendments: Arc<dyn Amendments>,
    /// Reads about reports of the desk.
    pub reports: Arc<dyn Reports>,
    /// Reads about values behind masks.
    pub unmaskings: Arc<dyn Unmaskings>,
    /// Reads what was said before, what runs over it, and drafts of policies.
    pub history: Arc<dyn History>,
    /// Reads about erasure, and brings rows under another epoch.
    pub erasures: Arc<dyn Erasures>,
    /// What erasing needs besides.
    pub erasure: ErasurePorts,
    /// The log's own keys.
    pub keys: Arc<dyn LogKeys>,
    /// What is read out of files.
    pub files: FilePorts,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// What erasing needs outside the database.
pub struct ErasurePorts {
    /// Who was erased, where no database that is put back can hide it.
    pub journal: Arc<dyn ErasedPersons>,
    /// Signs certificates with the log's key.
    pub notary: Arc<dyn Signer>,
    /// How long backups are kept, in seconds: so long an epoch's key outlives the rows that hung on it.
    pub backups_kept_s: i64,
    /// Whether people may end an epoch at once, and with it every backup that hangs on it.
    pub at_once: bool,
}

/// One tenant's pipeline.
pub struct Tenant {
    /// Its number and name.
    pub name: TenantName,
    /// How its log is kept outside of the database.
    pub custody: Arc<CustodyCell>,
    ports: Ports,
    policy: RwLock<Option<Arc<Policy>>>,
    /// Whether this server has looked which policy is in force since it writes the log.
    has_looked: AtomicBool,
    policy_file: in_force::ConfiguredFile,
    table_file: in_force::ConfiguredFile,
    table: RwLock<Option<Arc<Table>>>,
    pace: matching::Pace,
    tails: Tails,
    memory: Memory,
    feed: Feed,
    desks: presence::Desks,
    rules: StaffRules,
    failures: attempts::Failures,
    administrators: tokio::sync::Mutex<()>,
    key_turn: tokio::sync::Mutex<()>,
    seals: seals::Seals,
    findings: findings::Findings,
    waiting: Notify,
    file_places: Semaphore,
    shelf: evidence::Shelf,
    previews: history::Previews,
    remasking: history::Remasking,
    shadow: history::Shadow,
    /// Something begins to run over what was said before.
    history_begins: Notify,
    /// Whether everybody who was erased is noted outside the database.
    is_noted: AtomicBool,
    /// The newest epoch that was heard of.
    epoch: AtomicI32,
}

/// What the sender of a message is told once it is recorded.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The message's public id.
    pub message: MessageId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// Leaf hash of its entry.
    pub leaf: Hash,
    /// The text as the sender may see it.
    pub text: String,
    /// The receipt as a `.tlog-proof`; `None` while nothing published covers a message that was recorded before.
    pub receipt: Option<String>,
    /// Whether it had been recorded before.
    pub duplicate: bool,
    /// What became of the file that it was read from.
    pub file: Option<FileInfo>,
}

impl Tenant {
    /// A pipeline without an active policy yet.
    pub fn new(name: TenantName, ports: Ports, rules: StaffRules) -> Self {
        Self {
            name,
            custody: Arc::default(),
            ports,
            policy: RwLock::default(),
            has_looked: AtomicBool::new(false),
            policy_file: in_force::ConfiguredFile::default(),
            table_file: in_force::ConfiguredFile::default(),
            table: RwLock::default(),
            pace: matching::Pace::default(),
            tails: Tails::default(),
            memory: Memory::default(),
            feed: Feed::default(),
            desks: presence::Desks::default(),
            rules,
            failures: attempts::Failures::default(),
            administrators: tokio::sync::Mutex::default(),
            key_turn: tokio::sync::Mutex::default(),
            seals: seals::Seals::default(),
            findings: findings::Findings::default(),
            waiting: Notify::new(),
            file_places: Semaphore::new(FILES_AT_ONCE_MAX),
            shelf: evidence::Shelf::default(),
            previews: history::Previews::default(),
            remasking: history::Remasking::default(),
            shadow: history::Shadow::default(),
            history_begins: Notify::new(),
            is_noted: AtomicBool::new(true),
            epoch: AtomicI32::new(0),
        }
    }

    /// Takes a customer's message in: masked, recorded together with its conversation, and put in the queue.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was stored then, except after [`Refusal::Unknown`], when the same key tells.
    pub async fn receive(&self, incoming: Incoming) -> Result<Accepted, Refusal> {
        let Incoming { channel, contact, key, key_scope, fingerprint, about, message, file } = incoming;
        let expected = "an identity of the channel or a proven one";
        let sender = self.ports.vault.sender(&channel, &contact);
        let sender = sender.ok_or(Refusal::Invalid { field: "contact", expected })?;
        let mut turn = self.memory.turn(sender).await;
        // Only now: whoever came before may have come under another epoch.
        let lookups = self.lookups(&channel, &contact);
        let scope = match key_scope {
            KeyScope::Account => format!("in/{channel}"),
            KeyScope::Person => format!("in/{channel}/{}", Hash(sender)),
        };
        let dedup = self.ports.vault.dedup(&scope, key.as_bytes(), &fingerprint);
        let mut contact = self.contact(turn.as_ref(), &lookups, (&channel, &contact)).await?;
        let heard = message.language();
        let purpose = self.purpose(&contact, (&channel, &about), heard).await?;
        let (masked, mut tail) = self.mask(message, &contact, (&channel, purpose.as_deref())).await?;
        let file = file.map(|file| self.sealed_file(&file, &masked, &contact)).transpose()?;
        let table = self.active_table()?;
        // Where the purpose decided how to mask, it goes where that was decided for.
        let language = if purpose.is_some() { heard } else { masked.language() };
        for _ in 0..DECISIONS_MAX {
            let route = || {
                let routed = self.routed(&table, &channel, &about, language);
                (routed, table.weight(channel.channel))
            };
            let taken = Taken::decide(&contact, &channel, || self.new_conversation(), route);
            if purpose.is_some() && taken.queue().is_some_and(|queue| purpose.as_deref() != Some(queue)) {
                return Err(Refusal::Conflict);
            }
            let recorded =
                self.record(tail.complete(with(taken.proposal(&contact, &masked, dedup), file.as_ref()))).await;
            tail.learn(&recorded);
            match recorded {
                Ok(outcome) => {
                    if let Outcome::Recorded(..) = &outcome {
                        let (subject, sealer) = (contact.subject, Arc::clone(&contact.sealer));
                        *turn = Some(Known { subject, sealer, conversation: taken.conversation.key });
                        emit(&Occurrence::Received { tenant: &self.name.name, channel: &channel });
                        if contact.fresh.is_some() {
                            self.feed.came(sender);
                        }
                    }
                    let about = (taken.conversation.public, file.map(|file| file.info));
                    return self.told(outcome, masked, about, None, View::Customer).await;
                }
                Err(RecordError::Conflict { .. }) => {
                    self.decide_again(&mut contact, &lookups).await?;
                    if self.purpose(&contact, (&channel, &about), heard).await? != purpose {
                        return Err(Refusal::Conflict);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// Sends an agent's answer: masked, recorded, and from then on what the customer's channel fetches. What the policy holds
    /// is sent by its writer's `word` only.
    ///
    /// # Errors
    /// [`Refusal`], as for [`Tenant::receive`]; `Forbidden` when the agent doesn't hold the conversation, `Leaving` when the
    /// policy holds the text.
    pub async fn reply(
        &self,
        staff: &Staff,
        id: ConversationId,
        text: RawText,
        key: &str,
        word: Option<Word>,
    ) -> Result<Accepted, Refusal> {
        staff.may(Action::Converse)?;
        let said = self.said(staff, (id, &text), key, word)?;
        let own = MessageId::from_random(random_bytes(&*self.ports.random));
        let message = Message::<Raw, Outbound>::new(own, self.ports.clock.now(), text);
        self.send(staff, id, (message, None), said).await
    }

    /// Records what an agent says, with the file that it was read from.
    async fn send(
        &self,
        staff: &Staff,
        id: ConversationId,
        (message, file): (Message<Raw, Outbound>, Option<Attached>),
        said: Said,
    ) -> Result<Accepted, Refusal> {
        let mut held = self.held(staff, id).await?;
        let contact = self.known_contact(held.subject).await?;
        let (masked, mut tail) = self.mask_releasing(message, &contact, said_in(&held), said.releasing(staff)).await?;
        let file = file.map(|file| self.sealed_file(&file, &masked, &contact)).transpose()?;
        // A file with anything masked in it leaves as its masked text alone.
        if file.is_none() {
            self.leave(staff, &held, (&masked, &tail), &said).await?;
        }
        for _ in 0..DECISIONS_MAX {
            let reply = with(proposals::reply(staff.actor(), &held, &masked, said.dedup), file.as_ref());
            let recorded = self.record(tail.complete(said.complete(staff, &held, reply))).await;
            tail.learn(&recorded);
            match recorded {
                Ok(outcome) => {
                    if let Outcome::Recorded(..) = &outcome {
                        emit(&Occurrence::Sent { tenant: &self.name.name });
                        said.emit(&self.name.name);
                    }
                    let about = (held.conversation.public, file.map(|file| file.info));
                    return self.told(outcome, masked, about, Some(staff.account), View::Agent).await;
                }
                Err(RecordError::Conflict { .. }) => held = self.held(staff, held.conversation.public).await?,
                Err(error) => return Err(said.refusal(error)),
            }
        }
        Err(Refusal::Conflict)
    }

    /// What the sender is told. Recording is over: from here on only answers.
    async fn told<D: Direction>(
        &self,
        outcome: Outcome,
        masked: Message<Masked, D>,
        (conversation, file): (ConversationId, Option<FileInfo>),
        author: Option<AccountId>,
        view: View,
    ) -> Result<Accepted, Refusal> {
        match outcome {
            Outcome::Recorded(receipts, committed) => {
                let receipt = proposals::message_receipt(&receipts).ok_or(Refusal::Unknown)?;
                let recorded = masked.recorded(receipt.index, author, committed);
                Ok(Accepted { file, ..accepted(&recorded, conversation, receipt, view) })
            }
            Outcome::Duplicate { index } => self.recorded_before(index, view).await,
        }
    }

    /// The active policy.
    pub fn policy(&self) -> Option<Arc<Policy>> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was true while this server wrote the log: before it writes again, another may have taken messages in
    /// and activated a policy.
    pub fn stand_down(&self) {
        self.has_looked.store(false, Ordering::Release);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.tails.forget();
        self.memory.forget();
        self.seals.forget();
        self.feed.end();
        self.shelf.stand_down();
        self.previews.stand_down();
        self.remasking.stand_down();
        self.shadow.stand_down();
    }

    /// The newest signed head of the log.
    pub fn head(&self) -> Option<SignedHead> {
        self.ports.recorder.head()
    }
}

pub(crate) fn accepted<D: Direction>(
    recorded: &Message<Recorded, D>,
    conversation: ConversationId,
    receipt: &Receipt,
    view: View,
) -> Accepted {
    Accepted {
        message: recorded.id(),
        conversation,
        index: receipt.index,
        leaf: receipt.leaf,
        text: recorded.render(view),
        receipt: Some(receipt.to_proof_text(&opened(recorded))),
        duplicate: false,
        file: None,
    }
}

/// What a receipt opens: the masked record with its salt, and the salt of what was sealed, whose text only the sender has.
pub(crate) fn opened<D: Direction>(recorded: &Message<Recorded, D>) -> Vec<Opened> {
    let of = |of, salt: &Salt, text| Opened { of, salt: *salt.as_bytes(), text };
    let masked = of(Tag::Masked, recorded.masked_salt(), Some(recorded.render(View::Record)));
    let sealed = recorded.sealed_salt().map(|salt| of(Tag::Sealed, salt, None));
    std::iter::once(masked).chain(sealed).collect()
}
