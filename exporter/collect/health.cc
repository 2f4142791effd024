#include "exporter/collect/health.h"

#include <charconv>

#include "exporter/base/log.h"
#include "exporter/memory/locking.h"
#include "exporter/memory/realtime.h"

namespace fencewatch::health {
namespace {

enum Index {
  kUp,
  kAvailable,
  kDuration,
  kRunning,
  kFailures,
  kFailing,
  kRecent,
  kBuild,
  kLocked,
  kRealtime,
  kLateThreads,
  kDropped,
  kMajorFaults,
  kCpu,
  kResident,
  kVirtual,
  kStart,
  kOpenFiles,
  kMaxFiles,
  kFamilies
};

constexpr std::array<Family, kFamilies> kTable = {{
    {"fencewatch_collector_up", Type::gauge,
     "Whether the collector's values are in this scrape (1), or it failed, did not come back in time or has nothing to read (0), from the "
     "exporter itself.",
     "collector"},
    {"fencewatch_collector_available", Type::gauge,
     "Whether this node has what the collector reads (1) or not, e.g. no corosync (0), from the exporter itself.", "collector"},
    {"fencewatch_collector_duration_seconds", Type::gauge, "How long the last finished collection took, from the exporter itself.",
     "collector"},
    {"fencewatch_collector_running_seconds", Type::gauge,
     "Since when the collector has been at work, 0 when idle; grows while it is stuck, from the exporter itself.", "collector"},
    {"fencewatch_collector_failures_total", Type::counter, "Failed collections and samples by reason, from the exporter itself.",
     "collector,reason"},
    {"fencewatch_collector_failing", Type::gauge,
     "1 for a collector that has something to read and is not in this scrape, with the reason; absent when nothing is wrong, from the "
     "exporter itself.",
     "collector,reason"},
    {"fencewatch_recent_increase", Type::gauge,
     "By how much a counter that rules look at has grown in the last ten minutes; told for 25 minutes after it has, so that a healthy "
     "node has none, from the exporter itself.",
     "counter"},
    {"fencewatch_build_info", Type::gauge, "1, with what this binary was built from, from the exporter itself.",
     "version,revision,compiler"},
    {"fencewatch_memory_locked", Type::gauge,
     "Whether the exporter's memory is locked and cannot be reclaimed (1) or not (0), from mlockall.", ""},
    {"fencewatch_process_realtime", Type::gauge,
     "Whether the threads that collect and answer run with a real-time priority (1), as corosync does, or hang with everything else when "
     "memory is gone (0), from sched_setscheduler.",
     ""},
    {"fencewatch_threads_created_after_lock_total", Type::counter,
     "Threads of the exporter beyond those that were there when its memory was locked, the most at once, from /proc/self/task.", ""},
    {"fencewatch_log_records_dropped_total", Type::counter,
     "Records of the exporter's own log that were dropped because their reader was too slow, from the exporter itself.", ""},
    {"fencewatch_process_major_faults_total", Type::counter, "Page faults of the exporter that had to read from disk, from getrusage.", ""},
    {"process_cpu_seconds_total", Type::counter, "Total user and system CPU time spent in seconds, from getrusage.", ""},
    {"process_resident_memory_bytes", Type::gauge, "Resident memory size in bytes, from /proc/self/statm.", ""},
    {"process_virtual_memory_bytes", Type::gauge, "Virtual memory size in bytes, from /proc/self/statm.", ""},
    {"process_start_time_seconds", Type::gauge, "Start time of the process since unix epoch in seconds, from /proc/self/stat.", ""},
    {"process_open_fds", Type::gauge, "Number of open file descriptors, from /proc/self/fd.", ""},
    {"process_max_fds", Type::gauge, "Maximum number of open file descriptors, from getrlimit.", ""},
}};

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

template <class T>
void write_known(const Family& family, const std::optional<T>& value, Page& page) {
  if (value) page.one(family, *value);
}

}  // namespace

std::span<const Family> families() { return kTable; }

void write(std::span<const Collector> collectors, RecentIncrease::Clock::time_point now, Page& page) {
  page.begin(kTable[kUp]);
  for (const Collector& c : collectors) page.sample(c.label.view(), {}, uint64_t{c.up});
  page.begin(kTable[kAvailable]);
  for (const Collector& c : collectors) page.sample(c.label.view(), {}, uint64_t{c.available});
  page.begin(kTable[kDuration]);
  for (const Collector& c : collectors) page.sample(c.label.view(), {}, seconds(c.duration));
  page.begin(kTable[kRunning]);
  for (const Collector& c : collectors) page.sample(c.label.view(), {}, seconds(c.running));
  page.begin(kTable[kFailures]);
  for (const Collector& c : collectors)
    for (int code = 0; code < kCodes; ++code)
      if (is_failure(Code(code))) page.sample(c.label.view(), {{"reason", name(Code(code))}}, c.failures[static_cast<size_t>(code)]);
  page.begin(kTable[kFailing]);
  for (const Collector& c : collectors)
    if (is_failure(c.failing)) page.sample(c.label.view(), {{"reason", name(c.failing)}}, uint64_t{1});
  page.begin(kTable[kRecent]);
  for (const Collector& c : collectors)
    c.recent->each(now, [&](std::string_view counter, double increase) { page.sample({{"counter", counter}}, increase); });
}

void write(const Build& build, const ProcessUsage& usage, Page& page) {
  page.begin(kTable[kBuild]);
  page.sample({{"version", build.version}, {"revision", build.revision}, {"compiler", kCompiler}}, uint64_t{1});
  page.one(kTable[kLocked], uint64_t{memory::locked()});
  page.one(kTable[kRealtime], uint64_t{realtime::active()});
  if (usage.threads > 0) page.one(kTable[kLateThreads], usage.late_threads);
  page.one(kTable[kDropped], log::dropped());
  page.one(kTable[kMajorFaults], usage.major_faults);
  page.one(kTable[kCpu], usage.cpu_seconds);
  write_known(kTable[kResident], usage.resident_bytes, page);
  write_known(kTable[kVirtual], usage.virtual_bytes, page);
  write_known(kTable[kStart], usage.start_time, page);
  write_known(kTable[kOpenFiles], usage.open_files, page);
  write_known(kTable[kMaxFiles], usage.max_files, page);
}

void tell(std::string_view collector, const Status& status, std::string_view detail) {
  char place[256];
  size_t size = status.file.copy(place, sizeof place - 16);
  if (status.line > 0) {
    place[size++] = ':';
    size = static_cast<size_t>(std::to_chars(place + size, place + sizeof place, status.line).ptr - place);
  }
  const std::string_view file{place, size};
  if (status.code == Code::ok)
    log::info("collector works again", {{"collector", collector}});
  else if (status.code == Code::missing)
    log::info("nothing to read for this collector", {{"collector", collector}, {"file", file}});
  else
    log::warn("collector failed", {{"collector", collector}, {"reason", name(status.code)}, {"file", file}, {"text", detail}});
}

}  // namespace fencewatch::health
