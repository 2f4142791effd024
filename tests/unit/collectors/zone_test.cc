#include <doctest/doctest.h>

#include <chrono>
#include <memory>

#include "tests/unit/allocations.h"
#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

using namespace fencewatch;
using fencewatch::test::MemoryNode;
using namespace std::chrono_literals;

namespace fencewatch {
extern const Spec zone;
}

namespace {

// Two zones of a node, all pages free but for `normal_free`.
std::string zoneinfo(uint64_t normal_free, std::string_view last_zone = "Normal") {
  return "Node 0, zone      DMA\n  per-node stats\n      nr_dirty     3\n  pages free     4000\n        min      40\n        low      50\n"
         "        high     60\n        spanned  4000\n        present  4000\n        managed  4000\n        protection: (0, 30, 30)\n"
         "      nr_free_cma  2\n  pagesets\n  start_pfn:           1\n"
         "Node 0, zone   " +
         std::string(last_zone) + "\n  pages free     " + std::to_string(normal_free) +
         "\n        min      960\n        low      1200\n        high     1440\n        spanned  100000\n        present  98000\n"
         "        managed  96000\n        protection: (0, 0, 0)\n  pagesets\n  start_pfn:           4096\n";
}

MemoryNode healthy() {
  MemoryNode node;
  node.files = {{"proc/zoneinfo", zoneinfo(50000)},
                {"proc/sys/vm/min_free_kbytes", "4000\n"},
                {"proc/sys/vm/watermark_scale_factor", "10\n"},
                {"proc/sys/kernel/osrelease", "4.19.90-17.ky10.x86_64\n"}};
  return node;
}

std::unique_ptr<Collector> collector() { return zone.make(Settings{}); }

Status collect(Collector& collector, const Node& node, std::string& text) {
  Page page;
  const Status status = collector.collect(node, page);
  text = "\n" + test::samples(page);
  return status;
}

std::string shown(const Node& node) {
  std::string text;
  const Status status = collect(*collector(), node, text);
  CAPTURE(status.file);
  CAPTURE(status.text);
  REQUIRE(status);
  return text;
}

std::string shown(Collector& collector, const Node& node) {
  std::string text;
  REQUIRE(collect(collector, node, text));
  return text;
}

// The line without the prefix is among the samples.
bool has(const std::string& text, const std::string& line) { return text.find("\nfencewatch_" + line + "\n") != text.npos; }
bool mentions(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

std::string of_fixture(const std::string& name) {
  Status status;
  const auto node =
      open_node({FIXTURES "/kernel/" + name + "/proc", FIXTURES "/kernel/" + name + "/sys", FIXTURES "/kernel/" + name}, status);
  return shown(*node);
}

}  // namespace

TEST_CASE("zone: a healthy machine") {
  const std::string text = shown(healthy());
  CHECK(has(text, R"(zone_spanned_pages{numa_node="0",zone="Normal"} 100000)"));
  CHECK(has(text, R"(zone_present_pages{numa_node="0",zone="Normal"} 98000)"));
  CHECK(has(text, R"(zone_managed_pages{numa_node="0",zone="Normal"} 96000)"));
  CHECK(has(text, R"(zone_free_pages{numa_node="0",zone="Normal"} 50000)"));
  CHECK(has(text, R"(zone_watermark_pages{numa_node="0",zone="Normal",watermark="low"} 1200)"));
  CHECK(has(text, R"(zone_expected_watermark_pages{numa_node="0",zone="Normal",watermark="high"} 1440)"));
  CHECK(has(text, R"(zone_watermark_honoured_ratio{numa_node="0",zone="Normal"} 1)"));
  CHECK(!mentions(text, R"(honoured_ratio{numa_node="0",zone="DMA")"));  // too small to tell
  CHECK(has(text, R"(zone_miscount{numa_node="0",zone="Normal"} 0)"));
  CHECK(has(text, R"(zone_phantom_pages{numa_node="0",zone="Normal"} 0)"));
  CHECK(has(text, R"(zone_protection_pages{numa_node="0",zone="DMA",against="Normal"} 30)"));
  CHECK(has(text, R"(zone_stat_pages{numa_node="0",zone="DMA",stat="free_cma"} 2)"));
  CHECK(has(text, R"(node_stat_pages{numa_node="0",stat="dirty"} 3)"));
  CHECK(has(text, R"(zone_below_watermark_seconds_total{numa_node="0",zone="Normal",watermark="min"} 0)"));
  CHECK(has(text, "zones_phantom_pages 0"));
  CHECK(has(text, "zones_watermark_honoured_ratio_min 1"));
  CHECK(has(text, "zones_below_min_seconds_total 0"));
  CHECK(has(text, "min_free_bytes 4096000"));
  CHECK(has(text, "watermark_scale_factor 10"));
  CHECK(has(text, "page_size_bytes 4096"));
  // Not printed, so not shown.
  CHECK(!mentions(text, "promo"));
  CHECK(!mentions(text, "boost_pages"));
}

TEST_CASE("zone: a real miscount, a moved one that is not yet felt, and one on a kernel that prints promo") {
  std::string text = of_fixture("linux-4.19-miscount");
  CHECK(has(text, R"(zone_miscount{numa_node="0",zone="Movable"} 1)"));
  CHECK(has(text, R"(zone_miscount{numa_node="0",zone="Normal"} 0)"));
  CHECK(has(text, R"(zone_phantom_pages{numa_node="0",zone="Movable"} 88010)"));
  CHECK(mentions(text, R"(zone_watermark_honoured_ratio{numa_node="1",zone="Normal"} 0.085)"));
  CHECK(has(text, "zones_phantom_pages 441128"));
  CHECK(mentions(text, "zones_watermark_honoured_ratio_min 0.085"));

  text = of_fixture("linux-6.1-miscount-moved");
  CHECK(has(text, R"(zone_miscount{numa_node="1",zone="Movable"} 1)"));
  CHECK(mentions(text, R"(zone_watermark_honoured_ratio{numa_node="1",zone="Normal"} 1.003)"));
  CHECK(has(text, R"(zone_watermark_boost_pages{numa_node="1",zone="Normal"} 0)"));

  text = of_fixture("linux-6.12-miscount");
  CHECK(has(text, R"(zone_expected_watermark_pages{numa_node="0",zone="Movable",watermark="promo"} 32)"));
  CHECK(mentions(text, R"(zone_watermark_honoured_ratio{numa_node="1",zone="Normal"} 0.153)"));
}

TEST_CASE("zone: without managed there is no verdict, and no zero in its place") {
  MemoryNode node = healthy();
  std::string& file = node.files["proc/zoneinfo"];
  for (size_t at; (at = file.find("        managed ")) != file.npos;) file.erase(at, file.find('\n', at) + 1 - at);
  const std::string text = shown(node);
  for (const char* absent : {"managed_pages", "miscount", "phantom", "expected", "honoured"}) CHECK(!mentions(text, absent));
  CHECK(has(text, R"(zone_present_pages{numa_node="0",zone="Normal"} 98000)"));
}

TEST_CASE("zone: settings that are missing take only their own metrics with them") {
  MemoryNode node = healthy();
  node.files.erase("proc/sys/vm/min_free_kbytes");
  std::string text = shown(node);
  for (const char* absent : {"min_free_bytes", "expected", "honoured"}) CHECK(!mentions(text, absent));
  CHECK(has(text, "watermark_scale_factor 10"));

  node = healthy();
  node.files.erase("proc/sys/vm/watermark_scale_factor");
  text = shown(node);
  for (const char* absent : {"scale_factor", "expected", "honoured"}) CHECK(!mentions(text, absent));

  node.files["proc/sys/kernel/osrelease"] = "3.10.0-1160.el7.x86_64\n";  // had none: the gap is a quarter of min
  text = shown(node);
  CHECK(!mentions(text, "watermark_scale_factor "));
  CHECK(has(text, R"(zone_expected_watermark_pages{numa_node="0",zone="Normal",watermark="low"} 1200)"));

  node.files.erase("proc/sys/kernel/osrelease");
  CHECK(!mentions(shown(node), "expected"));
  node.files["proc/version"] = "Linux version 3.10.0 (gcc)\n";
  CHECK(mentions(shown(node), "expected"));
}

TEST_CASE("zone: faults name the file") {
  const auto fault = [](const MemoryNode& node, std::string_view file, Code code, uint32_t line) {
    std::string text;
    const Status status = collect(*collector(), node, text);
    CHECK(status.code == code);
    CHECK(status.file == file);
    CHECK(status.line == line);
  };
  MemoryNode node = healthy();
  node.files["proc/zoneinfo"] += "Node 0, zone Normal\n";
  fault(node, "proc/zoneinfo", Code::malformed, 26);
  node = healthy();
  node.files.erase("proc/zoneinfo");
  fault(node, "proc/zoneinfo", Code::missing, 0);
  for (const char* path : {"proc/sys/vm/min_free_kbytes", "proc/sys/vm/watermark_scale_factor"}) {
    for (const char* broken : {"", "\n", "12", "12 \n", "-1\n", "x\n", "1\n2\n"}) {
      CAPTURE(broken);
      node = healthy();
      node.files[path] = broken;
      fault(node, path, Code::malformed, 1);
    }
    node = healthy();
    node.faults[path] = Code::denied;
    fault(node, path, Code::denied, 0);
  }
  node = healthy();
  node.faults["proc/sys/kernel/osrelease"] = Code::io;
  fault(node, "proc/sys/kernel/osrelease", Code::io, 0);
}

TEST_CASE("zone: nothing is read that would change or slow the machine") {
  const MemoryNode node = healthy();
  const auto subject = collector();
  std::string text;
  REQUIRE(collect(*subject, node, text));
  using Paths = std::set<std::string, std::less<>>;
  CHECK(node.asked ==
        Paths{"proc/zoneinfo", "proc/sys/vm/min_free_kbytes", "proc/sys/vm/watermark_scale_factor", "proc/sys/kernel/osrelease"});
  node.asked.clear();
  REQUIRE(subject->sample(node, 0ns));
  CHECK(node.asked == Paths{"proc/zoneinfo"});
}

TEST_CASE("zone: the time below each mark is added up") {
  MemoryNode node = healthy();
  const auto subject = collector();
  const auto below = [&](const char* mark) {
    return R"(zone_below_watermark_seconds_total{numa_node="0",zone="Normal",watermark=")" + std::string(mark) + R"("} )";
  };
  const auto sample = [&](uint64_t free, std::chrono::nanoseconds elapsed) {
    node.files["proc/zoneinfo"] = zoneinfo(free);
    REQUIRE(subject->sample(node, elapsed));
  };
  sample(0, 0ns);  // the first: no time has passed
  CHECK(has(shown(*subject, node), below("high") + "0"));
  sample(1440, 250ms);  // at the mark is not below it
  sample(1439, 250ms);
  sample(1199, 250ms);
  sample(959, 500ms);
  const std::string text = shown(*subject, node);
  CHECK(has(text, below("high") + "1"));
  CHECK(has(text, below("low") + "0.75"));
  CHECK(has(text, below("min") + "0.5"));
  CHECK(has(text, "zones_below_min_seconds_total 0.5"));
  CHECK(has(text, R"(zone_below_watermark_seconds_total{numa_node="0",zone="DMA",watermark="high"} 0)"));
}

TEST_CASE("zone: while memory is short the stalls are read too, and a glance asks for a look when little is free") {
  MemoryNode node = healthy();
  const auto subject = collector();
  CHECK(subject->glance(node, 250ms));  // nothing is known yet
  shown(*subject, node);
  REQUIRE(subject->sample(node, 250ms));
  CHECK(!node.asked.contains("proc/vmstat"));
  node.files["proc/meminfo"] = "MemTotal: 400000 kB\nMemFree:         200000 kB\n";
  CHECK(subject->glance(node, 250ms));
  node.files["proc/meminfo"] = "MemTotal: 400000 kB\nMemFree:          17000 kB\n";  // 16000 of it in DMA
  CHECK_FALSE(subject->glance(node, 250ms));
  for (const char* unreadable : {"", "MemTotal: 1 kB\n", "x\nMemFree:\n", "x\nMemFree: many kB\n"}) {
    node.files["proc/meminfo"] = unreadable;
    CHECK(subject->glance(node, 250ms));
  }
  node.files["proc/zoneinfo"] = zoneinfo(900);
  REQUIRE(subject->sample(node, 250ms));  // without vmstat
  CHECK(node.asked.contains("proc/vmstat"));
  std::string text = shown(*subject, node);
  CHECK(has(text, "zones_short_seconds_total 0.25"));
  CHECK(has(text, "memory_exhausted_seconds_total 0"));
  for (int look = 1; look <= 60; ++look) {
    node.files["proc/vmstat"] = "allocstall_normal " + std::to_string(100 * look) + "\n";
    REQUIRE(subject->sample(node, 250ms));
  }
  text = shown(*subject, node);
  CHECK(has(text, "zones_short_seconds_total 15.25"));
  CHECK(!has(text, "memory_exhausted_seconds_total 0"));
  node.files["proc/vmstat"] = "allocstall_normal x\n";
  const Status fault = subject->sample(node, 250ms);
  CHECK(fault.code == Code::malformed);
  CHECK(fault.file == "proc/vmstat");
}

TEST_CASE("zone: a gap between two looks counts as a second, a stretched interval comes to count in full") {
  MemoryNode node = healthy();
  node.files["proc/zoneinfo"] = zoneinfo(0);
  const auto subject = collector();
  const auto total = [&](const char* seconds) {
    return has(shown(*subject, node),
               R"(zone_below_watermark_seconds_total{numa_node="0",zone="Normal",watermark="min"} )" + std::string(seconds));
  };
  REQUIRE(subject->sample(node, 0ns));
  REQUIRE(subject->sample(node, 250ms));
  REQUIRE(subject->sample(node, 1h));
  CHECK(total("1.25"));
  REQUIRE(subject->sample(node, 250ms));
  REQUIRE(subject->sample(node, 1h));
  CHECK(total("2.5"));
  for (int i = 0; i < 3; ++i) REQUIRE(subject->sample(node, 3s));  // 2, 3, 3
  CHECK(total("10.5"));
}

TEST_CASE("zone: a zone that goes keeps its time, and a faulty look adds none") {
  MemoryNode node = healthy();
  const auto subject = collector();
  const std::string normal = R"(zone_below_watermark_seconds_total{numa_node="0",zone="Normal",watermark="min"} )";
  node.files["proc/zoneinfo"] = zoneinfo(0);
  REQUIRE(subject->sample(node, 250ms));
  node.files["proc/zoneinfo"] = zoneinfo(0, "Movable");
  REQUIRE(subject->sample(node, 500ms));
  std::string text = shown(*subject, node);
  CHECK(has(text, normal + "0.25"));
  CHECK(has(text, R"(zone_below_watermark_seconds_total{numa_node="0",zone="Movable",watermark="min"} 0.5)"));
  CHECK(!mentions(text, R"(zone_free_pages{numa_node="0",zone="Normal")"));
  node.files["proc/zoneinfo"] = zoneinfo(0) + "x";
  CHECK(!subject->sample(node, 250ms));
  node.files["proc/zoneinfo"] = zoneinfo(0);
  REQUIRE(subject->sample(node, 250ms));
  CHECK(has(shown(*subject, node), normal + "0.5"));
}

TEST_CASE("zone: once warm, neither sampling nor collecting allocates") {
  Status status;
  const std::string root = FIXTURES "/kernel/linux-6.1-64cpu-8node";
  const auto node = open_node({root + "/proc", root + "/sys", root}, status);
  const auto subject = collector();
  Page page;
  for (int i = 0; i < 2; ++i) {
    page.clear();
    REQUIRE(subject->collect(*node, page));
    REQUIRE(subject->sample(*node, 250ms));
  }
  const uint64_t before = test::thread_allocations();
  page.clear();
  const Status collected = subject->collect(*node, page);
  const Status sampled = subject->sample(*node, 250ms);
  CHECK(test::thread_allocations() == before);
  CHECK(collected);
  CHECK(sampled);
}
