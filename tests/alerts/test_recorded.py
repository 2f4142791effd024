"""What the alerts make of real runs: each recorded corosync scenario on healthy nodes, on the recorded 4.19 miscount, and on that machine after its memory ran out."""
import json
import tempfile
import unittest

from mixin import RULES, alerts, run
from recorded import FIXTURES, corosync_log, kernel_log, timeline, when

STEPS, OOM, EVENT = 80, 12, 24  # of 15 s: out of memory after 3 minutes, corosync's event after 6, and 14 more
LOST, WARNED, LATE, FLAPPING, ELEVATED = "CorosyncTokenLost", "CorosyncTokenWarnings", "CorosyncNotScheduled", "CorosyncLinkFlapping", "FenceRiskElevated"
# What fires on healthy nodes: n1, which was left alone, and n2, which was hurt. What was done to it is in the name.
SCENARIOS = {
    "cable": ({LOST}, {LOST}),
    "cable-2links": (set(), set()),
    "ifdown": ({LOST}, {LOST}),
    "kill9": ({LOST}, set()),
    "kill9-udpu": ({LOST}, set()),
    "leave": (set(), set()),
    "loss30": ({LOST, WARNED, ELEVATED, FLAPPING}, {LOST, WARNED, ELEVATED, FLAPPING}),
    "nodecrash": ({LOST}, set()),
    "quorumloss": ({LOST}, set()),
    "retransmit": ({LOST, WARNED, ELEVATED}, {LOST, WARNED, ELEVATED}),
    "schedmiss12": ({LOST, WARNED, ELEVATED, FLAPPING}, {LATE, FLAPPING}),
    "stallmain5s": ({LOST}, {LATE}),
    "stop10s": ({LOST}, {LATE}),
    "stop2s": ({LOST}, set()),
    "stop3s-udpu": (set(), {LATE}),
    "stopall5s": ({LATE, LOST}, {LATE, LOST}),
}
MISCOUNTED = {"FenceRiskLatent", "ZoneMiscounted", "WatermarksCollapsed"}
LINKS_ALONE_TELL = {"stop2s"}   # nothing fires on the hurt node, and it is late all the same
WARNED_BEFORE_LOST = {"loss30"}  # by more than one evaluation: risk 2 is seen on the way to 3


def on_miscounted(scenario, hurt):
    high = {"FenceRiskHigh"} if LOST in hurt else set()
    passed_by = {ELEVATED} if scenario in WARNED_BEFORE_LOST else set()
    return hurt - {ELEVATED} | passed_by | MISCOUNTED | high


def on_exhausted(scenario, hurt):
    high = {"FenceRiskHigh"} if hurt or scenario in LINKS_ALONE_TELL else set()
    return hurt | MISCOUNTED | {ELEVATED, "OOMKillGlobal"} | high


HEALTHY_TREE = ("kernel/linux-6.1-healthy",)
BEFORE, AFTER = (("kernel/linux-4.19-miscount", f"oom/linux-4.19-miscount/{when}") for when in ("before", "after"))


def healthy(_):
    return (HEALTHY_TREE,)


def miscounted(_):
    return (BEFORE,)


def exhausted(step):
    return (BEFORE,) if step < OOM else (AFTER, kernel_log("linux-4.19-miscount"))


def expected(query, at, firing):
    samples = [{"labels": f'{{alertname="{alert}",instance="{node}"}}', "value": 1} for node, names in firing.items() for alert in names]
    return {"expr": f"max by (alertname, instance) ({query})", "eval_time": at, "exp_samples": samples}


def case(scenario, peer, hurt):
    nodes = {f"{scenario} {which}": node for which, node in {  # instance: log, memory, what fires
        "peer": ("n1", healthy, peer),
        "hurt": ("n2", healthy, hurt),
        "hurt-miscounted": ("n2", miscounted, on_miscounted(scenario, hurt)),
        "hurt-exhausted": ("n2", exhausted, on_exhausted(scenario, hurt)),
    }.items()}
    logs = {name: corosync_log(scenario, name) for name in ("n1", "n2")}
    first = min(when(lines[0]) for lines in logs.values() if lines)
    series = [one for instance, (log, memory, _) in nodes.items()
              for one in timeline(f'cluster="a",instance="{instance}",job="fencewatch"', STEPS, memory, logs[log], EVENT, first)]
    firing = 'ALERTS{alertstate="firing"}'
    return {"name": scenario, "interval": "15s", "input_series": series, "promql_expr_test": [
        expected(f"max_over_time({firing}[20m])", "20m", {instance: fires for instance, (_, _, fires) in nodes.items()}),
        expected(firing, "20m", {f"{scenario} hurt-miscounted": MISCOUNTED, f"{scenario} hurt-exhausted": MISCOUNTED}),
    ]}


class Recorded(unittest.TestCase):
    def test_every_scenario_is_told(self):
        self.assertEqual({path.name for path in (FIXTURES / "corosync").iterdir()}, set(SCENARIOS))

    def test_what_fires_in_each_scenario(self):
        self.assertLessEqual(set().union(*(fires for pair in SCENARIOS.values() for fires in pair)), set(alerts()))
        cases = [case(scenario, *fires) for scenario, fires in SCENARIOS.items()]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"rule_files": list(map(str, RULES)), "evaluation_interval": "15s", "tests": cases}, file)
            file.flush()
            run("promtool", "test", "rules", file.name)


if __name__ == "__main__":
    unittest.main()
