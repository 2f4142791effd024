"""DEB and RPM of deploy/package.sh, in build/packages: what is in them, what Debian's and Fedora's checkers say, and how they are installed,
upgraded and taken away in a clean system."""
import glob
import gzip
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import roots
from roots import REPOSITORY, inside, run

PACKAGES = os.path.join(REPOSITORY, "build/packages")
SOURCE = os.path.join(REPOSITORY, "deploy/package")


def the(pattern):
    found = glob.glob(os.path.join(PACKAGES, pattern))
    if len(found) != 1:
        raise AssertionError(f"{pattern} in {PACKAGES}: {found}; deploy/package.sh makes it")
    return found[0]


def deb():
    return the("fencewatch_*.deb")


def rpm():
    return the("fencewatch-*.rpm")


def read(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


def write(text, *path):
    with open(os.path.join(*path), "w") as file:
        file.write(text)


class ManPage(unittest.TestCase):
    PAGE = os.path.join(SOURCE, "fencewatch.8")

    def test_mandoc_has_nothing_to_say(self):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", self.PAGE], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_its_options_are_those_of_help(self):
        def plain(flags):
            return {re.sub(r"(?<=collector\.)(?!disable-defaults).*", "", flag).rstrip(".") for flag in flags}
        binary = os.path.join(REPOSITORY, "build/release/fencewatch")
        known = plain(re.findall(r"--[a-z][a-z._-]*", "\n".join(re.findall(r"^  (-\S+)", run(binary, "--help"), re.M))))
        page = read(self.PAGE)
        told = plain("-" + flag for flag in re.findall(r"Fl (-[a-z][a-z._-]*)", page.split(".Sh OPTIONS")[1].split(".Sh FILES")[0])
                     if flag not in ("-name",))
        self.assertGreater(len(known), 20)
        self.assertEqual(told, known)
        for collector in re.findall(r"^  --collector\.([a-z_]+),--no-", run(binary, "--help"), re.M):
            self.assertRegex(page, rf"\b{collector}\b")


class Deb(unittest.TestCase):
    def test_lintian_has_nothing_to_say(self):
        done = subprocess.run(["lintian", "--fail-on=error,warning", "--tag-display-limit=0", deb()], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_what_is_in_it(self):
        files = {line.split()[5][1:] for line in run("dpkg-deb", "--contents", deb()).splitlines()}
        for path in ("/usr/bin/fencewatch", "/usr/lib/systemd/system/fencewatch.service", "/usr/lib/systemd/system/fencewatch.socket",
                     "/usr/lib/systemd/system/fencewatch.slice", "/etc/fencewatch/fencewatch.yml", "/etc/default/fencewatch",
                     "/usr/share/man/man8/fencewatch.8.gz", "/usr/share/fencewatch/advisories.yaml", "/usr/share/fencewatch/corosync-uidgid",
                     "/usr/share/fencewatch/alerts/fencewatch.rules.yml", "/usr/share/fencewatch/alerts/fencewatch.alerts.yml",
                     "/usr/share/fencewatch/dashboards/node.json", "/usr/share/doc/fencewatch/copyright"):
            self.assertIn(path, files)

    def test_its_version_is_that_of_the_program_and_of_the_changelogs(self):
        version = run("dpkg-deb", "--field", deb(), "Version").strip()
        self.assertIn(f"version {version.split('-')[0]} ", run(os.path.join(REPOSITORY, "build/release/fencewatch"), "--version"))
        self.assertTrue(read(SOURCE, "debian/changelog").startswith(f"fencewatch ({version})"))
        self.assertIn(f"> - {version}\n", read(SOURCE, "rpm/changelog").splitlines(True)[0])


class DebInASystem(unittest.TestCase):
    """One story: install, change things as administrators do, upgrade, remove, purge."""

    def state_of(self, root):
        return {path for path in run("find", root, "-xdev", "-name", "*fencewatch*", "-printf", "/%P\n").split()
                if not path.startswith(("/var/lib/dpkg/", "/var/log/", "/var/cache/", "/tmp/"))}

    def newer(self, directory):
        """The same package as version 9, with another default configuration."""
        run("dpkg-deb", "--raw-extract", deb(), directory)
        control = read(directory, "DEBIAN/control")
        write(re.sub(r"^Version: .*$", "Version: 9-1", control, flags=re.M), directory, "DEBIAN/control")
        os.remove(os.path.join(directory, "DEBIAN/md5sums"))
        run("dpkg-deb", "--root-owner-group", "--build", directory, directory + ".deb")
        return directory + ".deb"

    def test_installed_upgraded_purged(self):
        with roots.copy(roots.base()) as root:
            before = self.state_of(root)
            shutil.copy(deb(), os.path.join(root, "tmp/fencewatch.deb"))
            inside(root, "apt-get", "update")
            inside(root, "apt-get", "install", "-y", "--no-install-recommends", "/tmp/fencewatch.deb")
            self.installed(root)
            self.changed_and_upgraded(root)
            inside(root, "dpkg", "--remove", "fencewatch")
            self.assertFalse(os.path.exists(os.path.join(root, "usr/bin/fencewatch")))
            self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml"), "log: {level: warn}\n")
            self.assertTrue(os.path.exists(os.path.join(root, "var/lib/fencewatch/state")))
            inside(root, "dpkg", "--purge", "fencewatch")
            self.assertEqual(self.state_of(root), before)
            self.assertIn("fencewatch:", read(root, "etc/passwd"))  # the user stays

    def installed(self, root):
        self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
        self.assertEqual(inside(root, "fencewatch", "--check-config", "--config.file=/etc/fencewatch/fencewatch.yml"), "configuration is valid\n")
        self.assertIn("fencewatch_zone_managed_pages{", inside(root, "fencewatch", "--once", "--no-collector.corosync_live"))
        _, _, uid, _, _, home, shell = inside(root, "getent", "passwd", "fencewatch").strip().split(":")
        self.assertLess(int(uid), 1000)
        self.assertEqual((home, shell), ("/var/lib/fencewatch", "/usr/sbin/nologin"))
        self.assertEqual(inside(root, "stat", "-c", "%U:%G %a", "/var/lib/fencewatch"), "fencewatch:fencewatch 750\n")
        self.assertTrue(os.path.islink(os.path.join(root, "etc/systemd/system/multi-user.target.wants/fencewatch.service")))
        self.assertFalse(os.path.exists(os.path.join(root, "etc/corosync")))  # nothing that could stop a cluster from starting

    def changed_and_upgraded(self, root):
        write("log: {level: warn}\n", root, "etc/fencewatch/fencewatch.yml")
        write('FENCEWATCH_OPTS="--log.format=json"\n', root, "etc/default/fencewatch")
        write("precious\n", root, "var/lib/fencewatch/state")
        os.remove(os.path.join(root, "etc/systemd/system/multi-user.target.wants/fencewatch.service"))  # systemctl disable
        with tempfile.TemporaryDirectory() as place:
            shutil.copy(self.newer(os.path.join(place, "newer")), os.path.join(root, "tmp/newer.deb"))
        inside(root, "dpkg", "--install", "/tmp/newer.deb")
        self.assertEqual(inside(root, "dpkg-query", "-W", "-f", "${Version}", "fencewatch"), "9-1")
        self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml"), "log: {level: warn}\n")
        self.assertEqual(read(root, "etc/default/fencewatch"), 'FENCEWATCH_OPTS="--log.format=json"\n')
        self.assertEqual(read(root, "var/lib/fencewatch/state"), "precious\n")
        self.assertFalse(os.path.lexists(os.path.join(root, "etc/systemd/system/multi-user.target.wants/fencewatch.service")))


class Rpm(unittest.TestCase):
    def query(self, *what):
        return run("rpm", "--query", "--package", *what, rpm())

    def test_rpmlint_has_nothing_to_say(self):
        done = subprocess.run(["rpmlint", "--rpmlintrc", os.path.join(SOURCE, "rpm/rpmlintrc"), rpm()], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 errors, 0 warnings", done.stdout)

    def test_what_is_in_it(self):
        files = self.query("--list").split()
        for path in ("/usr/bin/fencewatch", "/usr/lib/fencewatch/lib/libc.so.6", "/usr/lib/fencewatch/licences/libc6", "/etc/sysconfig/fencewatch",
                     "/usr/lib/systemd/system/fencewatch.service", "/usr/share/man/man8/fencewatch.8.gz", "/var/lib/fencewatch"):
            self.assertIn(path, files)
        self.assertEqual(self.query("--configfiles").split(), ["/etc/fencewatch/fencewatch.yml", "/etc/sysconfig/fencewatch"])
        flags = self.query("--queryformat", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]")
        for path in ("/etc/fencewatch/fencewatch.yml", "/etc/sysconfig/fencewatch"):
            self.assertIn(f"cn {path}\n", flags)  # configuration, not replaced

    def test_it_needs_and_offers_no_library(self):
        needs = self.query("--requires").split("\n")
        self.assertEqual([need for need in needs if ".so" in need], [])
        self.assertEqual([offer for offer in self.query("--provides").split("\n") if ".so" in offer], [])

    def test_installed_upgraded_erased(self):
        with roots.copy(roots.base()) as root:
            rooted = ("rpm", "--root", root, "--dbpath", "/var/lib/rpm")
            inside(root, "groupadd", "--system", "users-before")  # the tools of %pre are there
            run(*rooted, "--install", "--nodeps", rpm())
            self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
            self.assertIn("fencewatch_zone_managed_pages{", inside(root, "fencewatch", "--once", "--no-collector.corosync_live"))
            self.assertEqual(inside(root, "stat", "-c", "%U:%G %a", "/var/lib/fencewatch"), "fencewatch:fencewatch 750\n")
            write("log: {level: warn}\n", root, "etc/fencewatch/fencewatch.yml")
            run(*rooted, "--upgrade", "--nodeps", "--replacepkgs", "--oldpackage", rpm())
            self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml"), "log: {level: warn}\n")
            run(*rooted, "--erase", "fencewatch")
            self.assertFalse(os.path.exists(os.path.join(root, "usr/lib/fencewatch")))
            self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml.rpmsave"), "log: {level: warn}\n")


class Reproducible(unittest.TestCase):
    def test_nothing_of_this_machine_is_in_them(self):
        host = os.uname().nodename
        self.assertEqual(run("rpm", "--query", "--package", "--queryformat", "%{BUILDHOST}", rpm()), "localhost")
        with gzip.open(the("fencewatch-*-linux-*.tar.gz")) as file:
            archive = file.read()
        self.assertNotIn(REPOSITORY.encode(), archive)
        if len(host) > 5:
            self.assertNotIn(host.encode(), archive)


if __name__ == "__main__":
    unittest.main()
