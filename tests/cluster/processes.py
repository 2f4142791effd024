"""Processes that end with us: nothing is left, whatever goes wrong in between."""
import ctypes
import os
import signal
import subprocess

import waiting
from metrics import libc

BOUND = 60.0  # seconds that any condition may take: memberships wait for tokens
PR_SET_PDEATHSIG = 1
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def until(condition, what, bound=BOUND):
    return waiting.until(condition, what, bound)


def start(command, log=subprocess.DEVNULL):
    """Only from the main thread: it is the end of the thread that started it that ends the process."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))


def run(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def child(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    return int(children[0]) if children else None


def end(process):
    if process is not None:
        process.kill()
        process.wait()


class Held:
    """Holds one thread only; the others of its process go on."""

    def __init__(self, thread):
        self.thread = thread

    def _ptrace(self, request):
        if libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        self._ptrace(PTRACE_DETACH)
