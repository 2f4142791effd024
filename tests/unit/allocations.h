// Counts what goes through operator new, in this program and in the libraries that it loads (not what C code takes from malloc).
#pragma once

#include <cstdint>

namespace fencewatch::test {

uint64_t allocations();         // of all threads, since the start
uint64_t thread_allocations();  // of the calling thread, since its start

}  // namespace fencewatch::test
