#!/usr/bin/env bash
# The files of the image, in a directory: the program, its libraries at their places, their licences, two users. For deploy/Dockerfile.
#   deploy/image.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:?usage: deploy/image.sh DIRECTORY [BUILD]}
build=build/release

# Corosync's clients are in the image: a container does not see those of its host.
deploy/build.sh "$build" binutils python3-minimal libsystemd0 libcmap4 libvotequorum8 libquorum5
mkdir -p "$image"/{etc,usr/bin,usr/share/fencewatch,var/lib/fencewatch}
strip -o "$image/usr/bin/fencewatch" "$build/fencewatch"
chmod 755 "$image/usr/bin/fencewatch"
libraries=$(deploy/libraries.sh "$build/fencewatch" --corosync)
while read -r file package; do
  mkdir -p "$image$(dirname "$file")"
  install -m 755 "$file" "$image$file" # the file, under the name by which it is looked for
  copyright=$(realpath "/usr/share/doc/$package/copyright")
  mkdir -p "$image$(dirname "$copyright")"
  cp "$copyright" "$image$copyright"
done <<<"$libraries"
deploy/sbom.py "$image/usr/bin/fencewatch" <<<"$libraries" >"$image/usr/share/fencewatch/sbom.cdx.json"
printf 'root:x:0:0:root:/:/nonexistent\nfencewatch:x:65532:65532:fencewatch:/:/nonexistent\n' >"$image/etc/passwd"
printf 'root:x:0:\nfencewatch:x:65532:\n' >"$image/etc/group"
