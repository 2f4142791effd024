// How the exporter outlives the shortage that it reports: small stacks, one malloc arena, no trimming, everything locked.
// mlockall(2), mallopt(3), proc(5) oom_score_adj.
#pragma once

#include <span>
#include <string_view>

namespace fencewatch::memory {

// Before any thread is made: 256 KiB default stacks, M_ARENA_MAX=1, no trimming, no mmap threshold, OOM score -900 where allowed.
void prepare();

// After the threads are there and one warm-up scrape has run: all memory, now and in future, is resident and locked; of the libraries in
// `hardly_used` (parts of their paths) only the pages that are used from now on, once they are. 0, or the errno of the refusal.
int lock(std::span<const std::string_view> hardly_used = {});

// Gives back to the kernel what malloc(3) keeps and nobody uses, after a time in which much more was needed than usual. What is used
// stays locked; what is used again is locked as it is touched.
void give_back();

bool locked();

// False between prepare() and lock(), which makes all that is mapped then resident: what is large and hardly used is mapped afterwards.
bool settled();

// Returns when settled(): for threads that are made before memory is locked and begin afterwards.
void wait_until_settled();

// While one lives, what is mapped is locked page by page as it is used, not all at once: for libraries of which little is used, and for
// the large buffers that they share with others. Nothing happens when memory is not locked. For one thread at a time; what the others
// map meanwhile is treated the same.
class LockAsUsed {
 public:
  LockAsUsed();
  ~LockAsUsed();
  LockAsUsed(const LockAsUsed&) = delete;
};

}  // namespace fencewatch::memory
