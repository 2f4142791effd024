"""The committed dashboards as Python values, and their queries as a Prometheus takes them."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/alerts"))  # mixin.py

DASHBOARDS = ROOT / "dashboards"
# What Grafana puts in place of its variables: all of everything, and one zone.
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$cluster": ".*", "$job": ".+", "$instance": ".+", "$zone": ".+"}


def dashboards():
    return {file.name: json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))}


def filled(text, variables=VARIABLES):
    for name, value in variables.items():
        text = text.replace(name, value)
    return text


def queries(dashboard):
    """(where it stands, expression) of all panels and annotations."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
