// The threads that collect, and who of them may work: the part of the Runner that knows about time.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "exporter/collector.h"
#include "exporter/runner.h"

namespace fencewatch {

struct Slot {
  Slot(const Spec& s, const Config& config) : spec(&s), collector(s.make(config)), label({{"collector", s.name}}) {}

  const Spec* const spec;
  const std::unique_ptr<Collector> collector;
  const LabelText label;

  Page work;  // of the thread that is in the collector
  Page page;  // of the last collection that worked

  bool busy = false;  // a thread is in the collector, perhaps stuck
  bool ran = false;   // `last` holds something
  Status last;
  Runner::Clock::time_point started;
  std::chrono::nanoseconds duration{0};
  std::array<uint64_t, kCodes> failures{};
  Code told_collect = Code::ok;  // what the log was told last
  Code told_sample = Code::ok;

  Runner::Clock::time_point next_sample{};
  Runner::Clock::time_point last_sample{};  // zero: none yet
  std::chrono::nanoseconds sample_cost{0};  // CPU time, smoothed
};

// A scrape that waits. Lives on the scraper's stack, linked from Impl while it waits.
struct Waiter {
  Runner::Mask pending;    // still to come
  Runner::Mask fresh = 0;  // collected for this scrape, begun after it came
  uint64_t arrived;        // only collections with a higher number count
  std::condition_variable ready;
  Waiter* next = nullptr;
};

// Exactly one thread, the holder of the baton, starts collectors. A thread that is late loses the baton while it is in its collector
// and learns of it when it is back. There are no rounds: a scrape marks what it wants, and every collection that begins after
// that serves it, so that scrapes which come together share what has not begun.
class Crew : public std::enable_shared_from_this<Crew> {
 public:
  using Clock = Runner::Clock;
  using Mask = Runner::Mask;
  using Lock = std::unique_lock<std::mutex>;
  static constexpr Mask bit(size_t slot) { return Mask{1} << slot; }

  explicit Crew(const Node& node) : node_(node) {}

  std::mutex mutex;                          // guards the slots too, but for what Slot excepts
  std::vector<std::unique_ptr<Slot>> slots;  // fixed before start()

  void start();
  bool stop();  // see Runner::stop()

  // Until each collector of `mask` has been collected, was found stuck, or `give_up`. The answer is the set of those whose collection began
  // after the call and has ended, well or not. `complete`: nothing is left that might still come.
  Mask collect(Lock& lock, Mask mask, Clock::time_point give_up, bool& complete);

 private:
  void add_threads(int count);
  void run();
  void hold(Lock& lock, uint64_t id);
  void run_collect(Lock& lock, uint64_t id, size_t index);
  void run_sample(Lock& lock, uint64_t id, size_t index);
  void conclude(Lock& lock, Slot& slot, Code& told, const Status& status, std::string_view caught);
  void enter(size_t index);
  bool leave(size_t index, uint64_t id);
  int due_collection();
  int due_sample(Clock::time_point now, Clock::time_point& next) const;
  void settle(size_t index, uint64_t collection, bool fresh);
  const Slot* take_over(Clock::time_point now);
  void wait(Lock& lock, Waiter& waiter, Clock::time_point give_up);

  const Node& node_;
  std::chrono::nanoseconds shortest_deadline_{std::chrono::hours(1)};
  uint64_t holder_ = 0;  // 0: the baton is free
  uint64_t holders_ = 0;
  int running_ = -1;  // the slot in which the holder is
  Mask wanted_ = 0;
  Mask stuck_ = 0;
  size_t next_slot_ = 0;  // where the search for work begins, so that none starves
  uint64_t collections_ = 0;
  Waiter* waiters_ = nullptr;
  bool started_ = false;
  bool stopping_ = false;
  int threads_ = 0;
  int standbys_ = 0;
  std::condition_variable work_;   // for the holder
  std::condition_variable baton_;  // for those that stand by
  std::condition_variable gone_;   // for stop()
};

}  // namespace fencewatch
