"""A real rsyslogd whose file a real logrotate rotates, while lines come in."""
import glob
import os
import shutil
import socket
import subprocess
import time
import unittest

from machine import LAST, LASTS, OTHER, RETRANSMIT, RETRANSMITS, Machine, Writer, die_with_parent, end, until

LINES, ROTATIONS = 200_000, 50
EACH = LINES // ROTATIONS
EVENT_EVERY = 50


class Syslog:
    """rsyslogd, which writes what it hears into one file of the tree; nothing is dropped on the way."""

    CONFIG = """
global(workDirectory="{tree}")
main_queue(queue.timeoutEnqueue="60000")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{tree}/syslog.sock" RateLimit.Interval="0" FlowControl="on" UsePIDFromSystem="off")
action(type="omfile" file="{file}" template="RSYSLOG_TraditionalFileFormat" action.resumeRetryCount="-1")
"""
    ROTATE = """{file} {{
    rotate 1000
    missingok
    nocompress
    {how}
}}
"""

    def __init__(self, machine, how):
        self.machine, self.file, self.sent = machine, machine.path("var/log/messages"), 0
        self.pid_file = machine.path("rsyslogd.pid")
        hang_up = f"create 0644\n    postrotate\n        kill -HUP $(cat {self.pid_file})\n    endscript"
        machine.write("rsyslog.conf", self.CONFIG.format(tree=machine.tree, file=self.file))
        machine.write("logrotate.conf", self.ROTATE.format(file=self.file, how="copytruncate" if how == "copytruncate" else hang_up))
        machine.write("var/log/messages", time.strftime("%b %e %H:%M:%S n1 systemd[1]: Started.\n"))
        os.chmod(machine.path("logrotate.conf"), 0o644)
        self.process = subprocess.Popen(["rsyslogd", "-n", "-f", machine.path("rsyslog.conf"), "-i", self.pid_file],
                                        preexec_fn=die_with_parent)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        until(self.is_up, "rsyslogd listens")

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"rsyslogd ended with {self.process.returncode}")
        try:
            self.socket.connect(self.machine.path("syslog.sock"))
            return os.path.exists(self.pid_file)
        except OSError:
            return False

    def send(self, lines):
        """The next lines, one in EVENT_EVERY an event."""
        now = time.strftime("%b %e %H:%M:%S")
        for number in range(self.sent, self.sent + lines):
            text = OTHER if number % EVENT_EVERY else RETRANSMIT
            self.socket.send(f"<30>{now} {text.format(number)}".encode())
        self.sent += lines

    def rotate(self):
        done = subprocess.run(["logrotate", "--force", "--state", self.machine.path("logrotate.state"),
                               self.machine.path("logrotate.conf")], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("logrotate: " + done.stderr)

    def files(self):
        return [self.file, *glob.glob(self.file + ".*")]

    def held(self, what=b"\n"):
        """How often `what` is in the files."""
        total = 0
        for name in self.files():
            with open(name, "rb") as file:
                total += file.read().count(what)
        return total

    def last(self):
        self.socket.send(f"<30>{time.strftime('%b %e %H:%M:%S')} {LAST}".encode())

    def close(self):
        self.socket.close()
        end(self.process)


class Rotation(unittest.TestCase):
    def start(self, how):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        if shutil.which("rsyslogd") is None or shutil.which("logrotate") is None:
            self.skipTest("needs rsyslog and logrotate")
        self.syslog = Syslog(self.machine, how)
        self.addCleanup(self.syslog.close)
        self.machine.watch("--log.corosync-sources=/var/log/messages", "--log.kernel-sources=/var/log/messages")
        until(lambda: 'source="/var/log/messages"' in self.machine.get().text, "the file is followed")

    def counted_to_the_end(self):
        """Events counted when the line that was written last is read."""
        self.syslog.last()
        until(lambda: self.machine.sum(LASTS) == 1, "the last line is counted", 60)
        return self.machine.sum(RETRANSMITS)

    def under_load(self):
        """Rotates while lines come in, which are never more than two rotations ahead."""
        rotated = 0

        def step():
            if self.syslog.sent >= LINES:
                writer.over.set()
            elif self.syslog.sent < (rotated + 2) * EACH:
                self.syslog.send(100)
            else:
                time.sleep(0.001)

        writer = Writer(step)
        for rotated in range(ROTATIONS):
            until(lambda: self.syslog.sent > rotated * EACH or writer.error, "lines come in", 60)
            self.syslog.rotate()
        rotated = ROTATIONS
        writer.join(60)
        writer.stop()

    def test_rename_and_create(self):
        self.start("create")
        self.under_load()
        self.assertEqual(self.syslog.sent, LINES)
        self.assertEqual(self.counted_to_the_end(), LINES // EVENT_EVERY)
        self.assertEqual(self.syslog.held(), LINES + 2)
        self.assertGreaterEqual(self.machine.sum("log_rotations_total"), ROTATIONS)
        self.assertEqual(self.machine.sum("log_lines_lost_total"), 0)

    def test_copytruncate_while_the_writer_holds_still(self):
        self.start("copytruncate")
        for _ in range(ROTATIONS):
            self.syslog.send(EACH)
            until(lambda: self.syslog.held() == self.syslog.sent + 1, "rsyslogd has written all", 60)
            self.syslog.rotate()
        self.assertEqual(self.counted_to_the_end(), LINES // EVENT_EVERY)
        self.assertGreater(self.machine.sum("log_truncations_total"), 0)

    def test_copytruncate_under_load(self):
        """Takes away what is written between the copy and the truncation: what is left is counted, and nothing twice."""
        self.start("copytruncate")
        self.under_load()
        counted = self.counted_to_the_end()
        self.assertGreaterEqual(counted, self.syslog.held(b"Retransmit List"))
        self.assertLessEqual(counted, LINES // EVENT_EVERY)
