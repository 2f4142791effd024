#include "exporter/logs/takeover.h"

#include <algorithm>
#include <cstdlib>

namespace fencewatch {

uint64_t Recent::hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

void Recent::add(Counted counted) {
  if (all_.size() == kMost) all_.erase(all_.begin());
  all_.push_back(counted);
}

uint32_t Recent::take(uint64_t hash, int64_t time_us, int64_t slack_us, uint32_t times) {
  for (auto counted = all_.begin(); counted != all_.end() && times > 0;) {
    const bool near = time_us == 0 || counted->time_us == 0 || std::abs(counted->time_us - time_us) <= slack_us;
    if (counted->hash != hash || !near) {
      ++counted;
      continue;
    }
    const uint32_t same = std::min(times, counted->times);
    times -= same;
    counted->times -= same;
    counted = counted->times == 0 ? all_.erase(counted) : counted + 1;
  }
  return times;
}

Takeover::Takeover(Channel channel, int64_t until_us, int64_t since_us, const Recent& recent)
    : until_us_(until_us != 0 ? until_us : since_us),
      slack_us_(takeover_slack_us(channel)),
      backlog_(until_us_ != 0),
      drop_timeless_(until_us != 0),
      settled_(Clock::time_point::max()),
      told_(recent) {}

bool Takeover::is_old(int64_t time_us) const {
  if (!backlog_) return false;
  return time_us == 0 ? drop_timeless_ : time_us < until_us_ - slack_us_;
}

void Takeover::after_read(bool more, Clock::time_point now) {
  if (more) return;
  if (settled_ == Clock::time_point::max()) settled_ = now + kStragglers;
  backlog_ = false;
  if (now >= settled_) told_.clear();
}

}  // namespace fencewatch
