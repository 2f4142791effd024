// Free memory by the size of its blocks, /proc/buddyinfo.
#include <algorithm>
#include <optional>
#include <vector>

#include "collectors/memory/buddyinfo.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/buddyinfo";

constexpr size_t kCostlyOrder = 3;  // PAGE_ALLOC_COSTLY_ORDER, include/linux/mmzone.h

enum { kFreeBlocks, kUnusable, kMostUnusable };
constexpr Family kFamilies[] = {
    {"fencewatch_zone_free_blocks", Type::gauge, "Free blocks of 2^order pages in the zone, from /proc/buddyinfo.", "numa_node,zone,order"},
    {"fencewatch_zone_unusable_free_ratio", Type::gauge,
     "Share of the zone's free pages that lie in blocks smaller than 2^order pages, of no use to an allocation of that order, from "
     "/proc/buddyinfo.",
     "numa_node,zone,order"},
    {"fencewatch_zones_unusable_free_ratio_max", Type::gauge,
     "The largest fencewatch_zone_unusable_free_ratio of order 3 (PAGE_ALLOC_COSTLY_ORDER) of the zones other than DMA, from "
     "/proc/buddyinfo.",
     ""},
};

class Fragmentation final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    if (const Status status = node.read(kPath, text_); !status) return status;
    if (const Status status = parse_buddyinfo(text_, buddyinfo_); !status) return status.of(kPath);
    labels_.clear();
    for (const Buddyinfo::Zone& zone : buddyinfo_.zones) labels_.push_back(LabelText({{"numa_node", zone.numa_node}, {"zone", zone.name}}));
    write_blocks(page);
    write_ratios(page);
    return {};
  }

 private:
  void write_blocks(Page& page) const {
    page.begin(kFamilies[kFreeBlocks]);
    for (size_t i = 0; i < labels_.size(); ++i) {
      const auto blocks = buddyinfo_.of(buddyinfo_.zones[i]);
      for (size_t order = 0; order < blocks.size(); ++order) page.sample(labels_[i].view(), {{"order", order}}, blocks[order]);
    }
  }

  void write_ratios(Page& page) const {
    std::optional<double> most;
    page.begin(kFamilies[kUnusable]);
    for (size_t i = 0; i < labels_.size(); ++i) {
      const auto blocks = buddyinfo_.of(buddyinfo_.zones[i]);
      double free = 0, smaller = 0;
      for (size_t order = 0; order < blocks.size(); ++order) free += pages(blocks[order], order);
      if (free == 0) continue;
      for (size_t order = 0; order < blocks.size(); ++order) {
        page.sample(labels_[i].view(), {{"order", order}}, smaller / free);
        if (order == kCostlyOrder && buddyinfo_.zones[i].name != "DMA") most = std::max(most.value_or(0), smaller / free);
        smaller += pages(blocks[order], order);
      }
    }
    if (most) page.one(kFamilies[kMostUnusable], *most);
  }

  Bytes text_;
  Buddyinfo buddyinfo_;
  std::vector<LabelText> labels_;  // beside buddyinfo_.zones
};

constexpr std::string_view kReads[] = {kPath};

}  // namespace

extern const Spec fragmentation;
constinit const Spec fragmentation = {
    .name = "fragmentation",
    .summary = "Free memory by the size of its blocks (/proc/buddyinfo)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Fragmentation>(); },
};

}  // namespace fencewatch
