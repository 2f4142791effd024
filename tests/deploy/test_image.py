"""deploy/Dockerfile: what the image is, and that it works with the rights that the DaemonSets of deploy/kubernetes give, as base alone and as
full on a node of a real corosync cluster."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import clean_build
import container
import image
import roots
import sbom
import test_arm64
from manifests import kustomize, only
from roots import REPOSITORY

sys.path.insert(0, os.path.join(REPOSITORY, "tests/cluster"))
import cluster  # noqa: E402
import metrics as expositions  # noqa: E402
import node as nodes  # noqa: E402
from processes import until  # noqa: E402


def setUpModule():
    global STORE, TAGS, DESCRIBED, FILES
    roots.needs_root()
    STORE, TAGS = image.built()
    tag = TAGS[roots.run("dpkg", "--print-architecture").strip()]
    DESCRIBED, FILES = STORE.described(tag), STORE.files(tag)


def pod(overlay):
    return only(kustomize(overlay), "DaemonSet")["spec"]["template"]["spec"]


class Image(unittest.TestCase):
    def files(self):
        for directory, _, names in os.walk(FILES):
            for name in names:
                yield "/" + os.path.relpath(os.path.join(directory, name), FILES), os.lstat(os.path.join(directory, name))

    def test_the_program_its_libraries_their_licences_and_nothing_else(self):
        other = [path for path, _ in self.files() if path not in ("/usr/bin/fencewatch", "/etc/passwd", "/etc/group", "/usr/share/fencewatch/sbom.cdx.json")
                 and ".so" not in os.path.basename(path) and not (path.startswith("/usr/share/doc/") and path.endswith("/copyright"))]
        self.assertEqual(other, [])

    def test_its_sbom(self):
        with open(os.path.join(FILES, "usr/share/fencewatch/sbom.cdx.json")) as file:
            sbom.check(self, file.read(), lambda path: os.path.join(FILES, path.lstrip("/")))

    def test_small(self):
        size = sum(status.st_size for _, status in self.files())
        self.assertGreater(size, 5e6)
        self.assertLess(size, 30e6)

    def test_nobody_else_may_write_and_nothing_is_setuid(self):
        for path, status in self.files():
            if not stat.S_ISLNK(status.st_mode):
                self.assertEqual(status.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), 0, path)

    def test_not_root_and_labelled(self):
        self.assertEqual(DESCRIBED["config"]["User"], "65532:65532")
        self.assertEqual(DESCRIBED["config"]["Entrypoint"], ["/usr/bin/fencewatch"])
        labels = DESCRIBED["config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.revision"], roots.run("git", "rev-parse", "--short=12", "HEAD", cwd=REPOSITORY).strip())
        version = subprocess.run([os.path.join(REPOSITORY, "build/release/fencewatch"), "--version"], capture_output=True, text=True).stdout
        self.assertIn(f"version {labels['org.opencontainers.image.version']} ", version)
        self.assertIn(f"version {labels['org.opencontainers.image.version']} ", roots.run("chroot", FILES, "/usr/bin/fencewatch", "--version"))
        for name in ("title", "description", "licenses"):
            self.assertTrue(labels[f"org.opencontainers.image.{name}"])

    def test_built_elsewhere_it_has_the_same_files(self):
        """In the system where the packages were built, with more packages installed."""
        source = os.path.join(clean_build.BUILDER, "image-source")
        shutil.rmtree(source, ignore_errors=True)
        clean_build.clone(source)
        shutil.rmtree(os.path.join(source, ".git"))
        clean_build.in_builder("env", f"REVISION={DESCRIBED['config']['Labels']['org.opencontainers.image.revision']}",
                               f"VERSION={DESCRIBED['config']['Labels']['org.opencontainers.image.version']}", "/image-source/deploy/image.sh", "/image-source/build/image")
        again = os.path.join(source, "build/image")
        self.assertEqual({path: roots.sha256(os.path.join(again, path.lstrip("/"))) for path, _ in self.files()},
                         {path: roots.sha256(os.path.join(FILES, path.lstrip("/"))) for path, _ in self.files()})


class Index(unittest.TestCase):
    def test_both_machines(self):
        self.assertEqual(sorted(STORE.index()), list(image.ARCHITECTURES))
        for architecture, tag in TAGS.items():
            described = STORE.described(tag)
            self.assertEqual((described["os"], described["architecture"]), ("linux", architecture))
            self.assertEqual(described["config"], DESCRIBED["config"])

    def test_that_for_arm64_runs(self):
        files = STORE.files(TAGS["arm64"])
        said = test_arm64.emulate("chroot", files, "/usr/bin/fencewatch", "--version")
        self.assertIn(f"version {DESCRIBED['config']['Labels']['org.opencontainers.image.version']} ", said.stdout, said.stderr)
        with open(os.path.join(files, "usr/share/fencewatch/sbom.cdx.json")) as file:
            sbom.check(self, file.read(), lambda path: os.path.join(files, path.lstrip("/")))


class WithTheRightsOfADaemonSet(unittest.TestCase):
    def setUp(self):
        if shutil.which("crun") is None:
            self.skipTest("needs crun")
        self.directory = tempfile.mkdtemp(prefix="fencewatch-pod-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def within_limit(self, metrics, spec):
        """A third of the memory limit at most, as the manifests promise."""
        limit = int(spec["containers"][0]["resources"]["limits"]["memory"].removesuffix("Mi")) << 20
        resident = metrics.series["process_resident_memory_bytes", frozenset()]
        self.assertLess(3 * resident, limit)

    def test_base(self):
        spec = pod("base")
        config = container.configuration(DESCRIBED, FILES, spec, None, self.directory)
        network = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && exec sleep infinity"])
        self.addCleanup(network.wait)
        self.addCleanup(network.kill)
        enter = ["nsenter", "--net", "-t", str(network.pid)]
        until(lambda: subprocess.run([*enter, "ip", "link", "show", "up", "lo"], capture_output=True, text=True).stdout, "the pod has a network")
        with container.running(config, self.directory, enter) as it:
            metrics = self.scrape(network.pid, it)
            status = it.status()
        self.assertEqual(status["Uid"].split(), ["65532"] * 4)
        self.assertEqual({status[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertGreater(metrics.sum("zone_managed_pages"), 0)
        self.assertIsNotNone(metrics.get("oom_kills_total"))
        self.assertGreater(metrics.get("boot_time_seconds") or 0, 0)
        for collector in ("zone", "oom", "reclaim", "fragmentation", "kernel"):
            self.assertEqual(metrics.get("collector_up", collector=collector), 1, collector)
        self.assertEqual(metrics.all("corosync_members"), {})
        self.within_limit(metrics, spec)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "state")))

    def scrape(self, pid, it):
        def answer():
            connection = expositions.Connection(pid, 19664, 20)
            try:
                connection.request("GET", "/metrics")
                response = connection.getresponse()
                return response.read().decode() if response.status == 200 else None
            except OSError:
                if not it.is_there():
                    raise AssertionError(it.log())
                return None
            finally:
                connection.close()
        return expositions.Metrics(until(answer, "the pod answers"))

    def test_full_on_a_node_of_a_cluster(self):
        missing = [name for name in ("corosync", "nsenter") if shutil.which(name) is None]
        if missing:
            self.skipTest(f"needs {missing}")
        nodes.BINARY = os.path.join(REPOSITORY, "build/release/fencewatch")
        whole = cluster.Cluster()
        self.addCleanup(whole.close)
        node = whole.nodes[1]
        node.stop_exporter()
        spec = pod("overlays/full")

        def host_path(path, kind):
            """As the node sees it: /var/lib/fencewatch is this test's own."""
            if path == "/var/lib/fencewatch":
                path = os.path.join(self.directory, "host-state")
            if kind == "DirectoryOrCreate":
                node.run("mkdir", "-p", path)
            node.run("test", "-f" if kind == "File" else "-d", path)
            return path

        config = container.configuration(DESCRIBED, FILES, spec, host_path, self.directory)
        with container.running(config, self.directory, node.enter(), f"/proc/{node.init}/root/proc") as it:
            self.scrape(node.init, it)
            until(lambda: self.scrape(node.init, it).get("corosync_members") == 3, "corosync answers the pod")
            until(lambda: os.listdir(os.path.join(self.directory, "host-state")), "the state is on the node")
            metrics = self.scrape(node.init, it)
            status = it.status()
        lock_and_nice = format(1 << 14 | 1 << 23, "016x")  # CAP_IPC_LOCK, CAP_SYS_NICE
        self.assertEqual({key: status[key] for key in ("CapPrm", "CapEff", "CapBnd")}, dict.fromkeys(("CapPrm", "CapEff", "CapBnd"), lock_and_nice))
        self.assertEqual((status["Uid"].split(), status["NoNewPrivs"], status["Seccomp"]), (["0"] * 4, "1", "2"))
        self.assertEqual(metrics.get("corosync_quorate"), 1)
        self.assertEqual(set(metrics.all("corosync_link_connected").values()), {1})
        self.assertEqual(metrics.get("collector_up", collector="corosync_live"), 1)
        self.assertEqual(metrics.get("memory_locked"), 1)
        self.assertEqual(metrics.get("log_source_info", channel="corosync", source="/var/log/corosync/corosync.log"), 1)
        self.assertEqual(metrics.get("log_source_info", channel="kernel", source="journal"), 1)
        self.assertEqual(metrics.get("corosync_process_realtime"), 1)  # seen in the node's /proc
        self.within_limit(metrics, spec)


if __name__ == "__main__":
    unittest.main()
