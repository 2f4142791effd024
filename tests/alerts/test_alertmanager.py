"""The example loads, sends each severity where it should, and inhibits only what is there."""
import re
import unittest

import yaml

from mixin import ALERTS, alerts, mixin, run

CONFIG = ALERTS / "alertmanager.yml"
RECEIVER = {"critical": "page", "warning": "chat", "info": "list"}


def routes_to(**labels):
    words = [f"{key}={value}" for key, value in labels.items()]
    return run("amtool", "config", "routes", "test", f"--config.file={CONFIG}", *words).split()


class Alertmanager(unittest.TestCase):
    def setUp(self):
        self.config = yaml.safe_load(CONFIG.read_text())

    def test_loads(self):
        self.assertIn("SUCCESS", run("amtool", "check-config", CONFIG))

    def test_each_severity_has_its_receiver(self):
        for severity, receiver in RECEIVER.items():
            self.assertEqual(routes_to(severity=severity, cluster="a", instance="n1:19664"), [receiver])
        self.assertEqual(routes_to(alertname="of-somebody-else"), ["chat"])

    def test_every_alert_is_routed_by_its_severity(self):
        for name, rule in alerts().items():
            with self.subTest(name):
                severity = rule["labels"]["severity"]
                self.assertEqual(routes_to(alertname=name, severity=severity, instance="n1:19664"), [RECEIVER[severity]])

    def test_what_only_another_kernel_ends_is_told_once_a_day_for_a_model(self):
        route = self.config["route"]["routes"][0]
        self.assertEqual(route["matchers"], ['alertname=~"ZoneMiscounted|WatermarksCollapsed"'])
        self.assertEqual((route["group_by"], route["group_interval"], route["repeat_interval"]), (["alertname", "cluster", "vendor", "product"], "1d", "1d"))

    def test_pages_are_never_muted(self):
        for route in self.config["route"]["routes"]:
            self.assertEqual("mute_time_intervals" in route, 'severity="critical"' not in route["matchers"])

    def test_inhibition_names_alerts_that_exist(self):
        for rule in self.config["inhibit_rules"]:
            for matcher in rule["source_matchers"] + rule["target_matchers"]:
                for name in re.fullmatch(r'alertname=~?"(.*)"', matcher).group(1).split("|"):
                    self.assertIn(name, alerts())

    def test_high_risk_silences_all_of_its_causes(self):
        """Its causes are the alerts on memory, and of those on corosync the ones that say it is late; and that it answers no more."""
        rule = next(r for r in self.config["inhibit_rules"] if 'alertname="FenceRiskHigh"' in r["source_matchers"])
        causes = set(re.fullmatch(r'alertname=~"(.*)"', rule["target_matchers"][0]).group(1).split("|"))
        memory = {r["alert"] for group in mixin()["alerts"]["groups"] if group["name"].startswith("fencewatch.memory") for r in group["rules"]}
        self.assertIn("ZoneMiscounted", memory)
        late = {"CorosyncTokenWarnings", "CorosyncTokenLost", "CorosyncNotScheduled", "CorosyncPaused", "CorosyncNearMiss"}
        self.assertEqual(causes, memory | late | {"ExporterDown"})


if __name__ == "__main__":
    unittest.main()
