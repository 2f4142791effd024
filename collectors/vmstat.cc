#include "collectors/vmstat.h"

#include <iterator>

#include "collectors/key_index.h"
#include "exporter/scan.h"

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
    {"compact_fail", Vm::compact_fail},
    {"compact_stall", Vm::compact_stall},
    {"compact_success", Vm::compact_success},
    {"kswapd_high_wmark_hit_quickly", Vm::kswapd_high_wmark_hit_quickly},
    {"kswapd_low_wmark_hit_quickly", Vm::kswapd_low_wmark_hit_quickly},
    {"nr_file_pages", Vm::nr_file_pages},
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

Status whole(std::string_view text) {
  if (text.empty()) return malformed(1, "the file is empty");
  return scan::complete(text) ? Status{} : malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
}

// `rest` is what stands behind the key that begins at `begin`.
Status read_value(std::string_view text, const char* begin, std::string_view rest, uint64_t& value) {
  return scan::number(scan::trim_left(rest), value) ? Status{} : malformed(scan::line_of(text, begin), "no number behind the key");
}

}  // namespace

Status parse_vmstat(std::string_view text, Vmstat& out) {
  out.clear();
  if (const Status status = whole(text); !status) return status;
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    const char* const begin = line.data();
    const int key = kIndex.find(scan::next_word(line));
    if (key < 0) continue;
    uint64_t value = 0;
    if (const Status status = read_value(text, begin, line, value); !status) return status;
    out.add(kKeys[key].item, value);
  }
  return {};
}

Status find_vmstat(std::string_view text, std::string_view key, std::optional<uint64_t>& out) {
  out.reset();
  if (const Status status = whole(text); !status) return status;
  for (size_t at = 0; (at = text.find(key, at)) != text.npos; at += key.size()) {
    const size_t end = at + key.size();
    if ((at > 0 && text[at - 1] != '\n') || !scan::blank(text[end])) continue;
    uint64_t value = 0;
    const Status status = read_value(text, text.data() + at, text.substr(end, text.find('\n', end) - end), value);
    if (status) out = value;
    return status;
  }
  return {};
}

}  // namespace fencewatch
