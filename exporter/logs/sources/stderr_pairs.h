// A daemon that logs to syslog and to stderr says everything twice, and both end in the journal (corosync.conf: to_stderr and to_syslog).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "exporter/base/line.h"

namespace fencewatch {

// Pairs what is said on one way with the same words on the other, a few seconds apart at most, whichever comes first. What comes on one
// way only is never paired, so it matters not which of them is on, nor when that is changed.
class StderrPairs {
 public:
  enum class Way : uint8_t { none, syslog, stderr_ };

  // False: this is the second of a pair.
  bool is_new(Channel channel, Way way, std::string_view text, int64_t time_us);

  static constexpr size_t kKept = 256;

 private:
  struct Said {
    uint64_t hash = 0;
    int64_t time_us = 0;
    Way way = Way::none;
  };
  std::array<Said, kKept> ring_;
  size_t next_ = 0;
};

}  // namespace fencewatch
