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
                         {(tuple(r["source_labels"]), r["target_label"]) for r in here if "target_label" in r and "source_labels" in r})

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

    def asked(self, port, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, OSError):
            return None

    def scraped(self, name, config):
        """The labels of the one target that Prometheus has with this configuration, once it is up; and what a query by them finds."""
        if shutil.which("prometheus") is None:
            self.skipTest("needs prometheus")
        self.directory = tempfile.mkdtemp(prefix="fencewatch-prometheus-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        shutil.copytree(HERE, os.path.join(self.directory, "deploy/prometheus"))
        shutil.copytree(os.path.join(REPOSITORY, "alerts"), os.path.join(self.directory, "alerts"))
        exporter, prometheus = free_port(), free_port()
        config(f"127.0.0.1:{exporter}")
        self.start(BINARY, f"--web.listen-address=127.0.0.1:{exporter}", f"--state.dir={self.directory}/state", log="fencewatch.log")
        self.start("prometheus", f"--config.file=deploy/prometheus/{name}", "--storage.tsdb.path=tsdb", f"--web.listen-address=127.0.0.1:{prometheus}", log="prometheus.log")

        def up():
            targets = (self.asked(prometheus, "targets?state=active") or {}).get("activeTargets", [])
            return [target["labels"] for target in targets if target["health"] == "up"]
        labels, = waiting.until(up, "Prometheus has scraped fencewatch", 90)
        # As the dashboards' variable `cluster` asks.
        clusters = self.asked(prometheus, "label/cluster/values?match[]=fencewatch_build_info")
        return labels, clusters

    def write(self, path, what):
        with open(os.path.join(self.directory, "deploy/prometheus", path), "w") as file:
            yaml.safe_dump(what, file)

    def test_a_host_from_a_file(self):
        def config(address):
            hosts = load("targets/hosts.yml")
            hosts[0]["targets"] = [address]
            self.write("targets/hosts.yml", hosts)
        self.assertEqual(self.scraped("prometheus.yml", config), ({"job": "fencewatch", "instance": "127.0.0.1", "cluster": "ha-1"}, ["ha-1"]))

    def test_a_pod(self):
        """What the API would tell of it given by hand."""
        def config(address):
            kubernetes = load("prometheus-kubernetes.yml")
            scrape, = kubernetes["scrape_configs"]
            del scrape["kubernetes_sd_configs"]
            scrape["static_configs"] = [{"targets": [address], "labels": {"__meta_kubernetes_pod_container_port_name": "metrics", "__meta_kubernetes_pod_node_name": "n1"}}]
            self.write("prometheus-kubernetes.yml", kubernetes)
        self.assertEqual(self.scraped("prometheus-kubernetes.yml", config),
                         ({"job": "fencewatch", "instance": "n1", "node": "n1", "cluster": "kubernetes-1"}, ["kubernetes-1"]))


if __name__ == "__main__":
    unittest.main()
