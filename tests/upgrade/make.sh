#!/usr/bin/env bash
# Makes the fixture of an upgrade test: what a server of an earlier release leaves behind, as small as it can be kept.
#
#   tests/upgrade/make.sh PATH/TO/lww tests/upgrade/v0.1
#
# `lww` is that release's. It plays its demo (customers, an agent, receipts), and of the data directory everything is kept but
# PostgreSQL's own files, which become SQL: rows as INSERTs, so that a test needs no program of PostgreSQL's to read them.
# The keys are real keys of an installation that never was anywhere else. Needs PostgreSQL's programs and root or an account
# of its own; a fixture is made once, when a release is made, and not changed after.
set -euo pipefail
lww=$(readlink -f "$1")
out=$(readlink -m "$2")
[ ! -e "$out" ] || { echo "$out exists: a fixture is not changed" >&2; exit 1; }
work=$(mktemp -d)
chmod 711 "$work"
trap 'rm -rf "$work"' EXIT

"$lww" demo --keep "$work/kept" >/dev/null 2>&1
data=$work/kept/data
pg=$data/pg
[ ! -f "$data/pg.location" ] || pg=$(cat "$data/pg.location")
account=$(stat -c %U "$pg")
bin=${LWW_PG_BIN_DIR:-$(ls -d /usr/lib/postgresql/*/bin | tail -1)}
as() { if [ "$(id -un)" = "$account" ]; then "$@"; else runuser -u "$account" -- "$@"; fi; }

# The superuser has no password: this copy of the database lets it in, and is thrown away.
sed -i '1i local all postgres trust' "$pg/pg_hba.conf"
mkdir -m 777 "$work/socket"
cd "$work"
as "$bin/pg_ctl" start --wait --silent --pgdata "$pg" --log "$work/socket/log" \
  --options "-c unix_socket_directories=$work/socket" >/dev/null
mkdir -p "$out"
as "$bin/pg_dump" --host "$work/socket" --username postgres --no-owner --inserts --rows-per-insert 50 lww |
  grep -v -e '^--' -e '^$' -e '^\\' >"$out/database.sql"
as "$bin/pg_ctl" stop --wait --silent --mode fast --pgdata "$pg"

cp -r "$data/keys" "$data/guard" "$data/audit" "$work/kept/receipts" "$work/kept/vkey" "$out/"
"$lww" --version >"$out/version"
du -sh "$out"
