#include "collectors/memory/shortage.h"

#include <algorithm>

namespace fencewatch {
namespace {

using std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

constexpr nanoseconds kGap = std::chrono::seconds(1);  // nobody knows what was in a longer one
constexpr nanoseconds kLine = std::chrono::seconds(10);
constexpr size_t kLinePoints = 8;
constexpr double kStraight = 0.9;  // R²: below, memory goes up and down as kswapd comes and goes
constexpr double kHorizon = 600;   // a line of ten seconds says nothing about a longer time

// What the zone must leave free because pages of the zones above are counted that are not there.
uint64_t phantom_reserve(const std::vector<Zone>& zones, size_t index) {
  size_t first = index;
  while (first > 0 && zones[first - 1].numa_node == zones[index].numa_node) --first;
  uint64_t reserve = 0;
  for (size_t above = index + 1; above < zones.size() && zones[above].numa_node == zones[index].numa_node; ++above) {
    const size_t column = above - first;
    if (!zones[above].phantom() || column >= zones[index].protections) continue;
    const uint64_t before = zones[index].protection[column - 1];
    reserve = std::max(reserve, zones[index].protection[column] - std::min(before, zones[index].protection[column]));
  }
  return reserve;
}

}  // namespace

std::optional<MemorySum> sum_memory(const Zoneinfo& zoneinfo, const std::vector<Watermarks>& expected, bool reserve_applies) {
  const std::vector<Zone>& zones = zoneinfo.zones;
  if (expected.empty() || expected.size() != zones.size()) return {};
  MemorySum sum;
  for (size_t i = 0; i < zones.size(); ++i) {
    const Zone& zone = zones[i];
    if (!zone.populated() || !zone.free || !zone.min || !zone.low) continue;
    if (zone.name == "DMA") {
      sum.dma_free += *zone.free;
      continue;
    }
    const uint64_t reserve = reserve_applies ? phantom_reserve(zones, i) : 0;
    const uint64_t reserved = std::min(reserve, *zone.free);
    sum.free += *zone.free - reserved;
    sum.reserved += reserved;
    sum.low += *zone.low;
    sum.expected_min += expected[i].min;
    sum.expected_low += expected[i].low;
    sum.zone_below_min = sum.zone_below_min || *zone.free < *zone.min + reserve;
  }
  return sum;
}

void Shortage::look(const MemorySum& sum, std::optional<uint64_t> stalls, nanoseconds elapsed) {
  last_ = sum;
  elapsed = std::min(elapsed, kGap);
  add(sum.free, stalls, elapsed, is_short(sum));
  if (is_short(sum) && sum.zone_below_min) short_seconds_ += Seconds(elapsed).count();
  if (exhausted()) exhausted_seconds_ += Seconds(elapsed).count();
}

bool Shortage::glance(uint64_t free_pages, nanoseconds elapsed) {
  if (!last_) return true;
  const uint64_t apart = last_->dma_free + last_->reserved;
  const uint64_t free = free_pages - std::min(free_pages, apart);
  if (free < last_->expected_low) return false;
  add(free, {}, elapsed, false);
  return true;
}

void Shortage::add(uint64_t free, std::optional<uint64_t> stalls, nanoseconds elapsed, bool is_short) {
  now_ += elapsed;
  points_[count_++ % kPoints] = {now_, free, is_short ? elapsed : nanoseconds(0), stalls};
}

template <class Visit>
void Shortage::each_since(nanoseconds span, Visit visit) const {
  for (size_t i = count_ - std::min(count_, kPoints); i < count_; ++i)
    if (const Point& point = points_[i % kPoints]; now_ - point.at < span) visit(point);
}

bool Shortage::exhausted() const {
  nanoseconds shorted{0};
  std::optional<uint64_t> first, last;
  each_since(kWindow, [&](const Point& point) {
    shorted += point.shorted;
    if (!point.stalls) return;
    if (!first) first = point.stalls;
    last = point.stalls;
  });
  return shorted > kShort && first && *last > *first + kStalls;
}

// The line of least squares through the free pages of the last ten seconds.
std::optional<double> Shortage::seconds_to_min() const {
  if (!last_ || count_ == 0) return {};
  const double free = static_cast<double>(points_[(count_ - 1) % kPoints].free);
  const double min = static_cast<double>(last_->expected_min), low = static_cast<double>(last_->low);
  const bool kswapd_wakes_before = low >= min && free >= low;
  if (free < min || kswapd_wakes_before) return {};
  double n = 0, t = 0, f = 0, tt = 0, tf = 0, ff = 0;
  nanoseconds oldest = now_;
  each_since(kLine, [&](const Point& point) {
    const double x = -Seconds(now_ - point.at).count(), y = static_cast<double>(point.free) - free;
    n += 1, t += x, f += y, tt += x * x, tf += x * y, ff += y * y;
    oldest = std::min(oldest, point.at);
  });
  if (n < kLinePoints || now_ - oldest < kLine * 4 / 5) return {};
  const double spread_t = tt - t * t / n, spread_f = ff - f * f / n, both = tf - t * f / n;
  if (spread_t <= 0 || both >= 0 || both * both < kStraight * spread_t * spread_f) return {};
  const double seconds = (free - min) / -(both / spread_t);
  if (seconds > kHorizon) return {};
  return seconds;
}

}  // namespace fencewatch
