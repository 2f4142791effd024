// Counts what operator new was asked for by the calling thread: the steady state allocates nothing.
#pragma once

#include <cstddef>

size_t allocations();
