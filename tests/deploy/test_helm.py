"""deploy/helm/fencewatch, rendered without Helm: known to Kubernetes in each variant of ci/, the same as deploy/kubernetes, documented."""
import glob
import json
import os
import tempfile
import unittest

import yaml

import manifests
import pod_security
import values_readme
from manifests import CHART, chart, kustomize, only, render

VARIANTS = sorted(glob.glob(os.path.join(CHART, "ci/*-values.yaml")))


def read(name):
    with open(os.path.join(CHART, name)) as file:
        return file.read()


def pod(rendered):
    return only(rendered, "DaemonSet")["spec"]["template"]["spec"]


def with_values(**values):
    """The chart's manifests and values with these."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return chart(file.name), render(file.name)[0]


class Rendered(unittest.TestCase):
    def test_kubernetes_knows_every_key_in_each_variant(self):
        self.assertGreaterEqual(len(VARIANTS), 4)
        documents = [{"from": os.path.basename(path), "manifest": manifest} for path in VARIANTS for manifest in chart(path)]
        self.assertEqual(manifests.faults("manifests", json.dumps(documents)), [])

    def test_the_default_is_the_base_and_full_is_full(self):
        for values, directory in ({}, "base"), ({"profile": "full"}, "overlays/full"):
            with self.subTest(directory):
                here, there = with_values(**values)[0], kustomize(directory)
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
        self.assertNotEqual(pod_security.breaks_baseline(pod(with_values(profile="full")[0])), [])

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

    def test_notes(self):
        _, templates = render(os.path.join(CHART, "ci/full-values.yaml"))
        self.assertIn("pod-security.kubernetes.io/enforce=privileged", templates["NOTES.txt"])


class Values(unittest.TestCase):
    def faults(self, **documents):
        schema = json.loads(read("values.schema.json"))
        return manifests.faults("values", json.dumps({"schema": schema, "documents": [{"from": k, "values": v} for k, v in documents.items()]}))

    def test_each_variant_is_allowed(self):
        self.assertEqual(self.faults(default=render()[0], **{os.path.basename(path): render(path)[0] for path in VARIANTS}), [])

    def test_mistakes_are_not(self):
        wrong = {"unknown": {"profil": "full"}, "deep": {"prometheus": {"podmonitor": {}}}, "profile": {"profile": "all"}, "port": {"web": {"port": 0}},
                 "tag": {"image": {"tag": 1.0}}, "argument": {"extraArgs": ["log.level=warn"]}, "digest": {"image": {"digest": "abc"}}}
        found = self.faults(**wrong)
        for name in wrong:
            self.assertTrue([fault for fault in found if fault.startswith(name + ":")], f"{name} is allowed")

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
        self.assertIn(f"version {described['appVersion']} ", version)


if __name__ == "__main__":
    unittest.main()
