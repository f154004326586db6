#!/usr/bin/env bash
# The package is the same twice, and openssl, sha256sum, tar, jq and dpkg agree with what it says of itself.
#
# Debug builds will do: it is the packing that is looked at. `./x package --check` installs a real one on a bare Debian.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
command -v jq >/dev/null || { echo "jq is needed: apt-get install jq" >&2; exit 1; }
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --locked --workspace --bin lww --bin lww-verify
# The auditor's program as it is packed: static.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --quiet --locked --package lww-audit --bin lww-verify --target "$host"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir "$out/programs"
cp "$target/debug/lww" "$target/$host/debug/lww-verify" "$out/programs/"
fail() { echo "package: $*" >&2; exit 1; }

openssl genpkey -algorithm ed25519 -out "$out/key.pem"
for run in one two; do
  tools/package.sh --binaries "$out/programs" --to "$out/$run" --sign "$out/key.pem" >"$out/$run.said"
done
diff -r "$out/one" "$out/two" || fail "two runs differ"
cd "$out/one"
[ ! -e signing.key.pem ] || fail "the private key is among what is handed out"
bundle=$(ls liaowaiwai-*.tar.gz)
name=${bundle%.tar.gz}

verify() { openssl pkeyutl -verify -rawin -pubin -inkey signing.pub.pem -in "$1" -sigfile SHA256SUMS.sig >/dev/null 2>&1; }
openssl pkey -in "$out/key.pem" -pubout | cmp - signing.pub.pem
verify SHA256SUMS || fail "openssl refuses the signature"
sed '1s/^./x/' SHA256SUMS >"$out/forged"
! verify "$out/forged" || fail "openssl accepts a forged list"
sha256sum --check --quiet SHA256SUMS
[ "$(wc -l <SHA256SUMS)" = 3 ] || fail "SHA256SUMS doesn't list three files"

# The SBOM: each crate that is linked and each package of the pages, with version, licence and checksum.
jq -e '.bomFormat == "CycloneDX" and .specVersion == "1.6" and (.components | length > 100)
  and all(.components[]; (.name | startswith("lww-")) or (.purl and .licenses[0].expression
    and (.hashes[0] | {"SHA-256": 64, "SHA-512": 128}[.alg] == (.content | length))))
  and ([.components[]["bom-ref"]] | length == (unique | length))
  and (([.dependencies[].dependsOn[]] - [.components[]["bom-ref"]]) | length == 0)' sbom.cdx.json >/dev/null ||
  fail "the SBOM is not whole"
# Every crate that left the name of a source file in the programs is in it.
strings "$OLDPWD/$target/debug/lww" "$OLDPWD/$target/debug/lww-verify" | grep -oE 'registry/src/[^/]+/[^/]+/src/' |
  sed -E 's|registry/src/[^/]+/(.+)/src/|pkg:cargo/\1|; s|-([0-9]+\.[0-9]+\.)|@\1|' | sort -u >"$out/linked"
[ "$(wc -l <"$out/linked")" -gt 50 ] || fail "the programs name no crates"
jq -r '.components[] | select(.scope == "required") | .purl' sbom.cdx.json | sort -u >"$out/listed"
unlisted=$(comm -23 "$out/linked" "$out/listed")
[ -z "$unlisted" ] || fail "in the programs and not in the SBOM: $unlisted"

# The bundle starts, and says what is wrong on a machine whose glibc is too old.
tar --extract --gzip --file "$bundle" --directory "$out"
[[ liaowaiwai-$("$out/$name/bin/lww" --version | cut -d' ' -f2)-x86_64 == "$name" ]] || fail "it is of another version"
"$out/$name/bin/lww-verify" --version >/dev/null
"$out/$name/bin/lww" config check --config "$out/$name/etc/lww.toml" >/dev/null
floor=$(cat "$out/$name/glibc-floor")
grep -q "glibc $floor or newer" "$out/$name/README" || fail "the README doesn't state the floor"
echo 99.1 >"$out/$name/glibc-floor"
if told=$("$out/$name/bin/lww" --version 2>&1); then fail "it started below its floor"; fi
[[ $told == *"needs glibc 99.1 or newer, this machine has"* ]] || fail "it said: $told"
for file in sbom.cdx.json THIRD-PARTY.txt policies/masking/cn-retail.yaml migrations/V1__core.sql docs/operator.md LICENSE; do
  [ -s "$out/$name/$file" ] || fail "$file is missing in the bundle"
done
links=$OLDPWD/tests/outside/lib/links.py
python3 "$links" "$out/$name" || fail "documents of the bundle link to what isn't in it"

# The Debian package asks dpkg for the same floor, belongs to root, and keeps data.
deb=$(ls liaowaiwai_*.deb)
[[ $(dpkg-deb --field "$deb" Depends) == *"libc6 (>= $floor)"* ]] || fail "the package doesn't ask for glibc $floor"
dpkg-deb --contents "$deb" >"$out/contents"
awk '$2 != "root/root" { print; bad = 1 } END { exit bad }' "$out/contents" || fail "not all files are root's"
grep -q '/usr/lib/systemd/system/liaowaiwai.service' "$out/contents" || fail "the unit is missing"
dpkg-deb --control "$deb" "$out/control"
grep -q /etc/liaowaiwai/lww.toml "$out/control/conffiles" || fail "the configuration is no conffile"
! grep -qE 'rm |userdel|deluser' "$out/control/postrm" || fail "a removal would delete something"
dpkg-deb --extract "$deb" "$out/unpacked"
python3 "$links" "$out/unpacked/usr/share/doc/liaowaiwai" || fail "documents of the package link to what isn't in it"
for script in postinst prerm postrm; do sh -n "$out/control/$script"; done
echo "package: $name checked, glibc $floor"
