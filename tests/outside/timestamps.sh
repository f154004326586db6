#!/usr/bin/env bash
# Time stamps by programs that are not ours: OpenSSL is the authority, and judges with rfc3161-client (Trail of Bits) and us. All
# three believe the tokens of a running log, with RSA and with ECDSA, and refuse a changed one. Never with OpenSSL's -chain: it doesn't sort its certificates.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
outside=$repo/tests/outside
verify=$repo/${CARGO_TARGET_DIR:-target}/debug/lww-verify
needed openssl openssl
needed curl curl

dir=$(mktemp -d /tmp/lww-timestamps.XXXXXX)
authorities=()
finish() {
  stop_demo
  for one in "${authorities[@]}"; do kill "$one" 2>/dev/null && wait "$one" || true; done
  rm -rf "$dir"
}
trap finish EXIT

# An authority with a root of its own: authority NAME KEY-OPTIONS…; its port is in FOLDER/port, its root in FOLDER/root.pem.
authority() {
  local name=$1 folder=$dir/$1
  shift
  mkdir "$folder"
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/root.key" -out "$folder/root.pem" -days 30 -subj "/CN=$name root" 2>"$dir/errors"
  openssl req -new "$@" -nodes -keyout "$folder/tsa.key" -out "$folder/tsa.csr" -subj "/O=outside.test/CN=$name" 2>"$dir/errors"
  printf '%s\n' 'basicConstraints=CA:FALSE' 'keyUsage=critical,digitalSignature' 'extendedKeyUsage=critical,timeStamping' >"$folder/tsa.ext"
  openssl x509 -req -in "$folder/tsa.csr" -CA "$folder/root.pem" -CAkey "$folder/root.key" -CAcreateserial -days 20 \
    -extfile "$folder/tsa.ext" -out "$folder/tsa.pem" 2>"$dir/errors"
  printf '%s\n' '[tsa]' 'serial = ./serial' 'signer_cert = ./tsa.pem' 'signer_key = ./tsa.key' 'signer_digest = sha256' \
    'default_policy = 1.2.3.4.1' 'digests = sha256' 'accuracy = secs:1, millisecs:500' 'ess_cert_id_alg = sha256' >"$folder/tsa.cnf"
  python3 "$outside/lib/tsa.py" "$folder" >"$folder/port" 2>"$folder/errors" &
  authorities+=($!)
  for _ in $(seq 100); do [ -s "$folder/port" ] && break; sleep 0.1; done
}
authority rsa -newkey rsa:2048
authority ecdsa -newkey ec -pkeyopt ec_paramgen_curve:P-256

anchor() {
  printf '%s\n' '[[anchor]]' "name = \"$1\"" "url = \"http://127.0.0.1:$(cat "$dir/$1/port")/\"" "authorities = \"$dir/$1/root.pem\"" \
    'policy = "1.2.3.4.1"' 'every_s = 1'
}
start_demo "$dir" "$(anchor rsa; anchor ecdsa)"
cookie=$(python3 "$outside/lib/session.py" "$dir/told" auditor)
http=$(told "$dir" http)
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 5
entry_of() {
  curl -sS --fail -b "$cookie" "$http/api/v1/ledger/entries?kind=anchor.receipt/1&limit=50" |
    python3 -c 'import json, sys
found = [json.loads(one["entry"]) for one in json.load(sys.stdin)["entries"]]
print(json.dumps(next((one for one in found if one["detail"]["anchor"] == sys.argv[1]), None)))' "$1"
}
for name in rsa ecdsa; do
  for _ in $(seq 300); do
    entry_of "$name" >"$dir/$name.json"
    grep -q null "$dir/$name.json" || break
    sleep 0.1
  done
done
sleep 2 # What was recorded last is published within a second.
"$lww" ledger vkey --config "$dir/lww.toml" >"$dir/vkey"
stop_demo

# Ours, over the whole log.
cat "$dir/rsa/root.pem" "$dir/ecdsa/root.pem" >"$dir/roots.pem"
"$verify" anchors --vkey "$dir/vkey" --tsa-ca "$dir/roots.pem" "$dir/data/audit/demo-1"
code=0
"$verify" anchors --vkey "$dir/vkey" --tsa-ca "$dir/rsa/root.pem" "$dir/data/audit/demo-1" >"$dir/refused" || code=$?
[ "$code" = 24 ] && grep -q untrusted "$dir/refused" || { echo "an authority that is not trusted: exit code $code" >&2; exit 1; }

# Theirs, as docs/auditor.md says, by hand.
python_tools "$dir/venv" "$outside/lib/timestamps.txt"
by_openssl() { openssl ts -verify -token_in -in "$1" -data "$dir/checkpoint.txt" -CAfile "$2" >"$dir/said" 2>&1; }
by_client() { "$dir/venv/bin/python" "$outside/lib/timestamps.py" "$1" "$dir/checkpoint.txt" "$2" >"$dir/said" 2>&1; }
for name in rsa ecdsa; do
  python3 -c 'import base64, json, sys
detail = json.load(open(sys.argv[1]))["detail"]
open(sys.argv[2] + "/checkpoint.txt", "w").write(detail["checkpoint"])
token = base64.b64decode(detail["receipt"])
open(sys.argv[2] + "/token.der", "wb").write(token)
# The last byte is the signature'"'"'s, one of the imprint is signed.
at = token.index(b"\x04\x20") + 2
open(sys.argv[2] + "/other-imprint.der", "wb").write(token[:at] + bytes([token[at] ^ 1]) + token[at + 1:])
open(sys.argv[2] + "/other-signature.der", "wb").write(token[:-1] + bytes([token[-1] ^ 1]))' "$dir/$name.json" "$dir"
  for judge in by_openssl by_client; do
    "$judge" "$dir/token.der" "$dir/$name/root.pem" || { echo "$judge refuses a token of $name: $(cat "$dir/said")" >&2; exit 1; }
    for changed in other-imprint other-signature; do
      if "$judge" "$dir/$changed.der" "$dir/$name/root.pem"; then echo "$judge believes $changed of $name" >&2; exit 1; fi
    done
  done
done
echo "OpenSSL's authority is believed, and its changed tokens refused, by OpenSSL, rfc3161-client and lww-verify"
