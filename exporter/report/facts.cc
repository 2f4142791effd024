#include "exporter/report/facts.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace fencewatch {

std::string_view Event::operator[](std::string_view field) const {
  for (const auto& [its, value] : fields)
    if (its == field) return value;
  return {};
}

const Configured* Facts::configured(std::string_view key) const {
  const auto found = std::ranges::find_if(configuration, [key](const Configured& c) { return c.key == key; });
  return found == configuration.end() ? nullptr : &*found;
}

Evidence evidence_of(const Facts& facts, const Event& event) {
  return {.node = facts.node,
          .file = event.file,
          .line = event.line,
          .time = iso_time(facts.zone, event.time_us),
          .text = event.text,
          .metric = {}};
}

Evidence evidence_of(const Facts& facts, const Sample& sample) {
  std::string metric = sample.name;
  char before = '{';
  for (const auto& [name, value] : sample.labels) {
    metric.append(1, std::exchange(before, ','));
    metric.append(name).append("=\"").append(value).append("\"");
  }
  if (before == ',') metric += '}';
  return {.node = facts.node, .file = {}, .line = 0, .time = {}, .text = {}, .metric = std::move(metric), .value = sample.value};
}

Evidence evidence_of(const Facts& facts, const Configured& configured) {
  const std::string name = configured.key.substr(configured.key.rfind('.') + 1);
  return {.node = facts.node,
          .file = configured.file,
          .line = configured.line,
          .time = {},
          .text = name + " = " + configured.value,
          .metric = {}};
}

std::string iso_time(const TimeZone& zone, int64_t time_us) {
  if (time_us == 0) return {};
  const std::time_t utc = time_us / 1'000'000;
  const int32_t offset = zone.offset(utc);
  const std::time_t local = utc + offset;
  std::tm parts{};
  gmtime_r(&local, &parts);
  char text[40];
  std::string out(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
  char east[16];
  std::snprintf(east, sizeof east, "%c%02d:%02d", offset < 0 ? '-' : '+', std::abs(offset) / 3600, std::abs(offset) / 60 % 60);
  return out + east;
}

}  // namespace fencewatch
