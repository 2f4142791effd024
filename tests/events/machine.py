"""A machine of the tests' own, a tree below which its logs are, and the exporter that watches it. What runs here dies with us."""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import exporter
from waiting import until

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1

RETRANSMIT = "corosync[61]:   [TOTEM ] Retransmit List: {:x} "  # an event with a number
OTHER = "corosync[61]:   [MAIN  ] Completed service synchronization {:x}, ready to provide service."
LAST = "corosync[61]:   [TOTEM ] A processor failed, forming new configuration."
RETRANSMITS = "corosync_retransmits_total"
LASTS = "corosync_token_timeouts_total"


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(process):
    process.kill()
    process.wait()


class Machine(exporter.Exporter):
    """Its tree holds what a test puts there; its /proc is that of this machine. The exporter can be started and killed any number of times."""

    def __init__(self):
        self.tree = tempfile.mkdtemp(prefix="fencewatch-events-")
        self.process = None
        for name in ("dev", "etc", "state", "var/log"):
            os.makedirs(self.path(name))
        os.makedirs(self.path("run"))

    def watch(self, *flags):
        self.start([exporter.BINARY, "--web.listen-address=127.0.0.1:0", "--path.procfs=/proc", "--path.sysfs=/sys",
                    f"--path.rootfs={self.tree}", f"--state.dir={self.path('state')}", *flags])

    def kill(self):
        end(self.process)
        self.log.close()

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.tree, ignore_errors=True)

    def sum(self, name, **labels):
        """Of all series that have these labels."""
        found = 0.0
        for series, value in re.findall(rf"^fencewatch_{name}(?:{{(.*)}})? (\S+)$", self.get().text, re.M):
            if all(f'{key}="{wanted}"' in series.split(",") for key, wanted in labels.items()):
                found += float(value)
        return found

    def kmsg(self):
        """Gives it the kernel's ring. Says why not."""
        try:
            os.mknod(self.path("dev/kmsg"), 0o600 | 0o020000, os.stat("/dev/kmsg").st_rdev)
            with open(self.path("dev/kmsg"), "rb"):
                return None
        except OSError as error:
            return f"no /dev/kmsg here: {error}"

    def state(self):
        try:
            with open(self.path("state/state"), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Journald:
    """A systemd-journald that takes the tree's /run and /var/log for its own, and reads the kernel's ring."""

    CONFIG = "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nAudit=\nSystemMaxFileSize=1M\nSystemMaxUse=100M\nSyncIntervalSec=0\n"
    START = """set -e
mount --bind "$1/run" /run
mount --bind "$1/var/log" /var/log
mount --bind "$1/journald.conf" /etc/systemd/journald.conf
exec /lib/systemd/systemd-journald
"""

    def __init__(self, machine):
        self.machine = machine
        with open("/etc/machine-id") as file:
            self.id = file.read().strip()
        machine.write("etc/machine-id", self.id + "\n")
        machine.write("journald.conf", self.CONFIG)
        for name in ("run/systemd/journal", "var/log/journal"):
            os.makedirs(machine.path(name))
        machine.write("run/systemd/journal/flushed", "")  # to /var/log at once
        self.socket = machine.path("run/systemd/journal/dev-log")
        self.directory = machine.path(f"var/log/journal/{self.id}")
        self.out = open(machine.path("journald.log"), "wb")
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation=private", "sh", "-c", self.START, "sh", machine.tree],
                                        stdout=self.out, stderr=self.out, preexec_fn=die_with_parent)
        until(self.is_up, "journald listens")

    @staticmethod
    def missing():
        if not os.path.exists("/lib/systemd/systemd-journald"):
            return "no systemd-journald"
        if not os.path.exists("/etc/machine-id") or not os.path.exists("/etc/systemd/journald.conf"):
            return "no /etc/machine-id"
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            return "no mount namespace can be made here"
        return None

    def is_up(self):
        if self.process.poll() is not None:
            with open(self.machine.path("journald.log")) as file:
                raise AssertionError("journald ended: " + file.read())
        return os.path.exists(self.socket) and os.path.isdir(self.directory)

    def files(self):
        return sorted(name for name in os.listdir(self.directory) if name.endswith(".journal"))

    def rotate(self):
        before = self.files()
        self.process.send_signal(signal.SIGUSR2)
        until(lambda: len(self.files()) > len(before), "journald rotates")

    def close(self):
        end(self.process)
        self.out.close()


class Writer(threading.Thread):
    """Calls `step` until it is stopped; what `step` raises is raised again by stop()."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over, self.error = step, threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                self.step()
        except BaseException as error:  # noqa: B902
            self.error = error

    def stop(self):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
