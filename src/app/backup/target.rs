//! Where a restore puts things: folders beside the final ones, which get their names when everything is there and verified.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lww_audit::merkle::Frontier;

use super::restore::RestoreError;
use super::{LogAbout, places};
use crate::app::AppError;
use crate::app::config::Config;
use crate::crypto::KeyPlaces;
use crate::ports::{Random, random_bytes};
use crate::storage::FatalError;
use crate::storage::embedded::make_data_dir;
use crate::storage::guard::Guard;
use crate::storage::published::Published;
use crate::units::{Hash, Id128, TreeSize};

/// The folders of one restore. Dropped before [`Target::settle`], it takes away what it made.
pub(super) struct Target {
    /// The configuration with the folders as they are named meanwhile.
    pub(super) config: Config,
    data: Move,
    /// When keys come back to a folder outside the data directory.
    keys: Option<Move>,
    settled: bool,
}

struct Move {
    staged: PathBuf,
    last: PathBuf,
}

impl Move {
    fn plan(last: &Path, random: &dyn Random) -> Self {
        let mut staged = last.as_os_str().to_owned();
        staged.push(format!(".restoring-{}", Id128(random_bytes(random))));
        Self { staged: staged.into(), last: last.to_owned() }
    }

    fn finish(&self) -> Result<(), RestoreError> {
        let refused = RestoreError::file(&self.last);
        fs::rename(&self.staged, &self.last).map_err(refused)?;
        let parent = self.last.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(RestoreError::file(parent))
    }
}

impl Target {
    /// Refuses places that are in use, and makes the data directory under its other name.
    pub(super) fn prepare(config: &Config, with_keys: bool, random: &dyn Random) -> Result<Self, RestoreError> {
        refuse_used(&config.data_dir)?;
        let data = Move::plan(&config.data_dir, random);
        let mut staged = config.clone();
        staged.move_to(&data.staged);
        let outside = staged.keys_dir == config.keys_dir;
        let keys = (with_keys && outside).then(|| Move::plan(&config.keys_dir, random));
        if let Some(keys) = &keys {
            refuse_used(&config.keys_dir)?;
            keys.staged.clone_into(&mut staged.keys_dir);
        }
        make_data_dir(&data.staged).map_err(AppError::from)?;
        Ok(Self { config: staged, data, keys, settled: false })
    }

    /// Where keys are or go.
    pub(super) fn places(&self) -> KeyPlaces {
        places(&self.config)
    }

    /// Takes over the guards that outlived the database, and refuses a backup that is older than they or what was published.
    pub(super) fn keep_guards(&self, known: &Path, name: &str, logs: &[LogAbout]) -> Result<Vec<Kept>, RestoreError> {
        logs.iter().map(|log| self.keep_guard(known, name, log)).collect()
    }

    fn keep_guard(&self, known: &Path, name: &str, log: &LogAbout) -> Result<Kept, RestoreError> {
        let older = |fatal: FatalError| RestoreError::Older { tenant: log.tenant.clone(), reason: fatal };
        let file = format!("{}-{}", log.tenant, log.generation);
        let from = known.join("guard").join(&file);
        let mut kept = Kept { guard: None, roots: Vec::new() };
        // A generation that was opened since would be opened a second time, under the same name.
        let later = log.generation.saturating_add(1);
        if known.join("guard").join(format!("{}-{later}", log.tenant)).exists() {
            return Err(older(FatalError::OtherGeneration { database: log.generation, known: later }));
        }
        if from.exists() {
            let folder = self.config.data_dir.join("guard");
            make_private(&folder)?;
            let to = folder.join(&file);
            fs::copy(&from, &to).map_err(RestoreError::file(&from))?;
            File::open(&to).and_then(|file| file.sync_all()).map_err(RestoreError::file(&to))?;
            let guard = Guard::open(&to).map_err(older)?;
            guard.check_size(log.size()).map_err(older)?;
            kept.guard = guard.frontier().map(Frontier::size);
            kept.roots.extend(guard.frontier().map(|seen| (seen.size(), seen.root())));
        }
        let origin = log.log_name(name).origin().map_err(older)?;
        if let Some(published) = Published::read(&known.join("audit").join(&file), &origin).map_err(older)? {
            published.check_size(log.size()).map_err(older)?;
            let checkpoint = published.checkpoint();
            kept.roots.push((checkpoint.size, checkpoint.root));
        }
        Ok(kept)
    }

    /// Gives everything its name, keys first: a data directory without its keys would look like an accident.
    pub(super) fn settle(mut self) -> Result<(), RestoreError> {
        if let Some(keys) = &self.keys {
            keys.finish()?;
        }
        self.data.finish()?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // As root, the private database may lie elsewhere; its pointer says where. What can't be removed bears a name
        // that says what it is.
        let outside = fs::read_to_string(self.data.staged.join("pg.location")).ok();
        let outside = outside.as_deref().and_then(|text| Path::new(text.trim_end()).parent());
        let _gone = outside.map(fs::remove_dir_all);
        let _gone = fs::remove_dir_all(&self.data.staged);
        let _gone = self.keys.as_ref().map(|keys| fs::remove_dir_all(&keys.staged));
    }
}

/// What is known of a log from what outlived its database.
pub(super) struct Kept {
    /// Size that its guard saw.
    pub(super) guard: Option<TreeSize>,
    /// Roots that it must lead to.
    pub(super) roots: Vec<(TreeSize, Hash)>,
}

fn refuse_used(folder: &Path) -> Result<(), RestoreError> {
    match fs::read_dir(folder) {
        Ok(mut listed) => match listed.next() {
            None => Ok(()),
            Some(_) => Err(RestoreError::InUse(folder.to_owned())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RestoreError::file(folder)(error)),
    }
}

fn make_private(folder: &Path) -> Result<(), RestoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(RestoreError::file(folder))
}
