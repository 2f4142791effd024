"""What scrapes, collects and answers is real-time where that is allowed, what reads disks and logs is not; nothing can keep a CPU."""
import os
import re
import resource
import signal
import tempfile
import unittest

from exporter import Exporter, until

OTHER, ROUND_ROBIN = 0, 2
AWAKE = {"door", "collect", "civetweb-worker"}
ORDINARY = {"disk", "logs", "state", "passwords"}


def allowed():
    try:
        before = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        os.sched_setscheduler(0, before[0], before[1])
    except OSError as error:
        return str(error)
    return ""


class Realtime(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="fencewatch-state-")
        self.addCleanup(self.directory.cleanup)

    def start(self, *flags, command=()):
        exporter = Exporter("--state.dir=" + self.directory.name, *flags, command=command)
        self.addCleanup(exporter.close)
        return exporter

    def threads(self, exporter):
        """Policy and priority by the thread's name."""
        found = {}
        tasks = f"/proc/{exporter.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm") as file:
                name = file.read().strip()
            with open(f"{tasks}/{task}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            found.setdefault(name, set()).add((int(fields[38]), int(fields[37])))  # policy, rt_priority: proc(5), 41 and 40
        return found

    def assert_all_ordinary(self, exporter):
        self.assertEqual({way for ways in self.threads(exporter).values() for way in ways}, {(OTHER, 0)})

    @unittest.skipIf(allowed(), "SCHED_RR is refused here")
    def test_who_is_real_time(self):
        exporter = self.start()
        self.assertEqual(exporter.metric("fencewatch_process_realtime"), 1)
        threads = self.threads(exporter)
        for name in AWAKE:
            self.assertEqual(threads.get(name), {(ROUND_ROBIN, 1)}, name)
        for name in ORDINARY:
            self.assertEqual(threads.get(name), {(OTHER, 0)}, name)
        with open(f"/proc/{exporter.process.pid}/stat") as file:  # of the first thread, which beats for the watchdog
            self.assertEqual(file.read().rpartition(")")[2].split()[37:39], ["1", str(ROUND_ROBIN)])
        soft, _ = resource.prlimit(exporter.process.pid, resource.RLIMIT_RTTIME)
        self.assertEqual(soft, 2_000_000)

    @unittest.skipIf(allowed(), "SCHED_RR is refused here")
    def test_all_are_ordinary_once_one_has_spun(self):
        exporter = self.start()
        exporter.process.send_signal(signal.SIGXCPU)  # as the kernel does after RLIMIT_RTTIME
        until(lambda: exporter.metric("fencewatch_process_realtime") == 0, "it is no longer real-time")
        self.assert_all_ordinary(exporter)

    def test_not_where_it_is_not_wanted(self):
        exporter = self.start("--no-realtime")
        self.assertEqual(exporter.metric("fencewatch_process_realtime"), 0)
        self.assert_all_ordinary(exporter)
        self.assertNotIn("real-time", exporter.said())

    def test_a_refusal_is_told_with_its_remedy(self):
        command = ["prlimit", "--rtprio=0"]
        if os.geteuid() == 0:
            command += ["setpriv", "--bounding-set=-sys_nice,-dac_override"]
        exporter = self.start(command=command)
        self.assertEqual(exporter.metric("fencewatch_process_realtime"), 0)
        self.assert_all_ordinary(exporter)
        self.assertRegex(exporter.said(), r'level=warn msg="not real-time: .*(CAP_SYS_NICE or LimitRTPRIO=1|CPUAccounting)')


    def test_a_limit_of_file_sizes_does_not_end_it(self):
        exporter = self.start()
        resource.prlimit(exporter.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        self.assertEqual(exporter.terminate(), 0)  # it writes its state, and its log, at the end


if __name__ == "__main__":
    unittest.main()
