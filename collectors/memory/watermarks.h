// What a zone's watermarks ought to be: mm/page_alloc.c __setup_per_zone_wmarks() of the kernel, Documentation/admin-guide/sysctl/vm.rst
// (min_free_kbytes, watermark_scale_factor). Pages that a miscount put into the wrong zone are counted where they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/memory/zoneinfo.h"

namespace fencewatch {

struct KernelVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// "4.19.90-25.16.v2101.ky10.x86_64", as in proc/sys/kernel/osrelease, or the "Linux version 4.19…" of proc/version.
std::optional<KernelVersion> parse_kernel_version(std::string_view text);

struct WatermarkSettings {
  uint64_t min_free_kbytes = 0;
  std::optional<uint64_t> scale_factor;  // since 4.6; without it the gap between two marks is a quarter of min
  long page_size = 4096;                 // 0: not known
  bool movable_apart = false;            // since 6.6 Movable takes no share of min_free_kbytes
};

// Whether Movable is apart: by the version; where that is unknown, by the promo line, which is younger.
bool movable_is_apart(const std::optional<KernelVersion>& version, const Zoneinfo& zoneinfo);

struct Watermarks {
  uint64_t min = 0, low = 0, high = 0, promo = 0;  // without boost
};

// One entry per zone in `out`. False, and nothing in `out`, when the file does not say enough: no managed line before 3.9, fewer managed
// pages than none, or a page size that is not known.
bool expected_watermarks(const Zoneinfo& zoneinfo, const WatermarkSettings& settings, std::vector<Watermarks>& out);

// Printed min without boost ÷ expected min: 1 on a healthy machine, within 5 % as long as nothing was recomputed since boot (the kernel
// computes before it gives boot memory back). Absent for zones that are empty, or too small to tell.
std::optional<double> honoured_ratio(const Zone& zone, const Watermarks& expected);

// Whether the kernel computed the watermarks while zones had other managed pages than now: a balloon takes and gives them back, memory is
// plugged, and the marks stay (adjust_managed_page_count()). Some zone is then far below its due, others are above, all zones together have
// what they are due, and none holds the phantom pages of a miscount. Ratios tell nothing of such marks.
bool are_outdated(const std::vector<Zone>& zones, const std::vector<Watermarks>& expected);

}  // namespace fencewatch
