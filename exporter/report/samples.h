// The samples of an exposition, as a Page or another exporter writes it, text 0.0.4 or OpenMetrics.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fencewatch {

struct Sample {
  std::string name;
  std::map<std::string, std::string, std::less<>> labels;
  double value = 0;

  std::string_view label(std::string_view which) const;  // empty: it has none
};

class Samples {
 public:
  // Lines that are no samples are passed over.
  void parse(std::string_view exposition);
  // Those of a name, with the prefix, in the order written.
  std::vector<const Sample*> of(std::string_view name) const;
  // Of a name that has no more than one sample with this label value, or without a label at all.
  std::optional<double> value(std::string_view name, std::string_view label = {}, std::string_view is = {}) const;
  bool empty() const { return all_.empty(); }
  std::span<const Sample> all() const { return all_; }

 private:
  std::vector<Sample> all_;
};

}  // namespace fencewatch
