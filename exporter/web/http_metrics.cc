#include "exporter/web/http_metrics.h"

#include <iterator>
#include <limits>

namespace fencewatch {
namespace {

constexpr Family kFamilies[] = {
    {"fencewatch_http_requests_total", Type::counter, "HTTP requests answered, by status code.", "code"},
    {"fencewatch_http_request_duration_seconds", Type::histogram, "Time from a complete HTTP request to its answer handed to the kernel.",
     "le"},
};
constexpr int kShownCodes[] = {400, 200, 401, 403, 404, 405, 429, 503};

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr microseconds kBuckets[] = {microseconds(250), microseconds(500), milliseconds(1),   microseconds(2500), milliseconds(5),
                                     milliseconds(25),  milliseconds(100), milliseconds(500), seconds(1),         seconds(5)};

}  // namespace

std::span<const Family> HttpMetrics::families() { return kFamilies; }

void HttpMetrics::count(int code, std::chrono::nanoseconds took) {
  static_assert(std::size(kShownCodes) == kCodes && std::size(kBuckets) == kBounds);
  size_t at = code < 500 ? 0 : kCodes - 1;
  for (size_t i = 0; i < kCodes; ++i)
    if (kShownCodes[i] == code) at = i;
  codes_[at].fetch_add(1, std::memory_order_relaxed);
  size_t bucket = 0;
  while (bucket < kBounds && took > kBuckets[bucket]) ++bucket;
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_.fetch_add(static_cast<uint64_t>(took.count()), std::memory_order_relaxed);
}

void HttpMetrics::write(Page& page) {
  page.begin(kFamilies[0]);
  for (size_t i = 0; i < kCodes; ++i) page.sample({{"code", kShownCodes[i]}}, codes_[i].load(std::memory_order_relaxed));
  page.begin(kFamilies[1]);
  shown_.bucket.resize(kBounds + 1);
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= kBounds; ++i) {
    cumulative += buckets_[i].load(std::memory_order_relaxed);
    const double bound = i < kBounds ? std::chrono::duration<double>(kBuckets[i]).count() : std::numeric_limits<double>::infinity();
    shown_.bucket[i] = {.cumulative_count = cumulative, .upper_bound = bound};
  }
  shown_.sample_count = cumulative;
  shown_.sample_sum = static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9;
  page.histogram({}, shown_);
}

}  // namespace fencewatch
