// What a collector has counted from lines: prometheus-cpp counters, gauges and histograms that the state file keeps over a restart.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "exporter/exposition/page.h"

namespace fencewatch {

// Safe from several threads: the reading thread counts while the collecting thread writes.
class Counts {
 public:
  // `families` outlives it. `buckets` are those of all histograms of this collector that have none of their own.
  explicit Counts(std::span<const Family> families, std::vector<double> buckets = {});

  // Before the family's first series.
  void buckets(const Family& family, std::vector<double> buckets);

  // The series with these labels, made at 0 when it is asked for the first time: make those that can be known in the constructor, so that
  // increase() sees the first event. The reference stays good.
  prometheus::Counter& counter(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Gauge& gauge(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Histogram& histogram(const Family& family, const prometheus::Labels& labels = {});

  // `times` observations at once: a line that was repeated.
  void observe(const Family& family, const prometheus::Labels& labels, double value, uint32_t times);

  // For times and maxima: the gauge never falls.
  void raise(const Family& family, const prometheus::Labels& labels, double value);

  // For labels from log lines, whose number must be bounded, over restarts as well. `labels` if the series is there, or fewer than `most`
  // are; else all of them "other".
  prometheus::Labels bounded(const Family& family, prometheus::Labels labels, size_t most) const;
  // `value` if the family has it for this label already, or has fewer than `most` values of it; else "other".
  std::string bounded(const Family& family, const std::string& label, std::string_view value, size_t most) const;

  // Of an unlabelled counter that has been made.
  double value(const Family& family) const;

  // Counters first, then gauges, then histograms. Nothing is allocated but for histograms, and a page that has been as large before.
  void write(Page& page) const;

  // One line of text for each series, those at 0 as well, for the state file: name, labels, values. No newline within, UTF-8 only if the
  // labels are.
  void save(const std::function<void(std::string_view line)>& out) const;
  // Adds what a saved line says; of a gauge the larger value stays, for they are times and maxima. Where the buckets are other ones now,
  // what was counted goes into the first that holds all of the old one. False, and nothing is changed: the line is damaged, or of a
  // family or label set that this version does not have.
  bool restore(std::string_view line);

 private:
  using Metric = std::variant<const prometheus::Counter*, const prometheus::Gauge*, const prometheus::Histogram*>;
  struct Shown {
    std::string labels;  // as rendered_labels() gives them
    Metric metric;
  };
  struct Series {
    const Family* family = nullptr;
    std::map<prometheus::Labels, Shown> all;
    std::map<std::string, std::set<std::string, std::less<>>> values;  // by label
  };
  void remember(const Family& family, const prometheus::Labels& labels, Metric metric);
  const std::vector<double>& buckets_of(const Family& family) const;

  std::span<const Family> families_;
  std::vector<double> buckets_;
  std::map<std::string_view, std::vector<double>> own_buckets_;  // by family
  mutable std::mutex mutex_;
  std::map<std::string_view, Series> series_;  // by family
  std::vector<const Series*> shown_;           // as they were begun
  prometheus::Registry registry_;
};

}  // namespace fencewatch
