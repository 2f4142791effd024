// The side of a CollectorThreads that a scraping thread sees: it waits, or borrows the baton.
#include <algorithm>
#include <utility>

#include "exporter/collect/collector_threads.h"

namespace fencewatch {

void CollectorThreads::wait(Lock& lock, Waiter& waiter, Clock::time_point give_up) {
  if (waiter.pending != 0 && holder_ == 0) watch_.notify_one();
  while (waiter.pending != 0 && !stopping_) {
    const Clock::time_point now = Clock::now();
    if (take_over(lock, now)) continue;
    if (started_ && holder_ == 0 && idle_ == 0) {
      lock.unlock();
      add_threads(1);
      lock.lock();
    }
    if (waiter.pending == 0 || now >= give_up) return;
    // Never later than the deadline of what is running, nor of what may be begun meanwhile.
    Clock::time_point until = std::min(give_up, now + shortest_deadline_);
    if (running_ >= 0) {
      const CollectorState& slot = *slots[static_cast<size_t>(running_)];
      until = std::min(until, slot.started + slot.spec->deadline);
    }
    waiter.ready.wait_until(lock, until);
  }
}

// While nothing is stuck, hence one borrower at most can be; and with time enough to be saved.
bool CollectorThreads::may_borrow(Clock::time_point give_up) const {
  return watched_ && holder_ == 0 && stuck_ == 0 && !stopping_ && give_up - Clock::now() > longest_deadline_ + 2 * tick_;
}

void CollectorThreads::borrow(Lock& lock, Waiter& waiter, Clock::time_point give_up, Rescue& rescue) {
  const uint64_t id = holder_ = ++holders_;
  Loan loan{.rescue = rescue, .answered = {}};
  loan_ = &loan;
  ++borrowers_;
  while (!stopping_ && holder_ == id && waiter.pending != 0) run_collect(lock, id, static_cast<size_t>(due_collection()));
  if (holder_ == id) {
    holder_ = 0;
    loan_ = nullptr;
    if (wanted_ != 0 || sample_was_held_up_) watch_.notify_one();
  } else if (loan.begun) {
    loan.answered.wait(lock, [&] { return loan.done; });
    rescue.answered = true;
  } else {  // back before anybody noticed but a scraper that waits
    Loan** link = &late_loans_;
    while (*link != &loan) link = &(*link)->next;
    *link = loan.next;
    wait(lock, waiter, give_up);
  }
  if (--borrowers_ == 0 && stopping_) gone_.notify_all();
}

CollectorThreads::Mask CollectorThreads::collect(Lock& lock, Mask mask, Clock::time_point give_up, Rescue* rescue, bool& complete) {
  Waiter waiter{.pending = mask & ~stuck_, .arrived = collections_, .ready = {}};
  wanted_ |= waiter.pending;
  read_once_.renew();
  waiter.next = std::exchange(waiters_, &waiter);
  if (rescue && may_borrow(give_up))
    borrow(lock, waiter, give_up, *rescue);
  else
    wait(lock, waiter, give_up);
  Waiter** link = &waiters_;
  while (*link != &waiter) link = &(*link)->next;
  *link = waiter.next;
  complete = waiter.pending == 0;
  return waiter.fresh;
}

}  // namespace fencewatch
