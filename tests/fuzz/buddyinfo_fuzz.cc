// The parser of /proc/buddyinfo. A fault has a line of the text; what is accepted has its counts zone behind zone, no zone twice, and
// printed as the kernel does it is read the same.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "collectors/memory/buddyinfo.h"

using namespace fencewatch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string printed(const Buddyinfo& info) {
  std::string text;
  for (const Buddyinfo::Zone& zone : info.zones) {
    text += "Node " + std::to_string(zone.numa_node) + ", zone " + std::string(zone.name) + " ";
    for (const uint64_t blocks : info.of(zone)) text += std::to_string(blocks) + " ";
    text += "\n";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Buddyinfo info, again;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const Status status = parse_buddyinfo(text, info); !status) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
    require(status.code == Code::malformed && status.line >= 1 && status.line <= lines + 1 && !status.text.empty());
    return 0;
  }
  size_t counts = 0;
  std::set<std::pair<uint32_t, std::string_view>> seen;
  for (const Buddyinfo::Zone& zone : info.zones) {
    require(zone.first == counts && zone.orders >= 1 && zone.orders <= kMaxOrders);
    require(zone.name.data() > text.data() && zone.name.data() + zone.name.size() < text.data() + text.size());
    require(seen.emplace(zone.numa_node, zone.name).second);
    counts += zone.orders;
    double free = 0;
    for (size_t order = 0; order < zone.orders; ++order) free += pages(info.of(zone)[order], order);
    require(std::isfinite(free) && free >= 0);
  }
  require(!info.zones.empty() && counts == info.blocks.size());
  const std::string other = printed(info);
  require(parse_buddyinfo(other, again).code == Code::ok && again.blocks == info.blocks && printed(again) == other);
  return 0;
}
