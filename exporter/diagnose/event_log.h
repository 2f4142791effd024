// Keeps what the logs of one node tell: each line that a named pattern matched, and when anything was said at all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/logs/channels.h"
#include "exporter/report/facts.h"

namespace fencewatch {

// Used by one thread. Bounded: of events of one name it keeps kMostInMinute of a minute, and kMost of all; the rest is counted with the
// last that was kept.
class EventLog {
 public:
  static constexpr uint32_t kMostInMinute = 50;
  static constexpr size_t kMost = 200'000;

  // A collector that hands everything on to `collector`, which must outlive it, and lets the log have what its patterns name.
  std::unique_ptr<Collector> listen(Collector& collector);
  // `sources` with an ear on every line that they read, of whatever channel.
  LogSources watched(LogSources sources);

  // Of lines without a time: what is told from now on is of this one. 0: none.
  void assume_time(int64_t time_us) { assumed_us_ = time_us; }

  void take_event(const Match& match, const Pattern& pattern);
  void take_line(const Line& line);

  // Sorted, into `out`.
  void give(Facts& out);

 private:
  uint32_t file_number(std::string_view file);

  int64_t assumed_us_ = 0;
  std::vector<Event> events_;
  struct Minute {
    int64_t minute = 0;
    uint32_t kept = 0;
    size_t last = 0;  // in events_
  };
  std::map<std::string_view, Minute> minutes_;
  std::vector<std::string> files_;
  std::map<std::pair<uint32_t, int64_t>, SignOfLife> life_;  // by file and minute
  uint32_t last_file_ = 0;
};

}  // namespace fencewatch
