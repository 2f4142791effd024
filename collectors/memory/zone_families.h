// What the collector zone tells.
#pragma once

#include "exporter/exposition/family.h"

namespace fencewatch {

// In the order of kZoneFamilies.
enum {
  kSpanned,
  kPresent,
  kManaged,
  kFree,
  kWatermark,
  kBoost,
  kProtection,
  kMiscount,
  kPhantom,
  kExpected,
  kHonoured,
  kAllPhantom,
  kLeastHonoured,
  kOutdated,
  kZoneStat,
  kNodeStat,
  kBelow,
  kAnyBelow,
  kPhantomReserve,
  kShort,
  kExhausted,
  kSecondsToMin,
  kMinFree,
  kScale,
  kPageSize,
};
inline constexpr Family kZoneFamilies[] = {
    {"fencewatch_zone_spanned_pages", Type::gauge, "Pages from the zone's first to its last, holes included, from /proc/zoneinfo.",
     "numa_node,zone"},
    {"fencewatch_zone_present_pages", Type::gauge, "Pages of memory that are there in the zone, from /proc/zoneinfo.", "numa_node,zone"},
    {"fencewatch_zone_managed_pages", Type::gauge,
     "Pages that the kernel counts as its own to hand out in the zone, from /proc/zoneinfo (since 3.9). A balloon lowers it; below 0 where "
     "a balloon driver before 5.5 gave back to this zone what it had taken from another.",
     "numa_node,zone"},
    {"fencewatch_zone_free_pages", Type::gauge, "Free pages of the zone, from /proc/zoneinfo.", "numa_node,zone"},
    {"fencewatch_zone_watermark_pages", Type::gauge,
     "Watermarks of the zone as printed, boost included, from /proc/zoneinfo: kswapd wakes below low, rests at high; below min "
     "allocations reclaim for themselves.",
     "numa_node,zone,watermark"},
    {"fencewatch_zone_watermark_boost_pages", Type::gauge,
     "What the zone's watermarks are raised by for a while after fragmentation, from /proc/zoneinfo (since 5.16).", "numa_node,zone"},
    {"fencewatch_zone_protection_pages", Type::gauge,
     "Pages of the zone that allocations allowed to use the zone named in `against` must leave free (lowmem_reserve), from /proc/zoneinfo.",
     "numa_node,zone,against"},
    {"fencewatch_zone_miscount", Type::gauge,
     "1 when the kernel counts more pages as managed than are present in the zone, which cannot be. In a zone without memory it is the "
     "miscount of pages that are initialised late (Kylin, openEuler), and watermarks are shared out wrongly; a few in a zone with memory "
     "are "
     "also left by the balloons of virtio and pseries before 5.5. From /proc/zoneinfo.",
     "numa_node,zone"},
    {"fencewatch_zone_phantom_pages", Type::gauge, "Managed pages of the zone beyond those present, from /proc/zoneinfo.",
     "numa_node,zone"},
    {"fencewatch_zone_expected_watermark_pages", Type::gauge,
     "Watermarks that the kernel's formula gives with phantom pages counted where they belong, without boost, from /proc/zoneinfo and "
     "/proc/sys/vm/{min_free_kbytes,watermark_scale_factor}.",
     "numa_node,zone,watermark"},
    {"fencewatch_zone_watermark_honoured_ratio", Type::gauge,
     "Min watermark of the zone without boost, divided by the expected one; 1 within 5 % is healthy, far below it the zone runs dry before "
     "kswapd wakes. Absent where it can tell nothing: see fencewatch_zones_watermarks_outdated. From /proc/zoneinfo and "
     "/proc/sys/vm/{min_free_kbytes,watermark_scale_factor}.",
     "numa_node,zone"},
    {"fencewatch_zones_phantom_pages", Type::gauge,
     "The sum of fencewatch_zone_phantom_pages, 0 on a healthy machine, from /proc/zoneinfo.", ""},
    {"fencewatch_zones_watermark_honoured_ratio_min", Type::gauge,
     "The least of fencewatch_zone_watermark_honoured_ratio, from /proc/zoneinfo and "
     "/proc/sys/vm/{min_free_kbytes,watermark_scale_factor}.",
     ""},
    {"fencewatch_zones_watermarks_outdated", Type::gauge,
     "1 when the kernel computed the watermarks while zones had other managed pages than now, as a balloon or memory hotplug leaves them: "
     "some are far below what the formula gives, and no miscount explains it. The ratios are then not told. From /proc/zoneinfo and "
     "/proc/sys/vm/{min_free_kbytes,watermark_scale_factor}.",
     ""},
    {"fencewatch_zone_stat_pages", Type::gauge, "Pages of the zone by use, the nr_* lines of /proc/zoneinfo.", "numa_node,zone,stat"},
    {"fencewatch_node_stat_pages", Type::gauge, "Pages of the NUMA node by use, the per-node nr_* lines of /proc/zoneinfo (since 4.8).",
     "numa_node,stat"},
    {"fencewatch_zone_below_watermark_seconds_total", Type::counter,
     "Time for which /proc/zoneinfo, looked at several times a second, showed fewer free pages in the zone than the watermark; gaps "
     "between looks are not counted.",
     "numa_node,zone,watermark"},
    {"fencewatch_zones_below_min_seconds_total", Type::counter,
     "Time for which /proc/zoneinfo, looked at several times a second, showed fewer free pages than its min watermark in some zone other "
     "than DMA.",
     ""},
    {"fencewatch_zones_phantom_reserve_pages", Type::gauge,
     "Free pages that user memory may not have because lowmem_reserve keeps them for phantom pages, from /proc/zoneinfo; 0 before 5.8, "
     "which "
     "does not hold ordinary allocations to that reserve.",
     ""},
    {"fencewatch_zones_short_seconds_total", Type::counter,
     "Time for which /proc/zoneinfo, looked at several times a second, showed some zone below its min watermark while all zones but DMA "
     "together had fewer free pages than the sum of their expected min watermarks.",
     ""},
    {"fencewatch_memory_exhausted_seconds_total", Type::counter,
     "Time for which memory was exhausted: in the 15 s before, all zones but DMA together had fewer free pages than the sum of their "
     "expected "
     "min watermarks for more than 9 s, and more than 200 allocations had to free memory for themselves, from /proc/zoneinfo and "
     "/proc/vmstat.",
     ""},
    {"fencewatch_memory_seconds_to_min", Type::gauge,
     "Forecast: time until free memory meets the sum of the zones' expected min watermarks, if it goes on falling as in the last 10 s. "
     "Absent "
     "when it does not fall steadily, is there already or further than 600 s away, and while kswapd will wake before it. From "
     "/proc/zoneinfo "
     "and /proc/meminfo.",
     ""},
    {"fencewatch_min_free_bytes", Type::gauge, "What the zones' min watermarks share, from /proc/sys/vm/min_free_kbytes.", ""},
    {"fencewatch_watermark_scale_factor", Type::gauge,
     "Distance between two watermarks in 1/10000 of the zone, from /proc/sys/vm/watermark_scale_factor (since 4.6).", ""},
    {"fencewatch_page_size_bytes", Type::gauge,
     "Bytes of the pages in which /proc/zoneinfo counts; absent where the files of a collection cannot tell.", ""},
};

}  // namespace fencewatch
