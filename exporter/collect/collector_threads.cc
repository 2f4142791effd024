#include "exporter/collect/collector_threads.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "exporter/base/log.h"
#include "exporter/collect/health.h"
#include "exporter/memory/realtime.h"
#include "exporter/memory/small_stacks.h"

namespace fencewatch {
namespace {

using std::chrono::nanoseconds;

constexpr Status kLate{Code::stuck, 0, {}, "did not come back in time"};
constexpr Status kNobodyLeft{Code::stuck, 0, {}, "all collecting threads are stuck"};
constexpr int kSampleShare = 1000;            // a sampler may use one part in so many of one CPU
constexpr int kUrgentShare = 100;             // and so much when a glance asks for it
constexpr std::chrono::seconds kStopWait{1};  // for collectors at work when the exporter ends
constexpr std::chrono::seconds kRelief{1};    // within which a holder that is late while nobody scrapes is noticed
// One collects, one watches; two collectors may be stuck besides and the others do not notice. All are made before memory is locked.
constexpr int kThreads = 4;
constexpr size_t kStack = 128 << 10;  // a locked one is resident whole

}  // namespace

// The right to start collectors, for as long as it is not taken away.
class CollectorThreads::Turn {
 public:
  explicit Turn(CollectorThreads& threads) : threads_(threads), id_(threads.holder_ = ++threads.holders_) { --threads_.idle_; }
  ~Turn() {
    if (held()) threads_.holder_ = 0;
    ++threads_.idle_;
  }
  Turn(const Turn&) = delete;
  uint64_t id() const { return id_; }
  bool held() const { return threads_.holder_ == id_; }

 private:
  CollectorThreads& threads_;
  const uint64_t id_;
};

void CollectorThreads::start() {
  for (const auto& slot : slots) shortest_deadline_ = std::min<nanoseconds>(shortest_deadline_, slot->spec->deadline);
  {
    const std::lock_guard lock(mutex);
    started_ = true;
  }
  const SmallStacks stacks(kStack);
  for (int i = 0; i < kThreads; ++i) add_thread();
}

bool CollectorThreads::stop() {
  Lock lock(mutex);
  stopping_ = true;
  watch_.notify_all();
  stand_by_.notify_all();
  for (Waiter* w = waiters_; w; w = w->next) w->ready.notify_one();
  return gone_.wait_for(lock, kStopWait, [&] { return threads_ == 0; });
}

// One that cannot be made is missing from then on: with fewer threads fewer collectors may be stuck at once.
void CollectorThreads::add_thread() {
  const std::lock_guard lock(mutex);
  try {
    std::thread([self = shared_from_this()] {
      pthread_setname_np(pthread_self(), "collect");
      realtime::enter();
      self->run();
    }).detach();
    ++threads_, ++idle_;
  } catch (const std::exception&) {
    log::warn("a collecting thread could not be made");
  }
}

void CollectorThreads::run() noexcept {
  Lock lock(mutex);
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    Clock::time_point next = Clock::time_point::max();
    if (take_over(lock, now)) continue;
    const bool sample = due_sample(now, next) >= 0;
    if (holder_ == 0 && (wanted_ != 0 || sample))
      hold(lock);
    else if (!watched_)
      wait_idle(lock, watch_, watched_, holder_ == 0 ? next : deadline(next));
    else if (!relieved_)
      wait_idle(lock, stand_by_, relieved_, now + kRelief);
    else
      stand_by_.wait(lock);
  }
  --idle_;
  if (--threads_ == 0) gone_.notify_all();
}

CollectorThreads::Clock::time_point CollectorThreads::deadline(Clock::time_point most) const {
  if (running_ < 0) return most;
  const CollectorState& slot = *slots[static_cast<size_t>(running_)];
  return std::min(most, slot.started + slot.spec->deadline);
}

void CollectorThreads::wait_idle(Lock& lock, std::condition_variable& wake, bool& taken, Clock::time_point until) {
  taken = true;
  if (until == Clock::time_point::max())
    wake.wait(lock);
  else
    wake.wait_until(lock, until);
  taken = false;
}

// Collects and samples until nothing is due, or the turn was taken away.
void CollectorThreads::hold(Lock& lock) {
  const Turn turn(*this);
  Clock::time_point next;
  while (!stopping_ && turn.held()) {
    if (const int index = due_collection(); index >= 0) {
      run_collect(lock, turn.id(), static_cast<size_t>(index));
    } else if (const int sampled = due_sample(Clock::now(), next); sampled >= 0) {
      run_sample(lock, turn.id(), static_cast<size_t>(sampled));
    } else {
      break;
    }
  }
  if (watched_) watch_.notify_one();  // who has come to watch meanwhile does not know when the next sample is due
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

// False: the thread was late and has lost the turn; what it brings is not to be used.
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
    try {
      slot.work.reserve(slot.page);
    } catch (const std::bad_alloc&) {  // it grows at the next collection, or that fails
    }
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

// Every thread is in a collector that does not come back: the others are stuck as well, and say so.
void CollectorThreads::give_up_wanted() {
  for (size_t index = 0; index < slots.size(); ++index) {
    if (!(wanted_ & bit(index))) continue;
    CollectorState& slot = *slots[index];
    slot.ran = true;
    slot.last = kNobodyLeft;
    ++slot.failures[static_cast<size_t>(Code::stuck)];
    settle(index, UINT64_MAX, false);
  }
  wanted_ = 0;
}

// True when the holder was late and has lost the turn. The mutex was let go meanwhile to tell the log.
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
