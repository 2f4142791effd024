"""corosync does not run: for a while, for too long, in one thread, on all nodes. What each stall looks like is measured with the default
timeouts: links drop within 1.8 s, the token is late after 2.7 s and lost after 3.65 s, a stalled node says so above 2.9 s, and is expelled
after 8 s."""
import signal

import truth
from metrics import Before
from processes import until
from scenario import LIVE, Disturbed, Scenario, quiet


class Stalls(Scenario):
    SHAPE = {"links": 2}

    def links(self, node, what):
        """Of a node and n2, at its end of them, by host and link."""
        stats = truth.cmap(node)
        return {(host, link): stats[f"stats.knet.node{host}.link{link}.{what}"]
                for host in ((1, 3) if node is self.n2 else (2,)) for link in (0, 1)}

    def must_drop(self, seconds):
        """Links by node that a stop of n2 takes down for certain. knet waits half a token for a pong, and twice the longest latency seen,
        which holds former stops; ten times as long at first for a link that was down, and less so with each step up to the tenth. It
        looks 5 times a second, which n2 does only after the stop."""
        first = {node: self.links(node, "latency_samples") for node in self.nodes}
        for node, before in first.items():
            until(lambda: all(pongs > before[at] + 11 for at, pongs in self.links(node, "latency_samples").items()), "links are not new")
        return {node: [at for at, latency in self.links(node, "latency_max").items()
                       if 1.825 + 2 * latency / 1e6 < seconds - (0.1 if node is self.n2 else 0.3)] for node in self.nodes}

    def links_of_n2_dropped(self, before, must_drop):
        """Both halves tell of the links to and from n2, and of no other."""
        if not any(must_drop.values()):
            raise Disturbed("all links of n2 had such latencies before that knet may wait for longer")
        for node, links in must_drop.items():
            for host, link in links:
                down = before.gained(node, "corosync_links_down_total", host=host, link=link)
                self.assertGreaterEqual(down, 1, (node.name, host, link))
                self.assertEqual(before.gained(node, "corosync_link_changes_total", host=host, link=link, state="down"), down)
        for node, other in ((self.n1, 3), (self.n3, 1)):
            self.assertEqual(before.gained(node, "corosync_links_down_total", host=other), 0, node.name)

    def peers_were_not_late(self, before):
        for node in self.peers:
            self.assertEqual(before.gained(node, "corosync_schedmiss_total"), 0, node.name)
            self.assertEqual(before.gained(node, "corosync_scheduling_misses_total"), 0, node.name)

    @quiet
    def test_stopped_for_02_s(self):
        must_drop, before = self.must_drop(2), Before(*self.nodes)
        self.stop(2, self.n2)
        for host, link in must_drop[self.n2]:
            until(lambda: before.gained(self.n2, "corosync_links_down_total", host=host, link=link) >= 1, "n2 saw its links drop")
        self.cluster.whole()
        self.agree()
        self.links_of_n2_dropped(before, must_drop)
        self.peers_were_not_late(before)
        for node in self.nodes:
            self.assertEqual(before.gained(node, "corosync_nodes_lost_total"), 0, node.name)
        for node in self.peers:
            self.gap_seen(before, node, "1.5")

    @quiet
    def test_stopped_for_03_s(self):
        must_drop, before = self.must_drop(3), Before(*self.nodes)
        self.stop(3, self.n2)
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") == 1, "n2 tells that it was late")
        self.cluster.whole()
        self.agree()
        self.links_of_n2_dropped(before, must_drop)
        self.peers_were_not_late(before)
        self.assertEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        self.assertGreaterEqual(before.gained(self.n2, "corosync_scheduling_delay_seconds_sum"), 3)
        for node in self.peers:
            self.assertGreaterEqual(before.gained(node, "corosync_token_warnings_total"), 1, node.name)
            self.gap_seen(before, node, "2.5")
        for node in self.nodes:
            self.assertEqual(before.gained(node, "corosync_nodes_lost_total"), 0, f"{node.name}: nobody was expelled")

    @quiet
    def test_stopped_for_10_s(self):
        must_drop, before = self.must_drop(10), Before(*self.nodes)
        self.stop_and_look(10)
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") == 1, "n2 tells that it was late")
        self.assertGreaterEqual(self.n2.seen().get("corosync_scheduling_delay_last_seconds"), 10)
        self.cluster.whole()
        self.agree()
        self.links_of_n2_dropped(before, must_drop)
        self.peers_were_not_late(before)
        self.assertEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        self.assertGreaterEqual(before.longer(self.n2, "corosync_ipc_seconds", "2.0"), 1)
        self.assertGreaterEqual(before.gained(self.n2, "collector_failures_total", reason="stuck", **LIVE), 1)
        for node in self.peers:
            self.assertGreaterEqual(before.gained(node, "corosync_nodes_lost_total"), 1, f"{node.name} saw n2 expelled")
            self.assertGreaterEqual(before.gained(node, "corosync_membership_changes_total"), 2, node.name)
            self.gap_seen(before, node, "1.5")
        self.assertGreaterEqual(before.of_all(self.peers, "corosync_token_timeouts_total"), 1)
        self.assertGreaterEqual(before.gained(self.n2, "corosync_nodes_lost_total"), 2, "for n2 it was the others that were gone")

    def stop_and_look(self, seconds):
        """A stopped corosync costs its own collector and no other."""

        def look():
            others = "zone", "corosync_log"
            scrape = until(lambda: (s := self.n2.scrape()) and all(s.get("collector_up", collector=name) for name in others) and s, others)
            self.assertEqual(scrape.get("collector_up", **LIVE), 0)
            self.assertGreater(scrape.get("collector_running_seconds", **LIVE), 0)
            self.assertEqual(scrape.all("corosync_up"), {})

        self.stop(seconds, self.n2, meanwhile=look)

    @quiet
    def test_main_thread_held(self):
        before = Before(*self.nodes)
        with self.n2.held():
            until(lambda: before.of_all(self.peers, "corosync_token_losses_total") >= 1, "a peer lost the token")
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") == 1, "n2 tells that it was late")
        self.cluster.whole()
        self.agree()
        for node in self.nodes:
            for name in ("corosync_links_down_total", "corosync_link_changes_total", "corosync_hosts_unreachable_total"):
                self.assertEqual(before.gained(node, name), 0, f"{node.name}: knet's threads went on")
        self.assertEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        self.assertGreaterEqual(before.of_all(self.peers, "corosync_token_timeouts_total"), 1)
        self.assertGreaterEqual(before.of_all(self.peers, "corosync_token_warnings_total"), 1)

    @quiet
    def test_z_all_stopped(self):
        """The last: knet's latencies are those of the stop from now on."""
        self.hurt = set(self.nodes)
        before = Before(*self.nodes)
        self.stop(5, *self.nodes)
        for node in self.nodes:
            until(lambda: before.gained(node, "corosync_schedmiss_total") == 1, f"{node.name} tells that it was late")
        self.cluster.whole()
        self.agree()
        for node in self.nodes:
            self.assertEqual(before.gained(node, "corosync_scheduling_misses_total"), 1, node.name)
            self.assertGreaterEqual(before.gained(node, "corosync_scheduling_delay_seconds_sum"), 5, node.name)

    def test_killed_while_it_is_asked(self):
        self.n2.send(signal.SIGSTOP)
        self.assertEqual(self.n2.scrape().get("collector_up", **LIVE), 0)
        self.n2.kill_corosync()
        until(lambda: self.n2.scrape().get("corosync_up") == 0, "the call came back, and n2 tells that corosync is gone")
