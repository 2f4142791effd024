"""A machine whose disk and whose memory management hang: what scrapes, collects and answers does not wait for them."""
import datetime
import json
import os
import re
import subprocess
import tempfile
import unittest

import exporter
from exporter import Exporter, until
from test_faults import up

HERE = os.path.dirname(os.path.abspath(__file__))


class Hang(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="fencewatch-hang-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.library = cls.directory.name + "/hang.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", cls.library, HERE + "/hang.c"], check=True)

    def setUp(self):
        self.flag = f"{self.directory.name}/{self.id()}"
        self.exporter = Exporter(f"--state.dir={self.directory.name}/state", live=True,
                                 command=["env", f"LD_PRELOAD={self.library}", f"HANG={self.flag}"])
        self.addCleanup(self.exporter.close)

    def told(self):
        """Thread, call and file of what hung."""
        try:
            with open(self.flag + ".told") as file:
                return [line.rstrip("\n").split(" ", 2) for line in file]
        except FileNotFoundError:
            return []

    def metric(self, text, name):
        return float(re.search(f"^{name} (.*)$", text, re.M).group(1))

    def test_scrapes_are_whole_while_disk_and_memory_management_hang(self):
        before = self.exporter.get().text  # also what is asked for once, later than at the warm-up
        self.assertEqual(self.metric(before, "fencewatch_disk_hanging_seconds"), 0)
        with open(self.flag, "w"):
            pass
        until(lambda: "disk" in {thread for thread, *_ in self.told()} or not self.exporter.get(), "the disk hangs")
        for number in range(20):
            headers = {"Accept-Encoding": "gzip"} if number % 2 else None
            text = self.exporter.get(headers=headers).text
            self.assertEqual(up(text), up(before), text)
            self.assertEqual(self.metric(text, "fencewatch_threads_created_after_lock_total"), 0)
        self.assertGreater(self.metric(text, "fencewatch_disk_hanging_seconds"), 0)
        self.assertEqual([hung for hung in self.told() if hung[0] not in ("disk", "log-source", "logs", "state", "web-config", "record")], [])

    def test_the_recorder_hangs_alone_and_what_waits_is_written_afterwards(self):
        until(lambda: self.exporter.metric("fencewatch_recorder_records_total"), "something is recorded")
        with open(self.flag, "w"):
            pass
        until(lambda: ["record", "pwrite", ""] in self.told(), "the recorder hangs")
        os.unlink(self.flag)  # nothing else begins to hang
        until(lambda: self.exporter.metric("fencewatch_recorder_behind_seconds") > 8, "that it hangs is told")
        self.assertEqual(up(self.exporter.get().text), up(self.exporter.get().text))
        until(lambda: self.exporter.metric("fencewatch_recorder_behind_seconds") < 8, "the disk is back", 60)
        text = self.exporter.get().text
        self.assertEqual(self.metric(text, "fencewatch_recorder_lost_records_total"), 0)
        self.assertEqual(self.metric(text, "fencewatch_recorder_write_failures_total"), 0)
        ring = subprocess.run([exporter.BINARY, "diagnose", f"--recorder={self.directory.name}/state/recorder.ring", "--format=json"],
                              check=True, capture_output=True, text=True).stdout
        times = [datetime.datetime.fromisoformat(json.loads(line)["time"].rstrip("Z")) for line in ring.splitlines()]
        gaps = [(after - before).total_seconds() for before, after in zip(times, times[1:])]
        self.assertGreater(len(times), 10)
        self.assertLess(max(gaps), 15, "a record for each second, also of those in which the disk hung")

    def test_it_ends_while_the_disk_hangs(self):
        with open(self.flag, "w"):
            pass
        until(lambda: "disk" in {thread for thread, *_ in self.told()} or not self.exporter.get(), "the disk hangs")
        self.assertEqual(self.exporter.terminate(15), 0)


if __name__ == "__main__":
    unittest.main()
