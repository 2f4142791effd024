// What the state file holds: how far each source and channel has come and what was counted until then, all of one instant.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/base/line.h"
#include "exporter/base/status.h"

namespace fencewatch {

// A line that was counted not long ago, by which another source that tells it again is recognised.
struct Counted {
  int64_t time_us = 0;
  uint64_t hash = 0;  // of its text
  uint32_t times = 1;
};

// How far a channel has come.
struct Mark {
  std::string source;   // that fed it; empty: none did
  int64_t time_us = 0;  // of the last line; 0: unknown
  std::vector<Counted> recent;
};

struct Snapshot {
  std::string boot_id;
  std::vector<std::pair<std::string, std::string>> positions;  // by source
  std::array<Mark, kChannels> marks;
  std::vector<std::pair<std::string, std::string>> counts;    // collector, line of Counts::save()
  std::vector<std::pair<std::string, std::string>> memories;  // collector, Collector::memory()
};

// Lines of text; the first names the version, the last a checksum of those before.
std::string to_text(const Snapshot& snapshot);

// All or nothing. Code::malformed with the line: cut off, damaged, or of a version that is not ours.
Status from_text(std::string_view text, Snapshot& out);

}  // namespace fencewatch
