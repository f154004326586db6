//! The copy in another place: whether it can be read and written, by a probe that is taken away again, and how far it has come.
//!
//! Whose credentials are in the keys is told of by the running server only. What differs there is the server's to find.

use std::path::Path;
use std::time::Duration;

use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::tile::{Bundle, CHECKPOINT, Part, TilePath, WIDTH};
use lww_audit::{Entry, SignedCheckpoint, TileDir};

use super::{Check, said};
use crate::app::AppError;
use crate::app::config::{Config, MirrorConfig, MirrorPlace};
use crate::app::mirror;
use crate::crypto::secrets::SecretRef;
use crate::limits::MIRROR_BEHIND_S_WARN;
use crate::ports::{Objects, ObjectsError};
use crate::units::{MICROS_PER_SECOND, Timestamp, TreeSize};

const REACH: &str = "mirror.reach";
const BEHIND: &str = "mirror.behind";
/// No log's name: logs' objects are in folders.
const PROBE: &str = "lww-doctor-probe";
const PROBE_BYTES: &[u8] = b"put here by lww doctor, which takes it away again\n";

/// A log whose copy is not as far as what is published here.
struct Behind {
    log: String,
    entries: u64,
    /// When the first entry that is missing there was recorded; `None` when that can't be read here.
    since: Option<Timestamp>,
}

/// Whether the copy's place can be used, and how far the copies have come.
pub(super) async fn examine(config: &Config, mirror: &MirrorConfig, now: Timestamp) -> Vec<Check> {
    let is_keys = |(_, secret): &(_, &SecretRef)| matches!(secret, SecretRef::Keys(_));
    if mirror.secrets().iter().any(is_keys) {
        let why = said("its credentials are in the server's keys", "访问凭据保存在服务的密钥目录中，此处不检查");
        return vec![Check::skipped(REACH, why)];
    }
    if let MirrorPlace::Folder(folder) = &mirror.place
        && !folder.exists()
    {
        let (en, zh) = (
            format!("{} is made at the next start", folder.display()),
            format!("{} 将在下次启动时创建", folder.display()),
        );
        return vec![Check::skipped(REACH, said(en, zh))];
    }
    let objects = match mirror::objects(&mirror.place, SecretRef::resolve_without_keys) {
        Ok(objects) => objects,
        Err(error) => return vec![unusable(&error)],
    };
    let reach = reached(objects.place(), probe(&*objects).await);
    if !matches!(reach.state, super::State::Ok | super::State::Warn) {
        return vec![reach];
    }
    let wait = Duration::from_secs(u64::from(mirror.every_s)).max(Duration::from_secs(MIRROR_BEHIND_S_WARN));
    match behind(&config.data_dir.join("audit"), &*objects).await {
        Ok(behind) => vec![reach, judged(&behind, now, wait)],
        Err(reason) => vec![reach, Check::skipped(BEHIND, said(reason.to_string(), format!("无法读取：{reason}")))],
    }
}

fn unusable(error: &AppError) -> Check {
    let mend = said("mend `[mirror]` in the configuration", "修改配置中的 `[mirror]`");
    Check::fail(REACH, said(error.to_string(), format!("异地副本配置不可用：{error}")), mend)
}

/// Puts an object, reads it and takes it away; whether it could be taken away.
async fn probe(objects: &dyn Objects) -> Result<bool, ObjectsError> {
    objects.replace(PROBE, PROBE_BYTES.to_vec()).await?;
    let read = objects.get(PROBE, PROBE_BYTES.len()).await?;
    if read.as_deref() != Some(PROBE_BYTES) {
        return Err(ObjectsError::Refused("what was put there is not what is read from there"));
    }
    match objects.remove(PROBE).await {
        Ok(()) => Ok(true),
        Err(ObjectsError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Judges what came of the probe.
fn reached(place: &str, probed: Result<bool, ObjectsError>) -> Check {
    match probed {
        Ok(true) => Check::ok(REACH, said(format!("{place} can be read and written"), format!("{place} 可读写"))),
        Ok(false) => Check::ok(
            REACH,
            said(
                format!("{place} can be read and written, and keeps everything: {PROBE} stays there"),
                format!("{place} 可读写，但不允许删除：{PROBE} 会留在那里"),
            ),
        ),
        Err(error) => Check::fail(
            REACH,
            said(format!("{place}: {error}"), format!("{place}：{}", chinese(&error))),
            said(
                "see that it runs, the way there, its certificate and the credentials; until then nothing new is copied",
                "检查其运行状态、网络、证书和访问凭据；在此之前不会有新的副本",
            ),
        ),
    }
}

fn chinese(error: &ObjectsError) -> String {
    match error {
        ObjectsError::Unreachable(_) => "没有应答，或应答无法理解".to_owned(),
        ObjectsError::Untrusted(_) => "其证书不是由 mirror.s3.ca 签发、不是签给该地址，或已过期".to_owned(),
        ObjectsError::Refused(_) => "拒绝了访问凭据或请求，或存储桶不存在".to_owned(),
        ObjectsError::TooLong { name, bytes_max } => format!("{name} 超过 {bytes_max} 字节"),
    }
}

/// The logs whose copies are behind what is published in a folder.
async fn behind(folder: &Path, objects: &dyn Objects) -> Result<Vec<Behind>, ObjectsError> {
    let mut all = Vec::new();
    for found in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let tiles = TileDir::open(found.path());
        // What can't be read here is told by whoever checks files.
        let Ok(Some(signed)) = tiles.checkpoint() else { continue };
        let ours = signed.unverified();
        let log = ours.origin.to_string();
        let copied = objects.get(&format!("{log}/{CHECKPOINT}"), NOTE_BYTES_MAX).await?;
        let copied = copied.and_then(|bytes| SignedCheckpoint::parse(&bytes).ok());
        let theirs = copied.map_or(TreeSize(0), |signed| signed.unverified().size);
        if theirs < ours.size {
            let since = recorded_at(&tiles, theirs, ours.size);
            all.push(Behind { log, entries: ours.size.0 - theirs.0, since });
        }
    }
    Ok(all)
}

/// When the first entry beyond a size was recorded.
fn recorded_at(tiles: &TileDir, beyond: TreeSize, size: TreeSize) -> Option<Timestamp> {
    let tile = TilePath::in_tree(Part::Entries, beyond.0 / WIDTH, size)?;
    let bundle = Bundle::parse(tiles.published(tile).ok()??, tile.width).ok()?;
    let at = usize::try_from(beyond.0 % WIDTH).ok()?;
    let entry = bundle.entries().nth(at).and_then(|entry| Entry::parse(entry.bytes).ok())?;
    Some(entry.time)
}

/// Judges how far the copies have come.
fn judged(all: &[Behind], now: Timestamp, wait: Duration) -> Check {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    let is_late =
        |one: &&Behind| one.since.is_none_or(|since| now.as_micros().saturating_sub(since.as_micros()) > wait);
    let told = |late: &[&Behind]| {
        late.iter().map(|one| format!("{} ({})", one.log, one.entries)).collect::<Vec<_>>().join(", ")
    };
    let late: Vec<&Behind> = all.iter().filter(is_late).collect();
    if late.is_empty() {
        let most = all.iter().map(|one| one.entries).max().unwrap_or(0);
        return Check::ok(
            BEHIND,
            said(format!("at most {most} entries behind, for minutes"), format!("最多落后 {most} 条，仅数分钟")),
        );
    }
    let minutes = wait / MICROS_PER_SECOND / 60;
    let list = told(&late);
    Check::warn(
        BEHIND,
        said(
            format!("behind for more than {minutes} minutes, by so many entries: {list}"),
            format!("落后超过 {minutes} 分钟的账本（条数）：{list}"),
        ),
        said(
            "see `mirror_behind` or `audit_found` in the server's log: it says what keeps it",
            "查看服务日志中的 `mirror_behind` 或 `audit_found`，其中写明原因",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000 * MICROS_PER_SECOND);

    #[test]
    fn what_came_of_the_probe_is_told_in_both_languages() {
        let failed = |error| (Err(error), State::Fail);
        for (probed, expect) in [
            (Ok(true), State::Ok),
            (Ok(false), State::Ok),
            failed(ObjectsError::Unreachable("no")),
            failed(ObjectsError::Untrusted("no")),
            failed(ObjectsError::Refused("no")),
            failed(ObjectsError::TooLong { name: PROBE.to_owned(), bytes_max: 1 }),
        ] {
            let check = reached("the place", probed);
            assert_eq!((check.code, check.state, check.change.is_some()), (REACH, expect, expect == State::Fail));
            assert!(check.found.en.contains("the place") && !check.found.zh.is_ascii(), "{check:?}");
        }
    }

    #[test]
    fn a_copy_is_late_when_what_it_lacks_is_old_and_not_when_it_is_much() {
        let wait = Duration::from_secs(600);
        let behind = |entries, ago_s: Option<i64>| Behind {
            log: "lww.test/demo/1".to_owned(),
            entries,
            since: ago_s.map(|ago_s| Timestamp::from_micros(NOW.as_micros() - ago_s * MICROS_PER_SECOND)),
        };
        for (all, expect) in [
            (vec![], State::Ok),
            (vec![behind(1_000_000, Some(600))], State::Ok),
            (vec![behind(1_000_000, Some(5)), behind(1, Some(601))], State::Warn),
            (vec![behind(1, None)], State::Warn),
        ] {
            let check = judged(&all, NOW, wait);
            assert_eq!((check.code, check.state), (BEHIND, expect), "{check:?}");
            assert_eq!(check.found.en.contains("lww.test/demo/1 (1)"), expect == State::Warn);
        }
    }
}
