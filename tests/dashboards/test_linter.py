"""The 17 rules of grafana/dashboard-linter, by their names there, for it is a Go program that Debian does not have. What is left out of a rule is in EXCLUDED with its reason."""
import functools
import json
import re
import tempfile
import unittest

from dashboards import dashboards, filled, queries
from mixin import run

# (rule, dashboard, query or panel): reason. One that is no longer needed fails.
EXCLUDED = {
    ("target-instance-rule", "node.json", "Fencing"): "a fenced node does not answer, its peers tell of it",
    **{("target-rate-interval-rule", "before-after.json", f"By release {ref}"): "a sum over the whole time shown, whose step must not change with the width of the window"
       for ref in "CDEF"},
}
CHOSEN = {"job": 'job=~"$job"', "instance": 'instance=~"$instance"'}
SELECTOR = re.compile(r"\b((?:instance:)?fencewatch_[\w:]+|up)(\{[^}]*\})?")
RANGE = re.compile(r"\b(?:rate|irate|increase|delta|idelta|deriv)\(\w+(?:\{[^}]*\})?\[([^]]*)\]")
COUNTER = re.compile(r"\b\w+_(?:total|bucket|count|sum)\{")
# The names that @grafana/data gives the units used here.
UNITS = {"short", "bytes", "percentunit", "s", "ops"}

RULES = {}


def rule(name):
    def add(function):
        RULES[name] = function
        return function
    return add


def variable(dashboard, name):
    return next((v for v in dashboard["templating"]["list"] if v["name"] == name), None)


def variables(dashboard):
    return [v for v in dashboard["templating"]["list"] if v["type"] == "query"]


@functools.lru_cache(maxsize=None)
def parses(expression):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "one", "rules": [{"record": "query", "expr": expression}]}]}, file)
        file.flush()
        try:
            run("promtool", "check", "rules", "--lint=none", file.name)
        except AssertionError as error:
            return str(error)
    return ""


@rule("template-datasource-rule")
def template_datasource(dashboard):
    v = variable(dashboard, "datasource")
    if (v["type"], v["label"], v["query"]) != ("datasource", "Data source", "prometheus"):
        yield "", "no variable `datasource`, Data source, of Prometheus"


def template(dashboard, name):
    v = variable(dashboard, name)
    if (v["type"], v["label"], v["multi"], v["includeAll"], v["allValue"]) != ("query", name.title(), True, True, ".+"):
        yield "", f"variable {name} is not as the linter wants it"
    if v["datasource"]["uid"] not in ("$datasource", "${datasource}"):
        yield "", f"variable {name} is not of the chosen data source"


@rule("template-job-rule")
def template_job(dashboard):
    return template(dashboard, "job")


@rule("template-instance-rule")
def template_instance(dashboard):
    return template(dashboard, "instance")


@rule("template-label-promql-rule")
def template_label_promql(dashboard):
    for v in variables(dashboard):
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", v["query"]["query"])
        if not found or parses(filled(found.group(1))):
            yield v["name"], v["query"]["query"]


@rule("template-on-time-change-reload-rule")
def template_reload(dashboard):
    for v in variables(dashboard):
        if v["refresh"] != 2:
            yield v["name"], "is not read again when the time changes"


@rule("panel-datasource-rule")
def panel_datasource(dashboard):
    for panel in dashboard["panels"]:
        for source in [panel["datasource"], *(target["datasource"] for target in panel["targets"])]:
            if source["uid"] not in ("$datasource", "${datasource}"):
                yield panel["title"], source["uid"]


@rule("panel-title-description-rule")
def panel_title_description(dashboard):
    for panel in dashboard["panels"]:
        if not panel["title"] or not re.fullmatch(r"(?s)\S.*\.", panel["description"]):
            yield panel["title"], "no title, or no description in sentences"


@rule("panel-units-rule")
def panel_units(dashboard):
    for panel in dashboard["panels"]:
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield panel["title"], f"unit {panel['fieldConfig']['defaults'].get('unit')}"


@rule("panel-no-targets-rule")
def panel_no_targets(dashboard):
    for panel in dashboard["panels"]:
        if not panel["targets"]:
            yield panel["title"], "asks nothing"


@rule("target-promql-rule")
def target_promql(dashboard):
    every = dict(queries(dashboard))
    # All at once; one by one only to tell which.
    if parses(" and ".join(f"({filled(expression)})" for expression in every.values())):
        for where, expression in every.items():
            if error := parses(filled(expression)):
                yield where, error


@rule("target-rate-interval-rule")
def target_rate_interval(dashboard):
    for where, expression in queries(dashboard):
        for interval in RANGE.findall(expression):
            if interval != "$__rate_interval":
                yield where, f"[{interval}]"


def chosen(dashboard, name):
    for where, expression in queries(dashboard):
        for metric, matchers in SELECTOR.findall(expression):
            if CHOSEN[name] not in matchers:
                yield where, metric


@rule("target-job-rule")
def target_job(dashboard):
    return chosen(dashboard, "job")


@rule("target-instance-rule")
def target_instance(dashboard):
    return chosen(dashboard, "instance")


@rule("target-counter-agg-rule")
def target_counter_agg(dashboard):
    for where, expression in queries(dashboard):
        for counter in COUNTER.finditer(expression):
            if not re.search(r"\b(rate|irate|increase)\($", expression[:counter.start()]):
                yield where, counter.group()


@rule("uneditable-dashboard")
def uneditable(dashboard):
    if dashboard["editable"] is not False:
        yield "", "can be edited"


@rule("target-logql-rule")
@rule("target-logql-auto-rule")
def target_logql(dashboard):
    if re.search(r'"type": "loki"', json.dumps(dashboard)):
        yield "", "asks Loki, and nothing here checks LogQL"


class Linter(unittest.TestCase):
    def test_all_rules_are_here(self):
        self.assertEqual(len(RULES), 17)

    def test_dashboards_keep_them(self):
        needed = set()
        for name, dashboard in dashboards().items():
            for of, check in RULES.items():
                for where, why in check(dashboard):
                    if (of, name, where) in EXCLUDED:
                        needed.add((of, name, where))
                    else:
                        with self.subTest(of, dashboard=name):
                            self.fail(f"{where}: {why}")
        self.assertEqual(needed, set(EXCLUDED))


if __name__ == "__main__":
    unittest.main()
