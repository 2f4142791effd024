"""deploy/helm/fencewatch by Helm 4 and 3, without a cluster: known to Kubernetes in each variant of ci/, the same as deploy/kubernetes, documented.
An upgrade or a rollback of a release, and any install by Helm 3, a dry one too, want an API server: not shown."""
import glob
import json
import os
import tempfile
import unittest

import yaml

import manifests
import pod_security
import values_readme
from manifests import CHART, HELM, chart, helm, kustomize, only

VARIANTS = sorted(glob.glob(os.path.join(CHART, "ci/*-values.yaml")))


def read(name):
    with open(os.path.join(CHART, name)) as file:
        return file.read()


def pod(rendered):
    return only(rendered, "DaemonSet")["spec"]["template"]["spec"]


def with_values(**values):
    """The chart's manifests with these."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return chart(file.name)


class ByHelm(unittest.TestCase):
    EACH = [(version, path) for version in HELM for path in VARIANTS]

    def test_they_are_helm_4_and_3(self):
        for version in HELM:
            self.assertTrue(helm("version", "--template", "{{.Version}}", version=version).startswith(f"v{version}."))

    def test_lint_has_nothing_to_say(self):
        for version, path in self.EACH:
            said = helm("lint", "--strict", CHART, "--values", path, version=version)
            self.assertIn("1 chart(s) linted, 0 chart(s) failed", said)
            self.assertNotRegex(said, r"\[(INFO|WARNING|ERROR)\]")

    def test_both_give_the_same(self):
        for version, path in self.EACH:
            self.assertEqual(chart(path, version=version), chart(path, version=4))

    def test_installed_as_far_as_that_goes_without_a_cluster(self):
        for path in VARIANTS:
            with self.subTest(os.path.basename(path)):
                said = helm("install", "fencewatch", CHART, "--dry-run=client", "--namespace", "fencewatch", "--values", path)
                self.assertIn("STATUS: pending-install", said)
                self.assertIn("kind: DaemonSet", said)

    def test_packed_it_is_the_same(self):
        """What a repository of charts serves: links of the repository are files there."""
        for version in HELM:
            with tempfile.TemporaryDirectory() as directory:
                helm("package", CHART, "--destination", directory, version=version)
                packed = os.path.join(directory, f"fencewatch-{yaml.safe_load(read('Chart.yaml'))['version']}.tgz")
                given = helm("template", "fencewatch", packed, "--namespace", "fencewatch", "--values", VARIANTS[0], version=version)
                self.assertEqual(manifests.documents(given), chart(VARIANTS[0]))


class Rendered(unittest.TestCase):
    def test_kubernetes_knows_every_key_in_each_variant(self):
        self.assertGreaterEqual(len(VARIANTS), 4)
        documents = [{"from": os.path.basename(path), "manifest": manifest} for path in VARIANTS for manifest in chart(path)]
        self.assertEqual(manifests.faults("manifests", json.dumps(documents)), [])

    def test_the_default_is_the_base_and_full_is_full(self):
        for values, directory in ({}, "base"), ({"profile": "full"}, "overlays/full"):
            with self.subTest(directory):
                here, there = with_values(**values), kustomize(directory)
                self.assertEqual(self.comparable(pod(here)), self.comparable(pod(there)))
                for kind, key in ("DaemonSet", "updateStrategy"), ("NetworkPolicy", "ingress"), ("NetworkPolicy", "policyTypes"):
                    self.assertEqual(only(here, kind)["spec"][key], only(there, kind)["spec"][key])

    def comparable(self, spec):
        def by_name(items):
            return sorted(items, key=lambda item: item["name"])
        spec["volumes"] = by_name(spec["volumes"])
        spec["containers"][0]["volumeMounts"] = by_name(spec["containers"][0]["volumeMounts"])
        return spec

    def test_monitoring_is_that_of_kustomize(self):
        here, there = chart(os.path.join(CHART, "ci/full-values.yaml")), kustomize("monitoring")
        self.assertEqual(only(here, "PrometheusRule")["spec"], only(there, "PrometheusRule")["spec"])
        self.assertEqual(only(here, "PodMonitor")["spec"]["podMetricsEndpoints"], only(there, "PodMonitor")["spec"]["podMetricsEndpoints"])
        for manifest in (m for m in there if m["kind"] == "ConfigMap"):
            self.assertEqual(only(here, "ConfigMap", manifest["metadata"]["name"])["data"], manifest["data"])

    def test_who_selects_finds(self):
        for path in VARIANTS:
            with self.subTest(os.path.basename(path)):
                rendered = chart(path)
                labels = only(rendered, "DaemonSet")["spec"]["template"]["metadata"]["labels"].items()
                for kind, selector in (("DaemonSet", lambda s: s["selector"]["matchLabels"]), ("NetworkPolicy", lambda s: s["podSelector"]["matchLabels"]),
                                       ("Service", lambda s: s["selector"]), ("PodMonitor", lambda s: s["selector"]["matchLabels"])):
                    for manifest in (m for m in rendered if m["kind"] == kind):
                        self.assertLessEqual(selector(manifest["spec"]).items(), labels)

    def test_pod_security(self):
        self.assertEqual(pod_security.breaks_restricted(pod(chart())), [])
        self.assertNotEqual(pod_security.breaks_baseline(pod(with_values(profile="full"))), [])

    def test_the_configuration_is_one(self):
        rendered = chart(os.path.join(CHART, "ci/all-values.yaml"))
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(only(rendered, "ConfigMap", "watch-fences")["data"]["fencewatch.yml"])
            file.flush()
            arguments = [a.replace("/etc/fencewatch/fencewatch.yml", file.name).replace("/etc/fencewatch-web/web.yml", os.devnull) for a in pod(rendered)["containers"][0]["args"]]
            self.assertEqual(manifests.run([os.path.join(manifests.BUILD, "release/fencewatch"), "--check-config", *arguments]), "configuration is valid\n")

    def test_probes_ask_as_the_web_configuration_wants(self):
        with_tls = pod(chart(os.path.join(CHART, "ci/all-values.yaml")))
        self.assertIn("--web.health-open", with_tls["containers"][0]["args"])
        self.assertIn({"name": "web", "secret": {"secretName": "web"}}, with_tls["volumes"])
        for probe in ("livenessProbe", "readinessProbe"):
            self.assertEqual(with_tls["containers"][0][probe]["httpGet"]["scheme"], "HTTPS")
            self.assertNotIn("scheme", pod(chart())["containers"][0][probe]["httpGet"])

    def notes(self, *values):
        return helm("install", "fencewatch", CHART, "--dry-run=client", "--namespace", "fencewatch", *values).split("NOTES:\n")[1]

    def test_notes(self):
        full = self.notes("--values", os.path.join(CHART, "ci/full-values.yaml"))
        self.assertIn("pod-security.kubernetes.io/enforce=privileged", full)
        self.assertNotIn("networkPolicy", full)
        default = self.notes()
        self.assertIn("namespace monitoring may scrape", default)
        self.assertIn("--set prometheus.podMonitor.enabled=true", default)
        anybody = self.notes("--set", "networkPolicy.namespace=")
        self.assertIn("everybody in the cluster may scrape", anybody)
        unlabelled = self.notes("--set", "prometheus.podMonitor.enabled=true")
        self.assertIn("prometheus.podMonitor.labels.release", unlabelled)

    def test_who_may_scrape(self):
        def sources(*arguments):
            given = manifests.documents(helm("template", "fencewatch", CHART, *arguments))
            return only(given, "NetworkPolicy")["spec"]["ingress"][0].get("from")
        self.assertEqual(sources("--set", "networkPolicy.namespace=observability"),
                         [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}])
        self.assertIsNone(sources("--set", "networkPolicy.namespace="))
        self.assertEqual(sources("--set", "networkPolicy.from[0].ipBlock.cidr=10.0.0.0/8"), [{"ipBlock": {"cidr": "10.0.0.0/8"}}])


class Values(unittest.TestCase):
    def test_mistakes_are_refused(self):
        wrong = {"profil=full": "profil", "prometheus.podmonitor.enabled=true": "podmonitor", "profile=all": "profile", "web.port=0": "port",
                 "extraArgs[0]=log.level=warn": "extraArgs", "image.digest=abc": "digest"}
        for version in HELM:
            for setting, named in wrong.items():
                with self.subTest(f"helm {version} --set {setting}"), self.assertRaisesRegex(AssertionError, f"values don't meet the specifications(?s:.*){named}"):
                    helm("template", "fencewatch", CHART, "--set", setting, version=version)
            with self.assertRaisesRegex(AssertionError, "values don't meet the specifications(?s:.*)tag"):
                helm("template", "fencewatch", CHART, "--set-json", "image.tag=1.0", version=version)

    def test_every_value_has_a_use_and_another_value_in_the_variants(self):
        default = yaml.safe_load(read("values.yaml"))
        with open(os.path.join(CHART, "ci/all-values.yaml")) as file:
            other = yaml.safe_load(file)
        given = {path for variant in (other,) for path in values_readme.leaves(variant)}
        for path, _, _ in values_readme.rows(read("values.yaml")):
            if path not in ("profile", "image.registry"):
                self.assertTrue([g for g in given if g == path or g.startswith(path + ".")], f"{path} is in no variant")
        texts = "".join(read(os.path.relpath(path, CHART)) for path in glob.glob(os.path.join(CHART, "templates/*")))
        for key in default:
            self.assertIn(f".Values.{key}", texts)

    def test_the_readme_has_them_all(self):
        text, values = read("README.md"), read("values.yaml")
        begin, end = text.index(values_readme.BEGIN) + len(values_readme.BEGIN), text.index(values_readme.END)
        wanted = text[:begin] + values_readme.table(values) + text[end:]
        if os.environ.get("UPDATE_GOLDEN") == "1":
            with open(os.path.join(CHART, "README.md"), "w") as file:
                file.write(wanted)
        self.assertEqual(read("README.md"), wanted)
        documented = [path for path, _, _ in values_readme.rows(values)]
        for leaf in values_readme.leaves(yaml.safe_load(values)):
            self.assertTrue([d for d in documented if leaf == d or leaf.startswith(d + ".")], f"{leaf} has no comment in values.yaml")

    def test_versions(self):
        described = yaml.safe_load(read("Chart.yaml"))
        version = manifests.run([os.path.join(manifests.BUILD, "release/fencewatch"), "--version"])
        self.assertIn(f"version {described['appVersion']}", version.split("+")[0])
        with open(os.path.join(CHART, "../../kubernetes/base/kustomization.yaml")) as file:
            self.assertEqual(yaml.safe_load(file)["images"][0]["newTag"], described["appVersion"])


if __name__ == "__main__":
    unittest.main()
