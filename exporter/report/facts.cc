#include "exporter/report/facts.h"

#include <ctime>

namespace fencewatch {

std::string_view Event::operator[](std::string_view field) const {
  for (const auto& [name, value] : fields)
    if (name == field) return value;
  return {};
}

Evidence evidence_of(const Facts& facts, const Event& event) {
  return {.node = facts.node, .file = event.file, .line = event.line, .time = iso_time(event.time_us), .text = event.text, .metric = {}};
}

Evidence evidence_of(const Facts& facts, const Sample& sample) {
  constexpr std::string_view kPrefix = "fencewatch_";
  std::string metric = sample.name.starts_with(kPrefix) ? sample.name.substr(kPrefix.size()) : sample.name;
  char before = '{';
  for (const auto& [name, value] : sample.labels) metric.append(1, std::exchange(before, ',')).append(name).append("=\"").append(value).append("\"");
  if (before == ',') metric += '}';
  return {.node = facts.node, .file = {}, .line = 0, .time = {}, .text = {}, .metric = std::move(metric), .value = sample.value};
}

std::string iso_time(int64_t time_us) {
  if (time_us == 0) return {};
  const std::time_t seconds = time_us / 1'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &local);
  std::string out(text, length);
  if (out.size() > 2) out.insert(out.size() - 2, ":");
  return out;
}

}  // namespace fencewatch
