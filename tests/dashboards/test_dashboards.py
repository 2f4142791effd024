"""What the dashboards promise besides the linter's rules: links, layout, metrics that exist, and Grafana's own types."""
import itertools
import json
import re
import unittest

from dashboards import dashboards, queries
from mixin import known_metrics, recorded, used_metrics


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
                yield expression

    def test_there_are_three(self):
        self.assertEqual(list(dashboards()), ["before-after.json", "fleet.json", "node.json"])

    def test_classic_and_linked(self):
        for name, dashboard in self.each():
            self.assertGreaterEqual(dashboard["schemaVersion"], 39)
            self.assertEqual(dashboard["uid"], "fencewatch-" + name.removesuffix(".json"))
            self.assertEqual([link["tags"] for link in dashboard["links"]], [dashboard["tags"]])

    def test_links_lead_to_dashboards(self):
        uids = {dashboard["uid"] for dashboard in dashboards().values()}
        found = set(re.findall(r"/d/([\w-]+)", json.dumps(dashboards())))
        self.assertTrue(found and found <= uids, found)

    def test_the_cluster_can_be_chosen_and_may_be_missing(self):
        for _, dashboard in self.each():
            cluster = next(v for v in dashboard["templating"]["list"] if v["name"] == "cluster")
            self.assertEqual(cluster["allValue"], ".*")
        for expression in self.each_query():
            for selector in re.findall(r"\b(?:(?:instance:)?fencewatch_[\w:]+|up)(\{[^}]*\})?", expression):
                self.assertIn('cluster=~"$cluster"', selector)

    def test_targets_have_names_of_their_own(self):
        for panel in self.each_panel():
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

    def test_queries_name_metrics_that_exist(self):
        for expression in self.each_query():
            self.assertTrue(used_metrics(expression) or "up{" in expression)
            self.assertLessEqual(used_metrics(expression), known_metrics() | recorded())


if __name__ == "__main__":
    unittest.main()
