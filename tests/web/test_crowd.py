"""Crowds on the default, plain port and on TLS: whatever they do not do, every scrape is answered, and the door rests between."""
import os
import resource
import socket
import threading
import time
import unittest

from web import TLS, Web, until

MANY = 2000
WAIT = 10  # seconds, the client's time-out; the aim that is printed is one
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"


class Crowd(unittest.TestCase):
    config = None

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreaterEqual(hard, MANY + 200, "the test needs descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 1000), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.web = Web(self.config)
        self.addCleanup(self.web.close)
        self.clients = []
        self.addCleanup(self.leave)

    def leave(self):
        for client in self.clients:
            client.close()
        self.clients = []

    def come(self, count, say=b"", receive=None):
        for _ in range(count):
            client = socket.socket()
            if receive:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.web.port))
            self.clients.append(client)
        for client in self.clients[-count:]:
            try:
                client.send(say)
            except OSError:
                pass  # not there yet, or it had to make room already

    def cpu(self):
        with open(f"/proc/{self.web.process.pid}/stat") as file:
            field = file.read().rsplit(")", 1)[1].split()
        return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")

    def scrapes(self, name, count=5):
        worst = 0
        for _ in range(count):
            begin = time.monotonic()
            self.assertEqual(self.web.get("/metrics", timeout=WAIT).code, 200, name)
            worst = max(worst, time.monotonic() - begin)
        print(f"{type(self).__name__}: worst of {count} scrapes beside {name}: {worst:.2f} s")

    def rest(self, name, seconds=3):
        """What the door takes while nobody moves."""
        before = self.cpu()
        time.sleep(seconds)
        took = (self.cpu() - before) / seconds
        print(f"{type(self).__name__}: CPU beside {name}: {100 * took:.1f} %")
        self.assertLess(took, 0.3, f"{name}: it spins")  # measured 0 to 2 %; spinning was 80

    def test_silent(self):
        self.come(MANY)
        self.scrapes("silent clients")
        self.rest("silent clients")

    def test_half_requests(self):
        self.come(MANY, GET)
        self.scrapes("half requests")
        self.rest("half requests")

    def test_never_reading(self):
        self.come(MANY, (GET + b"\r\n") * 5, receive=2048)
        self.scrapes("clients that never read")
        self.rest("clients that never read")

    def test_half_requests_again_and_again(self):
        stop = threading.Event()

        def knock():
            crowd = []
            while not stop.wait(1 / 600):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", self.web.port))
                try:
                    client.send(GET)
                except OSError:
                    pass
                crowd.append(client)
                if len(crowd) > 1000:
                    crowd.pop(0).close()
            for client in crowd:
                client.close()

        knocking = threading.Thread(target=knock)
        knocking.start()
        try:
            self.scrapes("600 half requests a second", 10)
        finally:
            stop.set()
            knocking.join()

    def test_no_descriptors_left(self):
        has = self.web.descriptors()
        resource.prlimit(self.web.process.pid, resource.RLIMIT_NOFILE, (has + 40, has + 40))
        self.come(MANY, GET)
        self.scrapes("no descriptors left")
        self.rest("no descriptors left")
        self.leave()
        until(lambda: self.web.descriptors() <= has + 2, "the descriptors are given back", 60)


class CrowdOfTls(Crowd):
    config = TLS


if __name__ == "__main__":
    unittest.main()
