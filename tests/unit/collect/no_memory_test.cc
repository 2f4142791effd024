// Each allocation of a scrape fails in turn: it costs the collection, or the scrape, that it happened in, and the next one is whole.
#include <doctest/doctest.h>

#include <algorithm>
#include <new>

#include "exporter/base/settings.h"
#include "exporter/collect/runner.h"
#include "tests/unit/allocations.h"
#include "tests/unit/trees.h"

namespace fencewatch {
namespace {

using test::FailAllocation;
using test::MemoryNode;

// All collectors.
struct Rig {
  explicit Rig(const MemoryNode& node) : runner(all_collectors(), settings(), node) { runner.start(); }

  static const Settings& settings() {
    static const Settings all = [] {
      Settings settings;
      for (const Spec* spec : all_collectors()) settings.enabled.push_back(spec != nullptr);
      settings.exporter_metrics = false;
      return settings;
    }();
    return all;
  }

  // False when the scrape itself was given up for want of memory, as the Server does with a 503.
  bool scrape(Bytes& out) {
    out.clear();
    try {
      good = runner.scrape(runner.all(), Format::text, Runner::Clock::now() + std::chrono::seconds(60), out);
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  Runner runner;
  bool good = false;
};

size_t lines(const Bytes& text) { return static_cast<size_t>(std::count(text.view().begin(), text.view().end(), '\n')); }

bool failed_for_want_of_memory(const Bytes& text) {
  return text.view().find("fencewatch_collector_failing{") != std::string_view::npos &&
         text.view().find("reason=\"internal\"} 1") != std::string_view::npos;
}

}  // namespace

TEST_CASE("each allocation of a first scrape fails in turn, and the next scrape is whole") {
  const MemoryNode node("kernel/linux-6.1-pressure");
  Bytes out;
  Rig whole(node);
  REQUIRE(whole.scrape(out));
  REQUIRE(whole.scrape(out));
  REQUIRE(whole.good);
  const size_t expected = lines(out);
  bool failed = true;
  int scrapes_lost = 0, collections_lost = 0;
  for (uint64_t n = 0; failed; ++n) {
    CAPTURE(n);
    Rig rig(node);
    bool answered;
    {
      const FailAllocation one(n);
      answered = rig.scrape(out);
      failed = one.failed();
    }
    if (!answered)
      ++scrapes_lost;
    else if (failed_for_want_of_memory(out))
      ++collections_lost;
    REQUIRE(rig.scrape(out));
    REQUIRE(rig.good);
    REQUIRE(lines(out) == expected);
    REQUIRE(rig.runner.stop());
  }
  CHECK(scrapes_lost > 0);
  CHECK(collections_lost > 0);
}

TEST_CASE("each allocation that larger files cost fails in turn, and the next scrape is whole") {
  const MemoryNode small("kernel/linux-6.1-healthy"), large("kernel/linux-6.1-64cpu-8node");
  bool failed = true;
  uint64_t n = 0;
  Bytes out;
  for (; failed; ++n) {
    CAPTURE(n);
    MemoryNode node("kernel/linux-6.1-healthy");
    Rig rig(node);
    REQUIRE(rig.scrape(out));
    for (const auto& [path, text] : large.files)
      if (node.files.contains(path)) node.files[path] = text;
    {
      const FailAllocation one(n);
      rig.scrape(out);
      failed = one.failed();
    }
    REQUIRE(rig.scrape(out));
    REQUIRE(rig.good);
    REQUIRE(out.view().find("fencewatch_zone_") != std::string_view::npos);
    REQUIRE(rig.runner.stop());
  }
  CHECK(n > 10);
}

}  // namespace fencewatch
