#!/usr/bin/env bash
# Packs built programs into a bundle and a Debian package, with an SBOM, checksums and a signature.
#
#   tools/package.sh --binaries FOLDER --to FOLDER [--sign KEY.pem]
#
# FOLDER of the programs holds lww and lww-verify; lww-verify must be static, because auditors run it on whatever machine they have.
# The same commit, programs and key give the same bytes: files are sorted and bear the commit's time (or SOURCE_DATE_EPOCH).
# KEY.pem is an Ed25519 private key (openssl genpkey -algorithm ed25519); without one, a key is made for the occasion.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
export LC_ALL=C TZ=UTC
umask 022

die() { printf 'package: %s\n' "$*" >&2; exit 1; }

binaries='' to='' key=''
while [ $# -gt 0 ]; do
  case "$1" in
    --binaries) binaries=$2; shift 2 ;;
    --to) to=$2; shift 2 ;;
    --sign) key=$2; shift 2 ;;
    *) die "there is no option $1" ;;
  esac
done
[ -n "$binaries" ] && [ -n "$to" ] || die "--binaries and --to are needed"
for tool in objdump dpkg-deb openssl python3 gzip; do
  command -v $tool >/dev/null || die "$tool is needed (Debian: apt-get install binutils dpkg openssl python3)"
done

[ -f web/dist/verify.html ] || die "web/dist/verify.html is missing: ./x web"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
name=liaowaiwai-$version-x86_64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The newest glibc symbol version that the server asks the loader for.
floor() { objdump -T "$binaries/lww" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -1; }

# Whether a program needs neither a loader nor a library: it names no interpreter and no library.
is_static() {
  local headers
  headers=$(objdump -p "$1") || return 1
  ! grep -qE '^ *(INTERP|NEEDED) ' <<<"$headers"
}

# What bundle and package have in common, below a folder each. Documents lie as in the repository, because they link to each other.
papers() {
  local share=$1 docs=$2
  mkdir -p "$share" "$docs/docs" "$docs/audit"
  cp -r policies migrations compliance "$share/"
  [ "$share" = "$docs" ] || ln -s "$(realpath --no-symlinks --relative-to="$docs" "$share")/compliance" "$docs/compliance"
  cp -r docs/*.md docs/integrator docs/adr docs/pictures "$docs/docs/"
  cp audit/FORMAT.md "$docs/audit/"
  cp README.md README.zh-CN.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md SECURITY.md "$docs/"
  cp "$work/sbom.cdx.json" "$work/THIRD-PARTY.txt" "$docs/"
}

same_time() { find "$1" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"; }

bundle() {
  local root=$work/$name
  mkdir -p "$root"/{bin,libexec,etc,systemd}
  papers "$root" "$root"
  cp LICENSE "$root/"
  install -m 0755 "$binaries/lww" "$binaries/lww-verify" "$root/libexec/"
  install -m 0644 web/dist/verify.html "$root/libexec/"
  install -m 0755 packaging/bundle/run "$root/bin/lww"
  ln -s lww "$root/bin/lww-verify"
  echo "$floor" >"$root/glibc-floor"
  sed -e "s/@VERSION@/$version/g" -e "s/@FLOOR@/$floor/g" packaging/bundle/README >"$root/README"
  sed 's|/usr/share/liaowaiwai/|/opt/liaowaiwai/|' packaging/lww.toml >"$root/etc/lww.toml"
  cp packaging/liaowaiwai.service packaging/lww-witness.service "$root/systemd/"
  same_time "$root"
  tar --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu --create "$name" |
    gzip --no-name -9 >"$to/$name.tar.gz"
}

debian() {
  local root=$work/deb
  mkdir -p "$root"/DEBIAN "$root"/usr/bin "$root"/etc/liaowaiwai "$root"/usr/lib/systemd/system
  papers "$root/usr/share/liaowaiwai" "$root/usr/share/doc/liaowaiwai"
  install -m 0755 "$binaries/lww" "$binaries/lww-verify" "$root/usr/bin/"
  install -m 0644 web/dist/verify.html "$root/usr/share/liaowaiwai/"
  cp packaging/lww.toml "$root/etc/liaowaiwai/"
  for unit in liaowaiwai.service lww-witness.service; do
    sed 's|/usr/local/bin/lww|/usr/bin/lww|' "packaging/$unit" >"$root/usr/lib/systemd/system/$unit"
  done
  { printf 'Liaowaiwai is under the Apache License 2.0:\n\n'; cat LICENSE; } >"$root/usr/share/doc/liaowaiwai/copyright"
  install -m 0755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$root/DEBIAN/"
  echo /etc/liaowaiwai/lww.toml >"$root/DEBIAN/conffiles"
  # dpkg itself refuses a machine whose glibc is too old, and says so.
  cat >"$root/DEBIAN/control" <<CONTROL
Package: liaowaiwai
Version: $version
Architecture: amd64
Maintainer: Liaowaiwai <security@liaowaiwai.example>
Depends: libc6 (>= $floor), passwd
Recommends: postgresql (>= 15)
Section: net
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: compliance-grade customer-service server
 Every customer message is masked by policy, recorded in a ledger that nobody
 can rewrite unseen, and only then routed and answered. With lww-verify, which
 checks receipts and logs and trusts nothing but a public key.
CONTROL
  (cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  same_time "$root"
  dpkg-deb --root-owner-group -Zgzip --build "$root" "$to/liaowaiwai_${version}_amd64.deb" >/dev/null
}

sign() {
  (cd "$to" && sha256sum "$name.tar.gz" "liaowaiwai_${version}_amd64.deb" sbom.cdx.json >SHA256SUMS)
  if [ -z "$key" ]; then
    key=$to/signing.key.pem
    [ -f "$key" ] || (umask 077 && openssl genpkey -algorithm ed25519 -out "$key")
    echo "package: no --sign: signed with a key made for the occasion ($key). It vouches for nothing." >&2
  fi
  openssl pkey -in "$key" -pubout -out "$to/signing.pub.pem"
  openssl pkeyutl -sign -rawin -inkey "$key" -in "$to/SHA256SUMS" -out "$to/SHA256SUMS.sig"
}

mkdir -p "$to"
to=$(readlink -f "$to")
is_static "$binaries/lww-verify" || die "$binaries/lww-verify is not static: an auditor's machine may have another C library"
# The same question of a program that is not static must get the other answer, or it proves nothing.
! is_static "$binaries/lww" || die "$binaries/lww is taken for static, which it is not"
floor=$(floor)
[ -n "$floor" ] || die "no glibc version found in $binaries/lww"
tools/sbom.py "$work"
# Of the machine that builds, and so in no list of packages.
cat >>"$work/THIRD-PARTY.txt" <<'GLIBC'

lww-verify holds parts of the GNU C Library (LGPL-2.1-or-later, https://sourceware.org/glibc/), because it is static. Whoever wants another
version of that library in it links it anew: `./x package` of this release's source does.
GLIBC
cp "$work/sbom.cdx.json" "$to/"
bundle
debian
sign
printf '%s, glibc %s or newer, %s components\n' "$name" "$floor" "$(grep -c '"purl"' "$to/sbom.cdx.json")"
openssl pkey -pubin -in "$to/signing.pub.pem" -pubout
ls -l "$to"
