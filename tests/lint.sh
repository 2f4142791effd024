#!/usr/bin/env bash
# Format, clang-tidy, and the rules of the house that a compiler does not know. One line "ok NAME" or "FAIL NAME" for each.
# Needs build/dev (compile_commands.json and the fencewatch binary). Environment: BUILD in place of build/dev.
#   tests/lint.sh [FILE…]   with files: format and clang-tidy look at these alone; the rules are cheap and look at all
# shellcheck disable=SC2317  # the functions are called by name, through check
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build/dev}
stamps=$build/lint
only=("$@")
mkdir -p "$stamps"
failed=0

# check NAME COMMAND…
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "ok $name"
  else
    failed=1
    echo "FAIL $name"
    printf '%s\n' "$output" | sed 's/^/  /'
  fi
}

# nothing PATTERN PATH…: no tracked line matches.
nothing() {
  local pattern=$1
  shift
  ! git grep -nIE -e "$pattern" -- "$@"
}

tracked() { git ls-files --cached --others --exclude-standard -- "$@"; }

# Of the tracked files that fit the patterns those that were asked for.
chosen() {
  if [ ${#only[@]} -eq 0 ]; then tracked "$@"; else comm -12 <(tracked "$@" | sort) <(printf '%s\n' "${only[@]#./}" | sort); fi
}

formatted() {
  mapfile -t files < <(chosen '*.cc' '*.h')
  [ ${#files[@]} -gt 0 ] || return 0
  clang-format-14 --dry-run -Werror "${files[@]}"
}

# The key of a source is what the compiler sees of it, comments included (NOLINT), and the configuration: clean ones are not looked at again.
key() { { cat .clang-tidy && g++ -std=c++20 -E -CC -I. "$1" 2>&1; } | sha256sum | cut -c1-32; }

tidy_one() {
  local stamp
  stamp=$stamps/$(key "$1")
  [ -e "$stamp" ] && return 0
  clang-tidy-14 --quiet -p "$build" "$1" && : >"$stamp"
}

tidy() {
  export -f tidy_one key
  export stamps build
  chosen 'exporter/*.cc' 'collectors/*.cc' | xargs -P "$(nproc)" -I{} bash -c 'tidy_one {}'
}

no_processes() { nothing '(^|[^A-Za-z0-9_.])(v?fork|exec[lv]p?e?|execve(at)?|system|popen|posix_spawnp?|clone3?) *\(' 'exporter/*' 'collectors/*.cc' 'collectors/*.h'; }

collector_names() { sed -n 's/^extern const Spec \(.*\);/\1/p' collectors/all.cc; }

engine_knows_no_collector() {
  local names
  names=$(collector_names | paste -sd '|')
  # "kernel" in exporter/logs and exporter/base/line.h is a channel, in exporter/report a key of JSON; in exporter/diagnose "zone", "boot" and "oom" are fields and events.
  [ -n "$names" ] && nothing '"collectors/' 'exporter/*' && nothing "\"($names)\"" 'exporter/*' ':!exporter/logs/*' ':!exporter/report/*' ':!exporter/diagnose/*' ':!exporter/base/line.h' &&
    nothing "fencewatch_($names)_" 'exporter/*'
}

# The rooms of exporter/, the highest first: a file includes only from its own room and from those below.
rooms=(config diagnose web report recorder logs collect exposition node memory base)

includes_point_down() {
  local file room header i status=0
  declare -A rank
  for i in "${!rooms[@]}"; do rank[${rooms[i]}]=$i; done
  while IFS=: read -r file header; do
    room=$(cut -d/ -f2 <<<"$file")
    header=$(cut -d/ -f2 <<<"$header")
    [ "$file" = exporter/main.cc ] && continue
    [ -n "${rank[$room]:-}" ] || { echo "$file: exporter/$room is not a room of tests/lint.sh" && status=1 && continue; }
    [ -n "${rank[$header]:-}" ] || { echo "$file includes from exporter/$header, which is not a room" && status=1 && continue; }
    [ "${rank[$header]}" -ge "${rank[$room]}" ] || { echo "$file includes from exporter/$header, which is above it" && status=1; }
  done < <(git grep -E '^#include "exporter/' -- 'exporter/*.cc' 'exporter/*.h' | sed -E 's/^([^:]*):#include "(.*)".*/\1:\2/')
  return "$status"
}

# A collector includes the engine, its own header and headers that belong to no collector (shared parsers).
collectors_know_no_other() {
  local file header base status=0
  while IFS=: read -r file header; do
    case $header in
      exporter/*.h) continue ;;
      collectors/*.h) base=$(basename "$header" .h) ;;
      *) echo "$file includes $header" && status=1 && continue ;;
    esac
    [ "$base" = "$(basename "${file%.*}")" ] && continue
    if grep -qE '^(extern )?(constinit )?const Spec ' "collectors/$base.cc" 2>/dev/null; then
      echo "$file includes $header of another collector"
      status=1
    fi
  done < <(git grep -E '^#include "' -- 'collectors/*.cc' 'collectors/*.h' | sed -E 's/^([^:]*):#include "(.*)".*/\1:\2/')
  return "$status"
}

# A Spec that nobody put into the table would be a collector that does not exist.
collectors_are_in_the_table() {
  diff <(git grep -hoE '^(constinit )?const Spec [a-z_]+ =' -- 'collectors/*.cc' | grep -oE '[a-z_]+ =$' | tr -d ' =' | sort) \
    <(sed -nE 's/^      &([a-z_]+),.*/\1/p' collectors/all.cc | sort)
}

# The Runner knows about time and faults, and what is printed is its business and the log's.
collectors_only_collect() {
  nothing '(^|[^A-Za-z0-9_.])(sleep|usleep|nanosleep|sleep_for|sleep_until|printf|fprintf|puts|fputs) *\(|std::(cout|cerr|clog)|log::(debug|info|warn|error)\(' \
    'collectors/*.cc' 'collectors/*.h'
}

metrics_documented() { diff -u collectors/METRICS.md <("$build/fencewatch" --describe); }

scripts() {
  mapfile -t files < <(tracked '*.sh' .ci/run)
  shellcheck -x "${files[@]}"
}

# Scripts that the documents tell to run: words of fenced blocks that look like a path into the repository.
commands_exist() {
  local document word path status=0
  while IFS= read -r document; do
    while IFS= read -r word; do
      path=${word#./}
      [ -e "$path" ] || { echo "$document: $word does not exist" && status=1 && continue; }
      [ -d "$path" ] || [ -x "$path" ] || [[ $path != *.sh ]] || { echo "$document: $word is not executable" && status=1; }
    done < <(awk '/^```/ { on = !on; next } on' "$document" | grep -oE '(^|[ (])(\./)?(tests|deploy|\.ci)/[A-Za-z0-9_./-]+' | tr -d ' (' | sort -u)
  done < <(tracked '*.md')
  return "$status"
}

# Nothing that is only true of the machine on which it was written.
no_local_paths() {
  local top above pattern
  top=$(dirname "$(git rev-parse --path-format=absolute --git-common-dir)")
  above=$(dirname "$top")
  pattern="$PWD/|$top/|/home/[a-z]+/"
  case $above in
    / | /tmp | /home | /src | /usr/src | /opt | /srv | /mnt | /build | /builds | /var | /root) ;;
    *) pattern="$pattern|(^|[^A-Za-z0-9_.-])$above/" ;;
  esac
  nothing "$pattern" . ':!tests/lint.sh'
}

check format formatted
check no-processes no_processes
check engine-knows-no-collector engine_knows_no_collector
check includes-point-down includes_point_down
check collectors-know-no-other collectors_know_no_other
check collectors-in-the-table collectors_are_in_the_table
check collectors-only-collect collectors_only_collect
check metrics-documented metrics_documented
check shellcheck scripts
check commands-exist commands_exist
check no-local-paths no_local_paths
check clang-tidy tidy
exit $failed
