#!/usr/bin/env bash
# Installs the Debian package on a bare Debian without a network, as a bank's machine is, and plays the demo as its account.
#
#   tests/package/debian.sh liaowaiwai_VERSION_amd64.deb
#
# Needs root, debootstrap, and for the first part (the bare system and PostgreSQL's packages) the Debian mirror that this machine
# is configured for. What is installed afterwards is installed and run in a network namespace of its own, which has nothing.
set -euo pipefail
deb=$(readlink -f "$1")
[ "$(id -u)" = 0 ] || { echo "root is needed" >&2; exit 1; }
command -v ip >/dev/null || { echo "ip is needed: apt-get install iproute2" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is needed: apt-get install debootstrap" >&2; exit 1; }
fail() { echo "debian: $*" >&2; exit 1; }
say() { printf '  %s\n' "$*"; }

# The machine's own mirror and release, whatever they are.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v suite="$suite" '$2 == suite { print $1; exit }')
[ -n "$mirror" ] || fail "apt's sources name no mirror for $suite"

root=$(mktemp -d)
chmod 755 "$root"
trap 'rm -rf --one-file-system "$root" "$root.log"' EXIT
# Nothing but a loopback of its own, as on a machine whose cable is out.
inside() {
  unshare --net --pid --fork --mount-proc="$root/proc" sh -c 'ip link set lo up && exec "$@"' sh \
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

say "a bare $suite, and PostgreSQL's packages beside it (downloaded now, installed without a network)"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; fail "debootstrap failed"; }
chroot "$root" apt-get install --yes --quiet --no-install-recommends --download-only postgresql >>"$root.log" 2>&1 ||
  { tail -5 "$root.log" >&2; fail "PostgreSQL's packages can't be fetched"; }
rm -f "$root.log"
cp "$deb" "$root/liaowaiwai.deb"
mkdir -p "$root/proc" "$root/dev/shm"
chmod 1777 "$root/dev/shm" # As on any machine that was started.

say "without a network: PostgreSQL, then the package"
! inside sh -c 'tail -n +2 /proc/net/route | grep -q .' || fail "there is a network inside"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # No services are started in here.
chmod 755 "$root/usr/sbin/policy-rc.d"
inside sh -c 'export DEBIAN_FRONTEND=noninteractive; dpkg --install /var/cache/apt/archives/*.deb' >"$root/install.log" 2>&1 ||
  { tail -5 "$root/install.log" >&2; fail "PostgreSQL can't be installed"; }
inside dpkg --install /liaowaiwai.deb || fail "the package can't be installed"

say "what it made"
[ "$(inside stat -c '%U %a' /var/lib/liaowaiwai)" = "liaowaiwai 700" ] || fail "/var/lib/liaowaiwai is not the account's alone"
as_account() { inside runuser -u liaowaiwai -- env HOME=/var/lib/liaowaiwai "$@"; }
as_account lww config check --config /etc/liaowaiwai/lww.toml >/dev/null || fail "its configuration doesn't load"

say "the demo, as the account liaowaiwai"
as_account lww demo --keep /var/lib/liaowaiwai/demo || fail "the demo failed"
as_account sh -c 'lww-verify fsck --vkey /var/lib/liaowaiwai/demo/vkey --receipts /var/lib/liaowaiwai/demo/receipts \
  /var/lib/liaowaiwai/demo/tiles' || fail "lww-verify refuses what the demo left"

say "backup and restore, as the account"
as_account sh -c 'cd && cp demo/data/keys/master.key master.copy &&
  lww backup --data-dir demo/data --to . --keys-to keys.tar &&
  lww restore --data-dir restored --from lww-backup-*.tar --keys-from keys.tar --master-key-from master.copy &&
  lww ledger verify --against-db --data-dir restored' || fail "backup or restore failed"

say "removal and purge keep what is the bank's"
inside dpkg --purge liaowaiwai
[ -d "$root/var/lib/liaowaiwai/demo" ] || fail "a purge deleted data"
[ ! -e "$root/usr/bin/lww" ] || fail "a purge left the program"
echo "debian: installed on a bare $suite without a network, demo played, verified, removed"
