#!/usr/bin/python3
"""Pictures of the dashboards from their JSON and what a real Prometheus answers to their queries. Not Grafana: the panels are drawn by draw.js.

    tests/dashboards/preview.py URL DIR [INSTANCE [SECONDS]]    URL of the Prometheus; what the last SECONDS (900) were; one instance in those of one node
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import npm
import tables
from dashboards import dashboards, filled

WIDTH, ROW, GAP, HEAD = 1240, 30, 8, 64  # pixels; a row of Grafana's grid is 30 high
STEPS = 240


class Prometheus:
    """`now` and `seconds` are the time that is shown, `interval` that of its scrapes."""

    def __init__(self, url, now, seconds, interval):
        self.url, self.now, self.seconds, self.interval = url, now, seconds, interval

    def ask(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
            return json.load(answer)["data"]["result"]

    def filled(self, text, instance):
        few = 10 * self.interval  # what are five minutes in a time of hours
        return filled(text, {"$__rate_interval": f"{4 * self.interval}s", "[$__range:5m]": f"[{self.seconds}s:{few}s]", "[5m]": f"[{few}s]",
                             "$cluster": ".*", "$job": ".+", "$instance": instance, "$zone": "Normal"})

    def instant(self, expression):
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=expression, time=self.now)]

    def range(self, expression):
        """([times], [(labels, [value or None for each time])])"""
        step = max(self.interval, self.seconds // STEPS)
        start = (self.now - self.seconds) // step * step
        times = list(range(int(start), int(self.now) + 1, step))
        found = []
        for one in self.ask("query_range", query=expression, start=times[0], end=times[-1], step=step):
            at = {int(float(when)): float(value) for when, value in one["values"]}
            found.append((one["metric"], [at.get(when) for when in times]))
        return times, found


def legend(template, labels):
    for name, value in labels.items():
        template = template.replace("{{%s}}" % name, value)
    return template


def answered(panel, prometheus, instance):
    """What the panel shows: a copy of it with `data`, None where there is none."""
    asked = [(target, prometheus.filled(target["expr"], instance)) for target in panel["targets"]]
    panel = dict(panel, title=panel["title"].replace("$zone", "Normal"))
    if panel["type"] == "stat":
        values = [value for _, expression in asked for _, value in prometheus.instant(expression)]
        return dict(panel, data=values or None)
    if panel["type"] == "table":
        frames = [(target["refId"], prometheus.instant(expression)) for target, expression in asked]
        return dict(panel, data=tables.table(panel, frames))
    series, times = [], None
    for target, expression in asked:
        times, found = prometheus.range(expression)
        series += [{"name": legend(target["legendFormat"], labels), "ref": target["refId"], "values": values} for labels, values in found]
    return dict(panel, data={"times": times, "series": series} if series else None)


def marks(dashboard, prometheus, instance):
    """Annotations within the time shown: [(seconds, text, color)]."""
    found = set()
    for annotation in dashboard["annotations"]["list"]:
        _, series = prometheus.range(prometheus.filled(annotation["expr"], instance))
        for labels, values in series:
            found |= {(value / 1000, legend(annotation["titleFormat"], labels), annotation["iconColor"]) for value in values if value}
    return sorted(mark for mark in found if prometheus.now - prometheus.seconds <= mark[0] <= prometheus.now)


def page(content):
    modules = npm.packages() / "node_modules/uplot/dist"
    here = Path(__file__).resolve().parent
    return (f"<!doctype html><meta charset=utf-8><style>{(modules / 'uPlot.min.css').read_text()}{(here / 'preview.css').read_text()}</style><body>"
            f"<script>{(modules / 'uPlot.iife.min.js').read_text()}</script><script>const content = {json.dumps(content)};</script>"
            f"<script>{(here / 'draw.js').read_text()}</script>")


def picture(content, path):
    """Draws in a Chromium of its own, which has nothing to ask of any network."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in content["panels"])
    with tempfile.TemporaryDirectory() as directory:
        html = Path(directory) / "page.html"
        html.write_text(page(content | {"width": WIDTH, "row": ROW, "gap": GAP, "head": HEAD}))
        shot = Path(directory) / "shot.png"
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={directory}/profile",
                        f"--window-size={WIDTH},{rows * (ROW + GAP) + HEAD + GAP}", f"--screenshot={shot}", html.as_uri()],
                       check=True, timeout=300, stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, "HOME": directory})
        if not shot.exists():
            raise RuntimeError(f"no picture of {content['title']}")
        shutil.move(shot, path)


def draw(prometheus, directory, instance, names=tuple(dashboards())):
    """A PNG for each of those dashboards; gives the panels that show nothing, as (dashboard, title)."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    empty = set()
    for name in names:
        dashboard = dashboards()[name]
        shown = ".+" if name == "fleet.json" else instance
        panels = [answered(panel, prometheus, shown) for panel in dashboard["panels"]]
        empty |= {(name, panel["title"]) for panel in panels if panel["data"] is None}
        picture({"title": dashboard["title"], "note": dashboard["description"], "panels": panels, "marks": marks(dashboard, prometheus, shown)},
                directory / name.replace(".json", ".png"))
    return empty


def main():
    url, directory, instance, seconds = [*sys.argv[1:], *[".+", "900"][len(sys.argv) - 3:]]
    for name, title in sorted(draw(Prometheus(url, time.time(), int(seconds), 15), directory, instance)):
        print(f"empty: {name}, {title}")


if __name__ == "__main__":
    main()
