#include "exporter/collect/recent_increase.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace fencewatch {
namespace {

using namespace std::chrono_literals;
using Clock = RecentIncrease::Clock;

struct Watched {
  // One counter, looked at `when` after the start.
  void see(std::chrono::seconds when, double value, std::string_view counter = "a") { recent.see({counter, value}, start + when); }
  std::map<std::string, double> told(std::chrono::seconds when) const {
    std::map<std::string, double> all;
    recent.each(start + when, [&](std::string_view counter, double increase) { all[std::string(counter)] = increase; });
    return all;
  }

  RecentIncrease recent;
  const Clock::time_point start = Clock::time_point{} + 1h;
};
using Told = std::map<std::string, double>;

}  // namespace

TEST_SUITE("recent increase") {
  TEST_CASE("a counter that has not moved is not told, whatever it was at first") {
    Watched watched;
    for (std::chrono::seconds when = 0s; when < 1h; when += 15s) {
      watched.see(when, 7);
      CHECK(watched.told(when).empty());
    }
  }

  TEST_CASE("what it gained is told for ten minutes, 0 for another fifteen, and then nothing") {
    Watched watched;
    for (std::chrono::seconds when = 0s; when < 1h; when += 15s) {
      watched.see(when, when < 5min ? 7 : 9);
      CAPTURE(when.count());
      if (when < 5min) CHECK(watched.told(when).empty());
      if (when >= 5min && when < 15min) CHECK(watched.told(when) == Told{{"a", 2}});
      if (when >= 15min && when < 30min) CHECK(watched.told(when) == Told{{"a", 0}});
      if (when >= 30min) CHECK(watched.told(when).empty());
    }
  }

  TEST_CASE("a counter that moves all the time, looked at at any interval") {
    for (const std::chrono::seconds interval : {1s, 5s, 7s, 15s, 16s, 60s}) {
      Watched watched;
      for (std::chrono::seconds when = 0s; when < 1h; when += interval) {
        watched.see(when, static_cast<double>(when.count()));
        if (when == 0s) continue;
        CAPTURE(interval.count());
        CAPTURE(when.count());
        const double told = watched.told(when).at("a");
        const auto whole = static_cast<double>(std::min<std::chrono::seconds>(when, 10min).count());
        CHECK(told >= whole);
        CHECK(told <= whole + static_cast<double>(std::max(15s + interval, interval).count()));
      }
    }
  }

  TEST_CASE("a counter that begins anew has gained what it shows") {
    Watched watched;
    watched.see(0s, 100);
    watched.see(15s, 103);
    watched.see(30s, 2);
    CHECK(watched.told(30s) == Told{{"a", 5}});
  }

  TEST_CASE("after a long time without a look, all since the last one counts") {
    Watched watched;
    watched.see(0s, 1);
    watched.see(2h, 4);
    CHECK(watched.told(2h) == Told{{"a", 3}});
    watched.see(2h + 11min, 4);
    CHECK(watched.told(2h + 11min) == Told{{"a", 0}});
  }

  TEST_CASE("counters are apart, and what is told ages without a look") {
    Watched watched;
    watched.see(0s, 0, "a");
    watched.see(0s, 0, "b");
    watched.see(15s, 1, "a");
    CHECK(watched.told(15s) == Told{{"a", 1}});
    watched.see(30s, 0.5, "b");
    CHECK(watched.told(30s) == Told{{"a", 1}, {"b", 0.5}});
    CHECK(watched.told(14min) == Told{{"a", 0}, {"b", 0}});
    CHECK(watched.told(26min).empty());
  }
}

}  // namespace fencewatch
