"""DEB and RPM of deploy/package.sh, as clean_build.py made them of this commit (build/packages) and of the next (build/packages-next): what is in
them, what Debian's and Fedora's checkers say, and how they are installed, upgraded, rolled back and taken away in a clean system."""
import contextlib
import glob
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import roots
from roots import REPOSITORY, inside, run

sys.path.insert(0, os.path.join(REPOSITORY, "tests"))
import waiting  # noqa: E402

PACKAGES = os.path.join(REPOSITORY, "build/packages")
NEXT = PACKAGES + "-next"
SOURCE = os.path.join(REPOSITORY, "deploy/package")


def the(pattern, directory=PACKAGES):
    found = glob.glob(os.path.join(directory, pattern))
    if len(found) != 1:
        raise AssertionError(f"{pattern} in {directory}: {found}; tests/deploy/clean_build.py makes it")
    return found[0]


def deb(directory=PACKAGES):
    return the(f"fencewatch_*_{run('dpkg', '--print-architecture').strip()}.deb", directory)


def rpm(directory=PACKAGES):
    return the(f"fencewatch-*.{os.uname().machine}.rpm", directory)


CONFIGURATION = """log: {level: warn, from-start: true}
custom_events:
  - name: trials_total
    file: /var/log/trials.log
    pattern: 'trial [0-9]+'
    help: Trials.
    example: trial 1
"""


@contextlib.contextmanager
def running(root):
    """The installed program, as its unit runs it but for systemd: yields what it counted."""
    log = open(os.path.join(root, "tmp/fencewatch.log"), "w+")
    command = ["chroot", root, "setpriv", "--reuid=fencewatch", "--regid=fencewatch", "--clear-groups", "/usr/bin/fencewatch", "--config.file=/etc/fencewatch/fencewatch.yml",
               "--web.listen-address=127.0.0.1:29664", "--no-collector.corosync_live"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def counted():
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(log.read())
        try:
            with urllib.request.urlopen("http://127.0.0.1:29664/metrics", timeout=10) as answer:
                found = re.search(r"^trials_total (\d+)$", answer.read().decode(), re.M)
                return int(found.group(1)) if found else None
        except OSError:
            return None
    try:
        yield counted
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def write_trials(root, numbers):
    with open(os.path.join(root, "var/log/trials.log"), "a") as file:
        file.writelines(f"trial {n}\n" for n in numbers)


def goes_on_counting(test, root, sum_):
    """One more trial makes that many, those before it counted once."""
    write_trials(root, [sum_])
    with running(root) as counted:
        waiting.until(lambda: counted() == sum_, f"{sum_} trials are counted", 60)
    test.assertEqual(read(root, "etc/fencewatch/fencewatch.yml"), CONFIGURATION)


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
        known = plain(re.findall(r"--[a-z][a-z._-]*", "\n".join(re.findall(r"^  (-.*?)(?:  |$)", run(binary, "--help"), re.M))))
        page = read(self.PAGE)
        told = plain("-" + flag for flag in re.findall(r"Fl (-[a-z][a-z._-]*)", page.split(".Sh OPTIONS")[1].split(".Sh FILES")[0])
                     if flag not in ("-name",))
        self.assertGreater(len(known), 20)
        self.assertEqual(told, known)
        for collector in re.findall(r"^  --collector\.([a-z_]+), --no-", run(binary, "--help"), re.M):
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
                     "/usr/share/fencewatch/alerts/runbooks/ZoneMiscounted.md",
                     "/usr/share/fencewatch/dashboards/node.json", "/usr/share/doc/fencewatch/copyright"):
            self.assertIn(path, files)

    def test_its_version_is_that_of_the_program_and_of_the_changelogs(self):
        version = run("dpkg-deb", "--field", deb(), "Version").strip()
        self.assertIn(f"version {version.split('-')[0]} ", run(os.path.join(REPOSITORY, "build/release/fencewatch"), "--version"))
        with tempfile.TemporaryDirectory() as directory:
            run("dpkg-deb", "--extract", deb(), directory)
            with gzip.open(os.path.join(directory, "usr/share/doc/fencewatch/changelog.Debian.gz"), "rt") as file:
                debian = file.read()
        self.assertTrue(debian.startswith(f"fencewatch ({version})"))
        rpms = run("rpm", "--query", "--changelog", "--package", rpm())
        self.assertIn(f"> - {version}\n", rpms.splitlines(True)[0])
        for released in re.findall(r"^## \[([0-9.]+)\] - \d{4}-\d{2}-\d{2}$", read(REPOSITORY, "CHANGELOG.md"), re.M):
            self.assertIn(f"fencewatch ({released}-1)", debian)
            self.assertIn(f"> - {released}-1\n", rpms)

    def test_it_is_not_made_without_what_finds_its_dependencies(self):
        """CPack would make one that depends on adduser alone, and say nothing."""
        self.assertIn("libc6", run("dpkg-deb", "--field", deb(), "Depends"))
        from clean_build import BUILDER
        with tempfile.TemporaryDirectory() as directory:
            for missing in ("dpkg-shlibdeps", "file"):
                os.rename(os.path.join(BUILDER, "usr/bin", missing), os.path.join(directory, missing))
                try:
                    with self.assertRaisesRegex(AssertionError, f"(?s){missing} is not installed"):
                        inside(BUILDER, "sh", "-c", "cd /repository && cpack --config build/release/CPackConfig.cmake -G DEB -B /tmp/none")
                finally:
                    shutil.move(os.path.join(directory, missing), os.path.join(BUILDER, "usr/bin", missing))
            self.assertFalse(glob.glob(os.path.join(BUILDER, "tmp/none/*.deb")))


class Versions(unittest.TestCase):
    def test_each_commit_s_is_above_the_one_before(self):
        rising = ["0.1.0", "0.2.0", *(os.path.basename(deb(directory)).split("_")[1].removesuffix("-1") for directory in (PACKAGES, NEXT)), "0.2.1", "0.3.0"]
        if rising[1] == rising[2]:
            del rising[1]
        rising[-2:-2] = ["0.2.0+9999.g0000000"]
        for lower, higher in zip(rising, rising[1:]):
            run("dpkg", "--compare-versions", lower + "-1", "lt", higher + "-1")
            run("dpkg", "--compare-versions", "0.2.0+9.gfffffff-1", "lt", "0.2.0+12.g0000000-1")
            self.assertEqual(run("rpm", "--eval", f"%{{lua:print(rpm.vercmp('{lower}', '{higher}'))}}"), "-1\n", (lower, higher))

    def test_as_a_tag(self):
        tag = run(os.path.join(REPOSITORY, "deploy/version.sh"), "--tag").strip()
        self.assertRegex(tag, r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
        self.assertEqual(tag.replace("_", "+"), run(os.path.join(REPOSITORY, "deploy/version.sh")).strip())


class DebInASystem(unittest.TestCase):
    """One story: install, change things as administrators do, upgrade, remove, purge."""

    def state_of(self, root):
        return {path for path in run("find", root, "-xdev", "-name", "*fencewatch*", "-printf", "/%P\n").split()
                if not path.startswith(("/var/lib/dpkg/", "/var/log/", "/var/cache/", "/tmp/"))}

    def test_installed_upgraded_rolled_back_purged(self):
        with roots.copy(roots.base()) as root:
            before = self.state_of(root)
            shutil.copy(deb(), os.path.join(root, "tmp/fencewatch.deb"))
            shutil.copy(deb(NEXT), os.path.join(root, "tmp/next.deb"))
            inside(root, "apt-get", "install", "-y", "--no-install-recommends", "/tmp/fencewatch.deb")
            self.installed(root)
            self.changed(root)
            for package, options, trials in ("next", [], 4), ("fencewatch", ["--allow-downgrades"], 5), ("next", [], 6):
                inside(root, "apt-get", "install", "-y", "--no-install-recommends", *options, f"/tmp/{package}.deb")
                self.kept(root, {"next": deb(NEXT), "fencewatch": deb()}[package])
                goes_on_counting(self, root, trials)
            inside(root, "dpkg", "--remove", "fencewatch")
            self.assertFalse(os.path.exists(os.path.join(root, "usr/bin/fencewatch")))
            self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml"), CONFIGURATION)
            self.assertTrue(os.listdir(os.path.join(root, "var/lib/fencewatch")))
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

    def changed(self, root):
        write(CONFIGURATION, root, "etc/fencewatch/fencewatch.yml")
        write('FENCEWATCH_OPTS="--log.format=json"\n', root, "etc/default/fencewatch")
        os.remove(os.path.join(root, "etc/systemd/system/multi-user.target.wants/fencewatch.service"))  # systemctl disable
        write_trials(root, [1, 2])
        goes_on_counting(self, root, 3)

    def kept(self, root, package):
        self.assertEqual(inside(root, "dpkg-query", "-W", "-f", "${Version}", "fencewatch"), run("dpkg-deb", "--field", package, "Version").strip())
        self.assertIn(f"version {os.path.basename(package).split('_')[1].removesuffix('-1')} ", inside(root, "fencewatch", "--version"))
        self.assertEqual(read(root, "etc/default/fencewatch"), 'FENCEWATCH_OPTS="--log.format=json"\n')
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

    def test_installed_upgraded_rolled_back_erased(self):
        with roots.copy(roots.base()) as root:
            rooted = ("rpm", "--root", root, "--dbpath", "/var/lib/rpm")
            inside(root, "groupadd", "--system", "users-before")  # the tools of %pre are there
            run(*rooted, "--install", "--nodeps", rpm())
            self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
            self.assertIn("fencewatch_zone_managed_pages{", inside(root, "fencewatch", "--once", "--no-collector.corosync_live"))
            self.assertEqual(inside(root, "stat", "-c", "%U:%G %a", "/var/lib/fencewatch"), "fencewatch:fencewatch 750\n")
            write(CONFIGURATION, root, "etc/fencewatch/fencewatch.yml")
            write_trials(root, [1, 2])
            goes_on_counting(self, root, 3)
            for package, options, trials in (rpm(NEXT), [], 4), (rpm(), ["--oldpackage"], 5):
                run(*rooted, "--upgrade", "--nodeps", *options, package)
                self.assertEqual(run(*rooted, "--query", "fencewatch").strip() + ".rpm", os.path.basename(package))
                goes_on_counting(self, root, trials)
            run(*rooted, "--erase", "fencewatch")
            self.assertFalse(os.path.exists(os.path.join(root, "usr/lib/fencewatch")))
            self.assertEqual(read(root, "etc/fencewatch/fencewatch.yml.rpmsave"), CONFIGURATION)
            self.assertTrue(os.listdir(os.path.join(root, "var/lib/fencewatch")))


class Reproducible(unittest.TestCase):
    def test_nothing_of_this_machine_is_in_them(self):
        host = os.uname().nodename
        self.assertEqual(run("rpm", "--query", "--package", "--queryformat", "%{BUILDHOST}", rpm()), "localhost")
        with gzip.open(the("fencewatch-*-linux-x86_64.tar.gz")) as file:
            archive = file.read()
        self.assertNotIn(REPOSITORY.encode(), archive)
        if len(host) > 5:
            self.assertNotIn(host.encode(), archive)


if __name__ == "__main__":
    unittest.main()
