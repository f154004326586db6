#!/usr/bin/env bash
# Behind PgBouncer a server refuses to start in transaction mode and starts in session mode.
set -euo pipefail
repo=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
lww=$repo/${CARGO_TARGET_DIR:-target}/debug/lww

bouncer=/usr/sbin/pgbouncer
if [ ! -x "$bouncer" ]; then
  install=(apt-get install -q -y --no-install-recommends pgbouncer)
  echo "Installing PgBouncer from Debian's packages (half a minute)."
  if [ "$(id -u)" = 0 ]; then become=(); else become=(sudo -n); fi
  { "${become[@]}" apt-get -q update && DEBIAN_FRONTEND=noninteractive "${become[@]}" "${install[@]}"; } >/dev/null \
    || { echo "PgBouncer is missing. As root: ${install[*]}" >&2; exit 1; }
fi
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -1)
[ -n "$bin" ] || { echo "PostgreSQL is missing: tools/postgres.sh installs it" >&2; exit 1; }

# PostgreSQL and PgBouncer both refuse to run as root.
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid postgres --regid postgres --clear-groups); else as=(); fi
dir=$(mktemp -d /tmp/lww-bouncer.XXXXXX)
chmod 711 "$dir"
if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  if [ -f "$dir/bouncer.pid" ]; then kill "$(cat "$dir/bouncer.pid")" || true; fi
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

"${as[@]}" "$bin/initdb" -D "$dir/pg" -U postgres -A trust >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -l "$dir/pg.log" -w -o "-c listen_addresses='' -k $dir" start >/dev/null
"${as[@]}" psql -q -h "$dir" -U postgres -c 'CREATE ROLE lww_owner LOGIN' -c 'CREATE ROLE lww_app LOGIN' \
  -c 'CREATE DATABASE lww OWNER lww_owner'
encoded=${dir//\//%2F}
LWW_OWNER_URL="postgres://lww_owner@$encoded/lww" "$lww" db migrate >/dev/null

printf '"lww_app" ""\n' >"$dir/users"
# Starts the pooler in a mode, instead of the one that runs.
pool() {
  if [ -f "$dir/bouncer.pid" ]; then
    kill "$(cat "$dir/bouncer.pid")"
    while [ -f "$dir/bouncer.pid" ]; do sleep 0.1; done
  fi
  printf '%s\n' '[databases]' "lww = host=$dir dbname=lww" '[pgbouncer]' 'listen_addr =' "unix_socket_dir = $dir" \
    'listen_port = 6432' 'auth_type = trust' "auth_file = $dir/users" "pidfile = $dir/bouncer.pid" \
    "logfile = $dir/bouncer.log" "pool_mode = $1" >"$dir/bouncer.ini"
  "${as[@]}" "$bouncer" -q -d "$dir/bouncer.ini"
}

printf '%s\n' 'name = "bouncer.test"' "data_dir = \"$dir/data\"" "database_url = \"postgres://lww_app@$encoded:6432/lww\"" \
  '[http]' 'listen = "127.0.0.1:0"' 'trial_listen = "127.0.0.1:0"' "certs_dir = \"$dir/certs\"" \
  '[[tenant]]' 'name = "bank"' "policy = \"$(realpath "$repo/policies/masking/cn-retail.yaml")\"" >"$dir/lww.toml"

pool transaction
if "$lww" run --json --config "$dir/lww.toml" >"$dir/out" 2>&1; then
  echo "the server started behind a pooler in transaction mode" >&2
  exit 1
fi
grep -q 'pooler in transaction mode (PgBouncer)' "$dir/out" || { cat "$dir/out" >&2; exit 1; }
echo "refused: $(tail -1 "$dir/out")"

pool session
"$lww" run --json --config "$dir/lww.toml" >"$dir/out" 2>"$dir/err" &
server=$!
for _ in $(seq 300); do
  if grep -q '"role":"active"' "$dir/out"; then echo "in session mode the same server starts"; exit 0; fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
cat "$dir/out" "$dir/err" >&2
exit 1
