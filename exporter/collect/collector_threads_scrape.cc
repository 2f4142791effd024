// The side of CollectorThreads that a scraping thread sees: it says what it wants, and waits.
#include <algorithm>
#include <utility>

#include "exporter/collect/collector_threads.h"

namespace fencewatch {

CollectorThreads::Waiter::Waiter(CollectorThreads& t, Mask mask) : pending(mask), arrived(t.collections_), threads(t) {
  next = std::exchange(threads.waiters_, this);
}

CollectorThreads::Waiter::~Waiter() {
  Waiter** link = &threads.waiters_;
  while (*link != this) link = &(*link)->next;
  *link = next;
}

void CollectorThreads::wait(Lock& lock, Waiter& waiter, Clock::time_point give_up) {
  if (waiter.pending != 0 && holder_ == 0) watch_.notify_one();
  while (waiter.pending != 0 && !stopping_) {
    const Clock::time_point now = Clock::now();
    if (take_over(lock, now)) continue;
    if (started_ && holder_ == 0 && idle_ == 0) give_up_wanted();
    if (waiter.pending == 0 || now >= give_up) return;
    // Never later than the deadline of what is running, nor of what may be begun meanwhile.
    waiter.ready.wait_until(lock, deadline(std::min(give_up, now + shortest_deadline_)));
  }
}

CollectorThreads::Mask CollectorThreads::collect(Lock& lock, Mask mask, Clock::time_point give_up, bool& complete) {
  Waiter waiter(*this, mask & ~stuck_);
  wanted_ |= waiter.pending;
  read_once_.renew();
  wait(lock, waiter, give_up);
  complete = waiter.pending == 0;
  return waiter.fresh;
}

}  // namespace fencewatch
