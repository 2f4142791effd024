// Links that go down again and again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace fencewatch {

class LinkFlaps {
 public:
  static constexpr int64_t kWindow = int64_t{30} * 60 * 1'000'000;  // microseconds
  static constexpr size_t kMostLinks = 256;

  // A link went down at `time_us` (0: nobody knows; as long ago as the time before). True when that is the third time within the window, or
  // one more.
  bool down(std::string_view host, std::string_view link, int64_t time_us) {
    std::string name = std::string(host) + '/' + std::string(link);
    if (!before_.contains(name) && before_.size() >= kMostLinks) return false;
    auto& [earliest, last] = before_[std::move(name)];
    if (time_us == 0) time_us = last;
    const bool again = earliest != 0 && time_us - earliest <= kWindow;
    earliest = last;
    last = time_us;
    return again;
  }

 private:
  std::map<std::string, std::array<int64_t, 2>> before_;  // when a link went down the last two times
};

}  // namespace fencewatch
