#include "exporter/logs/sources/stderr_pairs.h"

#include <algorithm>
#include <functional>

namespace fencewatch {

bool StderrPairs::is_new(Channel channel, Way way, std::string_view text, int64_t time_us) {
  constexpr int64_t kApart = 5'000'000;
  const size_t end = text.find_last_not_of(' ');  // one of the ways loses blanks
  const uint64_t hash = std::hash<std::string_view>()(text.substr(0, end + 1)) + static_cast<uint64_t>(channel);
  const auto twin = std::ranges::find_if(ring_, [&](const Said& said) {
    return said.hash == hash && said.way != Way::none && said.way != way && std::abs(said.time_us - time_us) <= kApart;
  });
  if (twin != ring_.end()) {
    *twin = {};
    return false;
  }
  ring_[next_++ % kKept] = {hash, time_us, way};
  return true;
}

}  // namespace fencewatch
