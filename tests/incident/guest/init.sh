#!/bin/sh
# Process 1 of the guest. Kernel command line: books=right|wrong|reserve
#   wrong    zones are miscounted; what lowmem_reserve keeps for the phantom is not in force, as on 4.19
#   reserve  the same with that reserve in force, as a newer kernel would have it
# The guest's life: 27 s to settle, filled to 92 % (the "fill"), then page cache and network (the "load", at 0 of the table), after 45 s growth until nothing is left.
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/guest:/bin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm /tmp /run /var/log/cluster /var/lib/corosync
mount -t tmpfs -o size=64m tmpfs /dev/shm
mount -t tmpfs -o size=32m tmpfs /run
mount -t tmpfs -o size=32m tmpfs /tmp
case " $(cat /proc/cmdline) " in
  *" books=wrong "*) books=wrong ;;
  *" books=reserve "*) books=reserve ;;
  *) books=right ;;
esac
fill=92 rate=60 hold=45 growth=6 burst=95 limit=235
say() { echo "INCIDENT: $(cut -d' ' -f1 /proc/uptime) $*" >/dev/kmsg; }
kilobytes() { grep "^$1:" /proc/meminfo | tr -dc 0-9; }
# What was written is written again: the kernel computes anew.
again() { cat "/proc/sys/vm/$1" >/tmp/again && cat /tmp/again >"/proc/sys/vm/$1"; }

echo -1000 >/proc/self/oom_score_adj
echo 0 >/proc/sys/vm/panic_on_oom
/guest/ip link set lo up
say "books $books"
again min_free_kbytes # in all runs, so that the marks are exact and min_free_kbytes is the same
if [ "$books" != right ]; then
  insmod /guest/miscount.ko keep=32768 || say "no miscount"
  again min_free_kbytes
  [ "$books" = wrong ] || again lowmem_reserve_ratio
fi

/guest/ip link add cs0 type veth peer name cs1
/guest/ip addr add 10.77.0.1/24 dev cs0
/guest/ip link set cs0 up
cat >/run/peer.sh <<'P'
mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /var/lib/corosync; mount -t tmpfs tmpfs /run
echo $$ >/tmp/peer.pid
while [ ! -e /tmp/peer.go ]; do usleep 100000; done
/guest/ip link set lo up; /guest/ip addr add 10.77.0.2/24 dev cs1; /guest/ip link set cs1 up
exec corosync -f -c /etc/corosync/peer.conf >/tmp/peer.out 2>&1
P
unshare -m -n sh /run/peer.sh &
while [ ! -s /tmp/peer.pid ]; do usleep 100000; done
/guest/ip link set cs1 netns "$(cat /tmp/peer.pid)"
touch /tmp/peer.go
corosync -f >/tmp/corosync.out 2>&1 &

# As its unit starts it: OOMScoreAdjust=-900; memory locked and real-time as root may.
mkdir -p /tmp/state
sh -c 'echo -900 >/proc/self/oom_score_adj; exec fencewatch --web.listen-address=127.0.0.1:19664 --state.dir=/tmp/state >/run/fencewatch.log 2>&1' &
stand_in engine realtime locked /data/own1 /run/engine.late 7001 &
stand_in unlocked realtime unlocked /data/own2 /run/unlocked.late 7002 &
stand_in plain plain locked /data/own1 /run/plain.late 7003 &
sleep 3
record /dev/vdc 19664 $limit /run/engine.late /run/unlocked.late /run/plain.late &
sleep 17

say fill
total=$(($(kilobytes MemTotal) / 1024))
megabytes=$((total * fill / 100 - total + $(kilobytes MemFree) / 1024))
load grow $megabytes $((16000 / rate)) filler &
sleep $((megabytes / rate + 5))
say load
load read /dev/vdb $burst &
load write /data/dirty $burst &
load read /data/dirty $burst &
load udp 48 $burst &
sleep $hold
say growth
load grow 4000 $((16000 / growth)) grower &
until [ "$(grep '^oom_kill ' /proc/vmstat | tr -dc 0-9)" -gt 0 ]; do sleep 1; done
say "oom kill"
sleep 10
poweroff -f
