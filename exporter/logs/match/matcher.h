// All patterns of a channel over one line: a sieve of literals refuses most lines at the speed of a string search; RE2 looks at those
// patterns whose literal is there, and one RE2::Set at those that have none.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "exporter/collect/collector.h"

namespace fencewatch {

// Used by one thread. Its memory is bounded: `memory` bytes for each pattern and for each channel's set.
class Matcher {
 public:
  static constexpr int kMaxGroups = 16;
  static constexpr int64_t kMemory = 512 << 10;

  // The patterns of `collectors`, which must outlive it. Expressions match bytes, not UTF-8 characters: a line may hold anything. Throws
  // std::invalid_argument that names the expression that RE2 does not take or that has more than kMaxGroups groups.
  explicit Matcher(std::span<Collector* const> collectors, int64_t memory = kMemory);
  ~Matcher();
  Matcher(const Matcher&) = delete;

  // How many patterns the line matches; tell() knows which, until the next find().
  size_t find(const Line& line);
  // Calls on_event() for each, in the order of the collectors and of their patterns. What they throw is logged, once for each pattern.
  void tell(const Line& line);

  bool wants(Channel channel) const;  // whether there is a pattern
  // Lines for which the set of a channel had no memory: its patterns were asked one by one.
  uint64_t fallbacks() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fencewatch
