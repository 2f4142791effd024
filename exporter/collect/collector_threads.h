// The threads that collect, and who of them may work: the part of the Runner that knows about time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "exporter/collect/collector_state.h"
#include "exporter/collect/runner.h"
#include "exporter/node/read_once.h"

namespace fencewatch {

// Exactly one thread, which has the turn, starts collectors. A thread that is late loses the turn while it is in its collector and learns
// of it when it is back. There are no rounds: a scrape marks what it wants, and every collection that begins after that serves it, so that
// scrapes which come together share what has not begun.
//
// Of the idle threads one watches: it wakes when a sample is due, when a scrape wants something, and when the one who has the turn is late.
// A scraper that waits looks after that as well. None is made after start(); what is thrown in a collector stays there.
class CollectorThreads : public std::enable_shared_from_this<CollectorThreads> {
 public:
  using Clock = Runner::Clock;
  using Mask = Runner::Mask;
  using Lock = std::unique_lock<std::mutex>;
  static constexpr Mask bit(size_t slot) { return Mask{1} << slot; }

  explicit CollectorThreads(const Node& node) : node_(node), read_once_(node) {}

  std::mutex mutex;                                    // guards the slots too, but for what CollectorState excepts
  std::vector<std::unique_ptr<CollectorState>> slots;  // fixed before start()

  void start();
  bool stop();  // see Runner::stop()

  // Until each collector of `mask` has been collected, was found stuck, or `give_up`. The answer is the set of those whose collection began
  // after the call and has ended, well or not. `complete`: nothing is left that might still come.
  Mask collect(Lock& lock, Mask mask, Clock::time_point give_up, bool& complete);

 private:
  class Turn;
  // A scrape that waits. Lives on the scraper's stack, linked while it waits; with the mutex.
  struct Waiter {
    Waiter(CollectorThreads& t, Mask mask);
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Mask pending;            // still to come
    Mask fresh = 0;          // collected for this scrape, begun after it came
    const uint64_t arrived;  // only collections with a higher number count
    std::condition_variable ready;
    CollectorThreads& threads;
    Waiter* next = nullptr;
  };

  void add_thread();
  void run() noexcept;
  void wait_idle(Lock& lock, std::condition_variable& wake, bool& taken, Clock::time_point until);
  Clock::time_point deadline(Clock::time_point most) const;
  void hold(Lock& lock);
  void give_up_wanted();
  void run_collect(Lock& lock, uint64_t id, size_t index);
  void run_sample(Lock& lock, uint64_t id, size_t index);
  void conclude(Lock& lock, CollectorState& slot, Code& told, const Outcome& outcome);
  void enter(size_t index);
  bool leave(size_t index, uint64_t id);
  int due_collection();
  int due_sample(Clock::time_point now, Clock::time_point& next) const;
  void settle(size_t index, uint64_t collection, bool fresh);
  bool take_over(Lock& lock, Clock::time_point now);
  void wait(Lock& lock, Waiter& waiter, Clock::time_point give_up);

  const Node& node_;    // for samples
  ReadOnce read_once_;  // for collections
  std::chrono::nanoseconds shortest_deadline_{std::chrono::hours(1)};
  uint64_t holder_ = 0;  // 0: the turn is free
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
  int idle_ = 0;                             // collecting threads that watch or stand by
  bool watched_ = false, relieved_ = false;  // an idle thread waits for this
  std::condition_variable watch_;            // for the one that watches
  std::condition_variable stand_by_;
  std::condition_variable gone_;  // for stop()
};

}  // namespace fencewatch
