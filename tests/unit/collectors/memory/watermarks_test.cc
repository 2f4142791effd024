#include "collectors/memory/watermarks.h"

#include <doctest/doctest.h>

#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

std::string slurp(const std::string& path) {
  std::string text = test::slurp(path);
  REQUIRE(!text.empty());
  return text;
}

// A captured kernel with its settings, all 4 KiB pages.
struct Machine {
  std::string text;
  Zoneinfo info;
  WatermarkSettings settings;
  std::vector<Watermarks> expected;

  explicit Machine(const std::string& name) {
    const std::string root = FIXTURES "/kernel/" + name + "/proc/";
    text = slurp(root + "zoneinfo");
    REQUIRE(parse_zoneinfo(text, info));
    settings = {std::stoull(slurp(root + "sys/vm/min_free_kbytes")), std::stoull(slurp(root + "sys/vm/watermark_scale_factor")), 4096,
                movable_is_apart(parse_kernel_version(slurp(root + "version")), info)};
    REQUIRE(expected_watermarks(info, settings, expected));
  }
  std::optional<double> ratio(uint32_t numa_node, std::string_view zone) const {
    for (size_t i = 0; i < info.zones.size(); ++i) {
      if (info.zones[i].numa_node == numa_node && info.zones[i].name == zone) return honoured_ratio(info.zones[i], expected[i]);
    }
    return {};
  }
  bool miscounted() const {
    for (const Zone& zone : info.zones) {
      if (zone.phantom()) return true;
    }
    return false;
  }
};

void exact(const Machine& machine) {
  for (size_t i = 0; i < machine.expected.size(); ++i) {
    const Zone& zone = machine.info.zones[i];
    CAPTURE(zone.numa_node);
    CAPTURE(zone.name);
    const uint64_t boost = zone.boost.value_or(0);
    CHECK(zone.min == machine.expected[i].min + boost);
    CHECK(zone.low == machine.expected[i].low + boost);
    CHECK(zone.high == machine.expected[i].high + boost);
    if (zone.promo) CHECK(zone.promo == machine.expected[i].promo + boost);
  }
}

Zoneinfo parsed(std::string_view text) {
  Zoneinfo out;
  REQUIRE(parse_zoneinfo(text, out));
  return out;
}

constexpr const char* kEnd = "\n        protection: (0)\n  pagesets\n  start_pfn:           0\n";

std::string zone(std::string_view header, uint64_t present, uint64_t managed) {
  return std::string(header) + "\n        present  " + std::to_string(present) + "\n        managed  " + std::to_string(managed) + kEnd;
}

}  // namespace

TEST_CASE("watermarks: after the kernel has computed them anew, the formula gives every one exactly") {
  for (const char* name : {"linux-6.1-healthy-recomputed", "linux-6.18-healthy"}) {
    CAPTURE(name);
    exact(Machine(name));
  }
}

TEST_CASE("watermarks: on a miscounted machine the formula gives what is printed, if it is told the same wrong counts") {
  for (const char* name : {"linux-6.1-miscount-recomputed", "linux-6.12-miscount"}) {
    CAPTURE(name);
    Machine machine(name);
    REQUIRE(machine.miscounted());
    for (Zone& zone : machine.info.zones) zone.present = std::max(*zone.present, static_cast<uint64_t>(*zone.managed));
    REQUIRE(expected_watermarks(machine.info, machine.settings, machine.expected));
    exact(machine);
  }
}

TEST_CASE("watermarks: a healthy machine that computed them while booting is within 2 %") {
  for (const char* name : {"linux-6.1-healthy", "linux-6.1-healthy-recomputed", "linux-6.12-healthy", "linux-6.18-healthy",
                           "linux-6.1-64cpu-8node", "linux-6.1-miscount-moved"}) {
    CAPTURE(name);
    const Machine machine(name);
    CHECK(machine.miscounted() == std::string_view(name).ends_with("-moved"));  // the books are wrong, the marks still right
    size_t judged = 0;
    for (const Zone& zone : machine.info.zones) {
      const auto ratio = machine.ratio(zone.numa_node, zone.name);
      if (!ratio) continue;
      ++judged;
      CAPTURE(zone.name);
      CHECK(*ratio > 0.98);
      CHECK(*ratio < 1.02);
    }
    CHECK(judged >= 2);
  }
}

TEST_CASE("watermarks: the starved zone of every miscounted machine stands out") {
  struct {
    const char* name;
    uint32_t numa_node;
    const char* zone;
    double ratio;
  } const cases[] = {
      {"linux-4.19-miscount", 0, "Normal", 0.2717},
      {"linux-4.19-miscount", 1, "Normal", 0.0850},
      {"linux-4.19-miscount", 0, "DMA32", 0.9979},
      {"linux-4.19-miscount-dma32", 0, "DMA32", 0.2324},
      {"linux-4.19-miscount-dma32", 1, "DMA32", 0.1281},
      {"linux-4.19-miscount-2x48cpu", 0, "Normal", 0.0159},
      {"linux-4.19-miscount-2x48cpu", 1, "Normal", 0.0127},
      {"linux-6.1-miscount", 0, "Normal", 0.2716},
      {"linux-6.1-miscount", 1, "Normal", 0.0858},
      {"linux-6.1-miscount-recomputed", 1, "Normal", 0.0857},
      {"linux-6.1-64cpu-8node-miscount", 0, "DMA32", 0.0661},
      {"linux-6.1-64cpu-8node-miscount", 5, "Normal", 0.0635},
      {"linux-6.12-miscount", 0, "Normal", 0.4739},
      {"linux-6.12-miscount", 1, "Normal", 0.1534},
      {"linux-6.12-miscount", 0, "DMA32", 1.7467},  // since 6.6 the others share what the phantom does not take
  };
  for (const auto& example : cases) {
    CAPTURE(example.name);
    CAPTURE(example.zone);
    const auto ratio = Machine(example.name).ratio(example.numa_node, example.zone);
    REQUIRE(ratio);
    CHECK(*ratio == doctest::Approx(example.ratio).epsilon(0.001));
  }
  CHECK(!Machine("linux-4.19-miscount").ratio(0, "Movable"));  // nobody lives there
}

TEST_CASE("watermarks: before 4.6 the gap is a quarter of min; a HighMem takes no share, nor does a Movable in it") {
  const std::string text = zone("Node 0, zone DMA", 4000, 4000) + zone("Node 0, zone Normal", 200000, 196000) +
                           zone("Node 0, zone HighMem", 300000, 300000) + zone("Node 0, zone Movable", 20000, 20000);
  std::vector<Watermarks> out;
  REQUIRE(expected_watermarks(parsed(text), {8000, {}, 4096, false}, out));
  CHECK(out[0].min == 40);
  CHECK(out[0].low == 50);
  CHECK(out[0].high == 60);
  CHECK(out[1].min == 1960);
  CHECK(out[1].low == 2450);
  CHECK(out[2].min == 128);             // clamped
  CHECK(out[2].low == 128 + 3000 / 4);  // the gap comes from the share that it would have had
  CHECK(out[3].min == 32);
}

TEST_CASE("watermarks: Movable shares before 6.6 and not since") {
  const std::string text = zone("Node 0, zone Normal", 100000, 100000) + zone("Node 0, zone Movable", 100000, 100000);
  const Zoneinfo info = parsed(text);
  std::vector<Watermarks> out;
  REQUIRE(expected_watermarks(info, {8000, 10, 4096, false}, out));
  CHECK(out[0].min == 1000);
  CHECK(out[1].min == 1000);
  REQUIRE(expected_watermarks(info, {8000, 10, 4096, true}, out));
  CHECK(out[0].min == 2000);
  CHECK(out[1].min == 100000 / 1024);
  CHECK(out[1].low == 97 + 500);

  CHECK(!movable_is_apart(parse_kernel_version("4.19.90-25.16.v2101.ky10.x86_64"), info));
  CHECK(!movable_is_apart(parse_kernel_version("6.5.13"), info));
  CHECK(movable_is_apart(parse_kernel_version("6.6.0"), info));
  CHECK(movable_is_apart(parse_kernel_version("7.0"), info));
  CHECK(!movable_is_apart({}, info));
  CHECK(movable_is_apart({}, parsed("Node 0, zone Normal\n        promo    1" + std::string(kEnd))));
}

TEST_CASE("watermarks: a phantom goes to the highest populated zone below it, in its own node, also beside real pages") {
  const std::string text = zone("Node 0, zone DMA32", 50000, 50000) + zone("Node 0, zone Normal", 0, 0) +
                           zone("Node 0, zone Movable", 10000, 30000) + zone("Node 1, zone DMA32", 0, 0) +
                           zone("Node 1, zone Normal", 20000, 10000) + zone("Node 1, zone Movable", 0, 10000);
  std::vector<Watermarks> out;
  REQUIRE(expected_watermarks(parsed(text), {4000, 10, 4096, false}, out));
  const uint64_t min[] = {700, 0, 100, 0, 200, 0};
  for (size_t i = 0; i < std::size(min); ++i) CHECK(out[i].min == min[i]);

  // Nowhere to go: left where it is rather than lost.
  REQUIRE(
      expected_watermarks(parsed(zone("Node 0, zone DMA", 0, 500) + zone("Node 0, zone Normal", 500, 500)), {4000, 10, 4096, false}, out));
  CHECK(out[0].min == 500);
}

TEST_CASE("watermarks: a few phantom pages beside real ones go to the zone of the node that misses most, as a balloon left them") {
  const std::string text = zone("Node 0, zone DMA", 4000, 3900) + zone("Node 0, zone DMA32", 50000, 50100) +
                           zone("Node 0, zone Normal", 60000, 50000) + zone("Node 1, zone Normal", 90000, 46100);
  std::vector<Watermarks> out;
  REQUIRE(expected_watermarks(parsed(text), {4000 * 15, 10, 4096, false}, out));
  const uint64_t managed[] = {3900, 50000, 50100, 46100};
  for (size_t i = 0; i < std::size(managed); ++i) CHECK(out[i].min == managed[i] * 15000 / 150100);
}

TEST_CASE("watermarks: managed is negative: no phantom, and no formula unless a miscount owes the zone its pages") {
  const std::string text = zone("Node 0, zone DMA32", 50000, 50000) + zone("Node 0, zone Normal", 60000, -uint64_t{18130});
  const Zoneinfo info = parsed(text);
  CHECK(info.zones[1].managed == -18130);
  CHECK(info.zones[1].phantom() == 0);
  std::vector<Watermarks> out;
  CHECK(!expected_watermarks(info, {4000, 10, 4096, false}, out));
  CHECK(out.empty());
  // A balloon in a machine that is miscounted as well.
  const std::string both = text + zone("Node 0, zone Movable", 0, 68130);
  REQUIRE(expected_watermarks(parsed(both), {4000, 10, 4096, false}, out));
  CHECK(out[0].min == 500);
  CHECK(out[1].min == 500);
}

TEST_CASE("watermarks: they are outdated when managed has changed since, not when a miscount explains them") {
  const auto outdated = [](std::string_view text, const WatermarkSettings& settings) {
    const Zoneinfo info = parsed(text);
    std::vector<Watermarks> expected;
    REQUIRE(expected_watermarks(info, settings, expected));
    return are_outdated(info.zones, expected);
  };
  const auto with_min = [](std::string_view header, uint64_t min, uint64_t present, uint64_t managed) {
    return zone(std::string(header) + "\n        min " + std::to_string(min), present, managed);
  };
  const WatermarkSettings settings{8000, 10, 4096, false};
  CHECK(!outdated(with_min("Node 0, zone DMA32", 990, 50000, 50000) + with_min("Node 0, zone Normal", 1010, 50000, 50000), settings));
  // Inflated; plugged in; given back after the marks were computed while it was inflated.
  CHECK(outdated(with_min("Node 0, zone DMA32", 1000, 50000, 50000) + with_min("Node 0, zone Normal", 1000, 50000, 10000), settings));
  CHECK(outdated(with_min("Node 0, zone DMA32", 1000, 50000, 50000) + with_min("Node 0, zone Normal", 1000, 90000, 90000), settings));
  CHECK(outdated(with_min("Node 0, zone DMA32", 1666, 50000, 50000) + with_min("Node 0, zone Normal", 333, 50000, 50000), settings));
  // All of them are too low: nothing that changed in some zone does that.
  CHECK(!outdated(with_min("Node 0, zone DMA32", 300, 50000, 50000) + with_min("Node 0, zone Normal", 300, 50000, 50000), settings));
  const std::string miscounted = with_min("Node 0, zone Normal", 200, 50000, 5000) + with_min("Node 0, zone Movable", 1800, 0, 45000);
  CHECK(!outdated(miscounted, settings));
  // Some pages that a balloon booked to the wrong zone explain nothing.
  CHECK(outdated(with_min("Node 0, zone DMA32", 1000, 50000, 50100) + with_min("Node 0, zone Normal", 1000, 50000, 10000), settings));
  for (const char* name : {"linux-4.19-miscount", "linux-4.19-miscount-dma32", "linux-4.19-miscount-2x48cpu", "linux-6.1-miscount",
                           "linux-6.1-64cpu-8node-miscount", "linux-6.12-miscount", "linux-6.1-healthy", "linux-6.18-healthy"}) {
    CAPTURE(name);
    const Machine machine(name);
    CHECK(!are_outdated(machine.info.zones, machine.expected));
  }
}

TEST_CASE("watermarks: 64 KiB pages, and numbers that a product of 64 bit would not hold") {
  std::vector<Watermarks> out;
  REQUIRE(expected_watermarks(parsed(zone("Node 0, zone DMA", 600000, 600000)), {65536, 10, 65536, false}, out));
  CHECK(out[0].min == 1024);
  CHECK(out[0].low == 1624);
  const uint64_t huge = uint64_t{1} << 60;
  REQUIRE(expected_watermarks(parsed(zone("Node 0, zone DMA", huge, huge)), {8, 10, 4096, false}, out));
  CHECK(out[0].low - out[0].min == huge / 10000 * 10 + huge % 10000 * 10 / 10000);
}

TEST_CASE("watermarks: what the file does not say is not made up") {
  std::vector<Watermarks> out;
  CHECK(!expected_watermarks(parsed("Node 0, zone DMA\n        present  1" + std::string(kEnd)), {4000, 10, 4096, false}, out));
  CHECK(out.empty());
  CHECK(!expected_watermarks(parsed(zone("Node 0, zone DMA", 0, 0)), {4000, 10, 4096, false}, out));  // nothing to share
  CHECK(out.empty());
}

TEST_CASE("watermarks: the ratio takes the boost off and leaves out zones too small to tell") {
  Zone zone;
  zone.present = 1000;
  zone.min = 300;
  zone.boost = 200;
  CHECK(honoured_ratio(zone, {.min = 100}) == 1.0);
  zone.boost.reset();
  CHECK(honoured_ratio(zone, {.min = 100}) == 3.0);
  CHECK(honoured_ratio(zone, {.min = 64}));
  CHECK(!honoured_ratio(zone, {.min = 63}));
  zone.present = 0;
  CHECK(!honoured_ratio(zone, {.min = 100}));
}

TEST_CASE("watermarks: kernel versions") {
  CHECK(parse_kernel_version("4.19.90-17.ky10\n") == KernelVersion{4, 19});
  CHECK(parse_kernel_version("Linux version 6.12.117+deb12-cloud-amd64 (x) #1\n") == KernelVersion{6, 12});
  CHECK(!parse_kernel_version(""));
  CHECK(!parse_kernel_version("6"));
  CHECK(!parse_kernel_version("6.x"));
  CHECK(!parse_kernel_version("-6.1"));
  CHECK(!parse_kernel_version("Linux"));
}
