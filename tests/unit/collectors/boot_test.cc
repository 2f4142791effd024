// How the boot before this one ended.
#include <doctest/doctest.h>

#include <cstring>

#include "collectors/host/wtmp.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "tests/unit/collected.h"
#include "tests/unit/tree.h"
#include "tests/unit/trees.h"

namespace fencewatch {

extern const Spec boot;

namespace {

constexpr size_t kRecord = 384;

std::string record(int16_t type, std::string_view user, uint32_t seconds = 1'795'000'000) {
  std::string bytes(kRecord, '\0');
  std::memcpy(bytes.data(), &type, sizeof type);
  bytes.replace(44, user.size(), user);
  std::memcpy(bytes.data() + 340, &seconds, sizeof seconds);
  return bytes;
}

const std::string kBoot = record(2, "reboot"), kShutdown = record(1, "shutdown"), kRunLevel = record(1, "runlevel"),
                  kLogin = record(7, "shutdown");

// "clean", "not clean", or "unknown".
std::string previous(std::string_view bytes) {
  Wtmp wtmp;
  const Status status = parse_wtmp(bytes, wtmp);
  if (!status) return "malformed " + std::to_string(status.line);
  if (!wtmp.previous_clean) return "unknown";
  return *wtmp.previous_clean ? "clean" : "not clean";
}

// What the collector shows of a machine that was booted at `btime`.
std::string shown(const std::string& wtmp, const std::string& older = {}, const std::string& btime = "1795000060") {
  TemporaryTree tree;
  tree.file("proc/stat", "btime " + btime + "\n");
  tree.directory("sys");
  if (!wtmp.empty()) tree.file("var/log/wtmp", wtmp);
  if (!older.empty()) tree.file("var/log/wtmp.1", older);
  Status opened;
  const auto node = open_node({tree / "proc", tree / "sys", tree.root()}, opened);
  REQUIRE(node);
  Page page;
  const auto collector = boot.make(Settings{});
  CHECK(collector->collect(*node, page));
  Bytes out;
  page.render(Format::text, out);
  const std::string text(out.view());
  const size_t at = text.find("\nfencewatch_previous_boot_clean ");
  const std::string clean = at == text.npos ? "" : text.substr(at + 32, 1);
  CHECK((text.find("\nfencewatch_previous_boot_unclean_timestamp_seconds " + btime) != text.npos) == (clean == "0"));
  return clean;
}

}  // namespace

TEST_SUITE("boot") {
  TEST_CASE("wtmp: a shutdown between two boots") {
    CHECK(previous("") == "unknown");
    CHECK(previous(kBoot) == "unknown");
    CHECK(previous(kBoot + kRunLevel + kShutdown) == "unknown");
    CHECK(previous(kBoot + kBoot) == "not clean");
    CHECK(previous(kBoot + kShutdown + kBoot) == "clean");
    CHECK(previous(kBoot + kRunLevel + kLogin + kBoot + kRunLevel) == "not clean");
    CHECK(previous(kBoot + kShutdown + kBoot + kBoot) == "not clean");
    CHECK(previous(kBoot + kBoot + kShutdown + kBoot) == "clean");
    CHECK(previous(kBoot + kShutdown + kBoot + kShutdown) == "clean");  // now going down
    CHECK(previous(kShutdown + kBoot) == "unknown");
  }

  TEST_CASE("wtmp: a record made by utmpdump, and every prefix") {
    const std::string whole = test::slurp(std::string(FIXTURES) + "/wtmp/fenced");
    REQUIRE(whole.size() == 9 * kRecord);
    const std::string expected[] = {"unknown", "unknown", "unknown", "unknown",   "unknown",
                                    "unknown", "clean",   "clean",   "not clean", "not clean"};
    for (size_t n = 0; n <= whole.size(); ++n) {
      CAPTURE(n);
      CHECK(previous(std::string_view(whole).substr(0, n)) == expected[n / kRecord]);
    }
    Wtmp wtmp;
    REQUIRE(parse_wtmp(whole, wtmp));
    CHECK(wtmp.boots == 3);
    CHECK(wtmp.last_boot == 1795422479);
  }

  TEST_CASE("wtmp: another format is refused with its record") {
    CHECK(previous(kBoot + record(10, "x")) == "malformed 2");
    CHECK(previous(record(-1, "x")) == "malformed 1");
    CHECK(previous(std::string(kRecord, '\xff')) == "malformed 1");
    CHECK(previous(std::string(1000, '\0')) == "unknown");
  }

  TEST_CASE("boot: previous_boot_clean is told by wtmp, its predecessor, or not at all") {
    CHECK(shown(kBoot + kBoot) == "0");
    CHECK(shown(kBoot + kShutdown + kBoot) == "1");
    CHECK(shown(kBoot) == "");
    CHECK(shown("") == "");
    CHECK(shown(kBoot, kBoot) == "0");
    CHECK(shown(kBoot, kBoot + kShutdown) == "1");
    CHECK(shown(kBoot, std::string(kRecord, '\xff')) == "");
    CHECK(shown(std::string(kRecord, '\xff')) == "");
    CHECK(shown(kBoot + kBoot, {}, "1795090000") == "");  // of an older boot: nobody writes it any more
    CHECK(shown(kBoot + kBoot, {}, "1794900000") == "");
  }

  TEST_CASE("boot: previous_boot_events is there when this is another boot than the one that is remembered") {
    test::MemoryNode node;
    node.files["proc/stat"] = "btime 1795422889\n";
    node.files["proc/sys/kernel/random/boot_id"] = "0f3c-a\n";
    const auto shown_of = [&node](Collector& collector) {
      Page page;
      CHECK(collector.collect(node, page));
      return test::samples(page);
    };
    const auto before = boot.make(Settings{}), after = boot.make(Settings{});
    CHECK(shown_of(*before) == "fencewatch_boot_time_seconds 1795422889\n");
    after->remember(before->memory());
    node.files["proc/sys/kernel/random/boot_id"] = "0f3c-b\n";
    const std::string text = shown_of(*after);
    CHECK(text.find("fencewatch_previous_boot_events{event=\"token_timeout\"} 0\n") != text.npos);
    CHECK(text.find("fencewatch_previous_boot_events{event=\"oom_kill\"} 0\n") != text.npos);
  }

  TEST_CASE("boot: btime wherever it stands") {
    test::MemoryNode node;
    node.files["proc/stat"] = "cpu  1 2 3\ncpu0 1 2 3\nintr 5 0 0\nctxt 77\nbtime 1795422889\nprocesses 9\nbtime_new x\n";
    CHECK(test::shown(boot, node) == "fencewatch_boot_time_seconds 1795422889\n");
    node.files["proc/stat"] = "btime 0\n";
    CHECK(test::shown(boot, node) == "fencewatch_boot_time_seconds 0\n");
  }

  TEST_CASE("boot: faults name file and line") {
    test::MemoryNode node;
    test::check_fault(boot, node, Code::missing, "proc/stat", 0);
    for (const char* broken : {"btime \n", "btime x\n", "btime -1\n", "btime 1 2\n", "btime 1.5\n", "btime 18446744073709551616\n"}) {
      CAPTURE(broken);
      node.files["proc/stat"] = "cpu  1\nctxt 2\n" + std::string(broken);
      test::check_fault(boot, node, Code::malformed, "proc/stat", 3);
    }
    for (const char* broken : {"", "cpu  1\n", "btimes 3\n", " btime 3\n", "btime 3"}) {
      CAPTURE(broken);
      node.files["proc/stat"] = broken;
      test::check_fault(boot, node, Code::malformed, "proc/stat", 1);
    }
    node.files["proc/stat"] = "cpu  1\nctxt 2\nbtime 17954";
    test::check_fault(boot, node, Code::malformed, "proc/stat", 3);
  }
}

}  // namespace fencewatch
