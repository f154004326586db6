#!/usr/bin/env bash
# A witness asked with curl, as any log would, and its cosignature verified by a program of Go's standard library alone.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${LWW_LOG:?names a folder with tiles/ and vkey; ./x test --outside makes one}"
needed go golang-go
needed curl curl

dir=$(mktemp -d /tmp/lww-witness.XXXXXX)
witness=
finish() {
  if [ -n "$witness" ]; then kill "$witness" 2>/dev/null && wait "$witness" || true; fi
  rm -rf "$dir"
}
trap finish EXIT
key=$("$lww" witness init --dir "$dir/w" --name audit.example/w1)
"$lww" witness add-log --dir "$dir/w" "$(cat "$LWW_LOG/vkey")" >/dev/null
"$lww" witness run --json --dir "$dir/w" --listen 127.0.0.1:0 >"$dir/told" 2>"$dir/errors" &
witness=$!
for _ in $(seq 100); do [ -s "$dir/told" ] && break; sleep 0.1; done
[ -s "$dir/told" ] || { cat "$dir/errors" >&2; exit 1; }
url=$(told "$dir" url)

# asks OLD CHECKPOINT-FILE: the status; the body is in $dir/answer, its type in $dir/type
asks() {
  { printf 'old %s\n\n' "$1"; cat "$2"; } >"$dir/request"
  curl -s -o "$dir/answer" -w '%{http_code} %{content_type}' --data-binary "@$dir/request" "$url/add-checkpoint" >"$dir/type"
  cut -d' ' -f1 "$dir/type"
}
expect() { [ "$1" = "$2" ] || { echo "FAILED: $3: $1 instead of $2: $(cat "$dir/answer")" >&2; exit 1; }; }

checkpoint=$LWW_LOG/tiles/checkpoint
size=$(sed -n 2p "$checkpoint")
expect "$(asks 0 "$checkpoint")" 200 "a first checkpoint"
cat "$checkpoint" "$dir/answer" >"$dir/cosigned"
GOCACHE=$dir/cache GO111MODULE=off go run "$here/witness.go" "$(cat "$LWW_LOG/vkey")" "$key" "$dir/cosigned"

expect "$(asks 0 "$checkpoint")" 409 "an old size that is not the newest"
expect "$(cat "$dir/answer")" "$size" "the newest size"
expect "$(cut -d' ' -f2 "$dir/type")" text/x.tlog.size "the type of a size"
expect "$(asks "$size" "$checkpoint")" 200 "the same again"
expect "$(asks $((size + 1)) "$checkpoint")" 400 "an old size beyond the checkpoint"
sed 's/^— \(.*\) \(.\{8\}\)./— \1 \2A/' "$checkpoint" >"$dir/forged"
expect "$(asks "$size" "$dir/forged")" 403 "another signature"
sed '1s/.*/nobody.example\/nobody\/1/' "$checkpoint" >"$dir/unknown"
expect "$(asks 0 "$dir/unknown")" 404 "a log that nobody told of"
echo nonsense >"$dir/nonsense"
expect "$(asks 0 "$dir/nonsense")" 400 "no checkpoint"
head -c 200000 /dev/zero | tr '\0' 'x' >"$dir/long"
expect "$(asks 0 "$dir/long")" 413 "a body over its bound"
echo "the statuses and types of a witness are those of C2SP tlog-witness"
