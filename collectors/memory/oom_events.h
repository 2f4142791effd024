// What the kernel's log tells of memory that is gone: kills, each once, and whose they were; allocations that failed; panics.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/host/pods.h"
#include "collectors/memory/oom_log.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {

// Of the collector oom; the first is counted by the kernel and not here.
inline constexpr Family kOomFamilies[] = {
    {"fencewatch_oom_kills_total", Type::counter,
     "Processes killed for want of memory, of the whole machine or of a memory cgroup alike, from oom_kill in /proc/vmstat (since 4.13).",
     ""},
    {"fencewatch_oom_kill_events_total", Type::counter,
     "Processes killed for want of memory, by what was short, from the kernel's log; goes on over restarts. In a syslog file "
     "(log_source_info tells) users can write such lines too.",
     "constraint"},
    {"fencewatch_oom_last_kill_timestamp_seconds", Type::gauge,
     "When a process was last killed for want of memory, in seconds since 1970, from the kernel's log.", ""},
    {"fencewatch_oom_kills_by_workload_total", Type::counter,
     "Processes of pods killed for want of memory, from the cgroup in the kernel's log and the names in /var/log/containers and "
     "/var/log/pods; pod is its uid where it has no name there; other are those beyond 100.",
     "container,namespace,pod"},
    {"fencewatch_oom_no_killable_total", Type::counter,
     "Times memory was short and there was nothing to kill, 'Out of memory and no killable processes' in the kernel's log.", ""},
    {"fencewatch_page_allocation_failures_total", Type::counter,
     "Allocations that failed, by order, 'page allocation failure' in the kernel's log, which tells one in 10 s at most.", "order"},
    {"fencewatch_oom_panics_total", Type::counter, "Panics for want of memory, from the kernel's log.", ""},
};

// The half of the collector oom that hears lines: on_event(), memory() and remember() are called on the reading thread, the others on the
// collecting one, at the same time.
class OomEvents {
 public:
  OomEvents();
  void on_event(const Match& match);
  std::string memory() const;
  void remember(std::string_view memory);

  // Directories are listed here and not when a line comes: a list can hang. Most containers are known from the last time; the killed in
  // those that are not wait until now.
  void name_pods(const Node& node);
  Counts& counts() { return counts_; }
  void write(Page& page) const;

 private:
  void killed(const OomKill& kill, int64_t time_us);
  void count(const Workload& workload);

  Counts counts_{kOomFamilies};
  std::array<prometheus::Counter*, kOomConstraints> kills_;
  std::array<const prometheus::Counter*, 4> small_failures_;  // up to order 3 (PAGE_ALLOC_COSTLY_ORDER) the kernel tries hard not to fail
  OomLog log_;                                                // the reading thread's
  std::chrono::steady_clock::time_point renewed_;
  mutable std::mutex mutex_;
  Pods pods_;
  std::vector<PodCgroup> pending_;  // killed in a container that pods_ does not know
};

}  // namespace fencewatch
