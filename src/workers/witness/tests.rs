//! A panel of witnesses that are honest, dead, forgetful or liars: who counts, who is rested, and what raises the alarm.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use lww_audit::witness::{Refusal, judge};
use lww_audit::{Cosigner, NoteSigner, TileWriter, TrustPolicy};

use super::*;

const ORIGIN: &str = "lww.example/acme/1";
const TIME_S: u64 = 1_800_000_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        posix(TIME_S)
    }
}

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// A witness that keeps its state in memory.
struct Fake {
    cosigner: Cosigner,
    newest: Mutex<Option<Checkpoint>>,
    is_dead: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Witness for Fake {
    async fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Vec<NoteSignature>, Unwitnessed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_dead.load(Ordering::Relaxed) {
            return Err(Unwitnessed::Unreachable { reason: "it doesn't answer" });
        }
        let mut newest = self.newest.lock().unwrap();
        match judge(request, &[log().verifier_key().clone()], newest.as_ref()) {
            Ok(checkpoint) => {
                *newest = Some(checkpoint.clone());
                // A line of somebody else beside its own is passed over.
                let other = Cosigner::from_seed("nobody.example", &[99; 32]).unwrap();
                Ok(vec![other.cosign(checkpoint, TIME_S), self.cosigner.cosign(checkpoint, TIME_S)])
            }
            Err(Refusal::Conflict { newest, .. }) => Err(Unwitnessed::Conflict { newest }),
            Err(Refusal::Inconsistent { .. }) => Err(Unwitnessed::Inconsistent),
            Err(refusal @ (Refusal::OldBeyondNew | Refusal::Untrusted | Refusal::UnknownLog)) => {
                Err(Unwitnessed::Refused { status: refusal.status(), reason: "no" })
            }
        }
    }
}

fn log() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn cosigner(seed: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{seed}.example"), &[seed; 32]).unwrap()
}

/// A log on disk with its witnesses, of whom two are enough.
struct World {
    home: tempfile::TempDir,
    writer: TileWriter,
    fakes: Vec<Arc<Fake>>,
    custody: Arc<CustodyCell>,
    panel: Panel,
}

impl World {
    /// Witnesses by the seeds of their keys; the policy has those of 1, 2, 3.
    fn new(seeds: [u8; 3]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let fake = |seed| {
            Arc::new(Fake {
                cosigner: cosigner(seed),
                newest: Mutex::default(),
                is_dead: AtomicBool::default(),
                asked: AtomicUsize::default(),
            })
        };
        let fakes: Vec<Arc<Fake>> = seeds.map(fake).into();
        let line = |seed| format!("witness w{seed} {} http://127.0.0.1:1\n", cosigner(seed).key());
        let text = [1, 2, 3].map(line).concat() + "group g 2 w1 w2 w3\nquorum g\n";
        let policy = TrustPolicy::parse(text.as_bytes()).unwrap();
        let asked = fakes.iter().map(|fake| Some(Arc::clone(fake) as Arc<dyn Witness>)).collect();
        let custody = Arc::new(CustodyCell::default());
        let panel = Panel::new(PanelParts {
            tenant: "acme".to_owned(),
            witnesses: Arc::new(Witnesses { policy, asked }),
            tiles: home.path().join("tiles"),
            evidence: home.path().join("evidence"),
            custody: Arc::clone(&custody),
            clock: Arc::new(Fixed),
            random: Arc::new(Fixed),
        });
        let writer = TileWriter::open(home.path().join("tiles")).unwrap();
        Self { home, writer, fakes, custody, panel }
    }

    /// The log grown to a size, its tiles durable.
    fn grown(&mut self, size: u64) -> SignedCheckpoint {
        for number in self.writer.size().0..size {
            self.writer.append(format!("entry {number}").as_bytes()).unwrap();
        }
        let checkpoint =
            Checkpoint { origin: ORIGIN.parse().unwrap(), size: self.writer.size(), root: self.writer.root() };
        let signed = SignedCheckpoint::sign(checkpoint, &[&log()]).unwrap();
        self.writer.prepare(&signed).unwrap();
        signed
    }

    /// Asks for a size; who cosigned it, or `None` without a quorum.
    async fn cosigned(&mut self, size: u64) -> Option<Vec<String>> {
        let signed = self.grown(size);
        let cosigned = self.panel.cosigned(&signed).await?;
        let keys = [log().verifier_key().clone()];
        let verified = self.panel.parts.witnesses.policy.verify(&cosigned, &keys).unwrap();
        Some(verified.witnesses.iter().map(|(witness, _)| witness.name.clone()).collect())
    }

    fn states(&self) -> Vec<&'static str> {
        self.custody.now().witnesses.iter().map(|one| one.state.word()).collect()
    }

    fn kept(&self) -> usize {
        std::fs::read_dir(self.home.path().join("evidence")).into_iter().flatten().count()
    }

    fn asked(&self, at: usize) -> usize {
        self.fakes[at].asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn two_of_three_are_enough_and_one_that_is_dead_rests() {
    let mut world = World::new([1, 2, 3]);
    assert_eq!(world.states(), ["unasked"; 3]);
    assert_eq!(world.cosigned(5).await.unwrap(), ["w1", "w2", "w3"]);
    world.fakes[2].is_dead.store(true, Ordering::Relaxed);
    assert_eq!(world.cosigned(300).await.unwrap(), ["w1", "w2"]);
    assert_eq!(world.states(), ["cosigned", "cosigned", "unreachable"]);
    let asked = world.asked(2);
    assert_eq!(world.cosigned(301).await.unwrap(), ["w1", "w2"]);
    assert_eq!(world.asked(2), asked, "who failed a moment ago is not asked");
    world.fakes[1].is_dead.store(true, Ordering::Relaxed);
    assert_eq!(world.cosigned(302).await, None);
    // Whoever has cosigned this very size is not asked for it again.
    let asked = world.asked(0);
    assert_eq!(world.cosigned(302).await, None);
    assert_eq!(world.asked(0), asked);
    let told = world.custody.now();
    assert_eq!(told.witnesses[0].cosigned.unwrap().size, TreeSize(302));
    assert_eq!(told.witnesses[1].cosigned.unwrap().size, TreeSize(301));
    assert_eq!((world.kept(), told.quorum.as_deref()), (0, Some("2 of (w1, w2, w3)")));
}

#[tokio::test]
async fn who_was_away_cosigns_what_is_published_later_and_nobody_s_line_is_lost_or_asked_for_again() {
    let mut world = World::new([1, 2, 3]);
    world.fakes[2].is_dead.store(true, Ordering::Relaxed);
    assert_eq!(world.cosigned(9).await.unwrap(), ["w1", "w2"]);
    assert!(!world.panel.may_add(TreeSize(9)), "who failed a moment ago rests");
    world.panel.standing[2].again = None;
    assert!(world.panel.may_add(TreeSize(9)));
    // Still away: the others' lines stay as they are.
    assert_eq!(world.cosigned(9).await.unwrap(), ["w1", "w2"]);
    world.fakes[2].is_dead.store(false, Ordering::Relaxed);
    world.panel.standing[2].again = None;
    let asked = world.asked(0);
    assert_eq!(world.cosigned(9).await.unwrap(), ["w1", "w2", "w3"]);
    assert_eq!(world.asked(0), asked);
    assert!(!world.panel.may_add(TreeSize(9)) && world.panel.may_add(TreeSize(10)));
    // Whoever goes on from what is published has all lines of it, and asks nobody for the same tree.
    let signed = world.grown(9);
    let published = world.panel.cosigned(&signed).await.unwrap();
    world.panel.standing = vec![Standing::default(); 3];
    world.panel.resume(&published);
    assert!(!world.panel.may_add(TreeSize(9)));
    assert_eq!((world.panel.cosigned(&signed).await, world.asked(0)), (Some(published), asked));
}

#[tokio::test]
async fn a_witness_that_is_further_than_was_thought_is_asked_from_where_it_is() {
    let mut world = World::new([1, 2, 3]);
    world.cosigned(7).await.unwrap();
    // A server that comes anew knows nothing of them, or what its published checkpoint says.
    let published = world.grown(7);
    let published = world.panel.cosigned(&published).await.unwrap();
    for knows in [false, true] {
        let parts = PanelParts {
            tenant: "acme".to_owned(),
            witnesses: Arc::clone(&world.panel.parts.witnesses),
            tiles: world.home.path().join("tiles"),
            evidence: world.home.path().join("evidence"),
            custody: Arc::clone(&world.custody),
            clock: Arc::new(Fixed),
            random: Arc::new(Fixed),
        };
        world.panel = Panel::new(parts);
        if knows {
            world.panel.resume(&published);
            assert_eq!(world.custody.now().witnesses[2].cosigned.unwrap().size, TreeSize(7));
        }
        let (size, asked) = (world.writer.size().0 + 300, world.asked(0));
        assert_eq!(world.cosigned(size).await.unwrap().len(), 3);
        assert_eq!(world.asked(0), asked + 2, "once to hear the size, once with its proof");
    }
}

#[tokio::test]
async fn a_cosignature_of_another_key_is_none() {
    let mut world = World::new([1, 2, 4]);
    assert_eq!(world.cosigned(5).await.unwrap(), ["w1", "w2"]);
    assert_eq!(world.states(), ["cosigned", "cosigned", "refused"]);
    let mut world = World::new([1, 4, 5]);
    assert_eq!(world.cosigned(5).await, None);
}

#[tokio::test]
async fn whoever_saw_another_history_raises_the_alarm_once_and_what_it_was_sent_is_kept() {
    let mut world = World::new([1, 2, 3]);
    let other = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(3), root: crate::units::Hash([8; 32]) };
    *world.fakes[0].newest.lock().unwrap() = Some(other);
    assert_eq!(world.cosigned(9).await.unwrap(), ["w2", "w3"]);
    assert_eq!((world.states()[0], world.kept()), ("refused", 1));
    let file = std::fs::read_dir(world.home.path().join("evidence")).unwrap().next().unwrap().unwrap().path();
    let request = AddCheckpoint::parse(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((request.old, request.checkpoint.unverified().size), (TreeSize(3), TreeSize(9)));
    world.panel.standing[0].again = None;
    world.cosigned(10).await.unwrap();
    assert_eq!(world.kept(), 1, "the first tells most, and a liar can't fill the disk");
}

#[tokio::test]
async fn a_witness_that_forgot_or_is_beyond_the_head_does_not_count_any_more() {
    let mut world = World::new([1, 2, 3]);
    world.cosigned(20).await.unwrap();
    // Its state was put back: it would cosign another history of what it forgot.
    *world.fakes[0].newest.lock().unwrap() = None;
    assert_eq!(world.cosigned(30).await.unwrap(), ["w2", "w3"]);
    let told = world.custody.now();
    assert!(told.witnesses[0].reason.as_ref().unwrap().contains("its state was put back"), "{told:?}");
    let mut world = World::new([1, 2, 3]);
    let beyond = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(40), root: crate::units::Hash([8; 32]) };
    *world.fakes[0].newest.lock().unwrap() = Some(beyond);
    assert_eq!(world.cosigned(30).await.unwrap(), ["w2", "w3"]);
    let told = world.custody.now();
    assert!(told.witnesses[0].reason.as_ref().unwrap().contains("beyond this log's head"), "{told:?}");
    assert_eq!(world.kept(), 1);
}
