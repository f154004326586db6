#!/usr/bin/env bash
# The HTTPS listener as sslyze and curl see it: TLS 1.3 only, no weak suite or curve, HTTP/2 and HTTP/1.1.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
here=$repo/tests/outside/lib
needed curl curl

dir=$(mktemp -d /tmp/lww-tls.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
python_tools "$dir/venv" "$here/sslyze.txt"
start_demo "$dir"
url=$(told "$dir" https)
authority=${url#https://}

for version in 2 1.1; do
  spoken=$(curl -sS --cacert "$dir/certs/ca.pem" --http"$version" -o /dev/null -w '%{http_version} %{response_code}' "$url/healthz")
  [ "$spoken" = "$version 200" ] || { echo "asked for HTTP/$version, got $spoken" >&2; exit 1; }
done
password=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["accounts"][0]["password"])' "$dir/told")
login=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["accounts"][0]["login"])' "$dir/told")
begun=$(curl -sS --cacert "$dir/certs/ca.pem" --http2 -i -H 'Content-Type: application/json' "$url/api/v1/session" \
  -d "{\"tenant\": \"demo\", \"login\": \"$login\", \"password\": \"$password\"}")
grep -q '^HTTP/2 201' <<<"$begun" && grep -q '^set-cookie: __Host-lww_session=.*Secure' <<<"$begun" \
  || { echo "a login over HTTP/2 got: $(head -1 <<<"$begun")" >&2; exit 1; }
echo "curl: HTTP/2 and HTTP/1.1 are spoken"
if curl -sS --cacert "$dir/certs/ca.pem" --tls-max 1.2 "$url/healthz" >/dev/null 2>&1; then
  echo "TLS 1.2 was spoken" >&2
  exit 1
fi
# A certificate of the development CA is trusted by nobody else, so sslyze judges everything but its chain.
"$dir/venv/bin/sslyze" --mozilla_config disable --json_out "$dir/found.json" --sslv2 --sslv3 --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 \
  --compression --reneg --heartbleed --openssl_ccs --robot --early_data --elliptic_curves "$authority" >"$dir/told.txt" 2>&1 \
  || { tail -20 "$dir/told.txt" >&2; exit 1; }
python3 "$here/tls.py" "$dir/found.json"
