"""One file breaks: its own collector is down, the others go on, and it heals when the file is back."""
import os
import re
import shutil
import signal
import tempfile
import json
import subprocess
import threading
import time
import unittest
import urllib.request

from exporter import Exporter, until

COLLECTOR, FILE = "pressure", "proc/pressure/memory"


def up(text):
    return {name: value == "1" for name, value in re.findall(r'^fencewatch_collector_up\{collector="([^"]+)"\} ([01])', text, re.M)}


class Faults(unittest.TestCase):
    def setUp(self):
        self.exporter = Exporter()
        self.addCleanup(self.exporter.close)
        self.before = up(self.exporter.get().text)
        self.assertTrue(self.before[COLLECTOR])
        with open(self.exporter.path(FILE)) as file:
            self.good = file.read()

    def failures(self, reason):
        return self.exporter.metric(f'fencewatch_collector_failures_total{{collector="{COLLECTOR}",reason="{reason}"}}')

    def assert_only_its_own_is_down(self):
        self.assertEqual(up(self.exporter.get().text), {**self.before, COLLECTOR: False})

    def assert_heals(self):
        self.exporter.write(FILE, self.good)
        until(lambda: up(self.exporter.get().text) == self.before, "the collector heals")

    def test_missing(self):
        os.unlink(self.exporter.path(FILE))
        self.assert_only_its_own_is_down()
        self.assertEqual(self.exporter.metric(f'fencewatch_collector_available{{collector="{COLLECTOR}"}}'), 0)
        self.assert_heals()

    def test_unreadable(self):
        os.chmod(self.exporter.path(FILE), 0)
        self.assert_only_its_own_is_down()
        self.assertGreater(self.failures("denied"), 0)
        self.assert_heals()

    def test_garbage(self):
        self.exporter.write(FILE, self.good.replace("total=0", "total=garbage"))
        self.assert_only_its_own_is_down()
        self.assertGreater(self.failures("malformed"), 0)
        self.assertNotIn("fencewatch_pressure_", self.exporter.get().text.replace("fencewatch_pressure_events", ""))
        self.assert_heals()

    def test_cut_off(self):
        self.exporter.write(FILE, self.good[:-2])
        self.assert_only_its_own_is_down()
        self.assertGreater(self.failures("malformed"), 0)
        self.assert_heals()

    def test_directory_in_its_place(self):
        os.unlink(self.exporter.path(FILE))
        os.mkdir(self.exporter.path(FILE))
        self.assert_only_its_own_is_down()
        os.rmdir(self.exporter.path(FILE))
        self.assert_heals()

    def hang(self):
        """The next read of the file does not come back until the returned function is called."""
        path = self.exporter.path(FILE)
        os.unlink(path)
        os.mkfifo(path)

        def release():
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # gives the reader its other end, and then the end of the file
            os.unlink(path)
            self.exporter.write(FILE, self.good)
            time.sleep(0.2)
            os.close(descriptor)

        return release

    def test_read_that_never_returns(self):
        release = self.hang()
        self.assert_only_its_own_is_down()
        running = f'fencewatch_collector_running_seconds{{collector="{COLLECTOR}"}}'
        until(lambda: self.exporter.metric(running) > 0, "it is shown as running")
        self.assertEqual(self.failures("stuck"), 1)
        begin = time.monotonic()
        self.assert_only_its_own_is_down()
        self.assertLess(time.monotonic() - begin, 0.5, "only one scrape is delayed")
        release()
        until(lambda: up(self.exporter.get().text) == self.before, "the collector heals")

    def test_sigterm_while_a_collector_is_stuck(self):
        self.hang()
        self.assert_only_its_own_is_down()
        self.assertEqual(self.exporter.terminate(5), 0)

    def test_sigterm(self):
        self.assertEqual(self.exporter.terminate(5), 0)

    def test_sigterm_with_open_connections(self):
        with self.exporter.connect() as idle, self.exporter.connect() as half:
            half.sendall(b"GET /metr")
            idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            idle.recv(4096)
            self.assertEqual(self.exporter.terminate(5), 0)


class MaxRequests(unittest.TestCase):
    def test_more_scrapes_than_allowed_at_once(self):
        exporter = Exporter("--web.max-requests=1")
        self.addCleanup(exporter.close)
        refused = 'fencewatch_http_requests_total{code="503"}'
        before = exporter.metric(refused)
        path = exporter.path(FILE)
        os.unlink(path)
        os.mkfifo(path)  # holds the first scrape until the collector's deadline
        codes = []
        threads = [threading.Thread(target=lambda: codes.append(exporter.get().code)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(codes), [200, 503, 503, 503, 503])
        self.assertEqual(exporter.get("/-/healthy").code, 200)
        self.assertEqual(exporter.metric(refused), before + 4)


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
class Prometheus(unittest.TestCase):
    def test_scrapes_it(self):
        exporter = Exporter()
        self.addCleanup(exporter.close)
        directory = tempfile.mkdtemp(prefix="fencewatch-prometheus-")
        self.addCleanup(shutil.rmtree, directory, True)
        with open(directory + "/p.yml", "w") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: fencewatch\n  static_configs:\n"
                       f"  - targets: ['127.0.0.1:{exporter.port}']\n")
        with open(directory + "/log", "wb") as log:
            prometheus = subprocess.Popen(["prometheus", f"--config.file={directory}/p.yml", f"--storage.tsdb.path={directory}/data",
                                           "--web.listen-address=127.0.0.1:0", "--log.level=debug"], stdout=log, stderr=log)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.send_signal, signal.SIGKILL)

        def address():
            with open(directory + "/log") as file:
                found = re.search(r'(?:msg="Listening on"|Start listening).*?address=(127\.0\.0\.1:[0-9]+)', file.read())
            return found and found.group(1)

        def port():
            found = address()
            return found if found and not found.endswith(":0") else bound_port(prometheus.pid)

        where = until(port, "prometheus listens")

        def is_up():
            try:
                with urllib.request.urlopen(f"http://{where}/api/v1/query?query=up", timeout=5) as answer:
                    result = json.load(answer)["data"]["result"]
            except OSError:
                return False
            return result and result[0]["value"][1] == "1"

        until(is_up, "up is 1", 40)
        with urllib.request.urlopen(f"http://{where}/api/v1/targets", timeout=5) as answer:
            target = json.load(answer)["data"]["activeTargets"][0]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))


def bound_port(pid):
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    with open("/proc/net/tcp") as file:
        for line in list(file)[1:]:
            field = line.split()
            if field[3] == "0A" and f"socket:[{field[9]}]" in inodes:
                return "127.0.0.1:%d" % int(field[1].split(":")[1], 16)
    return None
