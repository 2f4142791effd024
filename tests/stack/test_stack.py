"""From a recorded /proc and lines of real logs to the webhook, through Debian's Prometheus and Alertmanager and the files that we ship."""
import os
import sys
import time
import unittest
from datetime import datetime

from stack import ROOT, Node, Stack, until

sys.path.insert(0, str(ROOT / "tests/alerts"))
from dashboards import dashboards, filled, queries  # noqa: E402

INTERVAL = int(os.environ.get("STACK_INTERVAL", "1"))
HURRY = 12  # every `for` is a twelfth: two minutes are ten seconds


def since_start(per_second):
    start = time.monotonic()
    return lambda: int((time.monotonic() - start) * per_second)


def running_corosync():
    """What libcmap and /proc would say of a quiet member of a cluster; wtmp, that the boot before ended well."""
    gap = since_start(4)
    return {
        "fencewatch_previous_boot_clean": 1,
        'fencewatch_corosync_token_losses_total{state="operational"}': 0,
        "fencewatch_corosync_schedmiss_total": 0,
        'fencewatch_corosync_token_timeout_seconds{source="runtime"}': 3.65,
        'fencewatch_corosync_token_gap_seconds_bucket{le="0.5"}': gap,
        'fencewatch_corosync_token_gap_seconds_bucket{le="+Inf"}': gap,
        'fencewatch_corosync_link_connected{host="2",link="0"}': 1,
        "fencewatch_corosync_quorate": 1,
        "fencewatch_corosync_process_realtime": 1,
        "fencewatch_corosync_process_locked_bytes": 178000000,
    }


# As recorded, with the time of now: the 4.19 kernel, corosync 3.1.7 (stop3s-udpu), pacemaker 2.1.5 (stop10s).
def kernel_kills(now):
    return "\n".join(f"{now:%b %d %H:%M:%S} n1 kernel: [   22.53{number}] {text}" for number, text in enumerate((
        "Out of memory: Kill process 407 (globalhog) score 963 or sacrifice child",
        "Killed process 407 (globalhog) total-vm:3900376kB, anon-rss:3892420kB, file-rss:4kB, shmem-rss:596kB")))


def not_scheduled(now):
    return (f"{now:%b %d %H:%M:%S} [61] n1 corosync warning [MAIN  ] Corosync main process was not scheduled (@{now.timestamp() * 1000:.0f}) for 3170.5701 ms "
            "(threshold is 2920.0000 ms). Consider token timeout increase.")


def fenced(now):
    return (f"{now:%b %d %H:%M:%S}.870 n2 pacemaker-fenced    [85] (finalize_op) \tnotice: Operation 'reboot' targeting n3 by n2 for pacemaker-controld.89@n1: "
            "OK (complete) | id=7b28348a")


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
            node.extra = running_corosync()
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
        node.change("proc/vmstat", "oom_kill 0\n", "oom_kill 1\n")
        node.log("var/log/syslog", kernel_kills(datetime.now()))
        node.log("var/log/cluster/corosync.log", not_scheduled(datetime.now()))
        paged = until(lambda: self.stack.paged("FenceRiskHigh"), "FenceRiskHigh reaches the webhook")
        print(f"from the event to the webhook: {paged - started:.1f} s at a scrape every {INTERVAL} s", file=sys.stderr)
        causes = self.LATENT - {("FenceRiskLatent", "n1:19664")} | {("CorosyncNotScheduled", "n1:19664"), ("OOMKillGlobal", "n1:19664")}
        until(lambda: self.stack.alerts()["suppressed"] >= causes, "its causes are silenced")
        self.assertIn(("FenceRiskHigh", "n1:19664"), self.stack.alerts()["active"])

    def test_3_a_fenced_node_silences_that_it_does_not_answer(self):
        self.nodes["n2:19664"].log("var/log/pacemaker/pacemaker.log", fenced(datetime.now()))
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
