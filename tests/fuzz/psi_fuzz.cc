// The parser of /proc/pressure/*. A fault has a line of the text; what is accepted, printed as the kernel does, is read the same.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "collectors/memory/psi.h"

using namespace fencewatch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string line(const char* kind, const std::optional<uint64_t>& total) {
  return total ? std::string(kind) + " avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(*total) + "\n" : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Psi psi, again;
  if (const Status status = parse_psi(text, psi); !status) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
    require(status.code == Code::malformed && status.line >= 1 && status.line <= lines + 1 && !status.text.empty());
    return 0;
  }
  require(text.ends_with('\n') && (psi.some || psi.full));
  const bool parsed = parse_psi(line("some", psi.some) + line("full", psi.full), again).code == Code::ok;
  require(parsed && again.some == psi.some && again.full == psi.full);
  return 0;
}
