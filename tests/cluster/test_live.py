"""What corosync itself tells, while it is hurt. Every test begins and ends with a whole cluster; n2 is the node that suffers. A stop
lasts until its effect is seen, so the tests do not depend on how fast the machine is."""
import os
import shutil
import signal
import time
import unittest

import cluster
from cluster import until

LIVE = {"collector": "corosync_live"}


class Before:
    """What the counters of some nodes were, and by how much they have grown since."""

    def __init__(self, *nodes):
        self.then = {node: node.scrape() for node in nodes}

    def gained(self, node, name, **labels):
        return node.scrape().sum(name, **labels) - self.then[node].sum(name, **labels)

    def losses(self, *nodes):
        """Of the token. One node may learn of it from another that was faster, and then counts none itself."""
        return sum(self.gained(node, "corosync_token_losses_total") for node in nodes)

    def longer(self, node, name, le):
        """What was observed since that is above a bound of the histogram."""
        above = [at.get(name + "_count") - at.get(name + "_bucket", le=le) for at in (node.scrape(), self.then[node])]
        return above[0] - above[1]


class Whole(unittest.TestCase):
    SHAPE = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(**cls.SHAPE)
        cls.addClassCleanup(cls.cluster.close)
        cls.n1, cls.n2, cls.n3 = cls.cluster.nodes

    def setUp(self):
        self.cluster.whole()

    def tearDown(self):
        """Also after a failure the next test gets a whole cluster."""
        for node in self.cluster.nodes:
            if node.init is None or node.namespaces is None:
                node.boot()
            if not node.is_running():
                node.start_corosync()
            node.send(signal.SIGCONT)
            if node.exporter is None:
                node.start_exporter()
            for link in range(self.cluster.links):
                self.cluster.cable(node, link, "up")
        self.cluster.whole()

    @property
    def peers(self):
        return self.n1, self.n3

    def assert_links(self, node, wanted, **labels):
        links = node.scrape().all("corosync_link_connected", **labels)
        self.assertTrue(links)
        self.assertEqual(set(links.values()), {wanted}, (node.name, labels, links))


class TwoLinks(Whole):
    SHAPE = {"links": 2}

    def test_0_idle_for_a_minute_is_no_event(self):
        before = Before(*self.cluster.nodes)
        end = time.monotonic() + 60  # the only test that is about time: that nothing happens
        while time.monotonic() < end:
            for node in self.cluster.nodes:
                scrape = until(lambda: (s := node.scrape()).get("collector_up", **LIVE) and s, f"the exporter of {node.name} gets its turn")
                self.assertEqual(scrape.get("corosync_up"), 1)
                self.assertEqual(scrape.get("corosync_members"), 3)
                self.assertEqual(scrape.get("corosync_quorate"), 1)
                self.assertEqual(scrape.get("corosync_process_realtime"), 1)
                self.assertLess(scrape.get("corosync_seconds_since_token"), self.cluster.token / 1000)
            time.sleep(5)
        for node in self.cluster.nodes:
            for name in ("corosync_token_losses_total", "corosync_memberships_total", "corosync_schedmiss_total", "corosync_links_down_total"):
                self.assertEqual(before.gained(node, name), 0, (node.name, name))
            for reason in ("denied", "refused", "io", "malformed", "limit", "internal"):  # stuck is told of a busy machine as well
                self.assertEqual(before.gained(node, "collector_failures_total", reason=reason, **LIVE), 0, reason)
            self.assertGreater(before.gained(node, "corosync_token_gap_seconds_count"), 20)
            # No near miss either: no gap reached the warning.
            self.assertEqual(before.longer(node, "corosync_token_gap_seconds", "1.5"), 0, node.name)

    def test_cost_of_a_scrape_and_of_the_samples(self):
        node, scrapes = self.n1, 200

        def spent(work):
            """Seconds of corosync's main thread, and of time, for the work."""
            start, cpu = time.monotonic(), node.main_thread_seconds()
            work()
            return node.main_thread_seconds() - cpu, time.monotonic() - start

        cpu, took = spent(lambda: [node.scrape() for _ in range(scrapes)])
        self.assertEqual(node.stop_exporter(), 0)
        idle, idle_took = spent(lambda: time.sleep(max(took, 2)))  # what it does for itself and its peers meanwhile
        scrape = (cpu - took * idle / idle_took) / scrapes
        sample = scrape / 20  # a scrape asks more than that, a sample once
        share = (scrape + 60 * sample) / 15
        print(f"corosync's main thread: {1e6 * scrape:.0f} us a scrape, {100 * share:.4f} % of a CPU for one in 15 s and the samples",
              end=" ", flush=True)
        self.assertLess(share, 0.001)

    def test_stopped_until_the_links_drop(self):
        before = Before(*self.cluster.nodes)
        self.n2.send(signal.SIGSTOP)
        scrape = self.n2.scrape()
        self.assertEqual(scrape.get("collector_up", **LIVE), 0)
        self.assertEqual(scrape.get("collector_up", collector="zone"), 1)
        self.assertGreater(scrape.get("collector_running_seconds", **LIVE), 0)
        self.assertEqual(scrape.all("corosync_up"), {})
        for node in self.peers:
            until(lambda: not any(node.scrape().all("corosync_link_connected", host=2).values()), f"{node.name} lost its links to n2")
        self.n2.send(signal.SIGCONT)
        self.cluster.whole()
        self.assertEqual(self.n2.scrape().get("collector_up", **LIVE), 1)
        self.assertGreaterEqual(before.gained(self.n2, "collector_failures_total", reason="stuck", **LIVE), 1)
        self.assertGreaterEqual(before.longer(self.n2, "corosync_ipc_seconds", "0.5"), 1)
        for node in self.peers:
            for link in (0, 1):
                self.assertGreaterEqual(before.gained(node, "corosync_links_down_total", host=2, link=link), 1, node.name)
            other = 4 - node.number
            self.assertEqual(before.gained(node, "corosync_links_down_total", host=other), 0, node.name)
            self.assertEqual(before.gained(node, "corosync_schedmiss_total"), 0, node.name)
            self.assertEqual(before.longer(node, "corosync_ipc_seconds", "0.5"), 0, node.name)

    def test_stopped_until_it_is_expelled(self):
        before = Before(*self.cluster.nodes)
        self.n2.send(signal.SIGSTOP)
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
            self.assertEqual(node.scrape().get("corosync_quorate"), 1)
        self.n2.send(signal.SIGCONT)
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") >= 1, "n2 tells that it was late")
        self.assertGreater(self.n2.scrape().get("corosync_scheduling_delay_last_seconds"), 0.8 * self.cluster.token / 1000)
        self.cluster.whole()
        self.assertGreaterEqual(before.longer(self.n2, "corosync_ipc_seconds", "2.0"), 1)
        self.assertGreaterEqual(before.losses(*self.peers), 1)
        for node in self.peers:
            self.assertGreaterEqual(before.gained(node, "corosync_memberships_total"), 2, node.name)
            self.assertEqual(before.gained(node, "corosync_schedmiss_total"), 0, node.name)
            # The gap was seen as long as it was, above the warning at least.
            self.assertGreaterEqual(before.longer(node, "corosync_token_gap_seconds", "1.5"), 1, node.name)

    def test_main_thread_held(self):
        before = Before(*self.cluster.nodes)
        with self.n2.held():
            until(lambda: before.losses(*self.peers) >= 1, "a peer lost the token")
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") >= 1, "n2 tells that it was late")
        self.cluster.whole()
        for node in self.cluster.nodes:
            self.assertEqual(before.gained(node, "corosync_links_down_total"), 0, f"{node.name}: knet's threads went on")

    def test_all_stopped(self):
        before = Before(*self.cluster.nodes)
        for node in self.cluster.nodes:
            node.send(signal.SIGSTOP)
        for node in self.cluster.nodes:
            until(lambda: (node.scrape().get("collector_running_seconds", **LIVE) or 0) > 1.2 * self.cluster.token / 1000, "it lasts")
        for node in self.cluster.nodes:
            node.send(signal.SIGCONT)
        for node in self.cluster.nodes:
            until(lambda: before.gained(node, "corosync_schedmiss_total") >= 1, f"{node.name} tells that it was late")

    def test_cable_out_and_back(self):
        before = Before(*self.cluster.nodes)
        for link in (0, 1):
            self.cluster.cable(self.n2, link, "down")
        until(lambda: self.n2.scrape().get("corosync_members") == 1, "n2 is alone")
        scrape = self.n2.scrape()
        self.assertEqual(scrape.get("corosync_quorate"), 0)
        self.assertEqual((scrape.get("corosync_votes"), scrape.get("corosync_quorum_votes")), (1, 2))
        until(lambda: not any(self.n2.scrape().all("corosync_link_connected").values()), "n2 lost all links")
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
            self.assertEqual(node.scrape().get("corosync_quorate"), 1)
            until(lambda: not any(node.scrape().all("corosync_link_connected", host=2).values()), f"{node.name} lost its links to n2")
            self.assert_links(node, 1, host=4 - node.number)
        for link in (0, 1):
            self.cluster.cable(self.n2, link, "up")
        self.cluster.whole()
        for node in self.cluster.nodes:
            self.assertEqual(node.scrape().get("corosync_quorate"), 1)
            self.assertEqual(before.gained(node, "corosync_schedmiss_total"), 0, node.name)
        self.assertGreaterEqual(before.losses(self.n2), 1)
        self.assertGreaterEqual(before.losses(*self.peers), 1)

    def test_one_of_two_links(self):
        before = Before(*self.cluster.nodes)
        self.cluster.cable(self.n2, 1, "down")
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_link_connected", host=2, link=1) == 0, f"{node.name} lost one link")
            self.assert_links(node, 1, host=2, link=0)
        self.cluster.cable(self.n2, 1, "up")
        self.cluster.whole()
        for node in self.cluster.nodes:
            self.assertEqual(before.gained(node, "corosync_token_losses_total"), 0, node.name)
            self.assertEqual(before.gained(node, "corosync_memberships_total"), 0, node.name)

    def test_kill_9(self):
        before = Before(*self.cluster.nodes)
        self.n2.kill_corosync()
        until(lambda: self.n2.scrape().get("corosync_up") == 0, "n2 tells that corosync is gone")
        scrape = self.n2.scrape()
        self.assertEqual(scrape.get("collector_up", **LIVE), 1)
        self.assertEqual(scrape.get("corosync_nodes"), 3)
        for absent in ("corosync_members", "corosync_quorate", "corosync_process_realtime", "corosync_token_losses_total"):
            self.assertEqual(scrape.all(absent), {})
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
        self.n2.start_corosync()
        self.cluster.whole()
        self.assertGreaterEqual(before.gained(self.n2, "corosync_token_gap_seconds_count"), 0)  # ours, not corosync's

    def test_killed_while_it_is_asked(self):
        self.n2.send(signal.SIGSTOP)
        self.assertEqual(self.n2.scrape().get("collector_up", **LIVE), 0)
        self.n2.kill_corosync()
        until(lambda: self.n2.scrape().get("corosync_up") == 0, "the call came back, and n2 tells that corosync is gone")
        self.n2.start_corosync()

    def test_node_crash(self):
        before = Before(self.n1, self.n2)
        self.n3.crash()
        for node in (self.n1, self.n2):
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n3")
            self.assertEqual(node.scrape().get("corosync_quorate"), 1)
            self.assert_links(node, 0, host=3)
        self.assertGreaterEqual(before.losses(self.n1, self.n2), 1)

    def test_quorum_lost_and_regained(self):
        for node in (self.n2, self.n3):
            node.kill_corosync()
        until(lambda: self.n1.scrape().get("corosync_quorate") == 0, "n1 has no quorum")
        scrape = self.n1.scrape()
        self.assertEqual((scrape.get("corosync_members"), scrape.get("corosync_votes"), scrape.get("corosync_expected_votes")), (1, 1, 3))
        for node in (self.n2, self.n3):
            node.start_corosync()
        until(lambda: self.n1.scrape().get("corosync_quorate") == 1, "n1 has quorum again")

    def test_a_clean_leave_is_no_loss(self):
        before = Before(*self.cluster.nodes)
        self.n3.kill_corosync(signal.SIGTERM)
        for node in (self.n1, self.n2):
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n3")
            self.assertEqual(node.scrape().get("corosync_quorate"), 1)
            self.assertEqual(before.gained(node, "corosync_token_losses_total"), 0, node.name)
        until(lambda: self.n3.scrape().get("corosync_up") == 0, "n3 tells that corosync is gone")
        self.assertEqual(before.gained(self.n3, "collector_failures_total", reason="stuck", **LIVE), 0)

    def test_a_file_that_is_not_loaded(self):
        path = os.path.join(self.n2.directory, "etc/corosync.conf")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("token: 2000", "token: 5000  # tried"))
        scrape = self.n2.scrape()
        with open(path, "w") as file:
            file.write(text)
        self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="config"), 5)
        self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="runtime"), 2)

    def test_the_exporter_ends_while_corosync_is_stopped(self):
        for stuck in (False, True):
            with self.subTest(stuck=stuck):
                connections = self.n2.connections()
                self.assertGreaterEqual(len(connections), 2)
                self.n2.send(signal.SIGSTOP)
                if stuck:
                    self.assertEqual(self.n2.scrape().get("collector_up", **LIVE), 0)
                self.assertEqual(self.n2.stop_exporter(bound=20), 0)
                self.n2.send(signal.SIGCONT)
                until(lambda: not any(map(os.path.exists, connections)), "nothing is left of the connections")
                self.n2.start_exporter()
                self.cluster.whole()

    def once(self, *prefix):
        """One scrape by another process in n2: why it failed, if it did."""
        command = [*prefix, self.binary, "--once", "--collector.disable-defaults", "--collector.corosync_live"]
        return cluster.Metrics(cluster.subprocess.run(self.n2.enter() + list(command), capture_output=True, text=True).stdout)

    def reason(self, *prefix):
        failures = self.once(*prefix).all("collector_failures_total", **LIVE)
        return [dict(labels)["reason"] for labels, count in failures.items() if count > 0]

    def test_access(self):
        os.chmod(self.cluster.directory, 0o755)
        self.binary = shutil.copy(cluster.BINARY, self.cluster.directory)
        user = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
        powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
        elsewhere = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs x /dev/shm; exec "$@"', "x")
        read_only = ("unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro /dev/shm; exec "$@"', "x")
        until(lambda: self.reason(*user) == ["denied"], "a user is refused")
        self.assertEqual(self.reason("unshare", "--net"), ["refused"])
        self.assertEqual(self.reason(*elsewhere), ["io"])
        self.assertEqual(self.reason(*read_only), ["refused"])
        self.assertEqual(self.once(*powerless).get("corosync_up"), 1)
        self.n2.run("corosync-cmapctl", "-s", "uidgid.uid.1000", "u8", "1")
        self.assertEqual(self.once(*user).get("corosync_up"), 1)


class Udpu(Whole):
    SHAPE = {"transport": "udpu", "token": 1000}

    def test_stopped_until_it_is_expelled(self):
        before = Before(*self.cluster.nodes)
        self.assertEqual(self.n1.scrape().all("corosync_link_connected"), {})
        self.n2.send(signal.SIGSTOP)
        for node in self.peers:
            until(lambda: node.scrape().get("corosync_members") == 2, f"{node.name} is without n2")
        self.n2.send(signal.SIGCONT)
        until(lambda: before.gained(self.n2, "corosync_schedmiss_total") >= 1, "n2 tells that it was late")
        self.cluster.whole()
        self.assertGreaterEqual(before.losses(*self.peers), 1)


if __name__ == "__main__":
    unittest.main()
