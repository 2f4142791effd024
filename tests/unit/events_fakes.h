// Collectors that keep what they hear, and Sources that say what a test tells them.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "exporter/collector.h"
#include "exporter/events/source.h"

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

}  // namespace fencewatch::test
