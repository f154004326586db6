//! The machine: free space, the clock, the limit of open files, and whether its kernel confines a server.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::{Check, Said, said};
use crate::app::config::Config;
use crate::app::confine;
use crate::telemetry::Confinement;

/// From when on free space is too little.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    /// Below it the check fails, in bytes.
    pub(super) fail_bytes: u64,
    /// Below it the check warns, in bytes.
    pub(super) warn_bytes: u64,
    /// Below it the check warns, in percent of the file system.
    pub(super) warn_percent: u64,
}

const GIB: u64 = 1024 * 1024 * 1024;
const SPACE: Space = Space { fail_bytes: GIB, warn_bytes: 5 * GIB, warn_percent: 20 };

/// Fewer open files than a server starts with.
const FILES_FAIL: u64 = 1_024;
/// Fewer open files than a busy server needs.
const FILES_WARN: u64 = 8_192;

/// How long the clock's service may take to answer, in milliseconds.
const CLOCK_MS_MAX: u64 = 3_000;

/// Free space where the data directory is or will be.
pub(super) fn disk(data_dir: &Path) -> Check {
    let there = data_dir.ancestors().find(|path| path.exists());
    let place = match there {
        Some(path) if !path.as_os_str().is_empty() => path,
        Some(_) | None => Path::new("."),
    };
    match rustix::fs::statvfs(place) {
        Ok(found) => {
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            space(place, bytes(found.f_bavail), bytes(found.f_blocks), SPACE)
        }
        Err(error) => Check::skipped(
            "disk.space",
            said(
                format!("{}: the system says {error}", place.display()),
                format!("{}：系统返回 {error}", place.display()),
            ),
        ),
    }
}

/// Judges free space in bytes.
pub(super) fn space(place: &Path, free_bytes: u64, total_bytes: u64, limits: Space) -> Check {
    let percent = u128::from(free_bytes) * 100 / u128::from(total_bytes.max(1));
    let free_mib = free_bytes / (1024 * 1024);
    let place = place.display();
    let found = said(
        format!("{free_mib} MiB ({percent} %) free at {place}"),
        format!("{place} 剩余 {free_mib} MiB（{percent}%）"),
    );
    let change = said(
        "free or add space: a full disk stops the ledger, and with it every message",
        "清理或扩容磁盘：磁盘写满后账本停止写入，所有消息都会被拒绝",
    );
    if free_bytes < limits.fail_bytes {
        Check::fail("disk.space", found, change)
    } else if free_bytes < limits.warn_bytes || percent < u128::from(limits.warn_percent) {
        Check::warn("disk.space", found, change)
    } else {
        Check::ok("disk.space", found)
    }
}

/// Whether the clock is synchronised, as systemd tells it.
pub(super) async fn clock() -> Check {
    let mut command = tokio::process::Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_millis(CLOCK_MS_MAX), command.output()).await;
    let answer = match &output {
        Ok(Ok(output)) if output.status.success() => std::str::from_utf8(&output.stdout).ok().map(str::trim),
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    };
    synchronised(answer)
}

/// Judges the answer of `timedatectl`.
pub(super) fn synchronised(answer: Option<&str>) -> Check {
    let code = "clock.synchronised";
    match answer {
        Some("yes") => Check::ok(code, said("the clock is synchronised", "系统时钟已同步")),
        Some("no") => Check::warn(
            code,
            said("the clock is not synchronised", "系统时钟未同步"),
            said(
                "run chrony or systemd-timesyncd: `timedatectl set-ntp true`",
                "启用 chrony 或 systemd-timesyncd：`timedatectl set-ntp true`",
            ),
        ),
        Some(_) | None => Check::skipped(
            code,
            said("timedatectl gives no answer here; ask your time service", "timedatectl 没有应答；请向时间服务核实"),
        ),
    }
}

/// Whether a server with this configuration is kept from files that aren't its own.
pub(super) fn confinement(config: &Config) -> Check {
    confined(match (config.confine, config.has_own_database()) {
        (false, _) => Confinement::NotWanted,
        (true, false) => Confinement::PrivateDatabase,
        (true, true) => confine::kernel(),
    })
}

/// Judges how far a server is kept from files that aren't its own.
pub(super) fn confined(how: Confinement) -> Check {
    let code = "confine.kernel";
    match how {
        Confinement::Full => {
            Check::ok(code, said("the kernel keeps the server to its own files", "内核将服务限制在自身文件范围内"))
        }
        Confinement::Partial => Check::ok(
            code,
            said(
                "the kernel keeps the server to its own files, as far as its version can",
                "内核在其版本支持的范围内将服务限制在自身文件",
            ),
        ),
        Confinement::Unsupported | Confinement::Refused => Check::warn(
            code,
            said(
                "the kernel has no Landlock for this process: only the service unit keeps the server to its own files",
                "内核未对本进程提供 Landlock：仅靠服务单元将服务限制在自身文件",
            ),
            said(
                "use Linux 5.13 or newer with landlock in /sys/kernel/security/lsm, and the shipped unit, which allows it; \
                 or accept it with confine = false",
                "使用 Linux 5.13 或更高版本（/sys/kernel/security/lsm 中须有 landlock）以及随附的服务单元；\
                 如接受现状，可设置 confine = false",
            ),
        ),
        Confinement::PrivateDatabase => Check::skipped(
            code,
            said(
                "a private PostgreSQL needs more than the server: the service unit keeps both to their files",
                "内置 PostgreSQL 所需权限多于服务本身：由服务单元限制两者的文件访问",
            ),
        ),
        Confinement::NotWanted => {
            Check::skipped(code, said("confine = false: nobody asks the kernel", "confine = false：未请求内核限制"))
        }
    }
}

/// How many files a server started like this may open. A service has its own limit, which its unit names.
pub(super) fn open_files() -> Check {
    allowed_files(getrlimit(Resource::Nofile).maximum)
}

/// Judges the hard limit of open files; `None` is no limit.
pub(super) fn allowed_files(maximum: Option<u64>) -> Check {
    let code = "limits.open_files";
    let Some(maximum) = maximum else {
        return Check::ok(code, said("open files are not limited", "打开文件数不受限制"));
    };
    let found = said(format!("{maximum} open files allowed"), format!("允许打开 {maximum} 个文件"));
    let change = || -> Said {
        said(
            format!("raise it to 65536 (systemd: LimitNOFILE=65536), at least to {FILES_WARN}"),
            format!("提高到 65536（systemd：LimitNOFILE=65536），至少 {FILES_WARN}"),
        )
    };
    if maximum < FILES_FAIL {
        Check::fail(code, found, change())
    } else if maximum < FILES_WARN {
        Check::warn(code, found, change())
    } else {
        Check::ok(code, found)
    }
}
