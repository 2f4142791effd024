#include "tests/unit/allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> of_all{0};
thread_local uint64_t of_thread = 0;
std::atomic<int64_t> until_failure{-1};  // below 0: none fails

void* counted(size_t size, size_t alignment) noexcept {
  of_all.fetch_add(1, std::memory_order_relaxed);
  ++of_thread;
  if (until_failure.load(std::memory_order_relaxed) >= 0 && until_failure.fetch_sub(1, std::memory_order_relaxed) == 0) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* counted_or_throw(size_t size, size_t alignment) {
  if (void* memory = counted(size, alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) { return counted_or_throw(size, 0); }
void* operator new[](size_t size) { return counted_or_throw(size, 0); }
void* operator new(size_t size, std::align_val_t alignment) { return counted_or_throw(size, size_t(alignment)); }
void* operator new[](size_t size, std::align_val_t alignment) { return counted_or_throw(size, size_t(alignment)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return counted(size, 0); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return counted(size, 0); }
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept { return counted(size, size_t(alignment)); }
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept { return counted(size, size_t(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }

namespace fencewatch::test {

uint64_t allocations() { return of_all.load(std::memory_order_relaxed); }
uint64_t thread_allocations() { return of_thread; }

FailAllocation::FailAllocation(uint64_t after) { until_failure = static_cast<int64_t>(after); }
FailAllocation::~FailAllocation() { until_failure = -1; }
bool FailAllocation::failed() const { return until_failure < 0; }

}  // namespace fencewatch::test
