#!/usr/bin/env bash
# Requests made up from the OpenAPI description, for each role: no 5xx, and no answer that is not described.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
here=$repo/tests/outside/lib

dir=$(mktemp -d /tmp/lww-schemathesis.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
python_tools "$dir/venv" "$here/schemathesis.txt"
# One address asks thousands of times here, mostly in vain.
start_demo "$dir" $'address_requests_per_s = 1000000\nstaff_requests_per_s = 1000000\nvisitor_requests_per_s = 1000000'
url=$(told "$dir" http)
account() { # FILE CHANNEL ACCOUNT [LINE]
  printf '%s\n' '[parameters]' "\"path.channel\" = \"$2\"" '"path.tenant" = "demo"' "\"path.account\" = \"$3\"" "${4:-}" >"$dir/$1"
}
account schemathesis.toml http app
# Nobody speaks meanwhile: a wait would be waited out.
account visitor.toml web widget '"query.wait_s" = 0'

# Everything that must hold of an answer: run NAME ARGUMENTS…
failed=0
run() {
  local name=$1
  shift
  if (cd "$dir" && SCHEMATHESIS_HOOKS=$here/signing.py PYTHONPATH=$here LWW_SECRET=$dir/secret venv/bin/st \
    --config-file "${config:-schemathesis.toml}" run "$url/api/v1/openapi.json" --max-examples 20 --seed 1 --warnings off \
    --suppress-health-check all --generation-database none --phases examples,coverage,fuzzing \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
    "$@" >"$dir/$name.txt" 2>&1); then
    echo "$name: $(grep -E 'generated|passed' "$dir/$name.txt" | tail -1 | sed 's/^ *//')"
  else
    echo "$name: FAILED" >&2
    sed -n '/FAILURES/,$p;/ERRORS/,$p' "$dir/$name.txt" | head -120 >&2
    failed=1
  fi
}

run nobody
for login in agent supervisor compliance auditor admin; do
  cookie=$(python3 "$here/session.py" "$dir/told" "$login")
  # A logout that succeeds would end the role's run, and an event stream has no end; tests/live.rs reads those.
  run "$login" --header "Cookie: $cookie" --exclude-tag channels --exclude-path /api/v1/session --exclude-tag health \
    --exclude-tag live --exclude-path /api/v1/agent/events
done
# Sockets and event streams have no end.
visit='import json, sys, urllib.request as r; print(json.load(r.urlopen(r.Request(sys.argv[1], b"{}", {"Content-Type": "application/json"}), timeout=30))["token"])'
token=$(python3 -c "$visit" "$url/api/v1/channels/web/demo/widget/visits")
config=visitor.toml run visitor --header "Authorization: Bearer $token" --include-path-regex '^/api/v1/channels/.*/(visits|frames|updates|earlier|receipts/.*|vkey)$'
polled=$(grep -chE '/(updates|earlier)","status":200' "$dir/data/logs/"* | awk '{ sum += $1 } END { print sum }')
echo "polls and pages that a visitor was given: $polled"
[ "$polled" -gt 0 ] || { echo "no generated request was a visitor's: the token is broken" >&2; exit 1; }
received=$(python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=30).read().decode())' \
  "$(told "$dir" metrics)" | sed -n 's/^lww_messages_received_total{.*} //p')
echo "messages taken in: ${received:-0}"
[ "${received:-0}" -gt 0 ] || { echo "no generated message was taken in: the signing hook is broken" >&2; exit 1; }
listed=$(grep -hE '"route":"/api/v1/agent/conversations","status":200' "$dir/data/logs/"* | wc -l)
echo "lists of conversations that were shown: $listed"
[ "$listed" -gt 0 ] || { echo "no generated request got past the login: the session is broken" >&2; exit 1; }
kill -0 "$server" || { echo "the server is gone" >&2; exit 1; }
if grep -qE '"(request_failed)"|panicked' "$dir/data/logs/"* "$dir/errors"; then
  grep -hE '"(request_failed)"|panicked' "$dir/data/logs/"* "$dir/errors" | head -5 >&2
  failed=1
fi
[ "$failed" = 0 ]
