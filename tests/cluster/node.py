"""One node of a cluster: network, processes, /dev/shm, /run and logs of its own (node.sh), corosync, and the exporter that watches it."""
import contextlib
import os
import shutil
import signal
import subprocess

import metrics
import truth
from processes import BOUND, Held, child, end, run, start, until

BINARY = None  # set by run.py
JOURNALD = "[Journal]\nStorage=persistent\nForwardToSyslog=yes\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n"
RSYSLOG = """module(load="imuxsock" SysSock.Name="/run/systemd/journal/syslog")
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")
*.* /var/log/syslog
"""


class Node:
    PORT = 19664
    # What corosync and pacemaker say is read from another place on each node.
    SOURCES = ("/var/log/syslog",) * 2, ("/var/log/corosync/corosync.log", "/var/log/pacemaker/pacemaker.log"), ("journal",) * 2

    def __init__(self, cluster, number):
        self.cluster, self.number, self.name = cluster, number, f"n{number}"
        self.directory = os.path.join(cluster.directory, self.name)
        self.namespaces = self.corosync = self.exporter = self.pacemaker = self.init = self.main = None
        self.source, self.pacemaker_source = self.SOURCES[(number - 1) % 3]
        for name in ("etc/uidgid.d", "corosync", "log/corosync", "log/journal", "log/pacemaker", "state"):
            os.makedirs(os.path.join(self.directory, name))
        for name, text in (("machine-id", f"{number:032x}\n"), ("journald.conf", JOURNALD), ("rsyslog.conf", RSYSLOG)):
            self.write(name, text)

    # Files of the node

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), errors="replace") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def log(self):
        """All that corosync has said on this node."""
        return truth.Log(self.read("log/corosync/corosync.log")) if os.path.exists(self.path("log/corosync/corosync.log")) else truth.Log("")

    # Its life

    def boot(self):
        if os.path.exists(self.path("ready")):
            os.unlink(self.path("ready"))
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node.sh")
        with open(self.path("init.log"), "ab") as log:
            self.namespaces = start(["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "bash", script,
                                     self.directory, self.name], log)
        until(lambda: os.path.exists(self.path("ready")) or self.namespaces.poll() is not None, f"{self.name} boots")
        if self.namespaces.poll() is not None:
            raise AssertionError(f"{self.name}: " + self.read("init.log"))
        self.init = child(self.namespaces.pid)
        for link in range(self.cluster.links):
            port = f"p{self.number}.{link}"
            self.cluster.hub(f"link add {port} type veth peer name ring{link} netns {self.init}\n"
                             f"link set {port} master br{link} up\n")
            run(self.enter("-n") + ["ip", "-batch", "-"],
                f"addr add 10.77.{link}.{self.number}/24 dev ring{link}\nlink set ring{link} up\n")

    def is_up(self):
        return self.namespaces is not None

    def crash(self):
        """All processes at once, and with them the network: nothing is said to anybody."""
        end(self.namespaces)
        for process in (self.corosync, self.exporter, self.pacemaker):
            end(process)
        self.namespaces = self.corosync = self.exporter = self.pacemaker = None

    close = crash

    def enter(self, *which):
        return ["nsenter", "-t", str(self.init), *(which or ("-n", "-m", "-u", "-i", "-p"))]

    def run(self, *command):
        return run(self.enter() + list(command))

    def lose(self, percent):
        """Of the packets that come in; 0: none any more."""
        self.run("iptables", "-F", "INPUT")
        if percent:
            self.run("iptables", "-A", "INPUT", "-p", "udp", "-m", "statistic", "--mode", "random", "--probability", str(percent / 100),
                     "-j", "DROP")

    def start(self, log, command):
        """Gives what waits for the process, and its id. The shell between: nsenter stops and goes on with its child, in its own time."""
        with open(self.path(log), "ab") as out:
            waits = start(self.enter() + ["sh", "-c", '"$@"; exit $?', "sh", *command], out)

        def pid():
            shell = child(waits.pid)
            return shell and child(shell)

        until(lambda: waits.poll() is not None or pid(), f"{command[0]} starts in {self.name}")
        if waits.poll() is not None:
            raise AssertionError(f"{self.name}: " + self.read(log))
        return waits, pid()

    # corosync

    def start_corosync(self):
        shutil.copy(os.path.join(self.cluster.directory, "corosync.conf"), self.path("etc"))
        self.corosync, self.main = self.start("corosync.out", ["corosync", "-f"])

    def start_pacemaker(self):
        self.pacemaker, _ = self.start("pacemaker.out", ["pacemakerd"])

    def pacemaker_log(self):
        return self.read("log/pacemaker/pacemaker.log") if os.path.exists(self.path("log/pacemaker/pacemaker.log")) else ""

    def is_running(self):
        return self.corosync is not None and self.corosync.poll() is None

    def send(self, number):
        os.kill(self.main, number)

    def kill_corosync(self, number=signal.SIGKILL):
        self.send(number)
        self.corosync.wait(BOUND)

    def held(self):
        """The main thread does not run: the others, those of knet, go on."""
        return Held(self.main)

    def main_thread_seconds(self):
        with open(f"/proc/{self.main}/task/{self.main}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    # The exporter

    def start_exporter(self, binary=None):
        """It counts the logs of the whole life of the node, what it has shown or not."""
        self.missed_before = self.log().told["corosync_scheduling_misses_total", ()]
        self.exporter, self.exporter_pid = self.start("exporter.log", [
            binary or BINARY, f"--web.listen-address=127.0.0.1:{self.PORT}", f"--state.dir={self.path('state')}", "--log.from-start",
            f"--log.corosync-sources={self.source}", f"--log.pacemaker-sources={self.pacemaker_source}"])
        until(self.answers, f"the exporter of {self.name} answers")

    @contextlib.contextmanager
    def more_exporters(self, count):
        """That sample this corosync as well; each has been asked once, which connects it."""
        started = []
        try:
            for port in range(self.PORT + 1, self.PORT + 1 + count):
                started.append(self.start("exporters.log", [BINARY, f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
                                                            "--collector.corosync_live"]))
                until(lambda: self.answers(port), f"the exporter at {port} answers")
                until(lambda: metrics.Metrics(self.get("/metrics", port=port)).get("corosync_up") == 1, "it is connected")
            yield
        finally:
            for _, pid in started:
                os.kill(pid, signal.SIGTERM)
            for waits, _ in started:
                waits.wait(BOUND)

    def stop_exporter(self, number=signal.SIGTERM, bound=BOUND):
        """As an init system does it; gives its exit code, as a shell does."""
        os.kill(self.exporter_pid, number)
        try:
            return self.exporter.wait(bound)
        finally:
            end(self.exporter)
            self.exporter = None

    def answers(self, port=PORT):
        try:
            return self.get("/-/healthy", port=port) is not None
        except OSError:
            return False

    def get(self, path, port=PORT):
        connection = metrics.Connection(self.init, port, BOUND)
        try:
            connection.request("GET", path, headers={"X-Prometheus-Scrape-Timeout-Seconds": "10"})
            response = connection.getresponse()
            body = response.read().decode()
            return body if response.status == 200 else None
        finally:
            connection.close()

    def scrape(self):
        wanted = ("corosync_live", "corosync_log", "fencing", "zone")
        return metrics.Metrics(self.get("/metrics?" + "&".join("collect[]=" + name for name in wanted)))

    def seen(self):
        """A scrape in which every collector had its turn: while corosync is stopped there is none."""
        return until(lambda: (seen := self.scrape()) and all(seen.all("collector_up").values()) and seen, f"all collectors of {self.name} answer")

    def once(self, *prefix, binary=None):
        """One scrape of corosync by another process in this node, begun by `prefix`."""
        command = [*prefix, binary or BINARY, "--once", "--collector.disable-defaults", "--collector.corosync_live"]
        return metrics.Metrics(subprocess.run(self.enter() + command, capture_output=True, text=True).stdout)

    def connections(self):
        """libqb's directories of the exporter's connections to this corosync; one that was killed leaves its own behind."""
        ids = []
        for pid in (self.main, self.exporter_pid):
            with open(f"/proc/{pid}/status") as file:
                ids.append(next(line.split()[-1] for line in file if line.startswith("NSpid:")))
        memory = f"/proc/{self.init}/root/dev/shm"
        return [os.path.join(memory, name) for name in os.listdir(memory) if name.startswith("qb-{}-{}-".format(*ids))]
