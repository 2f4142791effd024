"""Nothing of a cluster is left when the tests are ended in between."""
import glob
import os
import signal
import sys
import tempfile
import unittest

import cluster
import node
from processes import BOUND, end, start, until


def stamp(pid):
    """When a process was started; none: it is no more."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return None if fields[0] in "ZX" else fields[19]
    except OSError:
        return None


def descendants(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return children + [each for child in children for each in descendants(child)]


class Cleanup(unittest.TestCase):
    def end_in_between(self, number):
        """Ends a run when one node is complete and another has booted; gives its directory."""
        here = os.path.dirname(os.path.abspath(__file__))
        run = start([sys.executable, os.path.join(here, "run.py"), node.BINARY, "test_exporter.Exporter.test_one_source_each"])
        try:
            wanted = os.path.join(tempfile.gettempdir(), f"{cluster.PREFIX}{run.pid}-*", "n2", "ready")
            ready = until(lambda: glob.glob(wanted), "a second node has booted")[0]
            left = {pid: stamp(pid) for pid in descendants(run.pid)}
            self.assertGreater(len(left), 8)
            run.send_signal(number)
            run.wait(BOUND)
        finally:
            end(run)
        until(lambda: not any(began and stamp(pid) == began for pid, began in left.items()), "all processes are gone")
        return os.path.dirname(os.path.dirname(ready))

    def test_terminated(self):
        self.assertFalse(os.path.exists(self.end_in_between(signal.SIGTERM)))

    def test_killed(self):
        directory = self.end_in_between(signal.SIGKILL)
        cluster.sweep()
        self.assertFalse(os.path.exists(directory))
