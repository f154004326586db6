#!/usr/bin/env bash
# The service unit, judged and then enforced by systemd: the server runs under it, and under nothing looser.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/machine.bash"
lww=$(readlink -f "$lww")
unit=$repo/packaging/liaowaiwai.service
witness=$repo/packaging/lww-witness.service
# Tenths of systemd's exposure level; it comes to 1.2 with Debian 12's systemd 252.
exposure_max=15
fail() { echo "unit: $*" >&2; exit 1; }
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "root is needed, to boot a systemd"
  exec sudo -n "CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}" "$0"
fi
needed systemd-analyze systemd
needed systemd-nspawn systemd-container
needed ip iproute2
needed curl curl
needed jq jq

dir=$(mktemp -d /tmp/lww-unit.XXXXXX)
chmod 711 "$dir"
finish() {
  stop_machine
  umount "$dir/root" 2>/dev/null || true
  ip netns del "$net" 2>/dev/null || true
  rm -rf --one-file-system "$dir"
}
trap finish EXIT

# What systemd says of the file.
mkdir "$dir/judged"
for one in liaowaiwai lww-witness; do
  sed "s|/usr/local/bin/lww|$lww|" "$repo/packaging/$one.service" >"$dir/judged/$one.service"
  said=$(systemd-analyze verify --man=no "$dir/judged/$one.service" 2>&1) || fail "systemd-analyze verify: $said"
  [ -z "$said" ] || fail "systemd-analyze verify: $said"
  systemd-analyze security --offline=true --threshold=$exposure_max --no-pager "$dir/judged/$one.service" >"$dir/security" 2>&1 \
    || { cat "$dir/security" >&2; fail "$one exposes more than $exposure_max tenths"; }
  grep 'Overall exposure' "$dir/security"
done
# The same with one wall less must be refused, or the threshold guards nothing.
grep -v '^SystemCallFilter=' "$dir/judged/liaowaiwai.service" >"$dir/loose.service"
! systemd-analyze security --offline=true --threshold=$exposure_max --no-pager "$dir/loose.service" >/dev/null 2>&1 \
  || fail "a unit without a filter of system calls is below the threshold, too"

# What server and PostgreSQL can't do without is in the filter's list, as this systemd reads it.
members() { systemd-analyze syscall-filter "$1" | sed -n 's/^    \([@a-z0-9_-]*\)$/\1/p'; }
flat() {
  local name
  for name in $(members "$1"); do
    case $name in @*) flat "$name" ;; *) echo "$name" ;; esac
  done
}
flat @system-service | sort -u >"$dir/allowed"
{ flat @privileged; flat @resources; } | sort -u >"$dir/denied"
comm -23 "$dir/allowed" "$dir/denied" >"$dir/calls"
sed -n 's/^SystemCallFilter=\([a-z].*\)/\1/p' "$unit" | tr ' ' '\n' >>"$dir/calls"
for call in accept4 bind clone3 connect epoll_wait execve fallocate fdatasync flock fsync futex getrandom io_submit kill landlock_add_rule \
  landlock_create_ruleset landlock_restrict_self listen mkdir mmap openat prctl prlimit64 rename semtimedop sendto setrlimit setsid shmget \
  socket statx sync_file_range unlink; do
  grep -qx "$call" "$dir/calls" || fail "the filter forbids $call"
done
for call in mount ptrace init_module setuid chown reboot bpf; do
  ! grep -qx "$call" "$dir/calls" || fail "the filter allows $call"
done
echo "unit: what is needed is allowed, and what isn't is not"

# This machine's own files, seen by a systemd that was booted on them; what it writes goes to memory and is gone afterwards.
mkdir "$dir/root"
mount --bind / "$dir/root"
make_network
sed 's|/usr/share/liaowaiwai/|/opt/|' "$repo/packaging/lww.toml" >"$dir/lww.toml"
printf '%s\n' 'name = "unit.test"' 'data_dir = "/var/lib/liaowaiwai/bank"' 'database_url = "postgresql://lww_app@127.0.0.1:1/lww"' \
  '[[tenant]]' 'name = "retail"' 'policy = "/etc/liaowaiwai/policy.yaml"' >"$dir/bank.toml"
policy=$(readlink -f "$repo/policies/masking/cn-retail.yaml")
chmod 644 "$dir"/*.toml
boot basic.target "$dir/boot" --directory="$dir/root" --volatile=overlay --bind-ro="$lww:/usr/local/bin/lww" \
  --bind-ro="$unit:/etc/systemd/system/liaowaiwai.service" --bind-ro="$witness:/etc/systemd/system/lww-witness.service" --bind-ro="$dir/lww.toml:/etc/liaowaiwai/lww.toml" \
  --bind-ro="$dir/bank.toml:/etc/liaowaiwai/bank.toml" --bind-ro="$policy:/etc/liaowaiwai/policy.yaml" \
  || {
    tail -5 "$dir/boot" >&2
    echo "unit: SKIPPED the server under it: systemd can't be booted here (root must be allowed to make namespaces and control groups)"
    exit 77
  }
within id liaowaiwai >/dev/null 2>&1 \
  || within useradd --system --user-group --home-dir /var/lib/liaowaiwai --no-create-home --shell /usr/sbin/nologin liaowaiwai
unit_log() { within journalctl --unit liaowaiwai --no-pager --output cat | tail -20; }

# With what is shipped: a private PostgreSQL, whose programs live under the same restrictions.
within systemctl start liaowaiwai || { unit_log >&2; fail "it doesn't start"; }
for tries in $(seq 60); do
  within cat /var/lib/liaowaiwai/certs/ca.pem >"$dir/ca.pem" 2>/dev/null || true
  if here curl -sS -f -m 5 --cacert "$dir/ca.pem" https://127.0.0.1:8443/readyz >"$dir/answer" 2>&1; then break; fi
  [ "$tries" != 60 ] || { cat "$dir/answer" >&2; unit_log >&2; fail "it doesn't become ready"; }
  sleep 0.5
done
pid=$(within systemctl show --property=MainPID --value liaowaiwai)
for line in 'NoNewPrivs:	1' 'Seccomp:	2' 'CapBnd:	0000000000000000'; do
  within grep -qx "$line" "/proc/$pid/status" || fail "its process lacks: $line"
done
within nsenter --target "$pid" --mount sh -c '! touch /etc/x 2>/dev/null && ! touch /usr/x 2>/dev/null' || fail "the system is not read-only"
within runuser -u liaowaiwai -- env XDG_RUNTIME_DIR=/run/liaowaiwai lww doctor --lang en --config /etc/liaowaiwai/lww.toml \
  || fail "the doctor finds faults"
within systemctl stop liaowaiwai
[ "$(within systemctl show --property=Result --value liaowaiwai)" = success ] || { unit_log >&2; fail "it doesn't stop in order"; }
echo "unit: the server and its private PostgreSQL run, serve and stop under it"

# A witness, by its own unit: it cosigns nothing that is no checkpoint, and stays in its folder.
within id lww-witness >/dev/null 2>&1 \
  || within useradd --system --user-group --home-dir /var/lib/lww-witness --no-create-home --shell /usr/sbin/nologin lww-witness
within install -d -o lww-witness -g lww-witness -m 0700 /var/lib/lww-witness
within runuser -u lww-witness -- lww witness init --dir /var/lib/lww-witness --name audit.test/w1 >"$dir/witness.key" || fail "a witness can't be made"
witness_log() { within journalctl --unit lww-witness --no-pager --output cat | tail -20; }
within systemctl start lww-witness || { witness_log >&2; fail "the witness doesn't start"; }
for tries in $(seq 60); do
  said=$(here curl -sS -m 5 -o /dev/null -w '%{http_code}' --data-binary x http://127.0.0.1:7100/add-checkpoint 2>&1) || true
  if [ "$said" = 400 ]; then break; fi
  [ "$tries" != 60 ] || { witness_log >&2; fail "the witness says $said to what is no checkpoint"; }
  sleep 0.5
done
pid=$(within systemctl show --property=MainPID --value lww-witness)
for line in 'NoNewPrivs:	1' 'Seccomp:	2' 'CapBnd:	0000000000000000'; do
  within grep -qx "$line" "/proc/$pid/status" || fail "the witness's process lacks: $line"
done
within nsenter --target "$pid" --mount sh -c '! touch /etc/x 2>/dev/null && ! touch /var/lib/x 2>/dev/null' || fail "the witness could write elsewhere"
within systemctl stop lww-witness
[ "$(within systemctl show --property=Result --value lww-witness)" = success ] || { witness_log >&2; fail "the witness doesn't stop in order"; }
echo "unit: a witness runs, answers and stops under its own"

# With the bank's PostgreSQL, which isn't there: the server confines itself, says so, and ends. once LINES OF THE UNIT…
once() {
  local drop=/run/systemd/system/liaowaiwai.service.d
  within rm -rf /var/lib/liaowaiwai/bank
  within mkdir -p $drop
  printf '%s\n' '[Service]' 'Restart=no' 'ExecStart=' 'ExecStart=/usr/local/bin/lww run --config /etc/liaowaiwai/bank.toml' \
    'ExecStopPost=-/usr/local/bin/lww doctor --json --config /etc/liaowaiwai/bank.toml' "$@" | within tee $drop/once.conf >/dev/null
  within systemctl daemon-reload
  within systemctl reset-failed liaowaiwai 2>/dev/null || true
  within systemctl start liaowaiwai 2>/dev/null || true
  for _ in $(seq 60); do
    within systemctl is-active --quiet liaowaiwai || [ "$(within systemctl show --property=ActiveState --value liaowaiwai)" = deactivating ] || break
    sleep 0.5
  done
  confined=$(within sh -c 'grep -h "\"event\":\"confined\"" /var/lib/liaowaiwai/bank/logs/*.log') || { unit_log >&2; fail "its log doesn't say how it is confined"; }
  judged=$(within journalctl --unit liaowaiwai --no-pager --output cat | grep '^{"checks"' | tail -1 | jq -r '.checks[] | select(.code == "confine.kernel").state')
}
sed "s|/etc/liaowaiwai/policy.yaml|$policy|" "$dir/bank.toml" >"$dir/here.toml"
kernel=$({ "$lww" doctor --json --config "$dir/here.toml" 2>/dev/null || true; } | jq -r '.checks[] | select(.code == "confine.kernel").state')
once
if [ "$kernel" = ok ]; then
  grep -qE '"how":"(Full|Partial)"' <<<"$confined" || fail "the unit keeps the server from confining itself: $confined"
  [ "$judged" = ok ] || fail "the doctor under the unit says $judged of the kernel"
  echo "unit: the server confines itself under it (Landlock)"
else
  echo "unit: SKIPPED that the server confines itself under it: this kernel has no Landlock"
  skipped=77
fi
# As on a kernel without Landlock: the server runs on, warns, and the doctor finds it.
once 'SystemCallFilter=~landlock_create_ruleset landlock_add_rule landlock_restrict_self' 'SystemCallErrorNumber=ENOSYS'
grep -q '"how":"Unsupported"' <<<"$confined" && grep -q '"level":"WARN"' <<<"$confined" || fail "nobody is told: $confined"
[ "$judged" = warn ] || fail "the doctor says $judged where the kernel has no Landlock"
echo "unit: without Landlock the log warns and the doctor tells it"
exit "${skipped:-0}"
