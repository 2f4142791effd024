"""A real journald: its journals are followed, and it tells the kernel from who pretends to be it."""
import json
import os
import re
import socket
import subprocess
import time
import unittest

from machine import LAST, LASTS, OTHER, RETRANSMIT, RETRANSMITS, Journald, Machine, until

NOBODY = 65534


class Speaker:
    """A daemon of root that writes to syslog(3)'s socket."""

    def __init__(self, journald):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(journald.socket)

    def say(self, text):
        self.socket.send(f"<29>{time.strftime('%b %e %H:%M:%S')} {text}".encode())

    def close(self):
        self.socket.close()


class Journal(unittest.TestCase):
    def setUp(self):
        if reason := Journald.missing():
            self.skipTest(reason)
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.journald = Journald(self.machine)
        self.addCleanup(self.journald.close)
        self.speaker = Speaker(self.journald)
        self.addCleanup(self.speaker.close)

    def watch(self):
        self.machine.watch("--log.kernel-sources=journal", "--log.corosync-sources=journal", "--log.pacemaker-sources=journal",
                           "--log.sbd-sources=journal")

    def counted(self):
        return self.machine.sum(RETRANSMITS)

    def last_is_counted(self, times):
        until(lambda: self.machine.sum(LASTS) >= times, "what was said last is counted")

    def test_rotation_and_vacuum(self):
        self.watch()
        said = 0
        for rotation in range(6):
            for _ in range(200):
                said += 1
                self.speaker.say(RETRANSMIT.format(said))
                self.speaker.say(OTHER.format(said))
            if rotation % 2 == 0:  # else also while it is behind
                until(lambda: self.counted() == said, f"{said} events are counted")
            self.journald.rotate()
            if rotation in (2, 4):
                self.speaker.say(LAST)
                self.last_is_counted(rotation // 2)
                self.vacuum()
        self.speaker.say(LAST)
        self.last_is_counted(3)
        self.assertEqual(self.counted(), said)

    def kernel(self):
        """What came through /dev/kmsg: (facility, text)."""
        out = subprocess.run(["journalctl", "--quiet", f"--directory={self.journald.directory}", "--output=json", "_TRANSPORT=kernel"],
                             check=True, capture_output=True).stdout
        for line in out.splitlines():
            entry = json.loads(line)
            yield int(entry.get("SYSLOG_FACILITY", 0)), str(entry.get("MESSAGE"))

    def true_kills(self):
        return sum(facility == 0 and "Killed process" in text for facility, text in self.kernel())

    def vacuum(self):
        """Takes away all that is archived."""
        before = self.journald.files()
        subprocess.run(["journalctl", "--quiet", f"--directory={self.journald.directory}", "--vacuum-files=1"], check=True,
                       capture_output=True)
        self.assertLess(len(self.journald.files()), len(before))

    def test_what_was_vacuumed_while_nobody_watched(self):
        self.speaker.say(RETRANSMIT.format(1))
        self.speaker.say(LAST)
        self.watch()
        self.last_is_counted(1)
        self.machine.terminate()
        self.journald.rotate()
        self.vacuum()  # the cursor's entry is gone
        self.speaker.say(RETRANSMIT.format(2))
        self.speaker.say(LAST)
        self.watch()
        self.last_is_counted(2)
        self.assertEqual(self.counted(), 2)

    def test_spoofs(self):
        self.watch()
        killed = "Killed process 1 (x) total-vm:8kB, anon-rss:8kB, file-rss:0kB"
        lost = "[TOTEM ] A processor failed, forming new configuration."
        for tag, text in (("kernel", killed), ("kernel", "Memory cgroup out of memory: " + killed), ("corosync", lost),
                          ("pacemaker-fenced", "Operation 'reboot' targeting n2 by n1 for crmd.1@n3: OK"), ("sbd", "Our parent is dead.")):
            subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "logger", "--socket", self.journald.socket, "-t", tag, text],
                           check=True)
        subprocess.run(["logger", "--socket", self.journald.socket, "-t", "kernel", killed], check=True)  # nor when root says it
        with open("/dev/kmsg", "w") as ring:
            ring.write(f"<0>{killed}: {self.machine.tree}\n")  # the newline ends the record
        until(lambda: any(self.machine.tree in text for _, text in self.kernel()), "journald has read the ring")
        self.speaker.say(RETRANSMIT.format(1))  # after all those
        until(lambda: self.counted() == 1, "the true event is counted")
        # The ring may also hold what this kernel did kill.
        until(lambda: self.machine.sum("oom_kill_events_total") == self.true_kills(), "kills are those that the kernel tells of")
        self.assertEqual(self.machine.sum(LASTS), 0)
        self.assertEqual(self.machine.sum("fencing_operations_total"), 0)
        self.assertEqual(self.machine.sum("sbd_warnings_total"), 0)

    def test_a_plain_file_cannot_tell(self):
        """And says so."""
        self.machine.write("var/log/syslog", "")
        os.chmod(self.machine.tree, 0o755)
        self.machine.watch("--log.kernel-sources=/var/log/syslog")
        with open(self.machine.path("var/log/syslog"), "a") as log:
            log.write(time.strftime("%b %e %H:%M:%S") + " n1 kernel: Killed process 1 (x) total-vm:8kB, anon-rss:8kB, file-rss:0kB\n")
        until(lambda: self.machine.sum("oom_kill_events_total") == 1, "it is counted")
        help_of_it = re.search("# HELP fencewatch_oom_kill_events_total .*", self.machine.get().text).group()
        self.assertRegex(help_of_it, "syslog file .*users can write")


class PreviousBoot(unittest.TestCase):
    REMOTE = "/lib/systemd/systemd-journal-remote"

    def told(self, *last):
        """previous_boot_clean, when the journal's boot before this one ended with these fields; wtmp is not there."""
        machine = Machine()
        self.addCleanup(machine.close)
        with open("/proc/sys/kernel/random/boot_id") as file:
            boots = ["0" * 31 + "1", file.read().strip().replace("-", "")]
        entries, now = "", time.time_ns() // 1000
        for number, (boot, fields) in enumerate([(boots[0], "MESSAGE=a")] + [(boots[0], fields) for fields in last] + [(boots[1], "MESSAGE=b")]):
            entries += (f"__REALTIME_TIMESTAMP={now + number}\n__MONOTONIC_TIMESTAMP={1000 + number}\n_BOOT_ID={boot}\n"
                        f"_TRANSPORT=driver\n{fields}\n\n")
        machine.write("etc/machine-id", "0" * 31 + "2\n")
        machine.write("export", entries)
        directory = machine.path(f"var/log/journal/{'0' * 31}2")
        os.makedirs(directory)
        subprocess.run([self.REMOTE, "-o", directory + "/system.journal", machine.path("export")], check=True, capture_output=True)
        machine.watch()
        for _ in range(2):  # it is asked for with the second scrape
            machine.get()
        return machine.metric("fencewatch_previous_boot_clean")

    def test_what_the_journal_tells_where_wtmp_does_not(self):
        if not os.path.exists(self.REMOTE):
            self.skipTest("needs systemd-journal-remote")
        self.assertEqual(self.told("MESSAGE=Journal stopped\nMESSAGE_ID=d93fb3c9c24d451a97cea615ce59c00b"), 1)
        self.assertEqual(self.told("MESSAGE=the last that was written"), 0)
