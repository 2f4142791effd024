"""What the rules make of one node whose scrapes are known second by second, at a scrape every 15 s that may come at any of them."""
import json
import re
import subprocess
import tempfile

from mixin import RULES

LEVEL = "instance:fencewatch_fence_risk:level"
INTERVAL, TIMEOUT = 15, 10


def scraped(name, rows, offset):
    """Input series of promtool at every second, of a target that is scraped every 15 s from second `offset` on. `rows`: {second: {series: value}, or None where
    no answer came within 10 s}."""
    end = max(rows)
    series = {}
    for second in range(offset, end + 1, INTERVAL):
        told = rows.get(second, rows.get(second + 1, {}))
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


def case(name, rows, checks):
    """A test of promtool of all fifteen offsets. `checks`: (second, query, value or None for nothing)."""
    return {"name": name, "interval": "1s", "input_series": [one for offset in range(INTERVAL) for one in scraped(name, rows, offset)], "promql_expr_test": [
        {"expr": query, "eval_time": f"{second}s", "exp_samples": [] if value is None else [{"labels": "{}", "value": value}]} for second, query, value in checks]}


def promtool(*cases):
    """(whether all is as expected, what promtool says)."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"rule_files": list(map(str, RULES)), "evaluation_interval": f"{INTERVAL}s", "tests": cases}, file)
        file.flush()
        done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def first_levels(name, rows):
    """{level: {offset: second at which it was first reached}}, at evaluations every 15 s. promtool tells what it got where it expects something else."""
    seconds = range(0, max(rows) + 1, INTERVAL)
    _, told = promtool(case(name, rows, [(second, f"{LEVEL} + 100", 0) for second in seconds]))
    first = {}
    for time, got in re.findall(r"time: (\S+),.*?got:(.*?)(?=expr:|\Z)", told, re.S):
        minutes, second = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", time).groups()
        for offset, value in re.findall(r'instance=\\?"(\d+)\\?"[^}]*\} ([\d.E+]+)', got):
            for level in range(1, round(float(value)) - 99):
                first.setdefault(level, {}).setdefault(int(offset), int(minutes or 0) * 60 + int(second or 0))
    return first
