// How the exporter outlives the shortage that it reports: small stacks, one malloc arena, no trimming, everything locked.
// mlockall(2), mallopt(3), proc(5) oom_score_adj.
#pragma once

namespace fencewatch::memory {

// Before any thread is made: 256 KiB default stacks, M_ARENA_MAX=1, no trimming, no mmap threshold, OOM score -900 where allowed.
void prepare();

// After the threads are there and one warm-up scrape has run: mlockall(current and future). 0, or the errno of the refusal.
int lock();

bool locked();

}  // namespace fencewatch::memory
