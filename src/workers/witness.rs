//! Asks the witnesses of a policy to cosign a log's checkpoint, all at once, and says when there are enough.
//!
//! What a witness says of itself is believed only as far as it can do no harm: a cosignature is verified, a size is where the
//! next question begins. Whoever says that the log contradicts itself raises an alarm, and what it was sent is kept.
//! A witness that fails is asked again after a pause that grows. It publishes nothing. Source: C2SP tlog-witness.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use lww_audit::merkle::consistency_path;
use lww_audit::note::NoteSignature;
use lww_audit::witness::AddCheckpoint;
use lww_audit::{Checkpoint, CosignerKey, SignedCheckpoint, TileDir};
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits::{
    PUBLICATION_WAIT_S, WITNESS_GRACE_MS, WITNESS_PAUSE_MS_MAX, WITNESS_TRIES_MAX, WITNESS_WAIT_MS_MAX,
};
use crate::ports::{
    Clock, CustodyCell, Random, SizeAt, Unwitnessed, Witness, WitnessCustody, WitnessState, Witnesses, random_bytes,
};
use crate::telemetry::{Gauge, Occurrence, Witnessing, emit, gauge};
use crate::units::{MICROS_PER_SECOND, Timestamp, TreeSize};

/// First pause after a failure; it doubles with each further one.
const PAUSE_MS: u64 = 250;

/// What a panel is made from.
pub struct PanelParts {
    /// The tenant's name.
    pub tenant: String,
    /// Whom to ask, and how many are enough.
    pub witnesses: Arc<Witnesses>,
    /// The folder of the log's tiles, which proofs are made from.
    pub tiles: PathBuf,
    /// Where what a witness called a contradiction is kept.
    pub evidence: PathBuf,
    /// Where it is told how each witness stands.
    pub custody: Arc<CustodyCell>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for pauses.
    pub random: Arc<dyn Random>,
}

/// The witnesses of one log.
pub struct Panel {
    parts: PanelParts,
    standing: Vec<Standing>,
    /// Since when the quorum is missing, and whether that was told.
    waiting: Option<(Timestamp, bool)>,
}

/// Where one witness stands.
#[derive(Clone, Default)]
struct Standing {
    /// Size that it cosigned last, as far as is known.
    newest: TreeSize,
    /// Its cosignature of the tree of that size.
    line: Option<NoteSignature>,
    failures: u32,
    again: Option<Instant>,
    alarmed: bool,
}

impl Standing {
    /// Whether its cosignature of the tree of that size is at hand.
    fn has(&self, size: TreeSize) -> bool {
        self.newest == size && self.line.is_some()
    }

    /// Whether it is to be asked for one: it has given none, and doesn't rest.
    fn may_be_asked(&self, size: TreeSize, now: Instant) -> bool {
        !self.has(size) && self.again.is_none_or(|again| again <= now)
    }
}

/// What came of asking one witness.
enum Asked {
    Cosigned { line: NoteSignature, at: Timestamp },
    Failed { newest: Option<TreeSize>, state: WitnessState, reason: String },
    Contradicted { request: Box<AddCheckpoint>, reason: String },
}

impl Panel {
    /// A panel of which nobody was asked so far.
    pub fn new(parts: PanelParts) -> Self {
        let witnesses = parts.witnesses.policy.witnesses();
        let standing = vec![Standing::default(); witnesses.len()];
        let unasked = witnesses.iter().map(|witness| WitnessCustody {
            name: witness.name.clone(),
            url: witness.url.clone(),
            cosigned: None,
            state: WitnessState::Unasked,
            reason: witness.url.is_none().then(|| "the policy tells no address".to_owned()),
            since: None,
        });
        let (unasked, quorum) = (unasked.collect(), parts.witnesses.policy.quorum());
        parts.custody.tell(|custody| (custody.quorum, custody.witnesses) = (quorum, unasked));
        Self { parts, standing, waiting: None }
    }

    /// Takes what was published before as cosigned by whoever did.
    pub fn resume(&mut self, published: &SignedCheckpoint) {
        let size = published.unverified().size;
        for (at, witness) in self.parts.witnesses.policy.witnesses().iter().enumerate() {
            let cosigned = cosigned_by(&witness.key, published.unverified(), published.note().signatures());
            if let (Some((line, time_s)), Some(standing)) = (cosigned, self.standing.get_mut(at)) {
                (standing.newest, standing.line) = (size, Some(line));
                self.parts.custody.tell(|custody| {
                    if let Some(told) = custody.witnesses.get_mut(at) {
                        told.cosigned = Some(SizeAt { size, at: posix(time_s) });
                    }
                });
            }
        }
    }

    /// Asks everybody who may be asked to cosign a checkpoint, whose tiles are durable. Gives it with all cosignatures that
    /// came, or `None` while the quorum is missing; then it is to be called again, with the newest checkpoint.
    pub async fn cosigned(&mut self, signed: &SignedCheckpoint) -> Option<SignedCheckpoint> {
        let size = signed.unverified().size;
        self.ask(signed).await;
        let lines: Vec<NoteSignature> =
            self.standing.iter().filter(|one| one.has(size)).filter_map(|one| one.line.clone()).collect();
        let is_enough = self.is_enough(size);
        self.tell_waiting(is_enough);
        if !is_enough {
            return None;
        }
        let signatures = signed.note().signatures().iter().cloned().chain(lines).collect();
        SignedCheckpoint::with_signatures(signed.unverified().clone(), signatures).ok()
    }

    /// Whether somebody may be asked to cosign this size who has not.
    pub fn may_add(&self, size: TreeSize) -> bool {
        let now = Instant::now();
        let mut all = self.parts.witnesses.asked.iter().zip(&self.standing);
        all.any(|(witness, standing)| witness.is_some() && standing.may_be_asked(size, now))
    }

    fn is_enough(&self, size: TreeSize) -> bool {
        self.parts.witnesses.policy.is_content_with(|at| self.standing.get(at).is_some_and(|one| one.has(size)))
    }

    async fn ask(&mut self, signed: &SignedCheckpoint) {
        let (size, now) = (signed.unverified().size, Instant::now());
        let witnesses = Arc::clone(&self.parts.witnesses);
        let keys = witnesses.policy.witnesses().iter().map(|witness| &witness.key);
        let mut silent = Vec::new();
        let mut asking: FuturesUnordered<_> = witnesses
            .asked
            .iter()
            .zip(keys)
            .zip(&self.standing)
            .enumerate()
            .filter_map(|(at, ((witness, key), standing))| {
                let witness = witness.as_ref().filter(|_| standing.may_be_asked(size, now))?;
                let question = Question { witness: &**witness, key, tiles: &self.parts.tiles, signed };
                let newest = standing.newest;
                silent.push(at);
                Some(async move { (at, question.ask(newest).await) })
            })
            .collect();
        // Who is slower than the quorum is waited for a little: the more cosignatures, the more policies are content.
        let last = now + Duration::from_millis(WITNESS_WAIT_MS_MAX);
        let mut until = last;
        let mut answers: Vec<(usize, Asked)> = Vec::new();
        loop {
            let came = |at: usize| {
                answers.iter().any(|(known, asked)| *known == at && matches!(asked, Asked::Cosigned { .. }))
            };
            let had = |at: usize| self.standing.get(at).is_some_and(|one| one.has(size));
            if until == last && witnesses.policy.is_content_with(|at| came(at) || had(at)) {
                until = last.min(Instant::now() + Duration::from_millis(WITNESS_GRACE_MS));
            }
            let Ok(Some((at, asked))) = timeout_at(until, asking.next()).await else { break };
            silent.retain(|waited_for| *waited_for != at);
            answers.push((at, asked));
        }
        drop(asking);
        // Whoever was cut off rests, too: the others must not wait for it each time.
        let (state, reason) = if until == last {
            (WitnessState::Unreachable, "it doesn't answer")
        } else {
            (WitnessState::Behind, "it had not answered when the others were enough")
        };
        answers.extend(
            silent.into_iter().map(|at| (at, Asked::Failed { newest: None, state, reason: reason.to_owned() })),
        );
        for (at, asked) in answers {
            self.note(at, size, asked).await;
        }
    }

    /// Remembers an answer, tells it, and raises the alarm where there is one.
    async fn note(&mut self, at: usize, size: TreeSize, asked: Asked) {
        let pause = self.pause(at);
        let Some(standing) = self.standing.get_mut(at) else { return };
        let (state, reason, cosigned) = match asked {
            Asked::Cosigned { line, at } => {
                *standing = Standing { newest: size, line: Some(line), ..Standing::default() };
                (WitnessState::Cosigned, None, Some(SizeAt { size, at }))
            }
            Asked::Failed { newest, state, reason } => {
                standing.newest = newest.unwrap_or(standing.newest);
                standing.line = None;
                standing.failures = standing.failures.saturating_add(1);
                standing.again = Some(Instant::now() + pause);
                (state, Some(reason), None)
            }
            Asked::Contradicted { request, reason } => {
                let was_alarmed = std::mem::replace(&mut standing.alarmed, true);
                standing.failures = standing.failures.saturating_add(1);
                standing.again = Some(Instant::now() + pause);
                if !was_alarmed {
                    self.alarm(at, &request, &reason).await;
                }
                (WitnessState::Refused, Some(reason), None)
            }
        };
        self.tell(at, state, reason.as_deref(), cosigned);
    }

    fn pause(&self, at: usize) -> Duration {
        let failures = self.standing.get(at).map_or(0, |one| one.failures);
        let longest = PAUSE_MS.saturating_mul(1 << failures.min(16)).min(WITNESS_PAUSE_MS_MAX);
        // Half of it at least, and at random: witnesses that come back are not asked by everybody at once.
        let jitter =
            u64::from(u16::from_be_bytes(random_bytes(&*self.parts.random))) * (longest / 2) / u64::from(u16::MAX);
        Duration::from_millis(longest / 2 + jitter)
    }

    async fn alarm(&self, at: usize, request: &AddCheckpoint, reason: &str) {
        let witnesses = self.parts.witnesses.policy.witnesses();
        let witness = witnesses.get(at).map(|witness| witness.name.as_str()).unwrap_or_default();
        let checkpoint = request.checkpoint.unverified();
        let name = format!("{}-{}-{at}.request", checkpoint.origin.as_str().replace('/', "+"), checkpoint.size);
        let file = self.parts.evidence.join(name);
        let text = request.to_string();
        let kept = file.clone();
        let written = tokio::task::spawn_blocking(move || write_once(&kept, text.as_bytes())).await;
        let tenant = &self.parts.tenant;
        match written.unwrap_or_else(|_| Err(std::io::Error::other("its task ended"))) {
            Ok(()) => {
                emit(&Occurrence::Witness(Witnessing::Contradicts { tenant, witness, reason, file: &file.display() }));
            }
            Err(error) => {
                let file = format!("not written: {error}");
                emit(&Occurrence::Witness(Witnessing::Contradicts { tenant, witness, reason, file: &file }));
            }
        }
    }

    fn tell(&self, at: usize, state: WitnessState, reason: Option<&str>, cosigned: Option<SizeAt>) {
        let now = self.parts.clock.now();
        let mut is_new = false;
        self.parts.custody.tell(|custody| {
            let Some(told) = custody.witnesses.get_mut(at) else { return };
            if told.state != state {
                told.since = Some(now);
                is_new = true;
            }
            (told.state, told.reason) = (state, reason.map(str::to_owned));
            told.cosigned = cosigned.or(told.cosigned);
        });
        let (tenant, reason) = (self.parts.tenant.as_str(), reason.unwrap_or(""));
        let witnesses = self.parts.witnesses.policy.witnesses();
        let witness = witnesses.get(at).map(|witness| witness.name.as_str()).unwrap_or_default();
        emit(&Occurrence::Witness(Witnessing::Answered { tenant, witness, state: state.word(), reason, is_new }));
    }

    /// Tells once that publication waits, and once that it goes on.
    fn tell_waiting(&mut self, is_enough: bool) {
        let (now, tenant) = (self.parts.clock.now(), self.parts.tenant.as_str());
        let waited_s = |since: Timestamp| (now.as_micros() - since.as_micros()) / MICROS_PER_SECOND;
        match self.waiting {
            Some((since, told)) if is_enough => {
                self.waiting = None;
                if told {
                    emit(&Occurrence::Witness(Witnessing::PublicationGoesOn { tenant, waited_s: waited_s(since) }));
                }
            }
            None if is_enough => {}
            Some((since, false)) if waited_s(since) >= i64::try_from(PUBLICATION_WAIT_S).unwrap_or(i64::MAX) => {
                self.waiting = Some((since, true));
                let quorum = self.parts.witnesses.policy.quorum().unwrap_or_default();
                emit(&Occurrence::Witness(Witnessing::PublicationWaits {
                    tenant,
                    quorum: &quorum,
                    waited_s: waited_s(since),
                }));
            }
            Some(_) => {}
            None => self.waiting = Some((now, false)),
        }
        gauge(Gauge::PublicationWait(tenant), self.waiting.map_or(0, |(since, _)| waited_s(since)));
    }
}

/// One checkpoint for one witness.
struct Question<'a> {
    witness: &'a dyn Witness,
    key: &'a CosignerKey,
    tiles: &'a Path,
    signed: &'a SignedCheckpoint,
}

impl Question<'_> {
    /// Asks, and asks again from the size that the witness names.
    async fn ask(&self, newest: TreeSize) -> Asked {
        let size = self.signed.unverified().size;
        let mut old = newest.min(size);
        for attempt in 0..WITNESS_TRIES_MAX {
            let request = match self.request(old).await {
                Ok(request) => request,
                Err(reason) => return Asked::Failed { newest: None, state: WitnessState::Behind, reason },
            };
            let wait = Duration::from_millis(WITNESS_WAIT_MS_MAX);
            let silent = Err(Unwitnessed::Unreachable { reason: "it doesn't answer" });
            match timeout(wait, self.witness.add_checkpoint(&request)).await.unwrap_or(silent) {
                Ok(lines) => return self.verified(&lines),
                Err(Unwitnessed::Conflict { newest }) if contradicts(newest, old, size, attempt) => {
                    return Asked::Contradicted {
                        request: Box::new(request),
                        reason: contradiction(newest, old, size),
                    };
                }
                Err(Unwitnessed::Conflict { newest }) => old = newest,
                Err(Unwitnessed::Inconsistent) => {
                    let reason = format!("it says that size {size} does not continue the size {old} that it cosigned");
                    return Asked::Contradicted { request: Box::new(request), reason };
                }
                Err(refused @ Unwitnessed::Refused { .. }) => {
                    return Asked::Failed { newest: None, state: WitnessState::Refused, reason: refused.to_string() };
                }
                Err(silent @ Unwitnessed::Unreachable { .. }) => {
                    return Asked::Failed {
                        newest: None,
                        state: WitnessState::Unreachable,
                        reason: silent.to_string(),
                    };
                }
            }
        }
        let reason = "it names another size each time".to_owned();
        Asked::Failed { newest: Some(old), state: WitnessState::Behind, reason }
    }

    async fn request(&self, old: TreeSize) -> Result<AddCheckpoint, String> {
        let (tiles, size) = (self.tiles.to_owned(), self.signed.unverified().size);
        let path =
            tokio::task::spawn_blocking(move || consistency_path(&TileDir::open(tiles).tree(size), old, size)).await;
        let path =
            path.map_err(|_| "making the proof ended unexpectedly".to_owned())?.map_err(|error| error.to_string())?;
        Ok(AddCheckpoint { old, path, checkpoint: self.signed.clone() })
    }

    /// The witness's own line, verified: whatever else it sent is passed over.
    fn verified(&self, lines: &[NoteSignature]) -> Asked {
        let checkpoint = self.signed.unverified();
        if let Some((line, time_s)) = cosigned_by(self.key, checkpoint, lines) {
            return Asked::Cosigned { line, at: posix(time_s) };
        }
        let reason = "its answer has no cosignature of the key in the policy".to_owned();
        Asked::Failed { newest: None, state: WitnessState::Refused, reason }
    }
}

/// The first line that is a cosignature of this checkpoint by that key, and the time in it.
fn cosigned_by(key: &CosignerKey, checkpoint: &Checkpoint, lines: &[NoteSignature]) -> Option<(NoteSignature, u64)> {
    lines.iter().find_map(|line| {
        let alone = SignedCheckpoint::with_signatures(checkpoint.clone(), vec![line.clone()]).ok()?;
        key.cosigned(&alone).ok().flatten().map(|time_s| (line.clone(), time_s))
    })
}

fn posix(time_s: u64) -> Timestamp {
    let seconds = i64::try_from(time_s).unwrap_or(i64::MAX);
    Timestamp::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
}

/// Whether the size that a witness names is no honest one: its own that it was asked from, one that this log has not reached,
/// or less than it cosigned before.
const fn contradicts(newest: TreeSize, old: TreeSize, size: TreeSize, attempt: u32) -> bool {
    newest.0 == old.0 || newest.0 > size.0 || (attempt == 0 && newest.0 < old.0)
}

fn contradiction(newest: TreeSize, old: TreeSize, size: TreeSize) -> String {
    if newest > size {
        format!("it cosigned size {newest}, which is beyond this log's head")
    } else if newest < old {
        format!("it cosigned size {old} and says {newest}: its state was put back, make a new witness")
    } else {
        format!("it cosigned another tree of size {newest}")
    }
}

/// Writes a file that is never overwritten: what was kept first tells most.
fn write_once(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::fs::{DirBuilder, OpenOptions};
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(bytes).and_then(|()| file.sync_all()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
