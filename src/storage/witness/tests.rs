//! A witness over crashes at every step, copies and losses of its state: it never cosigns two histories.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};

use lww_audit::merkle::{NodeReader, consistency_path, leaf_hash, node_hash, root_at};
use lww_audit::{Checkpoint, Error, NoteSigner, SignedCheckpoint};
use proptest::prelude::*;

use super::state::Step;
use super::*;
use crate::units::{Hash, Timestamp};

thread_local! {
    /// Where the next write ends as by a crash.
    pub(super) static CRASH_AT: Cell<Option<Step>> = const { Cell::new(None) };
}

const ORIGIN: &str = "lww.example/acme/1";
const START_S: i64 = 1_800_000_000;

struct Time(AtomicI64);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed) * MICROS_PER_SECOND)
    }
}

fn clock() -> Arc<Time> {
    Arc::new(Time(AtomicI64::new(START_S)))
}

fn signer() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap()
}

/// A history of the log, of which the entries from `changed` on are its own.
struct History {
    changed: u64,
}

impl NodeReader for History {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        if level == 0 {
            let own = if index >= self.changed { " changed" } else { "" };
            return Ok(leaf_hash(format!("{index}{own}").as_bytes()));
        }
        Ok(node_hash(&self.node(level - 1, index * 2)?, &self.node(level - 1, index * 2 + 1)?))
    }
}

const TRUE: History = History { changed: u64::MAX };

impl History {
    fn checkpoint(&self, size: u64) -> Checkpoint {
        let root = root_at(self, TreeSize(size)).unwrap();
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(size), root }
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let checkpoint = SignedCheckpoint::sign(self.checkpoint(new), &[&signer()]).unwrap();
        AddCheckpoint {
            old: TreeSize(old),
            path: consistency_path(self, TreeSize(old), TreeSize(new)).unwrap(),
            checkpoint,
        }
    }
}

fn open_with(folder: &Path, clock: &Arc<Time>, moved: bool) -> Result<WitnessStore, WitnessError> {
    let cosigner = Cosigner::from_seed("audit.example/w1", &[9; 32]).unwrap();
    WitnessStore::open(folder, cosigner, Arc::clone(clock) as Arc<dyn Clock>, moved)
}

fn open(folder: &Path, clock: &Arc<Time>) -> WitnessStore {
    open_with(folder, clock, false).unwrap()
}

fn witness() -> (tempfile::TempDir, Arc<Time>) {
    let home = tempfile::tempdir().unwrap();
    WitnessStore::add(home.path(), signer().verifier_key()).unwrap();
    (home, clock())
}

fn state(folder: &Path) -> PathBuf {
    folder.join(STATES).join("lww.example+acme+1.state")
}

fn conflict(newest: u64) -> Result<(), Declined> {
    Err(Declined::Refused(Refusal::Conflict { newest: TreeSize(newest), is_fork: false }))
}

fn ask(store: &WitnessStore, request: &AddCheckpoint) -> Result<(), Declined> {
    store.add_checkpoint(request).map(drop)
}

#[test]
fn what_is_cosigned_is_remembered_over_restarts_with_its_time() {
    let (home, clock) = witness();
    let store = open(home.path(), &clock);
    assert!(matches!(open_with(home.path(), &clock, false), Err(WitnessError::Held { .. })));
    let line = store.add_checkpoint(&TRUE.request(0, 5)).unwrap();
    let cosigned = SignedCheckpoint::with_signatures(TRUE.checkpoint(5), vec![line]).unwrap();
    let key: lww_audit::CosignerKey = store.key().parse().unwrap();
    assert_eq!(key.cosigned(&cosigned).unwrap(), Some(START_S.unsigned_abs()));
    drop(store);
    let store = open(home.path(), &clock);
    assert_eq!(ask(&store, &TRUE.request(0, 5)), conflict(5));
    assert_eq!(ask(&store, &TRUE.request(4, 7)), conflict(5), "an old head hears the size");
    assert_eq!(ask(&store, &TRUE.request(5, 5)), Ok(()), "the same again is no contradiction");
    assert_eq!(ask(&store, &TRUE.request(5, 9)), Ok(()));
    let known = Known { origin: ORIGIN.parse().unwrap(), size: TreeSize(9), time_s: START_S.unsigned_abs() };
    assert_eq!(store.known(), [known]);
}

#[test]
fn a_fork_is_refused_and_kept_as_evidence_that_convicts() {
    let (home, clock) = witness();
    let store = open(home.path(), &clock);
    ask(&store, &TRUE.request(0, 7)).unwrap();
    let forked = History { changed: 3 };
    let refused = |request: &AddCheckpoint| match ask(&store, request) {
        Err(Declined::Refused(refusal)) => (refusal.status(), refusal.is_evidence()),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&forked.request(7, 11)), (422, true));
    assert_eq!(refused(&forked.request(7, 7)), (409, true));
    assert_eq!(refused(&forked.request(7, 11)), (422, true), "the same once more is kept once");
    let files: Vec<_> = fs::read_dir(home.path().join(EVIDENCE)).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    for file in files {
        let evidence = Evidence::parse(&fs::read(file).unwrap()).unwrap();
        assert!(matches!(evidence.verify(&[signer().verifier_key().clone()]), Err(Error::Fork { .. })));
    }
    assert_eq!(ask(&store, &TRUE.request(7, 11)), Ok(()), "the true history goes on");
}

#[test]
fn who_is_not_known_or_has_not_signed_is_refused_and_leaves_no_trace() {
    let (home, clock) = witness();
    let store = open(home.path(), &clock);
    let before = fs::read(state(home.path())).unwrap();
    let stranger = NoteSigner::from_seed("lww.example/other/1", &[1; 32]).unwrap();
    let checkpoint = Checkpoint { origin: "lww.example/other/1".parse().unwrap(), ..TRUE.checkpoint(3) };
    let unknown =
        AddCheckpoint { checkpoint: SignedCheckpoint::sign(checkpoint, &[&stranger]).unwrap(), ..TRUE.request(0, 3) };
    assert_eq!(ask(&store, &unknown), Err(Declined::Refused(Refusal::UnknownLog)));
    let thief = NoteSigner::from_seed(ORIGIN, &[2; 32]).unwrap();
    let forged =
        AddCheckpoint { checkpoint: SignedCheckpoint::sign(TRUE.checkpoint(3), &[&thief]).unwrap(), ..unknown };
    assert_eq!(ask(&store, &forged), Err(Declined::Refused(Refusal::Untrusted)));
    assert_eq!(fs::read(state(home.path())).unwrap(), before);
    drop(store);
    // While a log's key changes, both are known; the state goes on.
    WitnessStore::add(home.path(), thief.verifier_key()).unwrap();
    let store = open(home.path(), &clock);
    assert_eq!(ask(&store, &forged), Ok(()));
    assert_eq!(ask(&store, &TRUE.request(3, 4)), Ok(()));
}

#[test]
fn a_clock_that_went_back_states_no_time_before_the_last() {
    let (home, clock) = witness();
    let store = open(home.path(), &clock);
    ask(&store, &TRUE.request(0, 3)).unwrap();
    clock.0.store(START_S - 1, Ordering::Relaxed);
    assert_eq!(ask(&store, &TRUE.request(3, 4)), Err(Declined::Clock));
    drop(store);
    let store = open(home.path(), &clock);
    assert_eq!(ask(&store, &TRUE.request(3, 4)), Err(Declined::Clock), "also after a restart");
    clock.0.store(START_S, Ordering::Relaxed);
    assert_eq!(ask(&store, &TRUE.request(3, 4)), Ok(()));
}

#[test]
fn a_state_that_is_lost_damaged_or_put_back_stops_the_start() {
    let (home, clock) = witness();
    let (path, kept) = (state(home.path()), home.path().join("kept"));
    ask(&open(home.path(), &clock), &TRUE.request(0, 3)).unwrap();
    fs::copy(&path, &kept).unwrap();
    ask(&open(home.path(), &clock), &TRUE.request(3, 8)).unwrap();
    let newest = fs::read(&path).unwrap();

    // Yesterday's file put back, over the present one or beside it.
    fs::write(&path, fs::read(&kept).unwrap()).unwrap();
    assert!(matches!(open_with(home.path(), &clock, false), Err(WitnessError::Copied { .. })));
    fs::rename(&kept, &path).unwrap();
    assert!(matches!(open_with(home.path(), &clock, false), Err(WitnessError::Copied { .. })));

    // Every byte counts.
    for at in 0..newest.len() {
        let mut flipped = newest.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        let opened = open_with(home.path(), &clock, true);
        assert!(matches!(opened, Err(WitnessError::Damaged { .. })), "byte {at}");
    }
    for length in [0, 10, newest.len() - 1] {
        fs::write(&path, &newest[..length]).unwrap();
        assert!(matches!(open_with(home.path(), &clock, true), Err(WitnessError::Damaged { .. })), "{length} bytes");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open_with(home.path(), &clock, true), Err(WitnessError::Lost { .. })));
    WitnessStore::add(home.path(), signer().verifier_key()).unwrap();
    assert!(matches!(open_with(home.path(), &clock, true), Err(WitnessError::Lost { .. })), "it is not begun anew");

    // A witness that was moved: the operator vouches once.
    fs::write(&path, newest).unwrap();
    assert!(matches!(open_with(home.path(), &clock, false), Err(WitnessError::Copied { .. })));
    assert_eq!(open_with(home.path(), &clock, true).unwrap().known()[0].size, TreeSize(8));
    assert_eq!(open(home.path(), &clock).known()[0].size, TreeSize(8));
}

#[test]
fn a_list_that_is_none_names_its_line() {
    let (home, clock) = witness();
    let list = fs::read_to_string(home.path().join(LOGS)).unwrap();
    fs::write(home.path().join(LOGS), format!("{list}nonsense\n")).unwrap();
    assert!(matches!(open_with(home.path(), &clock, false), Err(WitnessError::List { line: 2, .. })));
}

/// What is asked of the witness, and what happens to it meanwhile.
#[derive(Clone, Debug)]
struct Turn {
    is_forked: bool,
    growth: u64,
    crash: Option<Step>,
    /// Whether the machine loses what was not synced, and not the process alone.
    is_power_lost: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let steps = [Step::Made, Step::Written, Step::Synced, Step::Renamed, Step::Durable];
    let crash = proptest::option::weighted(0.6, proptest::sample::select(steps.to_vec()));
    (any::<bool>(), 0_u64..5, crash, any::<bool>()).prop_map(|(is_forked, growth, crash, is_power_lost)| Turn {
        is_forked,
        growth,
        crash,
        is_power_lost,
    })
}

/// One request, as two servers with the log's key would send it, each with its own history and the size that it was told.
fn take(folder: &Path, clock: &Arc<Time>, turn: &Turn, forked: &History, cosigned: &mut Vec<Checkpoint>) {
    let store = open(folder, clock);
    let path = state(folder);
    let before = folder.join("before");
    fs::hard_link(&path, &before).unwrap();
    let old = store.known()[0].size.0;
    let history = if turn.is_forked { forked } else { &TRUE };
    let request = history.request(old, old + turn.growth);
    CRASH_AT.set(turn.crash);
    let answer = store.add_checkpoint(&request);
    CRASH_AT.set(None);
    if answer.is_ok() {
        assert!(turn.crash.is_none(), "nothing leaves before every step is done");
        cosigned.push(request.checkpoint.unverified().clone());
    }
    drop(store);
    // Without the folder's fsync a rename may be undone by a power failure; the file that was there before is there again.
    if turn.is_power_lost && turn.crash == Some(Step::Renamed) && answer.is_err() {
        fs::rename(&before, &path).unwrap();
    }
    // It is still there when it is the present one, too.
    let _gone = fs::remove_file(&before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_crash_lets_a_witness_cosign_two_histories(changed in 0_u64..12, turns in proptest::collection::vec(turn(), 1..24)) {
        let (home, clock) = witness();
        let forked = History { changed };
        let mut cosigned: Vec<Checkpoint> = Vec::new();
        for turn in &turns {
            take(home.path(), &clock, turn, &forked, &mut cosigned);
        }
        // All that ever left is of one history, in the order in which it left.
        let of = |history: &History| cosigned.iter().all(|one| history.checkpoint(one.size.0) == *one);
        prop_assert!(of(&TRUE) || of(&forked), "{cosigned:?}");
        prop_assert!(cosigned.is_sorted_by_key(|one| one.size));
    }
}
