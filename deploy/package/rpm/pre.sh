# shellcheck shell=sh
getent group fencewatch >/dev/null || groupadd --system fencewatch
getent passwd fencewatch >/dev/null ||
  useradd --system --gid fencewatch --no-create-home --home-dir /var/lib/fencewatch --shell /sbin/nologin --comment "fencewatch exporter" fencewatch
