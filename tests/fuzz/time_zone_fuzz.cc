// A time zone file, and the front of a pasted log: whatever is read has an offset of a day at most, and local times are near to UTC.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "exporter/base/scan.h"
#include "exporter/base/time_zone.h"
#include "exporter/logs/sources/pasted.h"
#include "exporter/node/host_clock.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr int64_t kFarthest = 8 * 86'400;  // a TZ string may name 167 hours
  if (TimeZone zone; TimeZone::parse(text, zone)) {
    for (int64_t time = -2'208'988'800; time < 4'102'444'800; time += 100'000'007) {
      const auto [earlier, later] = zone.utc(time);
      if (earlier > later || std::abs(zone.offset(time)) > kFarthest || std::abs(earlier - time) > kFarthest) std::abort();
    }
  }
  (void)read_date(text);
  const Pasted pasted = Pasted::of(text);
  std::string_view rest = text, line;
  while (scan::next_line(rest, line))
    if (!line.ends_with(pasted.strip(line))) std::abort();
  return 0;
}
