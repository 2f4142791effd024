"""100 000 scrapes leave memory and descriptors where they were."""
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
