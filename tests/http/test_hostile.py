"""Clients that mean harm or do not know better: the exporter stays alive and goes on answering."""
import socket
import threading
import time
import unittest

from exporter import Exporter, until

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = Exporter()
        cls.lines = len(cls.exporter.get().text.splitlines())

    @classmethod
    def tearDownClass(cls):
        cls.exporter.close()

    def tearDown(self):
        self.assertIsNone(self.exporter.process.poll(), "the exporter is alive: " + self.exporter.said()[-2000:])
        self.assertEqual(len(self.exporter.get().text.splitlines()), self.lines, "a scrape is still right")

    def code(self, data):
        answer = self.exporter.raw(data)
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else None

    def scrape_within(self, bound):
        begin = time.monotonic()
        answer = self.exporter.get(timeout=bound)
        took = time.monotonic() - begin
        self.assertEqual(answer.code, 200)
        self.assertLess(took, bound)
        return took

    def test_oversized_headers(self):
        # None: what was not read resets the connection, and the answer may be lost with it.
        self.assertIn(self.code(GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n"), (431, None))
        self.assertIn(self.code(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"), (431, None))
        self.assertEqual(self.code(GET + b"X: " + b"a" * 8200 + b"\r\n\r\n"), 431)
        self.assertEqual(self.code(GET + b"X: y\r\n" * 63 + b"\r\n"), 200)  # with Host: 64
        self.assertEqual(self.code(GET + b"X: y\r\n" * 64 + b"\r\n"), 431)

    def test_what_is_no_http(self):
        for data in (b"\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET metrics HTTP/1.1\r\n\r\n",
                     b"GET /metrics HTTP/3.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
                     GET + b"Content-Length: -1\r\n\r\n", GET + b"Transfer-Encoding: gzip\r\n\r\n"):
            self.assertIn(self.code(data), (400, 413, 505, None), data)

    def test_every_byte_in_the_path(self):
        for byte in range(256):
            raw = self.code(b"GET /" + bytes([byte]) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(raw, {0x3f: (200,), 0x20: (200, 400, 404), 0x0a: (200, 400), 0x0d: (200, 400)}.get(byte, (400, 404)), hex(byte))
            self.assertEqual(self.code(b"GET /%%%02x HTTP/1.1\r\nHost: x\r\n\r\n" % byte), 404, hex(byte))
            self.assertEqual(self.code(b"GET /metrics?collect[]=%%%02x HTTP/1.1\r\nHost: x\r\n\r\n" % byte), 400, hex(byte))

    def test_pipelined_requests(self):
        answer = self.exporter.raw((b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n") * 50)
        self.assertEqual((answer.count(b"HTTP/1.1 200 OK"), answer.count(b"fencewatch is healthy.\n")), (50, 50))

    def test_absolute_form(self):
        port = self.exporter.port
        self.assertEqual(self.code(b"GET http://127.0.0.1:%d/metrics HTTP/1.1\r\nHost: x\r\n\r\n" % port), 200)
        self.assertEqual(self.code(b"GET http://127.0.0.1:%d/nothing HTTP/1.1\r\nHost: x\r\n\r\n" % port), 404)
        self.assertEqual(self.code(b"GET http://elsewhere:1/metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 200)  # RFC 9112 3.2.2
        self.assertEqual(self.code(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 405)

    def test_a_body_is_refused_and_never_run_as_a_request(self):
        inner = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
        length = b"Content-Length: %d\r\n" % len(inner)
        for extra in (b"Content-Length: 99999999999\r\n", b"Content-Length: 9223372036854775807\r\n", length,
                      b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n" + length, length + b"Content-Length: 0\r\n",
                      b"X: y\r\n" * 64 + length, b"X: y\r\n folded\r\n" + length, b"X: y\r\n\tfolded: z\r\n" + length,
                      b"Content-Length : 3\r\n", b"Content-Length: 0x0\r\n", b"Content-Length: 0\n" + length,
                      length + b"Transfer-Encoding: chunked\r\n"):
            begin = time.monotonic()
            answer = self.exporter.raw(GET + extra + b"\r\n" + inner)
            self.assertEqual(answer.count(b"HTTP/1."), 1, (extra, answer))
            self.assertIn(answer.split()[1], (b"400", b"413", b"431"), extra)
            self.assertLess(time.monotonic() - begin, 2, "the body is not waited for")

    def test_http_1_0_and_connection_headers(self):
        self.assertIn(b"Connection: close", self.exporter.raw(b"GET /-/healthy HTTP/1.0\r\n\r\n"))
        self.assertIn(b"Connection: close", self.exporter.raw(b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n"))
        self.assertIn(b"Connection: keep-alive", self.exporter.raw(b"GET /-/healthy HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"))

    def test_upgrades_are_ignored(self):
        for extra in (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n",
                      b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n"):
            self.assertEqual(self.code(GET + extra), 200)

    def hold(self, count, data):
        """`count` connections that sent `data` and stay open. Some may wait in the kernel."""
        clients = []
        for _ in range(count):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.exporter.port))
            clients.append(client)
        self.addCleanup(lambda: [client.close() for client in clients])
        if data:
            deadline = time.monotonic() + 5
            pending = list(clients)
            while pending and time.monotonic() < deadline:
                left = []
                for client in pending:
                    try:
                        client.send(data)
                    except BlockingIOError:
                        left.append(client)
                    except OSError:
                        pass
                pending = left
        return clients

    def test_1000_idle_connections(self):
        self.hold(1000, b"")
        self.assertLess(self.scrape_within(8), 8)

    def test_1000_half_requests(self):
        self.hold(1000, GET)
        took = self.scrape_within(8)
        print(f"scrape beside 1000 half requests: {took:.2f} s")

    def test_200_slow_drips(self):
        stop = threading.Event()

        def drip(clients):
            while not stop.is_set():
                for i, client in enumerate(clients):
                    try:
                        client.send(b"a")
                    except BlockingIOError:
                        pass
                    except OSError:  # shut down: come again
                        client.close()
                        clients[i] = socket.socket()
                        clients[i].setblocking(False)
                        clients[i].connect_ex(("127.0.0.1", self.exporter.port))
                stop.wait(0.1)

        clients = self.hold(200, GET + b"X-Drip: ")
        dripping = threading.Thread(target=drip, args=(clients,))
        dripping.start()
        try:
            worst = max(self.scrape_within(8) for _ in range(10))
            print(f"worst of 10 scrapes beside 200 drips: {worst:.2f} s")
        finally:
            stop.set()
            dripping.join()

    def test_clients_that_never_take_their_answer(self):
        clients = self.hold(40, (GET + b"\r\n") * 200)
        self.assertLess(self.scrape_within(8), 8)
        del clients

    def test_half_a_request_is_given_up(self):
        with self.exporter.connect() as client:
            client.sendall(GET)
            answer = client.recv(4096)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 ") or answer == b"")

    def test_descriptors_come_back(self):
        before = self.exporter.descriptors()
        clients = self.hold(300, GET)
        self.scrape_within(8)
        for client in clients:
            client.close()
        until(lambda: self.exporter.descriptors() <= before + 2, "all connections are closed")
