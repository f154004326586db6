#!/usr/bin/env bash
# The checkpoint's signature, verified by Go's golang.org/x/mod/sumdb/note.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${LWW_LOG:?names a folder with tiles/ and vkey; ./x test --outside makes one}"

source_of_note=/usr/share/gocode/src/golang.org/x/mod/sumdb/note
if ! command -v go >/dev/null || [ ! -d "$source_of_note" ]; then
  install=(apt-get install -q -y --no-install-recommends golang-go golang-golang-x-mod-dev)
  echo "Installing Go from Debian's packages (half a minute)."
  if [ "$(id -u)" = 0 ]; then become=(); else become=(sudo -n); fi
  { "${become[@]}" apt-get -q update && DEBIAN_FRONTEND=noninteractive "${become[@]}" "${install[@]}"; } >/dev/null \
    || { echo "Go is missing. As root: ${install[*]}" >&2; exit 1; }
fi

cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$cache GOFLAGS='' \
  go run "$here/note.go" "$LWW_LOG/vkey" "$LWW_LOG/tiles/checkpoint"
