#!/usr/bin/env bash
# The log's tree and inclusion paths, recomputed by the Python library pymerkle.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${LWW_LOG:?names a folder with tiles/ and vkey; ./x test --outside makes one}"

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --only-binary :all: \
  --require-hashes --target "$packages" -r "$here/requirements.txt"
PYTHONPATH=$packages python3 "$here/tree.py" "$LWW_LOG"
