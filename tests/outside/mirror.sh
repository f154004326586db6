#!/usr/bin/env bash
# The copy in an S3-compatible store over HTTPS with an authority of its own: moto's server with boto3, which know nothing of us; a changed
# object is found and never written over, and a store that another authority vouches for gets nothing.
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
needed openssl openssl
# An authority, the store's certificate from it, and another authority of the same name.
authority() {
  openssl req -x509 -newkey ed25519 -nodes -keyout "$dir/$1.key" -out "$dir/$1.pem" -days 2 -subj '/CN=store authority' \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign 2>/dev/null
}
authority ca && authority other
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/store.key" -subj '/CN=store' -out "$dir/store.csr" 2>/dev/null
openssl x509 -req -in "$dir/store.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days 2 -out "$dir/store.pem" 2>/dev/null \
  -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$dir/venv/bin/moto_server" -H 127.0.0.1 -p "$port" -s -c "$dir/store.pem" -k "$dir/store.key" >"$dir/store.log" 2>&1 &
store=$!
endpoint=https://127.0.0.1:$port
look() { AWS_CA_BUNDLE=$dir/ca.pem "$dir/venv/bin/python" "$outside/mirror.py" "$endpoint" "$@"; }
for _ in $(seq 300); do
  if curl -s --cacert "$dir/ca.pem" -o "$dir/alive" "$endpoint"; then break; fi
  sleep 0.1
done
look make

mkdir -p "$dir"
(umask 077 && printf outside >"$dir/id" && printf secret >"$dir/key")
mirror=$(printf '%s\n' '[mirror]' 'every_s = 1' '[mirror.s3]' "endpoint = \"$endpoint\"" 'bucket = "audit"' \
  "access_key = \"secret://file$dir/id\"" "secret_key = \"secret://file$dir/key\"" "ca = \"$dir/ca.pem\"" '[self_audit]' 'newest_every_s = 1')

# A store that isn't the one that was meant gets nothing, and both the server and the doctor say what is wrong.
start_demo "$dir" "${mirror/ca.pem/other.pem}"
for _ in $(seq 300); do
  if grep -rhq 'mirror_behind.*its certificate is not from mirror.s3.ca' "$dir/errors" "$dir/data/logs"; then break; fi
  sleep 0.1
done
grep -rhq 'mirror_behind.*its certificate is not from mirror.s3.ca' "$dir/errors" "$dir/data/logs" \
  || { echo "a store of another authority was not told" >&2; exit 1; }
doctor() { "$lww" doctor --json --lang en --config "$dir/lww.toml" >"$dir/doctor.json" || true; }
state() { python3 -c 'import json, sys; print(*[c["state"] + " " + c["found"] for c in json.load(open(sys.argv[1]))["checks"] if c["code"] == sys.argv[2]])' "$dir/doctor.json" "$1"; }
doctor
[[ $(state mirror.reach) == fail*certificate* ]] || { echo "the doctor says of another authority: $(state mirror.reach)" >&2; exit 1; }
look empty
stop_demo

start_demo "$dir" "$mirror"
http=$(told "$dir" http)
python3 "$outside/lib/traffic.py" "$http" "$dir/secret" 270
look wait 280
"$lww" ledger vkey --config "$dir/lww.toml" >"$dir/vkey"
look fetch "$dir/copy"
"$verify" fsck "$dir/copy" --vkey "$dir/vkey"
doctor
for check in reach behind; do
  [[ $(state mirror.$check) == ok* ]] || { echo "the doctor says of the copy: $(state mirror.$check)" >&2; exit 1; }
done
look nothing lww-doctor-probe

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
echo "moto over HTTPS: only its own authority is believed, the copy verifies, a changed object is found, and is not written over"
