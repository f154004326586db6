#!/usr/bin/env bash
# Installs the Debian package on a bare Debian without a network, as a bank's machine is: demo, service, pages, upgrade, removal.
#
#   tests/package/debian.sh liaowaiwai_VERSION_amd64.deb
#
# Needs root, and for the first part (the bare system and PostgreSQL's packages) the Debian mirror that this machine is configured
# for. What is installed afterwards is installed and run in a network namespace of its own, which has nothing. The service is started
# by a systemd that was booted in there (systemd-nspawn); where that can't be, its command line by hand as its account, and it says so.
set -euo pipefail
deb=$(readlink -f "$1")
[ "$(id -u)" = 0 ] || { echo "root is needed" >&2; exit 1; }
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../outside/lib/common.bash"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../outside/lib/machine.bash"
needed ip iproute2
needed debootstrap debootstrap
needed curl curl
needed systemd-nspawn systemd-container
fail() { echo "debian: $*" >&2; exit 1; }
say() { printf '  %s\n' "$*"; }

# The machine's own mirror and release, whatever they are.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v suite="$suite" '$2 == suite { print $1; exit }')
[ -n "$mirror" ] || fail "apt's sources name no mirror for $suite"

root=$(mktemp -d)
chmod 755 "$root"
by=systemd # What starts the service.

inside() {
  here unshare --pid --fork --mount-proc="$root/proc" \
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}
as_account() { inside runuser -u liaowaiwai -- env HOME=/var/lib/liaowaiwai "$@"; }

# Boots the machine's own systemd and lets it start the unit, with everything that the unit forbids.
start_service() {
  if boot multi-user.target "$root.boot" --directory="$root"; then
    within systemctl enable --now --quiet liaowaiwai || { service_log; fail "systemd can't start the service"; }
    return
  fi
  say "systemd can't be booted here ($(tail -1 "$root.boot")): the unit's command line is run by hand, without what the unit forbids"
  by=hand
  local command
  command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/liaowaiwai.service")
  inside install -d -o liaowaiwai -g liaowaiwai -m 0700 /run/liaowaiwai
  # shellcheck disable=SC2086 # systemd takes the words apart, too
  operator $command >"$root.boot" 2>&1 &
  machine=$!
}

service_log() {
  if [ "$by" = systemd ]; then within journalctl --unit liaowaiwai --no-pager | tail -20 >&2; else tail -20 "$root.boot" >&2; fi
}

# Processes of the server, as this machine counts; those of other installations are not ours to touch.
servers() {
  local pid
  for pid in $(pgrep -x lww); do
    if [ "/proc/$pid/root" -ef "$root" ]; then echo "$pid"; fi
  done
}

# As an operator on the machine, whatever started the service: operator_of ACCOUNT COMMAND…
operator_of() {
  local run=inside account=$1
  shift
  [ "$by" = hand ] || run=within
  $run runuser -u "$account" -- env HOME="/var/lib/$account" XDG_RUNTIME_DIR=/run/liaowaiwai "$@"
}
operator() { operator_of liaowaiwai "$@"; }

stop_service() {
  if [ "$by" = systemd ]; then
    stop_machine
  elif [ -n "$machine" ]; then
    # shellcheck disable=SC2046 # one process each
    kill -TERM $(servers) || true
    wait "$machine" || true
    machine=''
  fi
}

ask() { here curl --silent --show-error --fail --max-time 10 --cacert "$root/var/lib/liaowaiwai/certs/ca.pem" "https://127.0.0.1:8443$1"; }

finish() {
  stop_service
  ip netns del "$net"
  rm -rf --one-file-system "$root" "$root.old" "$root.log" "$root.boot"
}
trap finish EXIT
make_network
config=/etc/liaowaiwai/lww.toml

say "a bare $suite, and PostgreSQL's packages beside it (downloaded now, installed without a network)"
debootstrap --variant=minbase --include=systemd-sysv "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; fail "debootstrap failed"; }
chroot "$root" apt-get install --yes --quiet --no-install-recommends --download-only postgresql >>"$root.log" 2>&1 ||
  { tail -5 "$root.log" >&2; fail "PostgreSQL's packages can't be fetched"; }
mkdir -p "$root/proc" "$root/dev/shm"
chmod 1777 "$root/dev/shm" # As on any machine that was started.

# What an earlier release left on the machine: the same files under a lower version, with another example configuration.
dpkg-deb --raw-extract "$deb" "$root.old"
sed -i 's/^Version: .*/Version: 0.0.0/' "$root.old/DEBIAN/control"
sed -i '1i # An earlier release'\''s example.' "$root.old/$config"
(cd "$root.old" && find usr etc -type f -print0 | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group -Znone --build "$root.old" "$root/old.deb" >/dev/null
rm -rf "$root.old"
cp "$deb" "$root/new.deb"

say "without a network: PostgreSQL, then the package"
! here sh -c 'tail -n +2 /proc/net/route | grep -q .' || fail "there is a network inside"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # No services are started in here.
chmod 755 "$root/usr/sbin/policy-rc.d"
inside sh -c 'export DEBIAN_FRONTEND=noninteractive; dpkg --install /var/cache/apt/archives/*.deb' >>"$root.log" 2>&1 ||
  { tail -5 "$root.log" >&2; fail "PostgreSQL can't be installed"; }
inside dpkg --install /old.deb || fail "the package can't be installed"

say "what it made"
for account in liaowaiwai lww-witness; do
  [ "$(inside stat -c '%U %a' /var/lib/$account)" = "$account 700" ] || fail "/var/lib/$account is not the account's alone"
done
! inside ldd /usr/bin/lww-verify >/dev/null 2>&1 || inside ldd /usr/bin/lww-verify | grep -q 'statically linked' \
  || fail "lww-verify needs libraries of the machine"
as_account lww config check --config $config >/dev/null || fail "its configuration doesn't load"

say "the demo, as the account liaowaiwai"
as_account lww demo --keep /var/lib/liaowaiwai/demo || fail "the demo failed"
as_account sh -c 'lww-verify fsck --vkey /var/lib/liaowaiwai/demo/vkey --receipts /var/lib/liaowaiwai/demo/receipts \
  /var/lib/liaowaiwai/demo/tiles' || fail "lww-verify refuses what the demo left"

say "backup and restore, as the account"
as_account sh -c 'cd && cp demo/data/keys/master.key master.copy &&
  lww backup --data-dir demo/data --to . --keys-to keys.tar &&
  lww restore --data-dir restored --from lww-backup-*.tar --keys-from keys.tar --master-key-from master.copy &&
  lww ledger verify --against-db --data-dir restored' || fail "backup or restore failed"

say "an upgrade keeps the bank's configuration, and lays the new example beside it"
echo '# The bank'\''s own line.' >>"$root$config"
cp "$root$config" "$root/edited.toml"
inside dpkg --force-confdef --install /new.deb </dev/null || fail "the package can't be upgraded"
cmp "$root$config" "$root/edited.toml" || fail "an upgrade changed the configuration"
inside cat $config.dpkg-dist >/dev/null || fail "the new example is nowhere"
[ "$(inside dpkg-query -W -f '${Version}' liaowaiwai)" = "$(dpkg-deb --field "$deb" Version)" ] || fail "it is of another version"

say "the service, with the configuration that is shipped"
start_service
for tries in $(seq 120); do
  if ask /readyz >/dev/null 2>&1; then break; fi
  [ "$tries" != 120 ] || { service_log; fail "the service doesn't become ready"; }
  sleep 1
done
pid=$(servers)
[ "$(stat -c %u "/proc/$pid")" = "$(inside id -u liaowaiwai)" ] || fail "the service doesn't run as its account"
if [ "$by" = systemd ]; then
  grep -qx 'Seccomp:	2' "/proc/$pid/status" || fail "no system call is filtered"
  grep -qxE 'CapBnd:	0+' "/proc/$pid/status" || fail "it could get capabilities"
  [ "$(within systemctl show --property=NRestarts --value liaowaiwai)" = 0 ] || fail "it was restarted"
fi
# Asks for a page and sees that a text is in it: shows PATH TEXT
shows() { ask "$1" >"$root/page" && grep -qiF "$2" "$root/page"; }
ask /healthz >/dev/null || fail "/healthz doesn't answer"
shows /readyz active || fail "/readyz doesn't say that it is active"

say "pages come out of the program"
shows /console/ '<!doctype html>' || fail "there is no console"
files=$(grep -oE '(src|href)="[^"]+\.(js|css)"' "$root/page" | cut -d'"' -f2)
[ -n "$files" ] || fail "the console names no script"
for file in $files; do
  case $file in /*) ;; *) file=/console/${file#./} ;; esac
  shows "$file" '{' || fail "the console's $file is missing"
done
shows /demo/ widget.js || fail "there is no demo page"
shows /widget.js customElements || shows /widget.js attachShadow || fail "there is no widget"

say "lww doctor beside the service, in both languages, and when something is wrong"
for language in en zh; do
  operator lww doctor --lang $language --config $config >"$root/said" 2>&1 || { cat "$root/said" >&2; fail "the doctor finds faults in a new installation"; }
done
grep -q 'postgres.fsync' "$root/said" || fail "the doctor didn't reach PostgreSQL"
chmod 644 "$root/var/lib/liaowaiwai/data/keys/tokens.key"
if operator lww doctor --lang en --config $config >"$root/said" 2>&1; then fail "the doctor doesn't mind a key that others can read"; fi
grep -q '^fail .*files.keys' "$root/said" || { cat "$root/said" >&2; fail "the doctor didn't name the key"; }
chmod 600 "$root/var/lib/liaowaiwai/data/keys/tokens.key"

say "a witness beside it, by its own unit"
witness() { operator_of lww-witness lww witness "$@"; }
witness init --dir /var/lib/lww-witness --name audit.test/w1 >"$root/witness.key" || fail "a witness can't be made"
vkey=$(operator lww ledger vkey --tenant "$(sed -n 's/^name = "\(.*\)"/\1/p' "$root$config" | tail -1)" --config $config) || fail "there is no log's key"
witness add-log --dir /var/lib/lww-witness "$vkey" >/dev/null || fail "the witness takes no log's key"
if [ "$by" = systemd ]; then
  within systemctl start lww-witness || { within journalctl --unit lww-witness --no-pager | tail -20 >&2; fail "systemd can't start the witness"; }
  answers() { here curl -s -m 5 -o /dev/null -w '%{http_code}' --data-binary x http://127.0.0.1:7100/add-checkpoint; }
  for tries in $(seq 60); do
    if [ "$(answers)" = 400 ]; then break; fi
    [ "$tries" != 60 ] || fail "the witness says $(answers) to what is no checkpoint"
    sleep 0.5
  done
  [ "$(within systemctl show --property=User --value lww-witness)" = lww-witness ] || fail "the witness runs as somebody else"
  within systemctl stop lww-witness
  [ "$(within systemctl show --property=Result --value lww-witness)" = success ] || fail "the witness doesn't stop in order"
fi

say "a stop in order, and a removal that stops it"
if [ "$by" = systemd ]; then
  within systemctl restart liaowaiwai || fail "it can't be restarted"
  within dpkg --remove liaowaiwai || fail "the package can't be removed"
  [ -z "$(servers)" ] || fail "a removal left the server running"
  within journalctl --unit liaowaiwai --no-pager --output cat | grep -q 'stopping: ' || fail "it didn't stop in order"
fi
stop_service
[ "$by" = systemd ] || inside dpkg --remove liaowaiwai

say "removal and purge keep what is the bank's"
[ ! -e "$root/usr/bin/lww" ] || fail "a removal left the program"
cmp "$root$config" "$root/edited.toml" || fail "a removal took the configuration"
[ -d "$root/var/lib/liaowaiwai/data/audit" ] || fail "a removal deleted data"
inside dpkg --purge liaowaiwai
[ ! -e "$root$config" ] || fail "a purge left the configuration"
[ -d "$root/var/lib/liaowaiwai/data/audit" ] && [ -d "$root/var/lib/liaowaiwai/demo" ] || fail "a purge deleted data"
echo "debian: installed on a bare $suite without a network, demo played, service by $by, pages served, upgraded, removed"
