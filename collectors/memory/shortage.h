// How near all zones together are to the end of their memory, from looks at /proc/zoneinfo and /proc/meminfo more frequent than scrapes.
// Zones are taken together because an allocation that finds one of them dry goes to the next: one below its min harms nobody while
// gigabytes are free elsewhere. DMA, which few allocations may use, is left out.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "collectors/memory/watermarks.h"
#include "collectors/memory/zoneinfo.h"

namespace fencewatch {

// Pages. What the kernel keeps from user memory for the sake of phantom pages (lowmem_reserve) is not free: since 5.8 an allocation is
// held to the reserve of the highest zone that it may use, before to that of the highest in its zonelist, which was made before there were
// any phantoms (get_page_from_freelist(), highest_zoneidx).
struct MemorySum {
  uint64_t free = 0;      // without `reserved`
  uint64_t reserved = 0;  // of the free pages, for phantoms
  uint64_t dma_free = 0;  // of DMA, which is in no other sum
  uint64_t low = 0;       // as printed: where kswapd wakes
  uint64_t expected_min = 0, expected_low = 0;
  bool zone_below_min = false;  // some zone, its phantom reserve counted
};

// Nothing where `expected` is empty: what memory ought to be there nobody knows then.
std::optional<MemorySum> sum_memory(const Zoneinfo& zoneinfo, const std::vector<Watermarks>& expected, bool reserve_applies);

class Shortage {
 public:
  // Memory counts as exhausted when less than the expected min was free for more than kShort of the last kWindow, and more than kStalls
  // allocations had to free memory for themselves meanwhile. Recorded: nodes with wrong watermarks get there 70 s before the first process
  // hangs, those with right ones when they hang. A share of a window has no machine size in it; larger machines have more stalls.
  static constexpr std::chrono::seconds kWindow{15};
  static constexpr std::chrono::seconds kShort{9};
  static constexpr uint64_t kStalls = 200;

  // A look at all zones. `stalls`: allocations that had to free memory for themselves since boot; wanted only while is_short().
  void look(const MemorySum& sum, std::optional<uint64_t> stalls, std::chrono::nanoseconds elapsed);
  // A look at the sum of free pages alone, those of DMA included. False: look at the zones now, memory may be short.
  bool glance(uint64_t free_pages, std::chrono::nanoseconds elapsed);
  static bool is_short(const MemorySum& sum) { return sum.free < sum.expected_min; }

  // While less than the expected min was free and a zone below its min. A gap between two looks counts as 1 s at most.
  double short_seconds() const { return short_seconds_; }
  // While memory was exhausted.
  double exhausted_seconds() const { return exhausted_seconds_; }
  // Until free pages meet the expected min if they go on falling as they did in the last ten seconds. Absent when they do not fall in a
  // straight line, when it takes more than ten minutes, and where kswapd will wake before and give back.
  std::optional<double> seconds_to_min() const;

 private:
  struct Point {
    std::chrono::nanoseconds at;
    uint64_t free;
    std::chrono::nanoseconds shorted;  // of the time since the point before
    std::optional<uint64_t> stalls;
  };
  static constexpr size_t kPoints = 64;  // the window in looks of 250 ms

  void add(uint64_t free, std::optional<uint64_t> stalls, std::chrono::nanoseconds elapsed, bool is_short);
  bool exhausted() const;
  template <class Visit>
  void each_since(std::chrono::nanoseconds span, Visit visit) const;

  std::optional<MemorySum> last_;
  std::array<Point, kPoints> points_{};
  size_t count_ = 0;  // of all that ever were
  std::chrono::nanoseconds now_{0};
  double short_seconds_ = 0, exhausted_seconds_ = 0;
};

}  // namespace fencewatch
