"""The transport without knet: no links, and nothing of them is told."""
from metrics import Before
from processes import until
from scenario import Scenario, quiet


class Udpu(Scenario):
    SHAPE = {"transport": "udpu"}

    @quiet
    def test_stopped_for_5_s(self):
        before = Before(*self.nodes)
        self.stop(5, self.n2)
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") == 1, "n2 tells that it was late")
        self.cluster.whole()
        self.agree()
        for node in self.nodes:
            for name in ("corosync_link_connected", "corosync_links_down_total", "corosync_link_changes_total"):
                self.assertEqual(node.seen().all(name), {}, node.name)
        self.assertEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        for half in ("corosync_token_losses_total", "corosync_token_timeouts_total", "corosync_token_warnings_total"):
            self.assertGreaterEqual(before.of_all(self.peers, half), 1, half)
