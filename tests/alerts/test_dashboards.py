"""The rules of grafana/dashboard-linter that can be told from the JSON, and that every query parses and names metrics that exist."""
import itertools
import json
import re
import tempfile
import unittest

from dashboards import dashboards, filled, queries
from mixin import known_metrics, recorded, run, used_metrics

# Sums over the whole time shown: their step must not change with the width of the window.
FIXED_INTERVAL = {"before-after.json": {"By release " + ref for ref in "CDEF"}}


class Dashboards(unittest.TestCase):
    where = ""

    def _formatMessage(self, msg, standardMsg):
        return f"{self.where}: {super()._formatMessage(msg, standardMsg)}"

    def each(self):
        for self.where, dashboard in dashboards().items():
            yield self.where, dashboard

    def each_panel(self):
        for name, dashboard in self.each():
            for panel in dashboard["panels"]:
                self.where = f"{name}, {panel['title']}"
                yield panel

    def each_query(self):
        for name, dashboard in self.each():
            for where, expression in queries(dashboard):
                self.where = f"{name}, {where}"
                yield name, where, expression

    def test_there_are_three(self):
        self.assertEqual(list(dashboards()), ["before-after.json", "fleet.json", "node.json"])

    def test_classic_uneditable_linked(self):
        for name, dashboard in self.each():
            self.assertGreaterEqual(dashboard["schemaVersion"], 39)
            self.assertIs(dashboard["editable"], False)
            self.assertEqual(dashboard["uid"], "fencewatch-" + name.removesuffix(".json"))
            self.assertEqual([link["tags"] for link in dashboard["links"]], [dashboard["tags"]])

    def test_links_lead_to_dashboards(self):
        uids = {dashboard["uid"] for dashboard in dashboards().values()}
        found = set(re.findall(r"/d/([\w-]+)", json.dumps(dashboards())))
        self.assertTrue(found and found <= uids, found)

    def test_variables(self):
        for _, dashboard in self.each():
            first, *others = dashboard["templating"]["list"]
            self.assertEqual((first["name"], first["label"], first["type"], first["query"]), ("datasource", "Data source", "datasource", "prometheus"))
            self.assertLessEqual({"job", "instance", "cluster"}, {variable["name"] for variable in others})
            for variable in others:
                self.assertEqual(variable["datasource"]["uid"], "$datasource")
                self.assertEqual(variable["label"].lower(), variable["name"])
                self.assertEqual((variable["type"], variable["refresh"], variable["multi"], variable["includeAll"]), ("query", 2, True, True))
                self.assertEqual(variable["allValue"], ".*" if variable["name"] == "cluster" else ".+")  # cluster may be missing

    def test_panels_say_what_they_show(self):
        for panel in self.each_panel():
            self.assertTrue(panel["title"])
            self.assertRegex(panel["description"], r"\S.*\.$")
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
            self.assertTrue(panel["targets"])
            self.assertEqual({target["datasource"]["uid"] for target in panel["targets"]} | {panel["datasource"]["uid"]}, {"${datasource}"})
            refs = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(refs), len(set(refs)))

    def test_panels_do_not_overlap(self):
        for _, dashboard in self.each():
            boxes = [panel["gridPos"] for panel in dashboard["panels"]]
            self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(boxes))
            for box in boxes:
                self.assertLessEqual(box["x"] + box["w"], 24)
            for a, b in itertools.combinations(boxes, 2):
                apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                self.assertTrue(apart, (a, b))

    def test_queries_parse(self):
        rules = [{"record": "query", "expr": filled(expression)} for _, _, expression in self.each_query()]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            file.flush()
            self.assertIn(f"{len(rules)} rules found", run("promtool", "check", "rules", "--lint=none", file.name))

    def test_queries_name_metrics_that_exist(self):
        for _, _, expression in self.each_query():
            self.assertTrue(used_metrics(expression) or "up{" in expression)
            self.assertLessEqual(used_metrics(expression), known_metrics() | recorded())

    def test_every_selector_is_of_the_chosen_targets(self):
        for name, where, expression in self.each_query():
            wanted = ['job=~"$job"', 'cluster=~"$cluster"'] + ([] if where == "Fencing" else ['instance=~"$instance"'])  # told by any peer
            selectors = re.findall(r"\b((?:instance:)?fencewatch_[\w:]+|up)(\{[^}]*\})?", expression)
            for metric, matchers in selectors:
                for matcher in wanted:
                    self.assertIn(matcher, matchers, metric)

    def test_counters_are_never_shown_raw(self):
        for name, where, expression in self.each_query():
            for counter in re.finditer(r"\w+_(total|bucket)\{", expression):
                self.assertRegex(expression[:counter.start()], r"(rate|increase)\($")
            for interval in re.findall(r"(?:rate|increase)\(\w+\{[^}]*\}\[([^]]*)\]", expression):
                fixed = where in FIXED_INTERVAL.get(name, ())
                self.assertEqual(interval, "5m" if fixed else "$__rate_interval")


if __name__ == "__main__":
    unittest.main()
