"""deploy/systemd: systemd takes the units, finds them hardened, and an older one leaves out what it may and nothing else."""
import os
import re
import subprocess
import tempfile
import unittest

UNITS = os.path.join(os.path.dirname(__file__), "../../deploy/systemd")

# Directive: the first systemd that knows it, as its NEWS tells; 0: older than 208.
FIRST = {
    "Unit": {"Description": 0, "Documentation": 0, "After": 0},
    "Install": {"WantedBy": 0},
    "Slice": {"MemoryMin": 240},
    "Socket": {"ListenStream": 0, "BindIPv6Only": 0, "NoDelay": 216},
    "Service": {
        "Type": 0, "NotifyAccess": 0, "EnvironmentFile": 0, "ExecStart": 0, "Restart": 0, "RestartSec": 0, "WatchdogSec": 0,
        "TimeoutStopSec": 0, "User": 0, "Group": 0, "SupplementaryGroups": 0, "CapabilityBoundingSet": 0, "AmbientCapabilities": 229,
        "NoNewPrivileges": 0, "LimitMEMLOCK": 0, "LimitRTPRIO": 0, "OOMScoreAdjust": 0, "Slice": 0, "MemoryMin": 240, "MemoryMax": 231, "TasksMax": 227,
        "StateDirectory": 235, "StateDirectoryMode": 235, "UMask": 0, "ProtectSystem": 214, "ProtectHome": 214, "PrivateTmp": 0,
        "PrivateMounts": 239, "RemoveIPC": 232, "DevicePolicy": 208, "DeviceAllow": 208, "ProtectClock": 245, "ProtectControlGroups": 232,
        "ProtectHostname": 242, "ProtectKernelModules": 232, "ProtectKernelTunables": 232, "RestrictAddressFamilies": 211,
        "RestrictNamespaces": 233, "RestrictRealtime": 231, "RestrictSUIDSGID": 242, "LockPersonality": 235, "MemoryDenyWriteExecute": 231,
        "KeyringMode": 235, "SystemCallArchitectures": 209, "SystemCallFilter": 0, "SystemCallErrorNumber": 209,
    },
}
# A value younger than its directive: what an old systemd does with it.
VALUES_LEFT_OUT = {("ProtectSystem", "strict"): 232}  # "Failed to parse protect system value, ignoring"
OLDEST, KYLIN_V10 = 219, 243
# Without these the service would not run, or not do its work.
NEEDED_219 = {"Type", "ExecStart", "User", "EnvironmentFile", "Restart", "SupplementaryGroups", "LimitMEMLOCK", "OOMScoreAdjust", "DeviceAllow"}
NEEDED_243 = NEEDED_219 | {"AmbientCapabilities", "StateDirectory", "MemoryMin", "MemoryMax", "RestrictNamespaces", "ProtectKernelTunables"}


def read(name):
    with open(os.path.join(UNITS, name)) as file:
        return file.read()


def directives(name):
    """(section, key, value) of each line."""
    section = None
    for line in read(name).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            yield section, key, value


def service():
    return {key: value for section, key, value in directives("fencewatch.service") if section == "Service"}


class Units(unittest.TestCase):
    def run_analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)

    def test_systemd_takes_them_without_a_word(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name in ("fencewatch.service", "fencewatch.socket", "fencewatch.slice"):
                paths.append(os.path.join(directory, name))
                with open(paths[-1], "w") as file:  # a program that is there
                    file.write(read(name).replace("ExecStart=/usr/bin/fencewatch ", "ExecStart=/bin/true "))
            done = self.run_analyze("verify", "--man=no", *paths)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_exposure_is_at_most_2_2(self):
        done = self.run_analyze("security", "--offline=true", "--threshold=22", os.path.join(UNITS, "fencewatch.service"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        level = float(re.search(r"Overall exposure level for fencewatch\.service: ([0-9.]+)", done.stdout).group(1))
        self.assertLessEqual(level, 2.2)

    def test_what_it_reads_is_not_hidden(self):
        unit = service()
        for hides in ("PrivateDevices", "ProtectKernelLogs", "ProcSubset", "ProtectProc", "PrivateNetwork", "PrivateUsers", "DynamicUser", "PrivateIPC"):
            self.assertNotIn(hides, unit)
        self.assertEqual(unit["DeviceAllow"], "/dev/kmsg r")
        self.assertEqual(unit["CapabilityBoundingSet"], "CAP_SYSLOG")
        self.assertEqual(unit["AmbientCapabilities"], "CAP_SYSLOG")

    def test_the_memory_it_keeps_is_kept_by_its_slice_too(self):
        slice_keeps = {key: value for _, key, value in directives("fencewatch.slice")}["MemoryMin"]
        self.assertEqual(service()["MemoryMin"], slice_keeps)


class OldSystemd(unittest.TestCase):
    """A systemd warns of a directive that it does not know and goes on; what it does know must mean the same there."""

    def test_the_table_knows_every_directive(self):
        for name in ("fencewatch.service", "fencewatch.socket", "fencewatch.slice"):
            for section, key, _ in directives(name):
                self.assertIn(key, FIRST[section], f"{name}: since when?")

    def test_no_directive_is_in_a_section_that_moved(self):
        # StartLimit… went from [Service] to [Unit] in 229 and 230: it is nowhere right for all.
        self.assertNotIn("StartLimit", re.sub(r"^#.*$", "", read("fencewatch.service"), flags=re.M))

    def test_what_old_ones_need_they_know(self):
        for version, needed in ((OLDEST, NEEDED_219), (KYLIN_V10, NEEDED_243)):
            for key in needed:
                self.assertIn(key, service())
                self.assertLessEqual(FIRST["Service"][key], version, key)

    def test_values_are_as_old_as_their_directives_or_can_be_left_out(self):
        unit = service()
        self.assertEqual(unit["Type"], "notify")  # exec is of 240, notify-reload of 253
        for (key, value), first in VALUES_LEFT_OUT.items():
            self.assertEqual(unit[key], value)
            self.assertGreater(first, OLDEST)
            self.assertLessEqual(first, KYLIN_V10)
        for key in ("ProtectHome", "PrivateTmp", "NoNewPrivileges"):
            self.assertEqual(unit[key], "yes")  # tmpfs, read-only, disconnected are younger

    def test_system_calls_are_forbidden_not_allowed(self):
        # Before 231 there are no @groups: they are dropped, and a list of allowed calls would shrink to execve and exit.
        # A second list, without the mark, takes two calls off the first: in 219 too.
        first, back = (value for _, key, value in directives("fencewatch.service") if key == "SystemCallFilter")
        self.assertTrue(first.startswith("~"))
        self.assertEqual(back, "sched_setscheduler set_mempolicy")

    def test_it_is_nobody_s_root(self):
        # DynamicUser alone is unknown before 235: an old systemd must not start it as root.
        self.assertEqual(service()["User"], "fencewatch")


if __name__ == "__main__":
    unittest.main()
