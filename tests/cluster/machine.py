"""Whether the machine itself was fine: one process on each CPU that wants to run every 50 ms, in the same class as corosync (SCHED_RR),
and writes down when it could not."""
import os
import sys
import time

TICK, LATE = 0.05, 0.2  # seconds


class Watch:
    def __init__(self, directory):
        from processes import start  # not needed by the process below
        self.path = os.path.join(directory, "late")
        with open(self.path, "ab") as log:
            self.processes = [start([sys.executable, os.path.abspath(__file__), str(cpu)], log) for cpu in sorted(os.sched_getaffinity(0))]

    def longest(self, since):
        """The longest time that a CPU was not to be had, in seconds, after `since` of time.monotonic()."""
        with open(self.path) as file:
            late = [[float(word) for word in line.split()] for line in file if line.endswith("\n")]
        return max((gap for end, gap in late if end > since), default=0)

    def close(self):
        from processes import end
        for process in self.processes:
            end(process)


def watch(cpu):
    os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass
    last = time.monotonic()
    while True:
        time.sleep(TICK)
        now = time.monotonic()
        if now - last > LATE:
            print(now, now - last, flush=True)
        last = now


if __name__ == "__main__":
    watch(int(sys.argv[1]))
