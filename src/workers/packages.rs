//! Makes evidence packages out of published tiles, and keeps each as one private file.
//!
//! A package is gathered in a folder that nobody looks into, packed, and named last: what was broken off is never taken for a
//! package. It decides neither who may have one nor for how long. Source: `audit/FORMAT.md`, "Evidence packages".

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lww_audit::export::{Package, Request, Source, gather, pack};
use lww_audit::{Error, Note, TileDir};
use tokio::runtime::Handle;

use crate::ports::{PackageError, Packages, Signer, Wanted};
use crate::units::PackageId;

/// The mode of the folder: the server's own account alone.
const FOLDER_MODE: u32 = 0o700;
/// The mode of a package.
const FILE_MODE: u32 = 0o600;

/// One log's packages.
pub struct PackageFolder {
    tiles: PathBuf,
    folder: PathBuf,
    signer: Arc<dyn Signer>,
}

impl PackageFolder {
    /// Makes the folder empty: what an earlier run of the server left is nobody's any more.
    ///
    /// # Errors
    /// The system's.
    pub fn open(tiles: &Path, folder: &Path, signer: Arc<dyn Signer>) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        Ok(Self { tiles: tiles.to_owned(), folder: folder.to_owned(), signer })
    }

    fn path(&self, id: PackageId, extension: &str) -> PathBuf {
        self.folder.join(format!("{id}.{extension}"))
    }

    fn gathered(&self, draft: &Path, wanted: Wanted, source: &mut dyn Source) -> Result<(), PackageError> {
        let tiles = TileDir::open(&self.tiles);
        let checkpoint = tiles.checkpoint().map_err(PackageError::Log)?.ok_or(PackageError::NotPublished)?;
        if checkpoint.unverified().size.0 <= wanted.until.0 {
            return Err(PackageError::NotPublished);
        }
        let Wanted { scopes, made, staff, policies, bytes_max, until: _ } = wanted;
        let request = Request { scopes, made, checkpoint, staff, policies, bytes_max };
        let draft = gather(draft, &tiles, &request, source).map_err(|error| {
            let too_large = if let Error::TooLong { got, .. } = &error { Some(*got) } else { None };
            too_large
                .filter(|got| *got > bytes_max)
                .map_or(PackageError::Log(error), |got| PackageError::TooLarge { got })
        })?;
        let signed = Handle::current().block_on(self.signer.sign(draft.text()))?;
        let signed = Note::parse(signed.as_bytes()).map_err(PackageError::Log)?;
        draft.sign(signed.signatures().to_vec()).map_err(PackageError::Log)
    }

    fn packed(&self, draft: &Path, id: PackageId) -> Result<u64, PackageError> {
        let (part, whole) = (self.path(id, "part"), self.path(id, "tar"));
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&part)?;
        let package = Package::open(draft).map_err(PackageError::Log)?;
        pack(&package, BufWriter::new(&file)).map_err(PackageError::Log)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&part, &whole)?;
        Ok(bytes)
    }
}

impl Packages for PackageFolder {
    fn make(&self, id: PackageId, wanted: Wanted, source: &mut dyn Source) -> Result<u64, PackageError> {
        let draft = self.path(id, "draft");
        let made = self.gathered(&draft, wanted, source).and_then(|()| self.packed(&draft, id));
        let cleared = absent(fs::remove_dir_all(&draft)).and_then(|()| absent(fs::remove_file(self.path(id, "part"))));
        let bytes = made?;
        cleared?;
        Ok(bytes)
    }

    fn open(&self, id: PackageId) -> io::Result<File> {
        OpenOptions::new().read(true).open(self.path(id, "tar"))
    }

    fn remove(&self, id: PackageId) -> io::Result<()> {
        absent(fs::remove_file(self.path(id, "tar")))
    }
}

/// What is not there needs no removing.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use async_trait::async_trait;
    use lww_audit::entry::Detail;
    use lww_audit::export::Scope;
    use lww_audit::{Checkpoint, Entry, NoteSigner, Opened, SignedCheckpoint, TileWriter};

    use super::*;
    use crate::ports::SignError;
    use crate::units::{EntryIndex, Hash, Id128, Origin, Timestamp};

    struct Key(NoteSigner);

    #[async_trait]
    impl Signer for Key {
        async fn sign(&self, body: &str) -> Result<String, SignError> {
            let note = Note::new(body.to_owned(), vec![self.0.sign(body)]);
            note.map(|note| note.to_string()).map_err(|_| SignError { reason: "no note" })
        }

        fn vkey(&self) -> String {
            self.0.verifier_key().to_string()
        }
    }

    fn origin() -> Origin {
        Origin::new("lww.test", "demo", 1).unwrap()
    }

    /// A log of this many entries without content.
    fn publish(tiles: &Path, size: u64, key: &NoteSigner) {
        let mut writer = TileWriter::open(tiles).unwrap();
        let mut prev = Hash::ZERO;
        for seq in 0..size {
            let text = format!(
                "{{\"actor\":{{\"id\":\"{}\",\"role\":\"server\"}},\"kind\":\"server.stopped/1\",\"log\":\"{}\",\
                 \"prev\":\"{prev}\",\"seq\":{seq},\"tenant\":\"demo\",\"time\":\"2026-01-05T01:00:00.{:06}Z\",\"v\":1}}",
                Id128([0; 16]),
                origin(),
                seq + 1
            );
            let entry = Entry::parse(text.as_bytes()).unwrap();
            assert_eq!(entry.detail, Detail::Null);
            prev = lww_audit::merkle::leaf_hash(text.as_bytes());
            writer.append(text.as_bytes()).unwrap();
        }
        let checkpoint = Checkpoint { origin: origin(), size: writer.size(), root: writer.root() };
        writer.publish(&SignedCheckpoint::sign(checkpoint, &[key]).unwrap()).unwrap();
    }

    fn wanted(until: u64, bytes_max: u64) -> Wanted {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let range = Scope::Range { from: time("2026-01-05T00:00:00.000000Z"), to: time("2026-01-06T00:00:00.000000Z") };
        let (staff, policies) = (BTreeMap::new(), Vec::new());
        let made = time("2026-01-06T01:00:00.000000Z");
        Wanted { scopes: vec![range], made, until: EntryIndex(until), staff, policies, bytes_max }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_package_is_private_the_same_twice_and_leaves_nothing_when_it_fails() {
        let home = tempfile::tempdir().unwrap();
        let (tiles, folder) = (home.path().join("tiles"), home.path().join("evidence/demo-1"));
        let key = NoteSigner::from_seed(origin().as_str(), &[7; 32]).unwrap();
        publish(&tiles, 300, &key);
        fs::create_dir_all(folder.join("left.draft")).unwrap();
        let packages = PackageFolder::open(&tiles, &folder, Arc::new(Key(key))).unwrap();
        assert_eq!(names(&folder), Vec::<String>::new(), "what an earlier run left is gone");
        let [one, other, late, large] = [1, 2, 3, 4].map(|byte| PackageId::from_random([byte; 16]));
        let done = tokio::task::spawn_blocking(move || {
            let mut nothing = |_: &Entry| Ok(Vec::<Opened>::new());
            let bytes = packages.make(one, wanted(299, u64::MAX), &mut nothing).unwrap();
            assert_eq!(packages.make(other, wanted(299, u64::MAX), &mut nothing).unwrap(), bytes);
            let refused = packages.make(late, wanted(300, u64::MAX), &mut nothing);
            assert!(matches!(refused, Err(PackageError::NotPublished)), "{refused:?}");
            let refused = packages.make(large, wanted(299, 1_000), &mut nothing);
            assert!(matches!(refused, Err(PackageError::TooLarge { .. })), "{refused:?}");
            packages
        });
        let packages = done.await.unwrap();
        assert_eq!(names(&folder), [format!("{one}.tar"), format!("{other}.tar")]);
        for (path, mode) in [(folder.clone(), 0o700), (folder.join(format!("{one}.tar")), 0o600)] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        let read = |id| {
            let mut bytes = Vec::new();
            packages.open(id).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(read(one), read(other), "the same wish gives the same bytes");
        packages.remove(one).unwrap();
        packages.remove(one).unwrap();
        assert_eq!(names(&folder), [format!("{other}.tar")]);
    }
}
