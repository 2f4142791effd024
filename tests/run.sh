#!/usr/bin/env bash
# Every check of the repository.   tests/run.sh [GROUP…]   no argument: all
#                                  tests/run.sh collector NAME   one collector while it is being written, in seconds
#   unit    doctest under ASan and UBSan: parsers, engine, golden texts, the contract of all collectors; the inputs of tests/fixtures/cases
#   tsan    what has threads, under ThreadSanitizer
#   lint    tests/lint.sh
#   docs    what the documents show is what the program does; alerts and dashboards
#   http    the release binary over HTTP
#   web     TLS, users, IPv6, systemd's sockets, and floods of connections
#   events  real logs: this kernel's OOM killer, journald, rsyslog with logrotate, kill -9, a flood; root only
#   stack   alerts and dashboards in a real Prometheus and Alertmanager
#   fuzz    every libFuzzer target for FUZZ_SECONDS (30)
#   deploy  deploy/quickstart.sh as a user runs it
#   package unit, DEB, RPM, bundle, image, for amd64 and arm64, manifests, chart, Prometheus: built, checked, installed in clean systems; as
#           root, with network
#   cluster the exporter on the nodes of real corosync clusters, with pacemaker; root only
#   bench   the exporter answers while memory is gone
#   incident  by name only, half an hour: a guest that miscounts runs out of memory (tests/incident)
# Installs the Debian packages that are missing. Outputs are kept in build/test-logs and shown when something fails. A group is a
# function group_NAME that calls `part` for what it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

groups=(unit tsan lint docs http web events stack deploy package fuzz cluster bench)
alone=(cluster bench incident) # what is about time wants the machine for itself
packages=(
  # build
  g++ cmake ninja-build ccache pkg-config git curl ca-certificates prometheus-cpp-dev libyaml-cpp-dev libspdlog-dev libre2-dev libcivetweb-dev
  libssl-dev libcrypt-dev libisal-dev nlohmann-json3-dev zlib1g-dev liblzma-dev libcli11-dev libsystemd-dev doctest-dev
  # checks
  clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev shellcheck jsonnet python3 python3-prometheus-client python3-decorator python3-yaml
  # real parts
  openssl prometheus prometheus-alertmanager prometheus-node-exporter chromium fonts-dejavu-core systemd-journal-remote rsyslog logrotate
  # clusters
  corosync pacemaker libcmap-dev libquorum-dev libvotequorum-dev iproute2 iptables
  # packages and images
  debootstrap rpm rpmlint lintian mandoc buildah crun binutils-aarch64-linux-gnu qemu-user-static
)
logs=$PWD/build/test-logs
results=$logs/results

export PATH="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH" # Debian's python3 has Debian's modules
export CCACHE_BASEDIR=$PWD LANG=C.UTF-8                           # as deploy/build.sh: the image's build finds what was compiled here
export CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 # what ccache asks for with precompiled headers; clones share what they compile

install_packages() {
  local missing=() package
  command -v npm >/dev/null || packages+=(npm) # others than Debian's exclude it
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  command -v npm >/dev/null || missing+=(nodejs npm) # another nodejs than Debian's brings its own npm
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}"
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  {
    "${sudo[@]}" apt-get update
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
  } >"$logs/apt.log" 2>&1 || {
    tail -20 "$logs/apt.log"
    echo "0 passed, 1 failed"
    exit 1
  }
}

# Test cases in a log as "passed failed skipped": of doctest, of unittest, of "ok NAME"/"FAIL NAME"/"skip NAME" lines, else one for the whole.
count() {
  local log=$1 code=$2
  awk -v code="$code" '
    { gsub(/\033\[[0-9;]*m/, "") }
    /^\[doctest\] test cases:/ { split($0, f, /[:|]/); passed += f[3]; failed += f[4] }
    /^Ran [0-9]+ tests? in/ { ran += $2 }
    /^(OK|FAILED)( \(.*\))?$/ {
      while (match($0, /(failures|errors|skipped|unexpected successes)=[0-9]+/)) {
        word = substr($0, RSTART, RLENGTH); n = word; sub(/.*=/, "", n)
        if (word ~ /^skipped/) skipped += n; else bad += n
        $0 = substr($0, RSTART + RLENGTH)
      }
    }
    /^ok / { passed++ } /^FAIL / { named++ } /^skip /  { skipped++ } /^SKIP / { skipped++ }
    END {
      if (ran > 0) passed += ran - bad - skipped
      failed += ran > 0 ? bad : named
      if (code != 0 && failed == 0) failed = 1
      if (code == 0 && passed + failed + skipped == 0) passed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$log"
}

# What failed, first and whole; without the lines that the program logs while it is tested.
failures() {
  local told
  told=$(grep -avE '^time=[^ ]+ level=' "$1")
  if grep -qE '^(FAIL|ERROR|={20,})' <<<"$told"; then told=$(sed -nE '/^(FAIL|ERROR|={20,})/,$p' <<<"$told"); else told=$(tail -n 150 <<<"$told"); fi
  head -n 300 <<<"$told"
}

# part NAME COMMAND…: runs it, keeps its output, tells and records how it went.
part() {
  local name=$1 code=0 start=$SECONDS passed failed skipped
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null || code=$?
  read -r passed failed skipped < <(count "$logs/$name.log" "$code")
  echo "$passed $failed $skipped $name" >>"$results"
  local took="$((SECONDS - start)) s"
  if [ "$failed" -gt 0 ]; then
    echo "FAIL $name ($failed failed, $passed passed, $took; all of it: build/test-logs/$name.log)"
    failures "$logs/$name.log" | sed 's/^/    /'
  elif [ "$passed" -eq 0 ]; then
    echo "skip $name ($(grep -m1 -iE '^skip' "$logs/$name.log"))"
  else
    echo "ok   $name ($passed passed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped"), $took)"
  fi
}

# built PRESET [TARGET…]: silent when it works, a failed part when it does not. One build of a preset at a time.
built() {
  local preset=$1
  shift
  # shellcheck disable=SC2016  # the inner shell expands
  # deploy/build.sh switches the tests off in a directory that we may share.
  if ! flock "$logs/$preset.lock" bash -c 'cmake --preset "$0" -DBUILD_TESTING=ON && cmake --build "build/$0" ${1:+--target "$@"}' "$preset" "$@" \
    >"$logs/build-$preset-${1:-all}.log" 2>&1; then
    echo "0 1 0 build-$preset" >>"$results"
    echo "FAIL build-$preset"
    # Not the command lines, which hold -Werror.
    grep -E -A15 '(error|Error):? |undefined reference|CMake Error' "$logs/build-$preset-${1:-all}.log" | grep -vE '^(FAILED:|/.*ccache )' | head -n 80 |
      sed 's/^/    /'
    return 1
  fi
}

group_unit() {
  built dev unit fencewatch || return 0
  part unit build/dev/tests/unit
  part cases python3 tests/cases.py build/dev/fencewatch
  part incidents python3 tests/incidents.py build/dev/fencewatch
  part example tests/example.sh
}

# One collector: its own tests, what holds for all, its golden files, and the lint of what has changed.
run_collector() {
  local name=$1 changed
  [ -f "collectors/$name.cc" ] || { echo "tests/run.sh: there is no collectors/$name.cc" >&2 && exit 2; }
  built dev unit fencewatch || return 0
  grep -q "^      &$name,"  collectors/all.cc || echo "note: collectors/all.cc does not name it yet"
  [ -z "${UPDATE_GOLDEN:-}" ] || build/dev/fencewatch --describe >collectors/METRICS.md
  part "$name-own" build/dev/tests/unit "--source-file=*/${name}_test.cc"
  part "$name-contract" build/dev/tests/unit --test-suite=contract,golden
  mapfile -t changed < <(git status --porcelain -uall | cut -c4- | grep -E '\.(cc|h)$')
  part lint tests/lint.sh "${changed[@]}" collectors/all.cc
  part docs tests/docs.sh build/dev/fencewatch
}

group_tsan() {
  built tsan unit || return 0
  part tsan env TSAN_OPTIONS=halt_on_error=1 build/tsan/tests/unit '--source-file=*unit/collect/runner*,*unit/node/*,*base/log_test*,*logs/reader*,*logs/state/state_file*,*web/users*,*web/loopback_filter*'
}

group_lint() {
  built dev fencewatch || return 0
  part lint tests/lint.sh
}

group_docs() {
  built release fencewatch || return 0
  part docs tests/docs.sh build/release/fencewatch
  part dashboards python3 -m unittest discover -s tests/dashboards
  part alerts env FENCEWATCH="$PWD/build/release/fencewatch" python3 -m unittest discover -s tests/alerts
  local test
  for test in alerts/tests/*.yml; do part "alerts-$(basename "$test" .yml)" promtool test rules "$test"; done
}

group_http() {
  built release fencewatch || return 0
  part http python3 tests/http/run.py build/release/fencewatch
}

group_web() {
  built release fencewatch || return 0
  part web-config tests/web/promtool.sh
  part web python3 tests/web/run.py build/release/fencewatch
}

group_events() {
  built release fencewatch || return 0
  part events python3 tests/events/run.py build/release/fencewatch
}

group_stack() {
  built release fencewatch || return 0
  part stack python3 tests/stack/run.py build/release/fencewatch
}

group_deploy() { part quickstart tests/quickstart.sh; }

group_package() {
  built release fencewatch || return 0
  part packages python3 tests/deploy/clean_build.py
  local test
  for test in tests/deploy/test_*.py; do
    part "deploy-$(basename "$test" .py)" python3 -m unittest discover -s tests/deploy -p "$(basename "$test")"
  done
}

# Seeds are the recorded files; what was found stays in build/fuzz/corpus for the next run.
fuzz_one() {
  local name=$1 corpus=build/fuzz/corpus/$1
  mkdir -p "$corpus" build/fuzz/artifacts
  local seeds=()
  [ ! -d "tests/fuzz/seeds/$name" ] || seeds+=("tests/fuzz/seeds/$name")
  build/fuzz/tests/"$name" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/artifacts/$name-" "$corpus" "${seeds[@]}" build/fuzz/seeds
}

group_fuzz() {
  built fuzz fuzzers || return 0
  rm -rf build/fuzz/seeds
  mkdir -p build/fuzz/seeds
  local file targets=() target
  while IFS= read -r file; do
    cp "$file" "build/fuzz/seeds/$(sha256sum "$file" | cut -c1-16)"
  done < <(find tests/fixtures -type f -size -16k ! -path '*/expected/*' ! -name README.md)
  for target in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$target" .cc)"); done
  local i
  for ((i = 0; i < ${#targets[@]}; i += 2)); do # two at a time
    for target in "${targets[@]:i:2}"; do part "$target" fuzz_one "$target" & done
    wait
  done
}

group_cluster() {
  built release fencewatch || return 0
  part cluster python3 tests/cluster/run.py build/release/fencewatch
}

group_bench() {
  built release fencewatch || return 0
  part starve tests/bench/starve.sh --check
}

group_incident() {
  built release fencewatch || return 0
  part incident tests/incident/run.sh build/release/fencewatch
  grep '^|' "$logs/incident.log" || true
}

tell_sum() {
  awk '{ passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed", passed, failed; if (skipped) printf ", %d skipped", skipped; print ""; exit failed > 0 }' "$results"
}

if [ "${1:-}" = collector ]; then
  [ $# -eq 2 ] || { echo "usage: tests/run.sh collector NAME" >&2; exit 2; }
  mkdir -p "$logs"
  : >"$results"
  install_packages
  run_collector "$2"
  tell_sum
  exit
fi

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${groups[@]}")
for group in "${wanted[@]}"; do
  declare -F "group_$group" >/dev/null || { echo "tests/run.sh: no group $group; there are: ${groups[*]}" >&2; exit 2; }
done
mkdir -p "$logs"
: >"$results"
[[ " ${wanted[*]} " != *" incident "* ]] || packages+=(qemu-system-x86 cpio e2fsprogs)
install_packages

# A group that breaks off has failed, whatever it had recorded.
run_group() {
  local code=0
  ("group_$1") || code=$?
  if [ "$code" -ne 0 ]; then
    echo "FAIL $1 (broke off with $code)"
    echo "0 1 0 $1" >>"$results"
  fi
}

# Two groups at a time; then those that want the machine for themselves.
is_alone() { [[ " ${alone[*]} " == *" $1 "* ]]; }
for group in "${wanted[@]}"; do
  is_alone "$group" && continue
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
  run_group "$group" &
done
while [ -n "$(jobs -rp)" ]; do wait -n || true; done
for group in "${wanted[@]}"; do
  if is_alone "$group"; then run_group "$group"; fi
done

tell_sum
