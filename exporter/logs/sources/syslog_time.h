// The times at the beginning of a line of a log, as they are written, and what they mean.
//
//   Nov 23 08:02:11 | Nov 3 08:02:11.442            RFC 3164; the month also in another language, then its name may tell nothing
//   11月 21 12:26:06 | 9 月 16 日 19:31:43          journalctl under a Chinese, Japanese or Korean locale
//   Tue Nov  4 13:59:19 2025                        ctime(3): OpenWrt, dmesg -T
//   2026-11-23T08:02:11.123456+01:00                ISO 8601, with a blank or T, with or without fraction and zone
//   Fri 2026-05-15 17:43:16.123456 CST              journalctl -o short-full
//   1779787810.123456                               journalctl -o short-unix
//
// A time without a zone is the watched machine's: host_clock.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "exporter/base/fd.h"
#include "exporter/node/host_clock.h"

namespace fencewatch::syslog {

// As it is written.
struct WrittenTime {
  enum class Zone : uint8_t { host, named, offset, unix };
  Zone zone = Zone::host;
  int year = 0;   // 0: not told
  int month = 0;  // 0: told in a language that we do not know
  int day = 0;
  int hour = 0, minute = 0, second = 0;
  int64_t fraction_us = 0;
  int32_t east_s = 0;                  // Zone::offset
  std::string_view abbreviation = {};  // Zone::named: "CST" is the host's, but says which one where the clock was set back
  int64_t unix_s = 0;                  // Zone::unix
};

// The length of the time that `text` begins with, 0: with none. Behind it comes a blank, '|', ']' or the end.
size_t read_time(std::string_view text, WrittenTime& out);

// Cuts it off. False: the text begins with none.
bool cut_time(std::string_view& rest, std::string_view& stamp);

// Makes times of stamps in the order of a file.
class SyslogTime {
 public:
  // Local times are UTC.
  SyslogTime() = default;
  // Local times are those of the machine below `root`, see HostZone.
  explicit SyslogTime(std::shared_ptr<const Fd> root) : zone_(std::make_unique<HostZone>(std::move(root))) {}
  explicit SyslogTime(TimeZone zone) : fixed_(std::move(zone)) {}

  // Microseconds since 1970; 0: unreadable. A year that is missing is the last one that puts the time at most a day behind `reference_us`:
  // the time of reading, of the file's last change, or of the report. An hour that is there twice, since the clock was set back, is the
  // first unless the line before was later.
  int64_t time_us(std::string_view stamp, int64_t reference_us);

 private:
  const TimeZone& zone() { return zone_ ? zone_->get() : fixed_; }
  int64_t utc(const WrittenTime& written, int year);

  std::unique_ptr<HostZone> zone_;
  TimeZone fixed_;
  int64_t last_s_ = 0;  // the line before
};

}  // namespace fencewatch::syslog
