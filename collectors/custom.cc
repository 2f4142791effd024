// Events of the user's own, from `custom_events:` in the configuration file (exporter/config/custom_rules.h), which has checked them.
#include <algorithm>
#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "exporter/base/scan.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {
namespace {

constexpr size_t kLongestLabel = 128;  // bytes

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) text += (text.empty() ? "" : ",") + label;
  return text;
}

class Custom final : public Collector {
 public:
  explicit Custom(std::vector<CustomRule> rules) : rules_(std::move(rules)), counts_(families_of(rules_, labels_, families_)) {
    for (size_t i = 0; i < rules_.size(); ++i) {
      const CustomRule& rule = rules_[i];
      patterns_.push_back({rule.channel, rule.pattern, rule.example});
      if (!rule.buckets.empty()) counts_.buckets(families_[i], rule.buckets);
      counts_.bound(families_[i], rule.max_series);
      if (rule.labels.empty()) count(i, {}, 0, 0);
      groups_.emplace_back();
      for (const std::string& label : rule.labels) groups_.back().push_back(rule.group_of(label));
      if (!rule.value.empty()) groups_.back().push_back(rule.group_of(rule.value));
    }
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    return {};
  }

  std::span<const Pattern> patterns() const override { return patterns_; }
  Counts* counts() override { return rules_.empty() ? nullptr : &counts_; }

  void on_event(const Match& match) override {
    const CustomRule& rule = rules_[match.pattern];
    const std::vector<size_t>& groups = groups_[match.pattern];
    double value = 1;
    if (!rule.value.empty() && (!scan::number(match.groups[groups.back()], value) || !std::isfinite(value))) return;
    if (rule.buckets.empty() && value < 0) return;  // a counter does not fall
    prometheus::Labels labels;
    for (size_t i = 0; i < rule.labels.size(); ++i) labels[rule.labels[i]] = match.groups[groups[i]].substr(0, kLongestLabel);
    count(match.pattern, labels, value, match.line.repeated);
  }

 private:
  static std::span<const Family> families_of(const std::vector<CustomRule>& rules, std::deque<std::string>& labels,
                                             std::vector<Family>& families) {
    for (const CustomRule& rule : rules) {
      const Type type = rule.buckets.empty() ? Type::counter : Type::histogram;
      families.push_back({rule.name, type, rule.help, labels.emplace_back(joined(rule.labels))});
    }
    return families;
  }

  void count(size_t rule, const prometheus::Labels& labels, double value, uint32_t times) {
    const Family& family = families_[rule];
    if (family.type == Type::counter) return counts_.counter(family, labels).Increment(value * times);
    counts_.observe(family, labels, value, times);
  }

  const std::vector<CustomRule> rules_;
  std::deque<std::string> labels_;  // what Family::labels looks at
  std::vector<Family> families_;    // beside rules_, as are the next two
  std::vector<Pattern> patterns_;
  std::vector<std::vector<size_t>> groups_;  // of the labels, and of the value behind them
  Counts counts_;
};

}  // namespace

extern const Spec custom;
constinit const Spec custom = {
    .name = "custom",
    .summary = "Events of the configuration file's custom_events",
    .families = {},
    .make = [](const Settings& settings) -> std::unique_ptr<Collector> { return std::make_unique<Custom>(settings.custom_rules); },
};

}  // namespace fencewatch
