#!/usr/bin/env bash
# The example of collectors/README.md, added to a copy of this tree as the page says, keeps the contract of all collectors.
# The flags are those of build/dev, so that ccache has what is not new.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$PWD/build/example/tree
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | grep -zE '^(exporter|collectors|tests/(unit|fixtures|bench|[^/]*$)|deploy/package|deploy/version.sh|CMake)' |
  xargs -0 cp --parents -t "$copy"

awk '/^```cpp$/ { on = 1; next } /^```/ && on { exit } on' collectors/README.md >"$copy/collectors/files.cc"
sed -i 's/^extern const Spec custom;/&\nextern const Spec files;/; s/^      &custom,.*/&\n      \&files,/' "$copy/collectors/all.cc"
mkdir -p "$copy/tests/fixtures/kernel/linux-6.1-healthy/proc/sys/fs"
echo "1984	0	9223372036854775807" >"$copy/tests/fixtures/kernel/linux-6.1-healthy/proc/sys/fs/file-nr"
export CCACHE_BASEDIR=$copy
(
  cd "$copy"
  clang-format-14 --dry-run -Werror collectors/files.cc
  cmake --preset dev >/dev/null
  cmake --build build/dev --target unit fencewatch
) >build/example/build.log 2>&1 || { cat build/example/build.log && exit 1; }
UPDATE_GOLDEN=1 "$copy/build/dev/tests/unit" --test-suite=golden >/dev/null 2>&1 || true
"$copy/build/dev/tests/unit" --test-suite=contract,golden
grep -q '^fencewatch_files_allocated 1984$' "$copy/tests/fixtures/kernel/linux-6.1-healthy/expected/files.prom"
grep -q 'fencewatch_files_allocated' <("$copy/build/dev/fencewatch" --describe)
