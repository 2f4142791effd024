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

#include "exporter/collect/record.h"
#include "exporter/exposition/page.h"

namespace fencewatch {

// Safe from several threads: the reading thread counts while the collecting thread writes.
class Counts {
 public:
  // `families` outlives it. `buckets` are those of all histograms of this collector that have none of their own.
  explicit Counts(std::span<const Family> families, std::vector<double> buckets = {});

  // Before the family's first series.
  void buckets(const Family& family, std::vector<double> buckets);

  // What comes from log lines is bounded, in number and length, and stays so when a state is restored: of `label` as many values, or of all
  // the family as many series (kMostSeries by default). What is beyond them is counted as "other". Before the family's first series.
  void bound(const Family& family, std::string_view label, size_t most);
  void bound(const Family& family, size_t most);
  static constexpr size_t kMostSeries = 1024;
  static constexpr size_t kLongestLabel = 256;  // bytes; the name of a pod has at most 253

  // The series with these labels, made at 0 when it is asked for the first time: make those that can be known in the constructor, so that
  // increase() sees the first event. The reference stays good.
  prometheus::Counter& counter(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Gauge& gauge(const Family& family, const prometheus::Labels& labels = {});
  prometheus::Histogram& histogram(const Family& family, const prometheus::Labels& labels = {});

  // `times` observations at once: a line that was repeated.
  void observe(const Family& family, const prometheus::Labels& labels, double value, uint32_t times);

  // For times and maxima: the gauge never falls.
  void raise(const Family& family, const prometheus::Labels& labels, double value);

  // Of an unlabelled counter that has been made.
  double value(const Family& family) const;

  // Counters first, then gauges, then histograms. Nothing is allocated but for histograms, and a page that has been as large before.
  void write(Page& page) const;

  // The sum of each family's counters that is not 0, under its name less the exporter's prefix. Nothing while another thread is at work
  // here.
  void record(Record& out) const;

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
  struct Bounds {
    size_t series = kMostSeries;
    std::map<std::string_view, size_t> values;  // by label
  };
  prometheus::Labels bounded(const Family& family, const prometheus::Labels& labels) const;
  void remember(const Family& family, const prometheus::Labels& labels, Metric metric);
  const std::vector<double>& buckets_of(const Family& family) const;

  std::span<const Family> families_;
  std::vector<double> buckets_;
  std::map<std::string_view, std::vector<double>> own_buckets_;  // by family
  std::map<std::string_view, Bounds> bounds_;                    // by family
  mutable std::mutex mutex_;
  std::map<std::string_view, Series> series_;  // by family
  std::vector<const Series*> shown_;           // as they were begun
  prometheus::Registry registry_;
};

}  // namespace fencewatch
