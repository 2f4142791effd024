#!/usr/bin/env bash
# The shared libraries that fencewatch needs: what it is linked with, what it opens by name at run time, and what these need, on this machine or
# in SYSROOT=… (deploy/sysroot.sh). One line each: the path there, a blank, the Debian package that has it. For the image, the bundle and the SBOM.
#   deploy/libraries.sh BINARY [--corosync]
#     --corosync   also the client libraries of corosync; without them those of the machine it runs on are used
set -euo pipefail

root=${SYSROOT:-}
binary=${1:?usage: deploy/libraries.sh BINARY [--corosync]}
opened=(libsystemd.so.0                        # exporter/logs/sources/libsystemd.cc
  libdl.so.2 libpthread.so.0 librt.so.1) # what older libraries need of glibc: they must not find another glibc's
if [ "${2:-}" = --corosync ]; then opened+=(libcmap.so.4 libvotequorum.so.8 libquorum.so.5); fi # collectors/corosync/client.cc

case $(readelf -h "$binary" | sed -n 's/^ *Machine: *//p') in
  *X86-64) triplet=x86_64-linux-gnu ;;
  AArch64) triplet=aarch64-linux-gnu ;;
  *) echo "libraries.sh: $binary is of no machine that is known here" >&2; exit 1 ;;
esac

needed_by() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

loader=$(readelf -l "$binary" | sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
declare -A path=(["${loader##*/}"]=$loader)
mapfile -t wanted < <(printf '%s\n' "${opened[@]}"; needed_by "$binary")
for ((i = 0; i < ${#wanted[@]}; i++)); do
  name=${wanted[i]}
  [ -z "${path[$name]:-}" ] || continue
  for directory in "/lib/$triplet" "/usr/lib/$triplet"; do
    if [ -e "$root$directory/$name" ]; then path[$name]=$directory/$name && break; fi
  done
  [ -n "${path[$name]:-}" ] || { echo "libraries.sh: $name is not installed for $triplet" >&2; exit 1; }
  mapfile -t -O "${#wanted[@]}" wanted < <(needed_by "$root${path[$name]}")
done
mapfile -t paths < <(printf '%s\n' "${path[@]}" | sort)

# dpkg knows a file by the name in its package, not by a link to it: with /usr in front or without. Asked once, for it reads all it has.
names=()
for file in "${paths[@]}"; do
  real=$(realpath "$root$file")
  real=${real#"$root"}
  names+=("${real#/usr}" "/usr${real#/usr}")
done
declare -A owner
while IFS= read -r line; do # "zlib1g:amd64: /lib/…"
  owner[${line##*: }]=${line%%:*}
done < <(dpkg-query --admindir="$root/var/lib/dpkg" -S "${names[@]}" 2>/dev/null || true) # half of the names are not there
for file in "${paths[@]}"; do
  real=$(realpath "$root$file")
  real=${real#"$root"}
  package=${owner[${real#/usr}]:-${owner[/usr${real#/usr}]:-}}
  [ -n "$package" ] || { echo "libraries.sh: no package has $file" >&2; exit 1; }
  echo "$file $package"
done
