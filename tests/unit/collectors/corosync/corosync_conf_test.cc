#include "collectors/corosync/corosync_conf.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tests/unit/trees.h"

namespace fencewatch {
namespace {

constexpr const char* kDirectory = FIXTURES "/corosync_conf/";

CorosyncConf read(const std::string& name) {
  const std::string text = test::slurp(kDirectory + name + ".conf");
  REQUIRE(!text.empty());
  CorosyncConf conf;
  REQUIRE(parse_corosync_conf(text, conf));
  return conf;
}

Status parse(std::string_view text, CorosyncConf& conf) { return parse_corosync_conf(text, conf); }

CorosyncConf good(std::string_view text) {
  CorosyncConf conf;
  CAPTURE(text);
  REQUIRE(parse(text, conf));
  return conf;
}

void check_fault(std::string_view text, uint32_t line, std::string_view what) {
  CorosyncConf conf;
  CAPTURE(text);
  const Status status = parse(text, conf);
  CHECK(status.code == Code::malformed);
  CHECK(status.line == line);
  CHECK(status.text == what);
}

}  // namespace

TEST_SUITE("corosync_conf") {
  // What runtime.config.totem.* of the recorded clusters says of the same files.
  TEST_CASE("three nodes of 3.1 without a token") {
    for (const char* name : {"knet", "knet-2-links", "udpu"}) {
      CAPTURE(name);
      const CorosyncConf conf = read(name);
      CHECK(conf.nodes == 3);
      CHECK(!conf.token);
      CHECK(!conf.consensus);
      const TotemTimes times = totem_times(conf, kTokenSince31);
      CHECK(times.token == 3650);
      CHECK(times.consensus == 4380);
      CHECK(times.token_warning == 75);
      CHECK(totem_times(conf, kTokenBefore31).token == 1650);
    }
  }

  TEST_CASE("one node has no coefficient") {
    const CorosyncConf conf = read("debian-12");
    CHECK(conf.nodes == 1);
    CHECK(totem_times(conf, kTokenSince31).token == 3000);
    CHECK(totem_times(conf, kTokenSince31).consensus == 3600);
  }

  TEST_CASE("comments behind values, no blanks, totem last") {
    const CorosyncConf conf = read("odd");
    CHECK(conf.nodes == 4);
    CHECK(conf.token == 20000u);
    CHECK(conf.token_coefficient == 0u);
    const TotemTimes times = totem_times(conf, kTokenSince31);
    CHECK(times.token == 20000);
    CHECK(times.consensus == 24000);
    CHECK(times.token_warning == 60);
  }

  TEST_CASE("members without a nodelist do not count") {
    const CorosyncConf conf = read("one");
    CHECK(conf.nodes == 0);
    CHECK(totem_times(conf, kTokenBefore31).token == 5000);
  }

  TEST_CASE("0 is the default for times and off for the rest") {
    const CorosyncConf conf = good(
        "totem {\ntoken: 0\nconsensus: 0\ntoken_warning: 0\ntoken_coefficient: 0\n}\nnodelist {\nnode {\n}\nnode {\n}\nnode {\n}\n}\n");
    const TotemTimes times = totem_times(conf, kTokenSince31);
    CHECK(times.token == 3000);
    CHECK(times.consensus == 3600);
    CHECK(times.token_warning == 0);
  }

  TEST_CASE("two nodes have no coefficient, many nodes do not overflow") {
    CorosyncConf conf = good("totem {\ntoken_coefficient: 4294967295\ntoken: 4294967295\n}\nnodelist {\nnode {\n}\nnode {\n}\n}\n");
    CHECK(totem_times(conf, kTokenSince31).token == 4294967295);
    conf.nodes = 4;
    CHECK(totem_times(conf, kTokenSince31).token == uint64_t{3} * 4294967295);
  }

  TEST_CASE("the last of two counts, and sections come again") {
    CHECK(good("totem {\ntoken: 1\ntoken: 2\n}\nlogging {\n}\ntotem {\ntoken: 7\n}\n").token == 7u);
    CHECK(good("nodelist {\nnode {\n}\n}\nnodelist {\nnode {\n}\n}\n").nodes == 2);
  }

  TEST_CASE("line ends of Windows, blanks of web pages, no newline at the end") {
    const CorosyncConf conf = good("totem {\r\n\xa0\xa0token : \xa0 2500 \r\n}\r\n");
    CHECK(conf.token == 2500u);
    CHECK(good("totem {\ntoken: 9\n}").token == 9u);
  }

  TEST_CASE("what is wrong is told with its line") {
    check_fault("", 1, "the file is empty");
    check_fault("totem {\nversion: 2\ntoken: 10s\n}\n", 3, "token is no number of milliseconds");
    check_fault("totem {\ntoken:\n}\n", 2, "token is no number of milliseconds");
    check_fault("totem {\ntoken: -1\n}\n", 2, "token is no number of milliseconds");
    check_fault("totem {\ntoken: 4294967296\n}\n", 2, "token is no number of milliseconds");
    check_fault("totem {\ntoken: 10 000\n}\n", 2, "token is no number of milliseconds");
    check_fault("totem {\ntoken_coefficient: x\n}\n", 2, "token_coefficient is no number of milliseconds");
    check_fault("totem {\n\n\nconsensus: 1.5\n}\n", 4, "consensus is no number of milliseconds");
    check_fault("totem {\ntoken_warning: 75%\n}\n", 2, "token_warning is no percentage");
    check_fault("totem { version: 2 }\n", 1, "text behind an opening brace");
    check_fault("totem {\n}\n}\n", 3, "a closing brace too many");
    check_fault("totem {\ntoken: 10000\n", 2, "a section is not closed");
  }

  TEST_CASE("a file cut off inside a section is refused, a whole one gives the same each time") {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
      ++files;
      const std::string whole = test::slurp(entry.path().string());
      CAPTURE(entry.path().string());
      for (size_t length = 0; length <= whole.size(); ++length) {
        const std::string text = whole.substr(0, length);
        CorosyncConf conf;
        const Status status = parse(text, conf);
        const bool balanced = std::count(text.begin(), text.end(), '{') == std::count(text.begin(), text.end(), '}');
        if (entry.path().stem() != "odd") CHECK(bool(status) == (balanced && length > 0));  // it has braces in comments
        if (!status) {
          CHECK(status.code == Code::malformed);
          CHECK(status.line >= 1);
          CHECK(status.line <= 1 + static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')));
        }
      }
    }
    CHECK(files == 6);
  }
}

}  // namespace fencewatch
