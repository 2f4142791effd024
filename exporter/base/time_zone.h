// A time zone as /etc/localtime describes it: tzfile(5), RFC 8536. libstdc++ 12 has none, and the C library knows only that of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/status.h"

namespace fencewatch {

// All times in whole seconds: UTC since 1970, local ones as if they were UTC. Constant after parse(), so safe from any number of threads.
class TimeZone {
 public:
  // UTC, as localtime(5) has it where there is no file.
  TimeZone() = default;

  // Versions 1 to 4, with the TZ string at the end for the years after the table. Malformed: `out` is UTC. Zones that count leap seconds
  // ("right/…") are read as if they did not.
  static Status parse(std::string_view tzif, TimeZone& out);
  // The same offset at all times.
  static TimeZone fixed(int32_t seconds_east, std::string abbreviation);

  // East of Greenwich.
  int32_t offset(int64_t utc) const { return at(utc).offset; }
  // "CST"; good as long as this zone.
  std::string_view abbreviation(int64_t utc) const { return at(utc).abbreviation; }

  // A clock that is set back shows an hour twice: then `later` is another time than `earlier`. What it skips when it is set forward is
  // read as if it had not been.
  struct Moments {
    int64_t earlier, later;
  };
  Moments utc(int64_t local) const;

 private:
  struct Kind {
    int32_t offset = 0;
    std::string abbreviation = "UTC";
  };
  // When the clock is set, in the years after the table: POSIX.1 TZ, "M3.2.0/2".
  struct Rule {
    enum class Form : uint8_t { julian, day, month } form = Form::month;
    int month = 0, week = 0, day = 0;
    int32_t seconds = 7200;  // of that day, local time; may be below 0 or above a day
    int64_t local(int year) const;
  };
  struct Rules {
    Kind standard, summer;
    bool has_summer = false;
    Rule begin, end;  // of summer time
  };
  struct Transition {
    int64_t utc;
    uint8_t kind;
  };

  struct Reader;
  const Kind& at(int64_t utc) const;
  static bool parse_rules(std::string_view text, Rules& out);

  std::vector<Transition> transitions_;  // rising
  std::vector<Kind> kinds_{1};           // the first holds before the first transition
  std::optional<Rules> rules_;           // after the last
};

}  // namespace fencewatch
