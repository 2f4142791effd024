#!/usr/bin/env bash
# The version of what is built here: 0.2.0 at the commit that set this number in CMakeLists.txt, 0.2.0+12.gc5d9b00 twelve commits later.
# Debian and RPM both sort these upwards, and below the next number.
#   deploy/version.sh [--tag]      --tag: as the tag of an image, which may not have a +: 0.2.0_12.gc5d9b00, as Helm writes it
# Where there is no git (the image's build): VERSION=… is taken as it is. A shallow clone that does not reach that commit counts too little.
set -euo pipefail
cd "$(dirname "$0")/.."

number=$(sed -n 's/^project(fencewatch VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
version=${VERSION:-$number}
if [ -z "${VERSION:-}" ] && [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$PWD" ]; then
  since=$(git log -1 --format=%H -S"fencewatch VERSION $number " -- CMakeLists.txt)
  commits=$(git rev-list --count "${since:+$since..}HEAD")
  [ "$commits" -eq 0 ] || version=$number+$commits.g$(git rev-parse --short=7 HEAD)
fi
[ "${1:-}" != --tag ] || version=${version/+/_}
echo "$version"
