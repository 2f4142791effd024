"""A real rsyslogd whose /etc/localtime is another than ours, and an exporter beside it and in a pod: times are the watched host's."""
import os
import socket
import subprocess
import time
import unittest

import exporter
from machine import LAST, LASTS, Journald, Machine, die_with_parent, end, until

ZONES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures/zones")
LAST_EVENT = "corosync_last_event_timestamp_seconds"
SLACK = 900  # seconds; two zones that differ do so by as much at least


class Host:
    """A mount namespace with a time zone of its own, /var/log of the machine's tree, and rsyslogd in it."""

    CONFIG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{tree}/syslog.sock" UsePIDFromSystem="off")
action(type="omfile" file="/var/log/messages" template="RSYSLOG_TraditionalFileFormat")
"""
    ENTER = """set -e
mount --bind "$1" /etc/localtime
mount --bind "$2/var/log" /var/log
shift 2
exec "$@"
"""

    def __init__(self, machine, zone):
        self.machine, self.zone = machine, os.path.join(ZONES, zone)
        machine.write("rsyslog.conf", self.CONFIG.format(tree=machine.tree))
        machine.write("var/log/messages", "")
        self.process = subprocess.Popen(self.inside("rsyslogd", "-n", "-f", machine.path("rsyslog.conf"), "-i", machine.path("rsyslogd.pid")),
                                        preexec_fn=die_with_parent)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        until(self.is_up, "rsyslogd listens")

    def inside(self, *command):
        return ["unshare", "--mount", "--propagation=private", "sh", "-c", self.ENTER, "sh", self.zone, self.machine.tree, *command]

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"rsyslogd ended with {self.process.returncode}")
        try:
            self.socket.connect(self.machine.path("syslog.sock"))
            return True
        except OSError:
            return False

    def says(self, text):
        self.socket.send(f"<29>{text}".encode())  # without a time: rsyslogd writes its own

    def close(self):
        self.socket.close()
        end(self.process)


@unittest.skipIf(Journald.missing() == "no mount namespace can be made here", "no mount namespace can be made here")
@unittest.skipUnless(os.path.exists("/etc/localtime"), "no /etc/localtime to be another")
class TimeZone(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def host(self, zone):
        host = Host(self.machine, zone)
        self.addCleanup(host.close)
        return host

    def check(self, host):
        before = int(time.time())
        host.says(LAST)
        until(lambda: self.machine.sum(LASTS) == 1, "the event is counted")
        told = self.machine.sum(LAST_EVENT, event="token_timeout")
        self.assertLess(abs(told - before), SLACK, f"{told} is told of an event at {before}")

    def flags(self, root):
        return ["--web.listen-address=127.0.0.1:0", "--path.procfs=/proc", "--path.sysfs=/sys", f"--path.rootfs={root}",
                f"--state.dir={self.machine.path('state')}", "--log.corosync-sources=/var/log/messages"]

    def test_on_the_host(self):
        host = self.host("Lord_Howe")
        # TZ is the exporter's own and says nothing of the host.
        self.machine.start(host.inside("env", "TZ=America/New_York", exporter.BINARY, *self.flags("/")))
        self.check(host)

    def test_in_a_pod(self):
        host = self.host("Shanghai")
        with open(host.zone, "rb") as zone, open(self.machine.path("etc/localtime"), "wb") as file:
            file.write(zone.read())
        self.machine.start([exporter.BINARY, *self.flags(self.machine.tree)])
        self.check(host)


if __name__ == "__main__":
    unittest.main()
