"""A Prometheus, an Alertmanager, a webhook and watched nodes, all on loopback, for one test."""
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

import waiting

ROOT = Path(__file__).resolve().parents[2]
BINARY = None  # set by run.py


def until(condition, what, bound=120.0):  # more: alerts wait for scrapes and evaluations
    return waiting.until(condition, what, bound)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Server:
    """An HTTP server on a thread; `answer` gets the request and gives status and text."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    status, text = answer(self)
                except OSError as error:
                    status, text = 502, str(error)
                body = text.encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:
                    pass  # Prometheus did not wait

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


LOGS = ["var/log/cluster/corosync.log", "var/log/pacemaker/pacemaker.log", "var/log/syslog"]


class Node:
    """fencewatch on a copy of a recorded tree with logs. What only a running corosync tells is added on the way to Prometheus."""

    def __init__(self, stack, name, recording):
        self.stack, self.name, self.tree, self.cluster = stack, name, stack.directory / name, name[0]
        self.extra, self.answering = {}, True
        self.port = free_port()
        self.boot(recording)
        self.front = Server(self.answer)

    def boot(self, recording):
        shutil.copytree(ROOT / "tests/fixtures/kernel" / recording, self.tree, dirs_exist_ok=True)
        for log in LOGS:
            path = self.tree / log
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.exporter = self.stack.start(self.name, BINARY, f"--path.rootfs={self.tree}", f"--state.dir={self.tree}/state",
                                         f"--web.listen-address=127.0.0.1:{self.port}")
        until(lambda: self.stack.ready(self.port, "/-/ready"), f"{self.name} is ready")

    def reboot(self, recording):
        """Into another recorded kernel; what is on its disk stays."""
        self.exporter.send_signal(signal.SIGTERM)
        self.exporter.wait(60)
        for gone in ("proc", "sys"):
            shutil.rmtree(self.tree / gone, ignore_errors=True)
        self.boot(recording)
        stat = self.tree / "proc/stat"
        stat.write_text(re.sub(r"btime \d+", f"btime {int(time.time())}", stat.read_text()))

    def answer(self, _):
        if not self.answering:
            return 503, "down\n"
        added = "".join(f"{series} {value() if callable(value) else value}\n" for series, value in self.extra.items())
        return 200, get(f"http://127.0.0.1:{self.port}/metrics") + added

    def log(self, log, line):
        with open(self.tree / log, "a") as stream:
            stream.write(line + "\n")

    def change(self, file, old, new):
        """In place and in one write: the exporter may hold the file open."""
        assert len(old) == len(new)
        path = self.tree / file
        text = path.read_text()
        assert old in text
        with open(path, "r+") as stream:
            os.pwrite(stream.fileno(), text.replace(old, new).encode(), 0)


class Stack:
    """Prometheus with the committed rules, every `for` shortened by `hurry` and no group slower than another, and Alertmanager with the committed example, its receivers here."""

    def __init__(self, interval, hurry):
        self.directory = Path(tempfile.mkdtemp(prefix="fencewatch-stack-"))
        self.interval, self.hurry, self.processes, self.pages, self.lock = interval, hurry, [], [], threading.Lock()
        self.webhook = Server(self.received)

    def start(self, name, *command):
        log = open(self.directory / f"{name}.log", "wb")
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, cwd=self.directory)
        self.processes.append(process)
        return process

    def ready(self, port, path):
        try:
            get(f"http://127.0.0.1:{port}{path}")
            return True
        except OSError:
            return False

    def received(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        with self.lock:
            self.pages.append((time.monotonic(), request.path, body))
        return 200, ""

    def paged(self, alert, path="/page"):
        """When the webhook first heard that the alert fires."""
        with self.lock:
            for at, where, body in self.pages:
                if where == path and any(a["status"] == "firing" and a["labels"]["alertname"] == alert for a in body["alerts"]):
                    return at
        return None

    def watch(self, nodes):
        """`nodes`: by instance, what has the port `front.port` and the name of a `cluster`."""
        self.alertmanager, self.prometheus = free_port(), free_port()
        example = (ROOT / "alerts/alertmanager.yml").read_text()
        for address in ("127.0.0.1:9095", "127.0.0.1:8060"):
            example = example.replace(address, f"127.0.0.1:{self.webhook.port}")
        (self.directory / "alertmanager.yml").write_text(example)
        for name in ("fencewatch.rules.yml", "fencewatch.alerts.yml"):
            rules = yaml.safe_load((ROOT / "alerts" / name).read_text())
            for group in rules["groups"]:
                group.pop("interval", None)
            for rule in (rule for group in rules["groups"] for rule in group["rules"] if "for" in rule):
                number, unit = int(rule["for"][:-1]), rule["for"][-1]
                rule["for"] = f"{max(1, round(number * {'s': 1, 'm': 60}[unit] / self.hurry))}s"
            (self.directory / name).write_text(yaml.dump(rules))
        (self.directory / "prometheus.yml").write_text(yaml.dump({
            "global": {"scrape_interval": f"{self.interval}s", "scrape_timeout": f"{self.interval}s", "evaluation_interval": f"{self.interval}s"},
            "rule_files": ["fencewatch.rules.yml", "fencewatch.alerts.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.alertmanager}"]}]}]},
            "scrape_configs": [{"job_name": "fencewatch", "static_configs": [
                {"targets": [f"127.0.0.1:{node.front.port}"], "labels": {"instance": instance, "cluster": node.cluster}} for instance, node in nodes.items()]}],
        }))
        self.start("alertmanager", "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address=",
                   f"--web.listen-address=127.0.0.1:{self.alertmanager}")
        self.start("prometheus", "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                   f"--web.listen-address=127.0.0.1:{self.prometheus}", "--log.level=warn")
        for port in (self.alertmanager, self.prometheus):
            until(lambda port=port: self.ready(port, "/-/ready"), "Prometheus and Alertmanager are ready")

    def alerts(self):
        """What Alertmanager holds: {(alert, instance)} by its state."""
        states = {"active": set(), "suppressed": set(), "unprocessed": set()}
        for alert in json.loads(get(f"http://127.0.0.1:{self.alertmanager}/api/v2/alerts")):
            states[alert["status"]["state"]].add((alert["labels"]["alertname"], alert["labels"].get("instance")))
        return states

    def query(self, expression):
        url = f"http://127.0.0.1:{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        return json.loads(get(url))["data"]["result"]

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
        self.webhook.close()
        shutil.rmtree(self.directory)
