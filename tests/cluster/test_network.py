"""The network between the nodes is hurt; corosync itself runs."""
from metrics import Before
from processes import until
from scenario import Scenario, quiet


class Network(Scenario):
    SHAPE = {"links": 2}

    def nobody_was_late(self, before):
        for node in self.nodes:
            self.assertEqual(before.gained(node, "corosync_schedmiss_total"), 0, node.name)
            self.assertEqual(before.gained(node, "corosync_scheduling_misses_total"), 0, node.name)

    @quiet
    def test_cable_out_and_back(self):
        before = Before(*self.nodes)
        for link in (0, 1):
            self.cluster.cable(self.n2, link, "down")
        scrape = until(lambda: self.alone(self.n2), "n2 is alone")
        self.assertEqual((scrape.get("corosync_votes"), scrape.get("corosync_quorum_votes")), (1, 2))
        self.assertEqual(scrape.get("corosync_impaired", reason="no_quorum"), 1)
        until(lambda: not any(self.n2.scrape().all("corosync_link_connected").values()), "n2 lost all links")
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
            self.assertEqual(node.seen().get("corosync_quorate"), 1)
            until(lambda: not any(node.scrape().all("corosync_link_connected", host=2).values()), f"{node.name} lost its links to n2")
            self.assert_links(node, 1, host=4 - node.number)
            scrape = node.seen()
            self.assertEqual(scrape.get("corosync_impaired", reason="host_unreachable"), 1, node.name)
            self.assertIsNone(scrape.get("corosync_impaired", reason="no_quorum"), node.name)
        for link in (0, 1):
            self.cluster.cable(self.n2, link, "up")
        self.cluster.whole()
        self.agree()
        for node in self.nodes:
            until(lambda: node.scrape().get("corosync_quorate") == 1, f"{node.name} has quorum")
            until(lambda: not {reason for reason in ("no_quorum", "host_unreachable") if node.scrape().get("corosync_impaired", reason=reason)},
                  f"nothing is impaired on {node.name}")
        self.nobody_was_late(before)
        for half in ("corosync_token_losses_total", "corosync_token_timeouts_total", "corosync_token_warnings_total"):
            self.assertGreaterEqual(before.gained(self.n2, half), 1, half)
            self.assertGreaterEqual(before.of_all(self.peers, half), 1, half)
            self.assertGreaterEqual(self.n2.scrape().get("recent_increase", counter=half.removesuffix("_total")), 1, half)
        for state in ("lost", "gained"):
            self.assertGreaterEqual(before.gained(self.n2, "corosync_quorum_changes_total", state=state), 1)
            for node in self.peers:
                self.assertEqual(before.gained(node, "corosync_quorum_changes_total", state=state), 0, node.name)
        for node in self.nodes:
            for name in ("corosync_nodes_lost_total", "corosync_hosts_unreachable_total"):  # a link that comes back may flap
                self.assertGreaterEqual(before.gained(node, name), 2 if node is self.n2 else 1, (node.name, name))

    @quiet
    def test_one_of_two_links(self):
        self.calm = True
        before = Before(*self.nodes)
        self.cluster.cable(self.n2, 1, "down")
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_link_connected", host=2, link=1) == 0, f"{node.name} lost one link")
            self.assert_links(node, 1, host=2, link=0)
        until(lambda: not any(self.n2.scrape().all("corosync_link_connected", link=1).values()), "so did n2")
        self.cluster.cable(self.n2, 1, "up")
        self.cluster.whole()
        self.agree()
        for node in self.nodes:
            hosts = (1, 3) if node is self.n2 else (2,)
            for host in hosts:
                for half, labels in (("corosync_links_down_total", {}), ("corosync_link_changes_total", {"state": "down"})):
                    self.assertGreaterEqual(before.gained(node, half, host=host, link=1, **labels), 1, (node.name, half, host))
                    self.assertEqual(before.gained(node, half, host=host, link=0, **labels), 0, (node.name, half, host))
            for name in ("corosync_token_losses_total", "corosync_memberships_total", "corosync_token_timeouts_total",
                         "corosync_membership_changes_total", "corosync_hosts_unreachable_total", "corosync_nodes_lost_total"):
                self.assertEqual(before.gained(node, name), 0, (node.name, name))

    @quiet
    def test_packets_are_lost(self):
        """Until n2 has lost each of its links to somebody: 3 of 4 packets that come in, so that this is soon."""
        before = Before(*self.nodes)
        self.n2.lose(75)
        try:
            until(lambda: self.n2.scrape().sum("corosync_hosts_unreachable_total") > before.then[self.n2].sum("corosync_hosts_unreachable_total")
                  and before.gained(self.n2, "corosync_token_warnings_total") >= 1, "n2 lost a host, and its token was late")
        finally:
            self.n2.lose(0)
        self.cluster.whole()
        self.agree()
        self.nobody_was_late(before)
        self.assertGreaterEqual(before.gained(self.n2, "corosync_links_down_total"), 2)
        self.assertGreaterEqual(before.gained(self.n2, "corosync_link_changes_total", state="down"), 2)
        self.gap_seen(before, self.n2, "1.5")
