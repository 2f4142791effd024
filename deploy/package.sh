#!/usr/bin/env bash
# All that is released, from one build: bundle (tar.gz), DEB and RPM, in build/packages.
#   deploy/package.sh [BUILD]      build/release, which must be built
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

archive=$(deploy/bundle.sh "$build/fencewatch")
rm -rf "$build/bundle" build/packages/*.deb build/packages/*.rpm
mkdir -p "$build"/bundle/{bin,lib/fencewatch}
cp -a "${archive%.tar.gz}"/{fencewatch,lib,licences} "$build/bundle/lib/fencewatch/"
ln -s ../lib/fencewatch/fencewatch "$build/bundle/bin/fencewatch"
for generator in DEB RPM; do
  cpack --config "$build/CPackConfig.cmake" -G "$generator" >"$build/cpack-$generator.log" 2>&1 || {
    cat "$build/cpack-$generator.log" >&2
    exit 1
  }
done
rm -rf build/packages/_CPack_Packages
ls "$archive" build/packages/*.deb build/packages/*.rpm
