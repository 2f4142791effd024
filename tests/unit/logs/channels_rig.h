// Channels over fake logs with a clock that the test moves.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "exporter/logs/channels.h"
#include "exporter/logs/match/matcher.h"
#include "tests/unit/logs/fakes.h"

namespace fencewatch::test {

using namespace std::chrono_literals;
using Heard = std::vector<std::string>;

inline constexpr int64_t kSecond = 1'000'000;
inline constexpr int64_t kStart = 1'700'000'000 * kSecond;

inline std::vector<Pattern> event_patterns() {
  return {{Channel::kernel, "event", ""}, {Channel::corosync, "event", ""}, {Channel::sbd, "event", ""}};
}

struct ChannelsRig {
  explicit ChannelsRig(FakeLogs& logs, std::vector<std::string> order, std::string boot = "boot1", int64_t boot_start_us = kStart)
      : channels(logs.sources(order), Boot{std::move(boot), boot_start_us}, matcher, [this] { return now_us; }) {}

  // Reads all that is there, `pass` later.
  void run(std::chrono::seconds pass = 0s, size_t max = 100) {
    clock += pass;
    now_us += std::chrono::duration_cast<std::chrono::microseconds>(pass).count();
    for (int rounds = 0; channels.step(clock, max); ++rounds) REQUIRE(rounds < 1000);
  }
  std::string source(Channel channel = Channel::kernel) { return channels.numbers().sources[static_cast<size_t>(channel)]; }
  Snapshot snapshot() {
    Snapshot out;
    CHECK(channels.save(out));
    return out;
  }

  Hearer hearer{event_patterns()};
  Collector* collectors[1] = {&hearer};
  Matcher matcher{collectors};
  Channels::Clock::time_point clock = Channels::Clock::time_point{} + 1h;
  int64_t now_us = kStart;
  Channels channels;
};

}  // namespace fencewatch::test
