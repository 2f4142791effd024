#include "exporter/web/negotiate.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace fencewatch;
using namespace std::chrono_literals;

TEST_SUITE("negotiate") {
  TEST_CASE("format by Accept") {
    const auto om = Format::openmetrics;
    const auto text = Format::text;
    const std::vector<std::pair<const char*, Format>> cases = {
        {"", text},
        {"*/*", text},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", text},
        // Prometheus 2.42 and 3
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/"
         "*;q=0.1",
         om},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
         om},
        {"text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4", text},
        {"application/openmetrics-text", om},
        {"Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.3", om},
        {"application/openmetrics-text;version=0.0.1", text},
        {"application/openmetrics-text;version=2.0.0", text},
        {"application/openmetrics-text;q=0", text},
        {"application/openmetrics-text;q=0,application/*", text},
        {"application/*,application/openmetrics-text;q=0", text},
        {"application/*", om},
        {"text/plain;q=0,application/openmetrics-text;q=0", text},
        {"text/plain,application/openmetrics-text", text},
        {"application/openmetrics-text,text/plain", om},
        {"text/plain;q=0.1,*/*;q=0.9,application/openmetrics-text;q=0.5", om},
        {"application/openmetrics-text;q=oops,text/plain;q=0.1", text},
        {"application/openmetrics-text;q=2,text/plain;q=0.1", text},
        {"application/openmetrics-text;q=nan,text/plain;q=0.1", text},
        {",,;;,=,;q", text},
    };
    for (const auto& [accept, expected] : cases) {
      CAPTURE(accept);
      CHECK(negotiate::format(accept) == expected);
    }
  }

  TEST_CASE("gzip by Accept-Encoding") {
    const std::vector<std::pair<const char*, bool>> cases = {
        {"", false},
        {"gzip", true},
        {"deflate, GZIP;q=0.5", true},
        {"x-gzip", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000", false},
        {"*", true},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"identity, gzip;q=0.5", false},
        {"identity;q=0.5, gzip", true},
        {"br, deflate", false},
        {"gzipped", false},
        {"gzip;q=-1", false},
    };
    for (const auto& [accept, expected] : cases) {
      CAPTURE(accept);
      CHECK(negotiate::gzip(accept) == expected);
    }
  }

  TEST_CASE("query string") {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    const auto parse = [](std::string_view query) {
      Pairs out;
      for (negotiate::Parameter p; negotiate::next_parameter(query, p);) out.emplace_back(p.name, p.value);
      return out;
    };
    CHECK(parse("").empty());
    CHECK(parse("&&").empty());
    CHECK(parse("collect[]=zone&collect%5B%5D=oom") == Pairs{{"collect[]", "zone"}, {"collect[]", "oom"}});
    CHECK(parse("a") == Pairs{{"a", ""}});
    CHECK(parse("=b&a=") == Pairs{{"", "b"}, {"a", ""}});
    CHECK(parse("a=1=2&b=x+y%20z") == Pairs{{"a", "1=2"}, {"b", "x y z"}});
    CHECK(parse("a=%4a%4A") == Pairs{{"a", "JJ"}});
    CHECK(parse("a=%zz&b=%4&c=%") == Pairs{{"a", "%zz"}, {"b", "%4"}, {"c", "%"}});
    CHECK(parse("a=%00b") == Pairs{{"a", std::string("\0b", 2)}});
  }

  TEST_CASE("time that a scrape may take") {
    CHECK(negotiate::scrape_budget("") == 5s);
    CHECK(negotiate::scrape_budget("10") == 9500ms);
    CHECK(negotiate::scrape_budget(" 1.500000 ") == 1000ms);
    CHECK(negotiate::scrape_budget("0.2") == 100ms);
    CHECK(negotiate::scrape_budget("1e30") == 120s);
    for (const char* garbage : {"0", "-3", "ten", "10s", "nan", "inf", "1e999", "--1"}) {
      CAPTURE(garbage);
      CHECK(negotiate::scrape_budget(garbage) == 5s);
    }
  }

  TEST_CASE("the language of the page") {
    CHECK_FALSE(negotiate::chinese("", ""));
    CHECK(negotiate::chinese("", "zh-CN,zh;q=0.9,en;q=0.8"));
    CHECK_FALSE(negotiate::chinese("", "en-US,en;q=0.9,zh;q=0.8"));
    CHECK_FALSE(negotiate::chinese("", "de"));
    CHECK(negotiate::chinese("lang=zh", "en"));
    CHECK_FALSE(negotiate::chinese("a=b&lang=en", "zh"));
    CHECK(negotiate::chinese("nolang=en&lang=zh", "en"));
    CHECK_FALSE(negotiate::chinese("lang=zhx", "en"));
  }

  TEST_CASE("text shown again") {
    CHECK(negotiate::printable(std::string_view("a\0\n\xff~", 5)) == "a???~");
    CHECK(negotiate::printable(std::string(100, 'x')).size() == 64);
  }
}
