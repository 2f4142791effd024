"""The risk of nodes that ran out of memory while they were recorded, by time, at a scrape every 15 s that may come at any second. What a scrape at each second
would have said is in tests/fixtures/lead-time/said/."""
import json
import tempfile
import unittest

from mixin import RULES, run
from recorded import FIXTURES

LEVEL = "instance:fencewatch_fence_risk:level"
DISTRESS = "instance:fencewatch_memory_distress:bool"
INTERVAL, TIMEOUT = 15, 10
# Of an OOM kill that no memory cgroup asked for the kernel's log tells as well; there was no other in these runs.
SAME = {"oom_kills": "oom_global_kills"}


def said(name):
    """[(second, {series: value} or None where it was not answered)], the first at 0, and when the load began."""
    rows = []
    for line in (FIXTURES / f"lead-time/said/{name}.txt").read_text().splitlines():
        time, answered, *values = line.split()
        told = {}
        for value in values:
            key, _, number = value.partition("=")
            for counter in [key] if key.startswith("fencewatch_") else [key, *([SAME[key]] if key in SAME else [])]:
                told[counter if counter.startswith("fencewatch_") else f'fencewatch_recent_increase{{counter="{counter}"}}'] = number
        rows.append((float(time), told if answered == "answered=1" else None))
    start = rows[0][0]
    return [(round(time - start), told) for time, told in rows], -start


def scraped(name, offset):
    """Input series at every second of a node that is scraped every 15 s from `offset` on."""
    rows, _ = said(name)
    seconds = dict(rows)
    end = max(seconds)
    series = {}
    for second in range(offset, end + 1, INTERVAL):
        told = seconds.get(second, seconds.get(second + 1))
        if told is None:
            for values in series.values():
                values[min(second + TIMEOUT, end)] = "stale"
            series.setdefault("up", {})[min(second + TIMEOUT, end)] = "0"
            continue
        for key in set(series) - set(told) - {"up"}:
            if list(series[key].values())[-1] != "stale":
                series[key][second] = "stale"
        for key, value in {**told, "up": "1"}.items():
            series.setdefault(key, {})[second] = value
    for key, values in series.items():
        metric, brace, own = key.partition("{")
        labels = f'instance="{offset}",job="fencewatch",run="{name}"'
        yield {"series": f"{metric}{{{labels}{',' + own if brace else '}'}", "values": " ".join(values.get(second, "_") for second in range(end + 1))}


def case(name, checks):
    """`checks`: (seconds after the load began, query with RUN in it, value or None for nothing)."""
    series = [one for offset in range(INTERVAL) for one in scraped(name, offset)]
    begin = said(name)[1]
    return {"name": name, "interval": "1s", "input_series": series, "promql_expr_test": [
        {"expr": query.replace("RUN", f'run="{name}"'), "eval_time": f"{round(begin + second)}s", "exp_samples": [{"labels": "{}", "value": value}] if value is not None else []}
        for second, query, value in checks]}


WORST = f"min({LEVEL}{{RUN}})"   # of the fifteen offsets the one that was warned last
EVER = f"max(max_over_time({LEVEL}{{RUN}}[10m]))"
DISTRESSED = f"max(max_over_time({DISTRESS}{{RUN}}[10m]))"


class LeadTime(unittest.TestCase):
    def check(self, *cases):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"rule_files": list(map(str, RULES)), "evaluation_interval": "15s", "tests": cases}, file)
            file.flush()
            run("promtool", "test", "rules", file.name)

    def test_a_miscounted_node_is_told_before_it_hangs(self):
        """The first process that is neither real-time nor locked was 3 s late at 82 s."""
        self.check(*(case(name, [(0, EVER, 1), (37, f"min({LEVEL}{{RUN}} >= bool 2)", 1), (52, WORST, 3)]) for name in ("miscounted", "miscounted-realtime")))

    def test_a_reserve_for_phantom_pages_is_told_before_the_oom_kill(self):
        """It came at 79 s."""
        self.check(case("miscounted-reserve", [(0, EVER, 1), (37, f"min({LEVEL}{{RUN}} >= bool 2)", 1), (52, WORST, 3)]))

    def test_right_watermarks_are_in_distress_when_memory_is_exhausted_and_not_before(self):
        """Less than is due was free from 73 s on; dips of single zones came before."""
        self.check(case("healthy-realtime", [(74, DISTRESSED, 0), (74, EVER, 0), (145, WORST, 3)]),
                   case("healthy", [(72, DISTRESSED, 0), (72, EVER, 0)]))


if __name__ == "__main__":
    unittest.main()
