"""Every line that the READMEs tell to copy under Install, executed as it stands. What is not on this machine (apt's questions, systemctl, a
cluster, Helm) is stood in for by a program of that name that does the part that can be done."""
import os
import re
import shlex
import shutil
import unittest

import clean_build
import manifests
import roots
import test_packages
from readme import blocks
from roots import REPOSITORY, inside, run

STAND_IN = "#!/bin/sh\necho \"$0 $*\" >>/called\n"
LINES = [line for block in blocks("README.md", "Install") for line in block]


def line(start):
    found = [each for each in LINES if each.startswith(start)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} lines begin with {start}")
    return found[0]


def in_system(root, command):
    return inside(root, "sh", "-euc", "cd /repository && " + command)


def stand_in(root, *names):
    for name in names:
        path = os.path.join(root, "usr/local/bin", name)
        with open(path, "w") as file:
            file.write(STAND_IN)
        os.chmod(path, 0o755)


class Lines(unittest.TestCase):
    # Which test executes it: clean_build.py, image.py, or one of these here.
    TESTED = ["deploy/package.sh", "deploy/package.sh --arch=arm64", "apt-get install", "rpm -i", "systemctl enable", "cp /usr/share/fencewatch/corosync-uidgid",
              "corosync-cfgtool -R", "tar -xf", "./fencewatch-", "buildah bud", "kubectl apply -k deploy/kubernetes/base",
              "kubectl apply -k deploy/kubernetes/overlays/full", "kubectl apply -k deploy/kubernetes/monitoring", "helm install fencewatch ", "helm install fencewatch-ha "]

    def test_each_is_tested_here(self):
        self.assertEqual(len(LINES), len(self.TESTED))
        for each, start in zip(LINES, self.TESTED):
            self.assertTrue(each.startswith(start), each)

    def test_the_chinese_readme_has_the_same(self):
        self.assertEqual(blocks("README.zh-CN.md", "安装"), blocks("README.md", "Install"))


class Installed(unittest.TestCase):
    def system(self):
        context = roots.copy(roots.base())
        root = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        shutil.copytree(os.path.join(REPOSITORY, "build/packages"), os.path.join(root, "repository/build/packages"), symlinks=True)
        stand_in(root, "systemctl", "corosync-cfgtool")
        with open(os.path.join(root, "etc/apt/apt.conf.d/yes"), "w") as file:
            file.write('APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n')
        return root

    def corosync(self, root):
        os.makedirs(os.path.join(root, "etc/corosync/uidgid.d"))
        in_system(root, line("cp /usr/share"))
        in_system(root, line("corosync-cfgtool"))
        with open(os.path.join(root, "etc/corosync/uidgid.d/fencewatch")) as file:
            self.assertEqual(re.findall(r"^\s*([ug]id): (\S+)$", file.read(), re.M), [("uid", "fencewatch"), ("gid", "fencewatch")])
        self.assertIn("fencewatch:", inside(root, "getent", "passwd", "fencewatch"))

    def test_debian(self):
        root = self.system()
        in_system(root, line("apt-get install"))
        self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
        self.corosync(root)

    def test_rpm(self):
        root = self.system()
        with open(os.path.join(root, "usr/local/bin/rpm"), "w") as file:  # Debian has no RPMs to need
            file.write('#!/bin/sh\nexec /usr/bin/rpm --nodeps "$@"\n')
        os.chmod(file.name, 0o755)
        inside(root, "apt-get", "install", "-qq", "rpm", bound=clean_build.shared())
        in_system(root, line("rpm -i"))
        self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
        in_system(root, line("systemctl"))
        with open(os.path.join(root, "called")) as file:
            self.assertIn("systemctl enable --now fencewatch\n", file.read())
        self.corosync(root)

    def test_bundle(self):
        root = self.system()
        in_system(root, line("tar -xf"))
        self.assertIn("fencewatch_zone_managed_pages{", in_system(root, line("./fencewatch-") + " 2>/dev/null || test $? -eq 1"))  # 1: a collector failed

    def test_bundle_as_a_service(self):
        """The lines of the bundle's own README."""
        root = self.system()
        top = os.path.basename(test_packages.the("fencewatch-*-linux-x86_64.tar.gz")).removesuffix(".tar.gz")
        with open(os.path.join(REPOSITORY, "build/packages", top, "README.md")) as file:
            lines = re.findall(r"^    (.*)$", file.read(), re.M)
        self.assertEqual(len(lines), 8)
        for each in lines:
            inside(root, "sh", "-euc", f"cd /repository/build/packages/{top} && {each}")
        self.assertIn("fencewatch, version", inside(root, "/usr/bin/fencewatch", "--version"))
        self.assertEqual(inside(root, "stat", "-c", "%U %a", "/var/lib/fencewatch"), "fencewatch 750\n")
        for path in ("etc/systemd/system/fencewatch.service", "etc/fencewatch/fencewatch.yml"):
            self.assertTrue(os.path.exists(os.path.join(root, path)))


class InACluster(unittest.TestCase):
    def test_kustomize(self):
        for directory in ("base", "overlays/full", "monitoring"):
            _, _, _, path = shlex.split(line(f"kubectl apply -k deploy/kubernetes/{directory}"))
            self.assertTrue(manifests.kustomize(os.path.relpath(path, "deploy/kubernetes")))

    def test_helm(self):
        """The two do not get in each other's way: no object of one has the name of one of the other's."""
        given = []
        for each in (each for each in LINES if each.startswith("helm ")):
            program, what, release, chart, *options = shlex.split(each)
            self.assertEqual((program, what), ("helm", "install"))
            said = manifests.helm("install", release, os.path.join(REPOSITORY, chart), "--dry-run=client", *options)
            made = manifests.documents(said.split("MANIFEST:\n")[1].split("\nNOTES:")[0])
            given.append({(m["kind"], m["metadata"]["namespace"], m["metadata"]["name"]) for m in made})
            self.assertIn("DaemonSet", {kind for kind, _, _ in given[-1]})
        self.assertEqual(len(given), 2)
        self.assertEqual(given[0] & given[1], set())


if __name__ == "__main__":
    unittest.main()
