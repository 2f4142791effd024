// What the logs told in the last minutes of the boot before this one. A fence leaves no time for a scrape: what was heard is kept in the
// state file, and what only the logs have kept is read after the boot.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/memory/oom_log.h"
#include "exporter/collect/collector.h"

namespace fencewatch {

// on_event(), memory() and remember() on the reading thread, the others on the collecting one.
class BootEvents {
 public:
  static constexpr size_t kEvents = 11;
  static constexpr int64_t kMinutes = 10;  // before the end of a boot, which is known to a minute
  using Counted = std::array<uint32_t, kEvents>;

  BootEvents();

  static std::string_view name(size_t event);  // as in the label `event`
  std::span<const Pattern> patterns() const { return patterns_; }
  void on_event(const Match& match);

  // This boot, its id and its beginning in seconds since 1970. What is remembered of another boot is the previous one's.
  void booted(std::string_view id, int64_t seconds);
  // Null: nothing is known, e.g. because the exporter did not run then.
  std::optional<Counted> previous() const;

  // As Collector::memory(); `now_s` is the time, by which the end of this boot will be known.
  std::string memory(int64_t now_s) const;
  void remember(std::string_view memory);

 private:
  void happened(size_t event, int64_t time_us, uint32_t times);

  const std::vector<Pattern> patterns_;
  mutable std::mutex mutex_;
  OomLog oom_;
  std::string boot_;                    // whose minutes_ are; empty: not known yet
  int64_t booted_ = 0;                  // seconds since 1970
  int64_t alive_ = 0;                   // minute in which boot_ was remembered
  std::map<int64_t, Counted> minutes_;  // since 1970, the last ones
  int64_t previous_end_ = 0;            // a minute; 0: the previous boot is not known
  Counted previous_{};
};

}  // namespace fencewatch
