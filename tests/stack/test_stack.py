"""From a recorded /proc to the webhook, through Debian's Prometheus and Alertmanager and the files that we ship."""
import os
import sys
import time
import unittest

import stack
from stack import ROOT, Node, Stack, until

sys.path.insert(0, str(ROOT / "tests/alerts"))
from dashboards import dashboards, filled, queries  # noqa: E402

INTERVAL = int(os.environ.get("STACK_INTERVAL", "1"))
HURRY = 12  # every `for` is a twelfth: two minutes are ten seconds


def since_start(per_second):
    start = time.monotonic()
    return lambda: int((time.monotonic() - start) * per_second)


def cluster_node():
    """What the collectors of corosync, of logs and of fencing are going to say on a quiet member of a cluster."""
    gap = since_start(4)
    return {
        'fencewatch_oom_kill_events_total{constraint="global"}': 0,
        "fencewatch_corosync_token_warnings_total": 0,
        "fencewatch_corosync_token_timeouts_total": 0,
        "fencewatch_corosync_scheduling_misses_total": 0,
        "fencewatch_corosync_hosts_unreachable_total": 0,
        'fencewatch_corosync_token_losses_total{state="operational"}': 0,
        'fencewatch_corosync_token_timeout_seconds{source="runtime"}': 3.65,
        'fencewatch_corosync_token_gap_seconds_bucket{le="0.5"}': gap,
        'fencewatch_corosync_token_gap_seconds_bucket{le="+Inf"}': gap,
        'fencewatch_corosync_link_connected{host="2",link="0"}': 1,
        "fencewatch_corosync_quorate": 1,
        "fencewatch_corosync_process_realtime": 1,
        "fencewatch_corosync_process_locked_bytes": 178000000,
        "fencewatch_previous_boot_clean": 1,
        'fencewatch_log_lines_lost_total{channel="kernel",reason="overrun"}': 0,
    }


class Chain(unittest.TestCase):
    """One story, in the order of the methods' names: n1 is miscounted, n2 and n3 are healthy."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(INTERVAL, HURRY)
        cls.addClassCleanup(cls.stack.close)
        cls.nodes = {"n1:19664": Node(cls.stack, "n1", "linux-4.19-miscount")}
        for name in ("n2", "n3"):
            cls.nodes[f"{name}:19664"] = Node(cls.stack, name, "linux-6.1-healthy")
        for node in cls.nodes.values():
            node.extra = cluster_node()
        cls.stack.watch(cls.nodes)

    LATENT = {("FenceRiskLatent", "n1:19664"), ("ZoneMiscounted", "n1:19664"), ("WatermarksCollapsed", "n1:19664")}

    def seen(self):
        return set().union(*self.stack.alerts().values())

    def test_1_idle_only_the_latent_alerts_of_the_miscounted_node(self):
        until(lambda: self.seen() >= self.LATENT, "the latent alerts fire")
        self.assertEqual(self.seen(), self.LATENT)
        self.assertIsNone(self.stack.paged("FenceRiskHigh"))

    def test_2_distress_and_a_late_corosync_page_and_silence_their_causes(self):
        node = self.nodes["n1:19664"]
        until(lambda: self.stack.query('increase(fencewatch_oom_kills_total{instance="n1:19664"}[10m]) == 0'), "there are two samples")
        started = time.monotonic()
        node.change("proc/vmstat", "oom_kill 0\n", "oom_kill 3\n")
        node.extra["fencewatch_corosync_scheduling_misses_total"] = 1
        paged = until(lambda: self.stack.paged("FenceRiskHigh"), "FenceRiskHigh reaches the webhook")
        print(f"from the event to the webhook: {paged - started:.1f} s at a scrape every {INTERVAL} s", file=sys.stderr)
        causes = self.LATENT - {("FenceRiskLatent", "n1:19664")} | {("CorosyncNotScheduled", "n1:19664")}
        until(lambda: self.stack.alerts()["suppressed"] >= causes, "its causes are silenced")
        self.assertIn(("FenceRiskHigh", "n1:19664"), self.stack.alerts()["active"])

    def test_3_a_fenced_node_silences_that_it_does_not_answer(self):
        self.nodes["n2:19664"].extra['fencewatch_fencing_last_timestamp_seconds{target="n3"}'] = time.time()
        until(lambda: self.stack.paged("NodeFenced"), "NodeFenced reaches the webhook")
        self.nodes["n3:19664"].answering = False
        until(lambda: ("ExporterDown", "n3:19664") in self.stack.alerts()["suppressed"], "ExporterDown is silenced")
        self.nodes["n3:19664"].answering = True

    def test_4_the_healthy_nodes_stayed_quiet(self):
        self.assertLessEqual(self.seen() - {("ExporterDown", "n3:19664"), ("NodeFenced", None)},
                             {(alert, "n1:19664") for alert, _ in self.seen()})

    def test_5_every_query_of_the_dashboards_returns_data(self):
        for name, dashboard in dashboards().items():
            for where, expression in queries(dashboard):
                with self.subTest(name, query=where):
                    short = filled(expression).replace("[1h:5m]", "[1m:5s]").replace("[5m]", "[30s]")
                    until(lambda: self.stack.query(short), f"data for {short}", bound=30)


if __name__ == "__main__":
    unittest.main()
