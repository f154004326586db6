#!/usr/bin/env bash
# The shell commands of the guides, as they stand there, against a fresh server: each must do what is said of it.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
needed jq jq
needed xxd xxd
needed openssl openssl
needed curl curl
cargo build --quiet --locked --manifest-path "$repo/Cargo.toml" --package lww-audit --bin lww-verify

dir=$(mktemp -d /tmp/lww-guides.XXXXXX)
chmod 711 "$dir" # As root, PostgreSQL's account passes through.
trap 'rm -rf "$dir"' EXIT
python3 "$repo/tests/outside/lib/guides.py" "$repo" "$(dirname "$lww")" "$dir"
