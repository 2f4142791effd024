"""The recorder: what a node was like second by second is there after its end, and costs nobody anything who scrapes."""
import json
import os
import re
import subprocess
import unittest

import exporter
from exporter import Exporter, until

FIRST, SECOND = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa"


class Recorder(unittest.TestCase):
    def start(self, boot, *flags, state="var/lib/fencewatch"):
        """On a tree whose kernel says that it is of this boot, with the state where a machine has it."""
        self.node.write("proc/sys/kernel/random/boot_id", boot + "\n")
        tree = self.node.tree
        self.state = os.path.join(tree, state)
        if not state.startswith("/"):
            os.makedirs(self.state, exist_ok=True)
        self.node.start([exporter.BINARY, "--web.listen-address=127.0.0.1:0", f"--path.procfs={tree}/proc", f"--path.sysfs={tree}/sys", f"--path.rootfs={tree}",
                         f"--state.dir={self.state}", "--recorder.minutes=2", *flags])

    def setUp(self):
        self.node = Exporter("--no-recorder")
        self.addCleanup(self.node.close)
        self.node.terminate()

    def recorded(self):
        return self.node.metric("fencewatch_recorder_records_total")

    def ring(self, *flags):
        return subprocess.run([exporter.BINARY, "diagnose", f"--recorder={self.state}/recorder.ring", *flags], check=True, capture_output=True, text=True).stdout

    def test_after_a_boot_that_just_ended_its_last_minutes_are_told(self):
        self.start(FIRST)
        until(lambda: '"kswapd_wakes_total"' in (self.recorded() and self.ring() or ""), "all samplers have been recorded")
        self.node.process.kill()
        self.node.process.wait()
        self.start(SECOND)
        until(lambda: self.node.metric("fencewatch_previous_boot_last_record_timestamp_seconds"), "the ring was read")
        text = self.node.get().text
        self.assertRegex(text, r'(?m)^fencewatch_previous_boot_last_minutes\{quantity="zone_free_pages/0/[A-Za-z0-9]+",stat="lowest"\} [0-9]')
        self.assertRegex(text, r'(?m)^fencewatch_previous_boot_last_minutes\{quantity="kswapd_wakes_total",stat="increase"\} 0$')
        node = json.loads(self.node.get("/api/v1/status").text)["nodes"][0]
        self.assertIn({"quantity": "kswapd_wakes_total", "stat": "increase", "value": 0}, node["last_boot"]["last_minutes"])
        self.assertIn("<h2>The last boot's end</h2>", self.node.get("/").text)
        until(self.recorded, "this boot is recorded too")
        # The same from the tree alone, as of a report of this machine.
        said = subprocess.run([exporter.BINARY, "diagnose", "--format=json", self.node.tree], capture_output=True, text=True).stdout
        self.assertEqual(json.loads(said)["nodes"][0]["last_boot"], node["last_boot"])
        boots = [json.loads(line)["boot"] for line in self.ring().splitlines()]
        self.assertEqual(sorted(set(boots)), [FIRST.replace("-", ""), SECOND.replace("-", "")])
        self.assertEqual(boots, sorted(boots))
        table = self.ring("--format=csv").splitlines()
        self.assertEqual(len(table), len(boots) + 1)
        self.assertEqual({line.count(",") for line in table}, {table[0].count(",")})

    def test_it_is_written_past_the_page_cache_and_never_grows(self):
        self.start(FIRST)
        until(self.recorded, "something is on the disk")
        self.assertEqual(os.stat(self.state + "/recorder.ring").st_size, (1 + 2 * 60) * 4096)
        self.assertEqual(self.node.metric("fencewatch_recorder_ring_bytes"), (1 + 2 * 60) * 4096)
        process = f"/proc/{self.node.process.pid}"
        fd = [fd for fd in os.listdir(process + "/fd") if os.readlink(f"{process}/fd/{fd}").endswith("/recorder.ring")]
        self.assertEqual(len(fd), 1)
        with open(f"{process}/fdinfo/{fd[0]}") as file:
            flags = int(re.search("flags:\t([0-7]+)", file.read()).group(1), 8)
        self.assertTrue(flags & os.O_DSYNC)
        told = re.search(r'msg="recording" .*page_cache="([^"]+)"', self.node.said()).group(1)
        self.assertEqual(bool(flags & os.O_DIRECT), told == "passed by")

    def test_none_is_written_when_it_is_not_wanted(self):
        self.start(FIRST, "--no-recorder")
        self.assertNotIn("fencewatch_recorder_", self.node.get().text)
        self.assertFalse(os.path.exists(self.state + "/recorder.ring"))

    def test_where_it_cannot_be_written_the_rest_goes_on_and_it_is_told(self):
        self.start(FIRST, state="/proc/self/nothing")
        until(lambda: "not recording" in self.node.said(), "it is told")
        self.assertEqual(self.node.metric("fencewatch_recorder_recording"), 0)
        self.assertEqual(self.node.metric('fencewatch_collector_up{collector="zone"}'), 1)

    def test_a_file_that_is_no_ring_is_refused_by_diagnose(self):
        self.node.write("ring", "no ring\n")
        for name in ("ring", "not-there"):
            said = subprocess.run([exporter.BINARY, "diagnose", f"--recorder={self.node.path(name)}"], capture_output=True, text=True)
            self.assertEqual((said.returncode, said.stdout, said.stderr.count("\n")), (64, "", 1))
        self.assertEqual(subprocess.run([exporter.BINARY, "diagnose", "--format=csv"], capture_output=True).returncode, 64)


if __name__ == "__main__":
    unittest.main()
