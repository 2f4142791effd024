#include "collectors/memory/zoneinfo.h"

#include <bit>
#include <cstring>

#include "collectors/memory/key_index.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

// The node numbers that any kernel can have (NODES_SHIFT is at most 10): bounds what a broken file can make us hold.
constexpr uint32_t kMaxNodes = 1024;

struct Headline {
  std::string_view key;
  std::optional<uint64_t> Zone::*value;
};
// `high` is the watermark: that of a pageset is `high:`.
constexpr Headline kHeadlines[] = {
    {"min", &Zone::min},         {"low", &Zone::low},     {"high", &Zone::high},   {"spanned", &Zone::spanned},
    {"present", &Zone::present}, {"boost", &Zone::boost}, {"promo", &Zone::promo},
};

constexpr KeyIndex<kZoneStatCount> kStatIndex(kZoneStats, [](std::string_view name) { return name; });

constexpr bool name_character(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

class Parser {
 public:
  Parser(std::string_view text, Zoneinfo& out) : text_(text), rest_(text), out_(out) {}

  Status run() {
    out_.zones.clear();
    out_.nodes.clear();
    if (!scan::complete(text_)) return malformed(scan::line_of(text_, text_.data() + text_.size()), "the file is cut off");
    skip_to_header();
    std::string_view line;
    while (scan::next_line(rest_, line)) {
      if (Status status = line.starts_with("Node") ? header(line) : body(line); !status) return status;
    }
    if (out_.zones.empty()) return malformed(1, "no zone");
    return whole(out_.zones.back());
  }

 private:
  Status fault(std::string_view line, std::string_view what) const { return malformed(scan::line_of(text_, line.data()), what); }

  // Per-cpu pagesets are most of the file of a large machine and of no interest; no line of them holds an N.
  void skip_to_header() {
    const char* const end = rest_.data() + rest_.size();
    const char* at = rest_.data();
    while (at < end && (at = static_cast<const char*>(std::memchr(at, 'N', static_cast<size_t>(end - at))))) {
      const size_t offset = static_cast<size_t>(at - text_.data());
      if ((offset == 0 || text_[offset - 1] == '\n') && text_.substr(offset).starts_with("Node")) break;
      ++at;
    }
    rest_.remove_prefix(at ? static_cast<size_t>(at - rest_.data()) : rest_.size());
  }

  // Node %d, zone %8s
  Status header(std::string_view line) {
    constexpr std::string_view begin = "Node ", middle = ", zone ";
    const size_t comma = line.find(',');
    uint32_t number = 0;
    if (!line.starts_with(begin) || comma == line.npos || !line.substr(comma).starts_with(middle) ||
        !scan::number(line.substr(begin.size(), comma - begin.size()), number) || number >= kMaxNodes) {
      return fault(line, "no header of a zone");
    }
    const std::string_view name = scan::trim_left(line.substr(comma + middle.size()));
    if (!is_zone_name(name)) return fault(line, "no name of a zone");

    std::vector<Zone>& zones = out_.zones;
    if (!zones.empty() && number < zones.back().numa_node) return fault(line, "nodes out of order");
    size_t siblings = 0;
    for (auto zone = zones.rbegin(); zone != zones.rend() && zone->numa_node == number; ++zone, ++siblings) {
      if (zone->name == name) return fault(line, "the same zone twice");
    }
    if (siblings == kMaxZonesOfNode) return fault(line, "too many zones in a node");
    zones.emplace_back();
    zones.back().numa_node = number;
    zones.back().name = name;
    section_ = &zones.back().stats;
    last_pagesets_ = {};
    return {};
  }

  Status body(std::string_view line) {
    Zone& zone = out_.zones.back();
    std::string_view rest = line;
    const std::string_view key = scan::next_word(rest);
    if (key.starts_with("nr_")) return stat(line, key.substr(3), rest);
    if (key == "pages") {
      if (scan::next_word(rest) != "free") return {};
      section_ = &zone.stats;
      return value(line, rest, zone.free);
    }
    for (const Headline& headline : kHeadlines) {
      if (key == headline.key && section_ == &zone.stats) return value(line, rest, zone.*headline.value);
    }
    if (key == "managed" && section_ == &zone.stats) return managed(line, rest, zone);
    if (key == "protection:") return protection(line, scan::trim_left(rest), zone);
    if (key == "pagesets") {
      const char* const begin = line.data();
      skip_to_header();
      last_pagesets_ = {begin, static_cast<size_t>(rest_.data() - begin)};
    } else if (key == "per-node") {
      if (!out_.nodes.empty() && out_.nodes.back().numa_node == zone.numa_node) return fault(line, "per-node stats twice");
      out_.nodes.emplace_back();
      out_.nodes.back().numa_node = zone.numa_node;
      section_ = &out_.nodes.back().stats;
    }
    return {};
  }

  Status value(std::string_view line, std::string_view rest, std::optional<uint64_t>& out) const {
    if (out) return fault(line, "the same line twice in a zone");
    uint64_t number = 0;
    if (!scan::number(scan::trim_left(rest), number)) return fault(line, "no number of pages");
    out = number;
    return {};
  }

  Status managed(std::string_view line, std::string_view rest, Zone& zone) const {
    std::optional<uint64_t> printed;
    if (zone.managed) return fault(line, "the same line twice in a zone");
    const Status status = value(line, rest, printed);
    if (status) zone.managed = static_cast<int64_t>(*printed);
    return status;
  }

  Status stat(std::string_view line, std::string_view name, std::string_view rest) {
    const int found = kStatIndex.find(name);
    if (found < 0) return {};
    uint64_t number = 0;
    if (!scan::number(scan::trim_left(rest), number)) return fault(line, "no number of pages");
    section_->set(static_cast<size_t>(found), number);
    return {};
  }

  // protection: (0, 2990, 3992)
  Status protection(std::string_view line, std::string_view list, Zone& zone) const {
    if (zone.protections) return fault(line, "the same line twice in a zone");
    if (!list.starts_with('(') || !list.ends_with(')')) return fault(line, "no list of protections");
    list = list.substr(1, list.size() - 2);
    while (true) {
      const size_t comma = list.find(',');
      if (zone.protections == kMaxZonesOfNode) return fault(line, "too many protections");
      if (!scan::number(list.substr(0, comma), zone.protection[zone.protections])) return fault(line, "no number of pages");
      ++zone.protections;
      if (comma == list.npos) return {};
      list = scan::trim_left(list.substr(comma + 1));
    }
  }

  // Every kernel ends a zone without memory at its protections, one with memory behind its pagesets: a last zone that ends before was cut
  // off between two lines.
  Status whole(const Zone& last) const {
    const bool ends = last.protections && (!last.populated() || last_pagesets_.find("\n  start_pfn:") != last_pagesets_.npos);
    return ends ? Status{} : fault(last.name, "the last zone is cut off");
  }

  const std::string_view text_;
  std::string_view rest_;
  Zoneinfo& out_;
  ZoneStats* section_ = nullptr;    // where nr_* lines belong now: the zone's, or its node's
  std::string_view last_pagesets_;  // to the end of their zone
};

// enum zone_type of include/linux/mmzone.h. Every kernel since 2.6.23 has Normal and Movable, the others are options.
constexpr std::string_view kZoneTypes[] = {"DMA", "DMA32", "Normal", "HighMem", "Movable", "Device"};
enum : unsigned { kDma32 = 1 << 1, kNormal = 1 << 2, kHighMem = 1 << 3, kMovable = 1 << 4, kDevice = 1 << 5, kAllTypes = 1 << 6 };

// HighMem is for 32 bit, DMA32 and Device for 64.
constexpr bool can_be_built(unsigned types) {
  return (types & kNormal) && (types & kMovable) && !((types & kHighMem) && (types & (kDma32 | kDevice)));
}

// The types that are printed anywhere; 0 when one of them is unknown to us.
unsigned printed_types(const Zoneinfo& zoneinfo) {
  unsigned types = 0;
  for (const Zone& zone : zoneinfo.zones) {
    const auto found = std::find(std::begin(kZoneTypes), std::end(kZoneTypes), zone.name);
    if (found == std::end(kZoneTypes)) return 0;
    types |= 1U << (found - std::begin(kZoneTypes));
  }
  return types;
}

}  // namespace

ColumnNames protection_columns(const Zoneinfo& zoneinfo) {
  ColumnNames names{};
  const std::vector<Zone>& zones = zoneinfo.zones;
  const size_t columns = zones.empty() ? 0 : zones.front().protections;
  size_t of_first_node = 0;
  while (of_first_node < zones.size() && zones[of_first_node].numa_node == zones.front().numa_node) ++of_first_node;
  if (of_first_node == columns) {
    for (size_t i = 0; i < columns; ++i) names[i] = zones[i].name;
    return names;
  }
  const unsigned printed = printed_types(zoneinfo);
  bool first = true;
  for (unsigned types = printed ? 0 : unsigned{kAllTypes}; types < kAllTypes; ++types) {
    if ((types & printed) != printed || !can_be_built(types) || static_cast<size_t>(std::popcount(types)) != columns) continue;
    size_t column = 0;
    for (unsigned type = 0; type < std::size(kZoneTypes); ++type) {
      if (!(types >> type & 1)) continue;
      if (first || names[column] == kZoneTypes[type]) {
        names[column++] = kZoneTypes[type];
      } else {
        names[column++] = {};
      }
    }
    first = false;
  }
  return names;
}

bool is_zone_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && std::all_of(text.begin(), text.end(), name_character);
}

Status parse_zoneinfo(std::string_view text, Zoneinfo& out) { return Parser(text, out).run(); }

}  // namespace fencewatch
