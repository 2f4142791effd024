"""The bundle of deploy/bundle.sh where nothing of ours is installed: in an empty root, and in older Debian systems."""
import glob
import json
import os
import re
import shutil
import tarfile
import tempfile
import unittest

import roots
import sbom
from roots import REPOSITORY, inside, run

FIXTURE = os.path.join(REPOSITORY, "tests/fixtures/kernel/linux-4.19-miscount")
MISCOUNTED = 'fencewatch_zone_miscount{numa_node="1",zone="Movable"} 1\n'


def archive(machine):
    found = glob.glob(os.path.join(REPOSITORY, f"build/packages/fencewatch-*-linux-{machine}.tar.gz"))
    if len(found) != 1:
        raise AssertionError(f"{found}; deploy/package.sh makes it")
    return found[0]


def unpack(where, machine=os.uname().machine):
    """The name of the directory in it."""
    with tarfile.open(archive(machine)) as tar:
        tar.extractall(where)
        return tar.getnames()[0].split("/")[0]


class Contents(unittest.TestCase):
    def test_one_directory_with_nothing_of_who_made_it(self):
        with tarfile.open(archive(os.uname().machine)) as tar:
            entries = tar.getmembers()
        self.assertEqual(len({entry.name.split("/")[0] for entry in entries}), 1)
        self.assertEqual({(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries}, {(0, 0, "", "")})
        self.assertEqual(len({entry.mtime for entry in entries}), 1)
        self.assertEqual([entry.name for entry in entries if entry.issym() or entry.mode & 0o022], [])

    def test_every_library_comes_with_a_licence_and_none_is_corosync_s(self):
        with tempfile.TemporaryDirectory() as directory:
            top = os.path.join(directory, unpack(directory))
            libraries = [name for name in os.listdir(os.path.join(top, "lib")) if ".so" in name]
            self.assertIn("libc.so.6", libraries)
            self.assertEqual([name for name in libraries if re.match("lib(cmap|quorum|votequorum|qb)", name)], [])
            licences = os.listdir(os.path.join(top, "licences"))
            for package in ("libc6", "gcc-12-base", "libsystemd0", "libre2-9"):
                self.assertIn(package, licences)

    def test_its_sbom_lists_every_file(self):
        with tempfile.TemporaryDirectory() as directory:
            top = os.path.join(directory, unpack(directory))
            with open(os.path.join(top, "share/sbom.cdx.json")) as file:
                text = file.read()
            sbom.check(self, text, lambda path: os.path.join(top, "lib", "loader/fencewatch" if "/ld-linux" in path else os.path.basename(path)))
            listed = {os.path.basename(path) for path in sbom.files(json.loads(text))}
            self.assertEqual({name for name in os.listdir(os.path.join(top, "lib")) if ".so" in name}, {name for name in listed if "ld-linux" not in name})

    def test_what_it_needs_is_in_it(self):
        with tempfile.TemporaryDirectory() as directory:
            library = os.path.join(directory, unpack(directory), "lib")
            there = set(os.listdir(library))
            for name in there - {"loader"}:
                needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", os.path.join(library, name)))
                self.assertEqual([n for n in needed if n not in there and not n.startswith("ld-linux")], [], name)


class ElsewhereAsRoot(unittest.TestCase):
    def setUp(self):
        roots.needs_root()

    def test_in_an_empty_root(self):
        with tempfile.TemporaryDirectory() as root:
            top = unpack(root)
            shutil.copytree(FIXTURE, os.path.join(root, "recorded"))
            self.assertIn(MISCOUNTED, run("chroot", root, f"/{top}/fencewatch", "--once", "--path.rootfs=/recorded"))  # not even /proc
            os.mkdir(os.path.join(root, "proc"))
            self.assertIn("fencewatch_zone_managed_pages{", inside(root, f"/{top}/fencewatch", "--once", "--no-collector.corosync_live"))

    def test_by_a_link_and_from_its_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            top = os.path.join(directory, unpack(directory))
            os.symlink(os.path.join(top, "fencewatch"), os.path.join(directory, "link"))
            for command, where in ((os.path.join(directory, "link"), "/"), ("./fencewatch", top)):
                self.assertIn("fencewatch, version", run(command, "--version", cwd=where))

    def test_what_it_cannot_start_it_says(self):
        with tempfile.TemporaryDirectory() as directory:
            top = os.path.join(directory, unpack(directory))
            shutil.rmtree(os.path.join(top, "lib/loader"))
            with self.assertRaisesRegex(AssertionError, r"gave 127:\nfencewatch: .*/lib/loader/fencewatch: No such file or directory"):
                run(os.path.join(top, "fencewatch"), "--version")

    def test_on_an_older_debian(self):
        """Debian 11: glibc 2.31 (ours is 2.36), and corosync's client libraries of that system."""
        with roots.copy(roots.base("bullseye", include=("libcmap4", "libvotequorum8", "libquorum5"))) as root:
            self.assertIn("2.31", inside(root, "ldd", "--version"))
            top = unpack(root)
            shutil.copytree(FIXTURE, os.path.join(root, "recorded"))
            shutil.copy(os.path.join(REPOSITORY, "build/release/fencewatch"), os.path.join(root, "ours"))
            with self.assertRaisesRegex(AssertionError, "not found|cannot open shared object"):
                inside(root, "/ours", "--version")
            self.assertIn(MISCOUNTED, inside(root, f"/{top}/fencewatch", "--once", "--path.rootfs=/recorded"))
            # It opens the clients of that system's corosync with its own glibc.
            loaded = inside(root, "env", "LD_BIND_NOW=1", "LD_TRACE_LOADED_OBJECTS=1", f"/{top}/lib/loader/fencewatch", "--library-path", f"/{top}/lib", "--preload",
                            "libcmap.so.4 libvotequorum.so.8 libquorum.so.5", f"/{top}/lib/fencewatch", "--version")
            for name in ("libcmap.so.4", "libvotequorum.so.8", "libquorum.so.5", "libqb.so.100"):
                self.assertRegex(loaded, rf"{re.escape(name)} => /(usr/)?lib/x86_64-linux-gnu/")
            self.assertRegex(loaded, rf"libc\.so\.6 => /{re.escape(top)}/lib/")
            self.assertNotRegex(loaded, "ERROR|not found|undefined symbol")


if __name__ == "__main__":
    unittest.main()
