"""Processes that this kernel kills."""
import os
import re
import select
import subprocess
import sys
import unittest
import uuid

from machine import Machine, die_with_parent, until

HOG = """
import sys
sys.stdin.readline()
held = []
while True:
    held.append(bytearray(b"x" * (1 << 20)))
"""
POD = str(uuid.uuid4())  # the ring still holds kills of earlier tests
CONTAINER = "5f" * 32


class Cgroup:
    """A memory cgroup of 20 MB, v1 or v2, with a path as a kubelet makes it. Raises Unable."""

    class Unable(Exception):
        pass

    def __init__(self):
        self.made = []
        try:
            if os.path.isdir("/sys/fs/cgroup/memory"):
                base, limits = "/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            else:
                base, limits = "/sys/fs/cgroup", ("memory.max", "memory.swap.max")
            path = f"{base}/fencewatch-events-{os.getpid()}"
            for path in (path, f"{path}/pod{POD}", f"{path}/pod{POD}/{CONTAINER}"):
                if "memory.max" in limits:
                    self.write(os.path.dirname(path), "cgroup.subtree_control", "+memory")
                os.mkdir(path)
                self.made.append(path)
            self.path = path
            self.write(self.made[0], limits[0], 20 << 20)
            if os.path.exists(f"{self.made[0]}/{limits[1]}"):
                self.write(self.made[0], limits[1], (20 << 20) if "memsw" in limits[1] else 0)
        except OSError as error:
            self.close()
            raise Cgroup.Unable(f"no memory cgroup can be made here: {error}") from error

    @staticmethod
    def write(path, name, value):
        with open(f"{path}/{name}", "w") as file:
            file.write(str(value))

    def kill_one(self):
        """The process id of a process that was killed for want of memory."""
        with subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE, preexec_fn=die_with_parent) as hog:
            self.write(self.path, "cgroup.procs", hog.pid)
            hog.communicate(b"go\n")
            if hog.returncode != -9:
                raise AssertionError(f"the kernel did not kill it: {hog.returncode}")
            return hog.pid

    def close(self):
        for path in reversed(self.made):
            os.rmdir(path)
        self.made = []


def vmstat_kills():
    with open("/proc/vmstat") as file:
        found = re.search(r"^oom_kill (\d+)$", file.read(), re.M)
    return int(found.group(1)) if found else None


def ring_says(pattern):
    """Whether a record of the kernel itself matches, in what its ring holds."""
    with open(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as ring:
        while select.select([ring], [], [], 0)[0]:
            try:
                record = ring.read(8192).decode(errors="replace")
            except BrokenPipeError:
                continue
            head, _, text = record.partition(";")
            if int(head.split(",")[0]) >> 3 == 0 and re.search(pattern, text):
                return True
    return False


class Kernel(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        if reason := self.machine.kmsg():
            self.skipTest(reason)
        if vmstat_kills() is None:
            self.skipTest("this kernel does not count kills in /proc/vmstat (before 4.13)")
        try:
            self.cgroup = Cgroup()
        except Cgroup.Unable as error:
            self.skipTest(str(error))
        self.addCleanup(self.cgroup.close)
        self.machine.write(f"var/log/pods/shop_web-0_{POD}/app/0.log", "")
        self.machine.watch("--log.kernel-sources=kmsg")
        until(lambda: 'source="kmsg"' in self.machine.get().text, "the ring is read")
        # Others may have processes killed on this machine as well. What the ring holds from before the start is counted, but not of what
        # it has lost since the boot: only what is added can be compared.
        self.told = until(self.settled, "what the ring holds is counted")

    def settled(self):
        """(events, kernel's own) at a moment in which nothing is underway."""
        before = vmstat_kills()
        events = self.machine.sum("oom_kill_events_total")
        lag = self.machine.sum("log_lag_seconds")
        return (events, before) if lag == 0 and vmstat_kills() == before and self.machine.sum("oom_kill_events_total") == events else None

    def added(self):
        """How many kills were counted since setUp(), when the kernel counts as many; else None."""
        events = self.machine.sum("oom_kill_events_total") - self.told[0]
        return events if events == vmstat_kills() - self.told[1] else None

    def test_a_process_that_the_kernel_kills(self):
        memcg = self.machine.sum("oom_kill_events_total", constraint="memcg")
        pid = self.cgroup.kill_one()
        self.assertTrue(ring_says(rf"Killed process {pid} \("))
        self.assertGreaterEqual(until(lambda: self.added() or None, "the kernel's log and /proc/vmstat count alike"), 1)
        self.assertGreaterEqual(self.machine.sum("oom_kill_events_total", constraint="memcg") - memcg, 1)
        until(lambda: re.search(rf"^memory oom .*\b{pid}@", self.machine.state(), re.M), "the victim's pid is remembered")
        workload = {"namespace": "shop", "pod": "web-0", "container": "app"}
        until(lambda: self.machine.sum("oom_kills_by_workload_total", **workload) == 1, "its pod is known")

    def test_what_a_user_writes_into_the_ring_does_not_count(self):
        with open("/dev/kmsg", "w") as ring:
            for priority in (0, 3, 14):
                ring.write(f"<{priority}>Killed process {priority + 1} (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB: a test of fencewatch\n")
                ring.flush()
        self.cgroup.kill_one()  # told after those
        self.assertGreaterEqual(until(lambda: self.added() or None, "the kernel's log and /proc/vmstat count alike"), 1)
