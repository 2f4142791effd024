"""What is released for aarch64, run by qemu's emulation of a user's program: no such machine, none with pages of 64 KiB and no Kylin is here."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import roots
import test_bundle
from roots import REPOSITORY, inside, run
from test_packages import the

FIXTURES = os.path.join(REPOSITORY, "tests/fixtures/kernel")
# Of this run or of this machine, whatever is watched.
OWN = r"process_|fencewatch_(build_info|collector_|process_|scrape_|threads_|memory_locked|state_|log_)|# "


def emulate(*command, **options):
    done = subprocess.run([os.path.join(REPOSITORY, "tests/deploy/emulate.sh"), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if done.returncode == 77:
        raise unittest.SkipTest(done.stdout.strip())
    return done


def watched(exposition):
    return [line for line in exposition.splitlines() if not re.match(OWN, line)]


class Contents(unittest.TestCase):
    def test_each_file_is_for_aarch64_and_for_pages_of_64_kib(self):
        with tempfile.TemporaryDirectory() as directory:
            top = os.path.join(directory, test_bundle.unpack(directory, "aarch64"))
            programs = [os.path.join(top, "fencewatch"), os.path.join(top, "lib/fencewatch"), os.path.join(top, "lib/loader/fencewatch"),
                        *glob.glob(os.path.join(top, "lib/*.so*"))]
            self.assertGreater(len(programs), 20)
            for path in programs:
                self.assertIn("AArch64", run("readelf", "--file-header", path), path)
                alignments = re.findall(r"^  LOAD .* (0x[0-9a-f]+)$", run("readelf", "--wide", "--segments", path), re.M)
                self.assertTrue(alignments and all(int(each, 16) >= 1 << 16 for each in alignments), f"{path}: {alignments}")

    def test_the_deb_needs_what_that_for_amd64_needs(self):
        def names(path):
            return {re.sub(r" \(.*", "", need) for need in run("dpkg-deb", "--field", path, "Depends").strip().split(", ")}
        arm64, amd64 = the("fencewatch_*_arm64.deb"), the("fencewatch_*_amd64.deb")
        self.assertEqual(run("dpkg-deb", "--field", arm64, "Architecture"), "arm64\n")
        self.assertEqual(names(arm64), names(amd64))
        self.assertIn("libc6", names(arm64))

    def test_the_rpm_is_for_aarch64(self):
        self.assertEqual(run("rpm", "--query", "--package", "--queryformat", "%{ARCH}", the("fencewatch-*.aarch64.rpm")), "aarch64")

    def test_the_packages_hold_the_same_files(self):
        def files(path):
            return {re.sub("x86_64|aarch64", "", line.split()[5]) for line in run("dpkg-deb", "--contents", path).splitlines()}
        self.assertEqual(files(the("fencewatch_*_arm64.deb")), files(the("fencewatch_*_amd64.deb")))


class Emulated(unittest.TestCase):
    def test_the_bundle_in_an_empty_root_tells_of_every_recording_what_ours_tells(self):
        recordings = sorted(os.listdir(FIXTURES))
        self.assertGreater(len(recordings), 10)
        with tempfile.TemporaryDirectory() as root:
            top = test_bundle.unpack(root, "aarch64")
            os.chmod(root, 0o755)
            shutil.copytree(FIXTURES, os.path.join(root, "recorded"))
            for name in recordings:
                with self.subTest(name):
                    there = emulate("chroot", root, f"/{top}/fencewatch", "--once", f"--path.rootfs=/recorded/{name}")
                    here = subprocess.run([os.path.join(REPOSITORY, "build/release/fencewatch"), "--once", f"--path.rootfs={FIXTURES}/{name}"],
                                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
                    self.assertEqual(there.returncode, here.returncode, there.stderr)
                    self.assertGreater(len(watched(here.stdout)), 50)
                    self.assertEqual(watched(there.stdout), watched(here.stdout))

    def test_the_deb_installed_by_apt_as_a_foreign_one(self):
        """Its dependencies, as this Debian has them for arm64."""
        with roots.copy(roots.base()) as root:
            shutil.copy(the("fencewatch_*_arm64.deb"), os.path.join(root, "tmp/fencewatch.deb"))
            inside(root, "dpkg", "--add-architecture", "arm64")
            inside(root, "apt-get", "update", "-qq")
            inside(root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "/tmp/fencewatch.deb")
            done = emulate("chroot", root, "fencewatch", "--version")
            self.assertIn("fencewatch, version", done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()
