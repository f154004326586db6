#!/usr/bin/env bash
# An evidence package and the sheet of keys, taken apart by openssl, jq, tar and sha256sum: yes to what the server made, no to a change.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
needed jq jq
needed xxd xxd
needed openssl openssl
needed curl curl

dir=$(mktemp -d /tmp/lww-evidence.XXXXXX)
finish() { stop_demo; rm -rf "$dir"; }
trap finish EXIT
start_demo "$dir"
python3 "$repo/tests/outside/lib/session.py" "$dir/told" auditor >/dev/null
(umask 077 && jq -r '.accounts[] | select(.login == "auditor") | "outside-" + .password' "$dir/told" >"$dir/password")

# A customer writes; an auditor takes the conversation out.
web=$(told "$dir" http)/api/v1/channels/web/demo/widget
token=$(curl -sf "$web/visits" -H 'content-type: application/json' -d '{}' | jq -r .token)
said='{"type":"send","key":"1","text":"卡号6222021234567890128丢了"}'
conversation=$(curl -sf "$web/frames" -H "authorization: Bearer $token" -H 'content-type: application/json' -d "$said" | jq -r .conversation)
"$lww" evidence export --conversation "$conversation" --reason outside --to "$dir/p.tar" --json --login auditor \
  --password-file "$dir/password" --server "$(told "$dir" http)" --config "$dir/lww.toml" >"$dir/kept"
[ "$(stat -c %a "$dir/p.tar")" = 600 ]
mkdir "$dir/p"
tar -xf "$dir/p.tar" -C "$dir/p"

# The key, from the sheet that lies in the data directory, with its fingerprint by hand.
grep -o 'outside.test/demo/1+.*' "$dir/data/fingerprints.txt" >"$dir/KEY"
{ cut -d+ -f1 "$dir/KEY"; cut -d+ -f3- "$dir/KEY" | base64 -d; } | sha256sum | cut -d' ' -f1 >"$dir/fingerprint"
tr -d ' \n' <"$dir/data/fingerprints.txt" | grep -q "$(cat "$dir/fingerprint")" || { echo "the sheet has another fingerprint" >&2; exit 1; }
{ printf '302a300506032b6570032100' | xxd -r -p; cut -d+ -f3- "$dir/KEY" | base64 -d | tail -c 32; } >"$dir/key.der"

# Whether a note is signed by that key: signed NOTE
signed() {
  sed '/^$/,$d' "$1" >"$dir/text"
  sed -n 's/^— [^ ]* //p' "$1" | base64 -d | tail -c 64 >"$dir/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key.der" -rawin -in "$dir/text" -sigfile "$dir/signature" >/dev/null 2>&1
}

# Each hash of a path over two halves (RFC 9162, section 2.1.3.2): root INDEX SIZE LEAF, path on stdin
root() {
  local fn=$1 sn=$(($2 - 1)) r=$3 p
  while read -r p; do
    if [ $((fn & 1)) = 1 ] || [ "$fn" = "$sn" ]; then
      r=$(printf '01%s%s' "$p" "$r" | xxd -r -p | sha256sum | cut -d' ' -f1)
      while [ $((fn & 1)) = 0 ] && [ "$fn" != 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    else
      r=$(printf '01%s%s' "$r" "$p" | xxd -r -p | sha256sum | cut -d' ' -f1)
    fi
    fn=$((fn >> 1)) sn=$((sn >> 1))
  done
  echo "$r"
}

# Whether a package is what the key signed: the manifest, its files, each entry's path, each text's commitment. holds FOLDER
holds() {
  local line size signed_root leaf computed salt
  signed "$1/manifest" && signed "$1/checkpoint" || return 1
  sed -n 's/^file \([0-9a-f]*\) [0-9]* \(.*\)/\1  \2/p' "$1/manifest" | (cd "$1" && sha256sum --check --status --strict) || return 1
  size=$(sed -n 2p "$1/checkpoint")
  signed_root=$(sed -n 3p "$1/checkpoint" | base64 -d | xxd -p -c 64)
  while IFS= read -r line; do
    printf %s "$line" | jq -rj .entry >"$dir/entry"
    leaf=$({ printf '\0'; cat "$dir/entry"; } | sha256sum | cut -d' ' -f1)
    computed=$(printf %s "$line" | jq -r '.path[]' | while read -r p; do printf %s "$p" | base64 -d | xxd -p -c 64; done |
      root "$(jq .seq "$dir/entry")" "$size" "$leaf")
    [ "$computed" = "$signed_root" ] || return 1
    if [ "$(printf %s "$line" | jq '.opened | length')" = 1 ]; then
      salt=$(printf %s "$line" | jq -r '.opened[0].salt' | base64 -d | xxd -p -c 64)
      { printf 'lww/commit/masked/1\0'; printf %s "$line" | jq -rj '.opened[0].text'; } |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$salt" | grep -q "$(jq -r .content.commit_masked "$dir/entry")" || return 1
      texts=$((texts + 1))
    fi
  done <"$1/entries.jsonl"
}

texts=0
holds "$dir/p" || { echo "the package does not hold" >&2; exit 1; }
[ "$texts" = 1 ] || { echo "$texts texts were opened" >&2; exit 1; }
policy=$(jq -rj 'select(.opened | length == 1) | .entry' "$dir/p/entries.jsonl" | jq -r .policy.digest)
[ "$(sha256sum <"$dir/p/policies/$policy.json" | cut -d' ' -f1)" = "$policy" ]
! grep -rq 6222021234567890128 "$dir/p" || { echo "the card's number is in the package" >&2; exit 1; }

# What is changed does not hold, also where the digest in the manifest is changed with it.
for change in 's/丢了/丢啦/' '1s/outside.test/outside.text/' '1d'; do
  rm -rf "$dir/q"
  cp -r "$dir/p" "$dir/q"
  sed -i "$change" "$dir/q/entries.jsonl"
  ! cmp -s "$dir/p/entries.jsonl" "$dir/q/entries.jsonl" || { echo "$change changes nothing" >&2; exit 1; }
  ! holds "$dir/q" || { echo "changed by $change it holds" >&2; exit 1; }
  digest=$(sha256sum <"$dir/q/entries.jsonl" | cut -d' ' -f1)
  sed -i "s/^file [0-9a-f]* [0-9]* entries.jsonl/file $digest $(wc -c <"$dir/q/entries.jsonl") entries.jsonl/" "$dir/q/manifest"
  ! holds "$dir/q" || { echo "changed by $change, with another digest, it holds" >&2; exit 1; }
done
echo "evidence: $(wc -l <"$dir/p/entries.jsonl") entries and $texts text hold by openssl, and no change of them does"
