//! `lww ledger recover`: entries that a database lost are put back out of what was published.
//!
//! One transaction reads the log from its first entry, out of the database as far as that goes and then out of the local files
//! or the copy, and arrives at every root that is known: the guard's, the published checkpoint's, the copy's. Only then are rows
//! made anew of the entries, the loss of what only the database held is declared by an entry, and everything commits together.
//! So a plan is the same act without its last word, a crash leaves nothing half done, and nothing that is not under a
//! signature is ever put back. It knows no key: who may approve it is for its callers to find out.
//!
//! When entries are nowhere any more, and only then, the same transaction may open a new generation of the log instead.
//!
//! - `finish`: what is recorded of it, and the commit.
//! - `gap`: the new generation, and what it declares.
//! - `source`: entries out of files and copy.
//! - `walk`: the log, entry by entry, and what its missing part brings.
//! - `people`, `conversations`: rows made anew.

mod conversations;
mod error;
mod finish;
mod gap;
mod people;
mod plan;
mod source;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::RecoverError;
pub use gap::{Opening, PlannedGap};
use lww_audit::merkle::root_at;
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::tile::CHECKPOINT;
use lww_audit::{SignedCheckpoint, TileDir, VerifierKey};
pub use plan::{Approved, Plan, Planned};

use self::finish::insert;
use self::gap::Gap;
use self::source::{Place, Source, Taken};
use self::walk::Walk;
use super::FatalError;
use super::database::{Database, DatabaseError};
use super::guard::Guard;
use super::head::{self, Head, LogName};
use super::witnessed::{self, TakeOver};
use crate::domain::access::{Action, allows};
use crate::domain::event::{APPROVERS, LostCounts, RecoverReason};
use crate::ports::{Objects, Signer, Witnesses};
use crate::units::{AccountId, EntryIndex, Hash, Origin, Timestamp, TreeSize};

/// Entries of the database read at a time.
const PAGE_ENTRIES: i64 = 4096;
/// What is at hand before what must be asked for.
const NEAREST_FIRST: [Place; 3] = [Place::Tiles, Place::Mirror, Place::Tail];
/// The other way round, when the files here lead elsewhere than was signed.
const FARTHEST_FIRST: [Place; 3] = [Place::Mirror, Place::Tail, Place::Tiles];

/// A log to recover.
pub struct Recovery<'a> {
    /// The owner's way to the database.
    pub owner: &'a tokio_postgres::Config,
    /// Which log.
    pub log: &'a LogName,
    /// The log's public keys.
    pub keys: &'a [VerifierKey],
    /// Signs the question to witnesses, and for a generation that follows; `None` when the key is gone.
    pub signer: Option<&'a dyn Signer>,
    /// The generation to open when entries are nowhere any more.
    pub opening: Option<Opening<'a>>,
    /// What was published here.
    pub tiles: &'a TileDir,
    /// The copy.
    pub mirror: Option<&'a dyn Objects>,
    /// The rollback guard's file.
    pub guard: &'a Path,
    /// Who cosigns.
    pub witnesses: Option<&'a Witnesses>,
    /// Texts of policies and tables at hand.
    pub texts: &'a [String],
    /// Why.
    pub reason: RecoverReason,
    /// A hash that no password matches.
    pub no_password: &'a str,
    /// Whether it is known that no server runs: a lease that is left over counts for nothing then.
    pub is_alone: bool,
    /// The time.
    pub now: Timestamp,
}

/// Roots that are known, and where from.
struct Known {
    guard: Option<(TreeSize, Hash)>,
    published: Option<SignedCheckpoint>,
    mirror: Option<SignedCheckpoint>,
}

impl Known {
    fn roots(&self) -> Result<BTreeMap<TreeSize, Hash>, FatalError> {
        let mut roots = BTreeMap::new();
        let checkpoints = self.published.iter().chain(&self.mirror).map(SignedCheckpoint::unverified);
        let checkpoints = checkpoints.map(|signed| (signed.size, signed.root));
        for (size, root) in checkpoints.chain(self.guard) {
            match roots.insert(size, root) {
                Some(other) if other != root => {
                    return Err(FatalError::Forked { size, expected: other, got: root });
                }
                Some(_) | None => {}
            }
        }
        Ok(roots)
    }

    /// The newest signed checkpoint.
    fn last(&self) -> Option<&SignedCheckpoint> {
        self.published.iter().chain(&self.mirror).max_by_key(|signed| signed.unverified().size)
    }
}

/// How a pass goes.
#[derive(Clone, Copy)]
struct How<'a> {
    order: [Place; 3],
    approved: Option<&'a Approved>,
    /// Where it ends, when the rest is lost.
    gap: Option<&'a Gap<'a>>,
}

/// What a pass over the log came to.
struct Pass {
    plan: Plan,
    able: Vec<AccountId>,
}

type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

impl Recovery<'_> {
    /// Does everything and takes it back; `None` when nothing is missing. `progress` gets entries done and to do.
    ///
    /// # Errors
    /// [`RecoverError`], naming what is missing or wrong.
    pub async fn plan(&self, progress: Progress<'_>) -> Result<Option<Planned>, RecoverError> {
        let pass = self.run(None, progress).await?;
        Ok(pass.map(|Pass { plan, able }| Planned { plan, able }))
    }

    /// Carries out the plan that two people approved; `None` when it was carried out before.
    ///
    /// # Errors
    /// [`RecoverError`]; nothing changed then, but for [`RecoverError::Unknown`].
    pub async fn carry_out(&self, approved: &Approved, progress: Progress<'_>) -> Result<Option<Plan>, RecoverError> {
        Ok(self.run(Some(approved), progress).await?.map(|pass| pass.plan))
    }

    async fn run(&self, approved: Option<&Approved>, progress: Progress<'_>) -> Result<Option<Pass>, RecoverError> {
        let database = Database::connect(self.owner, Some(self.log.tenant)).await?;
        if gap::finish(self, &database).await? {
            return Ok(None);
        }
        let known = self.known().await?;
        let Some(opening) = &self.opening else {
            return self.whole(&database, &known, approved, progress).await.1;
        };
        // A new generation only when there is no other way: that is tried first, and taken back.
        let (order, tried) = self.whole(&database, &known, None, progress).await;
        let error = tried.map_or_else(|error| error, |_| RecoverError::NothingLost);
        let Some(first) = error.first_lost() else { return Err(error) };
        database.client.batch_execute("ROLLBACK").await?;
        let head = head::read(&database.client, self.log.tenant).await?.ok_or(RecoverError::Empty)?;
        let gap = Gap::find(self, opening, &known, (head.size(), TreeSize(first.0)), error.to_string())?;
        self.pass(&database, &known, How { order, approved, gap: Some(&gap) }, progress).await
    }

    /// Everything that was signed, from where it lies nearest, or else farthest; and in which order it was looked for.
    async fn whole(
        &self,
        database: &Database,
        known: &Known,
        approved: Option<&Approved>,
        progress: Progress<'_>,
    ) -> ([Place; 3], Result<Option<Pass>, RecoverError>) {
        let how = |order| How { order, approved, gap: None };
        match self.pass(database, known, how(NEAREST_FIRST), progress).await {
            // Files here that fit together and are not what was signed: perhaps others are.
            Err(RecoverError::Fatal(FatalError::Forked { .. }) | RecoverError::Entry { .. }) => {
                if let Err(error) = database.client.batch_execute("ROLLBACK").await {
                    return (FARTHEST_FIRST, Err(error.into()));
                }
                (FARTHEST_FIRST, self.pass(database, known, how(FARTHEST_FIRST), progress).await)
            }
            done => (NEAREST_FIRST, done),
        }
    }

    /// What is known of the log outside the database.
    async fn known(&self) -> Result<Known, RecoverError> {
        let origin = self.log.origin()?;
        let guard = if self.guard.exists() { Some(Guard::open(self.guard)?) } else { None };
        let guard = guard.and_then(|guard| guard.frontier().map(|seen| (seen.size(), seen.root())));
        let published = self.tiles.checkpoint()?.map(|signed| self.verified(&signed, &origin)).transpose()?;
        let mirror = match self.mirror {
            None => None,
            Some(objects) => {
                let bytes = objects.get(&format!("{origin}/{CHECKPOINT}"), NOTE_BYTES_MAX).await?;
                let signed = bytes.map(|bytes| SignedCheckpoint::parse(&bytes)).transpose()?;
                signed.map(|signed| self.verified(&signed, &origin)).transpose()?
            }
        };
        Ok(Known { guard, published, mirror })
    }

    fn verified(&self, signed: &SignedCheckpoint, origin: &Origin) -> Result<SignedCheckpoint, RecoverError> {
        let (checkpoint, _) = signed.verify(self.keys)?;
        if checkpoint.origin == *origin {
            Ok(signed.clone())
        } else {
            let reason = format!("it is of the log {}", checkpoint.origin);
            Err(FatalError::Published { path: self.tiles.path().display().to_string(), reason }.into())
        }
    }

    /// One pass over the log, in one transaction.
    async fn pass(
        &self,
        database: &Database,
        known: &Known,
        how: How<'_>,
        progress: Progress<'_>,
    ) -> Result<Option<Pass>, RecoverError> {
        let roots = how.gap.map_or_else(|| known.roots(), |gap| Ok(gap.roots.clone()))?;
        let head = self.begin(database).await?;
        let known_upto = roots.last_key_value().map(|(size, _)| *size);
        let Some(upto) = how.gap.map(|gap| gap.kept).or(known_upto) else { return Ok(None) };
        let from = head.size();
        let is_whole = upto <= from && how.gap.is_none();
        self.check_witnesses(how.gap.map_or(upto.max(from), |gap| gap.lost.0)).await?;
        if is_whole {
            return Ok(None);
        }
        let mut walk = Walk::new(self.log.origin()?, roots, from);
        self.walk_rows(database, &mut walk, &head, (upto, progress)).await?;
        self.check_beginning(known, &head)?;
        let mut source = self.source(known, how.order)?;
        self.walk_missing(database, &mut walk, &mut source, (upto, progress)).await?;
        if let Some(gap) = how.gap {
            self.check_begun(&walk, gap)?;
        }
        let (plan, able) = self.restore(database, known, &mut walk, (source.taken, how)).await?;
        match how.approved {
            None => database.client.batch_execute("ROLLBACK").await?,
            Some(approved) => self.finish(database, (&head, known), walk, (&plan, approved), how.gap).await?,
        }
        Ok(Some(Pass { plan, able }))
    }

    fn source(&self, known: &Known, order: [Place; 3]) -> Result<Source<'_>, RecoverError> {
        let tail = super::tail::read(self.guard)
            .map_err(|error| FatalError::Guard { path: self.guard.display().to_string(), reason: error.to_string() })?;
        let size = |signed: &Option<SignedCheckpoint>| signed.as_ref().map(|signed| signed.unverified().size);
        Ok(Source {
            tiles: (self.tiles, size(&known.published).unwrap_or(TreeSize(0))),
            mirror: self.mirror.zip(size(&known.mirror)),
            order,
            tail,
            taken: Taken::default(),
        })
    }

    /// Makes rows anew of what the log says, and says what that comes to, and who could approve it.
    async fn restore(
        &self,
        database: &Database,
        known: &Known,
        walk: &mut Walk,
        (taken, how): (Taken, How<'_>),
    ) -> Result<(Plan, Vec<AccountId>), RecoverError> {
        let lost = walk.settle();
        let able = able(walk);
        let mut passwords = 0;
        if how.gap.is_some() {
            let but = how.approved.map_or(&[][..], |approved| &approved.by);
            walk.disbelieve(&but.iter().map(|account| account.0).collect::<Vec<_>>());
            passwords = (walk.state.accounts.len() as u64).saturating_sub(APPROVERS as u64);
        }
        self.texts(database, walk).await?;
        people::restore(self, database, walk).await?;
        let lost = LostCounts { texts: lost.texts + people::take_away(self, database, walk).await?, ..lost };
        let size = |signed: &Option<SignedCheckpoint>| signed.as_ref().map(|signed| signed.unverified().size.0);
        let plan = Plan {
            log: self.log.origin()?.to_string(),
            database: walk.from.0,
            upto: walk.frontier.size().0,
            root: walk.frontier.root().to_string(),
            guard: known.guard.map(|(size, _)| size.0),
            published: size(&known.published),
            mirror: size(&known.mirror),
            taken,
            reason: self.reason.word(),
            lost,
            conversations: conversations::restore(self, database, walk).await?,
            gap: how.gap.map(|gap| gap.planned(self, known, passwords)).transpose()?,
        };
        Ok((plan, able))
    }

    /// Refuses to go on from before the generation that lost entries: its own declaration would be lost with them.
    fn check_begun(&self, walk: &Walk, gap: &Gap<'_>) -> Result<(), RecoverError> {
        let generation = self.log.generation;
        let has_begun = match &walk.declared {
            Some(declared) => declared.unverified().origin == self.log.origin()?,
            None => generation == head::FIRST_GENERATION,
        };
        if has_begun {
            return Ok(());
        }
        let begins = gap.kept.next_index();
        Err(RecoverError::BeforeItBegan { kept: gap.kept, generation, begins })
    }

    /// Begins the transaction and locks the head.
    async fn begin(&self, database: &Database) -> Result<Head, RecoverError> {
        let begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL synchronous_commit = on; \
                     SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on";
        database.client.batch_execute(begin).await?;
        let sql = "SELECT lease_expires < now() FROM log_head WHERE tenant = $1 FOR UPDATE";
        let row = database.client.query_opt(sql, &[&self.log.tenant.0]).await?.ok_or(RecoverError::Empty)?;
        if !row.get::<_, bool>(0) && !self.is_alone {
            return Err(RecoverError::Held);
        }
        let head = head::read(&database.client, self.log.tenant).await?.ok_or(RecoverError::Empty)?;
        gap::catch_up(self, database, &head).await?;
        Ok(head)
    }

    async fn check_witnesses(&self, head: TreeSize) -> Result<(), RecoverError> {
        let (Some(witnesses), Some(signer)) = (self.witnesses, self.signer) else { return Ok(()) };
        let (tenant, origin) = (&*self.log.tenant_name, self.log.origin()?);
        let what = TakeOver { tenant, origin, head, tiles: self.tiles.path(), signer };
        Ok(witnessed::check(witnesses, &what).await?)
    }

    /// Goes through the entries that the database has, which must lead to its head.
    async fn walk_rows(
        &self,
        database: &Database,
        walk: &mut Walk,
        head: &Head,
        (upto, progress): (TreeSize, Progress<'_>),
    ) -> Result<(), RecoverError> {
        while walk.frontier.size() < head.size() {
            let from = EntryIndex(walk.frontier.size().0);
            let page = head::entries(&database.client, self.log, from, PAGE_ENTRIES).await?;
            if page.is_empty() {
                return Err(FatalError::MissingEntry { index: from }.into());
            }
            let left = usize::try_from(head.size().0 - from.0).unwrap_or(usize::MAX);
            for body in page.iter().take(left) {
                walk.take(body)?;
            }
            progress(walk.frontier.size().0, upto.0);
        }
        let (size, expected, got) = (head.size(), head.frontier.root(), walk.frontier.root());
        if expected == got { Ok(()) } else { Err(FatalError::Forked { size, expected, got }.into()) }
    }

    /// Refuses a database that is no older copy of this log: somebody went on from it otherwise.
    fn check_beginning(&self, known: &Known, head: &Head) -> Result<(), RecoverError> {
        let size = head.size();
        let published = known.published.as_ref().map(SignedCheckpoint::unverified);
        let Some(published) = published.filter(|signed| signed.size >= size) else { return Ok(()) };
        // Damaged tiles say nothing: the whole log is held against its root afterwards.
        match root_at(&self.tiles.tree(published.size), size) {
            Ok(expected) if root_at(&self.tiles.tree(published.size), published.size).ok() == Some(published.root) => {
                let got = head.frontier.root();
                if expected == got { Ok(()) } else { Err(FatalError::Forked { size, expected, got }.into()) }
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Goes through the entries that the database lacks, and inserts them.
    async fn walk_missing(
        &self,
        database: &Database,
        walk: &mut Walk,
        source: &mut Source<'_>,
        (upto, progress): (TreeSize, Progress<'_>),
    ) -> Result<(), RecoverError> {
        let origin = self.log.origin()?.to_string();
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        while walk.frontier.size() < upto {
            let first = EntryIndex(walk.frontier.size().0);
            let bodies = source.entries(&origin, first, upto).await?;
            if bodies.is_empty() {
                let reason = "its bundle ends before it".to_owned();
                return Err(RecoverError::NotWhole { first, last: first, reason });
            }
            for body in &bodies {
                walk.take(body)?;
            }
            insert(database, self.log, generation, first.0, &bodies).await?;
            progress(walk.frontier.size().0, upto.0);
        }
        Ok(())
    }

    /// Texts that came into force in the missing part, out of those at hand.
    async fn texts(&self, database: &Database, walk: &Walk) -> Result<(), RecoverError> {
        let tenant = self.log.tenant.0;
        for (digest, text) in &walk.state.texts {
            let sql = "SELECT EXISTS (SELECT FROM policy WHERE tenant = $1 AND digest = $2)";
            if database.client.query_one(sql, &[&tenant, &digest.as_slice()]).await?.get(0) {
                continue;
            }
            let named = Hash(*digest);
            let known = self.texts.iter().find(|known| super::verify::rows::is_text(named, *text, known));
            let known = match known {
                Some(known) => known,
                None if walk.state.is_needed(*digest) => {
                    return Err(RecoverError::Text { index: text.index, digest: named });
                }
                // One that is in force no more, or was proposed only: its digest stays in the ledger.
                None => continue,
            };
            let sql = "INSERT INTO policy (tenant, digest, source) VALUES ($1, $2, $3)";
            database.client.execute(sql, &[&tenant, &digest.as_slice(), known]).await?;
        }
        Ok(())
    }
}

/// Uses a code of somebody's second factor up; `false` when it, or a later one, was used before.
///
/// # Errors
/// [`DatabaseError`] when PostgreSQL refuses.
pub async fn use_code(
    owner: &tokio_postgres::Config,
    log: &LogName,
    account: AccountId,
    step: i64,
) -> Result<bool, DatabaseError> {
    let database = Database::connect(owner, Some(log.tenant)).await?;
    let sql = "UPDATE second_factor SET last_step = $3 WHERE tenant = $1 AND account = $2 AND last_step < $3";
    Ok(database.client.execute(sql, &[&log.tenant.0, &account.to_uuid(), &step]).await? == 1)
}

/// Who may approve, by what the log says of them.
fn able(walk: &Walk) -> Vec<AccountId> {
    let accounts = walk.state.accounts.iter().filter(|(_, account)| {
        account.enabled
            && !account.locked
            && !account.must_change
            && account.has_factor
            && allows(account.role, Action::Approve)
    });
    accounts.map(|(id, _)| AccountId(*id)).collect()
}
