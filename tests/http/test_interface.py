"""Paths, methods, formats, filters: what a well-behaved client sees."""
import base64
import hashlib
import json
import re
import shutil
import subprocess
import unittest

import prometheus_client.openmetrics.parser
import prometheus_client.parser

from exporter import Exporter

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def collectors(text):
    return set(re.findall(r'^fencewatch_collector_up\{collector="([^"]+)"', text, re.M))


def series(families):
    """The names and labels of all samples; values move between two scrapes."""
    return {(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples}


class Interface(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = Exporter()

    @classmethod
    def tearDownClass(cls):
        cls.exporter.close()

    def get(self, *args, **kwargs):
        return self.exporter.get(*args, **kwargs)

    def test_only_exact_paths_are_found(self):
        for path in ("/metrics", "/", "/-/healthy", "/-/ready"):
            self.assertEqual(self.get(path).code, 200, path)
        for path in ("/metrics/", "/metricsfoo", "/metric", "/metrics%00", "//metrics", "/x/../metrics", "/-/", "/-/healthyx", "/METRICS",
                     "/%2e%2e/etc/passwd", "/etc/passwd", "/index.html", "/metrics;x"):
            answer = self.get(path)
            self.assertEqual((answer.code, answer.text), (404, "not found\n"), path)

    def test_head_has_the_headers_of_get(self):
        for path in ("/", "/-/healthy", "/-/ready", "/nothing"):
            get, head = self.get(path), self.exporter.request("HEAD", path)
            for answer in (get, head):
                answer.headers.pop("date")
            self.assertEqual((head.code, head.headers, head.body), (get.code, get.headers, b""), path)
        for headers in ({}, {"Accept": OPENMETRICS}, {"Accept-Encoding": "gzip"}):
            get, head = self.get("/metrics", headers), self.exporter.request("HEAD", "/metrics", headers)
            self.assertGreater(int(head.headers["content-length"]), 1000)
            for answer in (get, head):  # a counter may have got another digit meanwhile
                answer.headers.pop("date"), answer.headers.pop("content-length")
            self.assertEqual((head.code, head.headers, head.body), (200, get.headers, b""))

    def test_other_methods_are_refused(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
            answer = self.exporter.request(method, "/metrics")
            self.assertEqual((answer.code, answer.headers.get("allow")), (405, "GET, HEAD"), method)
            self.assertEqual(self.exporter.request(method, "/nothing").code, 405)
        self.assertEqual(self.exporter.request("TRACE", "/metrics").code, 405)

    def test_text_format(self):
        answer = self.get()
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(answer.headers["vary"], "Accept, Accept-Encoding")
        self.assertEqual(int(answer.headers["content-length"]), len(answer.raw))
        self.assertTrue(series(prometheus_client.parser.text_string_to_metric_families(answer.text)))
        self.assertNotIn("# EOF", answer.text)

    def test_openmetrics_format_holds_the_same_series(self):
        answer = self.get(headers={"Accept": OPENMETRICS})
        self.assertEqual(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(answer.text.endswith("\n# EOF\n"))
        strict = series(prometheus_client.openmetrics.parser.text_string_to_metric_families(answer.text))
        plain = series(prometheus_client.parser.text_string_to_metric_families(self.get().text))
        self.assertEqual(strict ^ plain, set())

    def test_browsers_and_refusals_get_text(self):
        for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "application/openmetrics-text;q=0", "image/png", ";;,q=1"):
            self.assertTrue(self.get(headers={"Accept": accept}).headers["content-type"].startswith("text/plain"), accept)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_finds_nothing_to_say(self):
        result = subprocess.run(["promtool", "check", "metrics"], input=self.get().body, capture_output=True)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))

    def test_gzip_equals_plain(self):
        plain, packed = self.get(), self.get(headers={"Accept-Encoding": "deflate, gzip;q=0.5"})
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(int(packed.headers["content-length"]), len(packed.raw))
        self.assertLess(len(packed.raw), len(plain.raw) / 3)
        self.assertNotIn("content-encoding", plain.headers)
        families = prometheus_client.parser.text_string_to_metric_families
        self.assertEqual(series(families(packed.text)), series(families(plain.text)))

    def test_gzip_refused(self):
        for refusal in ("gzip;q=0", "identity, gzip;q=0.5", "*;q=0", "br"):
            self.assertNotIn("content-encoding", self.get(headers={"Accept-Encoding": refusal}).headers, refusal)
        self.assertNotIn("content-encoding", self.get("/-/healthy", {"Accept-Encoding": "gzip"}).headers)

    def test_collect_and_exclude(self):
        every = collectors(self.get().text)
        self.assertGreater(len(every), 1)
        one, other = sorted(every)[:2]
        self.assertEqual(collectors(self.get(f"/metrics?collect[]={one}").text), {one})
        self.assertEqual(collectors(self.get(f"/metrics?collect%5B%5D={one}&collect[]={other}").text), {one, other})
        self.assertEqual(collectors(self.get(f"/metrics?exclude[]={one}").text), every - {one})
        self.assertEqual(collectors(self.get("/metrics?unrelated=1").text), every)

    def test_collect_that_makes_no_sense_is_refused(self):
        one = sorted(collectors(self.get().text))[0]
        both = self.get(f"/metrics?collect[]={one}&exclude[]={one}")
        self.assertEqual((both.code, both.text), (400, "collect[] and exclude[] cannot be given together\n"))
        for path in ("/metrics?collect[]=no_such", "/metrics?exclude[]=no_such"):
            answer = self.get(path)
            self.assertEqual((answer.code, answer.text), (400, 'no collector "no_such" is enabled\n'))
        hostile = self.get("/metrics?collect[]=%0d%0aSet-Cookie:%20x" + "y" * 1000)
        self.assertEqual((hostile.code, hostile.text.count("\n")), (400, 1))
        self.assertNotIn("set-cookie", hostile.headers)

    def test_the_status_page(self):
        answer = self.get("/")
        self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
        self.assertIn('<a href="/metrics">', answer.text)
        self.assertRegex(answer.text, r"fencewatch [0-9]+\.[0-9]+")
        self.assertIn('<html lang="en">', answer.text)
        for name in collectors(self.get().text):
            self.assertIn(f'<th scope="row">{name}</th>', answer.text)
        style = re.search(r"<style>(.*)</style>", answer.text, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.assertIn("default-src 'none'", answer.headers["content-security-policy"])
        self.assertIn(f"style-src 'sha256-{digest}'", answer.headers["content-security-policy"])
        for forbidden in ("<script", "style=", "onclick", "src="):
            self.assertNotIn(forbidden, answer.text)

    def test_the_status_page_in_chinese(self):
        for answer in (self.get("/?lang=zh"), self.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})):
            self.assertIn('<html lang="zh">', answer.text)
            self.assertIn("内核账目", answer.text)

    def test_the_status_as_json(self):
        self.get()
        status = json.loads(self.get("/api/v1/status").text)
        self.get("/")
        self.assertEqual(status["schema"], 1)
        self.assertEqual(len(status["nodes"]), 1)
        self.assertEqual([link["id"] for link in status["nodes"][0]["chain"]], ["books", "memory", "token", "fence"])
        self.assertEqual(self.get("/api/v1/status").headers["content-type"], "application/json")

    def test_health(self):
        answer = self.get("/-/healthy")
        self.assertEqual((answer.text, answer.headers["content-type"]), ("fencewatch is healthy.\n", "text/plain; charset=utf-8"))

    def test_requests_are_counted_by_code(self):
        counts = {c: self.exporter.metric(f'fencewatch_http_requests_total{{code="{c}"}}') for c in (200, 400, 404, 405, 503)}
        self.assertNotIn(None, counts.values())
        self.get("/nothing")
        self.exporter.request("POST", "/")
        self.exporter.raw(b"nonsense\r\n\r\n")
        for code in (400, 404, 405):
            self.assertEqual(self.exporter.metric(f'fencewatch_http_requests_total{{code="{code}"}}'), counts[code] + 1, code)

    def test_garbage_as_scrape_timeout_is_ignored(self):
        for value in ("", "ten", "-1", "nan", "1e999", "0x10", "9" * 400):
            self.assertEqual(self.get(headers={"X-Prometheus-Scrape-Timeout-Seconds": value}).code, 200, value)


class Flags(unittest.TestCase):
    def test_another_telemetry_path(self):
        exporter = Exporter("--web.telemetry-path=/m")
        self.addCleanup(exporter.close)
        self.assertEqual([exporter.get(path).code for path in ("/m", "/metrics")], [200, 404])
        self.assertIn('<a href="/m">', exporter.get("/").text)

    def test_an_address_in_use_is_named(self):
        import exporter as module
        exporter = Exporter()
        self.addCleanup(exporter.close)
        address = f"127.0.0.1:{exporter.port}"
        second = subprocess.run([module.BINARY, "--web.listen-address=" + address], capture_output=True, timeout=20)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(f"cannot listen on {address}: address already in use", (second.stdout + second.stderr).decode())
