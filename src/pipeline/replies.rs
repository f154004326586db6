//! Canned replies: texts that supervisors keep for everybody at the desk. Each version is masked, sealed and recorded like any
//! text of staff; what is sent of one is masked again.
//!
//! Title, shortcut and text are one sealed text of which the first two are lines: so one commitment speaks for all three.

use super::desk::view;
use super::proposals::with_content;
use super::transcript::open;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::Event;
use crate::domain::masking::{Tail, View};
use crate::domain::message::{Internal, Masked, Message, RawText, Recorded, Salt, Salts};
use crate::domain::record::{Draft, Effect, Proposal, ReplyChange, SealedText};
use crate::limits::{REPLIES_MAX, REPLY_TEXT_BYTES_MAX, REPLY_TITLE_BYTES_MAX, ROUTING_WORD_BYTES_MAX};
use crate::ports::{ReplyRow, SharedSealer, random_bytes};
use crate::units::{MessageId, Version};

/// What a text may leave open; the console fills it in.
const VARIABLES: [&str; 4] = ["agent", "queue", "time", "bank"];
const VARIABLES_EXPECTED: &str = "no variables but {agent}, {queue}, {time} and {bank}";
const WORD_EXPECTED: &str = "a word of 1 to 32 of a-z, 0-9, _ and -";
const TITLE_EXPECTED: &str = "1 to 128 bytes without control characters, of which nothing is masked";

/// A canned reply as its reader may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannedReply {
    /// Its public id.
    pub id: MessageId,
    /// What it is found by.
    pub title: String,
    /// What it says; `{agent}`, `{queue}`, `{time}` and `{bank}` are to be filled in.
    pub text: String,
    /// What one types to get it.
    pub shortcut: Option<String>,
    /// Its version.
    pub version: Version,
}

/// A canned reply to be written.
pub struct NewReply {
    /// What it is found by.
    pub title: RawText,
    /// What it says.
    pub text: RawText,
    /// What one types to get it.
    pub shortcut: Option<String>,
}

impl Tenant {
    /// Every canned reply, by title.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn replies(&self, staff: &Staff) -> Result<Vec<CannedReply>, Refusal> {
        staff.may(Action::Converse)?;
        let sealer = self.ports.vault.house_sealer();
        let rows = self.ports.store.replies(replies_max()).await?;
        let mut replies = rows.iter().map(|row| shown(&sealer, row, view(staff))).collect::<Result<Vec<_>, _>>()?;
        replies.sort_by(|one, other| one.title.cmp(&other.title).then(one.id.cmp(&other.id)));
        Ok(replies)
    }

    /// Writes a canned reply: a new one, or the next version of the one that `of` names with the version that it was read at.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when it is at another version, [`Refusal::NotFound`] when there is none,
    /// [`Refusal::Invalid`] when a value is out of bounds.
    pub async fn save_reply(
        &self,
        staff: &Staff,
        of: Option<(MessageId, Version)>,
        new: NewReply,
    ) -> Result<CannedReply, Refusal> {
        staff.may(Action::Supervise)?;
        let rows = self.ports.store.replies(replies_max()).await?;
        let present = of.map(|(id, version)| (rows.iter().find(|row| row.id == id), version));
        let expected = match present {
            None if rows.len() >= REPLIES_MAX => {
                return Err(Refusal::Invalid { field: "replies", expected: "at most 500: take one away" });
            }
            None => None,
            Some((None, _)) => return Err(Refusal::NotFound { what: "reply" }),
            Some((Some(row), version)) if row.version != version => return Err(Refusal::Conflict),
            Some((Some(_), version)) => Some(version),
        };
        let id = of.map_or_else(|| MessageId::from_random(random_bytes(&*self.ports.random)), |(id, _)| id);
        let masked = self.mask_reply(id, &new)?;
        let version = expected.map_or(Version::FIRST, Version::next);
        let text = SealedText { original: masked.sealed_original().clone(), masked: masked.sealed_masked().clone() };
        let change = ReplyChange { id, expected, author: staff.account, text: Some(text) };
        let draft = with_content(Draft::of(Event::ReplySaved { reply: id, version }, staff.actor()), &masked);
        self.record(Proposal::single(draft, vec![Effect::Reply(change)])).await?;
        let saved = self.replies(staff).await?.into_iter().find(|reply| reply.id == id);
        saved.ok_or(Refusal::Conflict)
    }

    /// Takes a canned reply away; its text is kept nowhere then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none, [`Refusal::Conflict`] when it was written anew meanwhile.
    pub async fn remove_reply(&self, staff: &Staff, id: MessageId) -> Result<(), Refusal> {
        staff.may(Action::Supervise)?;
        let rows = self.ports.store.replies(replies_max()).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or(Refusal::NotFound { what: "reply" })?;
        let change = ReplyChange { id, expected: Some(row.version), author: staff.account, text: None };
        let event = Event::ReplyRemoved { reply: id, version: row.version.next() };
        let draft = Draft::of(event, staff.actor());
        self.record(Proposal::single(draft, vec![Effect::Reply(change)])).await?;
        Ok(())
    }

    /// Masks a reply under the active policy; it belongs to no conversation, so nothing was said before it.
    fn mask_reply(&self, id: MessageId, new: &NewReply) -> Result<Message<Masked, Internal>, Refusal> {
        let bad = |field, expected| Refusal::Invalid { field, expected };
        let (title, shortcut, text) = (new.title.expose(), new.shortcut.as_deref().unwrap_or(""), new.text.expose());
        let is_title = (1..=REPLY_TITLE_BYTES_MAX).contains(&title.len()) && !title.contains(char::is_control);
        if !is_title || title.trim().is_empty() {
            return Err(bad("title", TITLE_EXPECTED));
        }
        if new.shortcut.is_some() && !is_word(shortcut) {
            return Err(bad("shortcut", WORD_EXPECTED));
        }
        if !(1..=REPLY_TEXT_BYTES_MAX).contains(&text.len()) {
            return Err(bad("text", "1 to 4096 bytes"));
        }
        if !variables(text).all(|name| VARIABLES.contains(&name)) {
            return Err(bad("text", VARIABLES_EXPECTED));
        }
        let head = RawText::new(format!("{title}\n{shortcut}\n"));
        let whole = RawText::new(format!("{}{text}", head.expose()));
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let random = || Salt::from_random(random_bytes(&*self.ports.random));
        let salts = Salts { sealed: random(), masked: random() };
        let message = Message::new(id, self.ports.clock.now(), whole);
        let (sealer, tokens) = (self.ports.vault.house_sealer(), self.ports.vault.tokens());
        let masked = message.mask(&policy, &mut Tail::empty(), salts, &*sealer, tokens);
        let masked = masked.map_err(|_| Refusal::Unavailable)?;
        if masked.begins_with(head.expose()) { Ok(masked) } else { Err(bad("title", TITLE_EXPECTED)) }
    }
}

fn replies_max() -> u32 {
    u32::try_from(REPLIES_MAX).unwrap_or(u32::MAX)
}

fn is_word(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    (1..=ROUTING_WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_letter)
}

/// The words in braces of a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    inner.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

/// A reader's rendering of one canned reply.
fn shown(sealer: &SharedSealer, row: &ReplyRow, view: View) -> Result<CannedReply, Refusal> {
    let ReplyRow { id, version, index, time, author, .. } = *row;
    let opened = open(sealer, id, &row.masked)?;
    let read = Message::<Recorded, Internal>::read_back(id, time, index, Some(author), opened, row.committed);
    let whole = read.render(view);
    let mut lines = whole.splitn(3, '\n').map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let (title, shortcut, text) = (line(), line(), line());
    Ok(CannedReply { id, title, text, shortcut: Some(shortcut).filter(|word| !word.is_empty()), version })
}
