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
[ $failed -eq 0 ] && echo "docs: ok"
exit $failed
