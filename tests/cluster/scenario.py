"""What all scenarios have in common: a whole cluster at their beginning and end, whose exporters are then held against what corosync says
of itself. n2 is the node that suffers."""
import functools
import os
import signal
import time
import unittest

import cluster
import truth
from processes import until

LIVE = {"collector": "corosync_live"}
ATTEMPTS = 3
GAP = 0.45  # seconds without a CPU: an eighth of the token's timeout


class Disturbed(Exception):
    """The machine did not let the scenario be what it is meant to be."""


def quiet(test):
    """What the test expects holds on a machine that is fine. When it fails and the machine was not, it is repeated, and skipped in the end.
    That the exporter agrees with corosync is asserted on any machine."""

    @functools.wraps(test)
    def run(self):
        for _ in range(ATTEMPTS):
            self.begin()
            try:
                return test(self)
            except truth.Disagreement:
                raise
            except (AssertionError, Disturbed) as failure:
                why = str(failure) if isinstance(failure, Disturbed) else self.disturbance()
                if not why:
                    raise
                print(f"[{why}]", end=" ", flush=True)
                self.mend()
                self.agree()
        self.skipTest(f"not on this machine now: {why}")

    return run


class Scenario(unittest.TestCase):
    SHAPE = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.of_shape(**cls.SHAPE)
        cls.n1, cls.n2, cls.n3 = cls.nodes = cls.cluster.nodes
        cls.peers = cls.n1, cls.n3

    def shortDescription(self):
        return None  # names tell it

    def setUp(self):
        self.cluster.whole()
        self.agree()
        self.begin()

    def tearDown(self):
        """Also after a failure the next test gets a whole cluster."""
        self.mend()
        self.agree()

    def agree(self):
        """All that was said is counted, on every node, and all that is counted was said."""
        for node in self.nodes:
            truth.agree(node)

    def begin(self):
        self.hurt = {self.n2}
        self.calm = False  # True: nothing that is done should cost a token
        self.began = time.monotonic()
        self.said = {node: len(node.log().lines) for node in self.nodes}

    def disturbance(self):
        """Why the scenario may not have been what it is meant to be; empty: the machine was fine."""
        if (gap := self.cluster.watch.longest(self.began)) > GAP:
            return f"a CPU was not to be had for {gap:.1f} s"
        for node in self.nodes:
            for line in node.log().lines[self.said[node]:]:
                if node not in self.hurt and truth.LATE.search(line) or self.calm and truth.TOKEN.search(line):
                    return f"{node.name}, which nobody hurt, says: {line}"
        return ""

    def mend(self):
        for node in self.nodes:
            if not node.is_up():
                node.boot()
            if node.exporter is None:
                node.start_exporter()
            os.kill(node.exporter_pid, signal.SIGCONT)
            if not node.is_running():
                node.start_corosync()
            node.send(signal.SIGCONT)
            for link in range(self.cluster.links):
                self.cluster.cable(node, link, "up")
        self.cluster.whole()

    def stop(self, seconds, *nodes, meanwhile=None):
        """Stops corosync for that long, not much longer."""
        began = time.monotonic()
        for node in nodes:
            node.send(signal.SIGSTOP)
        if meanwhile:
            meanwhile()
        time.sleep(max(0, began + seconds - time.monotonic()))
        for node in nodes:
            node.send(signal.SIGCONT)
        if (took := time.monotonic() - began) > seconds + 0.5:
            self.cluster.whole()
            raise Disturbed(f"a stop of {seconds} s took {took:.1f}")

    def gap_seen(self, before, node, le):
        """A gap of the token that was longer; it is told with the first sample after its end."""
        until(lambda: before.longer(node, "corosync_token_gap_seconds", le) >= 1, f"{node.name} saw a gap of more than {le} s")

    def alone(self, node):
        """A scrape of a node that is the only member and has no quorum, if it is."""
        scrape = node.scrape()
        return (scrape.get("corosync_members"), scrape.get("corosync_quorate")) == (1, 0) and scrape

    def assert_links(self, node, wanted, **labels):
        links = node.seen().all("corosync_link_connected", **labels)
        self.assertTrue(links)
        self.assertEqual(set(links.values()), {wanted}, (node.name, labels, links))
