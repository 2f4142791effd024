// A collector of lines that are only counted, by what they tell: a table of patterns, each with its family and the values of its labels.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {

struct CountedLine {
  Pattern pattern;
  const Family* family = nullptr;  // null: counted nowhere, diagnose alone wants it
  std::string_view kind = {};      // the value of the family's label `kind`; empty: it has none
  bool device = false;             // the first group is the value of the label `device`, of which there may be kMostDevices
};

class LineCounts final : public Collector {
 public:
  // Both outlive it.
  LineCounts(std::span<const Family> families, std::span<const CountedLine> lines) : lines_(lines), counts_(families) {
    for (const CountedLine& line : lines) {
      if (line.device) counts_.bound(*line.family, "device", kMostDevices);
      patterns_.push_back(line.pattern);
      if (line.family != nullptr && !line.device) counts_.counter(*line.family, labels(line));
    }
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    return {};
  }
  std::span<const Pattern> patterns() const override { return patterns_; }
  Counts* counts() override { return &counts_; }

  void on_event(const Match& match) override {
    const CountedLine& line = lines_[match.pattern];
    if (line.family == nullptr) return;
    prometheus::Labels its = labels(line);
    if (line.device) its["device"] = match.groups[0];
    counts_.counter(*line.family, its).Increment(match.line.repeated);
  }

 private:
  static constexpr size_t kMostDevices = 32;
  static prometheus::Labels labels(const CountedLine& line) {
    return line.kind.empty() ? prometheus::Labels{} : prometheus::Labels{{"kind", std::string(line.kind)}};
  }

  const std::span<const CountedLine> lines_;
  std::vector<Pattern> patterns_;
  Counts counts_;
};

}  // namespace fencewatch
