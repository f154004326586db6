#!/usr/bin/env bash
# National algorithms, by the Python library gmssl: the SM2 signature and the SM3 root of what a server published, and what SM4-GCM
# seals. Yes to what is genuine, no to each change of it; and Go's tools still take the checkpoint.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
outside=$repo/tests/outside

dir=$(mktemp -d /tmp/lww-national.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
python_tools "$dir/venv" "$outside/lib/gmssl.txt"
start_demo "$dir" $'[national]\nsealing = "sm4-gcm"\ncosignature = "sm2"'
"$lww" ledger keys --vkeys --config "$dir/lww.toml" | grep '^outside.test/demo/1+' >"$dir/keys"
web=$(told "$dir" http)/api/v1/channels/web/demo/widget
needed curl curl
needed jq jq
token=$(curl -sf "$web/visits" -H 'content-type: application/json' -d '{}' | jq -r .token)
curl -sf "$web/frames" -H "authorization: Bearer $token" -H 'content-type: application/json' \
  -d '{"type":"send","key":"1","text":"卡号6222021234567890128丢了"}' >/dev/null
stop_demo

tiles=$dir/data/audit/demo-1
"$dir/venv/bin/python" "$outside/national.py" "$tiles" "$dir/keys" "$repo/src/crypto/seal.rs"
"$(dirname "$lww")/lww-verify" fsck --vkey "$dir/keys" "$tiles"

# Who knows nothing of it.
mkdir "$dir/log"
head -n 1 "$dir/keys" >"$dir/log/vkey"
cp -r "$tiles" "$dir/log/tiles"
LWW_LOG=$dir/log "$outside/note.sh"
LWW_LOG=$dir/log "$outside/tlog.sh"
