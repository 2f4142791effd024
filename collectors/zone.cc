// Zones, their watermarks as printed and as they ought to be, and how long each was below them. proc/zoneinfo, proc/sys/vm/
// {min_free_kbytes,watermark_scale_factor}, proc/sys/kernel/osrelease or proc/version; between scrapes proc/meminfo, and proc/vmstat while
// memory is short. Never proc/sys/vm/lowmem_reserve_ratio: reading
// it makes the kernel compute the protections anew.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "collectors/memory/below_marks.h"
#include "collectors/memory/meminfo.h"
#include "collectors/memory/shortage.h"
#include "collectors/memory/vmstat.h"
#include "collectors/memory/watermarks.h"
#include "collectors/memory/zone_families.h"
#include "collectors/memory/zoneinfo.h"
#include "exporter/base/scan.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kZoneinfoPath = "proc/zoneinfo";
constexpr std::string_view kMinFreePath = "proc/sys/vm/min_free_kbytes";
constexpr std::string_view kMeminfoPath = "proc/meminfo";
constexpr std::string_view kVmstatPath = "proc/vmstat";
constexpr std::string_view kScalePath = "proc/sys/vm/watermark_scale_factor";

struct Mark {
  std::string_view name;
  std::optional<uint64_t> Zone::*printed;
  uint64_t Watermarks::*expected;
};
constexpr Mark kMarks[] = {
    {"min", &Zone::min, &Watermarks::min},
    {"low", &Zone::low, &Watermarks::low},
    {"high", &Zone::high, &Watermarks::high},
    {"promo", &Zone::promo, &Watermarks::promo},
};

Status read_number(const Node& node, std::string_view path, Bytes& buffer, std::optional<uint64_t>& out) {
  out.reset();
  const Status status = node.read(path, buffer);
  if (status.code == Code::missing) return {};
  if (!status) return status;
  std::string_view text = buffer;
  uint64_t number = 0;
  if (!text.ends_with('\n')) return malformed(1, "the file is cut off").of(path);
  text.remove_suffix(1);
  if (!scan::number(text, number)) return malformed(1, "no number").of(path);
  out = number;
  return {};
}

class ZoneCollector final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override;
  Status sample(const Node& node, std::chrono::nanoseconds elapsed) override;
  bool glance(const Node& node, std::chrono::nanoseconds elapsed) override;

 private:
  Status read_zones(const Node& node);
  Status read_settings(const Node& node);
  bool reserve_applies() const { return version_ && *version_ >= KernelVersion{5, 8}; }

  void label_zones();
  template <class Value>
  void write_each(Page& page, const Family& family, Value value_of) const;
  void write_sizes(Page& page) const;
  void write_marks(Page& page) const;
  void write_honoured(Page& page) const;
  void write_protections(Page& page) const;
  void write_stats(Page& page) const;
  void write_below(Page& page) const;
  void write_shortage(Page& page) const;
  void write_settings(const Node& node, Page& page) const;

  Bytes text_, small_;
  Zoneinfo zones_;
  std::vector<LabelText> labels_;  // beside zones_.zones
  std::optional<uint64_t> min_free_kbytes_, scale_factor_;
  std::optional<KernelVersion> version_;
  std::vector<Watermarks> expected_;  // beside zones_.zones, or empty
  BelowMarks below_;
  std::chrono::nanoseconds glanced_{0};  // since the zones were looked at
  Shortage shortage_;
};

Status ZoneCollector::read_zones(const Node& node) {
  if (Status status = node.read(kZoneinfoPath, text_); !status) return status;
  return parse_zoneinfo(text_, zones_).of(kZoneinfoPath);
}

Status ZoneCollector::read_settings(const Node& node) {
  if (Status status = read_number(node, kMinFreePath, small_, min_free_kbytes_); !status) return status;
  if (Status status = read_number(node, kScalePath, small_, scale_factor_); !status) return status;
  Status status = node.read("proc/sys/kernel/osrelease", small_);
  if (status.code == Code::missing) status = node.read("proc/version", small_);
  if (!status && status.code != Code::missing) return status;
  if (status && !scan::complete(small_)) return malformed(1, "the file is cut off").of("proc/sys/kernel/osrelease");
  version_ = parse_kernel_version(small_);

  expected_.clear();
  constexpr KernelVersion first_with_scale_factor{4, 6};
  const bool scale_known = scale_factor_ || (version_ && *version_ < first_with_scale_factor);
  if (min_free_kbytes_ && scale_known) {
    const bool apart = movable_is_apart(version_, zones_);
    expected_watermarks(zones_, {*min_free_kbytes_, scale_factor_, node.page_size(), apart}, expected_);
  }
  return {};
}

Status ZoneCollector::sample(const Node& node, std::chrono::nanoseconds elapsed) {
  if (Status status = read_zones(node); !status) return status;
  below_.look(zones_, glanced_ + elapsed);
  glanced_ = {};
  const auto sum = sum_memory(zones_, expected_, reserve_applies());
  if (!sum) return {};
  std::optional<uint64_t> stalls;
  if (Shortage::is_short(*sum)) {
    Vmstat vmstat;
    Status status = node.read(kVmstatPath, text_);
    if (status) status = parse_vmstat(text_, vmstat);
    if (!status && status.code != Code::missing) return status.of(kVmstatPath);
    stalls = vmstat.direct_stalls();
  }
  shortage_.look(*sum, stalls, elapsed);
  return {};
}

// The second line of proc/meminfo, a fifth of the price of all zones.
bool ZoneCollector::glance(const Node& node, std::chrono::nanoseconds elapsed) {
  const auto page_kilobytes = static_cast<uint64_t>(node.page_size() / 1024);
  const auto kilobytes = node.read(kMeminfoPath, small_) ? parse_free_memory(small_) : std::nullopt;
  if (kilobytes && page_kilobytes && !shortage_.glance(*kilobytes / page_kilobytes, elapsed)) return false;
  glanced_ += elapsed;
  return true;
}

Status ZoneCollector::collect(const Node& node, Page& page) {
  if (Status status = read_zones(node); !status) return status;
  if (Status status = read_settings(node); !status) return status;
  below_.see(zones_);
  label_zones();
  write_sizes(page);
  write_marks(page);
  write_protections(page);
  write_stats(page);
  write_below(page);
  write_shortage(page);
  write_settings(node, page);
  return {};
}

void ZoneCollector::label_zones() {
  labels_.clear();
  for (const Zone& zone : zones_.zones) labels_.push_back(LabelText({{"numa_node", zone.numa_node}, {"zone", zone.name}}));
}

// A sample for each zone that has the value.
template <class Value>
void ZoneCollector::write_each(Page& page, const Family& family, Value value_of) const {
  page.begin(family);
  for (size_t i = 0; i < zones_.zones.size(); ++i) {
    if (const auto value = value_of(zones_.zones[i])) page.sample(labels_[i].view(), {}, *value);
  }
}

void ZoneCollector::write_sizes(Page& page) const {
  const auto write = [&](int family, std::optional<uint64_t> Zone::*value) {
    write_each(page, kZoneFamilies[family], [value](const Zone& zone) { return zone.*value; });
  };
  write(kSpanned, &Zone::spanned);
  write(kPresent, &Zone::present);
  page.begin(kZoneFamilies[kManaged]);
  for (size_t i = 0; i < zones_.zones.size(); ++i) {
    const auto managed = zones_.zones[i].managed;
    if (managed && *managed < 0) page.sample(labels_[i].view(), {}, static_cast<double>(*managed));
    if (managed && *managed >= 0) page.sample(labels_[i].view(), {}, static_cast<uint64_t>(*managed));
  }
  write(kFree, &Zone::free);
  write(kBoost, &Zone::boost);
  const auto phantom = [](const Zone& zone) { return zone.managed && zone.present ? std::optional(zone.phantom()) : std::nullopt; };
  std::optional<uint64_t> sum;
  write_each(page, kZoneFamilies[kMiscount], [&](const Zone& zone) {
    const auto pages = phantom(zone);
    if (pages) sum = sum.value_or(0) + *pages;
    return pages ? std::optional<uint64_t>(*pages > 0) : std::nullopt;
  });
  write_each(page, kZoneFamilies[kPhantom], phantom);
  if (sum) page.one(kZoneFamilies[kAllPhantom], *sum);
}

void ZoneCollector::write_marks(Page& page) const {
  const auto& zones = zones_.zones;
  page.begin(kZoneFamilies[kWatermark]);
  for (size_t i = 0; i < zones.size(); ++i) {
    for (const Mark& mark : kMarks) {
      if (const auto value = zones[i].*mark.printed) page.sample(labels_[i].view(), {{"watermark", mark.name}}, *value);
    }
  }
  page.begin(kZoneFamilies[kExpected]);
  for (size_t i = 0; i < expected_.size(); ++i) {
    for (const Mark& mark : kMarks) {
      if (zones[i].*mark.printed) page.sample(labels_[i].view(), {{"watermark", mark.name}}, expected_[i].*mark.expected);
    }
  }
  write_honoured(page);
}

void ZoneCollector::write_honoured(Page& page) const {
  if (expected_.empty()) return;
  const auto& zones = zones_.zones;
  const bool outdated = are_outdated(zones, expected_);
  page.one(kZoneFamilies[kOutdated], static_cast<uint64_t>(outdated));
  if (outdated) return;
  std::optional<double> least;
  page.begin(kZoneFamilies[kHonoured]);
  for (size_t i = 0; i < expected_.size(); ++i) {
    const auto ratio = honoured_ratio(zones[i], expected_[i]);
    if (!ratio) continue;
    page.sample(labels_[i].view(), {}, *ratio);
    least = std::min(least.value_or(*ratio), *ratio);
  }
  if (least) page.one(kZoneFamilies[kLeastHonoured], *least);
}

void ZoneCollector::write_protections(Page& page) const {
  const ColumnNames columns = protection_columns(zones_);
  page.begin(kZoneFamilies[kProtection]);
  for (size_t i = 0; i < zones_.zones.size(); ++i) {
    const Zone& zone = zones_.zones[i];
    for (size_t column = 0; column < zone.protections; ++column) {
      if (columns[column].empty()) continue;
      page.sample(labels_[i].view(), {{"against", columns[column]}}, zone.protection[column]);
    }
  }
}

void ZoneCollector::write_stats(Page& page) const {
  page.begin(kZoneFamilies[kZoneStat]);
  for (size_t i = 0; i < zones_.zones.size(); ++i) {
    const ZoneStats& stats = zones_.zones[i].stats;
    for (size_t stat = 0; stat < kZoneStatCount; ++stat) {
      if (stats.has(stat)) page.sample(labels_[i].view(), {{"stat", kZoneStats[stat]}}, stats[stat]);
    }
  }
  page.begin(kZoneFamilies[kNodeStat]);
  for (const NumaNodeStats& numa_node : zones_.nodes) {
    const LabelText label({{"numa_node", numa_node.numa_node}});
    for (size_t stat = 0; stat < kZoneStatCount; ++stat) {
      if (numa_node.stats.has(stat)) page.sample(label.view(), {{"stat", kZoneStats[stat]}}, numa_node.stats[stat]);
    }
  }
}

void ZoneCollector::write_below(Page& page) const {
  page.begin(kZoneFamilies[kBelow]);
  for (const BelowMarks::Entry& entry : below_.entries()) {
    const LabelText label({{"numa_node", entry.numa_node}, {"zone", entry.zone}});
    for (size_t mark = 0; mark < BelowMarks::kMarks; ++mark)
      page.sample(label.view(), {{"watermark", kMarks[mark].name}}, entry.seconds[mark]);
  }
  if (below_.entries().empty()) return;
  page.one(kZoneFamilies[kAnyBelow], below_.any_below_min());
}

void ZoneCollector::write_shortage(Page& page) const {
  const auto sum = sum_memory(zones_, expected_, reserve_applies());
  if (!sum) return;
  page.one(kZoneFamilies[kPhantomReserve], sum->reserved);
  page.one(kZoneFamilies[kShort], shortage_.short_seconds());
  page.recent("zones_short_seconds", shortage_.short_seconds());
  page.one(kZoneFamilies[kExhausted], shortage_.exhausted_seconds());
  page.recent("memory_exhausted_seconds", shortage_.exhausted_seconds());
  if (const auto seconds = shortage_.seconds_to_min()) page.one(kZoneFamilies[kSecondsToMin], *seconds);
}

void ZoneCollector::write_settings(const Node& node, Page& page) const {
  if (min_free_kbytes_) page.one(kZoneFamilies[kMinFree], *min_free_kbytes_ * 1024);
  if (scale_factor_) page.one(kZoneFamilies[kScale], *scale_factor_);
  if (const long size = node.page_size(); size > 0) page.one(kZoneFamilies[kPageSize], static_cast<uint64_t>(size));
}

constexpr std::string_view kReads[] = {kZoneinfoPath, kMinFreePath, kScalePath, kMeminfoPath, kVmstatPath, "proc/sys/kernel/osrelease",
                                       "proc/version"};

}  // namespace

extern const Spec zone;
constinit const Spec zone = {
    .name = "zone",
    .summary = "Memory zones: watermarks as they are and as they ought to be, miscounted pages (/proc/zoneinfo)",
    .families = kZoneFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<ZoneCollector>(); },
    .sample_every = std::chrono::milliseconds(250),
    .glances = true,
};

}  // namespace fencewatch
