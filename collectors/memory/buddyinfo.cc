#include "collectors/memory/buddyinfo.h"

#include <cmath>

#include "collectors/memory/zoneinfo.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr const char* kOtherLayout = "not \"Node N, zone NAME COUNT...\"";

// `line` begins behind "Node".
const char* parse_zone(std::string_view line, Buddyinfo& out) {
  Buddyinfo::Zone zone{0, {}, out.blocks.size(), 0};
  std::string_view number = scan::next_word(line);
  if (!number.ends_with(',')) return kOtherLayout;
  number.remove_suffix(1);
  if (!scan::number(number, zone.numa_node) || scan::next_word(line) != "zone") return kOtherLayout;
  zone.name = scan::next_word(line);
  if (!is_zone_name(zone.name)) return kOtherLayout;
  if (!out.zones.empty() && zone.numa_node < out.zones.back().numa_node) return "nodes out of order";
  for (auto other = out.zones.rbegin(); other != out.zones.rend() && other->numa_node == zone.numa_node; ++other) {
    if (other->name == zone.name) return "the same zone twice";
  }
  while (!(number = scan::next_word(line)).empty()) {
    uint64_t blocks = 0;
    if (!scan::number(number, blocks)) return "a count of blocks is no number";
    if (++zone.orders > kMaxOrders) return "more than 64 orders";
    out.blocks.push_back(blocks);
  }
  if (zone.orders == 0) return kOtherLayout;
  out.zones.push_back(zone);
  return nullptr;
}

}  // namespace

double pages(uint64_t blocks, size_t order) { return std::ldexp(static_cast<double>(blocks), static_cast<int>(order)); }

Status parse_buddyinfo(std::string_view text, Buddyinfo& out) {
  out.zones.clear();
  out.blocks.clear();
  if (text.empty()) return malformed(1, "the file is empty");
  if (!scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    const char* const begin = line.data();
    if (scan::next_word(line) != "Node") continue;
    if (const char* const fault = parse_zone(line, out)) return malformed(scan::line_of(text, begin), fault);
  }
  return out.zones.empty() ? malformed(1, "no zone") : Status{};
}

}  // namespace fencewatch
