#!/usr/bin/env bash
# Staff log in by a real OpenID provider, npm's oidc-provider; forged, replayed and foreign answers are refused.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
repo=$here/../..
lww=$repo/${CARGO_TARGET_DIR:-target}/debug/lww

if ! command -v npm >/dev/null; then
  install=(apt-get install -q -y --no-install-recommends nodejs npm)
  echo "Installing Node from Debian's packages (a minute)."
  if [ "$(id -u)" = 0 ]; then become=(); else become=(sudo -n); fi
  { "${become[@]}" apt-get -q update && DEBIAN_FRONTEND=noninteractive "${become[@]}" "${install[@]}"; } >/dev/null \
    || { echo "Node is missing. As root: ${install[*]}" >&2; exit 1; }
fi

dir=$(mktemp -d /tmp/lww-oidc.XXXXXX)
chmod 711 "$dir" # As root, PostgreSQL's account passes through.
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  rm -rf "$dir"
}
trap finish EXIT

cp "$here/oidc.mjs" "$dir/"
(cd "$dir" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund oidc-provider@9 >/dev/null)

port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
provider=http://127.0.0.1:$(port)
own=127.0.0.1:$(port)
(umask 077 && printf 'a secret shared with the provider' >"$dir/secret")
cat >"$dir/lww.toml" <<EOF
data_dir = "$dir/data"

[http]
listen = "127.0.0.1:0"
trial_listen = "$own"
certs_dir = "$dir/certs"

[[tenant]]
name = "demo"
demo = true

[tenant.oidc]
issuer = "$provider"
client_id = "lww"
client_secret = "secret://file$dir/secret"
public_url = "http://$own"
roles = "lww-admins=admin, lww-auditors=auditor, lww-agents=agent"
create_accounts = true
EOF

"$lww" run --json --config "$dir/lww.toml" >"$dir/started" 2>"$dir/log" &
server=$!
for _ in $(seq 600); do
  [ -s "$dir/started" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
  sleep 0.1
done

node "$dir/oidc.mjs" "$provider" "http://$own" "$(cat "$dir/secret")"

kill "$server"
wait "$server"
server=
entries() { cat $(find "$dir/data/audit/demo-1/tile/entries" -type f) | grep -a -o "\"$1\"" | wc -l; }
for kind in identity.linked/1 login.federated/1 account.changed/1 session.revoked/1; do
  printf '%s: %s entries\n' "$kind" "$(entries "$kind")"
done
[ "$(entries identity.linked/1)" = 2 ] && [ "$(entries login.federated/1)" = 6 ] && [ "$(entries session.revoked/1)" = 1 ] && [ "$(entries account.changed/1)" = 1 ]
