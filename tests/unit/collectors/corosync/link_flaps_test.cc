#include "collectors/corosync/link_flaps.h"

#include <doctest/doctest.h>

namespace fencewatch {
namespace {

constexpr int64_t kMinute = 60'000'000, kStart = 1'795'000'000'000'000;

}  // namespace

TEST_SUITE("link flaps") {
  TEST_CASE("the third time within half an hour, and each one more") {
    LinkFlaps flaps;
    CHECK_FALSE(flaps.down("2", "0", kStart));
    CHECK_FALSE(flaps.down("2", "0", kStart + 10 * kMinute));
    CHECK(flaps.down("2", "0", kStart + 30 * kMinute));
    CHECK(flaps.down("2", "0", kStart + 40 * kMinute));
    CHECK_FALSE(flaps.down("2", "0", kStart + 61 * kMinute));  // of those before, one was 21 minutes ago and one 31
    CHECK(flaps.down("2", "0", kStart + 62 * kMinute));
  }

  TEST_CASE("each link for itself") {
    LinkFlaps flaps;
    for (const char* host : {"2", "3"})
      for (const char* link : {"0", "1"}) {
        CHECK_FALSE(flaps.down(host, link, kStart));
        CHECK_FALSE(flaps.down(host, link, kStart));
      }
    CHECK(flaps.down("3", "1", kStart));
  }

  TEST_CASE("a line without a time is as old as the one before") {
    LinkFlaps flaps;
    CHECK_FALSE(flaps.down("2", "0", kStart));
    CHECK_FALSE(flaps.down("2", "0", 0));
    CHECK(flaps.down("2", "0", 0));
  }

  TEST_CASE("the number of links is bounded, and those that are known go on") {
    LinkFlaps flaps;
    for (int round = 0; round < 3; ++round)
      for (size_t host = 0; host < 2 * LinkFlaps::kMostLinks; ++host)
        CHECK(flaps.down(std::to_string(host), "0", kStart) == (round == 2 && host < LinkFlaps::kMostLinks));
  }
}

}  // namespace fencewatch
