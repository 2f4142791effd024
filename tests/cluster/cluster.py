"""A corosync cluster on one machine. Everything lives in namespaces that hang on processes of ours, and these die with us. Root only."""
import atexit
import os
import re
import shutil
import tempfile

import machine
from node import Node
from processes import end, run, start, until

PREFIX = "fencewatch-cluster-"


def sweep():
    """Takes away what a run that was killed could not: its directories. Its processes died with it."""
    for name in os.listdir(tempfile.gettempdir()):
        if (match := re.match(PREFIX + r"(\d+)-", name)) and not os.path.exists(f"/proc/{match[1]}"):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


class Cluster:
    """Whole when this returns. `totem`: lines of that section of corosync.conf, for other timeouts than the default ones (the token's: 3000
    ms, and 650 for each node above two). `prepare`: called with each node, before it boots."""

    def __init__(self, nodes=3, links=1, transport="knet", totem="", prepare=None):
        sweep()
        self.links, self.transport = links, transport
        self.directory = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self.hub_process = self.watch = None
        self.nodes = []
        atexit.register(self.close)
        try:
            os.chmod(self.directory, 0o755)  # daemons that are not root have state in it
            self.watch = machine.Watch(self.directory)
            self.hub_process = start(["unshare", "--net", "sleep", "infinity"])
            until(lambda: os.readlink(f"/proc/{self.hub_process.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "the hub is there")
            for link in range(links):
                self.hub(f"link add br{link} type bridge forward_delay 0 mcast_snooping 0\nlink set br{link} up\n")
            self.write_conf(nodes, totem)
            self.nodes = [Node(self, number) for number in range(1, nodes + 1)]
            for node in self.nodes:
                if prepare:
                    prepare(node)
                node.boot()
                node.start_exporter()  # before corosync, which it has to wait for
                node.start_corosync()
            self.whole()
        except BaseException:
            self.close()
            raise

    def hub(self, batch):
        run(["nsenter", "-t", str(self.hub_process.pid), "-n", "ip", "-batch", "-"], batch)

    def write_conf(self, nodes, totem):
        rings = "".join(f"    ring{link}_addr: 10.77.{link}.{{0}}\n" for link in range(self.links))
        members = "".join(f"  node {{\n    name: n{n}\n    nodeid: {n}\n" + rings.format(n) + "  }\n" for n in range(1, nodes + 1))
        with open(os.path.join(self.directory, "corosync.conf"), "w") as file:
            file.write(f"""totem {{
  version: 2
  cluster_name: fencewatch
  transport: {self.transport}
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
  to_syslog: yes
  timestamp: hires
}}
system {{
  move_to_root_cgroup: no
  sched_rr: yes
}}
""")

    def whole(self):
        """Every node is a member of the whole and has its links, and none has just been told that another is missing."""
        for node in self.nodes:
            until(lambda: node.scrape().get("corosync_members") == len(self.nodes), f"{node.name} is a member of the whole")
            until(lambda: all(node.scrape().all("corosync_link_connected").values()), f"the links of {node.name} are up")

    def cable(self, node, link, state):
        self.hub(f"link set p{node.number}.{link} {state}\n")

    def close(self):
        atexit.unregister(self.close)
        for node in self.nodes:
            node.close()
        end(self.hub_process)
        if self.watch:
            self.watch.close()
        shutil.rmtree(self.directory, ignore_errors=True)


_kept = {}  # the shape of the one cluster that there is: the cluster


def of_shape(**shape):
    """A whole cluster; tests that want the same shape one after the other share it."""
    key = repr(sorted(shape.items()))
    if key not in _kept:
        close()
        _kept[key] = Cluster(**shape)
    return _kept[key]


def close():
    while _kept:
        _kept.popitem()[1].close()
