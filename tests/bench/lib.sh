# shellcheck shell=bash
# Sourced by run.sh and starve.sh. The processes listed in `started` end with the script that calls cleanup_processes on EXIT.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$root/build/release}
tmp=$(mktemp -d)
started=()

cleanup_processes() {
  local pid
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  started=()
}

# stop PID: ends one of the started.
stop() {
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

build_targets() {
  if [ -z "${BUILD:-}" ]; then
    (cd "$root" && cmake --preset release -DBUILD_TESTING=ON >"$tmp/cmake.log" 2>&1) || die "cmake failed: $(tail -3 "$tmp/cmake.log")"
  fi
  cmake --build "$build" --target "$@" >"$tmp/build.log" 2>&1 || die "build failed: $(tail -5 "$tmp/build.log")"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# fetch PORT FILE [HEADER]: 0 and the body in FILE when the answer is 200.
fetch() {
  curl --silent --fail --max-time 5 --output "$2" ${3:+--header "$3"} "http://127.0.0.1:$1/metrics"
}

# await PORT PID: until PORT answers; fails when PID ends or after 20 s.
await() {
  local end=$((SECONDS + 20))
  until fetch "$1" /dev/null; do
    kill -0 "$2" 2>/dev/null || return 1
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

# field NAME LINE: the value of NAME= in a line of the scraper.
field() {
  local word
  for word in $2; do
    [ "${word%%=*}" = "$1" ] && echo "${word#*=}" && return
  done
  die "no $1 in: $2"
}

# status_kib NAME PID: VmRSS, VmLck, … in KiB.
status_kib() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$2/status"; }

# What of node_exporter is compared with, and without its metrics about itself, of which fencewatch keeps its own.
# shellcheck disable=SC2034
node_exporter_flags=(--collector.disable-defaults --collector.zoneinfo --collector.vmstat --collector.buddyinfo --collector.pressure
  --web.disable-exporter-metrics --log.level=error)
