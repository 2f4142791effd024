#include "exporter/collect/runner.h"

#include <algorithm>
#include <stdexcept>

#include "exporter/base/settings.h"
#include "exporter/collect/collector_threads.h"
#include "exporter/collect/health.h"
#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

constexpr size_t kMaxCollectors = 64;  // bits of a Mask

bool has_nothing_to_read(const CollectorState& slot) { return slot.last.code == Code::missing; }

// Of what became of the last collection, or why it says nothing although it worked.
Status status(const CollectorState& slot) {
  const LogFault fault = slot.log_fault;
  return slot.last && fault.code != Code::ok ? Status{fault.code, 0, {}, "a log that it counts in cannot be read"} : slot.last;
}

bool shown(const CollectorState& slot) { return slot.last && !slot.log_fault.load().all; }

}  // namespace

struct Runner::Impl {
  const Node& node;
  std::shared_ptr<CollectorThreads> threads;  // its threads have their share: a stuck one may outlive the Runner
  const bool exporter_metrics;

  // With the mutex of CollectorThreads.
  bool ready = false;
  std::vector<health::Collector> health;
  Page health_page;

  Process process;
  std::vector<std::function<void(Page&)>> also;
  std::mutex process_mutex;  // guards process_page, and calls of also
  Page process_page;

  Impl(const Settings& settings, const Node& watched)
      : node(watched), threads(std::make_shared<CollectorThreads>(watched)), exporter_metrics(settings.exporter_metrics) {}

  bool write_health(Mask mask, Mask fresh);
  void render_own(Format format, Bytes& out);
};

// True when all of `mask` are up or have nothing to read.
bool Runner::Impl::write_health(Mask mask, Mask fresh) {
  const Clock::time_point now = Clock::now();
  bool good = true;
  health.clear();
  for (size_t i = 0; i < threads->slots.size(); ++i) {
    if (!(mask & CollectorThreads::bit(i))) continue;
    CollectorState& slot = *threads->slots[i];
    const bool came_in = fresh & CollectorThreads::bit(i);
    health::Collector& entry = health.emplace_back();
    entry.label = slot.label;
    entry.up = came_in && shown(slot);
    entry.available = slot.ran && !has_nothing_to_read(slot);
    entry.duration = slot.duration;
    if (slot.busy) entry.running = now - slot.started;
    entry.failures = slot.failures;
    entry.recent = &slot.recent;
    // Not at the warm-up: logs are not read yet, and what they hold of earlier days is not recent.
    if (entry.up && memory::settled())
      for (const CounterValue& counter : slot.page.recent()) slot.recent.see(counter, now);
    entry.failing = came_in ? status(slot).code : Code::stuck;
    good = good && came_in && (status(slot) || has_nothing_to_read(slot));
  }
  health_page.clear();
  health::write(health, now, health_page);
  return good;
}

void Runner::Impl::render_own(Format format, Bytes& out) {
  if (!exporter_metrics && also.empty()) return;
  const ProcessUsage usage = exporter_metrics ? process.read() : ProcessUsage{};
  const std::lock_guard lock(process_mutex);
  process_page.clear();
  for (const auto& write : also) write(process_page);
  if (exporter_metrics) health::write({FENCEWATCH_VERSION, FENCEWATCH_REVISION}, usage, node.hanging(), process_page);
  process_page.render(format, out);
}

Runner::Runner(std::span<const Spec* const> specs, const Settings& settings, const Node& node)
    : impl_(std::make_unique<Impl>(settings, node)) {
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!settings.wants(i)) continue;
    enabled_.push_back(specs[i]);
    impl_->threads->slots.push_back(std::make_unique<CollectorState>(*specs[i], settings));
  }
  if (enabled_.size() > kMaxCollectors) throw std::length_error("more than 64 collectors");
  impl_->health.reserve(enabled_.size());
}

Runner::~Runner() { stop(); }

void Runner::start() { impl_->threads->start(); }

bool Runner::stop() { return impl_->threads->stop(); }

std::vector<Runner::Info> Runner::info() const {
  const std::lock_guard lock(impl_->threads->mutex);
  std::vector<Info> info;
  for (const auto& slot : impl_->threads->slots)
    info.push_back({slot->spec, slot->ran && shown(*slot), slot->ran && !has_nothing_to_read(*slot), slot->busy, status(*slot)});
  return info;
}

Collector& Runner::collector(size_t index) const { return *impl_->threads->slots[index]->collector; }

void Runner::log_fault(size_t index, Code code, bool all) { impl_->threads->slots[index]->log_fault = LogFault{code, all}; }

void Runner::also(std::function<void(Page&)> write) { impl_->also.push_back(std::move(write)); }

Runner::Mask Runner::all() const { return enabled_.size() == kMaxCollectors ? ~Mask{0} : CollectorThreads::bit(enabled_.size()) - 1; }

bool Runner::ready() const {
  const std::lock_guard lock(impl_->threads->mutex);
  return impl_->ready;
}

bool Runner::scrape(Mask mask, Format format, Clock::time_point give_up, Bytes& out) {
  Impl& impl = *impl_;
  mask &= all();
  bool good;
  {
    CollectorThreads::Lock lock(impl.threads->mutex);
    bool complete;
    const Mask fresh = impl.threads->collect(lock, mask, give_up, complete);
    impl.ready = impl.ready || complete;
    for (size_t i = 0; i < enabled_.size(); ++i) {
      const CollectorState& slot = *impl.threads->slots[i];
      if ((fresh & CollectorThreads::bit(i)) && shown(slot)) slot.page.render(format, out);
    }
    good = impl.write_health(mask, fresh);
    impl.health_page.render(format, out);
  }
  impl.render_own(format, out);
  return good;
}

Runner::Clock::time_point Runner::last(Bytes& out) const {
  const std::lock_guard lock(impl_->threads->mutex);
  Clock::time_point oldest = Clock::now();
  for (const auto& slot : impl_->threads->slots) {
    if (!slot->ran || !shown(*slot)) continue;
    oldest = std::min(oldest, slot->started);
    slot->page.render(Format::text, out);
  }
  return oldest;
}

std::span<const Family> Runner::families() { return health::families(); }

}  // namespace fencewatch
