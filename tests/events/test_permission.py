"""Logs that the exporter's user may not read."""
import os
import subprocess
import unittest

import exporter
from machine import Machine, until

NOBODY = 65534
LATE = "Nov  2 08:02:11 n1 corosync[1]: [TOTEM ] Token has not been received in 4634 ms\n"
FAILING = 'fencewatch_collector_failing{collector="corosync_log",reason="denied"} 1'


class Stranger(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        os.chmod(self.machine.tree, 0o755)
        os.makedirs(self.machine.path("var/log/cluster"))
        self.machine.write("var/log/cluster/corosync.log", LATE)
        os.chmod(self.machine.path("var/log/cluster/corosync.log"), 0o640)

    def once(self, **user):
        done = subprocess.run([exporter.BINARY, "--once", "--path.procfs=/proc", f"--path.rootfs={self.machine.tree}"],
                              capture_output=True, text=True, timeout=60, **user)
        return done.returncode, done.stdout.splitlines()

    def test_a_log_that_may_not_be_read_counts_nothing(self):
        stranger = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if subprocess.run([exporter.BINARY, "--version"], capture_output=True, check=False, cwd="/", **stranger).returncode != 0:
            self.skipTest("nobody may not run what was built here")
        code, lines = self.once(**stranger)
        self.assertEqual(code, 1)
        self.assertIn(FAILING, lines)
        self.assertIn('fencewatch_collector_up{collector="corosync_log"} 0', lines)
        self.assertIn('fencewatch_collector_available{collector="corosync_log"} 1', lines)
        self.assertFalse([line for line in lines if line.startswith("fencewatch_corosync_token_warnings_total")])

    def test_its_owner_counts(self):
        lines = self.once()[1]
        self.assertIn("fencewatch_corosync_token_warnings_total 1", lines)
        self.assertNotIn(FAILING, lines)

    def test_live_too_until_it_may_be_read(self):
        self.machine.watch()
        self.assertNotIn(FAILING, self.machine.get().text)
        self.machine.kill()
        os.remove(self.machine.path("var/log/cluster/corosync.log"))
        os.mkdir(self.machine.path("var/log/cluster/corosync.log"))  # root may read all but this
        self.machine.watch()
        until(lambda: 'collector_failing{collector="corosync_log",reason="malformed"} 1' in self.machine.get().text, "it is told")
        self.assertNotIn("fencewatch_corosync_token_warnings_total", self.machine.get().text)
        os.rmdir(self.machine.path("var/log/cluster/corosync.log"))
        self.machine.write("var/log/cluster/corosync.log", LATE)
        until(lambda: "fencewatch_corosync_token_warnings_total " in self.machine.get().text, "it is read")
