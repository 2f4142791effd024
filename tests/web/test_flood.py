"""Floods of connections while Debian's Prometheus scrapes over TLS with basic auth."""
import json
import resource
import signal
import socket
import ssl
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

from web import BOUND, TLS, Web, basic, bcrypt, free_port, until

MANY = 2000
INTERVAL = 1  # seconds between scrapes


def client_hello():
    """What Python's ssl sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Flood(unittest.TestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreaterEqual(hard, MANY + 200, "the test needs descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 1000), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.web = Web(TLS + f"basic_auth_users:\n  prometheus: {bcrypt('s3cret')}\n", "--web.health-open")
        self.addCleanup(self.web.close)

    def prometheus(self):
        """Scrapes each second. What it asks is answered by ups()."""
        directory = self.web.directory
        with open(directory + "/prometheus.yml", "w") as file:
            json.dump({"global": {"scrape_interval": f"{INTERVAL}s", "scrape_timeout": f"{INTERVAL}s"}, "scrape_configs": [
                {"job_name": "fencewatch", "scheme": "https", "tls_config": {"ca_file": directory + "/node.pem", "server_name": "localhost"},
                 "basic_auth": {"username": "prometheus", "password": "s3cret"}, "static_configs": [{"targets": [f"127.0.0.1:{self.web.port}"]}]}]}, file)
        self.api = free_port()
        log = open(directory + "/prometheus.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb",
                                    f"--web.listen-address=127.0.0.1:{self.api}"], stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGTERM)
        until(lambda: len(self.ups()) > 2, "Prometheus scrapes", 60)

    def ups(self):
        """Of every scrape so far whether it worked."""
        query = urllib.parse.urlencode({"query": "up[1h]"})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/api/v1/query?{query}", timeout=BOUND) as answer:
                result = json.load(answer)["data"]["result"]
        except (urllib.error.URLError, ConnectionError):
            return []
        return [value for _, value in result[0]["values"]] if result else []

    def open(self, count, say):
        """`count` connections, each after it has said something."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.web.port), timeout=BOUND)
            client.setblocking(False)
            clients.append(client)
            try:
                client.send(say)
            except OSError:
                pass  # it had to make room already
        return clients

    def test_floods_do_not_stop_prometheus(self):
        web = self.web
        self.prometheus()
        hello = client_hello()
        floods = {"half a handshake": hello[:40], "a handshake that does not go on": hello, "no TLS": b"GET / HTTP/1.1\r\nHo"}
        before = self.state()
        for round_ in range(2):
            for name, say in floods.items():
                scrapes = len(self.ups())
                clients = self.open(MANY, say)
                until(lambda: len(self.ups()) >= scrapes + 3, f"scrapes go on: {name}", 60)
                for client in clients:
                    client.close()
            if round_ == 0:
                until(lambda: self.state()[0] <= before[0] + 2, "the descriptors are given back", 60)
        self.assertEqual(set(self.ups()), {"1"})
        until(lambda: self.state()[0] <= before[0] + 2, "the descriptors are given back", 60)
        # What a dozen connections need is kept; the flood took 4 MiB and more.
        until(lambda: self.state()[1] <= before[1] + 1536, f"the memory is given back: {before} {self.state()}", 60)
        self.assertGreater(web.get("/metrics", basic("prometheus", "s3cret")).text.count("\n"), 100)

    def state(self):
        """Descriptors, and kB of memory that is no file's: pages of OpenSSL that a flood is the first to use stay."""
        return self.web.descriptors(), self.web.status("RssAnon")

    def test_slow_clients_do_not_stop_a_scrape(self):
        """Whole handshakes, then heads that never end, answers that nobody takes."""
        web = self.web
        user = basic("prometheus", "s3cret")
        self.assertEqual(web.get("/metrics", user).code, 200)
        slow = []
        for number in range(300):
            client = web.wrapped()
            slow.append(client)
            try:
                if number % 3 == 0:
                    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nA: ")
                elif number % 3 == 1:
                    head = "".join(f"{name}: {value}\r\n" for name, value in user.items())
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                    client.sendall(f"GET /metrics HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode() * 5)
            except OSError:
                pass  # it had to make room
            if number % 50 == 0:
                self.assertEqual(web.get("/metrics", user).code, 200)
        for _ in range(5):
            self.assertEqual(web.get("/metrics", user).code, 200)
        for client in slow:
            client.close()


if __name__ == "__main__":
    unittest.main()
