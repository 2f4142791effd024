// Collectors that keep what they hear, and Sources that say what a test tells them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/logs/channels.h"
#include "exporter/logs/sources/source.h"

namespace fencewatch::test {

// Hears its patterns and notes "pattern:text" or what `note` makes of the match.
class Hearer : public Collector {
 public:
  explicit Hearer(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {}
  Status collect(const Node&, Page&) override { return {}; }
  std::span<const Pattern> patterns() const override { return patterns_; }
  void on_event(const Match& match) override {
    std::string note = std::to_string(match.pattern) + ":" + std::string(match.line.text);
    for (const std::string_view group : match.groups) note += "|" + std::string(group);
    heard.push_back(std::move(note));
    if (then) then(match);
  }

  std::vector<std::string> heard;
  std::function<void(const Match&)> then;

 private:
  std::vector<Pattern> patterns_;
};

inline Pattern kernel_pattern(std::string_view expression, std::string_view example = {}) { return {Channel::kernel, expression, example}; }
inline Line kernel_line(std::string_view text, int64_t time_us = 0) { return {Channel::kernel, text, "kernel", time_us, 1}; }

// What a FakeSource tells. Lives longer than the sources.
struct FakeLog {
  struct Entry {
    int64_t time_us;
    std::string text;
    Channel channel = Channel::kernel;
    uint32_t repeated = 1;
  };
  std::vector<Entry> lines;
  Status opens, reads;              // what open() and read() return when it is no success
  bool throws = false;              // instead
  bool from_end = false;            // open("") goes to the end, as a file's does
  std::string id = "id";            // positions of another one are not known
  uint64_t loses = 0;               // at the next read
  bool silent = false;              // as Source::speaks(), of every channel
  int64_t written_us = 0;           // as Source::written_us()
  std::vector<std::string> opened;  // with these positions
  int alive = 0;

  void add(int64_t time_us, std::string text, Channel channel = Channel::kernel) { lines.push_back({time_us, std::move(text), channel}); }
};

class FakeSource : public Source {
 public:
  FakeSource(std::string name, FakeLog& log) : name_(std::move(name)), log_(log) { ++log_.alive; }
  ~FakeSource() override { --log_.alive; }
  std::string_view name() const override { return name_; }
  Status open(std::string_view position) override {
    log_.opened.emplace_back(position);
    if (!log_.opens) return log_.opens;
    if (position.empty())
      at_ = log_.from_end ? log_.lines.size() : 0;
    else if (position.starts_with(log_.id + ":"))
      at_ = std::min(log_.lines.size(), static_cast<size_t>(std::stoul(std::string(position.substr(log_.id.size() + 1)))));
    else
      at_ = 0;
    return {};
  }
  Status read(Sink& sink, size_t max, bool& more) override {
    if (log_.throws) throw std::runtime_error("broken");
    if (!log_.reads) return log_.reads;
    if (log_.loses > 0) sink.lost(Channel::kernel, "overrun", std::exchange(log_.loses, 0));
    for (; max > 0 && at_ < log_.lines.size(); --max) {
      const FakeLog::Entry& entry = log_.lines[at_++];
      sink.line({entry.channel, entry.text, fencewatch::name(entry.channel), entry.time_us, entry.repeated});
    }
    more = at_ < log_.lines.size();
    return {};
  }
  int fd() const override { return -1; }
  int64_t written_us() const override { return log_.written_us; }
  bool speaks(Channel) const override { return !log_.silent; }
  std::string position() const override { return log_.id + ":" + std::to_string(at_); }

 private:
  std::string name_;
  FakeLog& log_;
  size_t at_ = 0;
};

// Logs by name, and the order in which the kernel's channel, or all of them, ask for them.
struct FakeLogs {
  std::map<std::string, FakeLog> logs;

  FakeLog& operator[](const std::string& name) { return logs[name]; }
  LogSources sources(const std::vector<std::string>& order) {
    LogSources sources;
    sources.order.fill(order);
    sources.make = [this](const std::string& name) -> std::unique_ptr<Source> {
      const auto log = logs.find(name);
      return log == logs.end() ? nullptr : std::make_unique<FakeSource>(name, log->second);
    };
    return sources;
  }
};

}  // namespace fencewatch::test
