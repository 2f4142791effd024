"""deploy/prometheus: read by Prometheus itself, and its targets found; what compose and Grafana mount is there."""
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import yaml

from manifests import REPOSITORY, run

sys.path.insert(0, os.path.join(REPOSITORY, "tests"))
import waiting  # noqa: E402

HERE = os.path.join(REPOSITORY, "deploy/prometheus")
BINARY = os.path.join(REPOSITORY, "build/release/fencewatch")


def load(*path):
    with open(os.path.join(HERE, *path)) as file:
        return yaml.safe_load(file)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Configurations(unittest.TestCase):
    def check(self, path):
        said = run(["promtool", "check", "config", path])
        self.assertEqual(said.count("SUCCESS"), 4, said)  # that files of rules were found, itself, and each of the two

    def test_prometheus_reads_that_for_hosts(self):
        self.check(os.path.join(HERE, "prometheus.yml"))

    def test_prometheus_reads_that_for_kubernetes(self):
        """But for how the pods are found: Debian's Prometheus is built without it."""
        config = load("prometheus-kubernetes.yml")
        found = config["scrape_configs"][0].pop("kubernetes_sd_configs")
        self.assertEqual(found, [{"role": "pod", "namespaces": {"names": ["fencewatch"]},
                                  "selectors": [{"role": "pod", "label": "app.kubernetes.io/name=fencewatch"}]}])
        config["rule_files"] = [os.path.join(HERE, path) for path in config["rule_files"]]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump(config, file)
            file.flush()
            self.check(file.name)

    def test_node_is_labelled_as_by_the_pod_monitor(self):
        monitor = load("../kubernetes/monitoring/podmonitor.yaml")["spec"]["podMetricsEndpoints"][0]["relabelings"]
        here = load("prometheus-kubernetes.yml")["scrape_configs"][0]["relabel_configs"]
        self.assertEqual({(tuple(r["sourceLabels"]), r["targetLabel"]) for r in monitor if "sourceLabels" in r},
                         {(tuple(r["source_labels"]), r["target_label"]) for r in here if "target_label" in r})

    def test_grafana_finds_the_dashboards(self):
        path = load("grafana/provisioning/dashboards/fencewatch.yml")["providers"][0]["options"]["path"]
        mounted = dict(volume.split(":")[:2] for volume in load("compose.yml")["services"]["grafana"]["volumes"])
        source = next(here for here, there in mounted.items() if there == path)
        self.assertEqual(sorted(os.path.basename(p) for p in glob.glob(os.path.join(HERE, source, "*.json"))), ["before-after.json", "fleet.json", "node.json"])


class Compose(unittest.TestCase):
    def test_what_it_mounts_is_there(self):
        compose = load("compose.yml")
        for name, service in compose["services"].items():
            for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
                if source.startswith("."):
                    self.assertTrue(os.path.exists(os.path.join(HERE, source)), f"{name}: {source}")
                else:
                    self.assertIn(source, compose["volumes"])

    def test_nothing_listens_to_others_and_the_addresses_agree(self):
        services = load("compose.yml")["services"]
        listening = {name: next(a.split("=", 1)[1] for a in service["command"] if a.startswith("--web.listen-address="))
                     for name, service in services.items() if "command" in service}
        self.assertTrue(all(address.startswith("127.0.0.1:") for address in listening.values()), listening)
        self.assertEqual(services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"], "127.0.0.1")
        self.assertEqual(load("targets/hosts.yml")[0]["targets"], [listening["fencewatch"]])
        self.assertEqual(load("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]["url"], "http://" + listening["prometheus"])
        self.assertEqual(load("prometheus.yml")["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"], [listening["alertmanager"]])

    def test_its_flags_are_fencewatch_s(self):
        self.assertEqual(run([BINARY, "--check-config", *load("compose.yml")["services"]["fencewatch"]["command"]]), "configuration is valid\n")


class Scraped(unittest.TestCase):
    def start(self, *command, log):
        with open(os.path.join(self.directory, log), "wb") as out:
            process = subprocess.Popen(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def targets(self, port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets?state=active", timeout=10) as answer:
                return json.load(answer)["data"]["activeTargets"]
        except (urllib.error.URLError, OSError):
            return []

    def test_a_host_from_a_file(self):
        if shutil.which("prometheus") is None:
            self.skipTest("needs prometheus")
        self.directory = tempfile.mkdtemp(prefix="fencewatch-prometheus-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        shutil.copytree(HERE, os.path.join(self.directory, "deploy/prometheus"))
        shutil.copytree(os.path.join(REPOSITORY, "alerts"), os.path.join(self.directory, "alerts"))
        exporter, prometheus = free_port(), free_port()
        with open(os.path.join(self.directory, "deploy/prometheus/targets/hosts.yml"), "w") as file:
            yaml.safe_dump([{"targets": [f"127.0.0.1:{exporter}"], "labels": {"cluster": "trial"}}], file)
        self.start(BINARY, f"--web.listen-address=127.0.0.1:{exporter}", f"--state.dir={self.directory}/state", log="fencewatch.log")
        self.start("prometheus", "--config.file=deploy/prometheus/prometheus.yml", "--storage.tsdb.path=tsdb", f"--web.listen-address=127.0.0.1:{prometheus}", log="prometheus.log")
        up = waiting.until(lambda: [t for t in self.targets(prometheus) if t["health"] == "up"], "Prometheus has scraped fencewatch", 90)
        self.assertEqual([t["labels"] for t in up], [{"job": "fencewatch", "instance": "127.0.0.1", "cluster": "trial"}])


if __name__ == "__main__":
    unittest.main()
