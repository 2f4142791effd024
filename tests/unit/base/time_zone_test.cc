// The C library is the judge: it reads the same files (TZ=:path).
#include "exporter/base/time_zone.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "tests/unit/prefixes.h"
#include "tests/unit/trees.h"

using fencewatch::Code;
using fencewatch::TimeZone;

namespace {

constexpr const char* kZones[] = {"Shanghai", "New_York", "Lord_Howe", "Berlin"};

std::string bytes(const std::string& name) { return fencewatch::test::slurp(FIXTURES "/zones/" + name); }

TimeZone zone(const std::string& name) {
  TimeZone zone;
  REQUIRE(TimeZone::parse(bytes(name), zone));
  return zone;
}

// The C library's zone for the time of a test.
struct Judge {
  explicit Judge(const std::string& name) {
    setenv("TZ", (":" + std::filesystem::absolute(FIXTURES "/zones/" + name).string()).c_str(), 1);
    tzset();
  }
  ~Judge() {
    unsetenv("TZ");
    tzset();
  }
};

// A file of version 2 without a table, whose TZ string says all.
std::string with_rules(const std::string& rules) {
  const std::string counts("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4", 24);
  const std::string part = "TZif2" + std::string(15, '\0') + counts + std::string("\0\0\0\0\0\0UTC\0", 10);
  return part + part + "\n" + rules + "\n";
}

constexpr int64_t kDay = 86'400;
constexpr int64_t kNewYear2026 = 1'767'225'600;

}  // namespace

TEST_CASE("A zone is as the C library reads it, from 1900 to 2100") {
  for (const char* name : kZones) {
    CAPTURE(name);
    const TimeZone own = zone(name);
    const Judge judge(name);
    for (std::time_t time = -2'208'988'800 + 1; time < 4'102'444'800; time += 7 * 3600 + 13) {
      std::tm tm{};
      localtime_r(&time, &tm);
      if (own.offset(time) != tm.tm_gmtoff || own.abbreviation(time) != tm.tm_zone) {
        CAPTURE(time);
        CHECK(own.offset(time) == tm.tm_gmtoff);
        CHECK(own.abbreviation(time) == tm.tm_zone);
        break;
      }
    }
  }
}

TEST_CASE("Every local time is found again, twice where the clock was set back") {
  for (const char* name : kZones) {
    CAPTURE(name);
    const TimeZone own = zone(name);
    int twice = 0;
    for (int64_t time = kNewYear2026 - 400 * kDay; time < kNewYear2026 + 800 * kDay; time += 600) {
      const auto [earlier, later] = own.utc(time + own.offset(time));
      if (time != earlier && time != later) {
        CHECK(time == earlier);
        break;
      }
      twice += earlier != later;
    }
    // Four times in these years, an hour or half of it, before and after.
    CHECK(twice == (std::string(name) == "Shanghai" ? 0 : std::string(name) == "Lord_Howe" ? 3 * 2 * 3 : 3 * 2 * 6));
  }
}

TEST_CASE("A local time that there was not is read as if the clock had not been set forward") {
  const TimeZone berlin = zone("Berlin");
  constexpr int64_t kSkipped = 1'774'751'400;  // 29 March 2026, 02:30
  CHECK(berlin.utc(kSkipped).earlier == kSkipped - 3600);
  CHECK(berlin.utc(kSkipped).later == kSkipped - 3600);
}

TEST_CASE("Files of version 1 and TZ strings of every form") {
  std::string old = bytes("Shanghai");
  old[4] = '\0';  // the first part is one of version 1
  TimeZone zone;
  REQUIRE(TimeZone::parse(old, zone));
  CHECK(zone.offset(kNewYear2026) == 8 * 3600);
  REQUIRE(TimeZone::parse(with_rules("<+0545>-5:45"), zone));
  CHECK(zone.offset(0) == 5 * 3600 + 45 * 60);
  CHECK(zone.abbreviation(0) == "+0545");
  REQUIRE(TimeZone::parse(with_rules("AAA3BBB1:30,J60/0,J300"), zone));  // 1 March to 27 October
  CHECK(zone.offset(kNewYear2026) == -3 * 3600);
  CHECK(zone.offset(kNewYear2026 + 59 * kDay + 3 * 3600) == -90 * 60);
  CHECK(zone.offset(kNewYear2026 + 59 * kDay + 3 * 3600 - 1) == -3 * 3600);
  REQUIRE(TimeZone::parse(with_rules("AAA0BBB,300,59/-1:00:00"), zone));  // the south: over the new year
  CHECK(zone.offset(kNewYear2026) == 3600);
  CHECK(zone.offset(kNewYear2026 + 59 * kDay - 2 * 3600 - 1) == 3600);
  CHECK(zone.offset(kNewYear2026 + 59 * kDay - 2 * 3600) == 0);
  REQUIRE(TimeZone::parse(with_rules(""), zone));
  CHECK(zone.abbreviation(0) == "UTC");
}

TEST_CASE("What is no zone is refused and leaves UTC") {
  for (const char* rules :
       {"C", "CST", "CST-", "CST-8:60", "CST-8x", "<CST-8", "CST-8CDT", "CST-8CDT,M13.1.0,M1.1.0", "CST-8CDT,M3.6.0,M1.1.0",
        "CST-8CDT,M3.1.7,M1.1.0", "CST-8CDT,J0,J1", "CST-8CDT,366,1", "CST-8CDT,M3.1.0", "CST-168"}) {
    CAPTURE(rules);
    TimeZone out = TimeZone::fixed(3600, "X");
    CHECK(TimeZone::parse(with_rules(rules), out).code == Code::malformed);
    CHECK(out.offset(0) == 0);
  }
  for (const char* name : kZones) {
    fencewatch::test::each_prefix(bytes(name), [](std::string_view prefix) {
      TimeZone out;
      if (!TimeZone::parse(prefix, out)) CHECK(out.abbreviation(0) == "UTC");
      CHECK_FALSE(TimeZone::parse(prefix, out));
    });
  }
  std::string huge = bytes("Shanghai");
  huge[32] = '\x7f';  // the number of transitions
  TimeZone out;
  CHECK(TimeZone::parse(huge, out).code == Code::malformed);
}

TEST_CASE("A zone without a file") {
  CHECK(TimeZone().offset(kNewYear2026) == 0);
  CHECK(TimeZone::fixed(-3600, "X").offset(kNewYear2026) == -3600);
  CHECK(TimeZone::fixed(-3600, "X").utc(0).earlier == 3600);
}
