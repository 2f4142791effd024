#include "collectors/memory/watermarks.h"

#include <algorithm>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr KernelVersion kMovableApart{6, 6};
constexpr uint64_t kSmallestExpected = 64;  // below, a page of rounding is more than 1 %

// managed × scale ÷ 10000 as the kernel's mult_frac() does it: without overflow, rounded as there.
uint64_t mult_frac(uint64_t x, uint64_t numerator, uint64_t denominator) {
  return x / denominator * numerator + x % denominator * numerator / denominator;
}

// Zones whose pages the kernel cannot use for itself get a token min and no share. Movable lies in HighMem where there is one.
bool without_share(const Zone& zone, bool movable_apart, bool has_highmem) {
  return zone.name == "HighMem" || (zone.name == "Movable" && (movable_apart || has_highmem));
}

// The zone's managed pages with every phantom put back into the node's highest populated zone below it. Watermarks::min holds them.
void count_managed(const std::vector<Zone>& zones, std::vector<Watermarks>& out) {
  for (size_t i = 0; i < zones.size(); ++i) {
    const uint64_t phantom = zones[i].phantom();
    out[i].min += *zones[i].managed;
    if (!phantom) continue;
    for (size_t home = i; home-- > 0 && zones[home].numa_node == zones[i].numa_node;) {
      if (!zones[home].populated()) continue;
      out[home].min += phantom;
      out[i].min -= phantom;
      break;
    }
  }
}

}  // namespace

std::optional<KernelVersion> parse_kernel_version(std::string_view text) {
  constexpr std::string_view prefix = "Linux version ";
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  KernelVersion version;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, version.major);
  if (error != std::errc{} || version.major < 0 || dot == end || *dot != '.') return {};
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc{} || version.minor < 0) return {};
  return version;
}

bool movable_is_apart(const std::optional<KernelVersion>& version, const Zoneinfo& zoneinfo) {
  return version ? *version >= kMovableApart : zoneinfo.prints_promo();
}

bool expected_watermarks(const Zoneinfo& zoneinfo, const WatermarkSettings& settings, std::vector<Watermarks>& out) {
  const std::vector<Zone>& zones = zoneinfo.zones;
  out.clear();
  if (settings.page_size < 1024 || !std::all_of(zones.begin(), zones.end(), [](const Zone& zone) { return zone.managed.has_value(); })) {
    return false;
  }
  const bool has_highmem =
      std::any_of(zones.begin(), zones.end(), [](const Zone& zone) { return zone.name == "HighMem" && zone.populated(); });

  out.resize(zones.size());
  count_managed(zones, out);
  uint64_t shared = 0;
  for (size_t i = 0; i < zones.size(); ++i) shared += without_share(zones[i], settings.movable_apart, has_highmem) ? 0 : out[i].min;
  if (!shared) return out.clear(), false;

  const uint64_t pages_min = settings.min_free_kbytes / static_cast<uint64_t>(settings.page_size / 1024);
  for (size_t i = 0; i < zones.size(); ++i) {
    const uint64_t managed = out[i].min;
    const uint64_t share = pages_min * managed / shared;
    uint64_t gap = share / 4;
    if (settings.scale_factor) gap = std::max(gap, mult_frac(managed, *settings.scale_factor, 10000));
    const bool token = without_share(zones[i], settings.movable_apart, has_highmem);
    const uint64_t min = token ? std::clamp<uint64_t>(managed / 1024, 32, 128) : share;
    out[i] = {min, min + gap, min + 2 * gap, min + 3 * gap};
  }
  return true;
}

std::optional<double> honoured_ratio(const Zone& zone, const Watermarks& expected) {
  if (!zone.populated() || !zone.min || expected.min < kSmallestExpected) return {};
  const uint64_t own = *zone.min - std::min(*zone.min, zone.boost.value_or(0));
  return static_cast<double>(own) / static_cast<double>(expected.min);
}

}  // namespace fencewatch
