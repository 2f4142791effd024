#include "exporter/base/time_zone.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr int64_t kDay = 86'400;

int64_t days_of(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return std::chrono::sys_days(date).time_since_epoch().count();
}

int year_of(int64_t seconds) {
  const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)))};
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

bool cut_number(std::string_view& rest, int lowest, int highest, int& out) {
  size_t n = 0;
  while (n < rest.size() && n < 4 && rest[n] >= '0' && rest[n] <= '9') ++n;
  if (!scan::number(rest.substr(0, n), out) || out < lowest || out > highest) return false;
  rest.remove_prefix(n);
  return true;
}

bool cut(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

// "8", "-3:30", "+05:45:10".
bool cut_clock(std::string_view& rest, int32_t& seconds) {
  const bool negative = rest.starts_with('-');
  if (!cut(rest, '-')) cut(rest, '+');
  int hours = 0, minutes = 0, more = 0;
  constexpr int kHours = 167;  // RFC 8536, 3.3.1
  if (!cut_number(rest, 0, kHours, hours)) return false;
  if (cut(rest, ':') && !cut_number(rest, 0, 59, minutes)) return false;
  if (cut(rest, ':') && !cut_number(rest, 0, 59, more)) return false;
  seconds = hours * 3600 + minutes * 60 + more;
  if (negative) seconds = -seconds;
  return true;
}

// "CST", "<+1030>".
bool cut_name(std::string_view& rest, std::string& name) {
  const bool quoted = cut(rest, '<');
  size_t n = 0;
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto part = [&](char c) { return letter(c) || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')); };
  while (n < rest.size() && part(rest[n])) ++n;
  name = rest.substr(0, n);
  rest.remove_prefix(n);
  return n >= 3 && (!quoted || cut(rest, '>'));
}

}  // namespace

int64_t TimeZone::Rule::local(int year) const {
  switch (form) {
    case Form::julian: {  // 1 to 365, without 29 February
      const bool leap = std::chrono::year(year).is_leap();
      return (days_of(year, 1, 1) + day - 1 + (leap && day >= 60 ? 1 : 0)) * kDay + seconds;
    }
    case Form::day:
      return (days_of(year, 1, 1) + day) * kDay + seconds;
    case Form::month:
      break;
  }
  const int64_t first = days_of(year, month, 1);
  const int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1 January 1970 was a Thursday
  int64_t date = first + (day - weekday + 7) % 7 + (week - 1) * int64_t{7};
  const int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
  if (date >= next) date -= 7;
  return date * kDay + seconds;
}

bool TimeZone::parse_rules(std::string_view rest, Rules& out) {
  const auto cut_rule = [&rest](Rule& rule) {
    if (!cut(rest, ',')) return false;
    if (cut(rest, 'M')) {
      rule.form = Rule::Form::month;
      if (!cut_number(rest, 1, 12, rule.month) || !cut(rest, '.') || !cut_number(rest, 1, 5, rule.week) || !cut(rest, '.') ||
          !cut_number(rest, 0, 6, rule.day))
        return false;
    } else if (cut(rest, 'J')) {
      rule.form = Rule::Form::julian;
      if (!cut_number(rest, 1, 365, rule.day)) return false;
    } else {
      rule.form = Rule::Form::day;
      if (!cut_number(rest, 0, 365, rule.day)) return false;
    }
    return !cut(rest, '/') || cut_clock(rest, rule.seconds);
  };
  int32_t west = 0;
  if (!cut_name(rest, out.standard.abbreviation) || !cut_clock(rest, west)) return false;
  out.standard.offset = -west;
  if (rest.empty()) return true;
  out.has_summer = true;
  if (!cut_name(rest, out.summer.abbreviation)) return false;
  out.summer.offset = out.standard.offset + 3600;
  if (!rest.starts_with(',')) {
    if (!cut_clock(rest, west)) return false;
    out.summer.offset = -west;
  }
  return cut_rule(out.begin) && cut_rule(out.end) && rest.empty();
}

// The blocks of a file, from `bytes` on.
struct TimeZone::Reader {
  std::string_view bytes;

  uint64_t big_endian(size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    bytes.remove_prefix(n);
    return value;
  }

  struct Header {
    char version = 0;
    size_t is_ut = 0, is_standard = 0, leaps = 0, times = 0, kinds = 0, characters = 0;
    size_t size(size_t time_size) const {
      return times * (time_size + 1) + kinds * 6 + characters + leaps * (time_size + 4) + is_standard + is_ut;
    }
  };

  Status header(Header& out) {
    constexpr size_t kReserved = 15, kSize = 44, kMany = 1 << 16;
    if (bytes.size() < kSize || !bytes.starts_with("TZif")) return malformed(1, "no TZif");
    out.version = bytes[4];
    bytes.remove_prefix(5 + kReserved);
    for (size_t* count : {&out.is_ut, &out.is_standard, &out.leaps, &out.times, &out.kinds, &out.characters}) {
      *count = big_endian(4);
      if (*count > kMany) return malformed(1, "a count of TZif is too large");
    }
    if (out.kinds == 0 || out.kinds > 256) return malformed(1, "TZif without a type");
    return {};
  }

  Status block(const Header& header, size_t time_size, TimeZone& out) {
    if (bytes.size() < header.size(time_size)) return malformed(1, "TZif is cut off");
    const std::string_view after = bytes.substr(header.size(time_size));
    out.transitions_.resize(header.times);
    for (Transition& transition : out.transitions_) {
      const uint64_t value = big_endian(time_size);
      transition.utc = time_size == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
    }
    for (Transition& transition : out.transitions_) {
      transition.kind = static_cast<uint8_t>(big_endian(1));
      if (transition.kind >= header.kinds) return malformed(1, "TZif names a type that it does not have");
    }
    if (!std::is_sorted(out.transitions_.begin(), out.transitions_.end(),
                        [](const Transition& a, const Transition& b) { return a.utc < b.utc; }))
      return malformed(1, "times of TZif are not in order");
    const std::string_view names = bytes.substr(header.kinds * 6, header.characters);
    out.kinds_.resize(header.kinds);
    for (Kind& kind : out.kinds_) {
      kind.offset = static_cast<int32_t>(static_cast<uint32_t>(big_endian(4)));
      big_endian(1);  // whether it is summer time
      const std::string_view name = names.substr(std::min<size_t>(big_endian(1), names.size()));
      kind.abbreviation = name.substr(0, name.find('\0'));
      if (kind.offset < -kDay || kind.offset > kDay) return malformed(1, "an offset of TZif is more than a day");
    }
    bytes = after;
    return {};
  }
};

Status TimeZone::parse(std::string_view tzif, TimeZone& out) {
  out = {};
  TimeZone zone;
  Reader reader{tzif};
  Reader::Header header;
  if (const Status status = reader.header(header); !status) return status;
  if (header.version < '2') {
    if (const Status status = reader.block(header, 4, zone); !status) return status;
  } else {
    if (reader.bytes.size() < header.size(4)) return malformed(1, "TZif is cut off");
    reader.bytes.remove_prefix(header.size(4));
    if (const Status status = reader.header(header); !status) return status;
    if (const Status status = reader.block(header, 8, zone); !status) return status;
    const size_t end = reader.bytes.find('\n', 1);
    if (!cut(reader.bytes, '\n') || end == std::string_view::npos) return malformed(1, "the TZ string of TZif is cut off");
    const std::string_view text = reader.bytes.substr(0, end - 1);
    if (Rules rules; !text.empty()) {
      if (!parse_rules(text, rules)) return malformed(1, "the TZ string of TZif is none");
      zone.rules_ = std::move(rules);
    }
  }
  out = std::move(zone);
  return {};
}

TimeZone TimeZone::fixed(int32_t seconds_east, std::string abbreviation) {
  TimeZone zone;
  zone.kinds_.front() = {seconds_east, std::move(abbreviation)};
  return zone;
}

const TimeZone::Kind& TimeZone::at(int64_t utc) const {
  if (rules_ && (transitions_.empty() || utc >= transitions_.back().utc)) {
    if (!rules_->has_summer) return rules_->standard;
    const int year = year_of(utc + rules_->standard.offset);
    const int64_t begin = rules_->begin.local(year) - rules_->standard.offset;
    const int64_t end = rules_->end.local(year) - rules_->summer.offset;
    const bool summer = begin < end ? begin <= utc && utc < end : !(end <= utc && utc < begin);
    return summer ? rules_->summer : rules_->standard;
  }
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc,
                                      [](int64_t time, const Transition& transition) { return time < transition.utc; });
  return kinds_[after == transitions_.begin() ? 0 : (after - 1)->kind];
}

TimeZone::Moments TimeZone::utc(int64_t local) const {
  const int64_t before = local - offset(local - kDay), behind = local - offset(local + kDay);
  const bool is_before = before + offset(before) == local, is_behind = behind + offset(behind) == local;
  if (is_before && is_behind) return {std::min(before, behind), std::max(before, behind)};
  if (is_behind) return {behind, behind};
  return {before, before};
}

}  // namespace fencewatch
