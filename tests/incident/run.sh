#!/usr/bin/env bash
# The incident in a guest: a kernel that miscounts, memory filled, then load and growth until nothing is left; two real corosync, and fencewatch scraped every second.
#   tests/incident/run.sh BINARY [BOOKS…]   BOOKS: right, wrong, reserve (guest/init.sh); all three without
# Ten minutes each, one after the other, in QEMU without KVM, one virtual CPU whose time counts instructions (icount): a busy host makes nobody in the guest late.
# Packages come from Debian's mirror and are unpacked, not installed. What was recorded stays in build/incident/BOOKS; a table of all that are there comes last.
set -euo pipefail
binary=$(readlink -f "${1:?path of the fencewatch binary}")
shift
cd "$(dirname "$0")/../.."
work=$PWD/build/incident here=$PWD/tests/incident
root=$work/unpacked
mkdir -p "$work/debs" "$root" "$work/built"
library=/usr/lib/x86_64-linux-gnu

unpack_packages() {
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: linux-image-//p' | head -n 1)
  [ -e "$root/boot/vmlinuz-$kernel" ] && return
  (cd "$work/debs" && apt-get download "linux-image-$kernel" "linux-headers-$kernel" "linux-headers-${kernel%-cloud-amd64}-common" linux-kbuild-6.1 busybox-static)
  local deb
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$root"; done
  # Its Makefile includes the common one by an absolute path.
  sed -i "s#^include /usr/src#include $root/usr/src#" "$root/usr/src/linux-headers-$kernel/Makefile"
}

build_programs() {
  cp "$here/guest/miscount.c" "$work/built/"
  echo 'obj-m := miscount.o' >"$work/built/Makefile"
  make -C "$root/usr/src/linux-headers-$kernel" M="$work/built" ARCH=x86_64 CONFIG_DEBUG_INFO_BTF_MODULES= modules
  strip -g "$work/built/miscount.ko"
  local program
  for program in stand_in record load; do gcc -O2 -Wall -Wextra -D_GNU_SOURCE -static -pthread "$here/guest/$program.c" -o "$work/built/$program"; done
}

make_root() {
  local tree=$work/tree file
  rm -rf "$tree" "$work/root.img"
  mkdir -p "$tree"/{bin,dev,proc,sys,run,tmp,guest,data,etc/corosync,usr/bin,usr/sbin,lib64,lib/x86_64-linux-gnu,usr/lib,var/lib/corosync,var/log/cluster}
  ln -s ../../lib/x86_64-linux-gnu "$tree/usr/lib/x86_64-linux-gnu"
  cp "$root/bin/busybox" "$tree/bin/"
  ln -s busybox "$tree/bin/sh"
  cp "$work"/built/{stand_in,record,load,miscount.ko} "$(command -v ip)" "$tree/guest/"
  install -m 755 "$here/guest/init.sh" "$tree/init"
  cp "$binary" "$tree/usr/bin/fencewatch"
  cp /usr/sbin/corosync "$tree/usr/sbin/"
  local libraries=("$library"/{libcmap.so.4,libvotequorum.so.8,libquorum.so.5,libcfg.so.7})
  while IFS= read -r file; do cp -L "$file" "$tree/lib/x86_64-linux-gnu/"; done < <(
    printf '%s\n' "${libraries[@]}"
    ldd "$(command -v ip)" "$binary" /usr/sbin/corosync "${libraries[@]}" | grep -o '/[^ ]*' | grep -v ':$' | sort -u
  )
  cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
  sed 's#@LOG@#/var/log/cluster/corosync.log#' "$here/guest/corosync.conf.in" >"$tree/etc/corosync/corosync.conf"
  sed 's#@LOG@#/var/log/cluster/peer.log#' "$here/guest/corosync.conf.in" >"$tree/etc/corosync/peer.conf"
  echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
  echo 'root:x:0:' >"$tree/etc/group"
  head -c 8M /dev/urandom >"$tree/data/own1"
  head -c 8M /dev/urandom >"$tree/data/own2"
  mke2fs -q -t ext4 -O ^has_journal -d "$tree" "$work/root.img" 1500M
}

make_initrd() {
  local tree=$work/initrd module file
  rm -rf "$tree"
  mkdir -p "$tree"/{bin,lib,proc,dev,root}
  cp "$root/bin/busybox" "$tree/bin/"
  ln -s busybox "$tree/bin/sh"
  install -m 755 "$here/guest/initrd.sh" "$tree/init"
  for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk veth; do
    file=$(find "$root/lib/modules/$kernel" -name "$module.ko" | head -n 1)
    [ -z "$file" ] || cp "$file" "$tree/lib/"
  done
  mknod "$tree/dev/console" c 5 1
  mknod "$tree/dev/null" c 1 3
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$work/initrd.cpio"
}

guest() {
  local books=$1 out=$work/$1
  rm -rf "$out"
  mkdir -p "$out"
  cp --sparse=always "$work/root.img" "$out/root.img"
  truncate -s 3G "$out/read.img"
  truncate -s 1G "$out/record.img"
  local disk=if=virtio,format=raw,cache=unsafe code=0
  nice -n 15 timeout 2400 qemu-system-x86_64 -accel tcg,thread=single -icount shift=2,sleep=on -M q35 -cpu qemu64 -smp 1 -m 4G \
    -object memory-backend-ram,size=2560M,id=m0 -object memory-backend-ram,size=1536M,id=m1 \
    -numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,memdev=m1 \
    -nodefaults -display none -monitor none -no-reboot -serial "file:$out/console.log" \
    -drive "file=$out/root.img,$disk,throttling.bps-total=80000000,throttling.iops-total=800" \
    -drive "file=$out/read.img,$disk,throttling.bps-total=150000000" -drive "file=$out/record.img,$disk" \
    -kernel "$root/boot/vmlinuz-$kernel" -initrd "$work/initrd.cpio" \
    -append "console=ttyS0,115200 panic=-1 mitigations=off log_buf_len=4M printk.time=1 loglevel=7 printk.devkmsg=on psi=1 books=$books" \
    >"$out/qemu.log" 2>&1 </dev/null || code=$?
  rm -f "$out/root.img" "$out/read.img"
  cp --sparse=always "$out/record.img" "$out/record" && rm "$out/record.img"
  echo "guest $books ended with $code"
}

unpack_packages
build() {
  build_programs
  make_root
  make_initrd
}
build >"$work/build.log" 2>&1 & # not in a condition, where nobody would stop at what fails
wait $! || {
  tail -n 20 "$work/build.log"
  exit 1
}
for books in "${@:-right wrong reserve}"; do
  for one in $books; do guest "$one"; done
done
python3 "$here/summary.py" "$work"
