"""The exporter itself on a node: who may ask corosync, what it costs, how it ends, and what it knows after its own crash."""
import os
import shutil
import signal
import time

import node as nodes
import truth
from metrics import Before
from processes import until
from scenario import LIVE, Scenario, quiet


class Exporter(Scenario):
    SHAPE = {"links": 2}

    def test_one_source_each(self):
        for node in self.nodes:
            self.assertEqual(node.seen().all("log_source_info", channel="corosync"),
                             {(("channel", "corosync"), ("source", node.source)): 1})

    def test_a_file_that_is_not_loaded(self):
        text = self.n2.read("etc/corosync.conf")
        self.n2.write("etc/corosync.conf", text.replace("version: 2", "version: 2\n  token: 5000  # tried"))
        scrape = self.n2.seen()
        self.n2.write("etc/corosync.conf", text)
        self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="config"), 5.65)
        self.assertEqual(scrape.get("corosync_token_timeout_seconds", source="runtime"), 3.65)

    def test_it_ends_while_corosync_is_stopped(self):
        for stuck in (False, True):
            with self.subTest(stuck=stuck):
                connections = self.n2.connections()
                self.assertGreaterEqual(len(connections), 2)
                self.n2.send(signal.SIGSTOP)
                if stuck:
                    self.assertEqual(self.n2.scrape().get("collector_up", **LIVE), 0)
                self.assertEqual(self.n2.stop_exporter(), 0)
                self.n2.send(signal.SIGCONT)
                until(lambda: not any(map(os.path.exists, connections)), "nothing is left of the connections")
                self.n2.start_exporter()
                self.cluster.whole()

    def test_crash_restart_and_upgrade_while_the_token_is_lost(self):
        """One node each. None of what corosync says meanwhile is lost, and none counted twice."""
        before = Before(*self.nodes)
        upgrade = shutil.copy(nodes.BINARY, os.path.join(self.cluster.directory, "upgrade"))
        self.agree()
        self.n2.send(signal.SIGSTOP)
        until(lambda: before.of_all(self.peers, "corosync_token_warnings_total") >= 1, "the token is late")
        self.assertEqual(self.n1.stop_exporter(signal.SIGKILL), 128 + signal.SIGKILL)
        self.assertEqual(self.n2.stop_exporter(), 0)
        self.assertEqual(self.n3.stop_exporter(), 0)
        until(lambda: any(self.logged(node, "corosync_token_timeouts_total") for node in self.peers), "the token is lost")
        self.n1.start_exporter()
        self.n3.start_exporter(upgrade)
        self.n2.send(signal.SIGCONT)
        until(lambda: self.logged(self.n2, "corosync_scheduling_misses_total"), "n2 wrote that it was late")
        self.assertEqual(self.n1.stop_exporter(signal.SIGKILL), 128 + signal.SIGKILL)
        self.n1.start_exporter()
        self.n2.start_exporter()
        self.cluster.whole()
        self.agree()
        self.assertGreaterEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        self.assertGreaterEqual(before.of_all(self.peers, "corosync_token_timeouts_total"), 1)

    def logged(self, node, name):
        """How often since the scenario began."""
        return truth.Log("\n".join(node.log().lines[self.said[node]:])).told[name, ()]

    def reason(self, *prefix, **options):
        """Why another process cannot ask corosync."""
        failures = self.n2.once(*prefix, **options).all("collector_failures_total", **LIVE)
        return [dict(labels)["reason"] for labels, count in failures.items() if count > 0]

    def test_access(self):
        binary = shutil.copy(nodes.BINARY, self.cluster.directory)
        user = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
        powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
        elsewhere = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs x /dev/shm; exec "$@"', "x")
        read_only = ("unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro /dev/shm; exec "$@"', "x")
        until(lambda: self.reason(*user, binary=binary) == ["denied"], "a user is refused")
        until(lambda: self.reason("unshare", "--net") == ["refused"], "another network has no corosync")
        until(lambda: self.reason(*elsewhere) == ["io"], "/dev/shm is another")
        until(lambda: self.reason(*read_only) == ["refused"], "/dev/shm cannot be written")
        until(lambda: self.n2.once(*powerless).get("corosync_up") == 1, "root needs no capability")
        self.n2.run("corosync-cmapctl", "-s", "uidgid.uid.1000", "u8", "1")
        until(lambda: self.n2.once(*user, binary=binary).get("corosync_up") == 1, "a user that corosync knows")

    @quiet
    def test_cost_of_a_scrape_and_of_the_samples(self):
        """What corosync's main thread spends for the exporter: of many scrapes, and of the samples of many exporters."""
        self.hurt, self.calm = set(), True
        scrapes, exporters, seconds = 200, 16, 10

        def spent(work):
            """Its CPU time, as a share of the time that the work takes, and that time."""
            start, cpu = time.monotonic(), self.n1.main_thread_seconds()
            work()
            took = time.monotonic() - start
            return (self.n1.main_thread_seconds() - cpu) / took, took

        alone, _ = spent(lambda: time.sleep(seconds))  # for itself and its peers, and one exporter's samples
        asked, took = spent(lambda: [self.n1.scrape() for _ in range(scrapes)])
        with self.n1.more_exporters(exporters):
            sampled, _ = spent(lambda: time.sleep(seconds))
        scrape, samples = (asked - alone) * took / scrapes, max(0, sampled - alone) / exporters
        print(f"corosync's main thread: {1e6 * scrape:.0f} us a scrape, {1e6 * samples / 4:.0f} us a sample, "
              f"{100 * (samples + scrape / 15):.4f} % of a CPU with a scrape in 15 s; {100 * alone:.2f} % for itself", end=" ", flush=True)
        self.assertLess(samples + scrape / 15, 0.001)
