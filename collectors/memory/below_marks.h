// How long each zone had less free memory than its watermarks ask for, from looks at /proc/zoneinfo more frequent than scrapes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "collectors/memory/zoneinfo.h"

namespace fencewatch {

class BelowMarks {
 public:
  static constexpr size_t kMarks = 3;  // min, low, high; not promo: nothing is short of memory above high
  struct Entry {
    uint32_t numa_node;
    std::string zone;
    double seconds[kMarks] = {};
  };

  // Makes an entry for each zone that has memory and watermarks. Allocates nothing when it has seen them before.
  void see(const Zoneinfo& zoneinfo) { add(zoneinfo, 0); }
  // Adds the time since the look before to the marks that are not reached. Of a gap (suspended, stuck, not scheduled) nobody knows how the
  // zone fared: it counts as 1 s at most, or as two of the intervals before where those are longer.
  void look(const Zoneinfo& zoneinfo, std::chrono::nanoseconds elapsed);

  const std::vector<Entry>& entries() const { return entries_; }  // also of zones that have gone
  // While any zone but DMA, which few allocations may use, was below min.
  double any_below_min() const { return any_below_min_; }

 private:
  Entry* entry(const Zone& zone, size_t hint);
  void add(const Zoneinfo& zoneinfo, double seconds);

  std::vector<Entry> entries_;
  double any_below_min_ = 0;
  std::chrono::nanoseconds usual_{0};
};

}  // namespace fencewatch
