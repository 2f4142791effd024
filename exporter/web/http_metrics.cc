#include "exporter/web/http_metrics.h"

#include <charconv>
#include <concepts>

namespace fencewatch {
namespace {

constexpr Family kFamilies[] = {
    {"fencewatch_http_requests_total", Type::counter, "HTTP requests answered, by status code.", "code"},
    {"fencewatch_http_request_duration_seconds", Type::histogram, "Time from a complete HTTP request to its answer handed to the kernel.",
     "le"},
};
constexpr const Family& kDuration = kFamilies[1];

constexpr int kShownCodes[] = {400, 200, 401, 403, 404, 405, 429, 503};

struct Bound {
  std::chrono::microseconds at;
  std::string_view label;
};
constexpr Bound kBuckets[] = {
    {std::chrono::microseconds(250), "0.00025"},
    {std::chrono::microseconds(500), "0.0005"},
    {std::chrono::milliseconds(1), "0.001"},
    {std::chrono::microseconds(2500), "0.0025"},
    {std::chrono::milliseconds(5), "0.005"},
    {std::chrono::milliseconds(25), "0.025"},
    {std::chrono::milliseconds(100), "0.1"},
    {std::chrono::milliseconds(500), "0.5"},
    {std::chrono::seconds(1), "1.0"},
    {std::chrono::seconds(5), "5.0"},
};

void append_number(Bytes& out, auto value) {
  char text[32];
  out.append({text, static_cast<size_t>(std::to_chars(text, text + sizeof text, value).ptr - text)});
  out.append("\n");
}

void append_sample(Bytes& out, std::string_view suffix, std::string_view le, auto value) {
  out.append(kDuration.name);
  out.append(suffix);
  if (!le.empty()) {
    out.append("{le=\"");
    out.append(le);
    out.append("\"}");
  }
  out.append(" ");
  append_number(out, value);
}

}  // namespace

std::span<const Family> HttpMetrics::families() { return kFamilies; }

void HttpMetrics::count(int code, std::chrono::nanoseconds took) {
  static_assert(std::size(kShownCodes) == kCodes && std::size(kBuckets) == kBounds);
  size_t at = code < 500 ? 0 : kCodes - 1;
  for (size_t i = 0; i < kCodes; ++i)
    if (kShownCodes[i] == code) at = i;
  codes_[at].fetch_add(1, std::memory_order_relaxed);
  size_t bucket = 0;
  while (bucket < kBounds && took > kBuckets[bucket].at) ++bucket;
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_.fetch_add(static_cast<uint64_t>(took.count()), std::memory_order_relaxed);
}

void HttpMetrics::render(Format format, Bytes& out) const {
  const bool openmetrics = format == Format::openmetrics;
  std::string_view name = kFamilies[0].name;
  if (openmetrics) name.remove_suffix(std::string_view("_total").size());
  for (const std::string_view part : {std::string_view("# HELP "), name, std::string_view(" "), kFamilies[0].help,
                                      std::string_view("\n# TYPE "), name, std::string_view(" counter\n")})
    out.append(part);
  for (size_t i = 0; i < kCodes; ++i) {
    char code[3];
    std::to_chars(code, code + sizeof code, kShownCodes[i]);
    out.append(kFamilies[0].name);
    out.append("{code=\"");
    out.append({code, sizeof code});
    out.append("\"} ");
    append_number(out, codes_[i].load(std::memory_order_relaxed));
  }
  for (const std::string_view part : {std::string_view("# HELP "), kDuration.name, std::string_view(" "), kDuration.help,
                                      std::string_view("\n# TYPE "), kDuration.name, std::string_view(" histogram\n")})
    out.append(part);
  if (openmetrics) {
    out.append("# UNIT ");
    out.append(kDuration.name);
    out.append(" seconds\n");
  }
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= kBounds; ++i) {
    cumulative += buckets_[i].load(std::memory_order_relaxed);
    append_sample(out, "_bucket", i < kBounds ? kBuckets[i].label : "+Inf", cumulative);
  }
  append_sample(out, "_sum", {}, static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9);
  append_sample(out, "_count", {}, cumulative);
}

}  // namespace fencewatch
