#!/usr/bin/env bash
# What the documents show is what the program does: every flag of --help is in both READMEs and the man page and no other, and the
# exposition that they show is printed by --once for the recorded kernel.
#   tests/docs.sh BINARY
set -euo pipefail
binary=$(realpath "${1:?usage: tests/docs.sh BINARY}")
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

complain() {
  echo "FAIL docs: $*" >&2
  failed=1
}

# block FILE TAG: the contents of the first fenced block with that tag.
block() { awk -v tag="^\`\`\`$2\$" '$0 ~ tag { on = 1; next } /^```/ && on { exit } on' "$1"; }

"$binary" --once --path.rootfs=tests/fixtures/kernel/linux-4.19-miscount --web.disable-exporter-metrics >"$tmp/exposition" ||
  complain "--once fails on the recorded kernel"
"$binary" --help | grep -oE -- '--(no-)?[a-z][a-z._-]+' | sed -E 's/--(no-)?collector\.[a-z_]+$/--\1collector./' |
  sort -u >"$tmp/flags"
for readme in README.md README.zh-CN.md; do
  block "$readme" prometheus >"$tmp/shown"
  [ -s "$tmp/shown" ] || complain "$readme shows no exposition"
  while IFS= read -r line; do
    [ -z "$line" ] || grep -qxF -- "$line" "$tmp/exposition" || complain "$readme shows what --once does not print: $line"
  done <"$tmp/shown"
  grep -oE '^\| `--[^|]*\|' "$readme" | grep -oE -- '--(no-)?[a-z][a-z.-]+' | sort -u >"$tmp/table"
  diff "$tmp/flags" "$tmp/table" >&2 || complain "the flags of $readme (>) are not those of --help (<)"
done
grep -E '^\.It Fl' deploy/package/fencewatch.8 | grep -oE 'Fl -(no-)?[a-z][a-z.-]+' | sed 's/^Fl -/--/' | sort -u >"$tmp/manual"
diff "$tmp/flags" "$tmp/manual" >&2 || complain "the flags of deploy/package/fencewatch.8 (>) are not those of --help (<)"

# Every key that a rule of custom_events may have, as the program names them, is explained; and the way to try a rule works.
keys=$(grep -oE 'name == "[a-z_]+"' exporter/config/custom_rules.cc | cut -d'"' -f2)
[ "$(wc -w <<<"$keys")" -ge 10 ] || complain "the keys of custom_events are not found"
for key in $keys; do
  for readme in README.md README.zh-CN.md; do
    grep -qE "^\\| .*\`$key\`.* \\|" "$readme" || complain "$readme does not explain $key of custom_events"
  done
  grep -qx ".It Cm $key" deploy/package/fencewatch.8 || complain "the man page does not explain $key of custom_events"
done
mkdir -p "$tmp/root/var/log"
for readme in README.md README.zh-CN.md; do
  sed -nE '/^    custom_events:/,/^    *example/s/^    //p' "$readme" | sed 's|channel: kernel.*|file: /var/log/nfs|' >"$tmp/rules.yml"
  sed -nE "s/^ *example: '(.*)'/\1/p" "$tmp/rules.yml" >"$tmp/root/var/log/nfs"
  try=$(grep -E '^    fencewatch --once --config.file=rules.yml' "$readme") || complain "$readme does not say how to try a rule"
  # shellcheck disable=SC2317  # called by the line itself
  (cd "$tmp" && fencewatch() { "$binary" "$@" --path.rootfs="$tmp/root" 2>/dev/null; } && eval "$try") >"$tmp/counted" || true
  grep -qxF 'nfs_stalls_total{server="n1"} 1' "$tmp/counted" || complain "$readme: a rule is not tried by: $try"
done
while IFS= read -r line; do
  line=${line//\/etc\/fencewatch\//deploy\/package\/}
  # shellcheck disable=SC2086  # words
  "$binary" ${line#fencewatch } >/dev/null 2>"$tmp/said" || [[ $line == *--once* ]] || complain "deploy/TROUBLESHOOTING.md: $line: $(tail -1 "$tmp/said")"
  if grep -q '^fencewatch: ' "$tmp/said"; then complain "deploy/TROUBLESHOOTING.md: $line: $(cat "$tmp/said")"; fi
done < <(grep -oE '\bfencewatch --(once|check-config) .*' deploy/TROUBLESHOOTING.md)
[ $failed -eq 0 ] && echo "docs: ok"
exit $failed
