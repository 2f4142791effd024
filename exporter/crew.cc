#include "exporter/crew.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <ctime>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "exporter/health.h"

namespace fencewatch {
namespace {

using std::chrono::nanoseconds;

constexpr Status kLate{Code::stuck, 0, {}, "did not come back in time"};
constexpr int kSampleShare = 1000;            // a sampler may use one part in so many of one CPU
constexpr std::chrono::seconds kStopWait{1};  // for collectors at work when the exporter ends

// What an exception said: a Status holds literals only.
struct Caught {
  char text[160];
  size_t size = 0;
  void set(std::string_view what) { size = what.copy(text, sizeof text); }
  std::string_view view() const { return {text, size}; }
};

template <class Call>
Status guarded(Caught& caught, Call&& call) {
  try {
    return call();
  } catch (const std::exception& e) {
    caught.set(e.what());
  } catch (...) {
    caught.set("not a std::exception");
  }
  return {Code::internal, 0, {}, "an exception escaped"};
}

nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

void Crew::start() {
  for (const auto& slot : slots) shortest_deadline_ = std::min<nanoseconds>(shortest_deadline_, slot->spec->deadline);
  {
    const std::lock_guard lock(mutex);
    started_ = true;
  }
  add_threads(2);  // one to work, one to stand by
}

bool Crew::stop() {
  Lock lock(mutex);
  stopping_ = true;
  work_.notify_all();
  baton_.notify_all();
  for (Waiter* w = waiters_; w; w = w->next) w->ready.notify_one();
  return gone_.wait_for(lock, kStopWait, [&] { return threads_ == 0; });
}

// A thread that cannot be made now is made later: by the next holder, or by a scrape that finds nobody to work.
// All are counted before the first begins, which would otherwise make a standby of its own.
void Crew::add_threads(int count) {
  {
    const std::lock_guard lock(mutex);
    threads_ += count, standbys_ += count;
  }
  for (int i = 0; i < count; ++i) {
    try {
      std::thread([self = shared_from_this()] {
        pthread_setname_np(pthread_self(), "collect");
        self->run();
      }).detach();
    } catch (const std::system_error&) {
      const std::lock_guard lock(mutex);
      --threads_, --standbys_;
    }
  }
}

void Crew::run() {
  Lock lock(mutex);
  for (;;) {
    baton_.wait(lock, [&] { return stopping_ || holder_ == 0; });
    --standbys_;
    if (stopping_) break;
    const uint64_t id = holder_ = ++holders_;
    if (standbys_ == 0) {
      lock.unlock();
      add_threads(1);
      lock.lock();
    }
    hold(lock, id);
    ++standbys_;
  }
  if (--threads_ == 0) gone_.notify_all();
}

// Returns when the baton was taken away, or at the end.
void Crew::hold(Lock& lock, uint64_t id) {
  while (!stopping_ && holder_ == id) {
    Clock::time_point next = Clock::time_point::max();
    if (const int index = due_collection(); index >= 0) {
      run_collect(lock, id, static_cast<size_t>(index));
    } else if (const int sampled = due_sample(Clock::now(), next); sampled >= 0) {
      run_sample(lock, id, static_cast<size_t>(sampled));
    } else if (next == Clock::time_point::max()) {
      work_.wait(lock);
    } else {
      work_.wait_until(lock, next);
    }
  }
}

int Crew::due_collection() {
  for (size_t i = 0; wanted_ != 0 && i < slots.size(); ++i) {
    const size_t index = (next_slot_ + i) % slots.size();
    if (!(wanted_ & bit(index))) continue;
    next_slot_ = index + 1;
    return static_cast<int>(index);
  }
  return -1;
}

int Crew::due_sample(Clock::time_point now, Clock::time_point& next) const {
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = *slots[i];
    if (slot.spec->sample_every.count() == 0 || slot.busy) continue;
    if (slot.next_sample <= now) return static_cast<int>(i);
    next = std::min(next, slot.next_sample);
  }
  return -1;
}

void Crew::enter(size_t index) {
  Slot& slot = *slots[index];
  assert(!slot.busy && "never on two threads at once");
  slot.busy = true;
  slot.started = Clock::now();
  running_ = static_cast<int>(index);
}

// False: the thread was late and has lost the baton; what it brings is not to be used.
bool Crew::leave(size_t index, uint64_t id) {
  slots[index]->busy = false;
  if (holder_ == id) {
    running_ = -1;
    return true;
  }
  stuck_ &= ~bit(index);
  work_.notify_one();  // it may be sampled again
  return false;
}

void Crew::run_collect(Lock& lock, uint64_t id, size_t index) {
  Slot& slot = *slots[index];
  wanted_ &= ~bit(index);
  const uint64_t collection = ++collections_;
  enter(index);
  lock.unlock();
  slot.work.clear();
  Caught caught;
  const Status status = guarded(caught, [&] { return slot.collector->collect(node_, slot.work); });
  lock.lock();
  slot.duration = Clock::now() - slot.started;
  if (!leave(index, id)) return;
  slot.ran = true;
  slot.last = status;
  if (status) {
    slot.page.swap(slot.work);
    slot.work.reserve(slot.page);
  }
  settle(index, collection, true);
  conclude(lock, slot, slot.told_collect, status, caught.view());
}

void Crew::run_sample(Lock& lock, uint64_t id, size_t index) {
  Slot& slot = *slots[index];
  enter(index);
  const nanoseconds elapsed = slot.last_sample == Clock::time_point{} ? nanoseconds(0) : slot.started - slot.last_sample;
  slot.last_sample = slot.started;
  lock.unlock();
  Caught caught;
  const nanoseconds before = thread_cpu_time();
  const Status status = guarded(caught, [&] { return slot.collector->sample(node_, elapsed); });
  const nanoseconds cost = thread_cpu_time() - before;
  lock.lock();
  slot.sample_cost = slot.sample_cost.count() == 0 ? cost : (7 * slot.sample_cost + cost) / 8;
  slot.next_sample = slot.started + std::max<nanoseconds>(slot.spec->sample_every, kSampleShare * slot.sample_cost);
  if (leave(index, id)) conclude(lock, slot, slot.told_sample, status, caught.view());
}

// Counts a fault, and tells the log once for each change of state.
void Crew::conclude(Lock& lock, Slot& slot, Code& told, const Status& status, std::string_view caught) {
  if (health::is_failure(status.code)) ++slot.failures[static_cast<size_t>(status.code)];
  if (std::exchange(told, status.code) == status.code) return;
  lock.unlock();
  health::tell(slot.spec->name, status, status.code == Code::internal && !caught.empty() ? caught : status.text);
  lock.lock();
}

// The collection is at its end, for good or ill, for all that came before it began.
void Crew::settle(size_t index, uint64_t collection, bool fresh) {
  for (Waiter* w = waiters_; w; w = w->next) {
    if (collection <= w->arrived || !(w->pending & bit(index))) continue;
    w->pending &= ~bit(index);
    if (fresh) w->fresh |= bit(index);
    if (w->pending == 0) w->ready.notify_one();
  }
}

// The slot whose thread is given up now, if the holder_ is late.
const Slot* Crew::take_over(Clock::time_point now) {
  if (running_ < 0) return nullptr;
  const auto index = static_cast<size_t>(running_);
  Slot& slot = *slots[index];
  if (now < slot.started + slot.spec->deadline) return nullptr;
  slot.ran = true;
  slot.last = kLate;
  ++slot.failures[static_cast<size_t>(Code::stuck)];
  const bool news = std::exchange(slot.told_collect, Code::stuck) != Code::stuck;
  stuck_ |= bit(index);
  wanted_ &= ~bit(index);
  holder_ = 0;
  running_ = -1;
  settle(index, UINT64_MAX, false);
  baton_.notify_one();
  return news ? &slot : nullptr;
}

void Crew::wait(Lock& lock, Waiter& waiter, Clock::time_point give_up) {
  while (waiter.pending != 0 && !stopping_) {
    const Clock::time_point now = Clock::now();
    const Slot* late = take_over(now);
    const bool nobody = started_ && holder_ == 0 && standbys_ == 0;
    if (late || nobody) {
      lock.unlock();
      if (nobody) add_threads(1);
      if (late) health::tell(late->spec->name, kLate, kLate.text);
      lock.lock();
    }
    if (waiter.pending == 0 || now >= give_up) return;
    // Never later than the deadline of what is running, nor of what may be begun meanwhile.
    Clock::time_point until = std::min(give_up, now + shortest_deadline_);
    if (running_ >= 0) {
      const Slot& slot = *slots[static_cast<size_t>(running_)];
      until = std::min(until, slot.started + slot.spec->deadline);
    }
    waiter.ready.wait_until(lock, until);
  }
}

Crew::Mask Crew::collect(Lock& lock, Mask mask, Clock::time_point give_up, bool& complete) {
  Waiter waiter{.pending = mask & ~stuck_, .arrived = collections_, .ready = {}};
  wanted_ |= waiter.pending;
  waiter.next = std::exchange(waiters_, &waiter);
  if (waiter.pending != 0) work_.notify_one();
  wait(lock, waiter, give_up);
  Waiter** link = &waiters_;
  while (*link != &waiter) link = &(*link)->next;
  *link = waiter.next;
  complete = waiter.pending == 0;
  return waiter.fresh;
}

}  // namespace fencewatch
