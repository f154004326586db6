#!/usr/bin/env bash
# Makes ejabberd available as the peer that benches/live.rs measures beside our own server. With --check: says by its
# exit status whether it is there. Installs Debian's packages as root; no service is started, at this time or at boot.
set -euo pipefail

packages=(ejabberd erlang-p1-pgsql)
policy=/usr/sbin/policy-rc.d

die() { printf 'ejabberd.sh: %s\n' "$*" >&2; exit 1; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

present() {
  local package
  for package in "${packages[@]}"; do installed "$package" || return 1; done
}

# Debian asks this program before it starts a service of a package; the owner's own comes back afterwards.
deny_services() {
  if [ -e "$policy" ]; then mv "$policy" "$policy.lww"; fi
  trap 'rm -f "$policy"; if [ -e "$policy.lww" ]; then mv "$policy.lww" "$policy"; fi' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

if [ "${1:-}" = --check ]; then present; exit; fi
present && exit
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null \
  || die "ejabberd is missing. As root on Debian: apt-get install --no-install-recommends ${packages[*]}"
start=$SECONDS
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
units=(ejabberd)
# Erlang's port mapper is a service, too, and comes with Erlang.
installed erlang-base || units+=(epmd)
echo "Installing ${packages[*]} by apt-get, without starting a service (a peer to measure beside, about a minute)."
deny_services
"${apt[@]}" update >/dev/null || die "apt-get update failed"
"${apt[@]}" install --no-install-recommends "${packages[@]}"
for unit in "${units[@]}"; do
  echo "Switching the service $unit off, also at boot."
  update-rc.d "$unit" disable 2>/dev/null || true
  if command -v systemctl >/dev/null; then systemctl disable "$unit.service" "$unit.socket" 2>/dev/null || true; fi
done
present || die "apt-get installed no usable ejabberd"
echo "Installed ejabberd in $((SECONDS - start)) s."
