#include "exporter/collect/recent_increase.h"

#include <algorithm>

namespace fencewatch {

// At the last point that is not after `time`, or at the oldest that is known.
double RecentIncrease::Entry::grown_at(Clock::time_point time) const {
  const size_t oldest = count - std::min(count, kPoints);
  for (size_t i = count; i > oldest; --i) {
    const Point& point = points[(i - 1) % kPoints];
    if (point.at <= time) return point.grown;
  }
  return points[oldest % kPoints].grown;
}

void RecentIncrease::see(const CounterValue& now, Clock::time_point at) {
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.counter == now.counter; });
  if (entry == entries_.end()) {
    entry = entries_.insert(entries_.end(), Entry{});
    entry->counter = now.counter;
    entry->value = now.value;
  }
  const double more = now.value >= entry->value ? now.value - entry->value : now.value;
  entry->value = now.value;
  entry->grown += more;
  if (more > 0) {
    entry->grew = true;
    entry->grew_at = at;
  }
  if (entry->count > 0 && at - entry->points[(entry->count - 1) % kPoints].at < kStep) return;
  entry->points[entry->count++ % kPoints] = {at, entry->grown};
}

}  // namespace fencewatch
