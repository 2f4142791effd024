"""Where the exporter listens, and where nobody gets in."""
import os
import socket
import subprocess
import sys
import time
import unittest

from web import TLS, Web, basic, bcrypt, free_port, until


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Addresses(unittest.TestCase):
    def web(self, *flags, **how):
        web = Web(None, *flags, **how)
        self.addCleanup(web.close)
        return web

    @unittest.skipUnless(has_v6(), "no IPv6 here")
    def test_both_kinds_on_one_socket(self):
        for config in (None, TLS):
            web = Web(config, listen="[::]:0")
            self.addCleanup(web.close)
            for host in ("127.0.0.1", "::1"):
                self.assertEqual(web.get("/metrics", host=host).code, 200)

    @unittest.skipUnless(has_v6(), "no IPv6 here")
    def test_one_address_of_ipv6(self):
        web = self.web(listen="[::1]:0", ready=None)
        web.host = "::1"
        self.assertEqual(web.get("/metrics").code, 200)
        with self.assertRaises(ConnectionRefusedError):
            web.get("/metrics", host="127.0.0.1")

    @unittest.skipUnless(has_v6(), "no IPv6 here")
    def test_several_addresses(self):
        web = Web(None, "--web.listen-address=[::1]:0", "--web.listen-address=127.0.0.2:0")
        self.addCleanup(web.close)
        until(lambda: web.listening() and len(web.addresses) == 3, "each address is told")
        for address in web.addresses:
            host, port = address.rsplit(":", 1)
            web.port = int(port)
            self.assertEqual(web.get("/metrics", host=host.strip("[]")).code, 200)

    @unittest.skipUnless(has_v6(), "no IPv6 here")
    def test_both_wildcards_on_one_port(self):
        port = free_port()
        web = self.web(f"--web.listen-address=[::]:{port}", listen=f"0.0.0.0:{port}")
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(web.get("/metrics", host=host).code, 200)

    def test_no_address_is_both_kinds_behind_the_front(self):
        web = Web("{}\n", listen=":0")
        self.addCleanup(web.close)
        for host in ("127.0.0.1", *(["::1"] if has_v6() else [])):
            self.assertEqual(web.get("/metrics", host=host).code, 200)

    def test_an_address_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with self.assertRaisesRegex(AssertionError, f"fencewatch: cannot listen on {address}: address already in use"):
                Web("{}\n", listen=address)


ACTIVATE = """
import os, socket, sys
kind, command = sys.argv[1], sys.argv[2:]
listener = socket.socket(socket.AF_UNIX if kind.startswith("/") else socket.AF_INET)
listener.bind(kind if kind.startswith("/") else ("127.0.0.1", 0))
listener.listen(128)
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(command[0], command)
"""


class Systemd(unittest.TestCase):
    def test_a_socket_handed_over(self):
        for config in (None, TLS):
            web = Web(config, "--web.systemd-socket", listen=None, command=(sys.executable, "-c", ACTIVATE, "tcp"))
            self.addCleanup(web.close)
            self.assertEqual(web.get("/metrics").code, 200)
            self.assertEqual(web.terminate(), 0)

    def test_a_unix_socket_handed_over(self):
        holder = Web(None)  # for a directory
        self.addCleanup(holder.close)
        path = holder.directory + "/socket"
        web = Web(None, "--web.systemd-socket", f"--web.listen-address=127.0.0.1:{free_port()}", listen=None, ready=None,
                  command=(sys.executable, "-c", ACTIVATE, path), port=lambda web: path in web.addresses)
        self.addCleanup(web.close)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            self.assertIn(b"fencewatch is healthy", client.makefile("rb").read())

    def test_no_socket_handed_over(self):
        with self.assertRaisesRegex(AssertionError, "systemd has handed over no socket"):
            Web(None, "--web.systemd-socket", listen=None)

    def test_ready_alive_and_stopping(self):
        for config in (None, TLS):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                name = f"fencewatch-web-{os.getpid()}-{time.monotonic_ns()}"
                notify.bind("\0" + name)
                notify.settimeout(20)
                web = Web(config, command=("env", f"NOTIFY_SOCKET=@{name}", "WATCHDOG_USEC=200000"))
                self.addCleanup(web.close)
                self.assertEqual(notify.recv(100), b"READY=1")
                for _ in range(3):
                    self.assertEqual(notify.recv(100), b"WATCHDOG=1")
                self.assertEqual(web.terminate(), 0)
                said = b"WATCHDOG=1"
                while said == b"WATCHDOG=1":
                    said = notify.recv(100)
                self.assertEqual(said, b"STOPPING=1")


class Inner(unittest.TestCase):
    def test_the_inner_port_gives_nothing(self):
        """To whoever connects as anybody: not a byte, not even a connection. While the front goes on to use it."""
        web = Web(TLS + f"basic_auth_users: {{a: {bcrypt('x')}}}\n", "--web.health-open")
        self.addCleanup(web.close)
        port = web.inner()
        probes = []
        for _ in range(20):
            probe = socket.socket()
            probe.setblocking(False)
            probe.connect_ex(("127.0.0.1", port))
            probes.append(probe)
        # Each of these is longer than a connection on loopback would take: it is there when connect() returns.
        for _ in range(50):
            self.assertEqual(web.get("/metrics", basic("a", "x")).code, 200)
        for probe in probes:
            with self.assertRaises(OSError):
                probe.getpeername()
            probe.close()
        states = subprocess.run(["ss", "-Htn", "state", "established", f"( sport = :{port} )"], check=True, capture_output=True, text=True).stdout
        self.assertGreater(len(states.splitlines()), 0)  # the front's own are there


if __name__ == "__main__":
    unittest.main()
