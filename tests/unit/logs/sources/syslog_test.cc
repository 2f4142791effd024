// Lines are copied from recordings of corosync 3.1.7 and pacemaker 2.1.5, the older ones from public reports of those versions.
#include "exporter/logs/sources/syslog.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "exporter/logs/sources/syslog_time.h"
#include "tests/unit/trees.h"

using namespace fencewatch;
using syslog::Entry;
using syslog::SyslogTime;

namespace {

struct Shape {
  std::string_view line;
  Channel channel;
  std::string_view identifier;
  uint32_t pid;
  std::string_view stamp;
  std::string_view text;
  uint32_t repeated = 1;
};

constexpr Shape kShapes[] = {
    {"Nov 23 08:02:11 n2 corosync[61]:   [KNET  ] link: host: 2 link: 0 is down", Channel::corosync, "corosync", 61, "Nov 23 08:02:11",
     "[KNET  ] link: host: 2 link: 0 is down"},
    {"Nov 23 08:08:48 n1 corosync[61]:   [TOTEM ] Token has not been received in 2737 ms ", Channel::corosync, "corosync", 61,
     "Nov 23 08:08:48", "[TOTEM ] Token has not been received in 2737 ms "},
    {"Nov  3 08:02:11.442 n2 corosync[61]: notice  [TOTEM ] x", Channel::corosync, "corosync", 61, "Nov  3 08:02:11.442", "[TOTEM ] x"},
    {"Nov 23 08:03:17 [61] n1 corosync notice  [MAIN  ] Corosync Cluster Engine 3.1.7 starting up", Channel::corosync, "corosync", 61,
     "Nov 23 08:03:17", "[MAIN  ] Corosync Cluster Engine 3.1.7 starting up"},
    {"Nov 23 08:03:17.442 [61] n1 corosync warning [MAIN  ] x", Channel::corosync, "corosync", 61, "Nov 23 08:03:17.442", "[MAIN  ] x"},
    {"[61] n1 corosyncnotice  [QUORUM] Members[1]: 1", Channel::corosync, "corosync", 61, "", "[QUORUM] Members[1]: 1"},
    {"Jul 08 16:51:33 corosync [TOTEM ] A processor failed, forming new configuration.", Channel::corosync, "corosync", 0,
     "Jul 08 16:51:33", "[TOTEM ] A processor failed, forming new configuration."},
    {"Jan 13 01:25:41 n1 corosync[10800]:  [MAIN  ] main.c:123 Corosync main process was not scheduled for 2787.0891 ms", Channel::corosync,
     "corosync", 10800, "Jan 13 01:25:41", "[MAIN  ] main.c:123 Corosync main process was not scheduled for 2787.0891 ms"},
    {"Nov 23 08:02:11 n2 corosync[61]: message repeated 214 times: [   [TOTEM ] Retransmit List: 1 2 ]", Channel::corosync, "corosync", 61,
     "Nov 23 08:02:11", "[TOTEM ] Retransmit List: 1 2 ", 214},
    {"Nov 23 08:02:11 n2 corosync[61]: message repeated many times: [ x]", Channel::corosync, "corosync", 61, "Nov 23 08:02:11",
     "message repeated many times: [ x]"},
    {"Feb 20 03:29:09 node2 pacemaker-controld  [1323] (tengine_stonith_notify) \tcrit: We were allegedly just fenced by n2 for n1!",
     Channel::pacemaker, "pacemaker-controld", 1323, "Feb 20 03:29:09", "crit: We were allegedly just fenced by n2 for n1!"},
    {"Nov 23 08:08:53.338 n1 pacemaker-controld  [89] (node_left) \tinfo: Group crmd event 5: n2 (node 2 pid 78) left", Channel::pacemaker,
     "pacemaker-controld", 89, "Nov 23 08:08:53.338", "info: Group crmd event 5: n2 (node 2 pid 78) left"},
    {"Nov 23 08:08:53 n1 pacemaker-fenced[85]:  notice: Node n2 state is now lost ", Channel::pacemaker, "pacemaker-fenced", 85,
     "Nov 23 08:08:53", "notice: Node n2 state is now lost "},
    {"Feb 20 03:29:09 [1323] node2       crmd:   notice: te_fence_node: \tExecuting reboot", Channel::pacemaker, "crmd", 1323,
     "Feb 20 03:29:09", "notice: te_fence_node: \tExecuting reboot"},
    {"Feb 20 03:29:09 node2 stonith-ng: [1320]: info: x", Channel::pacemaker, "stonith-ng", 0, "Feb 20 03:29:09", "info: x"},
    {"Feb 20 03:29:09 n1 sbd[812]: /dev/sdb1:  warning: inquisitor_child: Servant /dev/sdb1 is outdated (age: 4)", Channel::sbd, "sbd", 812,
     "Feb 20 03:29:09", "/dev/sdb1:  warning: inquisitor_child: Servant /dev/sdb1 is outdated (age: 4)"},
    {"Nov 23 08:02:11 n1 kernel: Killed process 1 (x) total-vm:1kB", Channel::kernel, "kernel", 0, "Nov 23 08:02:11",
     "Killed process 1 (x) total-vm:1kB"},
    {"Nov 23 08:02:11 n1 kernel: [   12.345678] Out of memory", Channel::kernel, "kernel", 0, "Nov 23 08:02:11", "Out of memory"},
    {"Nov 23 08:02:11 n1 kernel: [ pid ]   uid  tgid total_vm", Channel::kernel, "kernel", 0, "Nov 23 08:02:11",
     "[ pid ]   uid  tgid total_vm"},
    {"Nov 23 08:02:11 n1 kernel: message repeated 2 times: [ [  12.345678] x]", Channel::kernel, "kernel", 0, "Nov 23 08:02:11", "x", 2},
    {"2026-11-23T08:02:11.123456+01:00 n1 kernel: [12.3] x\r", Channel::kernel, "kernel", 0, "2026-11-23T08:02:11.123456+01:00", "x"},
    {"2026-11-23T08:02:11+0100 n1 corosync[61]:   [TOTEM ] x", Channel::corosync, "corosync", 61, "2026-11-23T08:02:11+0100", "[TOTEM ] x"},
    {"2026-11-23 08:02:11 n1 corosync[61]:   [TOTEM ] x", Channel::corosync, "corosync", 61, "2026-11-23 08:02:11", "[TOTEM ] x"},
    {"<4>1 2026-11-23T08:02:11Z n1 kernel - - - x", Channel::kernel, "kernel", 0, "2026-11-23T08:02:11Z", "x"},
    {"<30>1 2026-11-23T08:02:11Z n1 corosync 61 - [a@1 b=\"]\\\"\"][c] \xEF\xBB\xBF  [TOTEM ] x", Channel::corosync, "corosync", 61,
     "2026-11-23T08:02:11Z", "[TOTEM ] x"},
    {"<4>Nov 23 08:02:11 n1 kernel: x", Channel::kernel, "kernel", 0, "Nov 23 08:02:11", "x"},
};

constexpr std::string_view kNotOurs[] = {
    "",
    "Nov 23 08:02:11",
    "Nov 23 08:02:11 n1",
    "Nov 23 08:02:11 n1 sshd[1]: kernel: Killed process 1 (x) total-vm:1kB",
    "Nov 23 08:02:11 n1 user[1]: kernel: Killed process 1 (x) total-vm:1kB",
    "Nov 23 08:02:11 n1 x kernel: Killed process 1 (x) total-vm:1kB",
    "Nov 23 08:02:11 n1 kernel[77]: Killed process 1 (x) total-vm:1kB",   // logger -i -t kernel
    "Nov 23 08:02:11 [77] n1 kernel: Killed process 1 (x) total-vm:1kB",  // in corosync's file
    "<13>Nov 23 08:02:11 n1 kernel: Killed process 1 (x) total-vm:1kB",   // facility user
    "<13>1 2026-11-23T08:02:11Z n1 kernel - - - Killed process 1 (x)",    // the same
    "<30>1 2026-11-23T08:02:11Z n1 corosync 61 - [a b=\"] [TOTEM ] x",    // unended structured data
    "kernel: Killed process 1 (x) total-vm:1kB",
    "Nov 23 08:02:11 n1 corosync-notifyd[9]: x",
    "Nov 23 08:02:11 n1 corosyncer[9]: x",
    "Nov 23 08:02:1 n1 kernel: x",
    "2026-11-23T08:02:11.123+01:000 n1 kernel: x",
    "[61] n1 kernel: x",
    "[61] n1 corosyncloud  [QUORUM] x",
    "-- Journal begins at Mon 2026-11-23 08:02:11 CET. --",
};

int64_t utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = hour;
  tm.tm_min = minute;
  tm.tm_sec = second;
  return static_cast<int64_t>(timegm(&tm)) * 1'000'000;
}

int64_t read(std::string_view stamp, int64_t reference, const TimeZone& zone = {}) { return SyslogTime(zone).time_us(stamp, reference); }

TimeZone zone(const char* name) {
  TimeZone zone;
  REQUIRE(TimeZone::parse(test::slurp(std::string(FIXTURES "/zones/") + name), zone));
  return zone;
}

}  // namespace

TEST_CASE("A line of every shape is taken apart") {
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.line);
    Entry entry;
    REQUIRE(syslog::parse(shape.line, entry));
    CHECK(entry.channel == shape.channel);
    CHECK(entry.identifier == shape.identifier);
    CHECK(entry.pid == shape.pid);
    CHECK(entry.stamp == shape.stamp);
    CHECK(entry.text == shape.text);
    CHECK(entry.repeated == shape.repeated);
  }
}

TEST_CASE("What another says, or nobody, is no line of ours") {
  for (const std::string_view line : kNotOurs) {
    CAPTURE(line);
    Entry entry;
    CHECK_FALSE(syslog::parse(line, entry));
  }
}

TEST_CASE("A prefix of a line is taken apart within its bounds, and never says more than the line") {
  for (const Shape& shape : kShapes) {
    for (size_t n = 0; n < shape.line.size(); ++n) {
      CAPTURE(n);
      const std::string prefix(shape.line.substr(0, n));  // a buffer of its own, so that ASan sees a read behind its end
      Entry entry;
      if (!syslog::parse(prefix, entry)) continue;
      CHECK(entry.channel == shape.channel);
      CHECK(entry.identifier == shape.identifier);
      CHECK(entry.text.size() <= prefix.size());
    }
  }
}

TEST_CASE("NUL bytes before a line, as a truncated file has them, do not hide it") {
  const std::string line = std::string(100, '\0') + "Nov 23 08:02:11 n1 kernel: x";
  Entry entry;
  REQUIRE(syslog::parse(line, entry));
  CHECK(entry.text == "x");
}

TEST_CASE("Where a line can begin") {
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.line);
    CHECK(syslog::starts_line(shape.line) == !shape.line.starts_with('['));
  }
  CHECK_FALSE(syslog::starts_line("2 08:02:11 n1 kernel: x"));
  CHECK_FALSE(syslog::starts_line(""));
}

TEST_CASE("Every speaker has a channel, and is found as the line says it") {
  for (const auto& [identifier, channel] : syslog::speakers()) {
    CAPTURE(identifier);
    CHECK(syslog::channel_of(identifier) == channel);
    CHECK_FALSE(syslog::channel_of(std::string(identifier) + "x"));
  }
}

TEST_CASE("The year that a time does not tell is the last that is at most a day ahead") {
  const int64_t november = utc(2026, 11, 26, 12);
  CHECK(read("Nov 23 08:02:11", november) == utc(2026, 11, 23, 8, 2, 11));
  CHECK(read("Nov  3 08:02:11", november) == utc(2026, 11, 3, 8, 2, 11));
  CHECK(read("Nov 27 11:59:59", november) == utc(2026, 11, 27, 11, 59, 59));
  CHECK(read("Nov 27 12:02:00", november) == utc(2025, 11, 27, 12, 2, 0));
  CHECK(read("Dec 31 23:59:59", utc(2027, 1, 1)) == utc(2026, 12, 31, 23, 59, 59));
  CHECK(read("Jan  1 00:00:01", utc(2026, 12, 31, 23, 59, 59)) == utc(2027, 1, 1, 0, 0, 1));
  CHECK(read("Feb 29 00:00:00", november) == utc(2024, 2, 29));
  CHECK(read("Feb 29 00:00:00", utc(2103, 1, 1)) == utc(2096, 2, 29));
}

TEST_CASE("Fractions, zones, and times that are none") {
  const TimeZone berlin = zone("Berlin");
  const int64_t reference = utc(2026, 11, 26);
  const auto at = [&](std::string_view stamp, int64_t reported) { return read(stamp, reported, berlin); };
  CHECK(at("Nov 23 08:02:11.442", reference) == utc(2026, 11, 23, 7, 2, 11) + 442'000);
  CHECK(at("Jul 23 08:02:11", reference) == utc(2026, 7, 23, 6, 2, 11));
  CHECK(at("2026-11-23T08:02:11.123456789+05:30", 0) == utc(2026, 11, 23, 2, 32, 11) + 123'456);
  CHECK(at("2026-11-23T08:02:11-0200", 0) == utc(2026, 11, 23, 10, 2, 11));
  CHECK(at("2026-11-23T08:02:11+05", 0) == utc(2026, 11, 23, 3, 2, 11));
  CHECK(at("2026-11-23T08:02:11Z", 0) == utc(2026, 11, 23, 8, 2, 11));
  CHECK(at("2026-07-23 08:02:11,5", 0) == utc(2026, 7, 23, 6, 2, 11) + 500'000);
  CHECK(at("2024-02-29T23:59:60Z", 0) == utc(2024, 3, 1));
  for (const char* none :
       {"", "Nov 23", "Nov 31 08:02:11", "Nov  0 08:02:11", "Xyz 23 08:02:11", "ovD 23 08:02:11", "Nov 23 24:02:11", "2026-13-23T08:02:11Z",
        "2026-02-29T08:02:11Z", "2026-11-23T08:60:11Z", "2026-11-23T08:02:11+01:0", "13月 21 12:26:06", "1779787810", "Fri 2026-05-15"}) {
    CAPTURE(none);
    CHECK(at(none, reference) == 0);
  }
}

TEST_CASE("Times of other tools, other languages, and with the name of a zone") {
  const TimeZone shanghai = zone("Shanghai");
  const int64_t reference = utc(2026, 11, 26);
  const auto at = [&](std::string_view stamp) { return read(stamp, reference, shanghai); };
  CHECK(at("Oct 1 02:43:21") == utc(2026, 9, 30, 18, 43, 21));
  CHECK(at("11月 21 12:26:06") == utc(2026, 11, 21, 4, 26, 6));
  CHECK(at("5月 15 12:26:06.5") == utc(2026, 5, 15, 4, 26, 6) + 500'000);
  CHECK(at("9 月 16 日 19:31:43") == utc(2026, 9, 16, 11, 31, 43));
  CHECK(at("9月 16日 19:31:43") == utc(2026, 9, 16, 11, 31, 43));
  CHECK(at("2025年 9月 16日 19:31:43") == utc(2025, 9, 16, 11, 31, 43));
  CHECK(at("11월 21 12:26:06") == utc(2026, 11, 21, 4, 26, 6));
  CHECK(at("Mär 23 08:02:11") == utc(2026, 3, 23, 0, 2, 11));
  CHECK(at("déc. 23 08:02:11") == utc(2025, 12, 23, 0, 2, 11));
  CHECK(at("мая 03 08:02:11") == utc(2026, 5, 3, 0, 2, 11));
  CHECK(at("kwi 03 08:02:11") == 0);  // April, but who knows
  CHECK(at("Fri 2026-05-15 17:43:16.123456 CST") == utc(2026, 5, 15, 9, 43, 16) + 123'456);
  CHECK(at("Fri 2026-05-15 17:43:16 UTC") == utc(2026, 5, 15, 17, 43, 16));
  CHECK(at("Fri 2026-05-15 17:43:16 +0545") == utc(2026, 5, 15, 11, 58, 16));
  CHECK(at("Fri 2026-05-15 17:43:16 -03") == utc(2026, 5, 15, 20, 43, 16));
  CHECK(at("五 2026-05-15 17:43:16 CST") == utc(2026, 5, 15, 9, 43, 16));
  CHECK(at("Tue Nov  4 13:59:19 2025") == utc(2025, 11, 4, 5, 59, 19));
  CHECK(at("Nov  4 2024 13:59:19") == utc(2024, 11, 4, 5, 59, 19));
  CHECK(at("1779787810.123456") == 1'779'787'810'123'456);
}

TEST_CASE("The clock is set back: in order the hour that is there twice, or as the name of the zone says") {
  const int64_t reference = utc(2026, 11, 26);
  SyslogTime york(zone("New_York"));
  CHECK(york.time_us("Nov  1 00:59:59", reference) == utc(2026, 11, 1, 4, 59, 59));
  CHECK(york.time_us("Nov  1 01:30:00", reference) == utc(2026, 11, 1, 5, 30));
  CHECK(york.time_us("Nov  1 01:29:59", reference) == utc(2026, 11, 1, 5, 29, 59));  // another daemon was a second late
  CHECK(york.time_us("Nov  1 01:10:00", reference) == utc(2026, 11, 1, 6, 10));
  CHECK(york.time_us("Nov  1 02:00:00", reference) == utc(2026, 11, 1, 7));
  CHECK(york.time_us("Sun 2026-11-01 01:30:00 EST", reference) == utc(2026, 11, 1, 6, 30));
  CHECK(york.time_us("Sun 2026-11-01 01:30:00 EDT", reference) == utc(2026, 11, 1, 5, 30));
  SyslogTime lord_howe(zone("Lord_Howe"));  // by half an hour, on 5 April and 4 October
  CHECK(lord_howe.time_us("Apr  5 01:45:00", reference) == utc(2026, 4, 4, 14, 45));
  CHECK(lord_howe.time_us("Apr  5 01:35:00", reference) == utc(2026, 4, 4, 15, 5));
  CHECK(lord_howe.time_us("Apr  5 02:00:00", reference) == utc(2026, 4, 4, 15, 30));
  CHECK(lord_howe.time_us("Oct  4 01:59:59", reference) == utc(2026, 10, 3, 15, 29, 59));
  CHECK(lord_howe.time_us("Oct  4 02:30:00", reference) == utc(2026, 10, 3, 15, 30));
  CHECK(lord_howe.time_us("Jan  1 00:00:00", reference) == utc(2025, 12, 31, 13));
}

TEST_CASE("The last message repeated is the line before it, if that was ours") {
  constexpr std::string_view kRepeated = "Nov 23 08:02:41 n2 last message repeated 5 times";
  syslog::Lines lines;
  Entry entry;
  CHECK_FALSE(lines.parse(kRepeated, entry));
  CHECK(lines.parse("Nov 23 08:02:11 n2 corosync[61]:   [TOTEM ] Retransmit List: 1 ", entry));
  for (const int times : {1, 2}) {  // it stays the last
    CAPTURE(times);
    REQUIRE(lines.parse(kRepeated, entry));
    CHECK(entry.channel == Channel::corosync);
    CHECK(entry.text == "[TOTEM ] Retransmit List: 1 ");
    CHECK(entry.stamp == "Nov 23 08:02:41");
    CHECK(entry.repeated == 5);
  }
  CHECK_FALSE(lines.parse("Nov 23 08:02:42 n2 sshd[1]: x", entry));
  CHECK_FALSE(lines.parse(kRepeated, entry));
  for (const std::string_view none : {"Nov 23 08:02:41 n2 last message repeated 0 times", "Nov 23 08:02:41 n2 last message repeated times",
                                      "Nov 23 08:02:41 n2 last message repeated many times", "last message repeated 5 times"}) {
    CHECK(lines.parse("Nov 23 08:02:11 n2 corosync[61]:   [TOTEM ] x", entry));
    CHECK_FALSE(lines.parse(none, entry));
  }
}
