#include "exporter/collect/collector_state.h"

#include <ctime>
#include <exception>

namespace fencewatch {
namespace {

using std::chrono::nanoseconds;

template <class Call>
Outcome guarded(Call&& call) {
  Outcome outcome;
  try {
    outcome.status = call();
  } catch (const std::exception& e) {
    outcome.caught(e.what());
  } catch (...) {
    outcome.caught("not a std::exception");
  }
  return outcome;
}

nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

Outcome CollectorState::collect(const Node& node) {
  work.clear();
  return guarded([&] { return collector->collect(node, work); });
}

Outcome CollectorState::sample(const Node& node, nanoseconds elapsed, nanoseconds& cpu_time) {
  const nanoseconds before = thread_cpu_time();
  const Outcome outcome = guarded([&] { return collector->sample(node, elapsed); });
  cpu_time = thread_cpu_time() - before;
  return outcome;
}

bool CollectorState::glance(const Node& node, nanoseconds elapsed, nanoseconds& cpu_time) {
  const nanoseconds before = thread_cpu_time();
  bool enough = false;
  guarded([&] { return enough = collector->glance(node, elapsed), Status{}; });
  cpu_time = thread_cpu_time() - before;
  return enough;
}

}  // namespace fencewatch
