#!/usr/bin/env bash
# node.sh DIRECTORY NAME: process 1 of a node, in namespaces of its own. What the node keeps is in DIRECTORY; the rest is as after a boot:
# /dev, /dev/shm, /run, the boot's id. Logs go three ways at once: corosync's own file, the journal, and from there to /var/log/syslog.
set -e
directory=$1 name=$2
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs run /run

mkdir -p /run/dev/shm /run/sbin /run/sbin.work /run/crm /run/systemd/journal
for device in null zero full random urandom tty; do
  touch "/run/dev/$device"
  mount --bind "/dev/$device" "/run/dev/$device"
done
ln -s /proc/self/fd /run/dev/fd
ln -s /run/systemd/journal/dev-log /run/dev/log
mount -t tmpfs -o mode=1777 shm /run/dev/shm
mount --rbind /run/dev /dev

mount --bind "$directory/etc" /etc/corosync
mount --bind "$directory/corosync" /var/lib/corosync
mount --bind "$directory/log" /var/log
if [ -d "$directory/sbin" ]; then # a cluster with pacemaker: its state, and the fence agent among the host's programs
  mount --bind "$directory/pacemaker" /var/lib/pacemaker
  cp -a "$directory/sbin/." /run/sbin
  mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/sbin,workdir=/run/sbin.work sbin /usr/sbin
  chown -R hacluster:haclient /run/crm
fi

cat /proc/sys/kernel/random/uuid >"$directory/boot_id"
mount --bind "$directory/boot_id" /proc/sys/kernel/random/boot_id
mount --bind "$directory/machine-id" /etc/machine-id
mount --bind "$directory/journald.conf" /etc/systemd/journald.conf
hostname "$name"
ip link set lo up
echo 512 >/proc/sys/net/unix/max_dgram_qlen # 10 lines wait for a syslog daemon where systemd has not said otherwise

rsyslogd -n -f "$directory/rsyslog.conf" -i NONE &
/lib/systemd/systemd-journald &
until [ -S /run/systemd/journal/dev-log ] && [ -S /run/systemd/journal/syslog ]; do
  [ "$(jobs -pr | wc -l)" -eq 2 ] || exit 1
  sleep 0.02
done
touch "$directory/ready"
while :; do wait || true; sleep 3600 & done
