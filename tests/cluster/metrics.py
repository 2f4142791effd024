"""What an exporter inside a node's network tells."""
import ctypes
import http.client
import os
import re
import socket

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


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


class Connection(http.client.HTTPConnection):
    """Its socket is made in the network namespace of a process: only the making counts."""

    def __init__(self, pid, port, timeout):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.pid = pid

    def connect(self):
        with open("/proc/thread-self/ns/net") as ours, open(f"/proc/{self.pid}/ns/net") as theirs:
            if libc.setns(theirs.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                self.sock = socket.socket()
            finally:
                libc.setns(ours.fileno(), CLONE_NEWNET)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


class Before:
    """What the counters of some nodes were, and by how much they have grown since."""

    def __init__(self, *nodes):
        self.then = {node: node.seen() for node in nodes}

    def gained(self, node, name, **labels):
        return node.seen().sum(name, **labels) - self.then[node].sum(name, **labels)

    def of_all(self, nodes, name, **labels):
        """One node may learn of a loss from another that was faster, and then counts none itself."""
        return sum(self.gained(node, name, **labels) for node in nodes)

    def longer(self, node, name, le):
        """What was observed since that is above a bound of the histogram."""
        above = [at.get(name + "_count") - at.get(name + "_bucket", le=le) for at in (node.seen(), self.then[node])]
        return above[0] - above[1]
