#include "collectors/memory/vmstat.h"

#include <iterator>

#include "collectors/memory/key_index.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

struct Key {
  std::string_view name;
  Vm item;
};
// Whole keys only: pgscan_direct_throttle, pgscan_anon, pgsteal_file and their like begin as ours do and count something else.
constexpr Key kKeys[] = {
    {"allocstall", Vm::allocstall},
    {"allocstall_device", Vm::allocstall_device},
    {"allocstall_dma", Vm::allocstall_dma},
    {"allocstall_dma32", Vm::allocstall_dma32},
    {"allocstall_high", Vm::allocstall_high},
    {"allocstall_movable", Vm::allocstall_movable},
    {"allocstall_normal", Vm::allocstall_normal},
    {"balloon_deflate", Vm::balloon_deflate},
    {"balloon_inflate", Vm::balloon_inflate},
    {"compact_fail", Vm::compact_fail},
    {"compact_stall", Vm::compact_stall},
    {"compact_success", Vm::compact_success},
    {"kswapd_high_wmark_hit_quickly", Vm::kswapd_high_wmark_hit_quickly},
    {"kswapd_low_wmark_hit_quickly", Vm::kswapd_low_wmark_hit_quickly},
    {"nr_file_pages", Vm::nr_file_pages},
    {"oom_kill", Vm::oom_kill},
    {"pageoutrun", Vm::pageoutrun},
    {"pgmajfault", Vm::pgmajfault},
    {"pgscan_direct", Vm::pgscan_direct},
    {"pgscan_direct_dma", Vm::pgscan_direct},
    {"pgscan_direct_dma32", Vm::pgscan_direct},
    {"pgscan_direct_high", Vm::pgscan_direct},
    {"pgscan_direct_movable", Vm::pgscan_direct},
    {"pgscan_direct_normal", Vm::pgscan_direct},
    {"pgscan_khugepaged", Vm::pgscan_khugepaged},
    {"pgscan_kswapd", Vm::pgscan_kswapd},
    {"pgscan_kswapd_dma", Vm::pgscan_kswapd},
    {"pgscan_kswapd_dma32", Vm::pgscan_kswapd},
    {"pgscan_kswapd_high", Vm::pgscan_kswapd},
    {"pgscan_kswapd_movable", Vm::pgscan_kswapd},
    {"pgscan_kswapd_normal", Vm::pgscan_kswapd},
    {"pgscan_proactive", Vm::pgscan_proactive},
    {"pgsteal_direct", Vm::pgsteal_direct},
    {"pgsteal_direct_dma", Vm::pgsteal_direct},
    {"pgsteal_direct_dma32", Vm::pgsteal_direct},
    {"pgsteal_direct_high", Vm::pgsteal_direct},
    {"pgsteal_direct_movable", Vm::pgsteal_direct},
    {"pgsteal_direct_normal", Vm::pgsteal_direct},
    {"pgsteal_khugepaged", Vm::pgsteal_khugepaged},
    {"pgsteal_kswapd", Vm::pgsteal_kswapd},
    {"pgsteal_kswapd_dma", Vm::pgsteal_kswapd},
    {"pgsteal_kswapd_dma32", Vm::pgsteal_kswapd},
    {"pgsteal_kswapd_high", Vm::pgsteal_kswapd},
    {"pgsteal_kswapd_movable", Vm::pgsteal_kswapd},
    {"pgsteal_kswapd_normal", Vm::pgsteal_kswapd},
    {"pgsteal_proactive", Vm::pgsteal_proactive},
    {"workingset_refault", Vm::workingset_refault},
    {"workingset_refault_anon", Vm::workingset_refault_anon},
    {"workingset_refault_file", Vm::workingset_refault_file},
};
constexpr KeyIndex<std::size(kKeys)> kIndex(kKeys, [](const Key& key) { return key.name; });

}  // namespace

std::optional<uint64_t> Vmstat::direct_stalls() const {
  std::optional<uint64_t> sum;
  for (const Vm zone : {Vm::allocstall, Vm::allocstall_normal, Vm::allocstall_high, Vm::allocstall_movable, Vm::allocstall_device})
    if (const auto stalls = (*this)[zone]) sum = sum.value_or(0) + *stalls;
  return sum;
}

Status parse_vmstat(std::string_view text, Vmstat& out) {
  out.clear();
  if (text.empty()) return malformed(1, "the file is empty");
  if (!scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
  std::string_view rest = text, line;
  bool any = false;
  while (scan::next_line(rest, line)) {
    const char* const begin = line.data();
    const int key = kIndex.find(scan::next_word(line));
    if (key < 0) continue;
    uint64_t value = 0;
    if (!scan::number(scan::trim_left(line), value)) return malformed(scan::line_of(text, begin), "no number behind the key");
    if (!out.add(kKeys[key].item, value)) return malformed(scan::line_of(text, begin), "the sum of the zones does not fit");
    any = true;
  }
  return any ? Status{} : malformed(1, "none of the keys is known");
}

}  // namespace fencewatch
