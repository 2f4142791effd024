#include "exporter/logs/log_stats.h"

namespace fencewatch {
namespace {

enum { kLines, kBytes, kLost, kLastLost, kRotations, kTruncations, kFallbacks, kLag, kUnread, kSource, kSaved, kFamilies };

constexpr std::array<Family, kFamilies> kTable = {{
    {"fencewatch_log_lines_total", Type::counter, "Log lines of the channel that were searched for events, from the exporter itself.",
     "channel"},
    {"fencewatch_log_bytes_total", Type::counter, "Bytes of the log lines that were searched for events, from the exporter itself.", ""},
    {"fencewatch_log_lines_lost_total", Type::counter,
     "Log lines that were there and could not be read whole, from gaps in the kernel's sequence numbers and from the log files.",
     "channel,reason"},
    {"fencewatch_log_last_lost_timestamp_seconds", Type::gauge,
     "When log lines of the channel were last lost, in seconds since 1970; absent while none were, from the exporter itself.", "channel"},
    {"fencewatch_log_rotations_total", Type::counter, "Log files that were followed to their successor, from the exporter itself.", ""},
    {"fencewatch_log_truncations_total", Type::counter, "Log files that began anew in place (copytruncate), from the exporter itself.", ""},
    {"fencewatch_log_matcher_fallbacks_total", Type::counter,
     "Log lines for which the search for all patterns at once had no memory, so that they were tried one by one, from the exporter itself.",
     ""},
    {"fencewatch_log_lag_seconds", Type::gauge,
     "How old the log lines are that are being read, 0 when none are waiting, from the exporter itself.", ""},
    {"fencewatch_log_unread_bytes", Type::gauge,
     "Bytes of the channel's log file that were there when it was last looked at and are not read yet, 0 when it is read to its end, from "
     "the exporter itself.",
     "channel"},
    {"fencewatch_log_source_info", Type::gauge, "1, with the one source that feeds the channel, from the exporter itself.",
     "channel,source"},
    {"fencewatch_state_saved_timestamp_seconds", Type::gauge,
     "When what the state file holds was counted, in seconds since the epoch, from the exporter itself.", ""},
}};

// There from the start, so that increase() sees the first.
constexpr std::string_view kReasons[] = {"overrun", "too_long", "truncated"};

}  // namespace

std::span<const Family> log_families() { return kTable; }

void write(const LogStats& numbers, Page& page) {
  const auto each_wanted = [&numbers](auto&& visit) {
    for (size_t i = 0; i < numbers.names.size(); ++i)
      if (!numbers.names[i].empty()) visit(i, std::string_view(numbers.names[i]));
  };
  page.begin(kTable[kLines]);
  each_wanted([&](size_t i, std::string_view channel) { page.sample({{"channel", channel}}, numbers.lines[i]); });
  page.one(kTable[kBytes], numbers.bytes);
  page.begin(kTable[kLost]);
  each_wanted([&](size_t i, std::string_view channel) {
    for (const std::string_view reason : kReasons)
      if (!numbers.lost.contains({static_cast<Channel>(i), std::string(reason)}))
        page.sample({{"channel", channel}, {"reason", reason}}, uint64_t{0});
  });
  for (const auto& [what, lines] : numbers.lost)
    page.sample({{"channel", numbers.names[static_cast<size_t>(what.first)]}, {"reason", what.second}}, lines);
  page.begin(kTable[kLastLost]);
  each_wanted([&](size_t i, std::string_view channel) {
    if (numbers.last_lost_us[i] != 0) page.sample({{"channel", channel}}, static_cast<double>(numbers.last_lost_us[i]) / 1e6);
  });
  page.one(kTable[kRotations], numbers.rotations);
  page.one(kTable[kTruncations], numbers.truncations);
  page.one(kTable[kFallbacks], numbers.fallbacks);
  page.one(kTable[kLag], numbers.lag_seconds);
  page.begin(kTable[kUnread]);
  each_wanted([&](size_t i, std::string_view channel) {
    if (numbers.unread[i] >= 0 && !numbers.sources[i].empty())
      page.sample({{"channel", channel}}, static_cast<uint64_t>(numbers.unread[i]));
  });
  page.begin(kTable[kSource]);
  each_wanted([&](size_t i, std::string_view channel) {
    if (!numbers.sources[i].empty()) page.sample({{"channel", channel}, {"source", numbers.sources[i]}}, uint64_t{1});
  });
}

void write_saved(int64_t saved_us, Page& page) {
  if (saved_us != 0) page.one(kTable[kSaved], static_cast<double>(saved_us) / 1e6);
}

}  // namespace fencewatch
