#include <chrono>
#include <ctime>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog.h"

namespace fencewatch::syslog {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr size_t kTraditional = 15;  // "Nov 23 08:02:11"
constexpr size_t kIso = 19;          // "2026-11-23T08:02:11"

int number(std::string_view digits) {
  int value = -1;
  return scan::number(scan::trim_left(digits), value) ? value : -1;
}

struct Clock {
  int hour, minute, second;
  explicit Clock(std::string_view text)  // "08:02:11"
      : hour(number(text.substr(0, 2))), minute(number(text.substr(3, 2))), second(number(text.substr(6, 2))) {}
  bool valid() const { return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60; }
};

// ".338" or ",338"; more than six digits are cut.
int64_t fraction_us(std::string_view text) {
  if (text.empty() || (text[0] != '.' && text[0] != ',')) return 0;
  int64_t value = 0, unit = kSecond;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') break;
    value += (unit /= 10) * (c - '0');
  }
  return value;
}

bool valid(int year, int month, int day) {
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

// Microseconds since 1970 of this minute in the local zone; -1: mktime cannot tell.
int64_t local_minute(int year, int month, int day, const Clock& clock) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = clock.hour;
  tm.tm_min = clock.minute;
  tm.tm_isdst = -1;
  const std::time_t seconds = std::mktime(&tm);
  return seconds == -1 ? -1 : static_cast<int64_t>(seconds) * kSecond;
}

// The last such minute that is at most a day behind the reference; eight years bridge the farthest two 29ths of February.
int64_t latest_minute(int month, int day, const Clock& clock, int64_t reference_us) {
  const auto today =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(reference_us)));
  const int year = static_cast<int>(std::chrono::year_month_day(today).year());
  for (int back = -1; back <= 8; ++back) {
    if (!valid(year - back, month, day)) continue;
    const int64_t minute = local_minute(year - back, month, day, clock);
    if (minute != -1 && minute <= reference_us + kDay) return minute;
  }
  return -1;
}

// "+01:00", "+0100", "Z" in seconds east of Greenwich. False: none is named.
bool zone_seconds(std::string_view stamp, int64_t& seconds) {
  seconds = 0;
  if (stamp.ends_with('Z')) return true;
  const size_t sign = stamp.find_first_of("+-", kIso);
  if (sign == stamp.npos || stamp.size() < sign + 5) return false;
  seconds = number(stamp.substr(sign + 1, 2)) * int64_t{3600} + number(stamp.substr(stamp.size() - 2)) * int64_t{60};
  if (stamp[sign] == '-') seconds = -seconds;
  return true;
}

int64_t iso_us(std::string_view stamp) {
  const int year = number(stamp.substr(0, 4)), month = number(stamp.substr(5, 2)), day = number(stamp.substr(8, 2));
  const Clock clock(stamp.substr(11));
  if (!clock.valid() || !valid(year, month, day)) return 0;
  const int64_t below = clock.second * kSecond + fraction_us(stamp.substr(kIso));
  if (int64_t east = 0; zone_seconds(stamp, east)) {
    const std::chrono::sys_days midnight(std::chrono::year(year) / month / day);
    const int64_t minutes = midnight.time_since_epoch().count() * int64_t{1440} + clock.hour * int64_t{60} + clock.minute;
    return (minutes * 60 - east) * kSecond + below;
  }
  const int64_t minute = local_minute(year, month, day, clock);
  return minute == -1 ? 0 : minute + below;
}

}  // namespace

int64_t SyslogTime::time_us(std::string_view stamp, int64_t reference_us) {
  if (stamp.size() >= kIso && stamp[4] == '-') return iso_us(stamp);
  if (stamp.size() < kTraditional) return 0;
  const Clock clock(stamp.substr(7));
  if (!clock.valid()) return 0;
  const std::string_view minute = stamp.substr(0, 12);
  if (minute != minute_ || reference_us / kDay != reference_us_ / kDay) {
    const size_t month = kMonths.find(stamp.substr(0, 3));
    if (month == kMonths.npos || month % 3 != 0) return 0;
    const int64_t found = latest_minute(static_cast<int>(month / 3) + 1, number(stamp.substr(4, 2)), clock, reference_us);
    if (found == -1) return 0;
    minute_ = minute;
    reference_us_ = reference_us;
    minute_us_ = found;
  }
  return minute_us_ + clock.second * kSecond + fraction_us(stamp.substr(kTraditional));
}

}  // namespace fencewatch::syslog
