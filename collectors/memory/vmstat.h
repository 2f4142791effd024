// /proc/vmstat of every kernel since 2.6: mm/vmstat.c vmstat_text[], proc(5). One "key value" a line; which keys there are changes from
// kernel to kernel and what is not printed is absent here, never 0.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/status.h"

namespace fencewatch {

// What we show of it.
enum class Vm : uint8_t {
  allocstall,  // one number before 4.8, then one a zone
  allocstall_dma,
  allocstall_dma32,
  allocstall_normal,
  allocstall_high,
  allocstall_movable,
  allocstall_device,
  balloon_deflate,
  balloon_inflate,
  compact_fail,
  compact_stall,
  compact_success,
  kswapd_high_wmark_hit_quickly,
  kswapd_low_wmark_hit_quickly,
  nr_file_pages,
  oom_kill,
  pageoutrun,
  pgmajfault,
  pgscan_direct,  // this and the next seven: summed over the zones where the kernel prints one each (before 4.8)
  pgscan_khugepaged,
  pgscan_kswapd,
  pgscan_proactive,
  pgsteal_direct,
  pgsteal_khugepaged,
  pgsteal_kswapd,
  pgsteal_proactive,
  workingset_refault,  // both kinds before 5.9
  workingset_refault_anon,
  workingset_refault_file,
};
inline constexpr size_t kVmItems = static_cast<size_t>(Vm::workingset_refault_file) + 1;

class Vmstat {
 public:
  std::optional<uint64_t> operator[](Vm item) const { return items_[static_cast<size_t>(item)]; }
  // False, and nothing changed, when the sum does not fit.
  bool add(Vm item, uint64_t value) {
    auto& sum = items_[static_cast<size_t>(item)];
    if (__builtin_add_overflow(sum.value_or(0), value, &value)) return false;
    sum = value;
    return true;
  }
  void clear() { items_ = {}; }
  // Allocations that had to free memory for themselves, all zones but DMA and DMA32: hardly anything but old devices asks for these.
  std::optional<uint64_t> direct_stalls() const;

 private:
  std::array<std::optional<uint64_t>, kVmItems> items_{};
};

Status parse_vmstat(std::string_view text, Vmstat& out);

}  // namespace fencewatch
