"""What a client gets over TLS, and what it does not get."""
import http.client
import os
import shutil
import ssl
import subprocess
import threading
import unittest

from web import BOUND, TLS, Web, certificate, until

V = ssl.TLSVersion


def refused(do):
    """`do` ends in a TLS alert or a connection that ends, not in an answer."""
    try:
        do()
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return True
    return False


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.web = Web(TLS + "http_server_config:\n  http2: true\n  headers:\n    Strict-Transport-Security: max-age=600\n")

    @classmethod
    def tearDownClass(cls):
        cls.web.close()

    def test_versions(self):
        for version, name in ((V.TLSv1_2, "TLSv1.2"), (V.TLSv1_3, "TLSv1.3")):
            connection = self.web.connection(self.web.context(oldest=version, newest=version))
            connection.request("GET", "/metrics")
            self.assertEqual(connection.sock.version(), name)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertIn(b"fencewatch_zone_managed_pages{", answer.read())
            connection.close()

    def test_tls_1_1_is_refused(self):
        with self.assertRaisesRegex(ssl.SSLError, "(?i)protocol|version"):
            self.web.get(context=self.web.context(oldest=V.TLSv1_1, newest=V.TLSv1_1))

    def test_plain_http_is_refused(self):
        with self.web.connect() as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = until_end(client)
            self.assertTrue(answer.startswith(b"HTTP/1.0 400 Bad Request\r\n"), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), answer)

    def test_http_1_1_is_agreed_on(self):
        context = self.web.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(self.web.connect(), server_hostname="localhost") as client:
            self.assertEqual(client.selected_alpn_protocol(), "http/1.1")
        context.set_alpn_protocols(["h2"])
        self.assertTrue(refused(lambda: context.wrap_socket(self.web.connect(), server_hostname="localhost")))

    def test_headers_in_every_answer(self):
        for path, code in (("/metrics", 200), ("/nothing", 404)):
            answer = self.web.get(path)
            self.assertEqual((answer.code, answer.headers["strict-transport-security"]), (code, "max-age=600"))
        answer = self.web.request("POST", "/metrics")
        self.assertEqual((answer.code, answer.headers["strict-transport-security"], answer.headers["allow"]), (405, "max-age=600", "GET, HEAD"))

    def test_one_connection_many_requests(self):
        connection = self.web.connection()
        for method, path, code in (("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("GET", "/-/healthy", 200), ("GET", "/x", 404), ("GET", "/", 200)):
            connection.request(method, path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            self.assertEqual(answer.status, code)
            self.assertEqual(len(body), 0 if method == "HEAD" else int(answer.headers["Content-Length"]))
            port = connection.sock.getsockname()[1]
        self.assertEqual(connection.sock.getsockname()[1], port)
        connection.close()

    def test_pipelined_requests_are_answered_in_their_order(self):
        with self.web.wrapped() as client:
            one = b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"
            client.sendall(one % (b"/-/healthy", b"") + one % (b"/-/ready", b"") + one % (b"/nothing", b"Connection: close\r\n"))
            said = until_end(client)
        self.assertLess(said.index(b"is healthy"), said.index(b"is ready"))
        self.assertLess(said.index(b"is ready"), said.index(b"not found"))

    def test_a_client_that_sends_byte_by_byte(self):
        with self.web.wrapped() as client:
            for byte in b"GET /-/healthy HTTP/1.0\r\n\r\n":
                client.sendall(bytes([byte]))
            self.assertIn(b"fencewatch is healthy", until_end(client))

    def test_expiry_is_shown(self):
        said = subprocess.run(["openssl", "x509", "-in", self.web.directory + "/node.pem", "-noout", "-enddate"], check=True, capture_output=True, text=True)
        expires = ssl.cert_time_to_seconds(said.stdout.strip().split("=")[1])
        self.assertEqual(self.web.metric("fencewatch_web_certificate_expiry_timestamp_seconds"), expires)


class Choice(unittest.TestCase):
    """What the configuration leaves to choose from."""

    def web(self, more):
        web = Web(TLS + more, ready=None)
        self.addCleanup(web.close)
        return web

    def test_version_and_ciphers(self):
        web = self.web("  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n")

        def shake(cipher=None, **versions):
            context = web.context(**versions)
            if cipher:
                context.set_ciphers(cipher)
            with context.wrap_socket(web.connect(), server_hostname="localhost") as client:
                return client.version(), client.cipher()[0]

        self.assertEqual(shake("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"), ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"))
        self.assertTrue(refused(lambda: shake(oldest=V.TLSv1_3)))
        self.assertTrue(refused(lambda: shake("ECDHE-ECDSA-AES128-GCM-SHA256")))

    def test_curves(self):
        for more, taken in (("", True), ("  curve_preferences: [CurveP256]\n", False)):
            web = self.web(more)

            def shake(group):
                return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{web.port}", "-groups", group], stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=BOUND).returncode == 0

            self.assertTrue(shake("P-256"))
            self.assertEqual(shake("X25519"), taken)


def until_end(client):
    said = b""
    try:
        while part := client.recv(65536):
            said += part
    except (ConnectionError, ssl.SSLError):
        pass
    return said


class Clients(unittest.TestCase):
    """Certificates of clients."""

    def web(self, policy, more="", ca=True, **how):
        web = Web(TLS + f"  client_auth_type: {policy}\n" + ("  client_ca_file: ca.pem\n" if ca else "") + more, ready=None, prepare=self.prepare, **how)
        self.addCleanup(web.close)
        return web

    @staticmethod
    def prepare(directory):
        for name in ("ca", "other"):
            certificate(directory, name)
        certificate(directory, "good", ca="ca", sans="DNS:prometheus.example,IP:192.0.2.7", serial=2)
        certificate(directory, "foreign", ca="other", serial=3)

    def answers(self, web, client):
        try:
            return web.get("/-/healthy", context=web.context(client=client)).code
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return None

    def test_policies(self):
        expected = {"RequireAndVerifyClientCert": (None, 200, None), "VerifyClientCertIfGiven": (200, 200, None)}
        for policy, codes in expected.items():
            web = self.web(policy)
            self.assertEqual(tuple(self.answers(web, client) for client in (None, "good", "foreign")), codes, policy)
        web = self.web("RequireAnyClientCert", ca=False)
        self.assertEqual(tuple(self.answers(web, client) for client in (None, "good", "foreign")), (None, 200, 200))
        web = self.web("RequestClientCert", ca=False)
        self.assertEqual(tuple(self.answers(web, client) for client in (None, "good", "foreign")), (200, 200, 200))

    def test_allowed_names(self):
        web = self.web("RequireAndVerifyClientCert", "  client_allowed_sans: [192.0.2.7]\n")
        self.assertEqual(self.answers(web, "good"), 200)
        web = self.web("RequireAndVerifyClientCert", "  client_allowed_sans: [grafana.example]\n")
        self.assertIsNone(self.answers(web, "good"))

    def test_open_health_needs_no_certificate_and_nothing_else_is_open(self):
        web = Web(TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n", "--web.health-open", prepare=self.prepare)
        self.addCleanup(web.close)
        self.assertEqual(web.get("/-/healthy").code, 200)
        self.assertEqual(web.get("/metrics").code, 403)
        self.assertEqual(web.get("/metrics", context=web.context(client="good")).code, 200)
        self.assertTrue(refused(lambda: web.get("/-/healthy", context=web.context(client="foreign"))))


class Rotation(unittest.TestCase):
    def setUp(self):
        self.web = Web(TLS)
        self.addCleanup(self.web.close)

    def serial(self):
        with self.web.wrapped(ca="both") as client:
            return client.getpeercert()["serialNumber"]

    def test_a_new_certificate_under_load(self):
        """Requests go on without one that fails; new connections get the new certificate, old ones go on."""
        web = self.web
        os.mkdir(web.directory + "/new")
        certificate(web.directory + "/new", "node", serial=77)
        with open(web.directory + "/both.pem", "w") as both:
            for name in ("node.pem", "new/node.pem"):
                with open(f"{web.directory}/{name}") as file:
                    both.write(file.read())
        context = web.context(ca="both")
        kept = web.connection(context)
        kept.request("GET", "/-/healthy")
        self.assertEqual(kept.getresponse().read(), b"fencewatch is healthy.\n")
        failed, asked, stop = [], [], threading.Event()

        def load():
            while not stop.is_set():
                try:
                    asked.append(web.get("/metrics", context=context).code)
                except Exception as fault:  # noqa: BLE001, whatever it is
                    failed.append(fault)
        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(asked) > 10, "there is load")
            for name in ("node.key", "node.pem"):  # one after the other, so that they do not fit for a moment
                os.rename(f"{web.directory}/new/{name}", f"{web.directory}/{name}")
            until(lambda: self.serial() == "4D", "the new certificate is shown")
            done = len(asked)
            until(lambda: len(asked) > done + 10, "the load goes on")
        finally:
            stop.set()
            for thread in threads:
                thread.join(BOUND)
        self.assertEqual(failed, [])
        self.assertEqual(set(asked), {200})
        kept.request("GET", "/-/healthy")  # still the connection of the old certificate
        self.assertEqual(kept.getresponse().read(), b"fencewatch is healthy.\n")
        kept.close()
        self.assertEqual(web.metric_of(context, "fencewatch_web_config_last_reload_successful"), 1)

    def test_what_is_refused_leaves_the_one_before(self):
        web = self.web
        shutil.copy(web.directory + "/node.pem", web.directory + "/both.pem")
        before = self.serial()
        for bad, why in ((TLS + "  cert: x\n", "unknown key"), ("tls_server_config: [\n", "web.yml:2: "), ("{}\n", "TLS is switched on or off by a restart")):
            web.configure(bad)
            until(lambda: why in web.said(), "the log tells why")
            self.assertEqual(web.metric("fencewatch_web_config_last_reload_successful"), 0)
            self.assertEqual(self.serial(), before)
        web.configure(TLS)
        until(lambda: web.metric("fencewatch_web_config_last_reload_successful") == 1, "the good one is taken")
        with open(web.directory + "/node.key", "w") as file:
            file.write("no key\n")
        until(lambda: web.metric("fencewatch_web_config_last_reload_successful") == 0, "a key that is none is refused")
        self.assertEqual(web.get("/metrics").code, 200)


class Start(unittest.TestCase):
    def refused(self, config):
        web = None
        try:
            with self.assertRaises(AssertionError) as caught:
                web = Web(config, prepare=Clients.prepare)
        finally:
            if web:
                web.close()
        said = str(caught.exception)
        self.assertIn("the exporter ended: ", said)
        return said

    def test_what_refuses_the_start(self):
        self.assertRegex(self.refused(TLS + "  keyfile: x\n"), r"/web.yml:4: unknown key \"tls_server_config.keyfile\"")
        self.assertRegex(self.refused(TLS.replace("node.key", "ca.key")), r"key_file: .*ca.key.*: key values mismatch")
        self.assertRegex(self.refused(TLS.replace("node.pem", "none.pem")), r"cert_file: .*none.pem.*: No such file")
        self.assertRegex(self.refused("basic_auth_users: {a: secret}\n"), r"/web.yml:1: .*not a bcrypt hash")


if __name__ == "__main__":
    unittest.main()
