#!/usr/bin/env bash
# Builds the fencewatch that is released, after installing what that needs (Debian 12, apt-get, with sudo when not root).
#   deploy/build.sh DIRECTORY [PACKAGE…]      further packages to be there
# Where there is no git: REVISION=… is what --version says.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:?usage: deploy/build.sh DIRECTORY [PACKAGE…]}
packages=(cmake ninja-build g++ pkg-config prometheus-cpp-dev libcivetweb-dev libssl-dev libcrypt-dev
  libre2-dev libyaml-cpp-dev libspdlog-dev libisal-dev nlohmann-json3-dev zlib1g-dev liblzma-dev libcli11-dev libsystemd-dev
  "${@:2}")

die() {
  echo "build: $*" >&2
  exit 1
}

install_missing() {
  local package missing=() sudo=()
  command -v dpkg-query >/dev/null || die "this script knows Debian only; the packages are: ${packages[*]}"
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  echo "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

compile() {
  cd "$root"
  cmake --preset release -B "$build" -DBUILD_TESTING=OFF ${REVISION:+"-DREVISION=$REVISION"} &&
    cmake --build "$build" --target fencewatch
}

export CCACHE_BASEDIR=$root LANG=C.UTF-8 # what was compiled in another directory needs no compiling
install_missing
mkdir -p "$build"
build=$(realpath "$build")
echo "building (a few minutes the first time)"
compile >"$build/log" 2>&1 || {
  tail -20 "$build/log" >&2
  die "the build failed, the whole log is $build/log"
}
