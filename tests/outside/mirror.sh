#!/usr/bin/env bash
# The copy in an S3-compatible store: moto's server with boto3, which know nothing of us; a changed object is found and never written over.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
outside=$repo/tests/outside
verify=$(dirname "$lww")/lww-verify

dir=$(mktemp -d /tmp/lww-mirror.XXXXXX)
store=
finish() {
  stop_demo
  if [ -n "$store" ]; then kill "$store" 2>/dev/null && wait "$store" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap finish EXIT
python_tools "$dir/venv" "$outside/lib/moto.txt"
[ -x "$verify" ] || cargo build --quiet --locked --package lww-audit --bin lww-verify
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$dir/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$dir/store.log" 2>&1 &
store=$!
endpoint=http://127.0.0.1:$port
look() { "$dir/venv/bin/python" "$outside/mirror.py" "$endpoint" "$@"; }
for _ in $(seq 300); do
  if curl -s -o "$dir/alive" "$endpoint"; then break; fi
  sleep 0.1
done
look make

mkdir -p "$dir"
(umask 077 && printf outside >"$dir/id" && printf secret >"$dir/key")
mirror=$(printf '%s\n' '[mirror]' 'every_s = 1' '[mirror.s3]' "endpoint = \"$endpoint\"" 'bucket = "audit"' \
  "access_key = \"secret://file$dir/id\"" "secret_key = \"secret://file$dir/key\"" '[self_audit]' 'newest_every_s = 1')
start_demo "$dir" "$mirror"
http=$(told "$dir" http)
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 270
look wait 280
"$lww" ledger vkey --config "$dir/lww.toml" >"$dir/vkey"
look fetch "$dir/copy"
"$verify" fsck "$dir/copy" --vkey "$dir/vkey"

# It goes on after a restart, and what somebody changed there is told and stays as they left it.
stop_demo
start_demo "$dir" "$mirror"
http=$(told "$dir" http)
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 20
look wait $(($(sed -n 2p "$dir/copy/checkpoint") + 20))
changed=$(look flip tile/entries/000)
for _ in $(seq 300); do
  if grep -q audit_found "$dir/errors" 2>/dev/null || grep -rq audit_found "$dir/data/logs" 2>/dev/null; then break; fi
  sleep 0.1
done
grep -rhq 'audit_found.*tile/entries/000' "$dir/errors" "$dir/data/logs" || { echo "the changed object was not found" >&2; exit 1; }
look delete checkpoint
sleep 4
look is tile/entries/000 "$changed"
rm -rf "$dir/copy" && look fetch "$dir/copy"
if [ -e "$dir/copy/checkpoint" ]; then echo "a checkpoint vouches for a changed object" >&2; exit 1; fi
echo "moto: the copy verifies, a changed object is found, and is not written over"
