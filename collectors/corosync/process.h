// The process named corosync: proc(5) /proc/PID/{stat,status,cgroup}, and the pressure of its cgroup (cgroup v2).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "collectors/memory/psi.h"
#include "exporter/node/node.h"

namespace fencewatch {

// What /proc/PID/stat says.
struct ProcessStat {
  std::string_view command;  // a view into the text
  char state = 0;
  uint64_t major_faults = 0;
  uint64_t start_time = 0;  // in ticks since boot: with the pid it names the process
  uint64_t policy = 0;      // SCHED_*
};
Status parse_process_stat(std::string_view text, ProcessStat& out);

// VmLck of /proc/PID/status in bytes; absent for a kernel thread.
Status parse_locked_bytes(std::string_view text, std::optional<uint64_t>& out);

// The path of the v2 hierarchy ("0::") in /proc/PID/cgroup, empty when the process is in none that can be named from here.
std::string_view parse_cgroup(std::string_view text);

// Found once, then looked at by its pid. When it is gone /proc is searched again, with pauses of 1 s … 60 s.
class CorosyncProcess {
 public:
  struct Seen {
    uint64_t pid;
    bool realtime;  // of the main thread: SCHED_FIFO, SCHED_RR or SCHED_DEADLINE
    uint64_t major_faults;
    std::optional<uint64_t> locked_bytes;
    std::optional<Psi> memory_pressure;
  };

  Status look(const Node& node, std::chrono::steady_clock::time_point now);
  // Absent when it does not run, or is not to be seen in this /proc.
  const std::optional<Seen>& seen() const { return seen_; }
  uint64_t generation() const { return generation_; }  // another one for each process found
  // For how long it has run; absent when that cannot be told.
  std::optional<std::chrono::seconds> age(const Node& node);
  // Whether this /proc has processes at all: that of a recorded tree has not.
  bool live() const { return live_; }

 private:
  Status search(const Node& node);
  Status look_at(const Node& node, uint64_t pid, bool& is_it);
  Status details(const Node& node);

  std::optional<Seen> seen_;
  uint64_t start_time_ = 0;
  uint64_t generation_ = 0;
  bool live_ = false;
  std::string pressure_path_;  // of its cgroup; empty: none
  std::chrono::steady_clock::time_point next_search_{};
  std::chrono::seconds pause_{1};
  Bytes text_;
  Names names_;
};

}  // namespace fencewatch
