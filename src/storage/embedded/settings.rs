//! The settings that the embedded PostgreSQL runs with.
//!
//! Deliberately not configurable: durability, logging and where it listens. An operator's own
//! tuning goes into `tuning.conf` beside the generated file; what is fixed here comes after it and
//! wins. Source: PostgreSQL 15 manual, chapter 20 (Server Configuration) and 21.1 (`pg_hba.conf`).

use std::path::Path;

/// Port number that names the socket file; nothing listens on TCP.
pub(super) const SOCKET_PORT: u16 = 5432;

/// Most connections that the server may hold open at once; each log takes about eight.
const CONNECTIONS_MAX: u32 = 200;

/// Bounds of the shared buffers in MiB; between them an eighth of the memory is used.
const SHARED_BUFFERS_MIN_MIB: u64 = 128;
const SHARED_BUFFERS_MAX_MIB: u64 = 1024;

/// Who may connect how: password proofs over the socket and nothing else.
pub(super) const HBA: &str = "\
# Written at creation. Only the socket, only SCRAM.
local all all scram-sha-256
";

/// Where the operator tunes; empty at creation.
pub(super) const TUNING: &str = "\
# Yours: read after the server's own choices and before what it insists on.
";

/// Renders `postgresql.conf` for a socket in `socket_dir` on a machine with `memory_mib` of memory.
pub(super) fn render(socket_dir: &Path, memory_mib: u64) -> String {
    let shared_buffers_mib = (memory_mib / 8).clamp(SHARED_BUFFERS_MIN_MIB, SHARED_BUFFERS_MAX_MIB);
    let socket_dir = quoted(&socket_dir.display().to_string());
    format!(
        "# Written by the server at each start: changes here are lost. Tune in tuning.conf.
shared_buffers = {shared_buffers_mib}MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
jit = off
autovacuum_naptime = 15s
default_statistics_target = 10
include_if_exists = 'tuning.conf'

# Durability: an acknowledged entry survives a power cut.
fsync = on
full_page_writes = on
synchronous_commit = on

# One private socket.
listen_addresses = ''
port = {SOCKET_PORT}
unix_socket_directories = {socket_dir}
unix_socket_permissions = 0700
password_encryption = scram-sha-256
max_connections = {CONNECTIONS_MAX}

# The log never holds row content. A session's errors are not logged at all: the primary message
# itself may quote a value ('invalid input syntax for type integer: \"...\"'), and the server that
# caused it gets the error anyway. Crash reports lose their DETAIL, which quotes the statement.
logging_collector = off
log_destination = 'stderr'
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_duration = off
log_min_duration_statement = -1
log_min_duration_sample = -1
log_transaction_sample_rate = 0
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p] '
lc_messages = 'C'
timezone = 'UTC'
log_timezone = 'UTC'
cluster_name = 'liaowaiwai'
"
    )
}

/// Reads the machine's memory in MiB from the text of `/proc/meminfo`; 0 if it is not there.
pub(super) fn memory_mib(meminfo: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}

/// Quotes a value for `postgresql.conf`: a quote inside is doubled.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''").replace('\\', "\\\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_settings_come_after_the_operators_tuning() {
        let text = render(Path::new("/run/x"), 4096);
        let include = text.find("include_if_exists").unwrap();
        for fixed in ["fsync", "full_page_writes", "listen_addresses", "log_min_messages"] {
            let at = text.find(&format!("\n{fixed} =")).unwrap();
            assert!(at > include, "{fixed} could be overridden");
        }
    }

    #[test]
    fn shared_buffers_stay_within_bounds() {
        for (memory_mib, expect) in [(0, 128), (512, 128), (4096, 512), (1 << 20, 1024)] {
            let text = render(Path::new("/run/x"), memory_mib);
            assert!(text.contains(&format!("shared_buffers = {expect}MB\n")), "{memory_mib}");
        }
    }

    #[test]
    fn a_quote_in_the_socket_path_cannot_add_a_setting() {
        let text = render(Path::new("/run/it's"), 0);
        assert!(text.contains("unix_socket_directories = '/run/it''s'\n"));
    }

    #[test]
    fn memory_is_read_from_meminfo_and_missing_memory_is_zero() {
        assert_eq!(memory_mib("MemFree: 1 kB\nMemTotal:       24684092 kB\n"), 24_105);
        assert_eq!(memory_mib("MemTotal: much kB\n"), 0);
        assert_eq!(memory_mib(""), 0);
    }
}
