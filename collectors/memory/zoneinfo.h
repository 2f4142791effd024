// /proc/zoneinfo of every kernel since 2.6: mm/vmstat.c zoneinfo_show_print(), proc(5). All values are pages.
// Layouts differ: what a kernel does not print is absent here, never 0.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "exporter/base/status.h"

namespace fencewatch {

// The nr_* lines that we show, without nr_, sorted. Only what is counted in pages on every kernel: nr_kernel_stack is KiB since 4.8 and
// stacks before, *_hugepages change their unit, nr_written and its kin are events.
inline constexpr std::string_view kZoneStats[] = {
    "active_anon",
    "active_file",
    "anon_pages",
    "balloon_pages",
    "dirty",
    "file_pages",
    "free_cma",
    "hugetlb",
    "inactive_anon",
    "inactive_file",
    "isolated_anon",
    "isolated_file",
    "kernel_misc_reclaimable",
    "mapped",
    "mlock",
    "page_table_pages",
    "sec_page_table_pages",
    "shmem",
    "slab_reclaimable",
    "slab_unreclaimable",
    "swapcached",
    "unevictable",
    "writeback",
    "zone_active_anon",
    "zone_active_file",
    "zone_inactive_anon",
    "zone_inactive_file",
    "zone_unevictable",
    "zone_write_pending",
    "zspages",
};
inline constexpr size_t kZoneStatCount = std::size(kZoneStats);
static_assert(std::is_sorted(std::begin(kZoneStats), std::end(kZoneStats)) && kZoneStatCount <= 64);

class ZoneStats {
 public:
  bool has(size_t stat) const { return present_ >> stat & 1; }
  uint64_t operator[](size_t stat) const { return value_[stat]; }
  void set(size_t stat, uint64_t value) { present_ |= uint64_t{1} << stat, value_[stat] = value; }

 private:
  uint64_t present_ = 0;
  std::array<uint64_t, kZoneStatCount> value_;
};

// MAX_NR_ZONES is at most 6 upstream; vendors added two.
inline constexpr size_t kMaxZonesOfNode = 8;

struct Zone {
  uint32_t numa_node = 0;
  std::string_view name;  // into the text that was parsed
  std::optional<uint64_t> free, boost, min, low, high, promo, spanned, present;
  // Printed unsigned: below 0 where a balloon gave back more pages than it had taken from this zone (before 5.5).
  std::optional<int64_t> managed;
  uint8_t protections = 0;
  std::array<uint64_t, kMaxZonesOfNode> protection{};
  ZoneStats stats;

  bool populated() const { return present.value_or(0) > 0; }
  // Pages counted as managed that are not there: mmzone.h says managed <= present.
  uint64_t phantom() const {
    if (!managed || !present || *managed < 0) return 0;
    const uint64_t pages = static_cast<uint64_t>(*managed);
    return pages > *present ? pages - *present : 0;
  }
  // Late initialisation counted a whole zone here (Kylin, openEuler). A balloon that books pages to the wrong zone adds a few to real ones.
  bool mostly_phantom() const { return phantom() > present.value_or(0); }
};

struct NumaNodeStats {
  uint32_t numa_node = 0;
  ZoneStats stats;
};

struct Zoneinfo {
  std::vector<Zone> zones;           // as printed: nodes ascending, a node's zones from low to high
  std::vector<NumaNodeStats> nodes;  // those that print per-node stats (since 4.8)

  bool prints_promo() const { return !zones.empty() && zones.front().promo.has_value(); }
};

// Allocates nothing when `out` has held as many zones before. `text` must outlive the use of `out`.
Status parse_zoneinfo(std::string_view text, Zoneinfo& out);

// Letters, digits and _, and few of them: text of which labels can be made.
bool is_zone_name(std::string_view text);

// The zone that each column of `protection:` is about. Kernels before 4.13 print populated zones only: then the columns are the zones that
// such a kernel can have been built with, and one that this leaves open is empty. Names are literals or lie in the parsed text.
using ColumnNames = std::array<std::string_view, kMaxZonesOfNode>;
ColumnNames protection_columns(const Zoneinfo& zoneinfo);

}  // namespace fencewatch
