// How long corosync waited for its token each time, put together from samples of the time since the last one.
#pragma once

#include <chrono>
#include <optional>

namespace fencewatch {

// A gap is as long as the largest sample in it: one between two samples is not seen, and the end of one is missed by up to the time
// between them. A gap is told once, when a later token is seen.
class TokenGaps {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  // `at`: when corosync answered that its last token was `since` ago. Gives the gap that has ended, if one has.
  std::optional<Milliseconds> see(Clock::time_point at, Milliseconds since) {
    const Clock::time_point token = at - since;
    const bool same = open_ && token < token_ + kSlack;
    const std::optional<Milliseconds> ended = open_ && !same ? std::optional(gap_) : std::nullopt;
    gap_ = same ? std::max(gap_, since) : since;
    if (!same) token_ = token;
    open_ = true;
    return ended;
  }
  void forget() { open_ = false; }

 private:
  static constexpr Milliseconds kSlack{20};  // of an answer's way

  bool open_ = false;
  Clock::time_point token_{};  // when the gap began
  Milliseconds gap_{0};
};

}  // namespace fencewatch
