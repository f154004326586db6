//! Compares the database with the published tiles, row by row, and names the first that differs.
//!
//! Tiles are what auditors hold; the database is what an administrator could edit. Besides the entries, every row with a text
//! is held against the entry that speaks of it: id, place, time, and the commitments to what is sealed in it; and accounts,
//! conversations and what is in force against the state that the entries leave.

pub(super) mod amendments;
pub(super) mod desk;
pub(super) mod erasures;
mod files;
pub(super) mod lost;
mod remasked;
pub(super) mod reports;
pub(super) mod rows;
pub(super) mod state;
pub(super) mod unmaskings;

use std::collections::{HashMap, HashSet};

use lww_audit::entry::{Detail, Tag, commitment};
use lww_audit::merkle::{Frontier, leaf_hash};
use lww_audit::tile::{Part as TilePart, TilePath};
use lww_audit::{Entry, SignedCheckpoint, TileDir, VerifierKey};
pub use rows::{Rebuilt, RowDifference, begin_snapshot};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::database::DatabaseError;
use super::head::{self, Head, LogName, OpenError};
use crate::domain::masking::{MaskedText, View};
use crate::domain::message::{OpenedPart, Part, Sealed};
use crate::ports::{SharedSealer, Vault, WrappedKey};
use crate::units::{EntryIndex, Hash, Id128, MessageId, SubjectId, TreeSize};
use state::State;

/// Entries compared at a time.
const PAGE_ENTRIES: i64 = 256;
const MESSAGE: &str = "message";
const MESSAGE_RECEIVED: &str = "message.received/1";
const MESSAGE_SENT: &str = "message.sent/1";

/// What differs between database and tiles.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// The published files themselves don't hold.
    #[error("the published files do not verify: {0}")]
    Tiles(#[from] lww_audit::Error),
    /// Nothing was published yet.
    #[error("nothing was published yet in {0}")]
    Nothing(String),
    /// The database can't be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The head row is not the tree over the entries.
    #[error("row log_head: {0}")]
    Head(String),
    /// Rows that are not published yet don't lead to the head.
    #[error("behind the published checkpoint: {0}")]
    Unpublished(OpenError),
    /// A row is gone.
    #[error("row ledger_entry {index} is missing")]
    Missing {
        /// The entry.
        index: EntryIndex,
    },
    /// A row is not what was published.
    #[error("row ledger_entry {index} was changed: leaf {got} instead of {expected}{moved}")]
    Changed {
        /// The entry.
        index: EntryIndex,
        /// Leaf hash published.
        expected: Hash,
        /// Leaf hash of the row.
        got: Hash,
        /// Where the row's bytes belong, when they are another entry's.
        moved: String,
    },
    /// A row that the log doesn't know.
    #[error("row {table} {index} is not in the log")]
    Extra {
        /// The table.
        table: &'static str,
        /// Index that the row names.
        index: i64,
    },
    /// A row is not what the entries leave.
    #[error(transparent)]
    Row(#[from] RowDifference),
    /// A message's or note's row does not hold what its entry committed to.
    #[error("row {table} of entry {index}: {what}")]
    Text {
        /// The table.
        table: &'static str,
        /// The entry.
        index: EntryIndex,
        /// What differs.
        what: &'static str,
    },
}

impl From<tokio_postgres::Error> for Difference {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<OpenError> for Difference {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Database(error) => Self::Database(error),
            OpenError::Fatal(fatal) => Self::Head(fatal.to_string()),
        }
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// Entries.
    pub entries: u64,
    /// Message rows.
    pub messages: u64,
    /// Texts that have no row, and whose loss the log declares.
    pub lost: u64,
}

/// What the entries that were gone through speak of.
#[derive(Default)]
struct Spoken {
    messages: HashSet<u64>,
    notes: HashSet<u64>,
    /// Entries of messages that came with files.
    files: HashSet<u64>,
    /// The newest entry that masked each message or note again, by the entry of that.
    remasked: HashMap<u64, u64>,
    /// The newest entry about each canned reply.
    replies: HashMap<String, (EntryIndex, Entry)>,
    /// What there is no row or no key of.
    gaps: Gaps,
    /// What all of them leave.
    state: State,
}

/// Texts that can't be held against their entries.
#[derive(Default)]
struct Gaps {
    /// Rows of people who have no data key: whose, which table, which entry.
    keyless: Vec<(Id128, &'static str, EntryIndex)>,
    /// Texts without a row: which table, which entry.
    missing: Vec<(&'static str, EntryIndex)>,
}

/// A log, its files and its keys.
pub struct Comparison<'a> {
    /// A connection bound to the tenant.
    pub client: &'a Client,
    /// Which log.
    pub log: &'a LogName,
    /// Its tiles.
    pub tiles: &'a TileDir,
    /// The log's public keys.
    pub keys: &'a [VerifierKey],
    /// Opens what is sealed.
    pub vault: &'a dyn Vault,
}

impl Comparison<'_> {
    /// Compares everything up to the published checkpoint, and the entries behind it with the head, each with the message
    /// that it speaks of; `progress` gets entries
    /// done and to do.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub async fn run(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Compared, Difference> {
        let signed = self.checkpoint()?;
        let size = signed.unverified().size;
        let head = self.check_head(&signed).await?;
        let mut compared = Compared::default();
        let mut frontier = Frontier::empty();
        let mut spoken = Spoken::default();
        while compared.entries < size.0 {
            let published = self.published(EntryIndex(compared.entries), size)?;
            let rows = self.rows(compared.entries).await?;
            let mut entries = Vec::with_capacity(published.len());
            for (index, bytes) in (compared.entries..).map(EntryIndex).zip(&published) {
                compare_entry(index, bytes, &rows, &published)?;
                let (leaf, entry) = (leaf_hash(bytes), Entry::parse(bytes)?);
                frontier.push(leaf);
                spoken.state.take(index, leaf, &entry);
                entries.push((index, entry));
            }
            self.check_texts(entries, &mut spoken).await?;
            compared.entries += published.len() as u64;
            progress(compared.entries, size.0);
        }
        // What was not published yet is held against the head at least.
        head::check_rows_from(self.client, self.log, frontier, &head).await.map_err(Difference::Unpublished)?;
        self.unpublished_texts(size, head.size(), &mut spoken).await?;
        compared.messages = spoken.messages.len() as u64;
        compared.lost = spoken.settle_missing()?;
        self.check_extra(size).await?;
        self.check_unspoken(head.size(), MESSAGE, &spoken.messages).await?;
        self.check_unspoken(head.size(), desk::NOTE, &spoken.notes).await?;
        self.check_unspoken(head.size(), files::FILE, &spoken.files).await?;
        self.check_remasked(head.size(), spoken.remasked).await?;
        self.check_replies(head.size(), spoken.replies, &spoken.state.lost).await?;
        Self::check_keyless(&spoken.state.erasures.erased, &spoken.gaps.keyless)?;
        self.differing_rows(&spoken.state).await?.first()?;
        Ok(compared)
    }

    /// Holds the rows that some entries, which follow each other, speak of against them.
    async fn check_texts(&self, entries: Vec<(EntryIndex, Entry)>, spoken: &mut Spoken) -> Result<(), Difference> {
        let checked = self.check_messages(&entries, &mut spoken.gaps).await?;
        spoken.messages.extend(checked);
        for (index, entry) in entries {
            if let Some(of) = remasked::of(&entry) {
                spoken.remasked.insert(of, index.0);
            }
            if self.check_note(index, &entry, &mut spoken.gaps).await? {
                spoken.notes.insert(index.0);
            }
            spoken.files.extend(self.check_file(index, &entry, &mut spoken.gaps).await?);
            if let Some(reply) = desk::reply_of(&entry) {
                spoken.replies.insert(reply, (index, entry));
            }
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<SignedCheckpoint, Difference> {
        let signed = self.tiles.checkpoint()?;
        let signed = signed.ok_or_else(|| Difference::Nothing(self.tiles.path().display().to_string()))?;
        signed.verify(self.keys)?;
        Ok(signed)
    }

    async fn check_head(&self, signed: &SignedCheckpoint) -> Result<Head, Difference> {
        let published = signed.unverified();
        let head = head::read(self.client, self.log.tenant).await?;
        let head = head.ok_or_else(|| Difference::Head("it is missing".to_owned()))?;
        if head.size() < published.size {
            let (got, expected) = (head.size(), published.size);
            return Err(Difference::Head(format!("size {got} is behind the published checkpoint's {expected}")));
        }
        if head.size() == published.size && head.frontier.root() != published.root {
            return Err(Difference::Head("its root is not the published checkpoint's".to_owned()));
        }
        Ok(head)
    }

    fn published(&self, from: EntryIndex, size: TreeSize) -> Result<Vec<Vec<u8>>, Difference> {
        let bundle = from.0 / lww_audit::tile::WIDTH;
        let path = TilePath::in_tree(TilePart::Entries, bundle, size);
        let path = path.ok_or(lww_audit::Error::Gap { first: from, last: from })?;
        Ok(self.tiles.bundle(path)?.entries().map(|entry| entry.bytes.to_vec()).collect())
    }

    async fn rows(&self, from: u64) -> Result<Vec<(i64, Vec<u8>)>, Difference> {
        let sql =
            "SELECT seq, body FROM ledger_entry WHERE tenant = $1 AND generation = $2 AND seq >= $3 AND seq < $3 + $4";
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = self.client.query(sql, &[&self.log.tenant.0, &generation, &from, &PAGE_ENTRIES]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Holds the messages of some entries that follow each other against them, and gives the entries' indexes.
    async fn check_messages(&self, entries: &[(EntryIndex, Entry)], gaps: &mut Gaps) -> Result<Vec<u64>, Difference> {
        let rows = self.message_rows(entries).await?;
        let mut checked = Vec::new();
        for (index, entry) in entries {
            let Some(message) = message_of(entry) else { continue };
            let differs = |what| Difference::Text { table: MESSAGE, index: *index, what };
            let conversation = entry.conversation.ok_or_else(|| differs("its entry names no conversation"))?;
            let place = (i64::try_from(index.0).unwrap_or(i64::MAX), Uuid::from_bytes(conversation.0));
            let Some(row) = rows.get(&place) else {
                gaps.missing.push((MESSAGE, *index));
                continue;
            };
            let keyless = self.check_message(*index, entry, message, row)?;
            gaps.keyless.extend(keyless.map(|whose| (whose, MESSAGE, *index)));
            checked.push(index.0);
        }
        Ok(checked)
    }

    /// The rows of the messages that some entries speak of, by entry and conversation: one question for all of them, which
    /// reads each conversation once.
    async fn message_rows(&self, entries: &[(EntryIndex, Entry)]) -> Result<HashMap<(i64, Uuid), Row>, Difference> {
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else { return Ok(HashMap::new()) };
        let speaking = entries.iter().filter(|(_, entry)| message_of(entry).is_some());
        let conversations = speaking.filter_map(|(_, entry)| Some(Uuid::from_bytes(entry.conversation?.0)));
        let conversations: Vec<Uuid> = conversations.collect::<HashSet<_>>().into_iter().collect();
        let sql = format!(
            "SELECT m.id, m.original, m.masked, c.public_id, c.subject, k.generation, k.epoch, k.wrapped, m.seq, m.direction, \
                   m.author, m.time, a.channel || ':' || a.account, m.entry_seq, {BY} FROM conversation c \
                   JOIN message m ON m.tenant = c.tenant AND m.conversation = c.id AND m.entry_seq BETWEEN $2 AND $3 \
                   JOIN channel_account a ON a.tenant = m.tenant AND a.id = m.channel \
                   LEFT JOIN LATERAL (SELECT generation, epoch, wrapped FROM data_key d WHERE d.tenant = c.tenant \
                       AND d.subject = c.subject ORDER BY d.generation DESC LIMIT 1) k ON true \
                   WHERE c.tenant = $1 AND c.public_id = ANY ($4)",
            BY = remasked::by("m", "$5")
        );
        let seq = |index: &EntryIndex| i64::try_from(index.0).unwrap_or(i64::MAX);
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        let own: [&(dyn ToSql + Sync); 5] = [&self.log.tenant.0, &seq(first), &seq(last), &conversations, &generation];
        let rows = self.client.query(&sql, &own).await?;
        Ok(rows.into_iter().map(|row| ((row.get(13), row.get(3)), row)).collect())
    }

    /// Holds a message's row against its entry; whose it is when they have no data key.
    fn check_message(
        &self,
        index: EntryIndex,
        entry: &Entry,
        message: &str,
        row: &Row,
    ) -> Result<Option<Id128>, Difference> {
        let differs = |what| Difference::Text { table: MESSAGE, index, what };
        let id = MessageId::from_uuid(row.get(0));
        if id.to_string() != message {
            return Err(differs("its id is another one's"));
        }
        let outbound = entry.kind.as_str() == MESSAGE_SENT;
        if place_of(entry) != Some(i64::from(row.get::<_, i32>(8))) {
            return Err(differs("its place in the conversation is another"));
        }
        if (row.get::<_, i16>(9) == 1) != outbound {
            return Err(differs("its direction is the other"));
        }
        if row.get::<_, Option<Uuid>>(10) != outbound.then(|| Uuid::from_bytes(entry.actor.id.0)) {
            return Err(differs("its author is another"));
        }
        if row.get::<_, i64>(11) != entry.time.as_micros() {
            return Err(differs("its time is not its entry's"));
        }
        if Some(row.get(12)) != entry.channel.as_deref() {
            return Err(differs("its channel is not its entry's"));
        }
        if let Some(whose) = keyless(row, 4) {
            return Ok(Some(whose));
        }
        let sealer = self.sealer(row, 4).map_err(|_| differs("its data key does not open"))?;
        let newest = remasked::newest(index, id, row.get(14), row.get(15)).map_err(differs)?;
        check_content(newest.as_ref().unwrap_or(entry), &sealer, id, (row.get(1), row.get(2))).map_err(differs)?;
        Ok(None)
    }

    /// Opens what is sealed for the person whose columns begin at `first`.
    fn sealer(&self, row: &Row, first: usize) -> Result<SharedSealer, crate::ports::VaultError> {
        let (generation, epoch) = (row.get(first + 1), row.get(first + 2));
        let key = WrappedKey { generation, epoch, wrapped: row.get(first + 3) };
        self.vault.sealer(SubjectId::from_uuid(row.get(first)), &key)
    }

    /// Holds the texts of entries that are not published yet, and were found to lead to the head, against them.
    async fn unpublished_texts(
        &self,
        published: TreeSize,
        head: TreeSize,
        spoken: &mut Spoken,
    ) -> Result<(), Difference> {
        let mut next = published.0;
        while next < head.0 {
            let page = head::entries(self.client, self.log, EntryIndex(next), PAGE_ENTRIES).await?;
            if page.is_empty() {
                return Err(Difference::Missing { index: EntryIndex(next) });
            }
            let numbered = (next..head.0).map(EntryIndex).zip(&page);
            let entries = numbered.map(|(index, bytes)| {
                let entry = Entry::parse(bytes)?;
                spoken.state.take(index, leaf_hash(bytes), &entry);
                Ok((index, entry))
            });
            let entries = entries.collect::<Result<_, lww_audit::Error>>()?;
            self.check_texts(entries, spoken).await?;
            next += page.len() as u64;
        }
        Ok(())
    }

    async fn check_extra(&self, size: TreeSize) -> Result<(), Difference> {
        let tenant = self.log.tenant.0;
        let head = head::read(self.client, self.log.tenant).await?;
        let end = i64::try_from(head.map_or(size.0, |head| head.size().0)).unwrap_or(i64::MAX);
        let sql = "SELECT seq FROM ledger_entry WHERE tenant = $1 AND (generation <> $3 OR seq >= $2 OR seq < 0) \
                   ORDER BY seq LIMIT 1";
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        if let Some(row) = self.client.query_opt(sql, &[&tenant, &end, &generation]).await? {
            return Err(Difference::Extra { table: "ledger_entry", index: row.get(0) });
        }
        Ok(())
    }

    /// Finds rows of a table that no entry speaks of, or two that the same one does.
    async fn check_unspoken(
        &self,
        size: TreeSize,
        table: &'static str,
        spoken: &HashSet<u64>,
    ) -> Result<(), Difference> {
        let end = i64::try_from(size.0).unwrap_or(i64::MAX);
        let sql = format!("SELECT entry_seq FROM {table} WHERE tenant = $1 AND entry_seq < $2");
        let mut seen = HashSet::new();
        for row in self.client.query(&sql, &[&self.log.tenant.0, &end]).await? {
            let index: i64 = row.get(0);
            let known = u64::try_from(index).is_ok_and(|index| spoken.contains(&index) && seen.insert(index));
            if !known {
                return Err(Difference::Extra { table, index });
            }
        }
        Ok(())
    }
}

/// Whose row it is, when the columns of their data key behind `first` are empty.
fn keyless(row: &Row, first: usize) -> Option<Id128> {
    let is_empty = row.get::<_, Option<i32>>(first + 1).is_none();
    is_empty.then(|| Id128(row.get::<_, Uuid>(first).into_bytes()))
}

/// Holds what is sealed of a text against the commitments of its entry; the error says what differs.
fn check_content(
    entry: &Entry,
    sealer: &SharedSealer,
    id: MessageId,
    (original, masked): (Vec<u8>, Vec<u8>),
) -> Result<(), &'static str> {
    let content = entry.content.as_ref().ok_or("its entry commits to nothing")?;
    let original = open(sealer, Part::Original, id, original).ok_or("its original does not open")?;
    if commitment(original.salt.as_bytes(), Tag::Sealed, &original.plaintext) != content.commit_sealed {
        return Err("its original is not what was committed to");
    }
    let masked = open(sealer, Part::Masked, id, masked).ok_or("its masked text does not open")?;
    let text = MaskedText::from_bytes(&masked.plaintext).map_err(|_| "its masked text can't be read")?;
    let record = text.render(View::Record);
    if commitment(masked.salt.as_bytes(), Tag::Masked, record.as_bytes()) != content.commit_masked {
        return Err("its masked text is not what was committed to");
    }
    Ok(())
}

fn compare_entry(
    index: EntryIndex,
    published: &[u8],
    rows: &[(i64, Vec<u8>)],
    page: &[Vec<u8>],
) -> Result<(), Difference> {
    let row = rows.iter().find(|(seq, _)| u64::try_from(*seq) == Ok(index.0));
    let (_, body) = row.ok_or(Difference::Missing { index })?;
    if body == published {
        return Ok(());
    }
    let first = index.0 - index.0 % lww_audit::tile::WIDTH;
    let place = page.iter().position(|other| other == body);
    let moved = place.map_or_else(String::new, |at| format!(" (these are the bytes of entry {})", first + at as u64));
    Err(Difference::Changed { index, expected: leaf_hash(published), got: leaf_hash(body), moved })
}

fn open(sealer: &SharedSealer, part: Part, id: MessageId, sealed: Vec<u8>) -> Option<OpenedPart> {
    let opened = sealer.open(part, id, &Sealed(sealed)).ok()?;
    OpenedPart::split(part, &opened).ok()
}

/// The message that an entry took in or released.
fn message_of(entry: &Entry) -> Option<&str> {
    if !matches!(entry.kind.as_str(), MESSAGE_RECEIVED | MESSAGE_SENT) {
        return None;
    }
    match field(entry, "message") {
        Some(Detail::String(id)) => Some(id),
        Some(_) | None => None,
    }
}

/// A message's place in its conversation.
fn place_of(entry: &Entry) -> Option<i64> {
    match field(entry, "seq") {
        Some(Detail::Int(seq)) => Some(*seq),
        Some(_) | None => None,
    }
}

fn field<'a>(entry: &'a Entry, name: &str) -> Option<&'a Detail> {
    match &entry.detail {
        Detail::Object(fields) => fields.get(name),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => None,
    }
}
