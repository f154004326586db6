# What the scripts beside this folder share; they source it. shellcheck shell=bash
repo=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../..
lww=$repo/${CARGO_TARGET_DIR:-target}/debug/lww

# Installs Debian's packages when a program is missing: needed PROGRAM PACKAGE…
needed() {
  local program=$1 become=()
  shift
  command -v "$program" >/dev/null && return
  local install=(apt-get install -q -y --no-install-recommends "$@")
  echo "Installing $* from Debian's packages (half a minute)."
  [ "$(id -u)" = 0 ] || become=(sudo -n)
  { "${become[@]}" apt-get -q update && DEBIAN_FRONTEND=noninteractive "${become[@]}" "${install[@]}"; } >/dev/null \
    || { echo "$program is missing. As root: ${install[*]}" >&2; exit 1; }
}

# Installs pinned Python packages into a folder of their own: python_tools FOLDER REQUIREMENTS
python_tools() {
  python3 -m venv "$1" 2>/dev/null || { needed python3-venv-missing python3-venv; python3 -m venv "$1"; }
  "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}

# Starts a server with demo accounts on its own data and any ports: start_demo FOLDER [LINES OF [http]]
# Afterwards `server` is its process, and FOLDER/told what it said: addresses, accounts, one-time passwords.
server=
start_demo() {
  local dir=$1
  mkdir -p "$dir"
  chmod 711 "$dir" # As root, PostgreSQL's account passes through.
  printf '%s\n' 'name = "outside.test"' "data_dir = \"$dir/data\"" '[http]' 'listen = "127.0.0.1:0"' \
    'trial_listen = "127.0.0.1:0"' 'metrics_listen = "127.0.0.1:0"' "certs_dir = \"$dir/certs\"" "${2:-}" '[[tenant]]' 'name = "demo"' 'demo = true' \
    '[[tenant.channel]]' 'channel = "http"' 'account = "app"' 'key_id = "demo-app"' \
    "secret = \"secret://file$dir/secret\"" '[[tenant.channel]]' 'channel = "web"' 'account = "widget"' \
    'key_id = "demo-widget"' "secret = \"secret://file$dir/secret\"" >"$dir/lww.toml"
  (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '\n' >"$dir/secret")
  : >"$dir/told" # What an earlier start said is no answer of this one, which may not have opened the file yet.
  "$lww" run --json --config "$dir/lww.toml" >"$dir/told" 2>"$dir/errors" &
  server=$!
  for _ in $(seq 600); do
    if grep -q '"role":"active"' "$dir/told"; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/told" "$dir/errors" >&2
  exit 1
}

stop_demo() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  server=
}

# One word of what the server said: told FOLDER KEY
told() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/told" "$2"; }
