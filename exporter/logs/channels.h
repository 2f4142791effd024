// Which source feeds which channel: of each channel's sources the first that works, and no other, so that nothing is counted twice.
//
// When a source fails, the next takes over; a better one is tried again after a pause and takes over from it in turn. takeover.h is what
// keeps the two from counting a line both.
//
// A file in which nobody has said anything on the channel is passed over while another source works: an empty one, one of other programs,
// or one from which the speaker moved away. --once reads it to its end and goes on with the next.
//
// A file that nobody has written to since this boot is passed over while another source works: it may be what is left of an older
// configuration, beside a journal in which the daemon is alive. What it held when it was followed last is read to its end first, and when
// it is written to again, it takes over within seconds.
//
// After a reboot the kernel's lines that /dev/kmsg no longer has are looked for in the other sources,
// up to the beginning of this boot.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/status.h"
#include "exporter/logs/log_stats.h"
#include "exporter/logs/sources/source.h"
#include "exporter/logs/state/snapshot.h"
#include "exporter/logs/takeover.h"

namespace fencewatch {

class Matcher;

inline constexpr std::string_view kKmsg = "kmsg";    // the source that holds nothing but this boot
inline constexpr std::string_view kPlain = "file:";  // and a path: the only source of a plain file

struct LogSources {
  std::array<std::vector<std::string>, kAllChannels> order;         // names, the best first
  std::function<std::unique_ptr<Source>(const std::string&)> make;  // null: there is no such source here
  bool oldest = false;                                              // where there is no position: from the oldest line on
  // Of each channel, whether its speaker is on this machine: then a source that is there and cannot be read is missed.
  std::array<bool, kChannels> expected{};
};

struct Boot {
  std::string id;
  int64_t start_us = 0;
};

// Used by the reading thread alone.
class Channels final : private Sink {
 public:
  using Clock = std::chrono::steady_clock;

  // `matcher` must outlive it. Channels without a pattern are not read. `now_us` tells Unix time.
  Channels(LogSources sources, Boot boot, Matcher& matcher, std::function<int64_t()> now_us);
  ~Channels() override;

  void restore(const Snapshot& snapshot);  // before the first step()
  // Positions, marks and boot. False while lines of the boot before are being looked for: what was restored still holds.
  bool save(Snapshot& out) const;

  // Opens, takes over, reads: at most `max` lines of each source. True: there is more at once.
  bool step(Clock::time_point now, size_t max);

  // Whether something was counted since the last call, or a channel got another source: worth keeping at once.
  bool changed() { return std::exchange(changed_, false); }
  void add_descriptors(std::vector<pollfd>& out) const;
  const LogStats& numbers();

 private:
  struct SourceEntry;
  struct FeedInput {
    SourceEntry* held = nullptr;
    Takeover takeover;
    int64_t before_us = 0;  // not 0: only lines that are older
  };
  struct ChannelFeed {
    Channel channel;
    std::vector<SourceEntry*> order;
    FeedInput live, earlier;  // earlier: what tells the end of the boot before
    std::string mark_source;
    int64_t mark_us = 0;
    Recent recent;
    bool told_none = false;
    bool heard = false;                                      // something was said in it by the source that feeds it
    std::map<const SourceEntry*, Clock::time_point> silent;  // nothing was said in it there; asked again then
    Code fault = Code::ok;  // of a better source than the one that feeds it, which is there and cannot be read
  };

  void line(const Line& line) override;
  void lost(Channel channel, std::string_view reason, uint64_t lines) override;
  void rotated() override { ++numbers_.rotations; }
  void truncated() override { ++numbers_.truncations; }

  SourceEntry& held(const std::string& name);
  FeedInput* input(ChannelFeed& feed);
  void choose(ChannelFeed& feed, Clock::time_point now);
  bool rests(const ChannelFeed& feed, const SourceEntry& held) const;
  bool is_silent(ChannelFeed& feed, const SourceEntry& held, Clock::time_point now) const;
  void go_on(ChannelFeed& feed);
  void note_fault(ChannelFeed& feed, const SourceEntry& held) const;
  Code fault(const ChannelFeed& feed) const;
  bool open(SourceEntry& held, Clock::time_point now);
  std::string start_of(const SourceEntry& held) const;
  void activate(ChannelFeed& feed, SourceEntry& held);
  void look_before_boot(ChannelFeed& feed, Clock::time_point now);
  Status try_open(SourceEntry& held);
  Status try_read(SourceEntry& held, size_t max, bool& more);
  bool read(SourceEntry& held, Clock::time_point now, size_t max);
  void after_read(SourceEntry& held, Clock::time_point now, bool more);
  void failed(SourceEntry& held, const Status& status, Clock::time_point now);
  void close_unused();

  const LogSources sources_;
  const Boot boot_;
  Matcher& matcher_;
  const std::function<int64_t()> now_us_;
  std::list<SourceEntry> entries_;
  std::vector<ChannelFeed> feeds_;
  std::string restored_boot_;
  bool looked_back_ = false;

  SourceEntry* reading_ = nullptr;
  int64_t read_at_us_ = 0;
  int64_t last_line_us_ = 0;  // of the source that is being read
  bool changed_ = false;
  bool more_ = false;
  LogStats numbers_;
};

}  // namespace fencewatch
