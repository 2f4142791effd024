#!/usr/bin/env bash
# CPU per scrape and resident memory of fencewatch beside the floor (floor.cc: the same files read, the same bytes sent) and beside
# Debian's prometheus-node-exporter with zoneinfo, vmstat, buddyinfo and pressure only; then how fast the zoneinfo parser is.
# The contenders take turns in rounds on one machine; what is told are medians and their ratios.
#   tests/bench/run.sh [SCRAPES]    per contender and mode, default 3000
# Environment: BUILD (a built tree, default build/release), ROUNDS (default 10).
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "$0")/lib.sh"
trap 'cleanup_processes; rm -rf "$tmp"' EXIT

scrapes=${1:-3000}
rounds=${ROUNDS:-10}
modes=("" "close" "gzip" "gzip close")
declare -A port pid bytes

build_targets fencewatch scraper floor parse
command -v prometheus-node-exporter >/dev/null || die "install prometheus-node-exporter"

launch() {
  local name=$1
  shift
  "$@" >"$tmp/$name.log" 2>&1 &
  pid[$name]=$!
  started+=("$!")
  await "${port[$name]}" "${pid[$name]}" || die "$name does not answer: $(tail -3 "$tmp/$name.log")"
}

# The files of procfs that fencewatch keeps open: what it reads at each scrape.
files_read() {
  local link
  for link in "/proc/${pid[fencewatch]}/fd"/*; do
    if [[ $(readlink "$link") == /proc/* && -f $link ]]; then readlink "$link"; fi
  done | sort -u
}

port[fencewatch]=$(free_port)
launch fencewatch "$build/fencewatch" --web.listen-address="127.0.0.1:${port[fencewatch]}" --log.level=error
fetch "${port[fencewatch]}" "$tmp/body"
fetch "${port[fencewatch]}" "$tmp/gzip" "Accept-Encoding: gzip"
mapfile -t files < <(files_read)
[ ${#files[@]} -gt 0 ] || die "fencewatch keeps no file of procfs open"

port[floor]=$(free_port)
launch floor "$build/tests/bench/floor" "${port[floor]}" "$tmp/body" "$tmp/gzip" "${files[@]}"
port[node_exporter]=$(free_port)
launch node_exporter prometheus-node-exporter "${node_exporter_flags[@]}" --web.listen-address="127.0.0.1:${port[node_exporter]}"

contenders=(fencewatch floor node_exporter)
each=$((scrapes / rounds))
for ((round = 0; round < rounds; ++round)); do
  for mode in "${modes[@]}"; do
    for name in "${contenders[@]}"; do
      # shellcheck disable=SC2086  # a mode is words
      line=$("$build/tests/bench/scraper" "${port[$name]}" "$each" pid="${pid[$name]}" $mode)
      [ "$(field answered "$line")" = "$each" ] || die "$name: $line"
      field cpu_ns "$line" >>"$tmp/$name.${mode// /.}.cpu"
      field p50_us "$line" >>"$tmp/$name.${mode// /.}.p50"
      bytes[$name.$mode]=$(field bytes "$line")
    done
  done
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
verdict() { awk -v a="$1" -v b="$2" 'BEGIN { print (a <= b) ? "met" : "MISSED" }'; }

model=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
echo "machine: $(uname -sr) $(uname -m), $(nproc) x $model, zoneinfo of $(wc -c </proc/zoneinfo) bytes"
echo "files read per scrape: ${#files[@]} (${files[*]#/proc/})"
echo "$scrapes scrapes per cell in $rounds rounds; CPU is user + system time of the process, its background work included"
echo
printf '%-26s %-14s %10s %10s %10s %10s\n' mode contender "CPU us" "p50 us" bytes "/ floor"
for mode in "${modes[@]}"; do
  for name in "${contenders[@]}"; do
    cpu=$(median "$tmp/$name.${mode// /.}.cpu")
    shown=${mode/close/one connection each}
    [[ $mode == *close ]] || shown="${mode:+$mode }keep-alive"
    printf '%-26s %-14s %10s %10s %10s %10s\n' "${shown/gzip one/gzip, one}" "$name" "$(ratio "$cpu" 1000)" \
      "$(median "$tmp/$name.${mode// /.}.p50")" "${bytes[$name.$mode]}" \
      "$(ratio "$cpu" "$(median "$tmp/floor.${mode// /.}.cpu")")"
  done
done
echo
for name in "${contenders[@]}"; do
  printf '%-14s RSS %6s KiB, locked %6s KiB, descriptors %s\n' "$name" "$(status_kib VmRSS "${pid[$name]}")" \
    "$(status_kib VmLck "${pid[$name]}")" "$(find "/proc/${pid[$name]}/fd" -mindepth 1 | wc -l)"
done
echo
for mode in "${modes[@]}"; do
  own=$(median "$tmp/fencewatch.${mode// /.}.cpu")
  over=$(ratio "$own" "$(median "$tmp/floor.${mode// /.}.cpu")")
  share=$(ratio "$(median "$tmp/node_exporter.${mode// /.}.cpu")" "$own")
  echo "${mode:-plain}: $over x floor (at most 1.5: $(verdict "$over" 1.5)), node_exporter takes $share x (at least 6: $(verdict 6 "$share"))"
done
rss=$(status_kib VmRSS "${pid[fencewatch]}")
echo "RSS: $rss KiB (at most 12288: $(verdict "$rss" 12288)), locked: $([ "$(status_kib VmLck "${pid[fencewatch]}")" -gt 0 ] && echo yes || echo NO)"

fixture=$root/tests/fixtures/kernel/linux-6.1-64cpu-8node/proc/zoneinfo
line=$("$build/tests/bench/parse" "$fixture")
echo "parsing 8 nodes x 64 CPUs: $line (at least 500: $(verdict 500 "$(field MBps "$line")"))"
