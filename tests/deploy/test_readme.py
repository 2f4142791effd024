"""Every line that the READMEs tell to copy under Install, executed as it stands. What is not on this machine (apt's questions, systemctl, a
cluster, Helm) is stood in for by a program of that name that does the part that can be done."""
import os
import re
import shlex
import shutil
import tempfile
import unittest

import image
import manifests
import roots
from roots import REPOSITORY, inside, run

SYSTEMCTL = "#!/bin/sh\necho \"$0 $*\" >>/called\n"


def install_lines(name, heading):
    with open(os.path.join(REPOSITORY, name)) as file:
        section = file.read().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S) for line in block.splitlines()]


LINES = install_lines("README.md", "Install")


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
            file.write(SYSTEMCTL)
        os.chmod(path, 0o755)


class Lines(unittest.TestCase):
    TESTED = ["deploy/build.sh", "deploy/package.sh", "apt-get install", "rpm -i", "systemctl enable", "cp /usr/share/fencewatch/corosync-uidgid",
              "corosync-cfgtool -R", "tar -xf", "./fencewatch-", "buildah bud", "kubectl apply -k deploy/kubernetes/base",
              "kubectl apply -k deploy/kubernetes/overlays/full", "kubectl apply -k deploy/kubernetes/monitoring", "helm install", "helm install"]

    def test_each_is_tested_here(self):
        self.assertEqual(len(LINES), len(self.TESTED))
        for each, start in zip(LINES, self.TESTED):
            self.assertTrue(each.startswith(start), each)

    def test_the_chinese_readme_has_the_same(self):
        self.assertEqual(install_lines("README.zh-CN.md", "安装"), LINES)


class Built(unittest.TestCase):
    def test_program_and_packages(self):
        run("sh", "-euc", line("deploy/build.sh"), cwd=REPOSITORY)
        made = run("sh", "-euc", line("deploy/package.sh"), cwd=REPOSITORY).split()
        self.assertEqual([os.path.splitext(path)[1] for path in made], [".gz", ".rpm", ".deb"])

    def test_bundle(self):
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(os.path.join(REPOSITORY, "build"), os.path.join(directory, "build"))
            run("sh", "-euc", line("tar -xf"), cwd=directory)
            self.assertIn("fencewatch_zone_managed_pages{", run("sh", "-uc", line("./fencewatch-") + " 2>/dev/null || test $? -eq 1", cwd=directory))  # 1: a collector failed


class Installed(unittest.TestCase):
    def system(self):
        context = roots.copy(roots.base())
        root = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        shutil.copytree(os.path.join(REPOSITORY, "build/packages"), os.path.join(root, "repository/build/packages"))
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
        where, what = shlex.split(line("rpm -i"))[1:]
        run("rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--nodeps", where, os.path.join(REPOSITORY, what))  # Debian has no RPMs to need
        self.assertIn("fencewatch, version", inside(root, "fencewatch", "--version"))
        in_system(root, line("systemctl"))
        with open(os.path.join(root, "called")) as file:
            self.assertIn("systemctl enable --now fencewatch\n", file.read())
        self.corosync(root)

    def test_bundle_as_a_service(self):
        """The lines of the bundle's own README."""
        root = self.system()
        top = os.path.basename(shlex.split(line("./fencewatch-"))[0].rsplit("/", 1)[0])
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
    def test_image_is_built_by_that_line(self):
        self.assertEqual(image.LINE, line("buildah bud"))  # test_image.py builds with it

    def test_kustomize(self):
        for directory in ("base", "overlays/full", "monitoring"):
            _, _, _, path = shlex.split(line(f"kubectl apply -k deploy/kubernetes/{directory}"))
            self.assertTrue(manifests.kustomize(os.path.relpath(path, "deploy/kubernetes")))

    def test_helm(self):
        for each, profile in zip((each for each in LINES if each.startswith("helm ")), ("memory", "full"), strict=True):
            words = shlex.split(each)
            settings = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set")
            self.assertEqual(words[:4] + words[4:7], ["helm", "install", "fencewatch", "deploy/helm/fencewatch", "--namespace", "fencewatch", "--create-namespace"])
            self.assertEqual(settings.pop("image.registry"), manifests.render()[0]["image"]["registry"])
            self.assertEqual(settings, {} if profile == "memory" else {"profile": profile})


if __name__ == "__main__":
    unittest.main()
