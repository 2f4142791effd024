"""Starts the binary on a fixture tree of its own and speaks HTTP to it."""
import gzip
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from waiting import until  # noqa: F401, for the tests too

BINARY = None  # set by run.py
BOUND = 20.0   # seconds that any request may take


class Answer:
    def __init__(self, response, head=False):
        self.code = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.raw = response.read()
        packed = self.headers.get("content-encoding") == "gzip" and not head
        self.body = gzip.decompress(self.raw) if packed else self.raw
        self.text = self.body.decode()


class Exporter:
    """A tree with the files of this machine's /proc that the memory collectors read, and the exporter watching it."""

    FILES = ["zoneinfo", "vmstat", "meminfo", "buddyinfo", "pagetypeinfo", "loadavg", "stat", "uptime", "sys/vm/min_free_kbytes",
             "sys/vm/watermark_scale_factor", "sys/kernel/osrelease"]
    PRESSURE = "".join(f"{kind} avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" for kind in ("some", "full"))

    def __init__(self, *flags, listen="127.0.0.1:0", ready="/-/ready", command=()):
        self.tree = tempfile.mkdtemp(prefix="fencewatch-http-")
        for name in self.FILES:
            try:
                with open("/proc/" + name, "rb") as file:
                    self.write("proc/" + name, file.read())
            except OSError:
                pass  # not every kernel has it
        for name in ("memory", "cpu", "io"):
            self.write("proc/pressure/" + name, self.PRESSURE)
        os.makedirs(self.tree + "/sys", exist_ok=True)
        # Root, but to files that it may not read: it would read everything.
        command = [*command, *(["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else [])]
        address = [f"--web.listen-address={listen}"] if listen else []
        self.start(command + [BINARY, *address, f"--path.procfs={self.tree}/proc", f"--path.sysfs={self.tree}/sys", f"--path.rootfs={self.tree}", *flags],
                   ready)

    def start(self, command, ready="/-/ready"):
        self.log = open(self.tree + "/log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        try:
            self.port = until(self.listening, "the exporter listens")
            if ready:
                until(lambda: self.get(ready).code == 200, "the exporter is ready")
        except BaseException:
            self.close()
            raise

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError("the exporter ended: " + self.said())
        said = re.search(r'msg="listening" address="[^"]*:([0-9]+)"', self.said())
        return int(said.group(1)) if said else None

    def said(self):
        with open(self.tree + "/log", errors="replace") as file:
            return file.read()

    def path(self, name):
        return os.path.join(self.tree, name)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def request(self, method, path, headers=None, timeout=BOUND):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers=headers or {})
            return Answer(connection.getresponse(), method == "HEAD")
        finally:
            connection.close()

    def get(self, path="/metrics", headers=None, timeout=BOUND):
        return self.request("GET", path, headers, timeout)

    def metric(self, series, headers=None):
        found = re.search("^" + re.escape(series) + " (.*)$", self.get(headers=headers).text, re.M)
        return float(found.group(1)) if found else None

    def connect(self, timeout=BOUND):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return client

    def raw(self, data, timeout=BOUND):
        """Everything that comes back until the exporter closes; the client closes its half after `data`."""
        with self.connect(timeout) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            out = b""
            while True:
                try:
                    part = client.recv(65536)
                except ConnectionError:
                    return out
                if not part:
                    return out
                out += part

    def status(self, key):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"^{key}:\s+(\d+)", file.read(), re.M).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def terminate(self, bound=BOUND):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(bound)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.tree, ignore_errors=True)
