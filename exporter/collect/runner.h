// Who collects, the deadlines, and the only place that knows what to do about a fault.
//
// One thread at a time runs the due collectors, one after the other. When a collector does not come back within its deadline, the thread is
// left to it, another goes on with the others within the same scrape, and the stuck collector shows only its health until its thread
// returns: it is never started twice. All threads are made at the start.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/collect/record_queue.h"

namespace fencewatch {

struct Settings;

class Runner {
 public:
  using Clock = std::chrono::steady_clock;

  // A set of collectors by their index in names().
  using Mask = uint64_t;

  // The collectors of `specs` that `config` enables. `node` and `config` must outlive the Runner and every stuck thread: leave the
  // process with std::_Exit when stop() says that one is left. Throws what Spec::make throws.
  Runner(std::span<const Spec* const> specs, const Settings& settings, const Node& node);
  ~Runner();
  Runner(const Runner&) = delete;

  void start();  // threads; after memory::prepare(), before memory::lock()
  bool stop();   // false when a thread is stuck in a collector and was left there

  struct Info {
    const Spec* spec;
    bool up;         // the last collection worked
    bool available;  // it found something to read
    bool running;    // it is at work, perhaps stuck
    Status last;     // of the last collection
  };
  // Enabled collectors in table order; fixed after construction.
  std::span<const Spec* const> enabled() const { return enabled_; }
  // The one behind enabled()[index], for who hands events to it. Lives as long as the Runner.
  Collector& collector(size_t index) const;
  // Why what enabled()[index] listens to cannot be read; Code::ok: nothing is wrong. With `all` it is not shown. From any thread; never
  // waits.
  void log_fault(size_t index, Code code, bool all);
  // Shown after the health metrics in every scrape. Before start(); called by any thread, one at a time.
  void also(std::function<void(Page&)> write);
  // Once a second, when the samplers are at work anyway, what the collectors know is put into the queue. Before start().
  void record_into(std::shared_ptr<RecordQueue> queue);
  std::vector<Info> info() const;
  Mask all() const;
  bool ready() const;  // one collection has ended

  // Collects what `mask` names and appends the exposition of those collectors and of the health metrics to `out`, without the
  // OpenMetrics end. Returns at `give_up` at the latest with what has come in by then. Safe from any number of threads: those that
  // come while a collection with at least their mask has not begun share it.
  // True when every collector of the mask is up or has nothing to read.
  bool scrape(Mask mask, Format format, Clock::time_point give_up, Bytes& out);

  // Appends what the collectors and the exporter itself gave last, of whatever collection, and says when the oldest of it was collected.
  // Collects nothing.
  Clock::time_point last(Bytes& out) const;

  static std::span<const Family> families();  // collector_up and its kin

 private:
  struct Impl;
  std::vector<const Spec*> enabled_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fencewatch
