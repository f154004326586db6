//! The message and its states: `Raw` → `Masked` → `Recorded`, each reachable only from the one before.
//!
//! Raw text exists between a channel adapter and [`Message::mask`]. It has no `Debug`, `Display`, `Clone` or `Serialize`;
//! its two ways out, [`RawBody::bytes`] and [`RawText::expose`], are visible in this crate only and `tests/tidy.rs` lists
//! who may call them. A masked message has no public constructor, and a recorded one needs [`Committed`], which exists
//! only after a commit. This module knows neither channels nor the database.

mod again;
mod leaving;

use std::marker::PhantomData;

pub use again::MaskedAgain;

use lww_audit::entry::{Content, PolicyRef, SpanCount, Tag, commitment};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::masking::{self, Again, Class, Heard, Layout, MaskedText, Policy, ShownSpan, Tail, Tokens, View};
use super::routing::language_of;
use crate::units::{AccountId, EntryIndex, Hash, MessageId, Timestamp};

/// Length of a commitment's salt in bytes.
pub const SALT_BYTES: usize = 32;

/// The bytes of a request as they arrived; wiped on drop.
pub struct RawBody(Zeroizing<Vec<u8>>);

impl RawBody {
    /// Takes the bytes of a request.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for signature checks and parsing in an adapter.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Text that a person wrote, not masked yet; wiped on drop.
pub struct RawText(Zeroizing<String>);

impl RawText {
    /// Takes the text that an adapter parsed out of a request.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Length in bytes of UTF-8.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A second copy: of a one-time password that is shown after it was stored, of an identity that counts twice.
    pub(crate) fn twin(&self) -> Self {
        Self(self.0.clone())
    }

    /// The text itself, for the masker, the vault and credential checks.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Which way a message goes.
pub trait Direction: sealed::Sealed {
    /// The direction's number: 0 inbound, 1 outbound, as the database has them, and 2 internal.
    const CODE: i16;
}

/// From a customer to the bank.
pub struct Inbound;
/// From the bank to a customer.
pub struct Outbound;
/// From staff to staff, about a customer who never sees it.
pub struct Internal;

impl sealed::Sealed for Inbound {}
impl sealed::Sealed for Outbound {}
impl sealed::Sealed for Internal {}
impl Direction for Inbound {
    const CODE: i16 = 0;
}
impl Direction for Outbound {
    const CODE: i16 = 1;
}
impl Direction for Internal {
    const CODE: i16 = 2;
}

/// A message in one of its states.
pub struct Message<S, D> {
    id: MessageId,
    time: Timestamp,
    state: S,
    direction: PhantomData<D>,
}

/// As it arrived.
pub struct Raw {
    text: RawText,
    /// Of a file: the length of its name, which stands before its text, and how that is to be read.
    file: Option<(usize, Layout)>,
}

/// Masked by one policy, its original sealed.
pub struct Masked {
    text: MaskedText,
    original: Sealed,
    masked: Sealed,
    content: Content,
    policy: PolicyRef,
    salts: Salts,
    again: Vec<Again>,
}

/// Durable in the ledger.
pub struct Recorded {
    text: MaskedText,
    index: EntryIndex,
    author: Option<AccountId>,
    sealed_salt: Option<Salt>,
    masked_salt: Salt,
}

/// The random key of one commitment, 32 bytes; wiped on drop.
pub struct Salt(Zeroizing<[u8; SALT_BYTES]>);

impl Salt {
    /// Takes 32 random bytes.
    pub fn from_random(bytes: [u8; SALT_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes: they go into what is sealed, and into the receipt of whom they belong to.
    pub fn as_bytes(&self) -> &[u8; SALT_BYTES] {
        &self.0
    }
}

/// The two salts of one message.
pub struct Salts {
    /// Of the commitment to what was sealed.
    pub sealed: Salt,
    /// Of the commitment to the masked record.
    pub masked: Salt,
}

/// Which of a message's sealed parts; bound into the seal, so that one can't stand in for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The original text without its C3 spans.
    Original,
    /// The masked text with every view.
    Masked,
    /// A piece of the file that came with the message, by its number.
    File(u32),
}

/// Bytes sealed under a subject's data key.
#[derive(Clone)]
pub struct Sealed(pub Vec<u8>);

/// Sealing failed: the key is gone or the cipher refused.
#[derive(Debug, thiserror::Error)]
#[error("the {part:?} part of a message could not be sealed or opened")]
pub struct SealError {
    /// The part concerned.
    pub part: Part,
}

/// Seals under one subject's data key. Implementations bind part, message id and key generation as associated data.
pub trait Sealer {
    /// Seals `plaintext`; the result names the key generation that opens it.
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    fn seal(&self, part: Part, message: MessageId, plaintext: &[u8]) -> Result<Sealed, SealError>;

    /// Opens what [`Sealer::seal`] made for the same part and message.
    ///
    /// # Errors
    /// [`SealError`] when the bytes, the part, the message or the key differ.
    fn open(&self, part: Part, message: MessageId, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError>;
}

/// Masking a message failed before anything of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// A part could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is sealed of an earlier message is no message.
    #[error("the {part:?} part of an earlier message can't be read")]
    Unreadable {
        /// The part concerned.
        part: Part,
    },
}

impl<D: Direction> Message<Raw, D> {
    /// Takes a text that arrived at `time`; the id is random and new.
    pub fn new(id: MessageId, time: Timestamp, text: RawText) -> Self {
        Self { id, time, state: Raw { text, file: None }, direction: PhantomData }
    }

    /// Takes what was read out of a file that arrived at `time`: the line of its name, and behind it its text.
    pub fn of_file(id: MessageId, time: Timestamp, name: &RawText, (text, layout): (&RawText, Layout)) -> Self {
        let (name, text) = (name.expose(), text.expose());
        let line = if text.is_empty() { "" } else { "\n" };
        let state = Raw { text: RawText::new([name, line, text].concat()), file: Some((name.len(), layout)) };
        Self { id, time, state, direction: PhantomData }
    }

    /// The language that its script tells; see [`language_of`].
    pub fn language(&self) -> Option<&'static str> {
        language_of(self.state.text.expose())
    }

    /// Masks, seals and commits to the text; the raw message is consumed.
    ///
    /// C3 spans are taken out before sealing, so that they are stored nowhere.
    ///
    /// # Errors
    /// [`MaskError`] when a part can't be sealed; the message is lost to the caller then, and nothing of it was stored.
    pub fn mask(
        self,
        policy: &Policy,
        tail: &mut Tail,
        salts: Salts,
        sealer: &dyn Sealer,
        tokens: &dyn Tokens,
    ) -> Result<Message<Masked, D>, MaskError> {
        self.mask_releasing(None, policy, tail, salts, (sealer, tokens))
    }

    /// The same; with a role, what the policy holds and lets that role release leaves as it was written.
    ///
    /// # Errors
    /// As [`Message::mask`].
    pub fn mask_releasing(
        self,
        release: Option<&str>,
        policy: &Policy,
        tail: &mut Tail,
        salts: Salts,
        (sealer, tokens): (&dyn Sealer, &dyn Tokens),
    ) -> Result<Message<Masked, D>, MaskError> {
        let raw = self.state.text.expose();
        let now_us = self.time.as_micros();
        let Heard { spans, again } = match self.state.file {
            None => masking::hear(policy, raw, tail, self.id, now_us),
            Some((name, layout)) => masking::hear_file(policy, (raw, name, layout), tail, self.id, now_us),
        };
        let text = match release {
            None => masking::apply(policy, raw, &spans, tokens),
            Some(role) => masking::apply_releasing(policy, raw, &spans, tokens, role),
        };
        let keep = Zeroizing::new(masking::without_c3(raw, &spans));
        let (original, masked, content) = sealed_parts(self.id, (&text, &keep), &salts, sealer)?;
        let policy = policy_ref(policy);
        Ok(Message {
            id: self.id,
            time: self.time,
            state: Masked { text, original, masked, content, policy, salts, again },
            direction: PhantomData,
        })
    }
}

/// Seals both parts of a message, and commits to them.
pub(super) fn sealed_parts(
    id: MessageId,
    (text, keep): (&MaskedText, &str),
    salts: &Salts,
    sealer: &dyn Sealer,
) -> Result<(Sealed, Sealed, Content), SealError> {
    let original = sealer.seal(Part::Original, id, &with_salt(&salts.sealed, keep.as_bytes()))?;
    let masked = sealer.seal(Part::Masked, id, &with_salt(&salts.masked, &text.to_bytes()))?;
    let content = Content {
        commit_sealed: commitment(salts.sealed.as_bytes(), Tag::Sealed, keep.as_bytes()),
        commit_masked: commitment(salts.masked.as_bytes(), Tag::Masked, text.render(View::Record).as_bytes()),
        spans: span_counts(text),
    };
    Ok((original, masked, content))
}

pub(super) fn policy_ref(policy: &Policy) -> PolicyRef {
    PolicyRef { id: policy.id().to_owned(), version: policy.version(), digest: Hash(policy.digest()) }
}

fn span_counts(text: &MaskedText) -> Vec<SpanCount> {
    text.span_counts()
        .into_iter()
        .map(|(entity, class, count)| SpanCount {
            entity: entity.to_string(),
            class: class.to_string(),
            count: count as u64,
        })
        .collect()
}

fn with_salt(salt: &Salt, plaintext: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(SALT_BYTES + plaintext.len()));
    out.extend_from_slice(salt.as_bytes());
    out.extend_from_slice(plaintext);
    out
}

/// What a sealed part holds, taken apart again.
pub struct OpenedPart {
    /// The commitment's salt.
    pub salt: Salt,
    /// The plaintext behind it.
    pub plaintext: Zeroizing<Vec<u8>>,
}

impl OpenedPart {
    /// Splits an opened part into salt and plaintext.
    ///
    /// # Errors
    /// [`SealError`] when it is shorter than a salt.
    pub fn split(part: Part, opened: &[u8]) -> Result<Self, SealError> {
        let (salt, plaintext) = opened.split_first_chunk::<SALT_BYTES>().ok_or(SealError { part })?;
        Ok(Self { salt: Salt::from_random(*salt), plaintext: Zeroizing::new(plaintext.to_vec()) })
    }
}

impl<S, D: Direction> Message<S, D> {
    /// The message's public id.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// When it arrived or was written.
    pub fn time(&self) -> Timestamp {
        self.time
    }
}

impl<D: Direction> Message<Masked, D> {
    /// Commitments and span counts for the ledger entry.
    pub fn content(&self) -> &Content {
        &self.state.content
    }

    /// The language that its script tells; see [`language_of`].
    pub fn language(&self) -> Option<&'static str> {
        language_of(&self.state.text.render(View::Agent))
    }

    /// What it tells of earlier messages, which must be masked again.
    pub fn again(&self) -> &[Again] {
        &self.state.again
    }

    /// Whether it begins with a text of which nothing was masked.
    pub fn begins_with(&self, text: &str) -> bool {
        self.state.text.begins_with(text)
    }

    /// Whether a value was taken out of it that is stored nowhere.
    pub fn holds_c3(&self) -> bool {
        self.state.content.spans.iter().any(|span| span.class == Class::C3.to_string())
    }

    /// The policy that masked it.
    pub fn policy(&self) -> &PolicyRef {
        &self.state.policy
    }

    /// The sealed original without C3 spans.
    pub fn sealed_original(&self) -> &Sealed {
        &self.state.original
    }

    /// The sealed masked text.
    pub fn sealed_masked(&self) -> &Sealed {
        &self.state.masked
    }

    /// Becomes a recorded message at `index`; `Committed` shows that the commit happened.
    pub fn recorded(self, index: EntryIndex, author: Option<AccountId>, _: Committed) -> Message<Recorded, D> {
        let Masked { text, salts, .. } = self.state;
        Message {
            id: self.id,
            time: self.time,
            state: Recorded { text, index, author, sealed_salt: Some(salts.sealed), masked_salt: salts.masked },
            direction: PhantomData,
        }
    }
}

impl<D: Direction> Message<Recorded, D> {
    /// A message as it was read from the database, where only committed ones are seen.
    pub fn read_back(
        id: MessageId,
        time: Timestamp,
        index: EntryIndex,
        author: Option<AccountId>,
        (text, masked_salt): (MaskedText, Salt),
        _: Committed,
    ) -> Self {
        let state = Recorded { text, index, author, sealed_salt: None, masked_salt };
        Self { id, time, state, direction: PhantomData }
    }

    /// What `view` may show of it.
    pub fn render(&self, view: View) -> String {
        self.state.text.render(view)
    }

    /// Where masked values stand in what `view` shows.
    pub fn shown_spans(&self, view: View) -> Vec<ShownSpan> {
        self.state.text.shown_spans(view)
    }

    /// Index of its entry in the tenant's log; the cursor that every reader resumes by.
    pub fn index(&self) -> EntryIndex {
        self.state.index
    }

    /// The staff account that wrote it, if one did.
    pub fn author(&self) -> Option<AccountId> {
        self.state.author
    }

    /// The salt of the commitment to the masked record.
    pub fn masked_salt(&self) -> &Salt {
        &self.state.masked_salt
    }

    /// The salt of the commitment to what was sealed; only the commit that made it has it at hand.
    pub fn sealed_salt(&self) -> Option<&Salt> {
        self.state.sealed_salt.as_ref()
    }
}

/// Shows that a commit happened. Two functions make it, `after_commit` and `read_back`; `tests/tidy.rs` counts them.
#[derive(Clone, Copy)]
pub struct Committed(());

impl Committed {
    /// Vouches for a commit that the caller has seen succeed.
    pub(crate) const fn witnessed() -> Self {
        Self(())
    }
}
