//! Swap: what memory held of keys and messages may be written there, and stays when both are destroyed.
//!
//! It is told by `/proc/swaps`, and whether a device is encrypted by the kernel's device mapper.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, said};

const CODE: &str = "memory.swap";
const SWAPS: &str = "/proc/swaps";
const DEVICES: &str = "/sys/class/block";
/// Devices that lie on one another; nobody stacks more.
const DEPTH_MAX: usize = 8;

/// Whether memory may be written to a disk that is not encrypted.
pub(super) fn examine() -> Check {
    match fs::read_to_string(SWAPS) {
        Ok(text) => judged(&places(&text), |place| is_encrypted(Path::new(DEVICES), place)),
        Err(error) => Check::skipped(CODE, said(format!("{SWAPS}: {}", error.kind()), format!("{SWAPS}：无法读取"))),
    }
}

/// Devices and files that the kernel swaps to: the first word of each line but the first.
fn places(text: &str) -> Vec<PathBuf> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(PathBuf::from).collect()
}

/// Judges where memory may be written to.
fn judged(places: &[PathBuf], is_encrypted: impl Fn(&Path) -> bool) -> Check {
    let open: Vec<String> =
        places.iter().filter(|place| !is_encrypted(place)).map(|place| place.display().to_string()).collect();
    if places.is_empty() {
        return Check::ok(CODE, said("no swap", "未启用交换空间"));
    }
    if open.is_empty() {
        return Check::ok(CODE, said("swap is encrypted, or in memory", "交换空间已加密，或位于内存"));
    }
    let list = open.join(", ");
    Check::warn(
        CODE,
        said(format!("swap that is not known to be encrypted: {list}"), format!("无法确认已加密的交换空间：{list}")),
        said(
            "switch it off (`swapoff -a`) or encrypt it with a key that is new at each boot: what memory held outlives an erasure there",
            "关闭（`swapoff -a`），或以每次开机更换的密钥加密：内存内容写入交换空间后，删除客户数据也不能清除",
        ),
    )
}

/// Whether a device is a memory's, or dm-crypt's, itself or all that it lies on. Of a file nobody can tell.
fn is_encrypted(devices: &Path, place: &Path) -> bool {
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let name = place.strip_prefix("/dev").ok().and_then(Path::to_str);
    name.is_some_and(|name| encrypted(devices, name, DEPTH_MAX))
}

fn encrypted(devices: &Path, name: &str, depth: usize) -> bool {
    let device = devices.join(name);
    let is_crypt = |uuid: String| uuid.starts_with("CRYPT-");
    if name.starts_with("zram") || fs::read_to_string(device.join("dm/uuid")).is_ok_and(is_crypt) {
        return true;
    }
    let below: Vec<_> = fs::read_dir(device.join("slaves")).into_iter().flatten().flatten().collect();
    let is_good = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| encrypted(devices, name, depth - 1));
    depth > 0 && !below.is_empty() && below.iter().all(|one| is_good(&one.file_name()))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn swap_is_told_unless_it_is_encrypted() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-1  partition\t8388604\t0\t-2\n/swapfile file 1 0 -3\n";
        let all = places(text);
        assert_eq!(all, [Path::new("/dev/dm-1"), Path::new("/swapfile")]);
        assert!(places("Filename Type Size Used Priority\n").is_empty());
        for (places, good, expect) in [
            (&all[..0], "", State::Ok),
            (&all[..1], "/dev/dm-1", State::Ok),
            (&all[..], "/dev/dm-1", State::Warn),
            (&all[1..], "", State::Warn),
        ] {
            let check = judged(places, |place| place == Path::new(good));
            assert_eq!((check.state, check.change.is_some()), (expect, expect == State::Warn), "{check:?}");
            assert_eq!(check.found.en.contains("/swapfile"), expect == State::Warn);
        }
    }

    #[test]
    fn a_device_is_encrypted_itself_or_by_all_that_it_lies_on() {
        let home = tempfile::tempdir().unwrap();
        let device = |name: &str, uuid: &str, below: &[&str]| {
            let device = home.path().join(name);
            for one in below {
                fs::create_dir_all(device.join("slaves").join(one)).unwrap();
            }
            fs::create_dir_all(device.join("dm")).unwrap();
            fs::write(device.join("dm/uuid"), uuid).unwrap();
        };
        device("dm-0", "CRYPT-LUKS2-1", &["sda2"]);
        device("dm-1", "LVM-1", &["dm-0"]);
        device("dm-2", "LVM-2", &["dm-0", "sda3"]);
        device("dm-3", "LVM-3", &["dm-3"]);
        fs::create_dir_all(home.path().join("sda2")).unwrap();
        for (place, expect) in [
            ("/dev/dm-0", true),
            ("/dev/dm-1", true),
            ("/dev/dm-2", false),
            ("/dev/dm-3", false),
            ("/dev/sda2", false),
            ("/dev/zram0", true),
            ("/swapfile", false),
        ] {
            assert_eq!(is_encrypted(home.path(), Path::new(place)), expect, "{place}");
        }
    }
}
