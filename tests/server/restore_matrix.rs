//! Every way in which database, keys, guard and tiles can be of different ages after somebody put parts of a server back: the
//! answer is right, or it is refused for a named reason, and never silently wrong. Needs PostgreSQL on the machine.
//!
//! There are two instants. At A there is one tenant; at B it has said more, and a second tenant with a key of its own has
//! come. Each part is that of A, that of B, or gone.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use common::{World, key, now};
use liaowaiwai::cli::client::{Client, Page};
use lww_audit::TileDir;

const NODE: &str = "node";

/// How old a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    A,
    B,
    Gone,
}
use Age::{A, B, Gone};

/// What a start must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It goes on where B stood.
    RightB,
    /// It goes on where A stood, because nothing on the machine knows of B. Whoever holds a checkpoint of B knows it.
    RightA,
    /// It is refused, and this is said.
    Refused(&'static str),
}
use Answer::{Refused, RightA, RightB};

const BEHIND_GUARD: &str = "behind the rollback guard";
const BEHIND_TILES: &str = "behind the published checkpoint";
const NO_GUARD: &str = "this server's rollback guard for the log is missing";
const NO_KEY: &str = "log-other-1";
const NO_MASTER: &str = "key master is missing";

/// Database, guard, tiles, keys, and what becomes of it: as it is, and on the operator's word (`--adopt-head`).
#[rustfmt::skip]
const CELLS: &[(Age, Age, Age, Age, Answer, Answer)] = &[
    // The newest database: what is older follows it, what is gone must be vouched for or restored.
    (B, B,    B,    B,    RightB,                RightB),
    (B, B,    A,    B,    RightB,                RightB),
    (B, B,    Gone, B,    RightB,                RightB),
    (B, A,    B,    B,    Refused(NO_GUARD),     RightB),
    (B, A,    A,    B,    Refused(NO_GUARD),     RightB),
    (B, A,    Gone, B,    Refused(NO_GUARD),     RightB),
    (B, Gone, B,    B,    Refused(NO_GUARD),     RightB),
    (B, Gone, A,    B,    Refused(NO_GUARD),     RightB),
    (B, Gone, Gone, B,    Refused(NO_GUARD),     RightB),
    // Keys that are older lack one, and it isn't made anew.
    (B, B,    B,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, B,    A,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, B,    Gone, A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, A,    B,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, A,    A,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, A,    Gone, A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, Gone, B,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, Gone, A,    A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, Gone, Gone, A,    Refused(NO_KEY),       Refused(NO_KEY)),
    (B, B,    B,    Gone, Refused(NO_MASTER),    Refused(NO_MASTER)),
    // An old database is refused by the guard, and by what was published when the guard is old or gone as well; nobody's
    // word overrules either.
    (A, B,    B,    B,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, B,    A,    B,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, B,    Gone, B,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, A,    B,    B,    Refused(BEHIND_TILES), Refused(BEHIND_TILES)),
    (A, Gone, B,    B,    Refused(BEHIND_TILES), Refused(BEHIND_TILES)),
    (A, B,    B,    A,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, B,    A,    A,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, B,    Gone, A,    Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (A, A,    B,    A,    Refused(BEHIND_TILES), Refused(BEHIND_TILES)),
    (A, Gone, B,    A,    Refused(BEHIND_TILES), Refused(BEHIND_TILES)),
    // Nothing on the machine knows better.
    (A, A,    A,    B,    RightA,                RightA),
    (A, A,    Gone, B,    RightA,                RightA),
    (A, Gone, A,    B,    Refused(NO_GUARD),     RightA),
    (A, Gone, Gone, B,    Refused(NO_GUARD),     RightA),
    (A, A,    A,    A,    RightA,                RightA),
    (A, A,    Gone, A,    RightA,                RightA),
    (A, Gone, A,    A,    Refused(NO_GUARD),     RightA),
    (A, Gone, Gone, A,    Refused(NO_GUARD),     RightA),
    (A, A,    A,    Gone, Refused(NO_MASTER),    Refused(NO_MASTER)),
    // A database that is gone altogether is made anew by nobody, as long as anything tells of it.
    (Gone, B,    B,    B, Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
    (Gone, Gone, B,    B, Refused(BEHIND_TILES), Refused(BEHIND_TILES)),
    (Gone, B,    Gone, B, Refused(BEHIND_GUARD), Refused(BEHIND_GUARD)),
];

/// The two instants, kept beside the world's node.
struct Instants {
    world: World,
    /// Entries of the demo tenant's log at A and at B.
    sizes: [usize; 2],
}

/// The parts, as they lie in a world.
const PARTS: [&str; 4] = ["pg", "guard", "audit", "keys"];

impl Instants {
    async fn make() -> Self {
        let world = World::private();
        let only_demo = without_other(&world);
        let mut instants = Self { world, sizes: [0, 0] };
        instants.say(&only_demo, 0..4).await;
        instants.keep(A);
        let both = instants.world.configure(NODE);
        instants.say(&both, 4..9).await;
        instants.keep(B);
        instants
    }

    /// Runs the server and sends messages.
    async fn say(&self, config: &Path, numbers: std::ops::Range<u32>) {
        let server = self.world.start_on(config, NODE, &[]).unwrap();
        send(server.http, numbers).await;
        server.stop();
    }

    fn keep(&mut self, age: Age) {
        for part in PARTS {
            copy(&self.part(part), &self.kept(age, part));
        }
        self.sizes[usize::from(age == B)] = self.world.entries(NODE, "demo").len();
    }

    fn part(&self, part: &str) -> std::path::PathBuf {
        if part == "keys" { self.world.path().join(part) } else { self.world.data(NODE).join(part) }
    }

    fn kept(&self, age: Age, part: &str) -> std::path::PathBuf {
        self.world.path().join(format!("kept-{age:?}-{part}"))
    }

    /// Puts parts of these ages together.
    fn put(&self, ages: [Age; 4]) {
        for (part, age) in PARTS.into_iter().zip(ages) {
            let _gone = std::fs::remove_dir_all(self.part(part));
            if age != Gone {
                copy(&self.kept(age, part), &self.part(part));
            }
        }
    }

    /// Starts a server on what is there and says what came of it, or what it should have been.
    async fn check(&self, arguments: &[&str], expected: Answer) -> Result<(), String> {
        let size = match expected {
            Refused(reason) => {
                return match self.world.launch(NODE, arguments) {
                    Ok(_) => Err("it started".to_owned()),
                    Err(said) if said.contains(reason) => Ok(()),
                    Err(said) => Err(format!("it said: {}", said.trim())),
                };
            }
            RightA => self.sizes[0],
            RightB => self.sizes[1],
        };
        let server =
            self.world.try_start(NODE, arguments).map_err(|said| format!("it did not start: {}", said.trim()))?;
        let app = Client::http(server.http);
        let said = app.messages(&key("demo"), "zhang", Page::default(), now()).await.unwrap().messages;
        let texts: Vec<_> = said.iter().map(|message| message.text.clone()).collect();
        let count = if expected == RightA { 4 } else { 9 };
        let all: Vec<_> = (0..count).map(|number| format!("message {number}")).collect();
        if texts != all {
            return Err(format!("the customer sees {texts:?}"));
        }
        send(server.http, 100..101).await;
        server.stop();
        self.world.fsck(NODE, "demo").map_err(|finding| format!("fsck: {finding:?}"))?;
        let entries = self.world.entries(NODE, "demo").len();
        if entries <= size {
            return Err(format!("{entries} entries published, {size} were there"));
        }
        if expected == RightA { self.outside(size) } else { Ok(()) }
    }

    /// Somebody else holds the checkpoint of B: it and what this server publishes from A on contradict each other.
    fn outside(&self, size: usize) -> Result<(), String> {
        let newer = TileDir::open(self.kept(B, "audit").join("demo-1")).checkpoint().unwrap().unwrap();
        let here = TileDir::open(self.world.tiles(NODE, "demo"));
        let now = here.checkpoint().unwrap().unwrap().unverified().clone();
        let held = newer.unverified();
        let root = lww_audit::merkle::root_at(&here.tree(now.size), held.size.min(now.size)).unwrap();
        // Behind what is held, or of another root at its size.
        if now.size < held.size || root != held.root {
            return Ok(());
        }
        Err(format!("a log that went on from {size} agrees with one that it never was"))
    }
}

async fn send(address: std::net::SocketAddr, numbers: std::ops::Range<u32>) {
    let app = Client::http(address);
    for number in numbers {
        let text = format!("message {number}");
        app.send_message(&key("demo"), ("zhang", &text), &format!("key-{number}"), now()).await.unwrap();
    }
}

/// The node's configuration without its second tenant.
fn without_other(world: &World) -> std::path::PathBuf {
    let text = std::fs::read_to_string(world.configure(NODE)).unwrap();
    let end = text.match_indices("[[tenant]]").nth(1).unwrap().0;
    let path = world.path().join("only-demo.toml");
    std::fs::write(&path, &text[..end]).unwrap();
    path
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn the_matrix_names_every_combination_that_can_happen() {
    for database in [A, B] {
        for guard in [A, B, Gone] {
            for tiles in [A, B, Gone] {
                for keys in [A, B] {
                    let cell = (database, guard, tiles, keys);
                    let count = CELLS.iter().filter(|row| (row.0, row.1, row.2, row.3) == cell).count();
                    assert_eq!(count, 1, "{cell:?}");
                }
            }
        }
    }
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn parts_of_different_ages_are_right_or_refused_and_never_silently_wrong() {
        let instants = Instants::make().await;
        let (mut wrong, mut seen) = (String::new(), vec![RightA, RightB]);
        for (database, guard, tiles, keys, plain, adopted) in CELLS.iter().copied() {
            let runs: [(&[&str], Answer); 2] = [(&[], plain), (&["--adopt-head"], adopted)];
            // The operator's word changes nothing where none is asked for: the first cell of each reason shows it.
            let both = plain != adopted || !seen.contains(&plain);
            seen.push(plain);
            for (arguments, expected) in &runs[..if both { 2 } else { 1 }] {
                instants.put([database, guard, tiles, keys]);
                if let Err(found) = instants.check(arguments, *expected).await {
                    let cell = format!("database {database:?}, guard {guard:?}, tiles {tiles:?}, keys {keys:?}");
                    writeln!(wrong, "{cell} {arguments:?}: expected {expected:?}, but {found}").unwrap();
                }
            }
        }
        assert!(wrong.is_empty(), "\n{wrong}");
    }
}
