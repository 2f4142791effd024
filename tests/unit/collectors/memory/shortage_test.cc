#include "collectors/memory/shortage.h"

#include <doctest/doctest.h>

#include "tests/unit/trees.h"

using namespace fencewatch;
using namespace std::chrono_literals;

namespace {

constexpr auto kStep = 250ms;

// Wrong watermarks: kswapd wakes at 500, 1000 pages are due.
MemorySum memory(uint64_t free, uint64_t low = 500) {
  MemorySum sum;
  sum.free = free;
  sum.low = low;
  sum.expected_min = 1000;
  sum.expected_low = 1250;
  sum.dma_free = 10;
  sum.zone_below_min = true;
  return sum;
}

struct Falling {
  Shortage shortage;
  // `pages` a second down to `free`, in `looks`.
  void to(uint64_t free, uint64_t pages, int looks, uint64_t low = 500) {
    for (int left = looks; left-- > 0;) shortage.look(memory(free + static_cast<uint64_t>(left) * pages / 4, low), {}, kStep);
  }
};

std::optional<MemorySum> sum_of(const std::string& tree, bool reserve_applies) {
  const std::string root = FIXTURES "/kernel/" + tree + "/proc/";
  const std::string text = test::slurp(root + "zoneinfo");
  Zoneinfo zones;
  REQUIRE(parse_zoneinfo(text, zones));
  std::vector<Watermarks> expected;
  REQUIRE(expected_watermarks(zones, {std::stoull(test::slurp(root + "sys/vm/min_free_kbytes")), 10, 4096, false}, expected));
  return sum_memory(zones, expected, reserve_applies);
}

}  // namespace

TEST_SUITE("shortage") {
  TEST_CASE("the sum leaves out DMA, and what is kept for phantom pages where that keeps it from user memory") {
    const auto sum = sum_of("linux-6.1-miscount-recomputed", false);
    const auto reserved = sum_of("linux-6.1-miscount-recomputed", true);
    REQUIRE(sum);
    REQUIRE(reserved);
    CHECK(sum->reserved == 0);
    CHECK(reserved->free + reserved->reserved == sum->free);
    CHECK(sum->low < sum->expected_min);
    const auto healthy = sum_of("linux-6.1-healthy-recomputed", true);
    REQUIRE(healthy);
    CHECK(healthy->reserved == 0);
    CHECK(healthy->low > healthy->expected_min);
    CHECK(healthy->dma_free > 0);
  }

  TEST_CASE("phantom pages lock away what their column adds to the one before") {
    Zoneinfo zones;
    const std::string text =
        "Node 0, zone    DMA32\n  pages free     5000\n        min      10\n        low      12\n        high     14\n        spanned  "
        "9000\n"
        "        present  9000\n        managed  9000\n        protection: (0, 0, 128, 471, 471)\n"
        "Node 0, zone   Normal\n  pages free     2000\n        min      10\n        low      12\n        high     14\n        spanned  "
        "9000\n"
        "        present  9000\n        managed  3000\n        protection: (0, 0, 0, 2748, 2748)\n"
        "Node 0, zone  Movable\n  pages free     0\n        min      32\n        low      32\n        high     32\n        spanned  0\n"
        "        present  0\n        managed  88000\n        protection: (0, 0, 0, 0, 0)\n";
    const std::string with_dma =  // outlives zones, whose names lie in it
        "Node 0, zone      DMA\n  pages free     7\n        min      1\n        low      2\n        high     3\n"
        "        spanned  9\n        present  9\n        managed  9\n        protection: (0, 0, 0, 0, 0)\n" +
        text;
    REQUIRE(parse_zoneinfo(with_dma, zones));
    const std::vector<Watermarks> expected(4, Watermarks{100, 125, 150, 0});
    const auto sum = sum_memory(zones, expected, true);
    REQUIRE(sum);
    CHECK(sum->dma_free == 7);
    CHECK(sum->reserved == 343 + 2000);  // of 2748 that Normal is to keep it has 2000
    CHECK(sum->free == 5000 - 343);
    CHECK(sum->zone_below_min);
    CHECK(sum->expected_min == 200);
    CHECK(sum->low == 24);
    CHECK_FALSE(sum_memory(zones, expected, false)->zone_below_min);
    CHECK_FALSE(sum_memory(zones, {}, true));
  }

  TEST_CASE("short: less free than is due, and a zone below its min") {
    Shortage shortage;
    shortage.look(memory(1000), {}, kStep);
    CHECK(shortage.short_seconds() == 0);
    MemorySum resting = memory(900);
    resting.zone_below_min = false;  // kswapd rests at marks that are too low
    shortage.look(resting, {}, kStep);
    CHECK(shortage.short_seconds() == 0);
    shortage.look(memory(999), {}, kStep);
    shortage.look(memory(999), {}, 1h);  // nobody knows of most of it
    CHECK(shortage.short_seconds() == 1.25);
  }

  TEST_CASE("exhausted: more than nine of fifteen seconds short with more than 200 stalls in them") {
    const auto seconds = [](uint64_t free_in_between, uint64_t stalls_a_look) {
      Shortage shortage;
      uint64_t stalls = 1'000'000;
      for (int look = 0; look < 60; ++look) shortage.look(memory(look % 3 == 0 ? free_in_between : 999), stalls += stalls_a_look, kStep);
      return shortage.exhausted_seconds();
    };
    CHECK(seconds(1000, 10) > 0);  // two thirds of the time
    CHECK(seconds(1000, 10) < 15 - 9);
    CHECK(seconds(1000, 3) == 0);  // 180 in a window
    Shortage half;
    for (uint64_t look = 0; look < 200; ++look) half.look(memory(look % 2 == 0 ? 1000 : 999), look * 100, kStep);
    CHECK(half.exhausted_seconds() == 0);
    Shortage untold;
    for (int look = 0; look < 200; ++look) untold.look(memory(1), {}, kStep);
    CHECK(untold.exhausted_seconds() == 0);
  }

  TEST_CASE("exhausted ends with the window") {
    Shortage shortage;
    uint64_t stalls = 0;
    for (int look = 0; look < 60; ++look) shortage.look(memory(1), stalls += 100, kStep);
    const double then = shortage.exhausted_seconds();
    CHECK(then > 0);
    for (int look = 0; look < 240; ++look) shortage.look(memory(5000), stalls, kStep);
    CHECK(shortage.exhausted_seconds() > then);
    CHECK(shortage.exhausted_seconds() < then + 6.25);
  }

  TEST_CASE("forecast: a straight line of ten seconds") {
    Falling falling;
    CHECK_FALSE(falling.shortage.seconds_to_min());
    falling.to(5000, 100, 20);
    CHECK_FALSE(falling.shortage.seconds_to_min());  // five seconds say too little
    falling.to(3000, 100, 60);
    REQUIRE(falling.shortage.seconds_to_min());
    CHECK(*falling.shortage.seconds_to_min() == doctest::Approx(20));
    falling.to(999, 100, 60);
    CHECK_FALSE(falling.shortage.seconds_to_min());  // is there
  }

  TEST_CASE("forecast: none while memory goes up and down, rises, or falls too slowly") {
    Falling steady, rising, slow;
    for (uint64_t look = 0; look < 60; ++look) steady.shortage.look(memory(look % 2 == 0 ? 3000 : 2500), {}, kStep);
    CHECK_FALSE(steady.shortage.seconds_to_min());
    for (uint64_t look = 0; look < 60; ++look) rising.shortage.look(memory(2000 + 10 * look), {}, kStep);
    CHECK_FALSE(rising.shortage.seconds_to_min());
    slow.to(8000, 8, 60);  // 875 s
    CHECK_FALSE(slow.shortage.seconds_to_min());
  }

  TEST_CASE("forecast: none while kswapd is to wake before min, but one when it has and memory falls all the same") {
    Falling falling;
    falling.to(3000, 100, 60, 1250);
    CHECK_FALSE(falling.shortage.seconds_to_min());
    falling.to(1200, 100, 60, 1250);
    REQUIRE(falling.shortage.seconds_to_min());
    CHECK(*falling.shortage.seconds_to_min() == doctest::Approx(2));
  }

  TEST_CASE("a glance is enough while more is free than low asks for, and counts for the forecast") {
    Shortage shortage;
    CHECK(shortage.glance(0, kStep));  // of no use before a look
    MemorySum sum = memory(8000);
    sum.reserved = 90;
    shortage.look(sum, {}, kStep);
    CHECK(shortage.glance(1250 + 10 + 90, kStep));
    CHECK_FALSE(shortage.glance(1249 + 10 + 90, kStep));
    CHECK_FALSE(shortage.glance(0, kStep));
    for (uint64_t look = 0; look < 60; ++look) CHECK(shortage.glance(5100 - 25 * look, kStep));
    REQUIRE(shortage.seconds_to_min());
    CHECK(*shortage.seconds_to_min() == doctest::Approx((5100 - 25 * 59 - 100 - 1000) / 100.0));
  }
}
