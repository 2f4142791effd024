// The free memory in /proc/meminfo, proc(5): the cheapest look at it that there is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/scan.h"

namespace fencewatch {

// KiB of the MemFree line, which is never the first. Absent where the line is not there, not whole, or no number of kB.
inline std::optional<uint64_t> parse_free_memory(std::string_view meminfo) {
  constexpr std::string_view key = "\nMemFree:";
  const size_t at = meminfo.find(key);
  if (at == meminfo.npos) return {};
  std::string_view line = meminfo.substr(at + key.size());
  const size_t end = line.find('\n');
  if (end == line.npos) return {};
  line = line.substr(0, end);
  uint64_t kilobytes = 0;
  if (!scan::number(scan::next_word(line), kilobytes) || scan::next_word(line) != "kB") return {};
  return kilobytes;
}

}  // namespace fencewatch
