#include "exporter/config/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

constexpr Spec kZone{.name = "zone", .summary = "Zones.", .families = {}, .make = nullptr};
constexpr Spec kOom{.name = "oom", .summary = "Kills.", .families = {}, .make = nullptr};
constexpr Spec kSlow{.name = "slow", .summary = "Off.", .families = {}, .make = nullptr, .on_by_default = false};
constexpr const Spec* kSpecs[] = {&kZone, &kOom, &kSlow};

Parsed parse(std::vector<std::string> arguments) {
  std::vector<const char*> argv{"fencewatch"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_arguments(static_cast<int>(argv.size()), argv.data(), kSpecs);
}

Settings good(const std::vector<std::string>& arguments) {
  const Parsed parsed = parse(arguments);
  CHECK(parsed.message == "");
  CHECK(parsed.exit == -1);
  return parsed.settings;
}

// The one line without "fencewatch: " and the newline.
std::string refused(const std::vector<std::string>& arguments) {
  const Parsed parsed = parse(arguments);
  CHECK(parsed.exit == 1);
  CHECK(std::count(parsed.message.begin(), parsed.message.end(), '\n') == 1);
  REQUIRE(parsed.message.starts_with("fencewatch: "));
  return parsed.message.substr(12, parsed.message.size() - 13);
}

struct Yaml : TemporaryTree {
  explicit Yaml(std::string_view text) { file("f.yml", text); }
  std::string flag() const { return "--config.file=" + *this / "f.yml"; }
  std::string refused() const {
    const std::string message = ::refused({flag()});
    const std::string name = *this / "f.yml";
    return message.starts_with(name) ? message.substr(name.size()) : message;
  }
};

}  // namespace

TEST_CASE("defaults") {
  const Settings config = good({});
  CHECK(config.mode == Settings::Mode::serve);
  CHECK(config.listen_addresses == std::vector<std::string>{":19664"});
  CHECK(config.paths.procfs == "/proc");
  CHECK(config.paths.sysfs == "/sys");
  CHECK(config.enabled == std::vector<bool>{true, true, false});
}

TEST_CASE("every flag, with = and with a blank") {
  const Settings config = good({"--web.listen-address=127.0.0.1:0",
                                "--web.listen-address",
                                ":9",
                                "--web.telemetry-path=/m",
                                "--web.max-requests",
                                "0",
                                "--web.disable-exporter-metrics",
                                "--path.procfs=/p",
                                "--path.sysfs",
                                "/s",
                                "--path.rootfs=/r",
                                "--log.level",
                                "debug",
                                "--log.format=json",
                                "--kernel.advisories=a.yml",
                                "--path.journal=/j",
                                "--corosync.library-dir=/l",
                                "--log.from-start",
                                "--state.dir=/st",
                                "--log.kernel-sources=journal",
                                "--log.kernel-sources=/var/log/a b",
                                "--no-collector.zone",
                                "--collector.slow",
                                "--once"});
  CHECK(config.listen_addresses == std::vector<std::string>{"127.0.0.1:0", ":9"});
  CHECK(config.telemetry_path == "/m");
  CHECK(config.max_requests == 0);
  CHECK_FALSE(config.exporter_metrics);
  CHECK(config.paths.procfs == "/p");
  CHECK(config.paths.sysfs == "/s");
  CHECK(config.paths.rootfs == "/r");
  CHECK(config.log_level == "debug");
  CHECK(config.log_format == "json");
  CHECK(config.kernel_advisories == "a.yml");
  CHECK(config.journal_dir == "/j");
  CHECK(config.corosync_library_dir == "/l");
  CHECK(config.log_from_start);
  CHECK(config.state_dir == "/st");
  CHECK(config.log_sources[0] == std::vector<std::string>{"journal", "/var/log/a b"});
  CHECK(config.log_sources[1].empty());
  CHECK(config.enabled == std::vector<bool>{false, true, true});
  CHECK(config.mode == Settings::Mode::once);
  CHECK(good({"--describe"}).mode == Settings::Mode::describe);
  CHECK(good({"--check-config"}).mode == Settings::Mode::check);
}

TEST_CASE("rootfs given alone takes procfs and sysfs along") {
  const Settings config = good({"--path.rootfs=/host/"});
  CHECK(config.paths.procfs == "/host/proc");
  CHECK(config.paths.sysfs == "/host/sys");
  CHECK(good({"--path.rootfs=/host", "--path.procfs=/p"}).paths.procfs == "/p");
  CHECK(good({"--path.rootfs=/"}).paths.procfs == "/proc");
}

TEST_CASE("collectors on and off") {
  CHECK(good({"--collector.disable-defaults"}).enabled == std::vector<bool>{false, false, false});
  CHECK(good({"--collector.disable-defaults", "--collector.oom"}).enabled == std::vector<bool>{false, true, false});
  CHECK(good({"--no-collector.oom", "--collector.oom"}).enabled == std::vector<bool>{true, true, false});
}

TEST_CASE("what cannot be is refused by name") {
  CHECK(refused({"--bogus=1"}) == "unknown flag \"--bogus\"");
  CHECK(refused({"--collector.bogus"}) == "unknown collector \"bogus\" in \"--collector.bogus\"");
  CHECK(refused({"--no-collector.bogus"}) == "unknown collector \"bogus\" in \"--no-collector.bogus\"");
  CHECK(refused({"stray"}) == "unexpected argument \"stray\"");
  CHECK(refused({"--web.listen-address=:1", "stray"}) == "unexpected argument \"stray\"");
  CHECK(refused({"--no-web.disable-exporter-metrics"}) == "unknown flag \"--no-web.disable-exporter-metrics\"");
  CHECK(refused({"--log.level"}).find("--log.level") != std::string::npos);
  CHECK(refused({"--log.level=a", "--log.level=info"}) == "--log.level is given more than once");
  CHECK(refused({"--log.level=loud"}) == "--log.level: \"loud\" is not one of debug, info, warn, error");
  CHECK(refused({"--log.format=xml"}) == "--log.format: \"xml\" is not one of logfmt, json");
  CHECK(refused({"--collector.zone=maybe"}).find("--collector.zone") != std::string::npos);
  CHECK(refused({"--once", "--describe"}) == "--once and --describe exclude each other");
  CHECK(refused({"--path.procfs="}).find("--path.procfs") != std::string::npos);
  CHECK(refused({"--log.level=a\nb"}).find("\"a?b\"") != std::string::npos);
  for (const std::string value : {"-1", "1x", "99999999999", " 1", "1.5"}) {
    CHECK(refused({"--web.max-requests=" + value}) == "--web.max-requests: \"" + value + "\" is not a number from 0 (no bound) up");
  }
}

TEST_CASE("addresses to listen on") {
  for (const std::string value : {":0", "0.0.0.0:65535", "127.0.0.1:19664", "[::1]:9", "[::]:19664", "[fe80::1%eth0]:9", "localhost:9", "n1.example.org:19664"})
    CHECK(good({"--web.listen-address=" + value}).listen_addresses[0] == value);
  for (const std::string value : {"19664", ":", ":x", ":65536", ":-1", "127.0.0.1", ":80s", ":1,2"}) {
    CHECK(refused({"--web.listen-address=" + value}) == "--web.listen-address: \"" + value + "\" is not [address]:port");
  }
  for (const std::string value : {"1.2.3:9", "a_b:9", "::1:9", "[::1:9", "[127.0.0.1]:9", "[]:9"}) {
    const std::string said = "\": the host part is not a name, an IPv4 address, nor an IPv6 address in brackets";
    CHECK(refused({"--web.listen-address=" + value}) == "--web.listen-address: \"" + value + said);
  }
}

TEST_CASE("telemetry paths") {
  CHECK(good({"--web.telemetry-path=/a/b"}).telemetry_path == "/a/b");
  for (const std::string value : {"metrics", "/", "/-/healthy", "/-/ready", "/a b", "/a?b", "/a#b", "/%41", "//a", "/../a", "/\xc3\xa9"}) {
    CHECK(refused({"--web.telemetry-path=" + value}).starts_with("--web.telemetry-path: \""));
  }
}

TEST_CASE("where lines of logs come from") {
  CHECK(refused({"--log.sbd-sources=kmsg"}) == "--log.sbd-sources: \"kmsg\" is not journal or the absolute path of a file");
  CHECK(refused({"--log.kernel-sources=messages"}) ==
        "--log.kernel-sources: \"messages\" is not kmsg, journal or the absolute path of a file");
  CHECK(refused({"--log.kernel-sources=kmsg", "--log.kernel-sources=kmsg"}) == "--log.kernel-sources: \"kmsg\" is given twice");
  CHECK(refused({"--state.dir", ""}) == "--state.dir: the path is empty");
  CHECK(Yaml("log:\n  level: info\n  sbd-sources: []\n").refused() == ":3: log.sbd-sources: the list is empty");
  CHECK(Yaml("log:\n  sbd-sources: [journal, /var/log/]\n").refused() ==
        ":2: log.sbd-sources: \"/var/log/\" is not journal or the absolute path of a file");
  CHECK(Yaml("log:\n  drbd-sources: [journal]\n").refused() == ":2: unknown key \"log.drbd-sources\"");
  const Yaml yaml("log:\n  corosync-sources:\n    - /var/log/c\n    - journal\n");
  CHECK(good({yaml.flag()}).log_sources[1] == std::vector<std::string>{"/var/log/c", "journal"});
}

TEST_CASE("version and help") {
  const Parsed version = parse({"--version"});
  CHECK(version.exit == 0);
  CHECK(version.message.starts_with("fencewatch, version "));
  CHECK(version.message.find("(revision: ") != std::string::npos);
  for (const std::string flag : {"-h", "--help"}) {
    const Parsed help = parse({flag});
    CHECK(help.exit == 0);
    for (const std::string shown : {"--collector.slow", "--no-collector.zone", "--web.listen-address", "Kills.", "--config.file"}) {
      CHECK(help.message.find(shown) != std::string::npos);
    }
  }
}

TEST_CASE("the file holds the same settings, and flags beat it") {
  const Yaml yaml(
      "web:\n  listen-address: [':1', '127.0.0.1:2']\n  telemetry-path: /m\n  max-requests: 3\n  disable-exporter-metrics: true\n"
      "path: {procfs: /p, rootfs: /r}\ncollector:\n  zone: false\n  slow: true\nlog: {level: warn, format: json}\nkernel: {advisories: "
      "a.yml}\n");
  const Settings config = good({yaml.flag(), "--web.max-requests=4", "--collector.zone"});
  CHECK(config.listen_addresses == std::vector<std::string>{":1", "127.0.0.1:2"});
  CHECK(config.telemetry_path == "/m");
  CHECK(config.max_requests == 4);
  CHECK_FALSE(config.exporter_metrics);
  CHECK(config.paths.procfs == "/p");
  CHECK(config.paths.sysfs == "/r/sys");
  CHECK(config.enabled == std::vector<bool>{true, true, true});
  CHECK(config.log_level == "warn");
  CHECK(config.log_format == "json");
  CHECK(config.kernel_advisories == "a.yml");
  CHECK(good({Yaml("collector: {disable-defaults: true}\n").flag()}).enabled == std::vector<bool>{false, false, false});
  CHECK(good({Yaml("web: {listen-address: ':7'}\n").flag()}).listen_addresses == std::vector<std::string>{":7"});
  for (const char* empty : {"", "---\n", "# nothing\n", "web: {}\n"}) CHECK(good({Yaml(empty).flag()}).max_requests == 40);
}

TEST_CASE("a fault in the file is told with its line") {
  CHECK(Yaml("web:\n  max-requests: 1\n  bogus: 2\n").refused() == ":3: unknown key \"web.bogus\"");
  CHECK(Yaml("log: {level: info}\nbogus: 1\n").refused() == ":2: unknown key \"bogus\"");
  CHECK(Yaml("collector:\n  bogus: true\n").refused() == ":2: unknown collector \"collector.bogus\"");
  CHECK(Yaml("collector:\n  zone: yes\n").refused() == ":2: collector.zone: \"yes\" is not true or false");
  CHECK(Yaml("web:\n  max-requests: many\n").refused().starts_with(":2: web.max-requests: \"many\" is not a number"));
  CHECK(Yaml("web:\n  max-requests: [1]\n").refused() == ":2: web.max-requests: expected one value");
  CHECK(Yaml("web:\n  max-requests:\n").refused() == ":2: web.max-requests: expected one value");
  CHECK(Yaml("web:\n  listen-address: []\n").refused() == ":2: web.listen-address: the list is empty");
  CHECK(Yaml("web:\n  listen-address: [{a: b}]\n").refused() == ":2: web.listen-address: expected a list of texts");
  CHECK(Yaml("web: 1\n").refused() == ":1: web: expected a map");
  CHECK(Yaml("- a\n").refused().starts_with(":1: expected keys"));
  CHECK(Yaml("log:\n  level: info\n  level: warn\n").refused() == ":3: duplicate key \"log.level\"");
  CHECK(Yaml("log: {}\nlog: {}\n").refused() == ":2: duplicate key \"log\"");
  CHECK(Yaml("log: {}\n---\nlog: {}\n").refused().ends_with("more than one document"));
  CHECK(Yaml("log #\n, x\n").refused() == ":2: more than one document");  // yaml-cpp sees endless documents here
  CHECK(Yaml("log:\n  level: [info\n").refused().starts_with(":"));
  CHECK(refused({"--config.file=/nowhere/f.yml"}) == "--config.file: \"/nowhere/f.yml\": No such file or directory");
  CHECK(refused({"--config.file=/"}).starts_with("--config.file: \"/\": "));
}

TEST_CASE("custom events are read from the file, and checked") {
  const char* const rule =
      "web:\n  max-requests: 3\ncustom_events:\n  - {name: a_total, channel: sbd, pattern: b+, help: B., example: abb}\n";
  const Yaml yaml(rule);
  const Settings config = good({yaml.flag()});
  CHECK(config.max_requests == 3);
  REQUIRE(config.custom_rules.size() == 1);
  CHECK(config.custom_rules[0].name == "a_total");
  CHECK(config.custom_rules[0].channel == Channel::sbd);
  CHECK(Yaml(std::string(rule) + "  - {name: c_total, channel: sbd, pattern: b+, help: B., example: a}\n").refused() ==
        ":5: custom_events: the pattern does not match the example");
  CHECK(Yaml("custom_events:\n  a: b\n").refused() == ":2: custom_events: expected a list");
}
