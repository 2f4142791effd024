// Records on their way from the thread that collects to the one that writes them: neither ever waits for the other.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <semaphore>

#include "exporter/collect/record.h"

namespace fencewatch {

// One thread at a time puts, one takes.
class RecordQueue {
 public:
  static constexpr size_t kSize = 64;  // seconds for which a disk may hang and nothing is lost

  // Null: it is full. What was given out is in the queue after put().
  Record* next() {
    const uint64_t put = put_.load(std::memory_order_relaxed);
    if (put - taken_.load(std::memory_order_acquire) == kSize) return ++lost_, nullptr;
    return &records_[put % kSize];
  }
  void put() {
    put_.fetch_add(1, std::memory_order_release);
    wake_.release();
  }

  // Null: there was none within `patience`, or wake() was called. Stays until drop().
  const Record* front(std::chrono::milliseconds patience) {
    const uint64_t taken = taken_.load(std::memory_order_relaxed);
    if (put_.load(std::memory_order_acquire) == taken) (void)wake_.try_acquire_for(patience);
    return put_.load(std::memory_order_acquire) == taken ? nullptr : &records_[taken % kSize];
  }
  void drop() { taken_.fetch_add(1, std::memory_order_release); }
  void wake() { wake_.release(); }

  uint64_t lost() const { return lost_; }

 private:
  std::array<Record, kSize> records_;
  std::atomic<uint64_t> put_{0}, taken_{0}, lost_{0};
  std::counting_semaphore<> wake_{0};
};

}  // namespace fencewatch
