#include "exporter/collect/collector_threads.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <system_error>
#include <thread>
#include <utility>

#include "exporter/collect/health.h"

namespace fencewatch {
namespace {

using std::chrono::nanoseconds;

constexpr Status kLate{Code::stuck, 0, {}, "did not come back in time"};
constexpr int kSampleShare = 1000;            // a sampler may use one part in so many of one CPU
constexpr int kUrgentShare = 100;             // and so much when a glance asks for it
constexpr std::chrono::seconds kStopWait{1};  // for collectors at work when the exporter ends
constexpr std::chrono::milliseconds kTick{250};

}  // namespace

void CollectorThreads::start() {
  for (const auto& slot : slots) {
    shortest_deadline_ = std::min<nanoseconds>(shortest_deadline_, slot->spec->deadline);
    longest_deadline_ = std::max<nanoseconds>(longest_deadline_, slot->spec->deadline);
  }
  tick_ = std::min<nanoseconds>(kTick, shortest_deadline_);
  {
    const std::lock_guard lock(mutex);
    started_ = true;
  }
  add_threads(2);  // one to watch, one to stand by
}

bool CollectorThreads::stop() {
  Lock lock(mutex);
  stopping_ = true;
  watch_.notify_all();
  stand_by_.notify_all();
  for (Waiter* w = waiters_; w; w = w->next) w->ready.notify_one();
  return gone_.wait_for(lock, kStopWait, [&] { return threads_ == 0 && borrowers_ == 0; });
}

// A thread that cannot be made now is made later: by the next that goes to work, or by a scrape that finds nobody to work.
// All are counted before the first begins, which would otherwise make another that stands by.
void CollectorThreads::add_threads(int count) {
  {
    const std::lock_guard lock(mutex);
    threads_ += count, idle_ += count;
  }
  for (int i = 0; i < count; ++i) {
    try {
      std::thread([self = shared_from_this()] {
        pthread_setname_np(pthread_self(), "collect");
        self->run();
      }).detach();
    } catch (const std::system_error&) {
      const std::lock_guard lock(mutex);
      --threads_, --idle_;
    }
  }
}

void CollectorThreads::run() {
  Lock lock(mutex);
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    Clock::time_point next = now + tick_;
    if (take_over(lock, now)) continue;
    const bool sample = due_sample(now, next) >= 0;
    if (late_loans_) {
      save(lock, *std::exchange(late_loans_, late_loans_->next));
    } else if (holder_ == 0 && (wanted_ != 0 || sample)) {
      hold(lock);
    } else if (watched_) {
      stand_by_.wait(lock);
    } else {
      sample_was_held_up_ = sample;
      watch(lock, next);
    }
  }
  --idle_;
  if (--threads_ == 0) gone_.notify_all();
}

void CollectorThreads::watch(Lock& lock, Clock::time_point until) {
  if (running_ >= 0) {
    const CollectorState& slot = *slots[static_cast<size_t>(running_)];
    until = std::min(until, slot.started + slot.spec->deadline);
  }
  watched_ = true;
  watch_.wait_until(lock, until);
  watched_ = false;
}

// The caller is a collecting thread, has taken what it goes for, and counts itself idle again afterwards.
void CollectorThreads::go_to_work(Lock& lock) {
  if (--idle_ > 0) return;
  lock.unlock();
  add_threads(1);
  lock.lock();
}

// Collects and samples until nothing is due, or the baton was taken away.
void CollectorThreads::hold(Lock& lock) {
  const uint64_t id = holder_ = ++holders_;
  go_to_work(lock);
  Clock::time_point next;
  while (!stopping_ && holder_ == id) {
    if (const int index = due_collection(); index >= 0) {
      run_collect(lock, id, static_cast<size_t>(index));
    } else if (const int sampled = due_sample(Clock::now(), next); sampled >= 0) {
      run_sample(lock, id, static_cast<size_t>(sampled));
    } else {
      break;
    }
  }
  if (holder_ == id) holder_ = 0;
  ++idle_;
}

// Answers for a borrower that is stuck; as a scraper that waits, since something is stuck now.
void CollectorThreads::save(Lock& lock, Loan& loan) {
  loan.begun = true;
  stand_by_.notify_one();  // to watch meanwhile
  go_to_work(lock);
  lock.unlock();
  loan.rescue.answer();
  lock.lock();
  loan.done = true;
  loan.answered.notify_one();  // with the mutex: the loan may end with it
  ++idle_;
}

int CollectorThreads::due_collection() {
  for (size_t i = 0; wanted_ != 0 && i < slots.size(); ++i) {
    const size_t index = (next_slot_ + i) % slots.size();
    if (!(wanted_ & bit(index))) continue;
    next_slot_ = index + 1;
    return static_cast<int>(index);
  }
  return -1;
}

int CollectorThreads::due_sample(Clock::time_point now, Clock::time_point& next) const {
  for (size_t i = 0; i < slots.size(); ++i) {
    const CollectorState& slot = *slots[i];
    if (slot.spec->sample_every.count() == 0 || slot.busy) continue;
    if (slot.next_look <= now) return static_cast<int>(i);
    next = std::min(next, slot.next_look);
  }
  return -1;
}

void CollectorThreads::enter(size_t index) {
  CollectorState& slot = *slots[index];
  assert(!slot.busy && "never on two threads at once");
  slot.busy = true;
  slot.started = Clock::now();
  running_ = static_cast<int>(index);
}

// False: the thread was late and has lost the baton; what it brings is not to be used.
bool CollectorThreads::leave(size_t index, uint64_t id) {
  slots[index]->busy = false;
  if (holder_ == id) {
    running_ = -1;
    return true;
  }
  stuck_ &= ~bit(index);
  return false;
}

void CollectorThreads::run_collect(Lock& lock, uint64_t id, size_t index) {
  CollectorState& slot = *slots[index];
  wanted_ &= ~bit(index);
  const uint64_t collection = ++collections_;
  enter(index);
  lock.unlock();
  const Outcome outcome = slot.collect(read_once_);
  lock.lock();
  slot.duration = Clock::now() - slot.started;
  if (!leave(index, id)) return;
  slot.ran = true;
  slot.last = outcome.status;
  if (outcome.status) {
    slot.page.swap(slot.work);
    slot.work.reserve(slot.page);
  }
  settle(index, collection, true);
  conclude(lock, slot, slot.told_collect, outcome);
}

void CollectorThreads::run_sample(Lock& lock, uint64_t id, size_t index) {
  CollectorState& slot = *slots[index];
  enter(index);
  const nanoseconds elapsed = slot.last_look == Clock::time_point{} ? nanoseconds(0) : slot.started - slot.last_look;
  slot.last_look = slot.started;
  const bool due = slot.started >= slot.next_sample;
  lock.unlock();
  nanoseconds glance_cost{0}, cost{0};
  const bool enough = !due && slot.glance(node_, elapsed, glance_cost);
  const Outcome outcome = enough ? Outcome{} : slot.sample(node_, elapsed, cost);
  lock.lock();
  const auto later = [&](nanoseconds& smoothed, nanoseconds now, int share) {
    if (now.count() > 0) smoothed = smoothed.count() == 0 ? now : (7 * smoothed + now) / 8;
    return slot.started + std::max<nanoseconds>(slot.spec->sample_every, share * smoothed);
  };
  if (!enough) slot.next_sample = later(slot.sample_cost, cost, kSampleShare);
  const Clock::time_point next_glance = later(slot.glance_cost, glance_cost, kSampleShare);
  const Clock::time_point next_urgent = later(slot.sample_cost, nanoseconds(0), kUrgentShare);
  slot.next_look = slot.spec->glances ? std::min(slot.next_sample, std::max(next_glance, next_urgent)) : slot.next_sample;
  if (leave(index, id) && !enough) conclude(lock, slot, slot.told_sample, outcome);
}

// Counts a fault, and tells the log once for each change of state.
void CollectorThreads::conclude(Lock& lock, CollectorState& slot, Code& told, const Outcome& outcome) {
  const Code code = outcome.status.code;
  if (health::is_failure(code)) ++slot.failures[static_cast<size_t>(code)];
  if (std::exchange(told, code) == code) return;
  lock.unlock();
  health::tell(slot.spec->name, outcome.status, outcome.text());
  lock.lock();
}

// The collection is at its end, for good or ill, for all that came before it began.
void CollectorThreads::settle(size_t index, uint64_t collection, bool fresh) {
  for (Waiter* w = waiters_; w; w = w->next) {
    if (collection <= w->arrived || !(w->pending & bit(index))) continue;
    w->pending &= ~bit(index);
    if (fresh) w->fresh |= bit(index);
    if (w->pending == 0) w->ready.notify_one();
  }
}

// True when the holder was late and has lost the baton. The mutex was let go meanwhile to tell the log.
bool CollectorThreads::take_over(Lock& lock, Clock::time_point now) {
  if (running_ < 0) return false;
  const auto index = static_cast<size_t>(running_);
  CollectorState& slot = *slots[index];
  if (now < slot.started + slot.spec->deadline) return false;
  slot.ran = true;
  slot.last = kLate;
  ++slot.failures[static_cast<size_t>(Code::stuck)];
  const bool news = std::exchange(slot.told_collect, Code::stuck) != Code::stuck;
  stuck_ |= bit(index);
  wanted_ &= ~bit(index);
  holder_ = 0;
  running_ = -1;
  if (loan_) {
    loan_->next = std::exchange(late_loans_, loan_);
    loan_ = nullptr;
  }
  settle(index, UINT64_MAX, false);
  watch_.notify_one();
  stand_by_.notify_one();
  if (!news) return true;
  lock.unlock();
  health::tell(slot.spec->name, kLate, kLate.text);
  lock.lock();
  return true;
}

}  // namespace fencewatch
