"""The rules are what the mixin gives, lint clean, and every alert has been seen to fire and to stay quiet."""
import json
import re
import tempfile
import unittest
from pathlib import Path

from mixin import ALERTS, ROOT, RULES, alerts, known_metrics, mixin, read_yaml, recorded, run, used_metrics


class Generated(unittest.TestCase):
    def test_committed_files_are_generated(self):
        with tempfile.TemporaryDirectory() as out:
            run(ALERTS / "generate.py", out)
            made = sorted(file.relative_to(out) for file in Path(out).glob("*/*"))
            self.assertEqual(len(made), 6)
            self.assertEqual({file for file in made if file.suffix == ".json"}, {file.relative_to(ROOT) for file in ROOT.glob("dashboards/*.json")})
            for file in made:
                self.assertEqual((Path(out) / file).read_text(), (ROOT / file).read_text(), f"run alerts/generate.py: {file}")

    def test_jsonnet_is_formatted(self):
        files = [*ALERTS.glob("*.libsonnet"), *(ROOT / "dashboards").glob("*.libsonnet")]
        run("jsonnetfmt", "-n", "2", "--max-blank-lines", "2", "--string-style", "s", "--comment-style", "s", "--test", *files)

    def test_users_can_change_selector_threshold_and_runbooks(self):
        changed = run("jsonnet", "-J", ALERTS, "-e", "(import 'mixin.libsonnet') + { _config+:: {"
                      "selector: 'job=\"ha\"', honouredRatio: 0.5, runbookURL: 'https://wiki/%s' } } + { all: self.prometheusRule, dashboards: self.grafanaDashboards }")
        self.assertNotIn("job=\\\"fencewatch\\\"", changed)
        self.assertIn("fencewatch_zones_watermark_honoured_ratio_min{job=\\\"ha\\\"} < 0.5", changed)
        self.assertIn("https://wiki/FenceRiskHigh", changed)
        self.assertIn("below 0.5 the zone is starved", changed)


class Rules(unittest.TestCase):
    def test_lint(self):
        run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES)

    def test_every_alert_says_what_it_must(self):
        for name, rule in alerts().items():
            with self.subTest(name):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(sorted(rule["annotations"]), ["description", "runbook_url", "summary"])
                self.assertRegex(rule["annotations"]["summary"], r"^[^{}]+\.$", "a fixed sentence")

    def test_only_these_page(self):
        paging = {name for name, rule in alerts().items() if rule["labels"]["severity"] == "critical"}
        self.assertEqual(paging, {"FenceRiskHigh", "OOMKillGlobal", "CorosyncQuorumLost", "NodeFenced", "FencingFailed"})

    def test_metrics_exist(self):
        known = known_metrics() | recorded()
        for group in [*mixin()["rules"]["groups"], *mixin()["alerts"]["groups"]]:
            for rule in group["rules"]:
                with self.subTest(rule.get("alert") or rule["record"]):
                    used = used_metrics(rule["expr"] + json.dumps(rule.get("annotations", {})))
                    self.assertLessEqual(used, known | {"instance:fencewatch_"})


    def test_counters_that_grow_are_told_by_a_collector_and_asked_for_by_a_rule(self):
        told = set(re.findall(r'page\.recent\("(\w+)"', "".join(file.read_text() for file in (ROOT / "collectors").rglob("*.cc"))))
        asked = set(re.findall(r'fencewatch_recent_increase\{[^}]*counter="(\w+)"', "".join(file.read_text() for file in RULES)))
        self.assertEqual(told, asked)
        self.assertIn("corosync_token_warnings", told)


class Cases(unittest.TestCase):
    def test_every_alert_fires_once_and_stays_quiet_once(self):
        fired, quiet = set(), set()
        for file in (ALERTS / "tests").glob("*.yml"):
            for case in read_yaml(file)["tests"]:
                for check in case.get("alert_rule_test", []):
                    (fired if check["exp_alerts"] else quiet).add(check["alertname"])
        self.assertEqual(fired, set(alerts()))
        self.assertEqual(quiet, set(alerts()))


if __name__ == "__main__":
    unittest.main()
