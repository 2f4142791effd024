"""Who may ask, and how often."""
import re
import socket
import unittest

from web import BOUND, TLS, Web, basic, bcrypt, until


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.web = Web(f"basic_auth_users:\n  scraper: {bcrypt('s3cret')}\n  other: {bcrypt('x')}\n", "--web.health-open", ready="/-/ready")

    @classmethod
    def tearDownClass(cls):
        cls.web.close()

    def test_right_and_wrong(self):
        for path in ("/metrics", "/", "/nothing", "/-/healthyx", "/-/healthy/", "//-/healthy", "/x/../-/healthy", "/-/healthy/../../metrics", "/%2d/healthy"):
            for headers in ({}, basic("scraper", "wrong"), basic("scraper", ""), basic("nobody", "s3cret"), basic("other", "s3cret"),
                            {"Authorization": "Bearer s3cret"}, {"Authorization": "Basic !"}):
                answer = self.web.get(path, headers)
                self.assertEqual((answer.code, answer.headers["www-authenticate"]), (401, 'Basic realm="fencewatch"'), (path, headers))
                self.assertNotIn("fencewatch_", answer.text)
        for _ in range(2):  # hashed, and then known
            self.assertEqual(self.web.get("/metrics", basic("scraper", "s3cret")).code, 200)
        self.assertEqual(self.web.get("/nothing", basic("scraper", "s3cret")).code, 404)

    def test_a_known_user_with_another_password(self):
        self.assertEqual(self.web.get("/metrics", basic("scraper", "s3cret")).code, 200)
        for wrong in ("s3cret ", "S3cret", "s3cre", "s3cret\0", "s3cret\0x"):
            self.assertEqual(self.web.get("/metrics", basic("scraper", wrong)).code, 401)

    def test_health_is_open(self):
        for path in ("/-/healthy", "/-/ready"):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.web.request(method, path).code, 200)

    def test_refusals_are_counted(self):
        def count():
            answer = self.web.get("/metrics", basic("scraper", "s3cret")).text
            return float(answer.split('fencewatch_http_requests_total{code="401"} ')[1].split("\n")[0])
        before = count()
        self.web.get("/metrics")
        self.assertEqual(count(), before + 1)

    def test_requests_that_two_servers_might_read_differently(self):
        user = "Authorization: " + basic("scraper", "s3cret")["Authorization"] + "\r\n"
        for head, code in (("Content-Length: 30\r\n", 413), ("Transfer-Encoding: chunked\r\n", 413), ("Transfer-Encoding : chunked\r\n", 400),
                           ("Content-Length: 0\r\nContent-Length: 30\r\n", 400), ("A: b\nContent-Length: 30\r\n", 400), ("A: b\r\n c\r\n", 400)):
            inside = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
            said = self.web.raw((f"GET /-/healthy HTTP/1.1\r\nHost: a\r\n{user}{head}\r\n{inside}").encode())
            self.assertTrue(said.startswith(b"HTTP/1.1 %d " % code), (head, said))
            self.assertEqual(said.count(b"HTTP/1.1"), 1)

    def test_a_head_too_long(self):
        self.assertTrue(self.web.raw(b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 9000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 "))
        self.assertTrue(self.web.raw(b"\x16\x03\x01\x02\x00\x01\x00").startswith(b"HTTP/1.1 400 "))


class Flood(unittest.TestCase):
    def test_wrong_passwords_do_not_hold_up_who_is_known(self):
        """A wrong password costs bcrypt about a second here, one after the other; who is known waits for none of them."""
        web = Web(f"basic_auth_users:\n  scraper: {bcrypt('s3cret')}\n  other: $2b$14${'.' * 53}\n", "--web.health-open")
        self.addCleanup(web.close)
        connection = web.connection()
        self.addCleanup(connection.close)

        def scrape():
            """How many requests were answered so far, by code."""
            connection.request("GET", "/metrics", headers=basic("scraper", "s3cret"))
            answer = connection.getresponse()
            text = answer.read().decode()
            self.assertEqual(answer.status, 200)
            return {code: float(count) for code, count in re.findall(r'^fencewatch_http_requests_total\{code="(\d+)"\} (.*)$', text, re.M)}
        scrape()
        credentials = basic("nobody", "wrong")["Authorization"]
        for number in range(40):
            client = socket.create_connection(("127.0.0.1", web.port), BOUND, source_address=(f"127.0.1.{number + 1}", 0))
            self.addCleanup(client.close)
            client.sendall(f"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: {credentials}\r\n\r\n".encode())
        before = until(lambda: (codes := scrape())["503"] > 0 and codes, "the queue of passwords is full")
        for _ in range(10):
            after = scrape()
        self.assertLess(after["401"] - before["401"], 16)  # those before them in the queue are not done: they did not wait there


class Reload(unittest.TestCase):
    def test_a_user_is_added_and_removed(self):
        web = Web(f"basic_auth_users: {{a: {bcrypt('x')}}}\n", "--web.health-open")
        self.addCleanup(web.close)
        self.assertEqual([web.get("/metrics", basic(user, "x")).code for user in "ab"], [200, 401])
        web.configure(f"basic_auth_users: {{b: {bcrypt('x')}}}\n")
        until(lambda: web.get("/metrics", basic("b", "x")).code == 200, "the new user is let in")
        self.assertEqual(web.get("/metrics", basic("a", "x")).code, 401)

    def test_an_emptied_file_opens_nothing(self):
        web = Web(f"basic_auth_users: {{a: {bcrypt('x')}}}\n", "--web.health-open")
        self.addCleanup(web.close)
        for number, empty in enumerate(("", "# nothing\n", "basic_auth_users: {}\n", "{}\n")):
            web.configure(empty + "\n" * number)
            until(lambda: web.said().count("passwords are switched off by a restart only") >= 1, "the log tells why")
            until(lambda: web.metric("fencewatch_web_config_last_reload_successful", basic("a", "x")) == 0, "the reload has failed")
            self.assertEqual(web.get("/metrics").code, 401)
            self.assertEqual(web.get("/metrics", basic("a", "x")).code, 200)
            web.configure(f"basic_auth_users: {{a: {bcrypt('x')}}}\n")
            until(lambda: web.metric("fencewatch_web_config_last_reload_successful", basic("a", "x")) == 1, "the good one is taken")


class Rate(unittest.TestCase):
    def test_more_than_allowed(self):
        web = Web(TLS + "rate_limit:\n  interval: 1h\n  burst: 3\n", "--web.health-open")
        self.addCleanup(web.close)
        codes = [web.get("/metrics").code for _ in range(5)]
        self.assertEqual(codes, [200, 200, 200, 429, 429])
        self.assertEqual(web.get("/-/healthy").code, 200)


if __name__ == "__main__":
    unittest.main()
