// /proc/buddyinfo: mm/vmstat.c frag_show_print(), proc(5). One line a zone, one number an order: how many free blocks of 2^order pages.
// How many orders there are depends on the kernel (11 usually, 14 with 64 KiB pages on arm64).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "exporter/base/status.h"

namespace fencewatch {

struct Buddyinfo {
  struct Zone {
    uint32_t numa_node;
    std::string_view name;  // within the parsed text
    size_t first;           // of its orders in `blocks`
    size_t orders;
  };
  std::vector<Zone> zones;
  std::vector<uint64_t> blocks;

  std::span<const uint64_t> of(const Zone& zone) const { return std::span(blocks).subspan(zone.first, zone.orders); }
};

inline constexpr size_t kMaxOrders = 64;

Status parse_buddyinfo(std::string_view text, Buddyinfo& out);

// Free pages in blocks of an order.
double pages(uint64_t blocks, size_t order);

}  // namespace fencewatch
