#!/usr/bin/env bash
# The SBOM against the published schema of CycloneDX 1.6, by the standard's own Python library; a spoilt one is refused.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
here=$repo/tests/outside/lib

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python_tools "$dir/venv" "$here/cyclonedx.txt"
(cd "$repo" && tools/sbom.py "$dir")
"$dir/venv/bin/python" "$here/sbom.py" "$dir/sbom.cdx.json"
