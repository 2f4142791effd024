#include "exporter/logs/open_logs.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "exporter/base/settings.h"
#include "exporter/collect/runner.h"
#include "exporter/logs/log_sources.h"
#include "tests/unit/collect/runner_fakes.h"
#include "tests/unit/logs/fakes.h"
#include "tests/unit/tree.h"

namespace fencewatch {

extern const Spec custom;
namespace {

using Heard = std::vector<std::string>;

std::vector<std::string>& heard() {
  static std::vector<std::string> all;
  return all;
}

constexpr Pattern kPatterns[] = {{Channel::kernel, "event (\\d+)", ""}, {Channel::corosync, "Token", ""}};

class Listening : public Collector {
 public:
  Status collect(const Node&, Page&) override { return {}; }
  std::span<const Pattern> patterns() const override { return kPatterns; }
  void on_event(const Match& match) override { heard().emplace_back(match.line.text); }
};

constexpr Pattern kBroken[] = {{Channel::kernel, "a(b", ""}};
class Broken : public Listening {
 public:
  std::span<const Pattern> patterns() const override { return kBroken; }
};

template <class T>
constexpr Spec spec(std::string_view name) {
  return {.name = name, .summary = "", .families = {}, .make = [](const Settings&) -> std::unique_ptr<Collector> {
            return std::make_unique<T>();
          }};
}
constexpr Spec kListening = spec<Listening>("listening"), kBrokenSpec = spec<Broken>("broken");

// A machine in a directory, read once.
struct Machine : TemporaryTree {
  Machine() {
    heard().clear();
    config.mode = Settings::Mode::once;
    config.paths.rootfs = root();
    config.paths.procfs = *this / "proc";
    config.enabled = {true};
  }
  std::string read(const Spec& spec = kListening) {
    const Spec* const specs[] = {&spec};
    Runner runner(specs, config, node);
    const std::unique_ptr<LogReader> logs = open_logs(config, runner);
    REQUIRE(logs != nullptr);
    logs->read_all();
    runner.start();
    return test::scrape(runner).text;
  }
  Settings config;
  test::NoNode node;
};

bool has(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

}  // namespace

TEST_SUITE("logs") {
  TEST_CASE("--once reads a tree's files from the oldest rotated one on, and shows where lines came from") {
    Machine machine;
    machine.file("var/log/messages-20261101",
                 "Nov  1 08:02:11 n1 kernel: event 1\nNov  1 08:02:11 n1 corosync[7]: [TOTEM ] Token in messages\n");
    machine.file("var/log/messages", "Nov  2 08:02:11 n1 kernel: event 2\n");
    machine.file("var/log/cluster/corosync.log", "Nov  1 08:02:11 [61] n1 corosync notice  [TOTEM ] Token in its own file\n");
    const std::string page = machine.read();
    std::sort(heard().begin(), heard().end());
    CHECK(heard() == Heard{"[TOTEM ] Token in its own file", "event 1", "event 2"});
    CHECK(has(page, "fencewatch_log_source_info{channel=\"kernel\",source=\"/var/log/messages\"} 1"));
    CHECK(has(page, "fencewatch_log_source_info{channel=\"corosync\",source=\"/var/log/cluster/corosync.log\"} 1"));
    CHECK(has(page, "fencewatch_log_lines_total{channel=\"kernel\"} 2"));
  }

  TEST_CASE("a sosreport's journals and dmesg stand in for logs that it lacks") {
    Machine machine;
    machine.file("sos_commands/kernel/dmesg", "[    1.000000] event 0\n");
    machine.read();
    CHECK(heard() == Heard{"event 0"});
    heard().clear();
    machine.file("sos_commands/logs/journalctl_--no-pager_--boot", "Nov  2 08:02:11 n1 kernel: event 2\n");
    machine.file("sos_commands/logs/journalctl_--no-pager_--catalog_--boot_-1", "Nov  1 08:02:11 n1 kernel: event 1\n");
    machine.read();
    CHECK(heard() == Heard{"event 1", "event 2"});
  }

  TEST_CASE("the sources that the configuration names, in its order") {
    Machine machine;
    machine.file("var/log/messages", "Nov  2 08:02:11 n1 kernel: event 1\n");
    machine.file("var/log/own", "Nov  2 08:02:11 n1 kernel: event 2\n");
    machine.config.log_sources[0] = {"/var/log/none", "/var/log/own", "/var/log/messages"};
    machine.read();
    CHECK(heard() == Heard{"event 2"});
  }

  TEST_CASE("a file of the user's own rules is a channel of its own") {
    Machine machine;
    machine.file("var/log/app.log.1", "an event of yesterday\n");
    machine.file("var/log/app.log", "kernel: event\nlast message repeated 2 times\n");
    machine.config.custom_rules = {{.name = "app_total",
                                    .channel = plain_file(0),
                                    .file = "/var/log/app.log",
                                    .pattern = "event",
                                    .labels = {},
                                    .value = {},
                                    .buckets = {},
                                    .help = "Events.",
                                    .example = "event"}};
    const std::string page = machine.read(custom);
    CHECK(has(page, "app_total 2"));
    CHECK(has(page, "fencewatch_log_lines_total{channel=\"/var/log/app.log\"} 3"));
    CHECK(has(page, "fencewatch_log_source_info{channel=\"/var/log/app.log\",source=\"/var/log/app.log\"} 1"));
  }

  TEST_CASE("links of the tree stay inside it") {
    Machine machine;
    TemporaryTree outside;
    outside.file("log", "Nov  2 08:02:11 n1 kernel: event 1\n");
    machine.link("var/log/messages", outside / "log");
    machine.read();
    CHECK(heard().empty());
  }

  TEST_CASE("a pattern that cannot be used refuses the start, also of --check-config") {
    Machine machine;
    for (const Settings::Mode mode : {Settings::Mode::once, Settings::Mode::check}) {
      machine.config.mode = mode;
      const Spec* const specs[] = {&kBrokenSpec};
      Runner runner(specs, machine.config, machine.node);
      CHECK_THROWS_WITH_AS(open_logs(machine.config, runner), "pattern \"a(b\": missing ): a(b", std::invalid_argument);
    }
  }

  TEST_CASE("without a collector that listens nothing is opened") {
    Machine machine;
    machine.config.enabled = {false};
    const Spec* const specs[] = {&kListening};
    Runner runner(specs, machine.config, machine.node);
    CHECK(open_logs(machine.config, runner) == nullptr);
  }

  TEST_CASE("the journal is before syslog's files, and the running kernel's ring before both unless old lines are wanted") {
    const TemporaryTree machine;
    Settings config;
    config.paths.rootfs = machine.root();
    const auto kernel = [&] { return log_sources(config).order[0]; };
    CHECK(kernel() == Heard{"kmsg", "journal", "/var/log/syslog", "/var/log/messages", "/var/log/kern.log"});
    config.mode = Settings::Mode::once;
    CHECK(kernel().front() == "journal");
    CHECK(kernel()[kernel().size() - 2] == "kmsg");
    CHECK(log_sources(config).order[1].front() == "/var/log/cluster/corosync.log");
  }
}

}  // namespace fencewatch
