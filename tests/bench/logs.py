#!/usr/bin/env python3
"""Makes what logs.sh needs: a log of mixed syslog in which one line in a thousand is an event, and the rules for each contender.
logs.py RULES MEGABYTES DIRECTORY"""
import pathlib
import random
import sys

EVENTS = [
    "kernel: [{n}.250194] Out of memory: Killed process {p} (java) total-vm:8388608kB, anon-rss:7340032kB, file-rss:0kB, shmem-rss:0kB",
    "kernel: [{n}.250194] Memory cgroup out of memory: Killed process {p} (mysqld) total-vm:66524kB, anon-rss:65356kB, file-rss:4kB",
    "kernel: [{n}.250194] kworker/0:1: page allocation failure: order:5, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null)",
    "corosync[4875]:   [TOTEM ] Token has not been received in {m} ms ",
    "corosync[4875]:   [TOTEM ] A processor failed, forming new configuration: token timed out (3650ms), waiting 4380ms for consensus.",
    "corosync[4875]:   [MAIN  ] Corosync main process was not scheduled (@1681222048760) for {m}.4106 ms (threshold is 800.0000 ms). "
    "Consider token timeout increase.",
    "corosync[4875]:   [KNET  ] link: host: 2 link: 0 is down",
    "pacemaker-fenced[2211]:  notice: Operation 'reboot' [{p}] targeting n2 by n1 for pacemaker-controld.2215@n1: OK",
]
OTHERS = [
    "systemd[1]: Started Session {n} of user root.",
    "sshd[{p}]: Accepted publickey for root from 10.0.0.{s} port {p} ssh2: RSA SHA256:2bRx0cQJcGmS0hV4yqkWbq5rQ3sYx3e2",
    "kernel: [{n}.123456] IPv6: ADDRCONF(NETDEV_CHANGE): veth{p}: link becomes ready",
    "kernel: [{n}.123456] device-mapper: multipath: Failing path 8:{s}.",
    "kernel: [{n}.123456] TCP: request_sock_TCP: Possible SYN flooding on port {p}. Sending cookies.  Check SNMP counters.",
    "corosync[4875]:   [QUORUM] Members[3]: 1 2 3",
    "corosync[4875]:   [MAIN  ] Completed service synchronization, ready to provide service.",
    "pacemaker-controld[2215]:  notice: State transition S_IDLE -> S_POLICY_ENGINE",
    "pacemaker-schedulerd[2214]:  notice: Calculated transition {n}, saving inputs in /var/lib/pacemaker/pengine/pe-input-{s}.bz2",
    'dockerd[{p}]: time="2026-11-23T08:02:11.123456789Z" level=info msg="ignoring event" container={n:064x} module=libcontainerd',
    "kubelet[{p}]: I1123 08:02:11.123456    {p} kubelet.go:1886] SyncLoop (PLEG): \"web-{n}(2f1c)\", event: &pleg.PodLifecycleEvent",
    "CROND[{p}]: (root) CMD (/usr/lib64/sa/sa1 1 1)",
]


def write_log(path, megabytes):
    draw = random.Random(1)
    size = 0
    with open(path, "w", encoding="ascii") as log:
        number = 0
        while size < megabytes * 1_000_000:
            number += 1
            text = draw.choice(EVENTS if number % 1000 == 0 else OTHERS)
            second = number // 200
            stamp = f"Nov 23 {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} n1 "
            line = stamp + text.format(n=number, p=1000 + number % 60000, m=2000 + number % 9000, s=number % 256) + "\n"
            size += len(line)
            log.write(line)


def write_rules(rules, directory):
    yaml, mtail = ["custom_events:"], []
    for index, (channel, pattern) in enumerate(rules):
        yaml += [f"  - name: bench_{index}_total", f"    channel: {channel}", f"    pattern: '{pattern.replace(chr(39), chr(39) * 2)}'",
                 "    help: Bench.", f"    example: '{example_of(pattern)}'"]
        mtail += [f"counter rule_{index}", "/" + pattern.replace("/", "\\/") + "/ {", f"  rule_{index}++", "}"]
    (directory / "rules.yml").write_text("\n".join(yaml) + "\n")
    (directory / "progs").mkdir(exist_ok=True)
    (directory / "progs/rules.mtail").write_text("\n".join(mtail) + "\n")
    (directory / "patterns").write_text("\n".join(pattern for _, pattern in rules) + "\n")


def example_of(pattern):
    for group, text in (("([0-9]+)", "1"), ("(-?[0-9]+)", "1"), ("([^)]*)", "x"), ("([A-Z_]+)", "NONE"), ("([^ ]+)", "x"), ("(.*)", "x"),
                        ("([0-9.]+)", "1.5"), ("(up|down)", "up"), ("(non-)?", ""), ("([a-z]+)", "reboot"), (".*", " "), ("\\(", "("), ("\\)", ")")):
        pattern = pattern.replace(group, text)
    return pattern.replace("'", "''")


def main():
    rules = [line.split("\t") for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    directory = pathlib.Path(sys.argv[3])
    (directory / "var/log").mkdir(parents=True, exist_ok=True)
    write_log(directory / "var/log/messages", int(sys.argv[2]))
    write_rules(rules, directory)


main()
