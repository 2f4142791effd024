#!/usr/bin/env bash
# How fast a log is searched: one mixed syslog, one line in 1000 an event, the same rules (logs.rules) through fencewatch --once, Debian's mtail
# --one_shot, GNU grep -cE and ripgrep -c. CPU seconds (user and system) of one run of each, and the ratios.
#   tests/bench/logs.sh [MEGABYTES]    default 200
# Environment: BUILD (a built tree, default build/release). mtail and ripgrep are left out where they are not installed.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "$0")/lib.sh"
trap 'rm -rf "$tmp"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
megabytes=${1:-200}

build_targets fencewatch
python3 "$here/logs.py" "$here/logs.rules" "$megabytes" "$tmp"
log=$tmp/var/log/messages
export LC_ALL=C TIMEFORMAT='%U %S'

# measure NAME COMMAND…: its output in NAME.out, its CPU seconds in `cpu`. The file is in the page cache.
declare -A cpu
measure() {
  local name=$1 took
  shift
  cat "$log" >/dev/null
  took=$({ time "$@" >"$tmp/$name.out" 2>"$tmp/$name.err"; } 2>&1) || die "$name: $(tail -3 "$tmp/$name.err")"
  cpu[$name]=$(awk '{ print $1 + $2 }' <<<"$took")
}

# found NAME: the events that it counted.
found() {
  case $1 in
    fencewatch) awk '/^bench_/ { sum += $2 } END { print sum + 0 }' "$tmp/fencewatch.out" ;;
    mtail) grep -ohE '"Value": *[0-9]+' "$tmp/mtail.out" | awk -F: '{ sum += $2 } END { print sum + 0 }' ;;
    *) cat "$tmp/$1.out" ;;
  esac
}

contenders=(fencewatch grep)
measure fencewatch "$build/fencewatch" --once --path.rootfs="$tmp" --path.procfs=/proc --path.sysfs=/sys --collector.disable-defaults --collector.custom --config.file="$tmp/rules.yml" --log.level=error
measure grep grep -cE -f "$tmp/patterns" "$log"
if command -v rg >/dev/null; then
  contenders+=(ripgrep)
  measure ripgrep rg -j1 -c -f "$tmp/patterns" "$log"
fi
if command -v mtail >/dev/null; then
  contenders+=(mtail)
  measure mtail mtail --one_shot --one_shot_format=json --progs "$tmp/progs" --logs "$log" --logtostderr
fi

printf '%s MB, %s lines\n%-12s %10s %10s %12s %8s\n' "$megabytes" "$(wc -l <"$log")" contender "CPU s" MB/s "of fencewatch" events
for name in "${contenders[@]}"; do
  printf '%-12s %10.2f %10.0f %12.2f %8s\n' "$name" "${cpu[$name]}" "$(awk "BEGIN { print $megabytes / (${cpu[$name]} + 1e-9) }")" \
    "$(awk "BEGIN { print ${cpu[$name]} / (${cpu[fencewatch]} + 1e-9) }")" "$(found "$name")"
done
for name in "${contenders[@]}"; do
  [ "$(found "$name")" = "$(found grep)" ] || die "$name counts $(found "$name") events, grep $(found grep)"
done
