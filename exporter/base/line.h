// One line of a log, as the collectors get to see it.
#pragma once

#include <cstdint>
#include <string_view>

namespace fencewatch {

// host: what other programs say of the life of the machine and its cluster, e.g. systemd, spausedd, watchdog-mux.
enum class Channel : uint8_t { kernel, corosync, pacemaker, sbd, host };
inline constexpr int kChannels = 5;

// Behind them the files of the user's own rules, each a channel of its own in which every line counts.
inline constexpr int kPlainFiles = 8;
inline constexpr int kAllChannels = kChannels + kPlainFiles;
constexpr Channel plain_file(int number) { return static_cast<Channel>(kChannels + number); }

// As in the label `channel`; that of a file is its path, which is not known here.
constexpr std::string_view name(Channel channel) {
  constexpr std::string_view names[kChannels] = {"kernel", "corosync", "pacemaker", "sbd", "host"};
  return static_cast<int>(channel) < kChannels ? names[static_cast<int>(channel)] : "file";
}

// Lives during the call that hands it on. What its channel's speaker did not say itself, as far as the source can tell, never
// becomes a Line: see source.h.
struct Line {
  Channel channel;
  std::string_view text;        // the message, without time, host, identifier and pid
  std::string_view identifier;  // who says so: "kernel", "corosync", "pacemaker-fenced"; empty where the source does not tell
  int64_t time_us = 0;          // Unix time in microseconds; 0: unknown
  uint32_t repeated = 1;        // "message repeated N times" counts N
  std::string_view file = {};   // where it stands, below the root; empty: in no file, or in one that is followed
  uint64_t number = 0;          // of the line there, the first is 1; 0: unknown
};

}  // namespace fencewatch
