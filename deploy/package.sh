#!/usr/bin/env bash
# All that is released for one kind of machine, from one build, in build/packages: bundle (tar.gz), DEB and RPM. Installs what that needs.
#   deploy/package.sh [--arch=amd64|arm64]      this machine's; the other is cross-built
set -euo pipefail
cd "$(dirname "$0")/.."
native=$(dpkg --print-architecture)
arch=$native
if [[ ${1:-} = --arch=* ]]; then
  arch=${1#--arch=}
  shift
fi
[ $# -eq 0 ] || { echo "usage: deploy/package.sh [--arch=amd64|arm64]" >&2; exit 1; }
build=build/release
[ "$arch" = "$native" ] || build=build/$arch

deploy/build.sh "--arch=$arch" "$build" binutils dpkg-dev file python3 rpm >&2
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
mkdir -p build/packages
rm -rf "$build/bundle" build/packages/*"_$arch.deb"
case $arch in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
esac
rm -rf build/packages/fencewatch-*"$machine"*
archive=$(deploy/bundle.sh "$build")
mkdir -p "$build"/bundle/{bin,lib/fencewatch}
cp -a "${archive%.tar.gz}"/{fencewatch,lib,licences} "$build/bundle/lib/fencewatch/"
ln -s ../lib/fencewatch/fencewatch "$build/bundle/bin/fencewatch"
# dpkg-shlibdeps knows no other root: in its place stand the packages of what the program is linked with.
export PATH=$PWD/$build/tools:$PATH
rm -rf "$build/tools"
mkdir "$build/tools"
if [ -d "$build/sysroot" ]; then
  packages=$(SYSROOT=$(realpath "$build/sysroot") deploy/libraries.sh "$build/fencewatch" |
    grep -F "$(readelf -d "$build/fencewatch" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\/\1 /p')" | cut -d' ' -f2 | sort -u)
  depends=
  for package in $packages; do
    shlibs=$build/sysroot/var/lib/dpkg/info/$package:$arch.shlibs # deb-shlibs(5): library, version, what to depend on
    told=$(sed -n '/^udeb:/!{s/^[^ ]* [^ ]* //p;q}' "$shlibs" 2>/dev/null || true)
    depends+="${depends:+, }${told:-$package}"
  done
  printf '#!/bin/sh\necho "shlibs:Depends=%s"\n' "${depends:?no packages for $arch}" >"$build/tools/dpkg-shlibdeps"
  chmod +x "$build/tools/dpkg-shlibdeps"
fi
for generator in DEB RPM; do
  DEB_HOST_ARCH=$arch cpack --config "$build/CPackConfig.cmake" -G "$generator" >"$build/cpack-$generator.log" 2>&1 || {
    cat "$build/cpack-$generator.log" >&2
    exit 1
  }
done
rm -rf build/packages/_CPack_Packages
ls "$archive" build/packages/*"_$arch.deb" build/packages/*".$machine.rpm"
