// Where one source of a channel takes over from another: what the earlier one handed on is recognised when the later one tells it again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "exporter/logs/state/snapshot.h"

namespace fencewatch {

// How far the times that two sources give to the same line may be apart. kmsg has a clock of its own, which drifts.
constexpr int64_t takeover_slack_us(Channel channel) { return channel == Channel::kernel ? 60'000'000 : 2'000'000; }

// The counted lines of a channel that another source may tell again, the oldest first.
class Recent {
 public:
  static constexpr size_t kMost = 128;
  static uint64_t hash(std::string_view text);  // FNV-1a: the same in every version, for it is in the state file

  void add(Counted counted);
  const std::vector<Counted>& all() const { return all_; }
  void assign(std::vector<Counted> all) { all_ = std::move(all); }
  void clear() { all_.clear(); }
  // Of `times` lines of this text those that are not here yet; the others are taken out. A time of 0 is near to all.
  uint32_t take(uint64_t hash, int64_t time_us, int64_t slack_us, uint32_t times);

 private:
  std::vector<Counted> all_;
};

class Takeover {
 public:
  using Clock = std::chrono::steady_clock;

  Takeover() = default;  // there is none: everything is new
  // The channel has come to `until_us`, 0 if it never had a line, and counted `recent` on the way. The later source may begin with older
  // lines. `since_us`: no line is older when nothing was counted, e.g. the time at which the file was not there yet.
  Takeover(Channel channel, int64_t until_us, int64_t since_us, const Recent& recent);

  // Whether a line of this time was handed on before, as far as its time tells.
  bool is_old(int64_t time_us) const;
  // How many of the `times` counted lines are new.
  uint32_t fresh(uint64_t hash, int64_t time_us, uint32_t times) { return told_.take(hash, time_us, slack_us_, times); }
  // After each read; `more`: the source has not come to its end yet. From then on its times are not asked, and a little later, when
  // stragglers have come in, its texts neither.
  void after_read(bool more, Clock::time_point now);

 private:
  static constexpr std::chrono::seconds kStragglers{10};

  int64_t until_us_ = 0;
  int64_t slack_us_ = 0;
  bool backlog_ = false;
  bool drop_timeless_ = false;
  Clock::time_point settled_{};
  Recent told_;
};

}  // namespace fencewatch
