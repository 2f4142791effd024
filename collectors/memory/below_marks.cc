#include "collectors/memory/below_marks.h"

#include <algorithm>

namespace fencewatch {
namespace {

constexpr std::optional<uint64_t> Zone::*kPrinted[BelowMarks::kMarks] = {&Zone::min, &Zone::low, &Zone::high};

}  // namespace

// The zone's entry, made when it is first seen populated; `hint` is where it most likely is. Null for zones without memory or marks.
BelowMarks::Entry* BelowMarks::entry(const Zone& zone, size_t hint) {
  if (!zone.populated() || !zone.free || !zone.min || !zone.low || !zone.high) return nullptr;
  const auto same = [&](const Entry& other) { return other.numa_node == zone.numa_node && other.zone == zone.name; };
  if (hint < entries_.size() && same(entries_[hint])) return &entries_[hint];
  const auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found != entries_.end()) return &*found;
  return &entries_.emplace_back(Entry{zone.numa_node, std::string(zone.name)});
}

void BelowMarks::add(const Zoneinfo& zoneinfo, double seconds) {
  size_t hint = 0;
  bool any = false;
  for (const Zone& zone : zoneinfo.zones) {
    Entry* const found = entry(zone, hint);
    if (!found) continue;
    hint = static_cast<size_t>(found - entries_.data()) + 1;
    for (size_t mark = 0; mark < kMarks; ++mark) {
      if (*zone.free < *(zone.*kPrinted[mark])) found->seconds[mark] += seconds;
    }
    any = any || (*zone.free < *zone.min && zone.name != "DMA");
  }
  if (any) any_below_min_ += seconds;
}

void BelowMarks::look(const Zoneinfo& zoneinfo, std::chrono::nanoseconds elapsed) {
  constexpr std::chrono::nanoseconds gap = std::chrono::seconds(1);
  usual_ = std::min(elapsed, std::max(gap, 2 * usual_));
  add(zoneinfo, std::chrono::duration<double>(usual_).count());
}

}  // namespace fencewatch
