// A collector in its place among the others: its pages, its last Status, its times.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "exporter/collect/collector.h"
#include "exporter/collect/recent_increase.h"
#include "exporter/collect/runner.h"

namespace fencewatch {

// What a call of a collector came to. What an exception said is copied: a Status holds literals only.
class Outcome {
 public:
  Status status;
  void caught(std::string_view what) {
    status = {Code::internal, 0, {}, "an exception escaped"};
    size_ = what.copy(text_, sizeof text_);
  }
  std::string_view text() const { return size_ > 0 ? std::string_view(text_, size_) : status.text; }

 private:
  char text_[160];
  size_t size_ = 0;
};

struct CollectorState {
  CollectorState(const Spec& s, const Settings& settings) : spec(&s), collector(s.make(settings)), label({{"collector", s.name}}) {}

  // Called without the mutex of CollectorThreads, by the thread that set `busy`. No exception comes out.
  Outcome collect(const Node& node);
  Outcome sample(const Node& node, std::chrono::nanoseconds elapsed, std::chrono::nanoseconds& cpu_time);
  // True: enough for now, as Collector::glance(). An exception is for sample() to tell.
  bool glance(const Node& node, std::chrono::nanoseconds elapsed, std::chrono::nanoseconds& cpu_time);

  const Spec* const spec;
  const std::unique_ptr<Collector> collector;
  const LabelText label;

  Page work;  // of the thread that is in the collector
  Page page;  // of the last collection that worked

  bool busy = false;  // a thread is in the collector, perhaps stuck
  bool ran = false;   // `last` holds something
  Status last;
  RecentIncrease recent;
  Runner::Clock::time_point started;
  std::chrono::nanoseconds duration{0};
  std::array<uint64_t, kCodes> failures{};
  Code told_collect = Code::ok;  // what the log was told last
  Code told_sample = Code::ok;

  Runner::Clock::time_point next_look{};                    // sample() or glance()
  Runner::Clock::time_point next_sample{};                  // not earlier unless glance() asks for it
  Runner::Clock::time_point last_look{};                    // zero: none yet
  std::chrono::nanoseconds sample_cost{0}, glance_cost{0};  // CPU time, smoothed
};

}  // namespace fencewatch
