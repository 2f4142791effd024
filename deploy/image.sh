#!/usr/bin/env bash
# The files of the image, in a directory: the program, its libraries at their places, their licences, two users. For deploy/Dockerfile.
#   deploy/image.sh DIRECTORY [amd64|arm64]
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:?usage: deploy/image.sh DIRECTORY [amd64|arm64]}
arch=${2:-$(dpkg --print-architecture)}
build=build/image-$arch

# Corosync's clients are in the image: a container does not see those of its host.
deploy/build.sh "--arch=$arch" "$build" binutils python3 libsystemd0:target libcmap4:target libvotequorum8:target libquorum5:target
case $arch in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
esac
SYSROOT=
[ ! -d "$build/sysroot" ] || SYSROOT=$(realpath "$build/sysroot")
export SYSROOT
mkdir -p "$image"/{etc,usr/bin,usr/share/fencewatch,var/lib/fencewatch}
"$machine-linux-gnu-strip" -o "$image/usr/bin/fencewatch" "$build/fencewatch"
chmod 755 "$image/usr/bin/fencewatch"
libraries=$(deploy/libraries.sh "$build/fencewatch" --corosync)
while read -r file package; do
  mkdir -p "$image$(dirname "$file")"
  install -m 755 "$SYSROOT$file" "$image$file" # the file, under the name by which it is looked for
  copyright=$(realpath "$SYSROOT/usr/share/doc/$package/copyright")
  install -D -m 644 "$copyright" "$image${copyright#"$SYSROOT"}"
done <<<"$libraries"
deploy/sbom.py "$image/usr/bin/fencewatch" "$(cat "$build/version")" <<<"$libraries" >"$image/usr/share/fencewatch/sbom.cdx.json"
printf 'root:x:0:0:root:/:/nonexistent\nfencewatch:x:65532:65532:fencewatch:/:/nonexistent\n' >"$image/etc/passwd"
printf 'root:x:0:\nfencewatch:x:65532:\n' >"$image/etc/group"
