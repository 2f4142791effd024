#!/usr/bin/env bash
# Debian's packages for another machine, and what they need, unpacked into a directory: to compile and to link against. Not installed beside
# ours: Debian's prometheus-cpp-dev can be there for one machine only. The packages' data base is there too, for dpkg-query and dpkg-shlibdeps.
#   deploy/sysroot.sh ARCHITECTURE DIRECTORY PACKAGE…
set -euo pipefail
architecture=${1:?usage: deploy/sysroot.sh ARCHITECTURE DIRECTORY PACKAGE…}
mkdir -p "$2"
root=$(realpath "$2")
packages=("${@:3}")
if [ "$(cat "$root/packages" 2>/dev/null)" = "${packages[*]}" ]; then exit 0; fi

rm -rf "$root"
info=$root/var/lib/dpkg/info
mkdir -p "$info" "$root"/usr/{lib,bin,sbin} "$root"/apt/{lists,cache/archives}/partial
for name in lib bin sbin; do ln -s "usr/$name" "$root/$name"; done # as every Debian 12 is: libraries find each other in one place
echo 1 >"$info/format" # names there tell the architecture
: >"$root/apt/status"
apt=(apt-get -qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o "Dir::State::Lists=$root/apt/lists"
  -o "Dir::State::status=$root/apt/status" -o "Dir::Cache=$root/apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=)
"${apt[@]}" update
"${apt[@]}" install --no-install-recommends --download-only -y "${packages[@]}" >/dev/null
for deb in "$root"/apt/cache/archives/*.deb; do
  name=$(dpkg-deb --field "$deb" Package)
  [ "$(dpkg-deb --field "$deb" Multi-Arch)" != same ] || name=$name:$architecture # as dpkg calls these files
  dpkg-deb --fsys-tarfile "$deb" | tar --extract --keep-directory-symlink --directory="$root"
  dpkg-deb --control "$deb" "$root/apt/control"
  { sed 's/^Package: .*/&\nStatus: install ok installed/' "$root/apt/control/control"; echo; } >>"$root/var/lib/dpkg/status"
  dpkg-deb --fsys-tarfile "$deb" | tar --list | sed 's/^\.//; s,/$,,; s,^$,/.,' >"$info/$name.list"
  for kind in shlibs symbols; do
    [ ! -e "$root/apt/control/$kind" ] || cp "$root/apt/control/$kind" "$info/$name.$kind"
  done
  rm -r "$root/apt/control"
done
# Links that begin at the top (libz.so) lead out of here, and what is linked would be the static library beside them.
find "$root/usr" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do ln -sfr "$root$target" "$link"; done
echo "$architecture" >"$root/var/lib/dpkg/arch"
rm -r "$root/apt"
echo "${packages[*]}" >"$root/packages"
