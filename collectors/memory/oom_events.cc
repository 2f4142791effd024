#include "collectors/memory/oom_events.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

enum { kKills, kEvents, kLast, kByWorkload, kNoKillable, kAllocationFailures, kPanics };

constexpr int kOrders = 11;  // there from the start; 64 kB pages and huge zones have more
constexpr size_t kMostOrders = 20, kMostWorkloads = 100, kMostPending = 256;
constexpr std::chrono::seconds kRenew{60};

}  // namespace

OomEvents::OomEvents() {
  for (size_t i = 0; i < kills_.size(); ++i)
    kills_[i] = &counts_.counter(kOomFamilies[kEvents], {{"constraint", std::string(name(static_cast<OomConstraint>(i)))}});
  for (int order = 0; order < kOrders; ++order) {
    const prometheus::Counter& failures = counts_.counter(kOomFamilies[kAllocationFailures], {{"order", std::to_string(order)}});
    if (static_cast<size_t>(order) < small_failures_.size()) small_failures_[static_cast<size_t>(order)] = &failures;
  }
  for (const int family : {kNoKillable, kPanics}) counts_.counter(kOomFamilies[family]);
}

// The killed that wait for their names: "UID/CONTAINER … ; " and then the log's memory.
std::string OomEvents::memory() const {
  std::string text;
  const std::lock_guard lock(mutex_);
  for (const PodCgroup& cgroup : pending_) text += cgroup.uid + '/' + cgroup.container + ' ';
  return text + "; " + log_.memory();
}

void OomEvents::remember(std::string_view memory) {
  const std::lock_guard lock(mutex_);
  for (std::string_view word; (word = scan::next_word(memory)) != ";";) {
    const size_t slash = word.find('/');
    if (slash == word.npos || pending_.size() >= kMostPending) return;
    pending_.push_back({std::string(word.substr(0, slash)), std::string(word.substr(slash + 1))});
  }
  log_.remember(memory);
}

void OomEvents::on_event(const Match& match) {
  const uint32_t times = match.line.repeated;
  switch (match.pattern) {
    case OomLog::no_killable:
      return counts_.counter(kOomFamilies[kNoKillable]).Increment(times);
    case OomLog::panic:
      return counts_.counter(kOomFamilies[kPanics]).Increment(times);
    case OomLog::allocation_failure: {
      const Family& failures = kOomFamilies[kAllocationFailures];
      return counts_.counter(failures, {{"order", counts_.bounded(failures, "order", match.groups[0], kMostOrders)}}).Increment(times);
    }
    default:
      if (const auto kill = log_.hear(match)) killed(*kill, match.line.time_us);
  }
}

void OomEvents::killed(const OomKill& kill, int64_t time_us) {
  kills_[static_cast<size_t>(kill.constraint)]->Increment();
  if (time_us > 0) counts_.raise(kOomFamilies[kLast], {}, static_cast<double>(time_us) / 1e6);
  auto cgroup = pod_of(kill.memcg);
  if (!cgroup) return;
  const std::lock_guard lock(mutex_);
  if (const Workload* workload = pods_.find(*cgroup)) return count(*workload);
  if (pending_.size() >= kMostPending) return count({"other", "other", "other"});
  pending_.push_back(*std::move(cgroup));
}

void OomEvents::count(const Workload& workload) {
  const Family& family = kOomFamilies[kByWorkload];
  prometheus::Labels labels = {{"namespace", workload.name_space}, {"pod", workload.pod}, {"container", workload.container}};
  counts_.counter(family, counts_.bounded(family, std::move(labels), kMostWorkloads)).Increment();
}

void OomEvents::name_pods(const Node& node) {
  std::vector<PodCgroup> pending;
  {
    const std::lock_guard lock(mutex_);
    pending = pending_;
  }
  const auto now = std::chrono::steady_clock::now();
  if (pending.empty() && renewed_ != decltype(renewed_){} && now - renewed_ < kRenew) return;
  renewed_ = now;
  Pods pods;
  pods.refresh(node);
  std::vector<Workload> names;
  for (const PodCgroup& cgroup : pending) {
    const Workload* known = pods.find(cgroup);
    names.push_back(known != nullptr ? *known : pods.guess(node, cgroup));
  }
  const std::lock_guard lock(mutex_);
  for (const Workload& workload : names) count(workload);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(names.size()));
  std::swap(pods_, pods);
}

void OomEvents::write(Page& page) const {
  counts_.write(page);
  double global = 0;  // of the machine or of its NUMA nodes
  for (const OomConstraint constraint : {OomConstraint::global, OomConstraint::cpuset, OomConstraint::mempolicy})
    global += kills_[static_cast<size_t>(constraint)]->Value();
  page.recent("oom_global_kills", global);
  double failures = 0;
  for (const prometheus::Counter* const order : small_failures_) failures += order->Value();
  page.recent("small_allocation_failures", failures);
}

}  // namespace fencewatch
