#include "exporter/collect/counts.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "exporter/collect/saved_series.h"

namespace fencewatch {
namespace {

constexpr const char* kOther = "other";

// `family.labels` are exactly the names of `labels`.
bool declares(const Family& family, const prometheus::Labels& labels) {
  size_t names = 0;
  for (std::string_view rest = family.labels; !rest.empty(); ++names) {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (!labels.contains(std::string(rest.substr(0, comma)))) return false;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names == labels.size();
}

SavedSeries saved(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric) {
  SavedSeries series{.name = family.name, .labels = {}, .value = 0, .observed = {}};
  for (const auto& label : metric.label) series.labels.emplace(label.name, label.value);
  if (family.type == prometheus::MetricType::Counter) series.value = metric.counter.value;
  if (family.type == prometheus::MetricType::Gauge) series.value = metric.gauge.value;
  if (family.type != prometheus::MetricType::Histogram) return series;
  series.value = metric.histogram.sample_sum;
  uint64_t below = 0;
  for (const auto& bucket : metric.histogram.bucket) {
    if (bucket.cumulative_count > below) series.observed.emplace_back(bucket.upper_bound, bucket.cumulative_count - below);
    below = bucket.cumulative_count;
  }
  return series;
}

using Observed = std::vector<std::pair<double, uint64_t>>;  // as in SavedSeries

std::vector<double> increments(const Observed& observed, const std::vector<double>& buckets) {
  std::vector<double> counts(buckets.size() + 1);
  for (const auto& [bound, count] : observed) {
    const auto bucket = std::lower_bound(buckets.begin(), buckets.end(), bound) - buckets.begin();
    counts[static_cast<size_t>(bucket)] += static_cast<double>(count);
  }
  return counts;
}

}  // namespace

Counts::Counts(std::span<const Family> families, std::vector<double> buckets) : families_(families), buckets_(std::move(buckets)) {}

void Counts::buckets(const Family& family, std::vector<double> buckets) { own_buckets_[family.name] = std::move(buckets); }

void Counts::bound(const Family& family, std::string_view label, size_t most) { bounds_[family.name].values[label] = most; }

void Counts::bound(const Family& family, size_t most) { bounds_[family.name].series = most; }

const std::vector<double>& Counts::buckets_of(const Family& family) const {
  const auto own = own_buckets_.find(family.name);
  return own == own_buckets_.end() ? buckets_ : own->second;
}

prometheus::Labels Counts::bounded(const Family& family, const prometheus::Labels& labels) const {
  static const Bounds kUsual;
  const auto own = bounds_.find(family.name);
  const Bounds& bounds = own == bounds_.end() ? kUsual : own->second;
  prometheus::Labels fitting = labels;
  for (auto& [name, value] : fitting)
    if (value.size() > kLongestLabel) value = kOther;
  const std::lock_guard lock(mutex_);
  const auto found = series_.find(family.name);
  if (found == series_.end() || found->second.all.contains(fitting)) return fitting;
  const Series& series = found->second;
  for (const auto& [name, most] : bounds.values) {
    const auto& known = series.values.at(std::string(name));
    std::string& value = fitting.at(std::string(name));
    if (known.size() >= most && !known.contains(value)) value = kOther;
  }
  if (series.all.size() >= bounds.series && !series.all.contains(fitting))
    for (auto& label : fitting) label.second = kOther;
  return fitting;
}

void Counts::remember(const Family& family, const prometheus::Labels& labels, Metric metric) {
  assert(declares(family, labels) && "the labels are those that the family declares");
  const std::lock_guard lock(mutex_);
  Series& series = series_[family.name];
  if (!series.family) shown_.push_back(&series);
  series.family = &family;
  if (series.all.contains(labels)) return;
  series.all.emplace(labels, Shown{rendered_labels(labels), metric});
  for (const auto& [name, value] : labels) series.values[name].insert(value);
}

prometheus::Counter& Counts::counter(const Family& family, const prometheus::Labels& all) {
  const prometheus::Labels labels = bounded(family, all);
  prometheus::Counter& metric = prometheus::BuildCounter().Name(std::string(family.name)).Register(registry_).Add(labels);
  remember(family, labels, &metric);
  return metric;
}

prometheus::Gauge& Counts::gauge(const Family& family, const prometheus::Labels& all) {
  const prometheus::Labels labels = bounded(family, all);
  prometheus::Gauge& metric = prometheus::BuildGauge().Name(std::string(family.name)).Register(registry_).Add(labels);
  remember(family, labels, &metric);
  return metric;
}

prometheus::Histogram& Counts::histogram(const Family& family, const prometheus::Labels& all) {
  const prometheus::Labels labels = bounded(family, all);
  prometheus::Histogram& metric =
      prometheus::BuildHistogram().Name(std::string(family.name)).Register(registry_).Add(labels, buckets_of(family));
  remember(family, labels, &metric);
  return metric;
}

void Counts::observe(const Family& family, const prometheus::Labels& labels, double value, uint32_t times) {
  histogram(family, labels).ObserveMultiple(increments({{value, times}}, buckets_of(family)), value * times);
}

void Counts::raise(const Family& family, const prometheus::Labels& labels, double value) {
  prometheus::Gauge& now = gauge(family, labels);
  now.Set(std::max(now.Value(), value));
}

double Counts::value(const Family& family) const {
  const std::lock_guard lock(mutex_);
  return std::get<const prometheus::Counter*>(series_.at(family.name).all.at({}).metric)->Value();
}

void Counts::write(Page& page) const {
  const std::lock_guard lock(mutex_);
  for (const Type type : {Type::counter, Type::gauge, Type::histogram}) {
    for (const Series* series : shown_) {
      if (series->family->type != type) continue;
      page.begin(*series->family);
      for (const auto& [labels, shown] : series->all) {
        if (const auto* counter = std::get_if<const prometheus::Counter*>(&shown.metric))
          page.sample(shown.labels, {}, (*counter)->Value());
        if (const auto* gauge = std::get_if<const prometheus::Gauge*>(&shown.metric)) page.sample(shown.labels, {}, (*gauge)->Value());
        if (const auto* histogram = std::get_if<const prometheus::Histogram*>(&shown.metric))
          page.histogram(shown.labels, (*histogram)->Collect().histogram);
      }
    }
  }
}

void Counts::record(Record& out) const {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  constexpr std::string_view prefix = "fencewatch_";
  for (const Series* series : shown_) {
    double sum = 0;
    for (const auto& [labels, shown] : series->all)
      if (const auto* const* counter = std::get_if<const prometheus::Counter*>(&shown.metric)) sum += (*counter)->Value();
    std::string_view name = series->family->name;
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    if (sum > 0) out.put(name, static_cast<int64_t>(sum));
  }
}

void Counts::save(const std::function<void(std::string_view line)>& out) const {
  for (const prometheus::MetricFamily& family : registry_.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) out(to_line(saved(family, metric)));
  }
}

bool Counts::restore(std::string_view line) {
  SavedSeries series;
  if (!from_line(line, series)) return false;
  const auto family = std::find_if(families_.begin(), families_.end(), [&](const Family& f) { return f.name == series.name; });
  if (family == families_.end() || !declares(*family, series.labels)) return false;
  if (!series.observed.empty() && family->type != Type::histogram) return false;
  switch (family->type) {
    case Type::counter:
      if (series.value < 0) return false;
      counter(*family, series.labels).Increment(series.value);
      break;
    case Type::gauge:
      raise(*family, series.labels, series.value);
      break;
    case Type::histogram:
      if (series.observed.empty() && series.value != 0) return false;  // a sum of nothing
      histogram(*family, series.labels).ObserveMultiple(increments(series.observed, buckets_of(*family)), series.value);
      break;
  }
  return true;
}

}  // namespace fencewatch
