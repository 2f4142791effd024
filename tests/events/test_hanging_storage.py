"""A log on storage that hangs costs its own channel, and is told."""
import os
import subprocess
import time
import unittest

import exporter
from machine import Machine, until

HERE = os.path.dirname(os.path.abspath(__file__))


def late():
    return time.strftime("%b %e %H:%M:%S", time.gmtime()) + " n1 corosync[1]: [TOTEM ] Token has not been received in 4634 ms\n"


class HangingStorage(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.flag, library = self.machine.path("hang"), self.machine.path("hang.so")
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, f"{HERE}/hanging_file.c"], check=True)
        self.corosync = self.machine.path("var/log/corosync/corosync.log")
        os.makedirs(os.path.dirname(self.corosync))
        self.machine.write("var/log/corosync/corosync.log", late())
        self.machine.write("var/log/messages", "")
        self.machine.start(["env", f"LD_PRELOAD={library}", f"HANG={self.flag}", exporter.BINARY, "--web.listen-address=127.0.0.1:0", "--path.procfs=/proc",
                            "--path.sysfs=/sys", f"--path.rootfs={self.machine.tree}", f"--state.dir={self.machine.path('state')}"])
        until(lambda: 'log_source_info{channel="corosync",source="/var/log/corosync/corosync.log"} 1' in self.text(), "it is read")

    def text(self):
        return self.machine.get().text

    def add(self, path, line):
        with open(path, "a") as file:
            file.write(line)

    def hang(self, path):
        with open(self.flag + ".new", "w") as file:
            file.write(path)
        os.rename(self.flag + ".new", self.flag)
        self.add(path, late())

    def test_the_others_go_on_it_is_told_and_nothing_is_lost(self):
        self.hang(self.corosync)
        self.add(self.machine.path("var/log/messages"), "Nov  2 08:02:11 n1 sbd[1]: warning: inquisitor_child: Majority of devices lost - surviving on pacemaker\n")
        until(lambda: self.machine.sum("sbd_warnings_total", kind="majority_lost") == 1, "another log is read")
        until(lambda: 'collector_failing{collector="corosync_log",reason="stuck"} 1' in self.text(), "it is told")
        self.assertNotIn("fencewatch_corosync_token_warnings_total", self.text())
        os.remove(self.flag)
        until(lambda: self.machine.sum("corosync_token_warnings_total") == 1, "the line that came meanwhile", 90)
        self.assertNotIn('collector_failing{collector="corosync_log"', self.text())

    def test_it_ends_in_time(self):
        self.hang(self.corosync)
        until(lambda: 'reason="stuck"} 1' in self.text(), "it is told")
        self.assertEqual(self.machine.terminate(15), 0)


class Holes(unittest.TestCase):
    def test_twenty_gigabytes_of_nothing_are_passed_over(self):
        machine = Machine()
        self.addCleanup(machine.close)
        machine.write("var/log/messages", "")
        machine.watch()
        until(lambda: 'channel="corosync",source="/var/log/messages"' in machine.get().text, "it is read")
        with open(machine.path("var/log/messages"), "r+") as file:
            file.truncate(20 << 30)
            file.seek(0, os.SEEK_END)
            file.write(late())
        until(lambda: machine.sum("corosync_token_warnings_total") == 1, "what stands behind the hole")
        self.assertEqual(machine.sum("log_unread_bytes", channel="corosync"), 0)
