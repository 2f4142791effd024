# shellcheck shell=sh
if [ "$1" -eq 1 ] && [ -x /usr/bin/systemctl ]; then
  systemctl --no-reload preset fencewatch.service >/dev/null 2>&1 || :
fi
