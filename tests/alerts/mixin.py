"""What the tests of alerts/ and dashboards/ share: the mixin as Python values, commands, metric names."""
import functools
import json
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
RULES = [ALERTS / "fencewatch.rules.yml", ALERTS / "fencewatch.alerts.yml"]


def run(*command, **options):
    """Output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=ROOT, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@functools.lru_cache(maxsize=None)
def jsonnet(expression):
    return json.loads(run("jsonnet", "-J", ALERTS, "-e", expression))


def read_yaml(path):
    return yaml.safe_load(Path(path).read_text())


def mixin():
    return jsonnet("local m = import 'mixin.libsonnet'; { rules: m.prometheusRules, alerts: m.prometheusAlerts, config: m._config }")


def alerts():
    """Rule by name."""
    return {rule["alert"]: rule for group in mixin()["alerts"]["groups"] for rule in group["rules"]}


def recorded():
    return {rule["record"] for group in mixin()["rules"]["groups"] for rule in group["rules"]}


def known_metrics():
    """Names in METRICS.md, those of a histogram's series included."""
    names = set()
    for name, kind in re.findall(r"^\| `(\w+)` \| (\w+)", (ROOT / "collectors/METRICS.md").read_text(), re.M):
        names |= {name} if kind != "histogram" else {name + tail for tail in ("_bucket", "_sum", "_count")}
    return names


def used_metrics(text):
    """Names of fencewatch's metrics and of recorded series in an expression or a template."""
    return set(re.findall(r"\b(?:instance:)?fencewatch_[a-z]\w*(?::\w+)?", text))
