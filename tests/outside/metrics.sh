#!/usr/bin/env bash
# The metrics, read by the parser of Prometheus' own Python client: whole, typed, and without anybody's name.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
here=$repo/tests/outside/lib

dir=$(mktemp -d /tmp/lww-metrics.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
python_tools "$dir/venv" "$here/prometheus.txt"
start_demo "$dir"
python3 "$here/session.py" "$dir/told" agent >/dev/null
"$dir/venv/bin/python" "$here/metrics.py" "$(told "$dir" metrics)" "$repo/docs/metrics.md"
