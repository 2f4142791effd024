#!/usr/bin/env bash
# From a clone to metrics: installs what the build needs (Debian 12), builds fencewatch and runs it until Ctrl-C.
#   deploy/quickstart.sh [--port N] [--demo]
#     --port N   listen on 127.0.0.1:N, default 19664
#     --demo     show a recorded 4.19 kernel whose zones are miscounted instead of this machine
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/quickstart
port=19664 demo=false

die() {
  echo "quickstart: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --port)
      [[ ${2:-} =~ ^[0-9]+$ ]] || die "--port needs a number"
      port=$2
      shift
      ;;
    --demo) demo=true ;;
    -h | --help)
      sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) die "unknown argument $1" ;;
  esac
  shift
done

# get PATH: the answer of the exporter, headers and all; needs nothing but bash.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}

await_ready() {
  local end=$((SECONDS + 30))
  until (get /-/ready) 2>/dev/null | head -1 | grep -q ' 200 '; do
    kill -0 "$exporter" 2>/dev/null || die "fencewatch ended"
    [ $SECONDS -lt $end ] || die "not ready after 30 s"
    sleep 0.1
  done
}

tell() {
  local metrics miscounted
  metrics=$(get /metrics)
  echo
  if $demo; then echo "fencewatch shows a recorded 4.19 kernel: http://127.0.0.1:$port/metrics"; else
    echo "fencewatch watches this machine: http://127.0.0.1:$port/metrics"
  fi
  miscounted=$(grep -c '^fencewatch_zone_miscount{.*} 1$' <<<"$metrics" || true)
  if [ "$miscounted" -gt 0 ]; then
    echo "The kernel has miscounted a zone of it:"
    grep '^fencewatch_zone_miscount{.*} 1$' <<<"$metrics" | sed 's/^/  /'
  else
    echo "No zone of it is miscounted."
  fi
  echo "Share of the watermark that is due (1 is healthy):"
  if grep -q '^fencewatch_zones_watermarks_outdated 1$' <<<"$metrics"; then
    echo "  not told: a balloon or plugged memory changed the zones after the kernel computed them"
  else
    grep '^fencewatch_zone_watermark_honoured_ratio' <<<"$metrics" | sed 's/^/  /' || echo "  no zone is large enough to tell"
  fi
  echo "Ctrl-C ends it."
}

# shellcheck disable=SC2317  # called by the trap
finish() {
  ending=true
  kill -TERM "$exporter" 2>/dev/null || true
}

"$root/deploy/build.sh" "$build" || die "not built"
arguments=(--web.listen-address="127.0.0.1:$port" --log.level=warn)
if $demo; then arguments+=(--path.rootfs="$root/tests/fixtures/kernel/linux-4.19-miscount"); fi
ending=false
"$build/fencewatch" "${arguments[@]}" &
exporter=$!
trap finish INT TERM
trap 'kill -TERM "$exporter" 2>/dev/null || true' EXIT
await_ready
tell
code=0
wait "$exporter" || code=$?
if $ending; then
  code=0
  wait "$exporter" || code=$? # the first wait was cut short by the signal
fi
trap - EXIT
exit $code
