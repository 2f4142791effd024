#!/usr/bin/env bash
# The shared libraries that fencewatch needs on this machine: what it is linked with, what it opens by name at run time, and what these
# need. One line each: the path, a blank, the Debian package that has it. For the image, the bundle and the SBOM.
#   deploy/libraries.sh BINARY [--corosync]
#     --corosync   also the client libraries of corosync; without them those of the machine it runs on are used
set -euo pipefail

binary=${1:?usage: deploy/libraries.sh BINARY [--corosync]}
opened=(libsystemd.so.0                        # exporter/logs/sources/libsystemd.cc
  libdl.so.2 libpthread.so.0 librt.so.1) # what older libraries need of glibc: they must not find another glibc's
if [ "${2:-}" = --corosync ]; then opened+=(libcmap.so.4 libvotequorum.so.8 libquorum.so.5); fi # collectors/corosync/client.cc

PATH=$PATH:/sbin:/usr/sbin
cache=$(ldconfig -p)
machine=$(readelf -h "$binary" | sed -n 's/^ *Machine: *//p')

located() {
  local path
  while read -r path; do
    [ "$(readelf -h "$path" | sed -n 's/^ *Machine: *//p')" = "$machine" ] && echo "$path" && return
  done < <(awk -v name="$1" '$1 == name { print $NF }' <<<"$cache")
  echo "libraries.sh: $1 is not installed" >&2
  return 1
}

roots=()
for name in "${opened[@]}"; do
  root=$(located "$name")
  roots+=("$root")
done
needed=$(ldd "$binary" "${roots[@]}")
if grep -q 'not found' <<<"$needed"; then
  grep 'not found' <<<"$needed" >&2
  exit 1
fi
# "libz.so.1 => /lib/…/libz.so.1 (0x…)" and, for the loader, "/lib64/ld-linux-x86-64.so.2 (0x…)".
paths=$({ printf '%s\n' "${roots[@]}"; awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// && $2 ~ /^\(/ { print $1 }' <<<"$needed"; } | sort -u)

# dpkg knows a file by the name in its package, not by a link to it: with /usr in front or without. Asked once, for it reads all it has.
names=()
for path in $paths; do
  real=$(realpath "$path")
  names+=("${real#/usr}" "/usr${real#/usr}")
done
declare -A owner
while IFS= read -r line; do # "zlib1g:amd64: /lib/…"
  owner[${line##*: }]=${line%%:*}
done < <(dpkg-query -S "${names[@]}" 2>/dev/null || true) # half of the names are not there
for path in $paths; do
  real=$(realpath "$path")
  package=${owner[${real#/usr}]:-${owner[/usr${real#/usr}]:-}}
  [ -n "$package" ] || { echo "libraries.sh: no package has $path" >&2; exit 1; }
  echo "$path $package"
done
