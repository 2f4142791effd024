"""A corosync cluster on one machine: each node has network, processes, /dev/shm, /run and corosync's directories of its own, and an
exporter that watches it. Everything lives in namespaces that hang on processes of ours, and these die with us: nothing is left, whatever
goes wrong in between. Root only. Needs corosync, iproute2, util-linux."""
import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import waiting

BINARY = None  # set by run.py
BOUND = 60.0   # seconds that any condition may take: memberships wait for tokens

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, CLONE_NEWNET = 1, 0x40000000
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def until(condition, what, bound=BOUND):
    return waiting.until(condition, what, bound)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _child(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    return int(children[0]) if children else None


def _end(process):
    if process is not None:
        process.kill()
        process.wait()


class Metrics:
    """One exposition: value of a series by its name and labels."""

    LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")

    def __init__(self, text):
        self.text = text
        self.series = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = self.LINE.match(line).groups()
                self.series[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels or ""))] = float(value)

    def get(self, name, **labels):
        return self.series.get(("fencewatch_" + name, frozenset((k, str(v)) for k, v in labels.items())))

    def all(self, name, **labels):
        wanted = {(k, str(v)) for k, v in labels.items()}
        return {tuple(sorted(at)): value for (n, at), value in self.series.items() if n == "fencewatch_" + name and wanted <= at}

    def sum(self, name, **labels):
        return sum(self.all(name, **labels).values())


class _InNetwork(http.client.HTTPConnection):
    """Its socket is made in the network namespace of a process: only the making counts."""

    def __init__(self, pid, port, timeout):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.pid = pid

    def connect(self):
        with open("/proc/self/ns/net") as ours, open(f"/proc/{self.pid}/ns/net") as theirs:
            if _libc.setns(theirs.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                self.sock = socket.socket()
            finally:
                _libc.setns(ours.fileno(), CLONE_NEWNET)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


class Node:
    PORT = 19664
    INIT = """set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount --bind "$1/etc" /etc/corosync
mount --bind "$1/lib" /var/lib/corosync
mount --bind "$1/log" /var/log/corosync
hostname "$2"
ip link set lo up
touch "$1/ready"
exec sleep infinity
"""

    def __init__(self, cluster, number):
        self.cluster, self.number, self.name = cluster, number, f"n{number}"
        self.directory = os.path.join(cluster.directory, self.name)
        self.namespaces = self.corosync = self.exporter = self.init = self.main = None
        for name in ("etc", "lib", "log"):
            os.makedirs(os.path.join(self.directory, name))
        os.makedirs(os.path.join(self.directory, "etc/uidgid.d"))

    def boot(self):
        ready = os.path.join(self.directory, "ready")
        if os.path.exists(ready):
            os.unlink(ready)
        with open(os.path.join(self.directory, "init.log"), "ab") as log:
            self.namespaces = subprocess.Popen(
                ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "bash", "-c", self.INIT, "init",
                 self.directory, self.name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        until(lambda: os.path.exists(ready) or self.namespaces.poll() is not None, f"{self.name} boots")
        if self.namespaces.poll() is not None:
            raise AssertionError(f"{self.name}: " + self.read("init.log"))
        self.init = _child(self.namespaces.pid)
        for link in range(self.cluster.links):
            port = f"p{self.number}.{link}"
            self.cluster.hub(f"link add {port} type veth peer name ring{link} netns {self.init}\n"
                             f"link set {port} master br{link} up\n")
            _run(self.enter("-n") + ["ip", "-batch", "-"],
                 f"addr add 10.77.{link}.{self.number}/24 dev ring{link}\nlink set ring{link} up\n")

    def enter(self, *which):
        return ["nsenter", "-t", str(self.init), *(which or ("-n", "-m", "-u", "-i", "-p"))]

    def run(self, *command):
        return _run(self.enter() + list(command))

    def read(self, name):
        with open(os.path.join(self.directory, name), errors="replace") as file:
            return file.read()

    def _start(self, log, command):
        with open(os.path.join(self.directory, log), "ab") as out:
            process = subprocess.Popen(self.enter() + command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       preexec_fn=_die_with_parent)
        until(lambda: process.poll() is not None or _child(process.pid), f"{command[0]} starts in {self.name}")
        if process.poll() is not None:
            raise AssertionError(f"{self.name}: " + self.read(log))
        return process, _child(process.pid)

    def start_corosync(self):
        shutil.copy(os.path.join(self.cluster.directory, "corosync.conf"), os.path.join(self.directory, "etc"))
        self.corosync, self.main = self._start("corosync.out", ["corosync", "-f"])

    def start_exporter(self, *flags):
        self.exporter, self.exporter_pid = self._start("exporter.log", [BINARY, f"--web.listen-address=127.0.0.1:{self.PORT}", *flags])
        until(self.answers, f"the exporter of {self.name} answers")

    def connections(self):
        """libqb's directories of the exporter's connections to this corosync; one that was killed leaves its own behind."""
        ids = []
        for pid in (self.main, self.exporter_pid):
            with open(f"/proc/{pid}/status") as file:
                ids.append(next(line.split()[-1] for line in file if line.startswith("NSpid:")))
        memory = f"/proc/{self.init}/root/dev/shm"
        return [os.path.join(memory, name) for name in os.listdir(memory) if name.startswith("qb-{}-{}-".format(*ids))]

    def stop_exporter(self, bound=BOUND):
        """As an init system does it; gives its exit code."""
        os.kill(self.exporter_pid, signal.SIGTERM)
        try:
            return self.exporter.wait(bound)
        finally:
            _end(self.exporter)
            self.exporter = None

    def answers(self):
        try:
            return self.get("/-/healthy") is not None
        except OSError:
            return False

    def get(self, path, timeout=BOUND):
        connection = _InNetwork(self.init, self.PORT, timeout)
        try:
            connection.request("GET", path, headers={"X-Prometheus-Scrape-Timeout-Seconds": "10"})
            response = connection.getresponse()
            body = response.read().decode()
            return body if response.status == 200 else None
        finally:
            connection.close()

    def scrape(self):
        return Metrics(self.get("/metrics?collect[]=corosync_live&collect[]=zone"))

    def is_running(self):
        return self.corosync is not None and self.corosync.poll() is None

    def send(self, number):
        os.kill(self.main, number)
        if number == signal.SIGCONT:
            self.corosync.send_signal(number)  # nsenter stops when its child does

    def kill_corosync(self, number=signal.SIGKILL):
        os.kill(self.main, number)
        self.corosync.send_signal(signal.SIGCONT)
        self.corosync.wait(BOUND)

    def held(self):
        return _Held(self.main)

    def main_thread_seconds(self):
        with open(f"/proc/{self.main}/task/{self.main}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def crash(self):
        """All processes at once, and with them the network: nothing is said to anybody."""
        _end(self.namespaces)
        for process in (self.corosync, self.exporter):
            _end(process)
        self.namespaces = self.corosync = self.exporter = None

    close = crash


class _Held:
    """Holds one thread only, the main one: the others, those of knet, go on."""

    def __init__(self, thread):
        self.thread = thread

    def _ptrace(self, request):
        if _libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        self._ptrace(PTRACE_DETACH)


class Cluster:
    def __init__(self, nodes=3, links=1, transport="knet", token=2000, totem=""):
        self.links, self.transport, self.token = links, transport, token
        self.directory = tempfile.mkdtemp(prefix="fencewatch-cluster-")
        self.hub_process = None
        self.nodes = []
        try:
            self.hub_process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=_die_with_parent)
            until(lambda: os.readlink(f"/proc/{self.hub_process.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "the hub is there")
            for link in range(links):
                self.hub(f"link add br{link} type bridge forward_delay 0 mcast_snooping 0\nlink set br{link} up\n")
            self.write_conf(nodes, totem)
            self.nodes = [Node(self, number) for number in range(1, nodes + 1)]
            for node in self.nodes:
                node.boot()
                node.start_corosync()
                node.start_exporter()
            self.whole()
        except BaseException:
            self.close()
            raise

    def hub(self, batch):
        _run(["nsenter", "-t", str(self.hub_process.pid), "-n", "ip", "-batch", "-"], batch)

    def write_conf(self, nodes, totem):
        rings = [f"    ring{link}_addr: 10.77.{link}.{{0}}\n" for link in range(self.links)]
        members = "".join(f"  node {{\n    name: n{n}\n    nodeid: {n}\n" + "".join(rings).format(n) + "  }\n" for n in range(1, nodes + 1))
        with open(os.path.join(self.directory, "corosync.conf"), "w") as file:
            file.write(f"""totem {{
  version: 2
  cluster_name: fencewatch
  transport: {self.transport}
  token: {self.token}
  token_coefficient: 0
{totem}}}
nodelist {{
{members}}}
quorum {{
  provider: corosync_votequorum
}}
logging {{
  to_stderr: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  to_syslog: no
  timestamp: hires
}}
system {{
  move_to_root_cgroup: no
  sched_rr: yes
}}
""")

    def whole(self):
        """Every node is a member of the whole and has its links."""
        for node in self.nodes:
            until(lambda: node.scrape().get("corosync_members") == len(self.nodes), f"{node.name} is a member of the whole")
            until(lambda: all(node.scrape().all("corosync_link_connected").values()), f"the links of {node.name} are up")

    def cable(self, node, link, state):
        self.hub(f"link set p{node.number}.{link} {state}\n")

    def close(self):
        for node in self.nodes:
            node.close()
        _end(self.hub_process)
        shutil.rmtree(self.directory, ignore_errors=True)
