#!/usr/bin/env bash
# Builds the fencewatch that is released, after installing what that needs (Debian 12, apt-get, with sudo when not root).
#   deploy/build.sh [--arch=amd64|arm64] DIRECTORY [PACKAGE…]
#     --arch     for another machine than this one, by Debian's cross compiler; that machine's libraries go to DIRECTORY/sysroot
#     PACKAGE    further packages to be there; NAME:target is for the machine that is built for
# Where there is no git: REVISION=… and VERSION=… are what --version says.
set -euo pipefail

die() {
  echo "build: $*" >&2
  exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command -v dpkg-query >/dev/null || die "this script knows Debian only"
native=$(dpkg --print-architecture)
target=$native
if [[ ${1:-} = --arch=* ]]; then
  target=${1#--arch=}
  shift
fi
build=${1:?usage: deploy/build.sh [--arch=amd64|arm64] DIRECTORY [PACKAGE…]}
case $target in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) die "--arch is amd64 or arm64, not $target" ;;
esac
packages=(cmake ninja-build pkg-config libcli11-dev:target prometheus-cpp-dev:target libcivetweb-dev:target libssl-dev:target
  libcrypt-dev:target libre2-dev:target libyaml-cpp-dev:target libspdlog-dev:target libisal-dev:target zlib1g-dev:target liblzma-dev:target
  libsystemd-dev:target nlohmann-json3-dev:target "${@:2}")
if [ -e "$root/.git" ]; then packages+=(git); fi # the version counts commits
if [ "$target" = "$native" ]; then
  packages=(g++ "${packages[@]/%:target/}")
else
  mapfile -t foreign < <(printf '%s\n' "${packages[@]}" | sed -n 's/:target$//p')
  mapfile -t packages < <(printf '%s\n' "g++-${machine/_/-}-linux-gnu" "${packages[@]}" | grep -v ':target$')
fi

install_missing() {
  local package missing=() sudo=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  echo "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

compile() {
  local toolchain=()
  if [ "$target" != "$native" ]; then
    "$root/deploy/sysroot.sh" "$target" "$build/sysroot" "${foreign[@]}" || return 1
    toolchain=("-DCMAKE_TOOLCHAIN_FILE=$root/deploy/cross.cmake" "-DMACHINE=$machine" "-DROOT=$build/sysroot")
  fi
  cd "$root"
  cmake --preset release -B "$build" -DBUILD_TESTING=OFF "${toolchain[@]}" ${REVISION:+"-DREVISION=$REVISION"} &&
    cmake --build "$build" --target fencewatch
}

export CCACHE_BASEDIR=$root LANG=C.UTF-8 # what was compiled in another directory needs no compiling
install_missing || die "apt-get does not install ${packages[*]}"
mkdir -p "$build"
build=$(realpath "$build")
echo "building (a few minutes the first time)"
compile >"$build/log" 2>&1 || {
  tail -20 "$build/log" >&2
  die "the build failed, the whole log is $build/log"
}
