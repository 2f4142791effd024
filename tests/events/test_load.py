"""A flood of lines, and nothing at all."""
import glob
import os
import statistics
import time
import unittest

from machine import LAST, LASTS, RETRANSMIT, RETRANSMITS, Journald, Machine, Writer, until

PER_SECOND, SECONDS = 100_000, 20
BATCH = 1000  # lines, the first of them an event
KIB = 1024


class Load(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def test_a_flood(self):
        """100 000 lines a second for 20 seconds, or as fast as this machine can write them."""
        total = PER_SECOND * SECONDS
        other = "kernel: [12345.678901] eth0: a line that says nothing of interest to us"

        def line(text):
            return time.strftime("%b %e %H:%M:%S n1 ") + text + "\n"

        self.machine.write("var/log/messages", "")
        self.machine.watch("--log.kernel-sources=/var/log/messages", "--log.corosync-sources=/var/log/messages")
        until(lambda: 'source="/var/log/messages"' in self.machine.get().text, "the file is followed")
        locked, written, took, lag = self.machine.status("VmRSS"), 0, [], []
        log = open(self.machine.path("var/log/messages"), "a")
        self.addCleanup(log.close)
        start = time.monotonic()

        def step():
            nonlocal written
            if written < min(total, PER_SECOND * (time.monotonic() - start) + BATCH):
                log.write(line(RETRANSMIT.format(1)) + line(other) * (BATCH - 1))
                log.flush()
                written += BATCH
            else:
                time.sleep(0.001)

        writer = Writer(step)
        while written < total and not writer.error:
            began = time.monotonic()
            self.assertEqual(self.machine.get().code, 200)
            took.append(time.monotonic() - began)
            lag.append(self.machine.sum("log_lag_seconds"))
            time.sleep(0.02)
        writer.stop()
        log.write(line(LAST))
        log.flush()
        until(lambda: self.machine.sum(LASTS) == 1, "the last line is counted", 120)
        self.assertEqual(self.machine.sum("log_lines_total", channel="kernel") + self.machine.sum("log_lines_lost_total"),
                         total - total // BATCH)
        self.assertEqual(self.machine.sum(RETRANSMITS), total // BATCH)
        grown = self.machine.status("VmRSS") - locked
        self.assertLess(grown, 4 * KIB, "kB that it has grown by")
        p99 = statistics.quantiles(took, n=100)[98] if len(took) > 1 else took[0]
        print(f"\n{total} lines in {time.monotonic() - start:.1f} s, {len(took)} scrapes: p50 {statistics.median(took) * 1000:.1f} ms, "
              f"p99 {p99 * 1000:.1f} ms, at most {max(took) * 1000:.1f} ms; lag at most {max(lag):.1f} s; {grown} kB more")

    def test_idle(self):
        """With a source of each kind open. CPU time is nearly the same on a busy machine; a second in which others wake us is left out."""
        if reason := self.machine.kmsg() or Journald.missing():
            self.skipTest(reason)
        journald = Journald(self.machine)
        self.addCleanup(journald.close)
        self.machine.write("var/log/cluster/corosync.log", "")
        self.machine.write("var/log/syslog", "")
        self.machine.watch("--log.kernel-sources=kmsg", "--log.corosync-sources=/var/log/cluster/corosync.log",
                           "--log.pacemaker-sources=journal", "--log.sbd-sources=/var/log/syslog")
        until(lambda: self.machine.get().text.count("fencewatch_log_source_info{") == 5, "all channels have their source")

        def used():
            """Nanoseconds of CPU of all threads."""
            total = 0
            for name in glob.glob(f"/proc/{self.machine.process.pid}/task/*/schedstat"):
                with open(name) as file:
                    total += int(file.read().split()[0])
            return total

        def share():
            began, before = time.monotonic(), used()
            time.sleep(5)  # what is measured, not a wait
            return (used() - before) / (time.monotonic() - began) / 1e9

        shares = []

        def quiet():
            shares.append(share())
            return shares[-1] < 0.002

        until(quiet, "it uses less than 0.2 % of a CPU", 60)
        print(f"\nidle: {', '.join(f'{share:.3%}' for share in shares)} of a CPU")
