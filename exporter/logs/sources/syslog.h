// One line of a log file taken apart: who says what, and when. Pure: no I/O, no clock.
//
// Known shapes, TIME as in syslog_time.h:
//   TIME n1 corosync[61]:   [KNET  ] link: …                 rsyslog, syslog-ng, journalctl -o short, short-full, short-iso, short-unix
//   TIME corosync[61]:   [KNET  ] link: …                    without the host
//   TIME n1 kern.err kernel: [  12.345678] …                 BusyBox; OpenWrt without the host
//   TIME|err|kernel[-]|[  12.345678] …                       EulerOS, Huawei Cloud EulerOS
//   <6>1 TIME n1 kernel - - - …                              RFC 5424; <PRI> may precede the others as well
//   TIME [61] n1 corosync notice  [TOTEM ] …                 corosync's own file, 2.x and 3.x; `timestamp: hires` as well
//   [61] n1 corosyncnotice  [QUORUM] …                       the same with `timestamp: off`
//   TIME corosync [TOTEM ] …                                 corosync 1.4
//   TIME n2 pacemaker-controld  [1323] (function) <TAB>crit: …     pacemaker 2 and later, own file
//   TIME [1323] n2       crmd:   notice: function: …         pacemaker 1.1, own file or corosync's
//   corosync[61]:   [KNET  ] link: …                         without a time
//   [  12.345678] n1 corosync[61]:   [KNET  ] link: …        journalctl -o short-monotonic
//   kern  :err   : [  12.345678] …                           dmesg -x, talosctl dmesg
//   {"MESSAGE":"…", …}                                       journalctl -o json, -o export, in Lines: journal_record.h
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
#include "exporter/logs/sources/journal_record.h"

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
  std::string_view text;        // as clean() leaves it, syslog_text.h
  uint32_t pid = 0;             // 0: not told
  uint32_t repeated = 1;        // N of "message repeated N times: [ text]"
  bool from_stderr = false;     // corosync's, passed on by a journal to a file: "corosync[61]: notice  [TOTEM ] …", see stderr_pairs.h
};

// `line` is without its newline, and outlives `out`. False: it is no such line, or none of our channels.
bool parse(std::string_view line, Entry& out);

// A line of what holds the kernel's messages alone, as dmesg(1) prints it with any of its options. False: another facility speaks.
bool parse_kernel(std::string_view line, Entry& out);

// The lines of one file in their order, which journalctl's records of several lines need, and is what "n1 last message repeated 5 times"
// (sysklogd, rsyslog before 8) needs: the line before it again, whoever said that.
class Lines {
 public:
  // As the function; `out` may look at what is kept here until the next call.
  bool parse(std::string_view line, Entry& out);
  // The file has ended. True: what was read of it was one more.
  bool finish(Entry& out);
  // The line before the next is not known.
  void begin() {
    last_.clear();
    record_.begin();
  }

 private:
  bool from_record(Entry& out);

  JournalRecord record_;
  std::string stamp_;  // of the record
  std::string last_;   // empty: none of our channels
};

// Whether a line can begin here, of which 48 bytes are enough: a time, <PRI>, a record of the journal.
bool starts_line(std::string_view text);

}  // namespace fencewatch::syslog
