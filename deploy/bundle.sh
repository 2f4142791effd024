#!/usr/bin/env bash
# A directory and a tar.gz of fencewatch with its own loader and libraries, for distributions with an older glibc (Kylin V10: 2.28) and for
# a machine without any of the libraries.
#   deploy/bundle.sh BUILD [DIRECTORY]      what deploy/build.sh built; build/packages
# Corosync's client libraries are not in it: the host's are of the same version as its corosync. Times are those of SOURCE_DATE_EPOCH or
# the last commit: the same sources and libraries give the same archive.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:?usage: deploy/bundle.sh BUILD [DIRECTORY]}/fencewatch")
mkdir -p "${2:-build/packages}"
out=$(realpath "${2:-build/packages}")
version=$(cat "$1/version")
case $(readelf -h "$binary" | sed -n 's/^ *Machine: *//p') in
  AArch64) machine=aarch64 ;;
  *) machine=x86_64 ;;
esac
SYSROOT=
[ ! -d "$1/sysroot" ] || SYSROOT=$(realpath "$1/sysroot")
export SYSROOT
name=fencewatch-$version-linux-$machine
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
tree=$out/$name

rm -rf "$tree"
mkdir -p "$tree"/lib/loader "$tree"/licences "$tree"/share/{alerts,dashboards}
"$machine-linux-gnu-gcc" -O2 -Wall -Wextra -Werror -static-pie -fPIE -s -o "$tree/fencewatch" deploy/bundle/launch.c
"$machine-linux-gnu-strip" -o "$tree/lib/fencewatch" "$binary"
chmod 755 "$tree/lib/fencewatch"
libraries=$(deploy/libraries.sh "$binary")
while read -r file package; do
  case $file in
    */ld-linux*) install -m 755 "$SYSROOT$file" "$tree/lib/loader/fencewatch" ;;
    *) install -m 755 "$SYSROOT$file" "$tree/lib/" ;; # the file, under the name by which it is looked for
  esac
  copyright=$(realpath "$SYSROOT/usr/share/doc/$package/copyright") # that of libstdc++6 is gcc's
  cp "$copyright" "$tree/licences/$(basename "$(dirname "$copyright")")"
done <<<"$libraries"
SOURCE_DATE_EPOCH=$epoch deploy/sbom.py "$tree/lib/fencewatch" "$version" <<<"$libraries" >"$tree/share/sbom.cdx.json"
cp LICENSE "$tree/"
cp collectors/host/advisories.yaml deploy/package/corosync-uidgid "$tree/share/"
cp -r alerts/*.yml alerts/runbooks "$tree/share/alerts/"
cp dashboards/*.json "$tree/share/dashboards/"
cp deploy/bundle/README.md deploy/package/fencewatch.yml deploy/systemd/fencewatch.{service,slice,socket} "$tree/"
find "$tree" -exec touch --no-dereference --date="@$epoch" {} +
tar --directory="$out" --sort=name --owner=0 --group=0 --numeric-owner --create "$name" | gzip -9n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
