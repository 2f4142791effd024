// What a collector has counted from lines: prometheus-cpp counters, gauges and histograms that the state file keeps over a restart.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "exporter/page.h"

namespace fencewatch {

// Safe from several threads: the reading thread counts while the collecting thread writes.
class Counts {
 public:
  // `families` outlives it. `buckets` are those of all histograms of this collector.
  explicit Counts(std::span<const Family> families, std::vector<double> buckets = {});

  // The series with these labels, made at 0 when it is asked for the first time: make those that can be known in the constructor, so that
  // increase() sees the first event. The reference stays good.
  prometheus::Counter& counter(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Gauge& gauge(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Histogram& histogram(const Family& family, const prometheus::Labels& labels = {});

  void write(Page& page) const;

  // One line of text for each series that is not 0, for the state file: name, labels, values.
  void save(const std::function<void(std::string_view line)>& out) const;
  // Adds what a saved line says. False: the line is damaged, or of a family or label set that this version does not have.
  bool restore(std::string_view line);

 private:
  std::span<const Family> families_;
  std::vector<double> buckets_;
  prometheus::Registry registry_;
};

}  // namespace fencewatch
