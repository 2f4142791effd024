"""deploy/kubernetes, rendered by kubectl kustomize: known to Kubernetes, with the rights that it promises and no more."""
import copy
import json
import os
import re
import unittest

import manifests
import pod_security
from manifests import REPOSITORY, kustomize, only


def pod(rendered):
    return only(rendered, "DaemonSet")["spec"]["template"]["spec"]


class Types(unittest.TestCase):
    def check(self, *named):
        return manifests.faults("manifests", json.dumps([{"from": name, "manifest": m} for name, list_ in named for m in list_]))

    def test_kubernetes_and_the_operator_know_every_key(self):
        self.assertEqual(self.check(*((name, kustomize(name)) for name in ("base", "overlays/full", "monitoring"))), [])

    def test_faults_would_be_found(self):
        base, full, monitoring = (kustomize(name) for name in ("base", "overlays/full", "monitoring"))
        pod(base)["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
        pod(full)["containers"][0]["resources"]["limits"]["memory"] = "lots"
        only(monitoring, "PrometheusRule")["spec"]["groups"][0]["rules"][0]["severity"] = "critical"
        found = "\n".join(self.check(("base", base), ("full", full), ("monitoring", monitoring)))
        for word in ("base: DaemonSet", "readOnlyRootFileSystem", "full: DaemonSet", "memory", "monitoring: PrometheusRule", "severity"):
            self.assertIn(word, found)


class PodSecurity(unittest.TestCase):
    LABELS = [f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "audit", "warn")]

    def levels(self, rendered):
        return {only(rendered, "Namespace")["metadata"]["labels"][label] for label in self.LABELS}

    def test_base_is_restricted(self):
        base = kustomize("base")
        self.assertEqual(self.levels(base), {"restricted"})
        self.assertEqual(pod_security.breaks_restricted(pod(base)), [])

    def test_full_breaks_baseline_with_the_host_s_network_and_paths_alone(self):
        full = kustomize("overlays/full")
        self.assertEqual(self.levels(full), {"privileged"})
        paths = ["state", "proc", "sys", "log", "run-log", "machine-id", "localtime", "corosync", "shm"]
        self.assertEqual(sorted(pod_security.breaks_baseline(pod(full))),
                         sorted(["hostNetwork", "capability IPC_LOCK", "capability SYS_NICE", "hostPort 19664", *("hostPath " + path for path in paths)]))

    def test_full_writes_to_its_state_and_to_shared_memory_only(self):
        full = pod(kustomize("overlays/full"))
        mounts = full["containers"][0]["volumeMounts"]
        self.assertEqual({m["name"] for m in mounts if not m.get("readOnly")}, {"state", "shm"})
        self.assertEqual({m["name"] for m in mounts}, {v["name"] for v in full["volumes"]})
        self.assertIn({"name": "shm", "mountPath": "/dev/shm"}, mounts)
        self.assertIn({"name": "state", "hostPath": {"path": "/var/lib/fencewatch", "type": "DirectoryOrCreate"}}, full["volumes"])

    def test_a_pod_with_more_rights_would_be_found(self):
        base = pod(kustomize("base"))
        for change in ({"hostPID": True}, {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, {"securityContext": {}}):
            self.assertNotEqual(pod_security.breaks_restricted({**copy.deepcopy(base), **change}), [], change)


class Rights(unittest.TestCase):
    """What both have, whatever else they need."""

    def each(self):
        for name in ("base", "overlays/full"):
            with self.subTest(name):
                yield kustomize(name)

    def test_no_token_and_no_api(self):
        for rendered in self.each():
            self.assertIs(pod(rendered)["automountServiceAccountToken"], False)
            self.assertIs(only(rendered, "ServiceAccount")["automountServiceAccountToken"], False)
            self.assertEqual([m["kind"] for m in rendered if "Role" in m["kind"]], [])

    def test_read_only_root_no_escalation_seccomp(self):
        for rendered in self.each():
            context = pod(rendered)["containers"][0]["securityContext"]
            self.assertIs(context["readOnlyRootFilesystem"], True)
            self.assertIs(context["allowPrivilegeEscalation"], False)
            self.assertEqual(context["capabilities"]["drop"], ["ALL"])
            self.assertEqual(pod(rendered)["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})

    def test_guaranteed_and_three_times_what_it_uses(self):
        for rendered in self.each():
            resources = pod(rendered)["containers"][0]["resources"]
            self.assertEqual(resources["requests"], resources["limits"])
            self.assertEqual(set(resources["limits"]), {"cpu", "memory"})
            # As measured; test_image.py measures again.
            self.assertGreaterEqual(int(resources["limits"]["memory"].removesuffix("Mi")), 3 * 24)

    def test_every_node_and_the_last_to_be_evicted(self):
        for rendered in self.each():
            self.assertEqual(pod(rendered)["tolerations"], [{"operator": "Exists"}])
            self.assertEqual(pod(rendered)["priorityClassName"], "system-node-critical")

    def test_probes_ask_the_paths_that_there_are(self):
        for rendered in self.each():
            container = pod(rendered)["containers"][0]
            self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/-/healthy", "port": "metrics"})
            self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/-/ready", "port": "metrics"})

    def test_the_network_policy_lets_scrapes_in_and_nothing_out(self):
        for rendered in self.each():
            policy = only(rendered, "NetworkPolicy")["spec"]
            self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
            self.assertNotIn("egress", policy)
            self.assertEqual(policy["ingress"][0]["ports"], [{"port": "metrics", "protocol": "TCP"}])
            self.assertEqual(policy["podSelector"]["matchLabels"].items() - only(rendered, "DaemonSet")["spec"]["template"]["metadata"]["labels"].items(), set())

    def test_its_arguments_are_arguments(self):
        binary = os.path.join(REPOSITORY, "build/release/fencewatch")
        for rendered in self.each():
            arguments = pod(rendered)["containers"][0]["args"]
            self.assertEqual(manifests.run([binary, "--check-config", *arguments]), "configuration is valid\n")


class Monitoring(unittest.TestCase):
    def test_one_monitor_that_finds_the_pods(self):
        monitor = only(kustomize("monitoring"), "PodMonitor")["spec"]
        daemonset = only(kustomize("base"), "DaemonSet")["spec"]["template"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), daemonset["metadata"]["labels"].items())
        endpoint = monitor["podMetricsEndpoints"][0]
        self.assertIn(endpoint["port"], [port["name"] for port in daemonset["spec"]["containers"][0]["ports"]])

    def test_node_is_the_node_and_takes_no_label_from_a_metric(self):
        endpoint = only(kustomize("monitoring"), "PodMonitor")["spec"]["podMetricsEndpoints"][0]
        self.assertNotIn("honorLabels", endpoint)
        set_ = {r["targetLabel"]: r.get("sourceLabels", r.get("replacement")) for r in endpoint["relabelings"] if "targetLabel" in r}
        self.assertEqual(set_, {"node": ["__meta_kubernetes_pod_node_name"], "instance": ["__meta_kubernetes_pod_node_name"], "job": "fencewatch"})
        with open(os.path.join(REPOSITORY, "collectors/METRICS.md")) as file:
            labels = {label for row in re.findall(r"^\| `\w+` \| \w+ \| ([\w,]*) \|", file.read(), re.M) for label in row.split(",")}
        self.assertIn("numa_node", labels)
        self.assertEqual(labels & set(set_), set())

    def test_rules_and_dashboards_are_those_of_the_repository(self):
        rendered = kustomize("monitoring")
        with open(os.path.join(REPOSITORY, "alerts/prometheusrule.yaml")) as file:
            self.assertEqual(only(rendered, "PrometheusRule")["spec"], manifests.documents(file.read())[0]["spec"])
        shown = {}
        for config_map in (m for m in rendered if m["kind"] == "ConfigMap"):
            self.assertEqual(config_map["metadata"]["labels"]["grafana_dashboard"], "1")
            shown.update(config_map["data"])
        directory = os.path.join(REPOSITORY, "dashboards")
        for name in (name for name in os.listdir(directory) if name.endswith(".json")):
            with open(os.path.join(directory, name)) as file:
                self.assertEqual(shown.pop(name), file.read())
        self.assertEqual(shown, {})


if __name__ == "__main__":
    unittest.main()
