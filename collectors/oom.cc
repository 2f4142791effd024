// What the OOM killer has killed, /proc/vmstat and the kernel's log; and whose it was.
#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectors/oom_log.h"
#include "collectors/pods.h"
#include "collectors/vmstat.h"
#include "exporter/collector.h"
#include "exporter/events/counts.h"
#include "exporter/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/vmstat";

enum { kKills, kEvents, kLast, kByWorkload, kNoKillable, kAllocationFailures, kPanics };
constexpr Family kFamilies[] = {
    {"fencewatch_oom_kills_total", Type::counter,
     "Processes killed for want of memory, of the whole machine or of a memory cgroup alike, from oom_kill in /proc/vmstat (since 4.13).",
     ""},
    {"fencewatch_oom_kill_events_total", Type::counter,
     "Processes killed for want of memory, by what was short, from the kernel's log, which a fence does not set back to 0. Where it is "
     "read "
     "from a syslog file (log_source_info) users can write such lines too.",
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
     "Allocations that failed, by the order of the block, 'page allocation failure' in the kernel's log, which tells at most one each 10 "
     "s.",
     "order"},
    {"fencewatch_oom_panics_total", Type::counter, "Panics for want of memory, from the kernel's log.", ""},
};

constexpr int kOrders = 11;  // there from the start; 64 kB pages and huge zones have more
constexpr size_t kMostOrders = 20, kMostWorkloads = 100, kMostPending = 256;
constexpr std::chrono::seconds kRenew{60};

class Oom final : public Collector {
 public:
  Oom() {
    for (int i = 0; i < kOomConstraints; ++i) event_of(static_cast<OomConstraint>(i));
    for (int order = 0; order < kOrders; ++order) counts_.counter(kFamilies[kAllocationFailures], {{"order", std::to_string(order)}});
    for (const int family : {kNoKillable, kPanics}) counts_.counter(kFamilies[family]);
  }

  Status collect(const Node& node, Page& page) override {
    const Status status = node.read(kPath, text_);
    if (!status && status.code != Code::missing) return status;  // what was taken from a node for analysis may have but its logs
    if (status) {
      Vmstat vmstat;
      if (const Status parsed = parse_vmstat(text_, vmstat); !parsed) return parsed.of(kPath);
      if (const auto kills = vmstat[Vm::oom_kill]) page.one(kFamilies[kKills], *kills);
    }
    name_pods(node);
    counts_.write(page);
    return {};
  }

  std::span<const Pattern> patterns() const override { return OomLog::patterns(); }
  Counts* counts() override { return &counts_; }

  void on_event(const Match& match) override {
    const uint32_t times = match.line.repeated;
    switch (match.pattern) {
      case OomLog::no_killable:
        return counts_.counter(kFamilies[kNoKillable]).Increment(times);
      case OomLog::panic:
        return counts_.counter(kFamilies[kPanics]).Increment(times);
      case OomLog::allocation_failure: {
        const Family& failures = kFamilies[kAllocationFailures];
        return counts_.counter(failures, {{"order", counts_.bounded(failures, "order", match.groups[0], kMostOrders)}}).Increment(times);
      }
      default:
        if (const auto kill = log_.hear(match)) killed(*kill, match.line.time_us);
    }
  }

 private:
  prometheus::Counter& event_of(OomConstraint constraint) {
    return counts_.counter(kFamilies[kEvents], {{"constraint", std::string(name(constraint))}});
  }

  void killed(const OomKill& kill, int64_t time_us) {
    event_of(kill.constraint).Increment();
    if (time_us > 0) {
      prometheus::Gauge& last = counts_.gauge(kFamilies[kLast]);
      last.Set(std::max(last.Value(), static_cast<double>(time_us) / 1e6));
    }
    auto cgroup = pod_of(kill.memcg);
    if (!cgroup) return;
    const std::lock_guard lock(mutex_);
    if (const Workload* workload = pods_.find(*cgroup)) return count(*workload);
    if (pending_.size() >= kMostPending) return count({"other", "other", "other"});
    pending_.push_back(*std::move(cgroup));
  }

  void count(const Workload& workload) {
    prometheus::Labels labels = {{"namespace", workload.name_space}, {"pod", workload.pod}, {"container", workload.container}};
    if (!counts_.room(kFamilies[kByWorkload], labels, kMostWorkloads))
      for (auto& label : labels) label.second = "other";
    counts_.counter(kFamilies[kByWorkload], labels).Increment();
  }

  // Directories are listed here and not when a line comes: a list can hang, and most containers are known from the last time. Those that
  // are not wait until now.
  void name_pods(const Node& node) {
    std::vector<PodCgroup> pending;
    {
      const std::lock_guard lock(mutex_);
      pending.swap(pending_);
    }
    const auto now = std::chrono::steady_clock::now();
    if (pending.empty() && renewed_ != decltype(renewed_){} && now - renewed_ < kRenew) return;
    renewed_ = now;
    Pods pods;
    pods.refresh(node);
    for (const PodCgroup& cgroup : pending) {
      const Workload* known = pods.find(cgroup);
      count(known != nullptr ? *known : pods.guess(node, cgroup));
    }
    const std::lock_guard lock(mutex_);
    std::swap(pods_, pods);
  }

  Bytes text_;
  Counts counts_{kFamilies};
  OomLog log_;  // the reading thread's
  std::chrono::steady_clock::time_point renewed_;
  std::mutex mutex_;
  Pods pods_;
  std::vector<PodCgroup> pending_;  // killed in a container that pods_ does not know
};

}  // namespace

extern const Spec oom;
constinit const Spec oom = {
    .name = "oom",
    .summary = "Processes killed for want of memory, and whose they were (/proc/vmstat, the kernel's log)",
    .families = kFamilies,
    .make = [](const Config&) -> std::unique_ptr<Collector> { return std::make_unique<Oom>(); },
};

}  // namespace fencewatch
