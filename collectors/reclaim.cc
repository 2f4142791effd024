// How hard the kernel works to free memory, /proc/vmstat: the step between watermarks that are too low and the OOM killer.
#include <algorithm>

#include "collectors/memory/vmstat.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/vmstat";

enum {
  kStalls,
  kWakes,
  kHits,
  kScanned,
  kStolen,
  kCompactStalls,
  kCompactFailures,
  kCompactSuccesses,
  kMajorFaults,
  kRefaults,
  kPageCache,
  kBalloon
};
constexpr Family kFamilies[] = {
    {"fencewatch_reclaim_direct_stalls_total", Type::counter,
     "Allocations that had to free memory for themselves because kswapd came too late, by the zone asked for (`all` before 4.8), from "
     "allocstall* in /proc/vmstat.",
     "zone"},
    {"fencewatch_kswapd_wakes_total", Type::counter, "Runs of kswapd, from pageoutrun in /proc/vmstat.", ""},
    {"fencewatch_kswapd_watermark_hits_total", Type::counter,
     "Times that kswapd, about to sleep, found free memory below the watermark again, from kswapd_*_wmark_hit_quickly in /proc/vmstat.",
     "watermark"},
    {"fencewatch_reclaim_scanned_pages_total", Type::counter, "Pages looked at to free them, from pgscan_* in /proc/vmstat.", "by"},
    {"fencewatch_reclaim_stolen_pages_total", Type::counter, "Pages freed, from pgsteal_* in /proc/vmstat.", "by"},
    {"fencewatch_compaction_stalls_total", Type::counter,
     "Allocations that had to wait for compaction to make a large block, from compact_stall in /proc/vmstat.", ""},
    {"fencewatch_compaction_failures_total", Type::counter,
     "Compactions of an allocation that made no block large enough, from compact_fail in /proc/vmstat.", ""},
    {"fencewatch_compaction_successes_total", Type::counter,
     "Compactions of an allocation that made a block large enough, from compact_success in /proc/vmstat.", ""},
    {"fencewatch_major_page_faults_total", Type::counter, "Page faults that had to wait for a disk, from pgmajfault in /proc/vmstat.", ""},
    {"fencewatch_refaults_total", Type::counter,
     "Pages read again soon after they were evicted (kind `all` before 5.9), from workingset_refault* in /proc/vmstat.", "kind"},
    {"fencewatch_page_cache_pages", Type::gauge, "Pages of the page cache, from nr_file_pages in /proc/vmstat.", ""},
    {"fencewatch_balloon_inflated_pages", Type::gauge,
     "Pages that a balloon has taken from this machine for its host, those of balloon_inflate less those of balloon_deflate in "
     "/proc/vmstat "
     "(CONFIG_MEMORY_BALLOON: virtio and VMware; Hyper-V and Xen do not count there).",
     ""},
};

// A series of ours and its line in the file.
struct Series {
  std::string_view label;
  Vm item;
};
constexpr Series kZones[] = {
    {"all", Vm::allocstall},           {"DMA", Vm::allocstall_dma},      {"DMA32", Vm::allocstall_dma32},
    {"Normal", Vm::allocstall_normal}, {"HighMem", Vm::allocstall_high}, {"Movable", Vm::allocstall_movable},
    {"Device", Vm::allocstall_device},
};
constexpr Series kWatermarks[] = {{"low", Vm::kswapd_low_wmark_hit_quickly}, {"high", Vm::kswapd_high_wmark_hit_quickly}};
constexpr Series kScanners[] = {
    {"kswapd", Vm::pgscan_kswapd},
    {"direct", Vm::pgscan_direct},
    {"khugepaged", Vm::pgscan_khugepaged},
    {"proactive", Vm::pgscan_proactive},
};
constexpr Series kStealers[] = {
    {"kswapd", Vm::pgsteal_kswapd},
    {"direct", Vm::pgsteal_direct},
    {"khugepaged", Vm::pgsteal_khugepaged},
    {"proactive", Vm::pgsteal_proactive},
};
constexpr Series kKinds[] = {{"all", Vm::workingset_refault}, {"anon", Vm::workingset_refault_anon}, {"file", Vm::workingset_refault_file}};

constexpr struct {
  int family;
  std::span<const Series> series;
} kLabelled[] = {{kStalls, kZones}, {kHits, kWatermarks}, {kScanned, kScanners}, {kStolen, kStealers}, {kRefaults, kKinds}};

constexpr struct {
  int family;
  Vm item;
} kPlain[] = {
    {kWakes, Vm::pageoutrun},
    {kCompactStalls, Vm::compact_stall},
    {kCompactFailures, Vm::compact_fail},
    {kCompactSuccesses, Vm::compact_success},
    {kMajorFaults, Vm::pgmajfault},
    {kPageCache, Vm::nr_file_pages},
};

class Reclaim final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    if (const Status status = node.read(kPath, text_); !status) return status;
    Vmstat vmstat;
    if (const Status status = parse_vmstat(text_, vmstat); !status) return status.of(kPath);
    for (const auto& family : kLabelled) {
      const std::string_view label = kFamilies[family.family].labels;
      page.begin(kFamilies[family.family]);
      for (const Series& series : family.series) {
        if (const auto value = vmstat[series.item]) page.sample({{label, series.label}}, *value);
      }
    }
    for (const auto& family : kPlain) {
      if (const auto value = vmstat[family.item]) page.one(kFamilies[family.family], *value);
    }
    const auto inflated = vmstat[Vm::balloon_inflate], deflated = vmstat[Vm::balloon_deflate];
    if (inflated && deflated) page.one(kFamilies[kBalloon], *inflated - std::min(*inflated, *deflated));
    tell_recent(vmstat, page);
    return {};
  }

 private:
  static void tell_recent(const Vmstat& vmstat, Page& page) {
    const auto number = [&](Vm item) { return static_cast<double>(*vmstat[item]); };
    if (const auto stalls = vmstat.direct_stalls()) page.recent("zones_direct_stalls", static_cast<double>(*stalls));
    if (vmstat[Vm::compact_fail]) page.recent("compaction_failures", number(Vm::compact_fail));
    if (vmstat[Vm::pageoutrun]) page.recent("kswapd_runs", number(Vm::pageoutrun));
    if (vmstat[Vm::kswapd_low_wmark_hit_quickly]) page.recent("kswapd_low_hits", number(Vm::kswapd_low_wmark_hit_quickly));
  }

  Bytes text_;
};

constexpr std::string_view kReads[] = {kPath};

}  // namespace

extern const Spec reclaim;
constinit const Spec reclaim = {
    .name = "reclaim",
    .summary = "Reclaim, compaction and page faults (/proc/vmstat)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Reclaim>(); },
};

}  // namespace fencewatch
