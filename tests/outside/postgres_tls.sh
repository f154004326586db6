#!/usr/bin/env bash
# A PostgreSQL with ssl=on: the server connects to the right certificate, and to no other and not in plain.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
needed openssl openssl
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -1)
[ -n "$bin" ] || { echo "PostgreSQL is missing: tools/postgres.sh installs it" >&2; exit 1; }

# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid postgres --regid postgres --clear-groups); else as=(); fi
dir=$(mktemp -d /tmp/lww-postgres-tls.XXXXXX)
chmod 711 "$dir"
finish() {
  stop_demo
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

# Two CAs; a certificate for this machine and one for another, both of the first.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" \
    -out "$1.pem" 2>/dev/null
}
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "pg/$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA bank-ca.pem -CAkey bank-ca.key -CAcreateserial -days 2 -extfile "$1.ext" \
    -out "pg/$1.pem" 2>/dev/null
}
mkdir pg
authority bank-ca
authority other-ca
certificate here IP:127.0.0.1,DNS:localhost
certificate elsewhere DNS:db.bank.example
chmod 600 pg/*.key
if [ "$(id -u)" = 0 ]; then chown -R postgres: pg; fi

"${as[@]}" "$bin/initdb" -D "$dir/pg/data" -U postgres -A trust >/dev/null
printf '%s\n' 'local all all trust' 'hostssl all all 127.0.0.1/32 trust' 'hostnossl all all 127.0.0.1/32 reject' \
  | "${as[@]}" tee "$dir/pg/data/pg_hba.conf" >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Starts PostgreSQL with a certificate, instead of the one that runs.
serve() {
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg/data" -m fast -w stop >/dev/null 2>&1 || true
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg/data" -l "$dir/pg/log" -w -o "-c listen_addresses=127.0.0.1 -c port=$port -k $dir/pg \
    -c ssl=on -c ssl_cert_file=$dir/pg/$1.pem -c ssl_key_file=$dir/pg/$1.key" start >/dev/null
}
serve here
"${as[@]}" psql -q -h "$dir/pg" -p "$port" -U postgres -c 'CREATE ROLE lww_owner LOGIN' -c 'CREATE ROLE lww_app LOGIN' \
  -c 'CREATE DATABASE lww OWNER lww_owner'
LWW_OWNER_URL="postgres://lww_owner@127.0.0.1:$port/lww?sslmode=verify-full" \
  "$lww" db migrate --root-certificate bank-ca.pem >/dev/null

configure() {
  printf '%s\n' 'name = "tls.test"' "data_dir = \"$dir/data\"" \
    "database_url = \"postgres://lww_app@127.0.0.1:$port/lww?sslmode=$1\"" "database_root_certificate = \"$dir/$2.pem\"" \
    '[http]' 'listen = "127.0.0.1:0"' 'trial_listen = "127.0.0.1:0"' "certs_dir = \"$dir/certs\"" \
    '[[tenant]]' 'name = "bank"' "policy = \"$(realpath "$repo/policies/masking/cn-retail.yaml")\"" >lww.toml
}
refused() {
  if "$lww" run --json --config lww.toml >out 2>&1; then echo "the server started: $1" >&2; exit 1; fi
  grep -q "PostgreSQL can't be reached or refused" out || { cat out >&2; exit 1; }
  echo "refused: $1"
}

configure verify-full other-ca
refused "a certificate of another CA"
configure disable bank-ca
refused "a plain connection, which pg_hba.conf rejects"
serve elsewhere
configure require bank-ca
refused "a certificate for another host"
serve here
configure verify-full bank-ca
"$lww" run --json --config lww.toml >told 2>errors &
server=$!
for _ in $(seq 300); do
  if grep -q '"role":"active"' told; then break; fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
grep -q '"role":"active"' told || { cat told errors >&2; exit 1; }
encrypted=$("${as[@]}" psql -At -h "$dir/pg" -p "$port" -U postgres -c \
  "SELECT count(*), count(*) FILTER (WHERE ssl), min(version) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'lww_app'")
IFS='|' read -r all tls version <<<"$encrypted"
[ "$all" -gt 0 ] && [ "$all" = "$tls" ] && [ "$version" = TLSv1.3 ] || { echo "connections: $encrypted" >&2; exit 1; }
grep -h confined "$dir/data/logs/"* | grep -o "\"how\":\"[A-Za-z]*\"" | head -1
echo "accepted: all $all connections are encrypted ($version)"
