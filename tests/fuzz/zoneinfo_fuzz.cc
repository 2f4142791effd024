// The parser of /proc/zoneinfo, and the arithmetic on whatever it lets through.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/memory/watermarks.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Zoneinfo zoneinfo;
  static std::vector<Watermarks> expected;
  if (!parse_zoneinfo({reinterpret_cast<const char*>(data), size}, zoneinfo)) return 0;
  protection_columns(zoneinfo);
  for (const bool movable_apart : {false, true}) {
    if (!expected_watermarks(zoneinfo, {size * 1021, size % 10000, 4096, movable_apart}, expected)) continue;
    if (expected.size() != zoneinfo.zones.size()) std::abort();
    for (size_t i = 0; i < expected.size(); ++i) {
      if (const auto ratio = honoured_ratio(zoneinfo.zones[i], expected[i]); ratio && !(*ratio >= 0)) std::abort();
    }
  }
  return 0;
}
