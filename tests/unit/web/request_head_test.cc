#include "exporter/web/request_head.h"

#include <doctest/doctest.h>

#include <string>

using namespace fencewatch;

namespace {

constexpr std::string_view kScrape =
    "GET /metrics?collect[]=zone HTTP/1.1\r\nHost: n1:19664\r\nUser-Agent: Prometheus/2.42.0\r\nAccept: text/plain;version=0.0.4\r\n"
    "Accept-Encoding: gzip\r\nAuthorization: Basic YTpi\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n";

int refused(const std::string& text) {
  RequestHead head;
  const ParsedHead parsed = parse_request_head(text, head);
  CHECK(parsed.size == 0);
  return parsed.refused;
}

RequestHead read(std::string_view text) {
  RequestHead head;
  const ParsedHead parsed = parse_request_head(text, head);
  CHECK(parsed.refused == 0);
  CHECK(parsed.size == text.size());
  return head;
}

std::string forwarded(std::string_view text) {
  const RequestHead head = read(text);
  char out[RequestHead::kMost];
  return {out, write_request(head, head.path, head.query, out, sizeof out)};
}

}  // namespace

TEST_CASE("request head: what Prometheus sends") {
  const RequestHead head = read(kScrape);
  CHECK(head.method == RequestHead::Method::get);
  CHECK(head.path == "/metrics");
  CHECK(head.query == "?collect[]=zone");
  CHECK(head.keep_alive);
  CHECK(head.authorization == "Basic YTpi");
  CHECK(head.accept_encoding == "gzip");
}

TEST_CASE("request head: handed on without what the server need not know") {
  CHECK(forwarded(kScrape) ==
        "GET /metrics?collect[]=zone HTTP/1.1\r\nHost: front\r\nAccept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n"
        "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n");
  CHECK(forwarded("HEAD / HTTP/1.0\r\n\r\n") == "HEAD / HTTP/1.1\r\nHost: front\r\n\r\n");
  char small[20];
  CHECK(write_request(read(kScrape), "/metrics", "", small, sizeof small) == 0);
}

TEST_CASE("request head: a prefix is not all of it yet, and another request behind it is left") {
  RequestHead head;
  for (size_t n = 0; n < kScrape.size(); ++n) {
    const ParsedHead parsed = parse_request_head(kScrape.substr(0, n), head);
    CHECK(parsed.size == 0);
    CHECK(parsed.refused == 0);
  }
  CHECK(parse_request_head(std::string(kScrape) + "GET / HT", head).size == kScrape.size());
}

TEST_CASE("request head: when the connection goes on") {
  CHECK(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  CHECK(!read("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  CHECK(!read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(read("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST_CASE("request head: the absolute form is the path in it") {
  CHECK(read("GET http://n1:19664/metrics?a HTTP/1.1\r\nHost: a\r\n\r\n").path == "/metrics");
  CHECK(refused("GET http://n1:19664 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("request head: where two servers might see different ends") {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  CHECK(refused(start + "Content-Length: 5\r\n\r\nhello") == 413);
  CHECK(refused(start + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n") == 400);
  CHECK(refused(start + "Content-Length: +0\r\n\r\n") == 400);
  CHECK(refused(start + "Content-Length: 0, 5\r\n\r\n") == 400);
  CHECK(refused(start + "Transfer-Encoding: chunked\r\n\r\n") == 413);
  CHECK(refused(start + "Transfer-Encoding : chunked\r\n\r\n") == 400);
  CHECK(refused(start + "A: b\r\n Transfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(refused(start + "A: b\rContent-Length: 5\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\nHost: a\n\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\n\r\n") == 400);
  CHECK(refused(start + "Host: b\r\n\r\n") == 400);
  CHECK(read(start + "Content-Length: 0\r\n\r\n").path == "/");
}

TEST_CASE("request head: what is no request") {
  CHECK(refused(std::string("\x16\x03\x01\x02", 4)) == 400);  // TLS
  CHECK(refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused("GET /\r\n\r\n") == 400);
  CHECK(refused("GET  HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(1, 0) + "\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\n\r\n") == 400);
  CHECK(refused("GET /" + std::string(RequestHead::kMost, 'a')) == 431);
  CHECK(read("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").method == RequestHead::Method::other);
}
