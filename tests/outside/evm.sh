#!/usr/bin/env bash
# Anchoring on a real EVM node (anvil): OpenZeppelin's MerkleProof proves a leaf, its library finds the same roots, and what must fail does.
set -euo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/common.bash"
: "${LWW_LOG:?names a folder with tiles/ and vkey; ./x test --outside makes one}"
needed jq jq
needed curl curl
needed xxd xxd
command -v npm >/dev/null || { echo "Node.js with npm is needed" >&2; exit 1; }
contracts=$repo/evm/contracts
npm --prefix "$contracts" ci --no-audit --no-fund --loglevel error >/dev/null
cargo build --quiet --locked --manifest-path "$repo/Cargo.toml" --package lww-evm
evm=$(dirname "$lww")/lww-evm
anvil=$contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil

# What is committed is what the source compiles to.
(cd "$contracts" && npm run --silent check)

dir=$(mktemp -d /tmp/lww-evm.XXXXXX)
node= sidecar=
stop() { if [ -n "$1" ]; then kill "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; fi; }
finish() { stop "$sidecar"; stop "$node"; rm -rf "$dir"; }
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
asked=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_node() { # ARGUMENTS…
  "$anvil" --host 127.0.0.1 --port "$port" --chain-id 31337 --silent "$@" >"$dir/node.log" 2>&1 &
  node=$!
  for _ in $(seq 100); do rpc eth_chainId >/dev/null 2>&1 && return; sleep 0.1; done
  cat "$dir/node.log" >&2
  fail "anvil does not start"
}
# rpc METHOD [PARAMS]: the result, or nothing and status 1 for an error, which lies in $dir/error then.
rpc() {
  curl -sf -H 'Content-Type: application/json' "http://127.0.0.1:$port" -o "$dir/answer" \
    -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}" || return 1
  jq -e .error "$dir/answer" >"$dir/error" && return 1
  jq -c .result "$dir/answer"
}
# refused WORDS COMMAND…: the command fails and says why in these words.
refused() {
  local words=$1
  shift
  if "$@" >"$dir/out" 2>&1; then fail "it was not refused: $*"; fi
  grep -q "$words" "$dir/out" || fail "it says instead of '$words': $(cat "$dir/out")"
}

start_node --state "$dir/chain.json"
account=$("$evm" key "$dir/key")
[ "$(stat -c %a "$dir/key")" = 600 ] || fail "the key's file has another mode"
rpc anvil_setBalance "[\"$account\", \"0xde0b6b3a7640000\"]" >/dev/null
log=$(sed -n 1p "$LWW_LOG/tiles/checkpoint")
size=$(sed -n 2p "$LWW_LOG/tiles/checkpoint")
# configure NAME TILES CHAIN KEY [CONTRACT] [LINES]
configure() {
  {
    printf '%s\n' "listen = \"127.0.0.1:$asked\"" "rpc = \"http://127.0.0.1:$port\"" "key_file = \"$4\"" "state_dir = \"$dir/state-$1\"" \
      "chain_id = $3" "confirmations = ${6:-1}"
    if [ -n "${5:-}" ]; then echo "contract = \"$5\""; fi
    printf '%s\n' '[[log]]' "origin = \"$log\"" "vkey = \"$(cat "$LWW_LOG/vkey")\"" "tiles = \"$2\""
  } >"$dir/$1.toml"
}
configure deploy "$LWW_LOG/tiles" 31337 "$dir/key"
refused 'contract is missing' "$evm" anchor --config "$dir/deploy.toml"
deployed=$("$evm" deploy --config "$dir/deploy.toml")
contract=$(sed -n 's/^contract = "\(0x[0-9a-fA-F]*\)".*/\1/p' <<<"$deployed")
configure main "$LWW_LOG/tiles" 31337 "$dir/key" "$contract" 3

# A chain of another number gets nothing signed.
configure other "$LWW_LOG/tiles" 1 "$dir/key" "$contract"
refused 'rpc answers for chain 31337, chain_id says 1' "$evm" anchor --config "$dir/other.toml" --wait-s 1

# The real log, in two steps: first the sidecar is asked while no block comes, as a server would ask it.
rpc evm_setAutomine '[false]' >/dev/null
sed -i 's/^chain_id/stuck_s = 2\nchain_id/' "$dir/main.toml"
"$evm" run --config "$dir/main.toml" >"$dir/sidecar.log" 2>&1 &
sidecar=$!
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$asked/healthz" >/dev/null && break; sleep 0.1; done
head -3 "$LWW_LOG/tiles/checkpoint" >"$dir/checkpoint"
confirm() { curl -s -o "$dir/told" -w '%{http_code}' --data-binary "@$1" "http://127.0.0.1:$asked/confirm"; }
[ "$(confirm "$dir/checkpoint")" = 202 ] || fail "a checkpoint is not taken: $(cat "$dir/told")"
sed "2s/.*/$((size - 1))/" "$dir/checkpoint" >"$dir/forged"
[ "$(confirm "$dir/forged")" = 403 ] || fail "a forged checkpoint is taken: $(cat "$dir/told")"

# until WHAT COMMAND…: the command succeeds within half a minute.
until_so() {
  local what=$1
  shift
  for _ in $(seq 150); do "$@" && return; sleep 0.2; done
  fail "$what: $(tail -3 "$dir/sidecar.log")"
}
pool() { rpc txpool_content | jq -c "[.pending[][] | {nonce, hash, fee: .maxFeePerGas}]"; }
pooled() { [ "$(pool | jq length)" = "$1" ]; }
newer() { pooled 1 && [ "$(pool | jq -r '.[0].hash')" != "$first" ]; }
told_mined() { jq -e '.[0].mined != null' "$dir/state-main/on-its-way.json" >/dev/null; }

# Stuck: the transaction is replaced under its number.
until_so 'nothing was sent' pooled 1
first=$(pool | jq -r '.[0].hash') number=$(pool | jq -r '.[0].nonce')
until_so 'a stuck transaction was not replaced' newer
[ "$(pool | jq -r '.[0].nonce')" = "$number" ] || fail "the replacement has another number: $(pool)"

# A reorganisation: the block that held it vanishes, and it is sent again.
before=$(rpc evm_snapshot)
rpc anvil_mine '["0x1"]' >/dev/null
until_so 'the block was not seen' told_mined
rpc evm_revert "[$before]" >/dev/null
rpc anvil_dropAllTransactions >/dev/null
rpc evm_setAutomine '[false]' >/dev/null
until_so 'after a reorganisation it was not sent again' pooled 1

# The node goes away: it is said, and nothing is lost.
kill -INT "$node" && wait "$node" 2>/dev/null || true
node=
down() { [ "$(confirm "$dir/checkpoint")" = 503 ] && grep -q 'the node can.t be reached' "$dir/told"; }
until_so 'nobody says that the node is down' down
start_node --state "$dir/chain.json"
settled() { rpc anvil_mine '["0x1"]' >/dev/null; [ "$(confirm "$dir/checkpoint")" = 200 ]; }
until_so 'it was not anchored after the node came back' settled
cp "$dir/told" "$dir/receipt.json"
stop "$sidecar"
sidecar=
"$evm" check --config "$dir/main.toml" --receipt "$dir/receipt.json" | tee "$dir/checked"
[ "$(jq -r .size "$dir/receipt.json")" = "$size" ] || fail "another size was anchored"
"$evm" anchor --config "$dir/main.toml" --wait-s 30 >"$dir/again.json"
cmp -s <(jq -c . "$dir/receipt.json") <(jq -c . "$dir/again.json") || fail "it was anchored twice"
rm -rf "$dir/state-main"
"$evm" anchor --config "$dir/main.toml" --wait-s 30 >"$dir/again.json"
transaction=$(jq -r .transaction "$dir/receipt.json")
[ "$(jq -r .transaction "$dir/again.json")" = "$transaction" ] || fail "without its state it was anchored twice"

# OpenZeppelin's library comes to the same root, from the leaf hashes of the log's tiles.
python3 - "$LWW_LOG/tiles" "$size" >"$dir/leaves" <<'PYTHON'
import pathlib, sys
tiles, size = pathlib.Path(sys.argv[1], "tile", "0"), int(sys.argv[2])
name = lambda n: "".join(f"x{n // 1000 ** k % 1000:03}/" for k in range(3, 0, -1) if n >= 1000 ** k) + f"{n % 1000:03}"
for n in range(-(-size // 256)):
    path, width = tiles / name(n), min(256, size - n * 256)
    data = path.read_bytes() if path.exists() else (tiles / f"{name(n)}.p" / str(width)).read_bytes()
    for at in range(width):
        print("0x" + data[32 * at : 32 * at + 32].hex())
PYTHON
"$evm" batch --config "$dir/main.toml" --log "$log" >"$dir/batch.json"
root=$(node "$contracts/prove.mjs" "$dir/batch.json" "$dir/leaves")
[ "$root" = "$(jq -r .batch.root "$dir/receipt.json")" ] || fail "the root on the chain is another than OpenZeppelin's: $root"

# MerkleProof on the chain follows every kind of path, and no tampered leaf.
for index in 0 $((size / 2)) $((size - 1)); do
  "$evm" prove --config "$dir/main.toml" --receipt "$dir/receipt.json" --index "$index" >"$dir/proof"
  grep -q 'the contract says: it is in the batch' "$dir/proof" || fail "entry $index is not in the batch: $(cat "$dir/proof")"
done
refused 'not in the receipt' "$evm" prove --config "$dir/main.toml" --receipt "$dir/receipt.json" --index "$size"
call() { rpc eth_call "[{\"from\":\"$1\",\"to\":\"$contract\",\"data\":\"$2\"},\"latest\"]"; }
proof=$(head -1 "$dir/proof" | jq -r .call) leaf=$(head -1 "$dir/proof" | jq -r '.leaf[2:]')
[ "$(call "$account" "$proof")" = "\"0x$(printf %064d 1)\"" ] || fail "a leaf is not proven on the chain"
tampered=$(tr '0-9a-f' '1-9a-f0' <<<"$leaf")
[ "$(call "$account" "${proof/$leaf/$tampered}")" = "\"0x$(printf %064d 0)\"" ] || fail "a tampered leaf is proven on the chain"

# The contract refuses a smaller size, another root of the same size, and another sender; the same again changes nothing.
input=$(rpc eth_getTransactionByHash "[\"$transaction\"]" | jq -r .input)
kept=$(jq -r '.root[2:]' "$dir/receipt.json")
selector() { rpc web3_sha3 "[\"0x$(printf %s "$1" | xxd -p | tr -d '\n')\"]" | cut -c2-11; }
reverts() { # ERROR FROM DATA
  if call "$2" "$3" >/dev/null; then fail "no $1: the contract takes it"; fi
  [ "$(jq -r .error.data "$dir/answer" | cut -c1-10)" = "$(selector "$1")" ] || fail "another refusal than $1: $(cat "$dir/answer")"
}
call "$account" "$input" >/dev/null || fail "the same again is refused"
reverts 'SmallerSize(uint64,uint64)' "$account" "${input/$(printf %064x "$size")/$(printf %064x $((size - 1)))}"
reverts 'OtherRoot(uint64,bytes32)' "$account" "${input/$kept/$(printf %064x 7)}"
reverts 'NotSubmitter()' 0x1111111111111111111111111111111111111111 "$input"

gas() { grep -o '[0-9]* gas' <<<"$1" | cut -d' ' -f1; }
anchor=$(gas "$(cat "$dir/checked")")
echo "gas: deploy $(gas "$deployed"), anchor $anchor whatever the size of a batch, verify $(gas "$(tail -1 "$dir/proof")") as a transaction and none as a question"
echo "anvil, OpenZeppelin's MerkleProof and its library agree with lww-evm on $size entries; what must be refused is"
