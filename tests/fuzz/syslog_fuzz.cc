// Lines of log files: whatever is taken apart lies within the line, and its time is readable or 0.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_time.h"

using namespace fencewatch;

namespace {

void within(std::string_view part, std::string_view whole) {
  if (!part.empty() && (part.data() < whole.data() || part.data() + part.size() > whole.data() + whole.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static syslog::SyslogTime stamps;
  syslog::Lines lines;
  std::string_view rest(reinterpret_cast<const char*>(data), size), line;
  while (scan::next_line(rest, line)) {
    syslog::Entry entry;
    if (lines.parse(line, entry) && (entry.repeated == 0 || entry.identifier.empty())) std::abort();
    (void)syslog::starts_line(line);
    if (!syslog::parse(line, entry)) continue;
    within(entry.text, line);
    within(entry.stamp, line);
    if (entry.identifier != "kernel") within(entry.identifier, line);  // "kern:" stands for it
    if (entry.repeated == 0 || syslog::channel_of(entry.identifier) != entry.channel) std::abort();
    (void)stamps.time_us(entry.stamp, static_cast<int64_t>(size) * 86'400'000'000);
  }
  return 0;
}
