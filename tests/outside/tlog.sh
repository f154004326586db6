#!/usr/bin/env bash
# The log as it is served, by Go's tlog over HTTP; fetched by curl and Python, by pymerkle and aics-tlog; changed copies are refused.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
outside=$repo/tests/outside
needed curl curl
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ] || needed no-such-program golang-go golang-golang-x-mod-dev

dir=$(mktemp -d /tmp/lww-tlog.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
start_demo "$dir"
http=$(told "$dir" http)
cookie=$(python3 "$outside/lib/session.py" "$dir/told" auditor)
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 270
"$lww" ledger vkey --config "$dir/lww.toml" >"$dir/vkey"
sleep 2 # What was recorded last is published within a second.

# Go reads tiles over HTTP as it needs them.
prefix=$http/api/v1/ledger/tlog
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$dir/go GOFLAGS='' \
  go run "$outside/tlog.go" "$dir/vkey" "$prefix" "$cookie"

# curl alone: what docs/auditor.md says.
curl -sS --fail -b "$cookie" -o "$dir/checkpoint" "$prefix/checkpoint"
grep -q '^outside.test/demo/1$' "$dir/checkpoint"
for refused in tile/0/999 tile/0/000.p/0 tile/../checkpoint; do
  status=$(curl -sS --path-as-is -b "$cookie" -o "$dir/refused" -w '%{http_code}' "$prefix/$refused")
  [ "$status" = 404 ] || { echo "$refused was answered with $status" >&2; exit 1; }
done
[ "$(curl -sS -o "$dir/refused" -w '%{http_code}' "$prefix/checkpoint")" = 401 ]

# A whole copy, judged by a Merkle tree that knows nothing of us.
python3 "$outside/lib/fetch.py" "$prefix" "$cookie" "$dir/log/tiles"
cp "$dir/vkey" "$dir/log/vkey"
LWW_LOG=$dir/log "$outside/tree.sh"

# aics-tlog wants Python 3.12; LWW_PYTHON names one that is on no path.
python=
for candidate in "${LWW_PYTHON:-}" python3 python3.14 python3.13 python3.12; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  echo "SKIPPED aics-tlog: it needs Python 3.12 or newer, this is $(python3 --version)"
  exit 77
fi
"$python" -m venv "$dir/aics"
"$dir/aics/bin/pip" install --quiet --disable-pip-version-check -r "$outside/lib/aics.txt"
aics() { "$dir/aics/bin/python" -m aics_tlog "$@" >"$dir/aics.json" || { cat "$dir/aics.json" >&2; return 1; }; }
size=$(sed -n 2p "$dir/log/tiles/checkpoint")
log=(--vkey-file "$dir/vkey" --tiles "$dir/log/tiles")
aics verify-checkpoint "${log[@]}" --save-checkpoint "$dir/saved"
aics verify-inclusion "${log[@]}" --index 0
aics verify-inclusion "${log[@]}" --index $((size - 1)) --entry-out "$dir/entry"
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 20
sleep 2
python3 "$outside/lib/fetch.py" "$prefix" "$cookie" "$dir/log/tiles"
aics verify-consistency "${log[@]}" --old-checkpoint "$dir/saved"
printf '\377' | dd of="$dir/log/tiles/tile/0/000" bs=1 seek=100 conv=notrunc status=none
if aics verify-inclusion "${log[@]}" --index 3 >/dev/null 2>&1; then
  echo "aics-tlog took a changed tile" >&2
  exit 1
fi
echo "aics-tlog: checkpoint, entries and growth hold, a changed tile does not"
