// custom_events: in the configuration file, from the file to the page.
#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "exporter/config/custom_rules.h"
#include "tests/unit/web/listener.h"

namespace fencewatch {

extern const Spec custom;

namespace {

constexpr Family kBuiltIn[] = {{"x_kills_total", Type::counter, "Kills, from /proc/x.", ""},
                               {"x_delay_seconds", Type::histogram, "Delays, from /proc/x.", ""}};
constexpr Spec kOther{.name = "other", .summary = "Other.", .families = kBuiltIn, .make = nullptr};
constexpr const Spec* kSpecs[] = {&kOther};

// A rule with what is needed, its lines replaced or followed by `lines`.
std::string rule(std::initializer_list<std::string_view> lines = {}) {
  std::string text = "custom_events:\n";
  const std::pair<std::string_view, std::string_view> defaults[] = {{"name", "nfs_stalls_total"},
                                                                    {"channel", "kernel"},
                                                                    {"pattern", R"('nfs: server (?P<server>\S+) not (?P<n>\d+)')"},
                                                                    {"help", "NFS servers that did not answer."},
                                                                    {"example", "'nfs: server n1 not 5'"}};
  const char* before = "  - ";
  for (const auto& [key, value] : defaults) {
    const bool replaced =
        std::any_of(lines.begin(), lines.end(), [&](std::string_view l) { return l.starts_with(std::string(key) + ":"); });
    if (replaced) continue;
    text.append(before).append(key).append(": ").append(value).append("\n");
    before = "    ";
  }
  for (const std::string_view line : lines) text.append(before).append(line).append("\n");
  return text;
}

std::vector<CustomRule> read(const std::string& yaml) { return read_custom_rules(YAML::Load(yaml)["custom_events"], "f.yml", kSpecs); }

std::string refused(const std::string& yaml) {
  std::string message;
  try {
    (void)read(yaml);
  } catch (const Refused& e) {
    message = e.what();
  }
  CHECK(message.find('\n') == message.npos);
  REQUIRE_MESSAGE(message.starts_with("f.yml:"), message);
  return message.substr(6);
}

Settings good(const std::string& yaml) {
  Settings config;
  config.custom_rules = read(yaml);
  return config;
}

}  // namespace

TEST_SUITE("custom") {
  TEST_CASE("custom: a rule counts from the first scrape") {
    test::Listener listener(custom, good(rule()));
    CHECK(listener.exposition() ==
          "# HELP nfs_stalls_total NFS servers that did not answer.\n# TYPE nfs_stalls_total counter\nnfs_stalls_total 0\n");
    CHECK(listener.say(Channel::kernel, "nfs: server n1 not 5, still trying", 0, 3) == 1);
    CHECK(listener.say(Channel::corosync, "nfs: server n1 not 5") == 0);
    CHECK(listener.say(Channel::kernel, "nfs: server n1 OK") == 0);
    CHECK(listener.value("nfs_stalls_total") == "3");
  }

  TEST_CASE("custom: labels come from named groups, and are bounded") {
    test::Listener listener(custom, good(rule({"labels: [server, n]", "max_series: 3"})));
    CHECK(listener.exposition().empty());
    for (int i = 0; i < 10; ++i) listener.say(Channel::kernel, "nfs: server n" + std::to_string(i) + " not 7");
    CHECK(listener.value("nfs_stalls_total{n=\"7\",server=\"n0\"}") == "1");
    CHECK(listener.value("nfs_stalls_total{n=\"7\",server=\"n2\"}") == "1");
    CHECK(listener.value("nfs_stalls_total{n=\"7\",server=\"n3\"}") == "");
    CHECK(listener.value("nfs_stalls_total{n=\"other\",server=\"other\"}") == "7");
    test::Listener other(custom, good(rule({"labels: [server]"})));
    other.say(Channel::kernel, "nfs: server " + std::string(5000, 'a') + " not 7");
    CHECK(other.value("nfs_stalls_total{server=\"" + std::string(128, 'a') + "\"}") == "1");
  }

  TEST_CASE("custom: rules of files have channels of their own, one for each file") {
    const auto of = [](const std::string& name, const std::string& file) {
      return "  - {name: " + name + ", file: " + file + ", pattern: a, help: A., example: a}\n";
    };
    const std::string two =
        "custom_events:\n" + of("a_total", "/var/log/a b") + of("b_total", "/var/log/b") + of("c_total", "/var/log/a b");
    const std::vector<CustomRule> rules = read(two);
    CHECK(rules[0].channel == plain_file(0));
    CHECK(rules[1].channel == plain_file(1));
    CHECK(rules[2].channel == plain_file(0));
    CHECK(rules[2].file == "/var/log/a b");
    test::Listener listener(custom, good(two));
    CHECK(listener.say(plain_file(0), "a") == 2);
    CHECK(listener.say(plain_file(1), "a") == 1);
    CHECK(listener.say(Channel::kernel, "a") == 0);
    CHECK(listener.value("c_total") == "1");
    std::string many = "custom_events:\n";
    for (int i = 0; i <= kPlainFiles; ++i) many += of("a" + std::to_string(i) + "_total", "/f" + std::to_string(i));
    CHECK(refused(many) == "10: custom_events: more than 8 files");
    CHECK(refused("custom_events:\n" + of("a_total", "var/log/a")) == "2: custom_events: \"var/log/a\" is not the absolute path of a file");
    CHECK(refused(rule({"file: /a"})) == "2: custom_events: one of channel and file is needed");
  }

  TEST_CASE("custom: a value is added") {
    test::Listener listener(custom, good(rule({"value: n", R"(pattern: 'not (?P<n>[-+.\w]+)')"})));
    listener.say(Channel::kernel, "not 5");
    listener.say(Channel::kernel, "not 2.5", 0, 2);
    for (const std::string_view bad : {"not -3", "not nan", "not inf", "not 1e999", "not 12x", "not +1"})
      listener.say(Channel::kernel, bad);
    CHECK(listener.value("nfs_stalls_total") == "10");
  }

  TEST_CASE("custom: a value with buckets is observed") {
    test::Listener listener(custom, good(rule({"name: nfs_pause_seconds", "value: n", "buckets: [1, 5, 30]", "labels: [server]"})));
    listener.say(Channel::kernel, "nfs: server a not 5", 0, 2);
    listener.say(Channel::kernel, "nfs: server a not 31");
    CHECK(listener.value("nfs_pause_seconds_bucket{server=\"a\",le=\"1.0\"}") == "0");
    CHECK(listener.value("nfs_pause_seconds_bucket{server=\"a\",le=\"5.0\"}") == "2");
    CHECK(listener.value("nfs_pause_seconds_bucket{server=\"a\",le=\"+Inf\"}") == "3");
    CHECK(listener.value("nfs_pause_seconds_sum{server=\"a\"}") == "41");
  }

  TEST_CASE("custom: what was counted is restored, also with labels") {
    const Settings config = good(rule({"labels: [server]"}));
    test::Listener before(custom, config), after(custom, config);
    before.say(Channel::kernel, "nfs: server \"a\\ not 5");
    before.collector->counts()->save([&](std::string_view line) { CHECK(after.collector->counts()->restore(line)); });
    CHECK(after.exposition() == before.exposition());
    CHECK(after.counted() != "");
  }

  TEST_CASE("custom: without rules there is nothing") {
    const auto collector = custom.make(Settings{});
    CHECK(collector->patterns().empty());
    CHECK(collector->counts() == nullptr);
    Page page;
    CHECK(collector->collect(test::MemoryNode("kernel/linux-6.1-healthy"), page));
    CHECK(page.empty());
    CHECK(good("custom_events: []\n").custom_rules.empty());
  }

  TEST_CASE("custom: a rule that is wrong refuses the start, with file and line") {
    CHECK(refused(rule({"example: 'nfs: server n1 OK'"})) == "6: custom_events: the pattern does not match the example");
    CHECK(refused(rule({"name: x_kills_total"})) == "6: custom_events: \"x_kills_total\" is another metric already");
    CHECK(refused(rule() + rule().substr(15)) == "7: custom_events: \"nfs_stalls_total\" is another metric already");
    CHECK(refused(rule({"name: x_delay_seconds_count"})) == "6: custom_events: \"x_delay_seconds_count\" is another metric already");
    CHECK(refused(rule({"name: x_delay_seconds", "value: n", "buckets: [1]"})) ==
          "6: custom_events: \"x_delay_seconds\" is another metric already");
    CHECK(refused(rule({"name: fencewatch_a_total"})) == "6: custom_events: \"fencewatch_a_total\": fencewatch_ is for built-in metrics");
    CHECK(refused(rule({"name: process_a_total"})) == "6: custom_events: \"process_a_total\": process_ is for built-in metrics");
    CHECK(refused(rule({"name: stalls"})) == "6: custom_events: \"stalls\": a counter ends with _total");
    CHECK(refused(rule({"name: a_total", "value: n", "buckets: [1]"})) ==
          "6: custom_events: \"a_total\": a histogram does not end with _total");
    CHECK(refused(rule({"name: 'a b_total'"})) == "6: custom_events: \"a b_total\" is no name of a metric");
    CHECK(refused(rule({"name: 1_total"})) == "6: custom_events: \"1_total\" is no name of a metric");
    CHECK(refused(rule({"channel: mail"})) == "6: custom_events: \"mail\" is not one of kernel, corosync, pacemaker, sbd");
    CHECK(refused(rule({"pattern: 'a('"})) == "6: custom_events: pattern: missing ): a(");
    CHECK(refused(rule({"pattern: '" + std::string(17, '(') + std::string(17, ')') + "'"})) ==
          "6: custom_events: pattern: more than 16 groups");
    CHECK(refused(rule({"labels: [host]"})) == "7: custom_events: the pattern has no group (?P<host>…)");
    CHECK(refused(rule({"labels: [le]"})) == "7: custom_events: \"le\" is no name of a label, or there twice");
    CHECK(refused(rule({"labels: [n, n]"})) == "7: custom_events: \"n\" is no name of a label, or there twice");
    CHECK(refused(rule({"labels: n"})) == "7: custom_events: labels: expected a list of at most 8");
    CHECK(refused(rule({"value: x"})) == "7: custom_events: the pattern has no group (?P<x>…)");
    CHECK(refused(rule({"value: server"})) == "6: custom_events: the value in the example is no number: \"n1\"");
    CHECK(refused(rule({"buckets: [1]"})) == "7: custom_events: buckets without a value");
    CHECK(refused(rule({"value: n", "buckets: [1, 1]"})) == "8: custom_events: buckets: 1 is not above the one before");
    CHECK(refused(rule({"value: n", "buckets: [x]"})) == "8: custom_events: \"x\" is no number");
    CHECK(refused(rule({"value: n", "buckets: []"})) == "8: custom_events: buckets: expected a list of numbers");
    CHECK(refused(rule({"max_series: 0"})) == "7: custom_events: \"0\" is not a number from 1 to 10000");
    CHECK(refused(rule({"colour: red"})) == "7: custom_events: unknown key \"colour\"");
    CHECK(refused(rule({"help: ''"})) == "6: custom_events: help: expected a text");
    CHECK(refused(rule({"help: [a]"})) == "6: custom_events: help: expected a text");
    CHECK(refused(rule({"labels: [n]", "labels: [n]"})) == "8: custom_events: duplicate key \"labels\"");
    CHECK(refused("custom_events:\n  - name: a_total\n    channel: kernel\n") == "2: custom_events: pattern is missing");
    CHECK(refused("custom_events:\n  - a\n") == "2: custom_events: expected a map with name, channel or file, pattern, help and example");
    CHECK(refused("web:\n  max-requests: 1\ncustom_events: 5\n") == "3: custom_events: expected a list");
  }
}

}  // namespace fencewatch
