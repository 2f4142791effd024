// One series as a line of the state file:
//   fencewatch_kill_events_total{constraint="memcg"} 3
//   fencewatch_corosync_token_delay_seconds 12.5 2.5:1 5:3 inf:1
// A histogram has its sum and its buckets that are not empty, each counted for itself. In label values \, " and newline are written \\, \"
// and \n. Numbers are the shortest that give the same double again.
#pragma once

#include <prometheus/labels.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fencewatch {

struct SavedSeries {
  std::string_view name;
  prometheus::Labels labels;
  double value = 0;                                   // of a histogram the sum
  std::vector<std::pair<double, uint64_t>> observed;  // upper bound, ascending, and how many
};

std::string to_line(const SavedSeries& series);
// False: damaged. Nothing is said about which names and labels there may be.
bool from_line(std::string_view line, SavedSeries& out);

}  // namespace fencewatch
