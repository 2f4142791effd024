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

// A scrape that waits. Lives on the scraper's stack, linked from CollectorThreads while it waits.
struct Waiter {
  Runner::Mask pending;    // still to come
  Runner::Mask fresh = 0;  // collected for this scrape, begun after it came
  uint64_t arrived;        // only collections with a higher number count
  std::condition_variable ready;
  Waiter* next = nullptr;
};

// The baton on loan to a scrape that collects itself. Lives on the scraper's stack.
struct Loan {
  Rescue& rescue;
  bool begun = false;  // a collecting thread answers in place of the borrower
  bool done = false;
  std::condition_variable answered;
  Loan* next = nullptr;
};

// Exactly one thread, the holder of the baton, starts collectors. A thread that is late loses the baton while it is in its collector
// and learns of it when it is back. There are no rounds: a scrape marks what it wants, and every collection that begins after
// that serves it, so that scrapes which come together share what has not begun.
//
// The holder is a scraper that borrows the baton (the usual case, and the cheap one: no other thread is woken) or, for samples and for
// scrapes that may not borrow, a collecting thread. Of the idle ones one watches: it wakes when a sample is due, and
// kTick after kTick to see whether a borrower is late. The others stand by. A scraper that waits watches as well.
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
  // after the call and has ended, well or not. `complete`: nothing is left that might still come. `rescue`: see Runner::scrape().
  Mask collect(Lock& lock, Mask mask, Clock::time_point give_up, Rescue* rescue, bool& complete);

 private:
  void add_threads(int count);
  void run();
  void watch(Lock& lock, Clock::time_point until);
  void go_to_work(Lock& lock);
  void hold(Lock& lock);
  void save(Lock& lock, Loan& loan);
  bool may_borrow(Clock::time_point give_up) const;
  void borrow(Lock& lock, Waiter& waiter, Clock::time_point give_up, Rescue& rescue);
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
  std::chrono::nanoseconds longest_deadline_{0};
  std::chrono::nanoseconds tick_{0};
  uint64_t holder_ = 0;  // 0: the baton is free
  uint64_t holders_ = 0;
  int running_ = -1;  // the slot in which the holder is
  Mask wanted_ = 0;
  Mask stuck_ = 0;
  size_t next_slot_ = 0;  // where the search for work begins, so that none starves
  uint64_t collections_ = 0;
  Waiter* waiters_ = nullptr;
  Loan* loan_ = nullptr;             // of the holder, when it is a borrower
  Loan* late_loans_ = nullptr;       // whose borrowers are stuck and not yet saved
  bool sample_was_held_up_ = false;  // by a borrower
  bool started_ = false;
  bool stopping_ = false;
  int threads_ = 0;
  int idle_ = 0;  // collecting threads that watch or stand by
  int borrowers_ = 0;
  bool watched_ = false;
  std::condition_variable watch_;  // for the one that watches
  std::condition_variable stand_by_;
  std::condition_variable gone_;  // for stop()
};

}  // namespace fencewatch
