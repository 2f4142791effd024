// The parser of /proc/vmstat. A fault has a line of the text; what is accepted stays as it is when lines are added, but for the line's own
// value.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "collectors/memory/vmstat.h"

using namespace fencewatch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const Vmstat& a, const Vmstat& b, Vm but) {
  for (size_t i = 0; i < kVmItems; ++i) {
    const auto item = static_cast<Vm>(i);
    if (item != but && a[item] != b[item]) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Vmstat vmstat, longer;
  if (const Status status = parse_vmstat(text, vmstat); !status) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
    require(status.code == Code::malformed && status.line >= 1 && status.line <= lines + 1 && !status.text.empty());
    return 0;
  }
  require(text.ends_with('\n'));
  const uint64_t scanned = vmstat[Vm::pgscan_kswapd].value_or(0);
  const bool fits = parse_vmstat(text + "pgscan_kswapd_new 9\npgscan_kswapd_normal 7\n", longer).code == Code::ok;
  require(fits == (scanned <= UINT64_MAX - 7));
  if (fits) require(same(vmstat, longer, Vm::pgscan_kswapd) && longer[Vm::pgscan_kswapd] == scanned + 7);
  require(!parse_vmstat(text + "oom_kill x\n", longer) && !parse_vmstat(text + "oom_kill 1", longer));
  return 0;
}
