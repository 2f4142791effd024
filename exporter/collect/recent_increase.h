// By how much counters have grown lately.
#pragma once

#include <array>
#include <chrono>
#include <string_view>
#include <vector>

#include "exporter/exposition/page.h"

namespace fencewatch {

// Of the counters of one collector. Rules over thousands of nodes read what is told here instead of the counters, since it is told of those
// alone that move: increase() has to look at every series of every healthy node, which is what an evaluation costs. Not thread safe.
// Allocates when it sees a counter for the first time.
class RecentIncrease {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kWindow{600};
  // For so long after it has grown a counter is told, so that 0 is the last that is known of it and not what it was before.
  static constexpr std::chrono::seconds kTold{1500};

  // The first value of a counter is where it begins. One that is smaller than the one before is a counter that began anew at 0.
  void see(const CounterValue& now, Clock::time_point at);

  // visit(counter, by how much it has grown in the window). Where nobody looked for longer than the window, since the last look before it.
  template <class Visit>
  void each(Clock::time_point now, Visit visit) const {
    for (const Entry& entry : entries_)
      if (entry.grew && now - entry.grew_at < kTold) visit(entry.counter, entry.grown - entry.grown_at(now - kWindow));
  }

 private:
  static constexpr std::chrono::seconds kStep{15};
  static constexpr size_t kPoints = 42;  // the window in steps, and one before it

  struct Point {
    Clock::time_point at;
    double grown;
  };
  struct Entry {
    std::string_view counter;
    double value = 0, grown = 0;
    bool grew = false;
    Clock::time_point grew_at{};
    std::array<Point, kPoints> points{};
    size_t count = 0;  // of all points that ever were

    double grown_at(Clock::time_point time) const;
  };
  std::vector<Entry> entries_;
};

}  // namespace fencewatch
