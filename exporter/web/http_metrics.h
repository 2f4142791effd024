// fencewatch_http_*: what became of the requests. Plain atomics: counting must not allocate, and showing allocates once.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>

#include "exporter/exposition/page.h"

namespace fencewatch {

class HttpMetrics {
 public:
  // Codes other than those shown from the start, which are rare, count as 400 or 503.
  void count(int code, std::chrono::nanoseconds took);
  // Requests that have been answered, not the one at work. For one thread at a time.
  void write(Page& page);

  static std::span<const Family> families();

 private:
  static constexpr int kCodes = 8;
  static constexpr int kBounds = 10;
  std::array<std::atomic<uint64_t>, kCodes> codes_{};
  std::array<std::atomic<uint64_t>, kBounds + 1> buckets_{};
  std::atomic<uint64_t> nanoseconds_{0};
  prometheus::ClientMetric::Histogram shown_;  // its buckets are made once
};

}  // namespace fencewatch
