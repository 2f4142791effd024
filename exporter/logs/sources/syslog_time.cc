#include "exporter/logs/sources/syslog_time.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch::syslog {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400;

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }

size_t digits(std::string_view text) { return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), digit) - text.begin()); }

// What is read from the beginning of a text on.
struct Cursor {
  std::string_view rest;

  bool cut(std::string_view what) {
    if (!rest.starts_with(what)) return false;
    rest.remove_prefix(what.size());
    return true;
  }
  // `least` to `most` digits, and no digit behind them.
  bool number(size_t least, size_t most, int& out) {
    const size_t n = digits(rest.substr(0, most + 1));
    if (n < least || n > most || !scan::number(rest.substr(0, n), out)) return false;
    rest.remove_prefix(n);
    return true;
  }
  bool blanks() {
    const size_t n = rest.find_first_not_of(' ');
    if (n == 0 || n == rest.npos) return false;
    rest.remove_prefix(n);
    return true;
  }
};

bool cut_clock(Cursor& at, WrittenTime& out) {
  return at.number(2, 2, out.hour) && at.cut(":") && at.number(2, 2, out.minute) && at.cut(":") && at.number(2, 2, out.second);
}

// ".338" or ",338"; more than six digits are cut.
void cut_fraction(Cursor& at, WrittenTime& out) {
  if (at.rest.size() < 2 || (at.rest[0] != '.' && at.rest[0] != ',') || !digit(at.rest[1])) return;
  const size_t n = digits(at.rest.substr(1));
  int64_t unit = kSecond;
  for (const char c : at.rest.substr(1, n)) out.fraction_us += (unit /= 10) * (c - '0');
  at.rest.remove_prefix(n + 1);
}

// "+01:00", "+0100", "+01", "Z".
void cut_offset(Cursor& at, WrittenTime& out) {
  Cursor zone = at;
  const bool west = zone.rest.starts_with('-');
  int hours = 0, minutes = 0;
  if (!zone.cut("Z")) {
    if (!zone.cut("+") && !zone.cut("-")) return;
    if (int together = 0; zone.number(4, 4, together)) {
      hours = together / 100;
      minutes = together % 100;
    } else if (!zone.number(2, 2, hours) || (zone.cut(":") && !zone.number(2, 2, minutes))) {
      return;
    }
  }
  out.zone = WrittenTime::Zone::offset;
  out.east_s = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  at = zone;
}

// "2026-11-23T08:02:11.123456+01:00"
bool cut_iso(Cursor& at, WrittenTime& out) {
  if (!at.number(4, 4, out.year) || !at.cut("-") || !at.number(2, 2, out.month) || !at.cut("-") || !at.number(2, 2, out.day)) return false;
  if (!at.cut("T") && !at.cut(" ")) return false;
  if (!cut_clock(at, out)) return false;
  cut_fraction(at, out);
  return true;
}

// " CST", " +08" as the name of a zone that has none.
void cut_zone_name(Cursor& at, WrittenTime& out) {
  Cursor zone = at;
  if (!zone.cut(" ")) return;
  const size_t n = std::min(zone.rest.find(' '), zone.rest.size());
  const std::string_view name = zone.rest.substr(0, n);
  if (name == "UTC" || name == "GMT") {
    out.zone = WrittenTime::Zone::offset;
  } else if (name.starts_with('+') || name.starts_with('-')) {
    cut_offset(zone, out);
    if (out.zone != WrittenTime::Zone::offset) return;
  } else if (name.size() >= 2 && name.size() <= 6 && std::all_of(name.begin(), name.end(), upper)) {
    out.zone = WrittenTime::Zone::named;
    out.abbreviation = name;
  } else {
    return;
  }
  at.rest = at.rest.substr(1 + n);
}

// Of languages whose abbreviations begin otherwise than the English ones, as glibc has them: de, fr, es, it, pt, ru.
constexpr std::pair<std::string_view, int> kMonths[] = {
    {"jan", 1},  {"feb", 2},  {"mar", 3},  {"apr", 4},  {"may", 5},  {"jun", 6},  {"jul", 7},  {"aug", 8},  {"sep", 9}, {"oct", 10},
    {"nov", 11}, {"dec", 12}, {"jän", 1},  {"ene", 1},  {"gen", 1},  {"fév", 2},  {"fev", 2},  {"mär", 3},  {"abr", 4}, {"avr", 4},
    {"mai", 5},  {"mag", 5},  {"juin", 6}, {"giu", 6},  {"juil", 7}, {"lug", 7},  {"ago", 8},  {"aoû", 8},  {"set", 9}, {"okt", 10},
    {"out", 10}, {"ott", 10}, {"dez", 12}, {"déc", 12}, {"dic", 12}, {"янв", 1},  {"фев", 2},  {"мар", 3},  {"апр", 4}, {"мая", 5},
    {"май", 5},  {"июн", 6},  {"июл", 7},  {"авг", 8},  {"сен", 9},  {"окт", 10}, {"ноя", 11}, {"дек", 12},
};

bool begins_as(std::string_view word, std::string_view lower) {
  const auto same = [](char a, char b) { return a == (upper(b) ? b - 'A' + 'a' : b); };
  return word.size() >= lower.size() && std::equal(lower.begin(), lower.end(), word.begin(), same);
}

// 0: in a language that we do not know.
int month_of(std::string_view word) {
  const auto found = std::ranges::find_if(kMonths, [&](const auto& month) { return begins_as(word, month.first); });
  return found == std::end(kMonths) ? 0 : found->second;
}

// A word that can be a month or a day of the week: letters of whatever alphabet, a dot at its end.
bool cut_word(Cursor& at, std::string_view& word) {
  constexpr size_t kLongest = 16;
  const auto letter = [](char c) { return (c & 0x80) != 0 || upper(c) || (c >= 'a' && c <= 'z') || c == '.'; };
  const size_t n = static_cast<size_t>(std::find_if_not(at.rest.begin(), at.rest.end(), letter) - at.rest.begin());
  if (n < 2 || n > kLongest) return false;
  word = at.rest.substr(0, n);
  at.rest.remove_prefix(n);
  return at.blanks();
}

// "Nov 23 08:02:11", "Nov 3 08:02:11", "Nov 23 2026 08:02:11"; behind the day of the week "Nov  4 13:59:19 2025" and with a zone before it.
bool cut_month_first(Cursor& at, bool weekday, WrittenTime& out) {
  std::string_view word;
  if (!cut_word(at, word) || !at.number(1, 2, out.day) || !at.blanks()) return false;
  out.month = month_of(word);
  if (Cursor year = at; year.number(4, 4, out.year) && year.blanks()) at = year;
  if (!cut_clock(at, out)) return false;
  cut_fraction(at, out);
  if (!weekday) return true;
  cut_zone_name(at, out);
  if (Cursor year = at; year.cut(" ") && year.number(4, 4, out.year)) at = year;
  return true;
}

// "11月 21 12:26:06", "9 月 16 日 19:31:43", "2026年 11月 21日 12:26:06".
bool cut_east_asian(Cursor& at, WrittenTime& out) {
  const auto unit = [&at](int& part, std::initializer_list<std::string_view> names) {
    Cursor behind = at;
    if (!behind.number(1, 4, part)) return false;
    if (behind.rest.starts_with(' ')) behind.blanks();
    if (!std::ranges::any_of(names, [&](std::string_view name) { return behind.cut(name); })) return false;
    if (behind.rest.starts_with(' ')) behind.blanks();
    at = behind;
    return true;
  };
  if (!unit(out.year, {"年", "년"})) out.year = 0;
  if (!unit(out.month, {"月", "월"})) return false;
  if (!unit(out.day, {"日", "일"}) && (!at.number(1, 2, out.day) || !at.blanks())) return false;
  if (!cut_clock(at, out)) return false;
  cut_fraction(at, out);
  return true;
}

// "1779787810.123456"
bool cut_unix(Cursor& at, WrittenTime& out) {
  const size_t n = digits(at.rest);
  if (n < 9 || n > 11 || !scan::number(at.rest.substr(0, n), out.unix_s)) return false;
  at.rest.remove_prefix(n);
  out.zone = WrittenTime::Zone::unix;
  if (!at.rest.starts_with('.') || digits(at.rest.substr(1)) != 6) return false;
  cut_fraction(at, out);
  return true;
}

bool cut_any(Cursor& at, WrittenTime& out) {
  const Cursor begin = at;
  if (digit(at.rest.front())) {
    if (cut_iso(at, out)) {
      cut_offset(at, out);
      if (at.rest.starts_with(" +") || at.rest.starts_with(" -")) cut_zone_name(at, out);
      return true;
    }
    at = begin;
    out = {};
    if (cut_unix(at, out)) return true;
    at = begin;
    out = {};
    return cut_east_asian(at, out);
  }
  if (cut_month_first(at, false, out)) return true;
  at = begin;
  out = {};
  std::string_view weekday;
  if (!cut_word(at, weekday)) return false;
  if (digit(at.rest.front())) {
    if (!cut_iso(at, out)) return false;
    cut_zone_name(at, out);
    return true;
  }
  return cut_month_first(at, true, out);
}

// The two that nearly every line has, by their shape alone: most lines are of others, whose time nobody wants. 0: it is another.
size_t usual_length(std::string_view text) {
  constexpr std::string_view kTraditional = "Aaa _0 00:00:00", kIso = "0000-00-00T00:00:00";
  const std::string_view shape = text.starts_with('2') ? kIso : kTraditional;
  if (text.size() < shape.size()) return 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    const char c = text[i], wanted = shape[i];
    const bool good = wanted == '0'   ? digit(c)
                      : wanted == '_' ? c == ' ' || digit(c)
                      : wanted == 'A' ? upper(c)
                      : wanted == 'a' ? c >= 'a' && c <= 'z'
                      : wanted == 'T' ? c == 'T' || c == ' '
                                      : c == wanted;
    if (!good) return 0;
  }
  std::string_view rest = text.substr(shape.size());
  if (rest.size() > 1 && (rest[0] == '.' || rest[0] == ',') && digit(rest[1])) rest.remove_prefix(1 + digits(rest.substr(1)));
  if (rest.starts_with('Z'))
    rest.remove_prefix(1);
  else if (rest.size() >= 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':' && digits(rest.substr(1)) == 2 &&
           digits(rest.substr(4)) == 2)
    rest.remove_prefix(6);
  return rest.empty() || rest[0] == ' ' || rest[0] == '|' ? text.size() - rest.size() : 0;
}

bool valid(int year, int month, int day) {
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

}  // namespace

size_t read_time(std::string_view text, WrittenTime& out) {
  out = {};
  Cursor at{text};
  if (text.empty() || !cut_any(at, out)) return 0;
  if (!at.rest.empty() && at.rest[0] != ' ' && at.rest[0] != '|' && at.rest[0] != ']') return 0;
  return text.size() - at.rest.size();
}

bool cut_time(std::string_view& rest, std::string_view& stamp) {
  size_t length = usual_length(rest);
  const bool zone_behind = rest.size() > length + 2 && (rest[length + 1] == '+' || rest[length + 1] == '-') && digit(rest[length + 2]);
  if (WrittenTime ignored; length == 0 || zone_behind) length = read_time(rest, ignored);
  stamp = rest.substr(0, length);
  rest.remove_prefix(length);
  return length != 0;
}

// In seconds.
int64_t SyslogTime::utc(const WrittenTime& written, int year) {
  const std::chrono::sys_days day(std::chrono::year(year) / written.month / written.day);
  const int64_t local =
      day.time_since_epoch().count() * kDay + written.hour * int64_t{3600} + written.minute * int64_t{60} + written.second;
  if (written.zone == WrittenTime::Zone::offset) return local - written.east_s;
  const TimeZone& host = zone();
  const TimeZone::Moments moments = host.utc(local);
  if (moments.later == moments.earlier) return moments.earlier;
  if (written.zone == WrittenTime::Zone::named) {
    const bool earlier = host.abbreviation(moments.earlier) == written.abbreviation;
    const bool later = host.abbreviation(moments.later) == written.abbreviation;
    if (earlier != later) return later ? moments.later : moments.earlier;
  }
  constexpr int64_t kSlack = 60;  // lines of several daemons are not quite in order
  return moments.earlier + kSlack < last_s_ && last_s_ <= moments.later + kDay ? moments.later : moments.earlier;
}

int64_t SyslogTime::time_us(std::string_view stamp, int64_t reference_us) {
  WrittenTime written;
  if (stamp.empty() || read_time(stamp, written) != stamp.size()) return 0;
  if (written.zone == WrittenTime::Zone::unix) return written.unix_s * kSecond + written.fraction_us;
  if (written.hour > 23 || written.minute > 59 || written.second > 60 || written.month == 0) return 0;
  int64_t found = 0;
  if (written.year != 0) {
    if (!valid(written.year, written.month, written.day)) return 0;
    found = utc(written, written.year);
  } else {
    // The last such time that is at most a day behind the reference; eight years bridge the farthest two 29ths of February.
    const auto today =
        std::chrono::floor<std::chrono::days>(std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(reference_us)));
    int year = static_cast<int>(std::chrono::year_month_day(today).year()) + 1;
    for (int years = 0; years <= 9; ++years, --year) {
      if (!valid(year, written.month, written.day)) continue;
      found = utc(written, year);
      if (found <= reference_us / kSecond + kDay) break;
    }
    if (found == 0 || found > reference_us / kSecond + kDay) return 0;
  }
  last_s_ = found;
  return found * kSecond + written.fraction_us;
}

}  // namespace fencewatch::syslog
