"""What is resident: all of it from the first scrape on, and 100 000 scrapes leave memory and descriptors where they were."""
import re
import time
import unittest

from exporter import Exporter, until

REQUEST = b"GET /metrics?collect[]=zone HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
TOTAL = 100_000
BATCH = 50  # requests under way at once on one connection


class Growth(unittest.TestCase):
    def scrape(self, exporter, count):
        """`count` pipelined scrapes over keep-alive connections, each of 2000."""
        head = re.compile(rb"HTTP/1\.1 200 OK\r\n.*?Content-Length: (\d+)\r\n.*?\r\n\r\n", re.S)
        while count > 0:
            with exporter.connect() as client:
                for _ in range(2000 // BATCH):
                    client.sendall(REQUEST * BATCH)
                    data, answers, at = b"", 0, 0
                    while answers < BATCH:
                        found = head.match(data, at)
                        if found and len(data) >= found.end() + int(found.group(1)):
                            at = found.end() + int(found.group(1))
                            answers += 1
                            continue
                        part = client.recv(1 << 20)
                        self.assertTrue(part, "the connection stays open")
                        data += part
                    count -= BATCH

    @staticmethod
    def settled(exporter):
        """Whether what goes on beside the scrapes, the reading of logs from their start, takes no more memory."""
        before = exporter.status("VmRSS")
        time.sleep(1)
        return exporter.status("VmRSS") == before

    def test_scrapes_leave_nothing_behind(self):
        exporter = Exporter()
        self.addCleanup(exporter.close)
        self.scrape(exporter, 2000)
        until(lambda: self.settled(exporter), "the logs are read")
        memory, descriptors = exporter.status("VmRSS"), exporter.descriptors()
        begin = time.monotonic()
        self.scrape(exporter, TOTAL)
        print(f"{TOTAL / (time.monotonic() - begin):.0f} scrapes a second; resident {memory} -> {exporter.status('VmRSS')} kB")
        self.assertLessEqual(exporter.status("VmRSS"), memory + 256)
        self.assertLessEqual(exporter.descriptors(), descriptors + 1)


HARDLY_USED = ("/libm.so", "/libyaml-cpp.so", "/liblzma.so")


class Locked(unittest.TestCase):
    def mappings(self, exporter):
        """(path, permissions, size, resident) in kB of every mapping."""
        mapped = re.compile(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)$")
        found = []
        with open(f"/proc/{exporter.process.pid}/smaps") as file:
            for line in file:
                if head := mapped.match(line):
                    found.append([head[2], head[1], 0, 0])
                elif line.startswith("Size:"):
                    found[-1][2] = int(line.split()[1])
                elif line.startswith("Rss:"):
                    found[-1][3] = int(line.split()[1])
        return found

    def test_what_is_used_is_resident_and_what_is_not_is_left_out(self):
        exporter = Exporter("--no-collector.oom", "--no-collector.corosync_log", "--no-collector.fencing")
        self.addCleanup(exporter.close)
        if not re.search(r"^fencewatch_memory_locked 1$", exporter.get("/metrics").text, re.M):
            self.skipTest("memory cannot be locked here")
        mappings = self.mappings(exporter)
        hardly = [mapping for mapping in mappings if any(name in mapping[0] for name in HARDLY_USED)]
        used = [mapping for mapping in mappings if mapping not in hardly and mapping[1].startswith("r") and not mapping[0].startswith("[v")]
        self.assertGreater(len(used), 20)
        self.assertEqual([mapping for mapping in used if mapping[3] < mapping[2]], [])
        self.assertLess(sum(mapping[3] for mapping in hardly), sum(mapping[2] for mapping in hardly))
