#!/usr/bin/env bash
# deploy/quickstart.sh as a user runs it: it comes up, shows the miscounted kernel in the demo and this machine otherwise, and Ctrl-C
# ends it with 0 and leaves no process.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
runner=""
trap '[ -z "$runner" ] || kill -KILL -- "-$runner" 2>/dev/null || true; rm -rf "$tmp"' EXIT

fail() {
  echo "FAIL quickstart: $*" >&2
  cat "$tmp/out" >&2 || true
  exit 1
}

# run_until_interrupted NAME MINUTES ARGUMENT…: leaves the exposition in $tmp/metrics.
run_until_interrupted() {
  local name=$1 end=$((SECONDS + 60 * $2)) port code=0
  shift 2
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  : >"$tmp/out" # what an earlier run wrote must not be taken for this one's
  set -m # a process group of its own, in which SIGINT is not ignored: what a terminal gives
  deploy/quickstart.sh --port "$port" "$@" >"$tmp/out" 2>&1 &
  runner=$!
  set +m
  until grep -q 'Ctrl-C ends it' "$tmp/out"; do
    kill -0 "$runner" 2>/dev/null || fail "$name ended"
    [ $SECONDS -lt $end ] || fail "$name did not come up in time"
    sleep 0.2
  done
  grep -q "http://127.0.0.1:$port/metrics" "$tmp/out" || fail "$name does not say where to look"
  curl --silent --fail --max-time 10 "http://127.0.0.1:$port/metrics" >"$tmp/metrics" || fail "$name does not answer"
  kill -INT -- "-$runner"
  wait "$runner" || code=$?
  [ $code -eq 0 ] || fail "$name ended with $code after SIGINT"
  if kill -0 -- "-$runner" 2>/dev/null; then fail "$name left a process"; fi
  runner=""
}

run_until_interrupted demo 8 --demo
grep -q '^fencewatch_zone_miscount{numa_node="0",zone="Movable"} 1$' "$tmp/metrics" || fail "the demo shows no miscounted zone"
grep -q 'fencewatch_zone_miscount{numa_node="0",zone="Movable"} 1$' "$tmp/out" || fail "the demo does not tell of the miscounted zone"
run_until_interrupted live 8
grep -q '^fencewatch_zone_managed_pages{' "$tmp/metrics" || fail "no zones of this machine"

code=0
deploy/quickstart.sh --nonsense >"$tmp/out" 2>&1 || code=$?
[ $code -eq 1 ] || fail "--nonsense was taken"
grep -q -- --nonsense "$tmp/out" || fail "--nonsense is not named"
echo "quickstart: ok"
