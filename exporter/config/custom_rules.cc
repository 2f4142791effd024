#include "exporter/config/custom_rules.h"

#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "exporter/base/scan.h"
#include "exporter/base/yaml.h"
#include "exporter/config/options.h"
#include "exporter/logs/match/matcher.h"

namespace fencewatch {
namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) && !text.starts_with("__") &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

re2::RE2::Options options() {
  re2::RE2::Options quiet(re2::RE2::Quiet);
  quiet.set_encoding(re2::RE2::Options::EncodingLatin1);  // as the Matcher: a line may hold any bytes
  quiet.set_max_mem(Matcher::kMemory);
  return quiet;
}

constexpr size_t kMostLabels = 8, kMostSeries = 10000, kMostBuckets = 64;

class Reader {
 public:
  Reader(const YAML::Node& node, const std::string& file) : node_(node), file_(file) {}

  CustomRule read() {
    if (!node_.IsMap()) refuse(node_, "expected a map with name, channel or file, pattern, help and example");
    std::vector<std::string> seen;
    each_member(
        node_, "", [this](const YAML::Node& at, const std::string& what) { refuse(at, what); },
        [&](const YAML::Node& at, const std::string& name, const YAML::Node& value) {
          seen.push_back(name);
          key(at, name, value);
        });
    const auto given = [&seen](const char* name) { return std::find(seen.begin(), seen.end(), name) != seen.end(); };
    for (const char* needed : {"name", "pattern", "help", "example"})
      if (!given(needed)) refuse(node_, std::string(needed) + " is missing");
    if (given("channel") == given("file")) refuse(node_, "one of channel and file is needed");
    check_pattern();
    return std::move(rule_);
  }

  [[noreturn]] void refuse(const YAML::Node& at, const std::string& what) const {
    throw Refused(file_ + ":" + std::to_string(at.Mark().line + 1) + ": custom_events: " + what);
  }

 private:
  void key(const YAML::Node& key, const std::string& name, const YAML::Node& value) {
    if (name == "name") {
      rule_.name = text(value, name);
      if (!is_name(rule_.name)) refuse(value, in_quotes(rule_.name) + " is no name of a metric");
    } else if (name == "channel") {
      rule_.channel = channel(value);
    } else if (name == "file") {
      rule_.file = text(value, name);
      if (!rule_.file.starts_with('/') || rule_.file.ends_with('/') || rule_.file.find('\n') != std::string::npos)
        refuse(value, in_quotes(rule_.file) + " is not the absolute path of a file");
    } else if (name == "pattern") {
      rule_.pattern = text(value, name);
    } else if (name == "labels") {
      labels(value);
    } else if (name == "value") {
      rule_.value = text(value, name);
    } else if (name == "buckets") {
      buckets(value);
    } else if (name == "max_series") {
      const std::string number = text(value, name);
      if (!scan::number(std::string_view(number), rule_.max_series) || rule_.max_series == 0 || rule_.max_series > kMostSeries)
        refuse(value, in_quotes(number) + " is not a number from 1 to " + std::to_string(kMostSeries));
    } else if (name == "help") {
      rule_.help = text(value, name);
    } else if (name == "example") {
      rule_.example = text(value, name);
    } else {
      refuse(key, "unknown key " + in_quotes(name));
    }
  }

  std::string text(const YAML::Node& value, const std::string& name) const {
    if (!value.IsScalar() || value.Scalar().empty()) refuse(value, name + ": expected a text");
    return value.Scalar();
  }

  Channel channel(const YAML::Node& value) const {
    const std::string given = text(value, "channel");
    for (int i = 0; i < kChannels; ++i)
      if (given == fencewatch::name(static_cast<Channel>(i))) return static_cast<Channel>(i);
    refuse(value, in_quotes(given) + " is not one of kernel, corosync, pacemaker, sbd");
  }

  void labels(const YAML::Node& value) {
    if (!value.IsSequence() || value.size() > kMostLabels)
      refuse(value, "labels: expected a list of at most " + std::to_string(kMostLabels));
    for (const YAML::Node& element : value) {
      const std::string label = text(element, "labels");
      const bool again = std::find(rule_.labels.begin(), rule_.labels.end(), label) != rule_.labels.end();
      if (!is_name(label) || label == "le" || again) refuse(element, in_quotes(label) + " is no name of a label, or there twice");
      rule_.labels.push_back(label);
    }
  }

  void buckets(const YAML::Node& value) {
    if (!value.IsSequence() || value.size() == 0 || value.size() > kMostBuckets) refuse(value, "buckets: expected a list of numbers");
    for (const YAML::Node& element : value) {
      const std::string number = text(element, "buckets");
      double bound = 0;
      if (!scan::number(std::string_view(number), bound) || !std::isfinite(bound)) refuse(element, in_quotes(number) + " is no number");
      if (!rule_.buckets.empty() && bound <= rule_.buckets.back()) refuse(element, "buckets: " + number + " is not above the one before");
      rule_.buckets.push_back(bound);
    }
  }

  void check_pattern() const {
    const re2::RE2 pattern(rule_.pattern, options());
    if (!pattern.ok()) refuse(node_["pattern"], "pattern: " + pattern.error());
    if (pattern.NumberOfCapturingGroups() > Matcher::kMaxGroups)
      refuse(node_["pattern"], "pattern: more than " + std::to_string(Matcher::kMaxGroups) + " groups");
    const auto& names = pattern.NamedCapturingGroups();
    for (const std::string& label : rule_.labels)
      if (!names.contains(label)) refuse(node_["labels"], "the pattern has no group (?P<" + label + ">…)");
    if (!rule_.value.empty() && !names.contains(rule_.value)) refuse(node_["value"], "the pattern has no group (?P<" + rule_.value + ">…)");
    if (rule_.value.empty() && !rule_.buckets.empty()) refuse(node_["buckets"], "buckets without a value");
    std::vector<re2::StringPiece> groups(static_cast<size_t>(pattern.NumberOfCapturingGroups()) + 1);
    if (!pattern.Match(rule_.example, 0, rule_.example.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size())))
      refuse(node_["example"], "the pattern does not match the example");
    if (rule_.value.empty()) return;
    const re2::StringPiece caught = groups[static_cast<size_t>(names.at(rule_.value))];
    double number = 0;
    if (!scan::number(std::string_view(caught.data(), caught.size()), number))
      refuse(node_["example"], "the value in the example is no number: " + in_quotes({caught.data(), caught.size()}));
  }

  const YAML::Node node_;
  const std::string& file_;
  CustomRule rule_;
};

// What a family shows: a histogram has three names besides its own.
std::vector<std::string> shown(std::string_view name, bool histogram) {
  std::vector<std::string> names{std::string(name)};
  if (histogram)
    for (const char* suffix : {"_bucket", "_sum", "_count"}) names.push_back(std::string(name) + suffix);
  return names;
}

}  // namespace

size_t CustomRule::group_of(std::string_view group) const {
  const re2::RE2 compiled(pattern, options());
  return static_cast<size_t>(compiled.NamedCapturingGroups().at(std::string(group))) - 1;
}

std::vector<CustomRule> read_custom_rules(const YAML::Node& list, const std::string& file, std::span<const Spec* const> collectors) {
  std::vector<std::string> taken;
  const auto take = [&](std::string_view name, bool histogram) {
    const std::vector<std::string> names = shown(name, histogram);
    const bool free =
        std::none_of(names.begin(), names.end(), [&](const auto& n) { return std::find(taken.begin(), taken.end(), n) != taken.end(); });
    taken.insert(taken.end(), names.begin(), names.end());
    return free;
  };
  for (const Spec* spec : collectors)
    for (const Family& family : spec->families) take(family.name, family.type == Type::histogram);
  std::vector<CustomRule> rules;
  std::vector<std::string> files;
  if (!list.IsSequence()) Reader(list, file).refuse(list, "expected a list");
  for (const YAML::Node& element : list) {
    Reader reader(element, file);
    CustomRule rule = reader.read();
    const YAML::Node at = element["name"];
    const bool histogram = !rule.buckets.empty();
    if (!take(rule.name, histogram)) reader.refuse(at, in_quotes(rule.name) + " is another metric already");
    for (const std::string_view prefix : {"fencewatch_", "process_"})
      if (rule.name.starts_with(prefix)) reader.refuse(at, in_quotes(rule.name) + ": " + std::string(prefix) + " is for built-in metrics");
    if (rule.name.ends_with("_total") == histogram)
      reader.refuse(at, in_quotes(rule.name) + (histogram ? ": a histogram does not end with _total" : ": a counter ends with _total"));
    if (!rule.file.empty()) {
      const auto number = std::find(files.begin(), files.end(), rule.file) - files.begin();
      if (number == kPlainFiles) reader.refuse(element["file"], "more than " + std::to_string(kPlainFiles) + " files");
      if (number == std::ssize(files)) files.push_back(rule.file);
      rule.channel = plain_file(static_cast<int>(number));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace fencewatch
