// Exposition text. A collector writes families and samples into its Page; the server renders pages as text 0.0.4 or
// OpenMetrics 1.0. Numbers and labels are written once; only the header lines differ between the formats.
// https://prometheus.io/docs/instrumenting/exposition_formats/  https://prometheus.io/docs/specs/om/open_metrics_spec/
#pragma once

#include <prometheus/client_metric.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "exporter/base/bytes.h"
#include "exporter/exposition/family.h"

namespace fencewatch {

struct Label {
  std::string_view name;
  std::variant<std::string_view, int64_t> value;
  constexpr Label(std::string_view n, std::string_view v) : name(n), value(v) {}
  constexpr Label(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  constexpr Label(std::string_view n, std::integral auto v) : name(n), value(static_cast<int64_t>(v)) {}
};
using Labels = std::initializer_list<Label>;

// Labels rendered once and used for many samples, e.g. numa_node="0",zone="Normal". Cut off, never grown, at its capacity;
// meant for labels of known length.
class LabelText {
 public:
  LabelText() = default;
  explicit LabelText(Labels labels);
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[192];
  uint8_t size_ = 0;
};

// Names with values, for the `rendered` of samples that are written again and again.
std::string rendered_labels(const std::map<std::string, std::string>& labels);

// What a collector says of a counter; `counter` is a literal.
struct CounterValue {
  std::string_view counter;
  double value;
};

// Not thread safe. Keeps its capacity over clear(): writing the same page again allocates nothing.
class Page {
 public:
  // All samples of a family follow its begin(). A family without samples is not shown. `family` must outlive the page.
  void begin(const Family& family);
  void sample(std::string_view rendered, Labels more, uint64_t value);
  void sample(std::string_view rendered, Labels more, double value);
  void sample(Labels labels, uint64_t value) { sample({}, labels, value); }
  void sample(Labels labels, double value) { sample({}, labels, value); }
  void sample(uint64_t value) { sample({}, {}, value); }
  void sample(double value) { sample({}, {}, value); }
  // begin() and the family's only, unlabelled sample.
  void one(const Family& family, uint64_t value) { begin(family), sample(value); }
  void one(const Family& family, double value) { begin(family), sample(value); }

  // A histogram's samples, with the labels that rendered_labels() gave.
  void histogram(std::string_view rendered, const prometheus::ClientMetric::Histogram& histogram);

  // Shown as recent_increase{counter} while it moves. Beside the counter's own sample, which is for all other purposes.
  void recent(std::string_view counter, double value) { recent_.push_back({counter, value}); }
  std::span<const CounterValue> recent() const { return recent_; }

  void clear();
  bool empty() const { return segments_.empty(); }
  size_t size() const { return text_.size(); }
  // The families in the order written, for the contract test.
  std::vector<const Family*> families() const;
  void swap(Page& other) noexcept;
  // Room for as much as `other` has, so that the partner of a double buffer is warm too.
  void reserve(const Page& other);

  // Appends the exposition. The caller ends OpenMetrics with finish().
  void render(Format format, Bytes& out) const;
  static void finish(Format format, Bytes& out);

 private:
  struct Segment {
    const Family* family;
    size_t begin;  // offset of the first sample in text_
  };
  void open_sample(std::string_view suffix, std::string_view rendered, Labels more);
  void close_sample(uint64_t value);
  void close_sample(double value);

  Bytes text_;
  std::vector<Segment> segments_;
  std::vector<CounterValue> recent_;
};

}  // namespace fencewatch
