#!/usr/bin/env bash
# Does the exporter still answer when memory is gone? A memory cgroup of 120 MB (v1 or v2) holds the exporter under test, a process
# that keeps touching 95 MB and one that keeps reading a file of 200 MB; from outside of it, 40 scrapes at every 0.5 s. First
# fencewatch, then node_exporter.
#   tests/bench/starve.sh            the figures of both
#   tests/bench/starve.sh --check    fencewatch only, 10 scrapes: fails unless all are answered without a major fault
# Needs root. Environment: BUILD (a built tree, default build/release).
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "$0")/lib.sh"

limit=$((120 << 20)) touched=$((95 << 20)) file_mb=200
check=false scrapes=40
case ${1:-} in
  --check) check=true scrapes=10 ;;
  "") ;;
  *) die "unknown argument $1" ;;
esac

skip() {
  echo "SKIP starve: $*"
  exit 0
}

group="" scratch=""
cleanup() {
  cleanup_processes
  if [ -n "$group" ] && [ -d "$group" ]; then
    local end=$((SECONDS + 10))
    until rmdir "$group" 2>/dev/null || [ $SECONDS -ge $end ]; do sleep 0.1; done
  fi
  rm -rf "$tmp" ${scratch:+"$scratch"}
}
trap cleanup EXIT
trap 'exit 130' INT TERM

[ "$(id -u)" -eq 0 ] || skip "needs root to make a memory cgroup"
mkdir -p "$root/build"  # a disk: what is read from a tmpfs cannot be dropped
scratch=$(mktemp -d "$root/build/starve.XXXXXX")

# Sets group, its limit, and how its OOM kills are read.
make_group() {
  if [ -d /sys/fs/cgroup/memory ]; then
    group=/sys/fs/cgroup/memory/fencewatch-starve-$$
    mkdir "$group" 2>/dev/null || skip "cannot make a cgroup below /sys/fs/cgroup/memory"
    echo "$limit" >"$group/memory.limit_in_bytes"
    kills_in=memory.oom_control
  elif grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || skip "the memory controller cannot be handed to a child cgroup"
    group=/sys/fs/cgroup/fencewatch-starve-$$
    mkdir "$group" 2>/dev/null || skip "cannot make a cgroup below /sys/fs/cgroup"
    echo "$limit" >"$group/memory.max"
    echo 0 >"$group/memory.swap.max" 2>/dev/null || true
    kills_in=memory.events
  else
    skip "no memory cgroup, neither v1 nor v2"
  fi
}

# inside NAME COMMAND…: starts it in the group; its pid in $inside.
inside() {
  local name=$1
  shift
  : >"$tmp/$name.log"
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    exec "$@" >"$tmp/$name.log" 2>&1
  ) &
  inside=$!
  started+=("$inside")
}

major_faults() { awk '{ sub(/.*\) /, ""); print $10 }' "/proc/$1/stat"; }

await_lock() {
  local end=$((SECONDS + 10))
  until [ "$(status_kib VmLck "$1")" -gt 0 ]; do
    [ $SECONDS -lt $end ] || die "fencewatch has not locked its memory"
    sleep 0.05
  done
}

# starve NAME PORT BINARY ARGUMENT…: one line of figures; sets answered and faults.
starve() {
  local name=$1 port=$2
  shift 2
  # Pages that others brought in are not this group's to lose: start from the disk, as on a machine whose memory is full.
  dd if="$1" iflag=nocache count=0 status=none
  inside "$name" "$@"
  local exporter=$inside
  await "$port" "$exporter" || die "$name does not answer: $(tail -3 "$tmp/$name.log")"
  [ "$name" != fencewatch ] || await_lock "$exporter"
  inside touch "$build/tests/bench/hog" touch "$touched"
  local touch=$inside
  inside read "$build/tests/bench/hog" read "$scratch/file"
  local read=$inside end=$((SECONDS + 120)) before line
  before=$(major_faults "$exporter")
  until grep -q touched "$tmp/touch.log"; do
    kill -0 "$touch" 2>/dev/null || die "the touching process was killed: $touched bytes do not fit beside $name"
    [ $SECONDS -lt $end ] || die "the touching process is not done after 120 s"
    sleep 0.1
  done
  line=$("$build/tests/bench/scraper" "$port" "$scrapes" every=500 timeout=10000)
  answered=$(field answered "$line")
  if kill -0 "$exporter" 2>/dev/null; then faults=$(($(major_faults "$exporter") - before)); else faults="killed"; fi
  printf '%-14s answered %2s of %s, p50 %s us, p99 %s us, max %s us, major faults %s, locked %s KiB, OOM kills %s\n' "$name" "$answered" \
    "$scrapes" "$(field p50_us "$line")" "$(field p99_us "$line")" "$(field max_us "$line")" "$faults" \
    "$(status_kib VmLck "$exporter" 2>/dev/null || echo -)" "$(awk '$1 == "oom_kill" { print $2 }' "$group/$kills_in")"
  stop "$touch"
  stop "$read"
  stop "$exporter"
}

make_group
build_targets fencewatch scraper hog
dd if=/dev/zero of="$scratch/file" bs=1M count="$file_mb" status=none
sync "$scratch/file"
dd if="$scratch/file" iflag=nocache count=0 status=none

port=$(free_port)
starve fencewatch "$port" "$build/fencewatch" --web.listen-address="127.0.0.1:$port" --log.level=error
if $check; then
  [ "$answered" = "$scrapes" ] || die "$answered of $scrapes scrapes answered"
  [ "$faults" = 0 ] || die "$faults major faults after the lock"
  exit 0
fi
port=$(free_port)
command -v prometheus-node-exporter >/dev/null || die "install prometheus-node-exporter"
starve node_exporter "$port" "$(command -v prometheus-node-exporter)" "${node_exporter_flags[@]}" --web.listen-address="127.0.0.1:$port"
