//! Tests of tiles: names, layouts, proofs from files, and every crash point of the writer.

use super::*;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Class, Error};
use crate::merkle::{
    Frontier, consistency_path, inclusion_path, leaf_hash, root_at, verify_consistency, verify_inclusion,
};
use crate::note::NoteSigner;
use crate::types::{EntryIndex, TreeSize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ORIGIN: &str = "lww.example/acme/1";

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn frontier(size: u64) -> Frontier {
    let mut frontier = Frontier::empty();
    (0..size).for_each(|n| frontier.push(leaf_hash(&entry(n))));
    frontier
}

fn signed(size: u64) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(size), root: frontier(size).root() };
    SignedCheckpoint::sign(checkpoint, &[&NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap()]).unwrap()
}

fn grow(writer: &mut TileWriter, to: u64) {
    for n in writer.size().0..to {
        assert_eq!(writer.append(&entry(n)).unwrap(), EntryIndex(n));
    }
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for file in fs::read_dir(next).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn names(directory: &Path) -> Vec<String> {
    files(directory).keys().map(|path| path.display().to_string()).collect()
}

#[test]
fn tiles_are_named_as_the_specification_says() {
    for (part, index, width, expect) in [
        (Part::Level(0), 0, 256, "tile/0/000"),
        (Part::Level(0), 273, 112, "tile/0/273.p/112"),
        (Part::Level(1), 1_234_067, 256, "tile/1/x001/x234/067"),
        (Part::Level(2), 1000, 1, "tile/2/x001/000.p/1"),
        (Part::Entries, 5, 17, "tile/entries/005.p/17"),
    ] {
        assert_eq!(TilePath { part, index, width }.to_string(), expect);
    }
    let partial =
        |level, size| TilePath::partial(Part::Level(level), TreeSize(size)).map(|tile| (tile.index, tile.width));
    assert_eq!(
        [partial(0, 70_000), partial(1, 70_000), partial(2, 70_000), partial(3, 70_000)],
        [Some((273, 112)), Some((1, 17)), Some((0, 1)), None]
    );
    assert_eq!([partial(0, 256), partial(1, 256)], [None, Some((0, 1))]);
    assert_eq!(Part::all(TreeSize(0)).count(), 0);
    assert_eq!(Part::all(TreeSize(u64::MAX)).count(), 9);
}

#[test]
fn only_the_names_of_tiles_and_bundles_are_read() {
    for text in ["tile/0/000", "tile/63/x001/234.p/1", "tile/entries/x999/x999/999.p/255", "tile/1/x001/x234/067"] {
        assert_eq!(text.parse::<TilePath>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "checkpoint",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/00/001",
        "tile/+1/001",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000/",
        "/tile/0/000",
        "tile//000",
        "tile/0/../0/000",
        "tile/0/..",
        "tile/entries/../../checkpoint",
        "tile/0/xx01/000",
        "tile/0/x001//000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/０００",
        "tile/0/000 ",
        "tile/0/000\0",
    ] {
        assert!(matches!(text.parse::<TilePath>(), Err(Error::Malformed { .. })), "{text:?}");
    }
}

#[test]
fn a_partial_tile_of_any_size_is_cut_out_of_what_is_published_and_none_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = TileDir::open(folder.path());
    let first = "tile/0/000.p/1".parse().unwrap();
    assert_eq!(tiles.published(first).unwrap(), None, "nothing is published");
    let mut writer = TileWriter::open(folder.path()).unwrap();
    for published in [600, 768] {
        grow(&mut writer, published);
        writer.publish(&signed(published)).unwrap();
        for size in [1, 5, 255, 256, 257, 511, 512, 513, 599, 600] {
            let other = tempfile::tempdir().unwrap();
            let mut its = TileWriter::open(other.path()).unwrap();
            grow(&mut its, size);
            its.publish(&signed(size)).unwrap();
            for (path, bytes) in files(other.path()) {
                let Ok(path) = path.to_str().unwrap().parse::<TilePath>() else { continue };
                assert_eq!(tiles.published(path).unwrap().as_ref(), Some(&bytes), "{path} of {size} in {published}");
                // Whoever reads a log that goes on finds what its checkpoint told of.
                let read = match path.part {
                    Part::Entries => tiles.bundle(path).unwrap().into_bytes(),
                    Part::Level(_) => tiles.tile(path).unwrap().iter().flat_map(|hash| hash.0).collect(),
                };
                assert_eq!(read, bytes, "{path} of {size} in {published}");
            }
        }
        let beyond =
            [format!("tile/1/000.p/{}", published / 256 + 1), "tile/2/000.p/1".to_owned(), "tile/9/000".to_owned()];
        for beyond in beyond.into_iter().chain(["tile/entries/003.p/1".to_owned(), "tile/0/x001/000".to_owned()]) {
            assert_eq!(tiles.published(beyond.parse().unwrap()).unwrap(), None, "{beyond} in {published}");
        }
    }
    fs::remove_file(folder.path().join("tile/0/001")).unwrap();
    assert_eq!(tiles.published("tile/0/001.p/3".parse().unwrap()).unwrap_err().class(), Class::Gap);
}

#[test]
fn published_logs_hold_exactly_the_files_of_their_size() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    writer.publish(&signed(0)).unwrap();
    assert_eq!(names(home.path()), ["checkpoint"]);
    for (size, expect) in [
        (3, vec!["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"]),
        (256, vec!["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"]),
        (
            600,
            vec![
                "checkpoint",
                "tile/0/000",
                "tile/0/001",
                "tile/0/002.p/88",
                "tile/1/000.p/2",
                "tile/entries/000",
                "tile/entries/001",
                "tile/entries/002.p/88",
            ],
        ),
    ] {
        grow(&mut writer, size);
        assert_eq!(writer.root(), frontier(size).root());
        writer.publish(&signed(size)).unwrap();
        assert_eq!(names(home.path()), expect);
    }
}

#[test]
fn proofs_made_from_files_verify() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    grow(&mut writer, 777);
    writer.publish(&signed(777)).unwrap();
    let directory = TileDir::open(home.path());
    let (size, root) = (TreeSize(777), frontier(777).root());
    let tree = directory.tree(size);
    assert_eq!(root_at(&tree, size).unwrap(), root);
    for n in [0, 1, 255, 256, 511, 512, 775, 776] {
        let path = inclusion_path(&tree, EntryIndex(n), size).unwrap();
        verify_inclusion(&leaf_hash(&entry(n)), EntryIndex(n), size, &path, &root).unwrap();
        let old = TreeSize(n);
        let path = consistency_path(&tree, old, size).unwrap();
        verify_consistency(old, &frontier(n).root(), size, &root, &path).unwrap();
        assert_eq!(root_at(&tree, old).unwrap(), frontier(n).root());
    }
}

#[test]
fn two_levels_of_full_tiles_are_written_and_recovered() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    let size = 65_536 + 300;
    grow(&mut writer, size);
    writer.publish(&signed(size)).unwrap();
    let before = files(home.path());
    assert!(before.contains_key(Path::new("tile/1/000")) && before.contains_key(Path::new("tile/2/000.p/1")));
    drop(writer);
    let mut writer = TileWriter::open(home.path()).unwrap();
    assert_eq!((writer.size(), writer.root()), (TreeSize(size), frontier(size).root()));
    grow(&mut writer, size + 700);
    writer.publish(&signed(size + 700)).unwrap();
}

#[test]
fn a_writer_goes_on_after_a_crash_at_any_step() {
    // The files after each publication, and all unions of an older and a newer state in writing order. Of what no
    // checkpoint covers yet, a power failure may leave the name without the content.
    let full = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(full.path()).unwrap();
    grow(&mut writer, 250);
    writer.publish(&signed(250)).unwrap();
    let old = files(full.path());
    grow(&mut writer, 520);
    writer.publish(&signed(520)).unwrap();
    let new = files(full.path());
    let order = [
        "tile/entries/000",
        "tile/0/000",
        "tile/entries/001",
        "tile/0/001",
        "tile/entries/002.p/8",
        "tile/0/002.p/8",
        "tile/1/000.p/2",
        "checkpoint",
    ];
    for written in 0..=order.len() {
        let home = tempfile::tempdir().unwrap();
        let put = |path: &Path, bytes: &[u8]| {
            fs::create_dir_all(home.path().join(path).parent().unwrap()).unwrap();
            fs::write(home.path().join(path), bytes).unwrap();
        };
        for (path, bytes) in &old {
            put(path, bytes);
        }
        order[..written].iter().for_each(|path| put(Path::new(path), &new[Path::new(path)]));
        if let Some(next) = order.get(written) {
            put(&PathBuf::from(format!("{next}.tmp")), b"torn");
        }
        if written < order.len() {
            order[..written].iter().for_each(|path| put(Path::new(path), b""));
        }
        let mut writer = TileWriter::open(home.path()).unwrap_or_else(|e| panic!("after {written} steps: {e}"));
        assert_eq!(writer.size().0, if written < order.len() { 250 } else { 520 });
        grow(&mut writer, 520);
        writer.publish(&signed(520)).unwrap();
        assert_eq!(names(home.path()), names(full.path()), "after {written} steps");
        assert!(files(home.path()) == new, "after {written} steps");
    }
}

#[test]
fn a_checkpoint_of_another_tree_is_not_published() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    grow(&mut writer, 5);
    for wrong in [4, 6] {
        assert_eq!(writer.publish(&signed(wrong)).unwrap_err().class(), Class::BadProof);
    }
    assert!(names(home.path()).is_empty());
    assert!(matches!(writer.append(&vec![0; crate::entry::ENTRY_BYTES_MAX + 1]), Err(Error::TooLong { .. })));
}

#[test]
fn what_is_prepared_is_durable_beside_what_is_published_and_goes_when_it_is_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    grow(&mut writer, 300);
    writer.publish(&signed(300)).unwrap();
    let partials = |sizes: &[u64]| {
        let of = |size: u64| Part::all(TreeSize(size)).filter_map(move |part| TilePath::partial(part, TreeSize(size)));
        sizes.iter().copied().flat_map(of).map(|tile| tile.to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    let kept = || names(home.path()).into_iter().filter(|name| name.contains(".p/")).collect();
    for size in [301, 301, 350, 511, 512, 700] {
        grow(&mut writer, size);
        writer.prepare(&signed(size)).unwrap();
        assert_eq!(partials(&[300, size]), kept(), "{size}");
        assert_eq!(TileDir::open(home.path()).checkpoint().unwrap().unwrap(), signed(300));
        // Proofs of what is prepared can be made, and those of what is published.
        let tree = TileDir::open(home.path());
        consistency_path(&tree.tree(TreeSize(size)), TreeSize(300), TreeSize(size)).unwrap();
        assert_eq!(root_at(&tree.tree(TreeSize(300)), TreeSize(300)).unwrap(), frontier(300).root());
    }
    assert!(matches!(writer.prepare(&signed(699)), Err(Error::NotThisTree { .. } | Error::InFile { .. })));
    writer.publish(&signed(700)).unwrap();
    assert_eq!(partials(&[700]), kept());
    // What a crash leaves of a preparation goes with the next opening.
    grow(&mut writer, 720);
    writer.prepare(&signed(720)).unwrap();
    drop(writer);
    let mut writer = TileWriter::open(home.path()).unwrap();
    assert_eq!((partials(&[700]), writer.size()), (kept(), TreeSize(700)));
    grow(&mut writer, 720);
    writer.publish(&signed(720)).unwrap();
    assert_eq!(partials(&[720]), kept());
}

#[test]
fn a_writer_refuses_files_that_are_not_what_was_published() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = TileWriter::open(home.path()).unwrap();
    grow(&mut writer, 300);
    writer.publish(&signed(300)).unwrap();
    let before = files(home.path());
    for (file, class) in [("checkpoint", None), ("tile/entries/001.p/44", Some(Class::Gap))] {
        fs::remove_file(home.path().join(file)).unwrap();
        assert_eq!(TileWriter::open(home.path()).err().map(|e| e.class()), class, "{file}");
        for (path, bytes) in &before {
            fs::create_dir_all(home.path().join(path).parent().unwrap()).unwrap();
            fs::write(home.path().join(path), bytes).unwrap();
        }
    }
    let mut tile = before[Path::new("tile/0/000")].clone();
    tile[40] ^= 1;
    fs::write(home.path().join("tile/0/000"), tile).unwrap();
    assert_eq!(TileWriter::open(home.path()).unwrap_err().class(), Class::BadProof);
}

#[test]
fn bundles_are_refused_when_lengths_or_counts_are_wrong() {
    for (bytes, width, ok) in [
        (&b"\0\x01a\0\0\0\x02bc"[..], 3, true),
        (b"", 0, true),
        (b"\0\x01a", 2, false),
        (b"\0\x01a\0\x01b", 1, false),
        (b"\0", 1, false),
        (b"\0\x02a", 1, false),
        (b"\0\x01ab", 1, false),
    ] {
        assert_eq!(Bundle::parse(bytes.to_vec(), width).is_ok(), ok, "{bytes:?}");
    }
}
