#include "exporter/logs/channels.h"

#include <algorithm>
#include <utility>

#include "exporter/base/log.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/sources/syslog.h"

namespace fencewatch {
namespace {

constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{60};
constexpr std::chrono::seconds kSilence{60};  // until one in which nobody spoke is asked again
constexpr std::chrono::seconds kRest{5};      // until a file that rests is looked at again

bool is_plain(Channel channel) { return static_cast<int>(channel) >= kChannels; }

bool health_failure(Code code) { return code != Code::ok && code != Code::missing; }

std::string shown(const std::string& source) { return source.starts_with(kPlain) ? source.substr(kPlain.size()) : source; }

}  // namespace

// A source by its name, open or not.
struct Channels::SourceEntry {
  std::string name;
  std::unique_ptr<Source> source;  // null: closed
  std::string position;            // where it was when it was open
  Clock::time_point retry_at{};
  Clock::time_point opened_at{};
  std::chrono::seconds pause = kFirstPause;
  int64_t missing_since_us = 0;  // it was not there when it was tried first
  bool caught_up = false;
  Code told = Code::ok;  // what was logged of it last
};

Channels::Channels(LogSources sources, Boot boot, Matcher& matcher, std::function<int64_t()> now_us)
    : sources_(std::move(sources)), boot_(std::move(boot)), matcher_(matcher), now_us_(std::move(now_us)) {
  for (size_t i = 0; i < kAllChannels; ++i) {
    const auto channel = static_cast<Channel>(i);
    if (!matcher.wants(channel) || (is_plain(channel) && sources_.order[i].empty())) continue;
    numbers_.names[i] = i < kChannels ? name(channel) : shown(sources_.order[i].front());
    ChannelFeed& feed = feeds_.emplace_back();
    feed.channel = channel;
    for (const std::string& name : sources_.order[i]) feed.order.push_back(&held(name));
  }
}

Channels::~Channels() = default;

Channels::SourceEntry& Channels::held(const std::string& name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&name](const SourceEntry& h) { return h.name == name; });
  if (found != entries_.end()) return *found;
  entries_.emplace_back();
  entries_.back().name = name;
  return entries_.back();
}

void Channels::restore(const Snapshot& snapshot) {
  restored_boot_ = snapshot.boot_id;
  for (SourceEntry& held : entries_)
    for (const auto& [name, position] : snapshot.positions)
      if (held.name == name) held.position = position;
  for (ChannelFeed& feed : feeds_) {
    if (is_plain(feed.channel)) continue;
    const Mark& mark = snapshot.marks[static_cast<size_t>(feed.channel)];
    feed.mark_source = mark.source;
    feed.mark_us = mark.time_us;
    feed.recent.assign(mark.recent);
  }
}

bool Channels::save(Snapshot& out) const {
  out.boot_id = boot_.id;
  out.positions.clear();
  for (const SourceEntry& held : entries_) out.positions.emplace_back(held.name, held.source ? held.source->position() : held.position);
  for (const ChannelFeed& feed : feeds_) {
    if (feed.earlier.held) return false;
    if (is_plain(feed.channel)) continue;  // its position tells all: no other source can take over
    out.marks[static_cast<size_t>(feed.channel)] = {feed.mark_source, feed.mark_us, feed.recent.all()};
  }
  return true;
}

// ---- Which source ---------------------------------------------------------------------------------------------------------------

// From where the source must be read so that no channel misses what it has not had.
std::string Channels::start_of(const SourceEntry& held) const {
  if (!held.position.empty()) return held.position;
  int64_t since_us = 0;
  for (const ChannelFeed& feed : feeds_) {
    if (std::find(feed.order.begin(), feed.order.end(), &held) == feed.order.end()) continue;
    const int64_t its = feed.mark_us != 0 ? feed.mark_us - takeover_slack_us(feed.channel) : held.missing_since_us;
    if (its != 0 && (since_us == 0 || its < since_us)) since_us = its;
  }
  if (since_us == 0 && !sources_.oldest) return "";
  return std::string("@").append(std::to_string(since_us));
}

// What a source or a library below it throws is a fault of that source.
Status Channels::try_open(SourceEntry& held) {
  try {
    held.source = sources_.make(held.name);
    return held.source ? held.source->open(start_of(held)) : Status{Code::missing};
  } catch (const std::exception&) {
    return {Code::internal, 0, {}, "an exception while opening"};
  }
}

Status Channels::try_read(SourceEntry& held, size_t max, bool& more) {
  try {
    return held.source->read(*this, max, more);
  } catch (const std::exception&) {
    return {Code::internal, 0, {}, "an exception while reading"};
  }
}

bool Channels::open(SourceEntry& held, Clock::time_point now) {
  if (held.source) return true;
  if (now < held.retry_at) return false;
  if (const Status status = try_open(held); !status) {
    if (status.code == Code::missing && held.opened_at == Clock::time_point{} && held.missing_since_us == 0)
      held.missing_since_us = now_us_();
    failed(held, status, now);
    return false;
  }
  held.opened_at = now;
  held.caught_up = false;
  held.told = Code::ok;
  return true;
}

// The status may speak of what the source holds.
void Channels::failed(SourceEntry& held, const Status& status, Clock::time_point now) {
  if (held.told != status.code && status.code == Code::missing)
    log::debug("log source is not there", {{"source", held.name}});
  else if (held.told != status.code)
    log::warn("log source failed", {{"source", held.name}, {"reason", name(status.code)}, {"file", status.file}, {"text", status.text}});
  held.told = status.code;
  held.source.reset();
  held.retry_at = now + held.pause;
  held.pause = std::min(2 * held.pause, kLongestPause);
  for (ChannelFeed& feed : feeds_) {
    if (feed.live.held == &held) feed.live = {};
    if (feed.earlier.held == &held) feed.earlier = {};
  }
}

void Channels::activate(ChannelFeed& feed, SourceEntry& held) {
  const bool goes_on = feed.mark_source == held.name && !held.position.empty();
  feed.live = {&held, {}, 0};
  if (!goes_on) feed.live.takeover = Takeover(feed.channel, feed.mark_us, held.missing_since_us, feed.recent);
  feed.mark_source = held.name;
  feed.told_none = feed.heard = false;
  changed_ = true;
  numbers_.sources[static_cast<size_t>(feed.channel)] = shown(held.name);
  log::info("log source", {{"channel", name(feed.channel)}, {"source", held.name}});
}

// Whether it is a file that nobody has written to since this boot, and holds nothing that is still to be read.
bool Channels::rests(const ChannelFeed& feed, const SourceEntry& held) const {
  const bool goes_on = feed.mark_source == held.name && !held.caught_up;
  const int64_t written_us = held.source->written_us();
  return written_us != 0 && written_us < boot_.start_us && !goes_on;
}

// A log that fed the channel before is empty after its rotation: that is no reason to leave it, but for one from which its speaker moved.
bool Channels::is_silent(ChannelFeed& feed, const SourceEntry& held, Clock::time_point now) const {
  if (const auto found = feed.silent.find(&held); found != feed.silent.end() && now < found->second) return true;
  if (sources_.oldest || &held == feed.live.held || feed.mark_source == held.name) return false;
  const bool speaks = held.source->speaks(feed.channel);
  if (!speaks) feed.silent[&held] = now + kSilence;
  return !speaks;
}

// Why a source that is there does not work. The logs of many programs are missed only where the speaker is on this machine.
void Channels::note_fault(ChannelFeed& feed, const SourceEntry& held) const {
  if (!health_failure(held.told) || feed.fault != Code::ok) return;
  const bool own = is_plain(feed.channel) || (held.name.starts_with('/') && held.name.find(name(feed.channel)) != held.name.npos);
  if (own || sources_.expected[static_cast<size_t>(feed.channel)]) feed.fault = held.told;
}

// A source in which nobody speaks does not stand in for one that cannot be read.
Code Channels::fault(const ChannelFeed& feed) const {
  const bool fed = feed.live.held && (feed.heard || !feed.silent.contains(feed.live.held));
  return fed ? Code::ok : feed.fault;
}

void Channels::choose(ChannelFeed& feed, Clock::time_point now) {
  SourceEntry* resting = nullptr;
  feed.fault = Code::ok;
  for (SourceEntry* const candidate : feed.order) {
    if (candidate != feed.live.held && !open(*candidate, now)) {
      note_fault(feed, *candidate);
      continue;
    }
    if (rests(feed, *candidate) || is_silent(feed, *candidate, now)) {
      candidate->retry_at = now + kRest;
      if (!resting) resting = candidate;
    } else {
      if (candidate != feed.live.held) activate(feed, *candidate);
      return;
    }
  }
  if (resting && !feed.live.held) activate(feed, *resting);
  if (feed.live.held || feed.told_none) return;
  feed.told_none = true;
  numbers_.sources[static_cast<size_t>(feed.channel)].clear();
  log::info("no log source for this channel", {{"channel", name(feed.channel)}});
}

void Channels::look_before_boot(ChannelFeed& feed, Clock::time_point now) {
  if (feed.mark_source != kKmsg || feed.mark_us == 0) return;
  for (SourceEntry* const candidate : feed.order) {
    if (candidate->name == kKmsg || !open(*candidate, now)) continue;
    feed.earlier = {candidate, Takeover(feed.channel, feed.mark_us, 0, feed.recent), boot_.start_us};
    log::info("looking for the end of the boot before", {{"channel", name(feed.channel)}, {"source", candidate->name}});
    return;
  }
}

void Channels::close_unused() {
  for (SourceEntry& held : entries_) {
    const bool used = std::any_of(feeds_.begin(), feeds_.end(),
                                  [&held](const ChannelFeed& f) { return f.live.held == &held || f.earlier.held == &held; });
    if (used || !held.source) continue;
    held.position = held.source->position();
    held.source.reset();
  }
}

// ---- Lines ----------------------------------------------------------------------------------------------------------------------

Channels::FeedInput* Channels::input(ChannelFeed& feed) {
  return feed.live.held == reading_ ? &feed.live : feed.earlier.held == reading_ ? &feed.earlier : nullptr;
}

void Channels::line(const Line& line) {
  if (line.time_us != 0) last_line_us_ = line.time_us;
  const auto feed = std::find_if(feeds_.begin(), feeds_.end(), [&line](const ChannelFeed& f) { return f.channel == line.channel; });
  if (feed == feeds_.end()) return;
  FeedInput* const from = input(*feed);
  if (!from || from->takeover.is_old(line.time_us)) return;
  if (from->before_us != 0 && (line.time_us == 0 || line.time_us >= from->before_us)) return;
  feed->heard = feed->heard || !syslog::is_about_logging(line.text);
  ++numbers_.lines[static_cast<size_t>(line.channel)];
  numbers_.bytes += line.text.size();
  // A line that has just come is of now, whatever the clock of its source says.
  const int64_t time_us = reading_->caught_up ? read_at_us_ : line.time_us;
  if (from == &feed->live && time_us != 0) feed->mark_us = time_us;
  if (matcher_.find(line) == 0) return;
  Line fresh = line;
  const uint64_t hash = Recent::hash(line.text);
  fresh.repeated = from->takeover.fresh(hash, line.time_us, line.repeated);
  if (fresh.repeated == 0) return;
  feed->recent.add({time_us, hash, fresh.repeated});
  matcher_.tell(fresh);
  changed_ = true;
}

void Channels::lost(Channel channel, std::string_view reason, uint64_t lines) {
  for (ChannelFeed& feed : feeds_) {
    if (feed.channel != channel || !input(feed)) continue;
    numbers_.lost[{channel, std::string(reason)}] += lines;
    numbers_.last_lost_us[static_cast<size_t>(channel)] = read_at_us_;
  }
}

void Channels::after_read(SourceEntry& held, Clock::time_point now, bool more) {
  for (ChannelFeed& feed : feeds_) {
    if (feed.live.held == &held) {
      feed.live.takeover.after_read(more, now);
      if (!more && feed.mark_us == 0 && !sources_.oldest) feed.mark_us = read_at_us_;  // no line yet, and none missed
      if (!more && !feed.heard && sources_.oldest) go_on(feed);
    }
    if (feed.earlier.held == &held && !more) feed.earlier = {};
  }
}

// To the next source that is there, from its beginning: it may be one that has fed other channels already. The one before stays where there
// is none.
void Channels::go_on(ChannelFeed& feed) {
  feed.silent[feed.live.held] = Clock::time_point::max();
  for (SourceEntry*& candidate : feed.order) {
    if (feed.silent.contains(candidate)) continue;
    entries_.emplace_back();
    SourceEntry& own = entries_.back();
    own.name = candidate->name;
    if (!open(own, Clock::now())) {
      feed.silent[candidate] = Clock::time_point::max();
      continue;
    }
    candidate = &own;
    activate(feed, own);
    more_ = true;
    return;
  }
}

bool Channels::read(SourceEntry& held, Clock::time_point now, size_t max) {
  bool more = false;
  reading_ = &held;
  read_at_us_ = now_us_();
  last_line_us_ = 0;
  const Status status = try_read(held, max, more);
  if (!status) {
    held.position = held.source->position();
    if (now - held.opened_at > 2 * held.pause) held.pause = kFirstPause;
    failed(held, status, now);
    return true;  // another may take over at once
  }
  if (held.source->late()) return false;
  after_read(held, now, more);
  held.caught_up = !more;
  if (more && last_line_us_ != 0)
    numbers_.lag_seconds = std::max(numbers_.lag_seconds, static_cast<double>(read_at_us_ - last_line_us_) / 1e6);
  return more;
}

bool Channels::step(Clock::time_point now, size_t max) {
  for (ChannelFeed& feed : feeds_) choose(feed, now);
  if (!looked_back_ && !restored_boot_.empty() && restored_boot_ != boot_.id)
    for (ChannelFeed& feed : feeds_) look_before_boot(feed, now);
  looked_back_ = true;
  close_unused();
  numbers_.lag_seconds = 0;
  more_ = false;
  for (SourceEntry& held : entries_)
    if (held.source && read(held, now, max)) more_ = true;
  for (const ChannelFeed& feed : feeds_) {
    const auto channel = static_cast<size_t>(feed.channel);
    numbers_.faults[channel] = fault(feed);
    numbers_.unread[channel] = feed.live.held && feed.live.held->source ? feed.live.held->source->unread() : -1;
  }
  return more_;
}

void Channels::add_descriptors(std::vector<pollfd>& out) const {
  for (const SourceEntry& held : entries_)
    if (held.source && held.source->fd() >= 0) out.push_back({held.source->fd(), POLLIN, 0});
}

const LogStats& Channels::numbers() {
  numbers_.fallbacks = matcher_.fallbacks();
  return numbers_;
}

}  // namespace fencewatch
