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

// Pages that are there and not managed: the firmware's, the kernel's own, a balloon's, those that were counted elsewhere.
int64_t missing(const Zone& zone) { return static_cast<int64_t>(zone.present.value_or(0)) - *zone.managed; }

// Where the phantom pages of `zone` are: as many as pages that were initialised late are in the node's highest populated zone below it. A
// few beside real ones came from where a balloon took them, the zone that misses most.
std::optional<size_t> home_of_phantom(const std::vector<Zone>& zones, size_t zone) {
  const auto same_node = [&](size_t other) { return zones[other].numa_node == zones[zone].numa_node; };
  if (!zones[zone].mostly_phantom()) {
    size_t most = zone;
    for (size_t i = 0; i < zones.size(); ++i)
      if (same_node(i) && missing(zones[i]) > std::max<int64_t>(0, missing(zones[most]))) most = i;
    if (most != zone) return most;
  }
  for (size_t home = zone; home-- > 0 && same_node(home);)
    if (zones[home].populated()) return home;
  return {};
}

// The zones' managed pages with every phantom put back where it belongs. Watermarks::min holds them, modulo 2^64 until all are there.
// False: they cannot be known, as some zone has fewer than none.
bool count_managed(const std::vector<Zone>& zones, std::vector<Watermarks>& out) {
  for (size_t i = 0; i < zones.size(); ++i) {
    const uint64_t phantom = zones[i].phantom();
    out[i].min += static_cast<uint64_t>(*zones[i].managed);
    if (!phantom) continue;
    const auto home = home_of_phantom(zones, i);
    if (!home) continue;
    out[*home].min += phantom;
    out[i].min -= phantom;
  }
  return std::all_of(out.begin(), out.end(), [](const Watermarks& managed) { return static_cast<int64_t>(managed.min) >= 0; });
}

uint64_t min_without_boost(const Zone& zone) {
  const uint64_t min = zone.min.value_or(0);
  return min - std::min(min, zone.boost.value_or(0));
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
  if (!count_managed(zones, out)) return out.clear(), false;
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
  return static_cast<double>(min_without_boost(zone)) / static_cast<double>(expected.min);
}

bool are_outdated(const std::vector<Zone>& zones, const std::vector<Watermarks>& expected) {
  constexpr double kAsComputed = 0.9;
  double printed = 0, due = 0, least = 1;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (zones[i].mostly_phantom()) return false;
    printed += static_cast<double>(min_without_boost(zones[i]));
    due += static_cast<double>(expected[i].min);
    least = std::min(least, honoured_ratio(zones[i], expected[i]).value_or(1));
  }
  return least < kAsComputed && printed >= kAsComputed * due;
}

}  // namespace fencewatch
