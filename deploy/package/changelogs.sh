#!/usr/bin/env bash
# The changelogs of DEB and RPM, from the releases of CHANGELOG.md; between two of them an entry for the commit comes first.
#   deploy/package/changelogs.sh VERSION DIRECTORY      changelog.Debian, changelog.rpm
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 directory=$2
who="${DEBFULLNAME:-fencewatch} <${DEBEMAIL:-nobody@users.noreply.github.com}>" # as in package.cmake
: >"$directory/changelog.Debian"
: >"$directory/changelog.rpm"

entry() { # VERSION SECONDS TEXT
  printf 'fencewatch (%s-1) unstable; urgency=medium\n\n  * %s\n\n -- %s  %s\n\n' "$1" "$3" "$who" "$(LC_ALL=C TZ=UTC date -d "@$2" '+%a, %d %b %Y %T +0000')" \
    >>"$directory/changelog.Debian"
  printf '* %s %s - %s-1\n- %s\n\n' "$(LC_ALL=C TZ=UTC date -d "@$2" '+%a %b %d %Y')" "$who" "$1" "$3" >>"$directory/changelog.rpm"
}

if ! grep -q "^## \[$version\]" CHANGELOG.md; then
  entry "$version" "$(git log -1 --format=%ct 2>/dev/null || echo "${SOURCE_DATE_EPOCH:-0}")" "Built between releases."
fi
while read -r release day; do
  entry "$release" "$(TZ=UTC date -d "$day" +%s)" "See https://github.com/fencewatch/fencewatch/blob/main/CHANGELOG.md."
done < <(sed -n 's/^## \[\([0-9][0-9.]*\)\] - \(.*\)$/\1 \2/p' CHANGELOG.md)
