// What the kernel says when memory is gone, 2.6 to 6.x (mm/oom_kill.c, mm/memcontrol.c, mm/page_alloc.c), also where a vendor's 4.19 has
// lines of both old and new kernels. One kill is told in up to four lines; they are put together here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "exporter/collect/collector.h"

namespace fencewatch {

enum class OomConstraint : uint8_t { global, memcg, cpuset, mempolicy, unknown };
inline constexpr int kOomConstraints = 5;

constexpr std::string_view name(OomConstraint constraint) {
  constexpr std::string_view names[kOomConstraints] = {"global", "memcg", "cpuset", "mempolicy", "unknown"};
  return names[static_cast<int>(constraint)];
}

struct OomKill {
  uint32_t pid = 0;
  OomConstraint constraint = OomConstraint::unknown;
  std::string memcg;  // the victim's memory cgroup, or its parent's where the kernel chose a child; empty: not told
};

class OomLog {
 public:
  // Those up to killed are for hear(), the others are counted as they are. Their first group is the order of allocation_failure.
  enum Heard { invoked, summary_begun, summary_rest, summary, intent, task, group, killed, no_killable, panic, allocation_failure };
  static std::span<const Pattern> patterns();

  // The kill, when the line is the one that tells of it and it was not told before: "Killed process". With memory.oom.group the kernel
  // prints that of the first victim twice.
  std::optional<OomKill> hear(const Match& match);

  // What is known of the lines so far, for Collector::memory(); and that again. Text that it is not is left alone.
  std::string memory() const;
  void remember(std::string_view memory);

 private:
  // What was said since the last "invoked oom-killer".
  struct About {
    int64_t time_us = 0;
    uint32_t pid = 0;  // whom the summary names
    OomConstraint constraint = OomConstraint::unknown;
    std::string memcg;
    bool intends = false;     // "Kill process A or sacrifice child": the next killed may be another
    bool spent = false;       // that one was told
    bool group = false;       // all of memcg are killed
    bool summarised = false;  // and no kill told since
  };
  void join(const Match& match);
  void summarise(const Match& match);
  bool follows_summary(OomConstraint told) const;
  bool seen(uint32_t pid, int64_t time_us);

  About about_;
  OomConstraint intended_ = OomConstraint::unknown;
  // A summary that began and has not ended yet: it came in several records. Not kept over a restart between two of them.
  struct {
    int64_t time_us = 0;
    std::string text;
  } torn_;
  struct Victim {
    uint32_t pid = 0;
    int64_t time_us = 0;
  };
  std::array<Victim, 256> victims_;  // the last ones
  size_t next_ = 0;
};

}  // namespace fencewatch
