"""Nodes come and go; and when nothing happens, nothing is told."""
import os
import signal
import time

import truth
from metrics import Before
from processes import until
from scenario import LIVE, Scenario, quiet

EVENTS = ("corosync_token_losses_total", "corosync_memberships_total", "corosync_schedmiss_total", "corosync_links_down_total",
          "corosync_token_warnings_total", "corosync_token_timeouts_total", "corosync_scheduling_misses_total", "corosync_pauses_total",
          "corosync_link_changes_total", "corosync_hosts_unreachable_total", "corosync_membership_changes_total", "corosync_nodes_lost_total",
          "corosync_retransmits_total", "corosync_quorum_changes_total", "corosync_unable_to_form_total")
ALARMS = ("corosync_token_losses_total", "corosync_token_timeouts_total", "corosync_token_warnings_total", "corosync_nodes_lost_total",
          "corosync_schedmiss_total", "corosync_scheduling_misses_total", "corosync_quorum_changes_total")


class Members(Scenario):
    SHAPE = {"links": 2}

    @quiet
    def test_0_idle_for_a_minute_is_no_event(self):
        self.hurt, self.calm = set(), True
        before = Before(*self.nodes)
        end = time.monotonic() + 60  # the only test that is about time: that nothing happens
        while time.monotonic() < end:
            for node in self.nodes:
                scrape = until(lambda: (s := node.scrape()).get("collector_up", **LIVE) and s, f"the exporter of {node.name} gets its turn")
                self.assertEqual(scrape.get("corosync_up"), 1)
                self.assertEqual(scrape.get("corosync_members"), 3)
                self.assertEqual(scrape.get("corosync_quorate"), 1)
                self.assertEqual(scrape.get("corosync_process_realtime"), os.sched_getscheduler(node.main) == os.SCHED_RR)
                self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="runtime"), 3.65)
                self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="config"), 3.65)
                self.assertLess(scrape.get("corosync_seconds_since_token"), 2.7)
            time.sleep(5)
        self.agree()
        for node in self.nodes:
            for name in EVENTS:
                self.assertEqual(before.gained(node, name), 0, (node.name, name))
            for reason in ("denied", "refused", "io", "malformed", "limit", "internal"):  # stuck is told of a busy machine as well
                self.assertEqual(before.gained(node, "collector_failures_total", reason=reason, **LIVE), 0, reason)
            self.assertGreater(before.gained(node, "corosync_token_gap_seconds_count"), 20)
            # No near miss either: no gap came close to the warning.
            self.assertEqual(before.longer(node, "corosync_token_gap_seconds", "2.5"), 0, node.name)

    @quiet
    def test_kill_9(self):
        before = Before(*self.nodes)
        self.n2.kill_corosync()
        scrape = until(lambda: (s := self.n2.scrape()).get("corosync_up") == 0 and s, "n2 tells that corosync is gone")
        self.assertEqual(scrape.get("collector_up", **LIVE), 1)
        self.assertEqual(scrape.get("corosync_nodes"), 3)
        for absent in ("corosync_members", "corosync_quorate", "corosync_process_realtime", "corosync_token_losses_total"):
            self.assertEqual(scrape.all(absent), {})
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
        self.n2.start_corosync()
        self.cluster.whole()
        self.agree()
        for node in self.peers:
            self.assertGreaterEqual(before.gained(node, "corosync_nodes_lost_total"), 1, node.name)
        for half in ("corosync_token_losses_total", "corosync_token_timeouts_total"):
            self.assertGreaterEqual(before.of_all(self.peers, half), 1, half)

    @quiet
    def test_node_crash(self):
        before = Before(*self.nodes)
        self.n2.crash()
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
            self.assertEqual(node.seen().get("corosync_quorate"), 1)
            until(lambda: not any(node.scrape().all("corosync_link_connected", host=2).values()), f"{node.name} lost its links to n2")
        for node in self.peers:
            truth.agree(node)
            self.assertEqual(before.gained(node, "corosync_nodes_lost_total"), 1, node.name)
            self.assertEqual(before.gained(node, "corosync_hosts_unreachable_total"), 1, node.name)
        for half in ("corosync_token_losses_total", "corosync_token_timeouts_total"):
            self.assertGreaterEqual(before.of_all(self.peers, half), 1, half)

    @quiet
    def test_quorum_lost_and_regained(self):
        self.hurt = {self.n2, self.n3}
        before = Before(*self.nodes)
        for node in (self.n2, self.n3):
            node.kill_corosync()
        scrape = until(lambda: self.alone(self.n1), "n1 has no quorum")
        self.assertEqual((scrape.get("corosync_votes"), scrape.get("corosync_expected_votes")), (1, 3))
        for node in (self.n2, self.n3):
            node.start_corosync()
        until(lambda: self.n1.scrape().get("corosync_quorate") == 1, "n1 has quorum again")
        self.cluster.whole()
        self.agree()
        for state in ("lost", "gained"):
            self.assertGreaterEqual(before.gained(self.n1, "corosync_quorum_changes_total", state=state), 1)
        self.assertGreaterEqual(before.gained(self.n1, "corosync_nodes_lost_total"), 2)

    @quiet
    def test_a_clean_leave_is_no_alarm(self):
        self.calm = True
        before = Before(*self.nodes)
        self.n2.kill_corosync(signal.SIGTERM)
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
            self.assertEqual(node.seen().get("corosync_quorate"), 1)
        until(lambda: self.n2.scrape().get("corosync_up") == 0, "n2 tells that corosync is gone")
        self.n2.start_corosync()
        self.cluster.whole()
        self.agree()
        for node in self.peers:
            for name in ALARMS:
                self.assertEqual(before.gained(node, name), 0, (node.name, name))
