#!/usr/bin/env python3
"""Incidents whose truth is known, and what `fencewatch diagnose` must say of them.
   tests/incidents.py BINARY [NAME…]      default: all below tests/fixtures/incidents; UPDATE_GOLDEN=1 writes the reports
An incident is a folder with tree or tree-n1, tree-n2, …, note.txt (where it comes from) and expect.json:
   target, cause, acceptable   an incident of `target` has a cause of `acceptable` (cause null: there is none to find)
   must_not_say                causes that would be wrong
   must_mention                what the JSON contains
   exit, stage, at             exit code, highest stage of a node, an incident of the target within 90 s of this local time
   confidence_at_most          surer than that would be a guess"""
import datetime
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

INCIDENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures/incidents")
ARTICLE = "c01-seed-kylin-miscount"
SURE = ("low", "medium", "high")


def seconds(time):
    return datetime.datetime.fromisoformat(time[:19]).timestamp()


class Incidents(unittest.TestCase):
    binary = None
    maxDiff = None

    def diagnose(self, *arguments):
        return subprocess.run([self.binary, "diagnose", *arguments], cwd=INCIDENTS, capture_output=True, text=True, timeout=120, check=False)

    def trees(self, name):
        return sorted(os.path.relpath(tree, INCIDENTS) for tree in glob.glob(f"{INCIDENTS}/{name}/tree*"))

    def incident(self, name):
        with open(f"{INCIDENTS}/{name}/expect.json") as file:
            expected = json.load(file)
        done = self.diagnose("--format=json", *self.trees(name))
        report = json.loads(done.stdout)
        mine = [i for node in report["nodes"] for i in node["incidents"] if expected["target"] in (None, i["target"])]
        causes = {i["cause"] for i in mine}
        self.assertIn(done.returncode, expected["exit"] if isinstance(expected["exit"], list) else [expected["exit"]])
        if expected["cause"] is not None:
            self.assertTrue(causes & set(expected["acceptable"]), causes)
            self.assertTrue(any(abs(seconds(i["at"]) - seconds(expected["at"])) <= 90 for i in mine), [i["at"] for i in mine])
        self.assertFalse(causes & set(expected["must_not_say"]), causes)
        for words in expected["must_mention"]:
            self.assertIn(words, done.stdout)
        self.assertLessEqual(max([SURE.index(i["confidence"]) for i in mine], default=0), SURE.index(expected["confidence_at_most"]))
        self.assertEqual(max(node["stage"] for node in report["nodes"]), expected["stage"])

    def test_the_article_s_four_hosts_as_a_report_in_both_languages(self):
        for language in ("en", "zh"):
            done = self.diagnose(f"--lang={language}", *self.trees(ARTICLE))
            self.assertEqual(done.returncode, 2)
            golden = f"{INCIDENTS}/{ARTICLE}/report.{language}"
            if os.environ.get("UPDATE_GOLDEN"):
                with open(golden, "w") as file:
                    file.write(done.stdout)
            with open(golden) as file:
                self.assertEqual(done.stdout, file.read())
            self.assertLessEqual(max(len(line) for line in done.stdout.splitlines()), 100)

    def test_the_article_s_hosts_are_of_one_model_and_kernel(self):
        cluster = json.loads(self.diagnose("--format=json", *self.trees(ARTICLE)).stdout)["cluster"]
        self.assertTrue(cluster["same_model"] and cluster["same_kernel"])

    def test_one_log_file_alone(self):
        done = self.diagnose("--format=json", f"{ARTICLE}/tree-n1/var/log/messages")
        self.assertIn("targeting n2", done.stdout)
        self.assertEqual([i["target"] for node in json.loads(done.stdout)["nodes"] for i in node["incidents"]], ["n2"])

    def test_a_log_cannot_speak_to_the_terminal(self):
        with tempfile.TemporaryDirectory() as tree:
            os.makedirs(tree + "/var/log")
            with open(tree + "/var/log/messages", "w") as file:
                file.write("Apr  1 11:40:24 n2 corosync[2101]:   [TOTEM ] Token has not been received in 4634 ms \x1b[2J\n")
            done = self.diagnose(tree)
            self.assertIn("\\x1b[2J", done.stdout)
            self.assertNotIn("\x1b", done.stdout)

    def packed(self, name, mode):
        """A report as sos packs it."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = f"{directory.name}/sosreport-n2.tar.{mode}"
        with tarfile.open(path, "w:" + mode) as tar:
            tar.add(f"{INCIDENTS}/{name}", "sosreport-n2")
        return path

    def test_a_report_that_is_an_archive(self):
        expected = json.loads(self.diagnose("--format=json", f"{ARTICLE}/tree-n2").stdout)["nodes"][0]
        for mode in ("xz", "gz", "bz2"):
            path = self.packed(f"{ARTICLE}/tree-n2", mode)
            done = self.diagnose("--format=json", path)
            node = json.loads(done.stdout)["nodes"][0]
            self.assertEqual(node["source"], path)
            for key in ("verdict", "incidents", "findings", "oom_kills"):
                self.assertEqual(node[key], expected[key], key)
            self.assertEqual(glob.glob(tempfile.gettempdir() + "/fencewatch-diagnose-*"), [])
        with open(path, "rb") as file:
            done = subprocess.run([self.binary, "diagnose", "--format=json", "-"], stdin=file, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(json.loads(done.stdout)["nodes"][0]["verdict"], expected["verdict"])

    def test_a_hostile_archive_is_harmless_and_named(self):
        victim = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, victim)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            def add(name, text=b"", **fields):
                member = tarfile.TarInfo(name)
                member.size = len(text)
                for field, value in fields.items():
                    setattr(member, field, value)
                tar.addfile(member, io.BytesIO(text))
            add("s/proc/version", b"Linux version 5.10.0\n")
            add("s/proc/sys/kernel/osrelease", b"5.10.0\n")
            add(f"s/../../../../..{victim}/out", b"x")
            add(f"{victim}/absolute", b"x")
            add("s/var/log/link", type=tarfile.SYMTYPE, linkname=victim)
            add("s/var/log/link/through", b"x")
            add("s/etc/hostname", type=tarfile.LNKTYPE, linkname="/etc/shadow")
            add("s/proc/device", type=tarfile.CHRTYPE, devmajor=1, devminor=5)
            add("s/var/log/\x1b[2Jname", b"Nov  2 08:02:11 n1 kernel: x\n")
            add("s/var/log/messages", b"Nov  2 08:02:11 n1 corosync[1]:   [TOTEM ] Token has not been received in 4634 ms\n")
        path = victim + "/report.tar"
        with open(path, "wb") as file:
            file.write(archive.getvalue())
        done = self.diagnose("--format=json", path)
        node = json.loads(done.stdout)["nodes"][0]
        self.assertEqual(node["kernel"]["release"], "5.10.0")
        self.assertIn("4634 ms", done.stdout)
        self.assertEqual(os.listdir(victim), ["report.tar"])
        self.assertEqual(len([u for u in node["unread"] if "leads out" in u["reason"]]), 2)
        self.assertNotIn("\x1b", self.diagnose(path).stdout)
        for cut in (1, 600, 5000, len(archive.getvalue()) - 2000):
            with open(path, "wb") as file:
                file.write(archive.getvalue()[:cut])
            self.assertIn(self.diagnose(path).returncode, (0, 1, 2, 3, 64))
        self.assertEqual(glob.glob(tempfile.gettempdir() + "/fencewatch-diagnose-*"), [])

    def test_twenty_gigabytes_of_holes_stay_holes(self):
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(directory + "/s/var/log")
            with open(directory + "/s/var/log/messages", "w") as file:
                file.truncate(20 << 30)
            with open(directory + "/s/var/log/syslog", "w") as file:
                file.write("Nov  2 08:02:11 n1 corosync[1]:   [TOTEM ] Token has not been received in 4634 ms\n")
            subprocess.run(["tar", "--sparse", "-C", directory, "-czf", directory + "/s.tar.gz", "s"], check=True)
            done = self.diagnose("--format=json", directory + "/s.tar.gz")
            self.assertIn("4634 ms", done.stdout)

    def test_nothing_to_read_is_told(self):
        with tempfile.TemporaryDirectory() as tree:
            self.assertEqual(self.diagnose(tree).returncode, 3)
        done = self.diagnose("/no/such/report")
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("/no/such/report", done.stderr)

    def test_incidents_of_other_days_are_not_told(self):
        for flags, expected in (("--since=2024-04-02",), 0), (("--until=2024-03-31",), 0), (("--since=2024-04-01", "--until=2024-04-01 12:00"), 1):
            report = json.loads(self.diagnose("--format=json", *flags, *self.trees(ARTICLE)).stdout)
            self.assertEqual(sum(len(node["incidents"]) for node in report["nodes"]), expected, flags)

    def test_a_redacted_report_names_nobody_and_says_the_same(self):
        for name, hosts in ((ARTICLE, "n1 n2 n3 n4"), ("p07-admin-pcs-fence", "n1 n2"), ("p04-pgsql-stop-failed", "n1 n2")):
            plain = json.loads(self.diagnose("--format=json", *self.trees(name)).stdout)
            text = self.diagnose("--format=json", "--redact", *self.trees(name)).stdout
            self.assertEqual(re.findall(rf"\b(?:{hosts.replace(' ', '|')}|192\.0\.2\.\d+|6d3c0a0e[-0-9a-f]*)\b", text), [], name)
            causes = [[i["cause"] for i in node["incidents"]] for node in json.loads(text)["nodes"]]
            self.assertEqual(causes, [[i["cause"] for i in node["incidents"]] for node in plain["nodes"]])

    def test_a_scrape_that_was_kept_tells_what_a_token_costs(self):
        with tempfile.NamedTemporaryFile("w", suffix=".prom") as file:
            file.write("# HELP fencewatch_corosync_token_timeout_seconds x.\nfencewatch_corosync_token_timeout_seconds{source=\"runtime\"} 1\n"
                       'fencewatch_corosync_token_gap_seconds_bucket{le="0.5"} 90\nfencewatch_corosync_token_gap_seconds_bucket{le="1.0"} 97\n'
                       'fencewatch_corosync_token_gap_seconds_bucket{le="5.0"} 100\nfencewatch_corosync_token_gap_seconds_bucket{le="+Inf"} 100\n'
                       "fencewatch_corosync_token_gap_seconds_count 100\n")
            file.flush()
            finding = next(f for f in json.loads(self.diagnose("--format=json", file.name).stdout)["nodes"][0]["findings"] if f["id"] == "token_advisor")
            self.assertIn("With a token of 1 s it would have been lost at most 3 times", finding["en"])
            self.assertIn("With a token of 5 s it would have been lost at most 0 times, and a node that is gone is noticed after 11 s", finding["en"])
            self.assertIn("more than half of the timeout were seen: 10", finding["advice"]["en"])

    def test_the_live_node(self):
        report = json.loads(self.diagnose("--format=json").stdout)
        self.assertEqual(len(report["nodes"]), 1)
        self.assertEqual(report["nodes"][0]["kernel"]["release"], os.uname().release)


for incident in sorted(os.listdir(INCIDENTS)):
    setattr(Incidents, "test_" + incident.replace("-", "_"), lambda self, incident=incident: self.incident(incident))

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    Incidents.binary = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + ["Incidents.test_" + name.replace("-", "_") for name in sys.argv[2:]], verbosity=2)
