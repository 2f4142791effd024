// One line of a log file taken apart: who says what, and when. Pure: no I/O, no clock.
//
// Known shapes, as rsyslog, journalctl, corosync and pacemaker write them:
//   Nov 23 08:02:11 n1 corosync[61]:   [KNET  ] link: …                       RFC 3164, also with a fraction of the second
//   2026-11-23T08:02:11.123456+01:00 n1 kernel: [  12.345678] …               rsyslog, high precision; journalctl -o short-iso
//   <6>1 2026-11-23T08:02:11Z n1 kernel - - - …                               RFC 5424; <PRI> may precede the first two as well
//   Nov 23 08:01:37 [61] n1 corosync notice  [TOTEM ] …                       corosync's own file, 2.x and 3.x; `timestamp: hires` as well
//   [61] n1 corosyncnotice  [QUORUM] …                                        the same with `timestamp: off`
//   Nov 23 08:01:37 corosync [TOTEM ] …                                       corosync 1.4
//   Feb 20 03:29:09 n2 pacemaker-controld  [1323] (function) <TAB>crit: …     pacemaker 2 and later, own file
//   Feb 20 03:29:09 [1323] n2       crmd:   notice: function: …               pacemaker 1.1, own file or corosync's
//
// Trust: what syslog writes to a file under "kernel:" may have been said by any user (`logger -t kernel`): a plain file does not tell. Told
// apart are a kernel with a process id, a kernel of another facility where <PRI> is written, and whoever quotes "kernel:" in his text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "exporter/base/line.h"

namespace fencewatch::syslog {

// Who speaks on a channel. "corosync", "pacemaker-fenced", the pacemaker 1.1 names such as "crmd", ….
struct Speaker {
  std::string_view identifier;
  Channel channel;
};
std::span<const Speaker> speakers();
std::optional<Channel> channel_of(std::string_view identifier);

struct Entry {
  Channel channel = Channel::kernel;
  std::string_view stamp;       // the time as it is written, for SyslogTime; empty: none
  std::string_view identifier;  // without the process id
  std::string_view text;        // as clean() leaves it
  uint32_t pid = 0;             // 0: not told
  uint32_t repeated = 1;        // N of "message repeated N times: [ text]"
  bool from_stderr = false;     // corosync's, passed on by a journal to a file: "corosync[61]: notice  [TOTEM ] …", see twins.h
};

// `line` is without its newline, and outlives `out`. False: it is no such line, or none of our channels.
bool parse(std::string_view line, Entry& out);

// The lines of one file in their order, which is what "n1 last message repeated 5 times" (sysklogd, rsyslog before 8) needs: the line
// before it again, whoever said that.
class Lines {
 public:
  // As the function; `out` may look at what is kept here until the next call.
  bool parse(std::string_view line, Entry& out);
  void begin() { last_.clear(); }  // the line before the next is not known

 private:
  std::string last_;  // empty: none of our channels
};

// Whether a line can begin here: a time or <PRI>.
bool starts_line(std::string_view text);

// The message without what differs between the ways to the same log: leading blanks, the kernel's "[  12.345678]", the time and level
// that corosync writes before its "[TOTEM ]" into files and to stderr, pacemaker's "(function) <TAB>" and "[pid]: ".
std::string_view clean(Channel channel, std::string_view text);

// Reads times, in the local zone where they name none. Remembers the last minute: mktime(3) costs a microsecond.
class SyslogTime {
 public:
  // Microseconds since 1970; 0: unreadable. A year that is missing is the last one that puts the time at most a day behind `reference_us`:
  // the time of reading, or of the file's last change.
  int64_t time_us(std::string_view stamp, int64_t reference_us);

 private:
  std::string minute_;  // "Nov 23 08:02"
  int64_t reference_us_ = 0;
  int64_t minute_us_ = 0;
};

}  // namespace fencewatch::syslog
