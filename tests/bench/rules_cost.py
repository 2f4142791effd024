#!/usr/bin/python3
"""CPU time of one evaluation of all rules and alerts for N nodes, every tenth miscounted.

    tests/bench/rules_cost.py BINARY [N…]    N: 250 1000 4000

`promtool test rules` evaluates them on a storage of its own, every 15 s of its clock, on series as in fleet.sh. It runs twice on the same series, once for ten minutes
longer, with full windows: the difference in CPU time is the price of 40 evaluations. So nothing waits for a clock, and other work on the machine does not matter much.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from fleet_nodes import MOVING, Exposition

ROOT = Path(__file__).resolve().parents[2]
RULES = [ROOT / "alerts/fencewatch.rules.yml", ROOT / "alerts/fencewatch.alerts.yml"]
SAMPLES = 24 * 4  # of 15 s


def once(binary, recording):
    tree = ROOT / "tests/fixtures/kernel" / recording
    return subprocess.run([binary, "--once", f"--path.rootfs={tree}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def series(lines, node):
    own = f'cluster="c{node // 3}",instance="n{node}:19664",job="fencewatch"'
    for line in ["up 1", *lines]:
        name, value = line.rsplit(" ", 1)
        metric, brace, labels = name.partition("{")
        step = node % 7 + 1 if MOVING.match(line) else 0
        yield f"      - {{series: '{metric}{{{own}{',' + labels if brace else '}'}', values: '{value}+{step}x{SAMPLES}'}}\n"


def cpu_of(minutes, nodes, inputs, directory):
    test = directory / "test.yml"
    with open(test, "w") as file:
        file.write(f"rule_files: {[str(rule) for rule in RULES]}\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    promql_expr_test:\n"
                   f"      - {{expr: 'count(instance:fencewatch_fence_risk:level == 1)', eval_time: {minutes}m, exp_samples: [{{value: {-(-nodes // 10)}}}]}}\n"
                   "    input_series:\n")
        file.writelines(inputs)
    before = os.times()
    subprocess.run(["promtool", "test", "rules", test], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "GOMAXPROCS": "1"})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main():
    used = set(re.findall(r"\bfencewatch_\w+", "".join(rule.read_text() for rule in RULES)))
    kinds = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for recording in ("linux-4.19-miscount", "linux-6.1-healthy"):
            path = directory / recording
            path.write_text(once(sys.argv[1], recording))
            kinds.append([line for line in Exposition(path).lines if re.match(r"\w+", line).group() in used])
        print(f"{'nodes':>6} {'series':>9} {'CPU s per evaluation':>21} {'ms per node':>12}")
        for nodes in map(int, sys.argv[2:] or (250, 1000, 4000)):
            inputs = [line for node in range(nodes) for line in series(kinds[0 if node % 10 == 0 else 1], node)]
            spent = cpu_of(22, nodes, inputs, directory) - cpu_of(12, nodes, inputs, directory)
            print(f"{nodes:6} {len(inputs):9} {spent / 40:21.3f} {spent / 40 / nodes * 1000:12.3f}", flush=True)


if __name__ == "__main__":
    main()
