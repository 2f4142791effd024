# shellcheck shell=sh
# The user and its state stay: rpm knows no purge.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload >/dev/null 2>&1 || :
  [ "$1" -eq 0 ] || systemctl try-restart fencewatch.service >/dev/null 2>&1 || :
fi
