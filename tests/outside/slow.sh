#!/usr/bin/env bash
# Slow headers, slow bodies and slow readers by slowhttptest: others are answered meanwhile, and the slow ones are closed.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
needed slowhttptest slowhttptest
needed curl curl

dir=$(mktemp -d /tmp/lww-slow.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
start_demo "$dir"
http=$(told "$dir" http)
https=$(told "$dir" https)
ulimit -n 4096 2>/dev/null || true

# One attack of half a minute, while somebody else asks: attack NAME ARGUMENTS…
attack() {
  local name=$1 slow asked=0 late=0
  shift
  slowhttptest -c 1000 -r 300 -l 20 -p 3 "$@" >"$dir/$name.txt" 2>&1 &
  slow=$!
  while kill -0 "$slow" 2>/dev/null; do
    asked=$((asked + 1))
    curl -sS -m 3 --cacert "$dir/certs/ca.pem" -o "$dir/answer" "$https/healthz" || late=$((late + 1))
    sleep 0.5
  done
  wait "$slow" || true
  [ "$asked" -ge 10 ] || { echo "$name: the attack was over at once" >&2; tail -5 "$dir/$name.txt" >&2; exit 1; }
  [ "$late" = 0 ] || { echo "$name: $late of $asked others were not answered in 3 seconds" >&2; exit 1; }
  echo "$name: 1000 connections, all $asked others were answered"
}

attack slowloris -H -i 2 -u "$http/healthz" &
attack slow_body -B -i 2 -s 8192 -f 'application/json' -t POST -u "$https/api/v1/session" &
attack slow_read -X -w 1 -y 2 -n 2 -z 1 -u "$https/api/v1/openapi.json" &
failed=0
for job in $(jobs -p); do
  [ "$job" = "$server" ] || wait "$job" || failed=1
done
kill -0 "$server" || { echo "the server is gone" >&2; exit 1; }
# Who never finishes a request holds nothing any more.
for _ in $(seq 60); do
  open=$(find "/proc/$server/fd" -lname 'socket:*' 2>/dev/null | wc -l)
  [ "$open" -lt 200 ] && break
  sleep 1
done
[ "$open" -lt 200 ] || { echo "$open sockets are still open" >&2; exit 1; }
echo "afterwards $open sockets are open"
[ "$failed" = 0 ]
