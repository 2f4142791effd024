#!/usr/bin/env bash
# emulate.sh COMMAND…: runs it where programs for aarch64 run too, by qemu. The kernel knows of qemu in a user namespace of the command's own
# (binfmt_misc can do that since Linux 6.7): nothing is changed for the machine. 77: not here.
set -euo pipefail
if [ "${EMULATING:-}" != 1 ]; then
  command -v qemu-aarch64-static >/dev/null || { echo "SKIP needs qemu-aarch64-static"; exit 77; }
  exec env EMULATING=1 unshare --user --map-root-user --mount --fork --kill-child --pid --mount-proc "${BASH_SOURCE[0]}" "$@"
fi
unset EMULATING
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || { echo "SKIP needs Linux 6.7"; exit 77; }
elf='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
echo ":qemu-aarch64:M::$elf:$mask:$(command -v qemu-aarch64-static):F" >/proc/sys/fs/binfmt_misc/register
exec "$@"
