// Counts what goes through operator new, in this program and in the libraries that it loads (not what C code takes from malloc).
#pragma once

#include <cstdint>

namespace fencewatch::test {

uint64_t allocations();         // of all threads, since the start
uint64_t thread_allocations();  // of the calling thread, since its start

// While it lives, one allocation fails: the one after `after` others, of any thread. For a test that lets each in turn fail:
//   for (uint64_t n = 0, failed = true; failed; ++n) { FailAllocation one(n); …; failed = one.failed(); } and then what must still work.
// One at a time. What C code takes from malloc does not fail.
class FailAllocation {
 public:
  explicit FailAllocation(uint64_t after);
  ~FailAllocation();
  FailAllocation(const FailAllocation&) = delete;
  bool failed() const;  // it has happened
};

}  // namespace fencewatch::test
