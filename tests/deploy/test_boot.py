"""The DEB in a Debian 12 that has booted, with systemd as process 1: the unit starts, says that it is ready, and reads what it is for with
the rights that it has left."""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import unittest

import roots
from roots import REPOSITORY, inside, run
from test_packages import deb

sys.path.insert(0, os.path.join(REPOSITORY, "tests/cluster"))
sys.path.insert(1, os.path.join(REPOSITORY, "tests"))
import metrics  # noqa: E402
from processes import child, end, start, until  # noqa: E402


class Booted:
    def __init__(self, root, log):
        self.process = start(["unshare", "--fork", "--kill-child", "--net", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "bash",
                              os.path.join(REPOSITORY, "tests/deploy/boot.sh"), root], log)
        self.init = until(lambda: child(self.process.pid) or self.process.poll(), "the system boots")

    def run(self, *command):
        return run("nsenter", "-t", str(self.init), "-m", "-p", "-n", "-u", "-i", *command)

    def says(self, *command):
        """Of a command that may fail."""
        done = subprocess.run(["nsenter", "-t", str(self.init), "-m", "-p", "-n", "-u", "-i", *command], capture_output=True, text=True)
        return done.stdout.strip()

    def show(self, unit, name):
        return self.says("systemctl", "show", "--property", name, "--value", unit)

    def status(self):
        return dict(re.findall(r"^(\w+):\s*(.*)$", self.run("cat", f"/proc/{self.show('fencewatch', 'MainPID')}/status"), re.M))

    def get(self, path):
        connection = metrics.Connection(self.init, 19664, 60)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


class Boot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        context = contextlib.ExitStack()
        cls.addClassCleanup(context.close)
        root = context.enter_context(roots.copy(roots.base()))
        shutil.copy(deb(), os.path.join(root, "tmp/fencewatch.deb"))
        inside(root, "apt-get", "install", "-y", "--no-install-recommends", "systemd", "/tmp/fencewatch.deb")
        log = context.enter_context(open(os.path.join(root, "../boot.log"), "w+b"))
        cls.booted = Booted(root, log)
        cls.addClassCleanup(end, cls.booted.process)

    def test_1_service(self):
        booted = self.booted
        until(lambda: booted.show("fencewatch", "ActiveState") == "active", "READY=1", 300)
        self.assertGreater(metrics.Metrics(booted.get("/metrics")).sum("zone_managed_pages"), 0)
        until(lambda: self.sources(booted) == (1, 1), "/dev/kmsg is read with CAP_SYSLOG, the journal by the group", 60)
        self.rights(booted.status())
        self.assertEqual(booted.run("stat", "-c", "%U:%G %a", "/var/lib/fencewatch").strip(), "fencewatch:fencewatch 750")
        self.assertEqual(booted.show("fencewatch", "Slice"), "fencewatch.slice")
        self.assertEqual(booted.show("fencewatch", "NRestarts"), "0")

    def test_2_socket(self):
        self.by_socket(self.booted)

    def sources(self, booted):
        at = metrics.Metrics(booted.get("/metrics"))
        return at.get("log_source_info", channel="kernel", source="kmsg"), at.get("log_source_info", channel="corosync", source="journal")

    def rights(self, status):
        syslog = format(1 << 34, "016x")
        self.assertEqual({status[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}, {syslog})
        self.assertNotEqual(status["Uid"].split()[0], "0")
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def by_socket(self, booted):
        """The lines of fencewatch.socket."""
        booted.run("systemctl", "stop", "fencewatch")
        with open(os.path.join(REPOSITORY, "deploy/systemd/fencewatch.socket")) as file:
            lines = re.findall(r"^#   (.*?)(?:    \(.*)?$", file.read(), re.M)
        self.assertEqual(len(lines), 2)
        for line in lines:
            booted.run("sh", "-euc", line)
        self.assertEqual(booted.show("fencewatch", "ActiveState"), "inactive")
        try:
            first = booted.get("/metrics")  # the first to ask starts it
        except OSError as error:
            raise AssertionError(f"{error}\n" + booted.says("sh", "-c", "systemctl status --no-pager -n 30 fencewatch.socket fencewatch.service")) from error
        self.assertIn("fencewatch_build_info{", first)
        self.assertEqual(booted.show("fencewatch", "ActiveState"), "active")
        self.assertIn("FENCEWATCH_OPTS", booted.run("cat", "/etc/default/fencewatch"))


if __name__ == "__main__":
    unittest.main()
