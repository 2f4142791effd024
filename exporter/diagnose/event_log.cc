#include "exporter/diagnose/event_log.h"

#include <algorithm>
#include <utility>

#include "exporter/diagnose/event_listener.h"

namespace fencewatch {
namespace {

constexpr int64_t kMinute = 60'000'000;

// Hands on what another sink gets.
class Ear final : public Sink {
 public:
  Ear(Sink& sink, EventLog& log) : sink_(sink), log_(log) {}
  void line(const Line& line) override {
    log_.take_line(line);
    sink_.line(line);
  }
  void lost(Channel channel, std::string_view reason, uint64_t lines) override { sink_.lost(channel, reason, lines); }
  void rotated() override { sink_.rotated(); }
  void truncated() override { sink_.truncated(); }

 private:
  Sink& sink_;
  EventLog& log_;
};

class WatchedSource final : public Source {
 public:
  WatchedSource(std::unique_ptr<Source> source, EventLog& log) : source_(std::move(source)), log_(log) {}
  std::string_view name() const override { return source_->name(); }
  Status open(std::string_view position) override { return source_->open(position); }
  Status read(Sink& sink, size_t max, bool& more) override {
    Ear ear(sink, log_);
    return source_->read(ear, max, more);
  }
  int fd() const override { return source_->fd(); }
  int64_t written_us() const override { return source_->written_us(); }
  std::string position() const override { return source_->position(); }

 private:
  std::unique_ptr<Source> source_;
  EventLog& log_;
};

}  // namespace

std::unique_ptr<Collector> EventLog::listen(Collector& collector) {
  return listening_with(collector, [this](const Match& match, const Pattern& pattern) { take_event(match, pattern); });
}

LogSources EventLog::watched(LogSources sources) {
  sources.make = [this, make = std::move(sources.make)](const std::string& name) -> std::unique_ptr<Source> {
    std::unique_ptr<Source> source = make(name);
    return source ? std::make_unique<WatchedSource>(std::move(source), *this) : nullptr;
  };
  return sources;
}

void EventLog::take_event(const Match& match, const Pattern& pattern) {
  if (pattern.event.empty()) return;
  const int64_t time_us = match.line.time_us != 0 ? match.line.time_us : assumed_us_;
  Minute& minute = minutes_[pattern.event];
  if (minute.minute != time_us / kMinute) minute = {time_us / kMinute, 0, 0};
  const bool room = minute.kept < kMostInMinute && (events_.size() < kMost || minute.kept == 0);
  if (!room) {
    if (minute.kept > 0) events_[minute.last].repeated += match.line.repeated;
    return;
  }
  ++minute.kept;
  minute.last = events_.size();
  events_.push_back({.time_us = time_us,
                     .name = pattern.event,
                     .channel = match.line.channel,
                     .repeated = match.line.repeated,
                     .file = std::string(match.line.file),
                     .line = match.line.number,
                     .text = std::string(match.line.text),
                     .fields = named_groups(pattern.fields, match.groups)});
}

uint32_t EventLog::file_number(std::string_view file) {
  if (last_file_ < files_.size() && files_[last_file_] == file) return last_file_;
  const auto found = std::find(files_.begin(), files_.end(), file);
  last_file_ = static_cast<uint32_t>(found - files_.begin());
  if (found == files_.end()) files_.emplace_back(file);
  return last_file_;
}

void EventLog::take_line(const Line& line) {
  if (line.time_us == 0) return;
  SignOfLife& sign = life_[{file_number(line.file), line.time_us / kMinute}];
  if (sign.first_us == 0) sign = {line.time_us, line.time_us, line.number, last_file_};
  // A line may be out of order, and the first of a boot has the time of a clock that was not set yet.
  sign.first_us = std::min(sign.first_us, line.time_us);
  if (line.time_us >= sign.last_us) sign.last_us = line.time_us, sign.last_line = line.number;
}

void EventLog::give(Facts& out) {
  std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) { return a.time_us < b.time_us; });
  out.events = std::move(events_);
  out.files = std::move(files_);
  out.life.clear();
  for (const auto& [key, sign] : life_) out.life.push_back(sign);
  std::stable_sort(out.life.begin(), out.life.end(), [](const SignOfLife& a, const SignOfLife& b) { return a.last_us < b.last_us; });
}

}  // namespace fencewatch
