// What the reading of logs tells of itself: log_*.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "exporter/base/line.h"
#include "exporter/base/status.h"
#include "exporter/exposition/page.h"

namespace fencewatch {

struct LogStats {
  std::array<std::string, kAllChannels> names;  // empty: no pattern asks for it
  std::array<uint64_t, kAllChannels> lines{};
  std::array<std::string, kAllChannels> sources;  // empty: none works
  std::array<Code, kAllChannels> faults{};        // why none works, where one is there and cannot be read; ok: nothing is wrong
  std::map<std::pair<Channel, std::string>, uint64_t> lost;
  std::array<int64_t, kAllChannels> last_lost_us{};  // by the exporter's clock; 0: never
  uint64_t bytes = 0, rotations = 0, truncations = 0, fallbacks = 0;
  std::array<int64_t, kAllChannels> unread{};  // bytes of the source that feeds it; -1: not known
  double lag_seconds = 0;
};

void write(const LogStats& numbers, Page& page);
std::span<const Family> log_families();  // with state_saved_timestamp_seconds, which is written last
void write_saved(int64_t saved_us, Page& page);

}  // namespace fencewatch
